"""What Zuora says about the documents, added up and compared."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Self

from pydantic import TypeAdapter, model_validator

from bot.domain.key import DocumentKind
from bot.domain.known import MailedAt, NotKnown
from bot.domain.mailing import ByItself
from bot.domain.money import Amount, Money, spoken
from bot.domain.words import changed, count
from bot.operations.kinds import (
    Doubt,
    KindTotals,
    counted_up,
    credited,
    unchecked_differs,
)
from bot.operations.mail_checks import MailChecks
from bot.operations.operation import Facts, Remembering
from bot.zuora.answers import money_of

SHOWN = 5
IN_A_LINE = 500
"""Documents that are written and read together: a few milliseconds."""


class MailDocument(Remembering, frozen=True):
    """One document, as an approver sees it.

    Attributes:
        mailed_at: When Zuora mailed it last. It keeps that for invoices alone. What is not known
            counts as mailed.
        trouble: What makes it wrong to send: `was reversed`.
        unchecked: What of that kind Zuora did not say.
        listed: What Zuora's mail history lists of a memo, for comparing with what it lists later;
            None where it may not be read. Nothing of it is bound: old mails drop out of it.
        bill_to_mail: Whether the bill-to contact has an address; None where it was not read.
        mail_domain: Domain of that address; empty where it is not known, or names are not read.
        more_mail: Whether the account has additional addresses; None where it was not read.
        run: Number of the bill run that made it, which has no effect; empty where there is none.
    """

    kind: DocumentKind
    number: str
    id: str
    status: str
    currency: str | NotKnown
    amount: Decimal | NotKnown
    balance: Decimal | NotKnown
    account_number: str
    account_name: str
    mailed_at: MailedAt
    bill_to_mail: bool | None
    mail_domain: str = ""
    more_mail: bool | None = None
    run: str = ""
    trouble: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None

    @cached_property
    def money(self) -> Amount:
        """Return its total; not known where the amount or the currency is not."""
        return money_of(self.amount, self.currency)

    @property
    def shown(self) -> Amount:
        """Return its amount, below zero for a credit memo."""
        money = self.money
        return credited(self.kind, money) if isinstance(money, Money) else money


class EmailDocumentsFacts(Facts):
    """Documents of one kind or of several, ordered by number.

    Attributes:
        documents: Those that are mailed, with an order for each.
        nobody: Those that were asked for and reach nobody: no order is made for them.
        to_bill_to: Whether the bill-to contacts alone decide who gets them.
        perhaps: Whether a template that the bot cannot see decides if anybody gets them.
        checks: What may keep their mails from going out.
        pdf_file_known: Whether Zuora lists the PDF file that is to be attached among those of the
            memo; None where it was not asked or did not say.
        by_itself: The bill runs of those that show no mail that were made to mail by themselves;
            fixed when a run is made, so no approval need be bound to it.
        runs_unclear: Numbers of those bill runs of which Zuora did not say that.
    """

    documents: tuple[MailDocument, ...]
    nobody: tuple[MailDocument, ...] = ()
    to_bill_to: bool = False
    perhaps: bool = False
    checks: MailChecks = MailChecks()
    pdf_file_known: bool | None = None
    by_itself: tuple[ByItself, ...] = ()
    runs_unclear: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, found: Any) -> Any:
        """Give each document its kind where an older version stored one for the whole list."""
        if not isinstance(found, dict) or "kind" not in found:
            return found
        rest = {name: value for name, value in found.items() if name != "kind"}
        lists = {name: rest[name] for name in ("documents", "nobody") if name in rest}
        kind = {"kind": found["kind"]}
        return {**rest, **{name: [{**kind, **each} for each in lists[name]] for name in lists}}

    def to_text(self) -> str:
        """Return it as JSON; very many documents in several lines, so that no thread is held up for long."""
        if len(self.documents) <= IN_A_LINE:
            return super().to_text()
        parts = (
            _DOCUMENTS.dump_json(self.documents[at : at + IN_A_LINE]).decode()[1:-1]
            for at in range(0, len(self.documents), IN_A_LINE)
        )
        rest = self.model_copy(update={"documents": ()}).model_dump_json()
        before, begin, after = rest.partition(_BEGIN)
        return "\n".join((before + begin, ",\n".join(parts), after))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote, in any version."""
        if "\n" not in text:  # a line's end within a value is written as \\n
            return super().from_text(text)
        before, *parts, after = text.split("\n")
        documents = [
            each
            for part in parts
            for each in _DOCUMENTS.validate_json(f"[{part.removesuffix(',')}]")
        ]
        rest = super().from_text(before + after)
        return rest.model_copy(update={"documents": tuple(documents)})

    @cached_property
    def counted(self) -> tuple[KindTotals, ...]:
        """Return all documents, counted and added up for each kind."""
        return tuple(counted_up((each.kind, each.money) for each in self.documents))

    @cached_property
    def amount_unknown(self) -> tuple[Doubt, ...]:
        """Return those whose amount is not known."""
        return tuple(
            Doubt(number=each.number, words=amount.why)
            for each in self.documents
            if isinstance(amount := each.money, NotKnown)
        )

    @cached_property
    def mailed_before(self) -> tuple[datetime, ...]:
        """Return the mail dates of those that were mailed before, as far as they are known."""
        return tuple(d.mailed_at for d in self.documents if isinstance(d.mailed_at, datetime))

    @cached_property
    def mailed_unknown(self) -> tuple[Doubt, ...]:
        """Return invoices whose mail date is not known: they count as mailed."""
        return tuple(
            Doubt(number=each.number, words=each.mailed_at.why)
            for each in self.documents
            if each.kind == "invoice" and isinstance(each.mailed_at, NotKnown)
        )

    @cached_property
    def mailed_lately(self) -> tuple[str, ...]:
        """Return the numbers of memos for which Zuora's mail history lists a mail in the last day."""
        return tuple(each.number for each in self.documents if each.listed)

    @cached_property
    def trouble(self) -> tuple[Doubt, ...]:
        """Return what is wrong to send."""
        return tuple(
            Doubt(number=each.number, words=words)
            for each in self.documents
            for words in each.trouble
        )

    @cached_property
    def unchecked(self) -> tuple[Doubt, ...]:
        """Return for which documents Zuora does not say whether they are right to send."""
        return tuple(each for document in self.documents for each in _unchecked(document))

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """Return the accounts' numbers, each once, in order."""
        return tuple(sorted({document.account_number for document in self.documents}))

    @cached_property
    def unreachable(self) -> tuple[MailDocument, ...]:
        """Return those whose bill-to contact has no address, mailed or not."""
        everything = (*self.documents, *self.nobody)
        return tuple(document for document in everything if document.bill_to_mail is False)

    def largest(self, most: int) -> tuple[MailDocument, ...]:
        """Return the largest of each currency, whatever the sign; two currencies are not compared."""
        return tuple(each for _, of in self._by_size for each in of[:most])

    @cached_property
    def _by_size(self) -> list[tuple[str, list[MailDocument]]]:
        """Return the documents of each currency whose total is known, the largest first."""
        known = [(d.money, d) for d in self.documents]
        found = [(money, d) for money, d in known if isinstance(money, Money)]
        found.sort(key=lambda each: (-abs(each[0].amount), each[1].number))
        of: dict[str, list[MailDocument]] = {}
        for money, document in found:
            of.setdefault(money.currency, []).append(document)
        return sorted(of.items())

    def named(self, number: str) -> MailDocument | None:
        """Return the document with that number."""
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> dict[str, MailDocument]:
        return {document.number: document for document in self.documents}

    def material(self) -> list[list[Any]]:
        """Return what an approval is bound to; not balances and names, which have no effect."""
        return [
            [d.number, d.id, d.status, d.currency, d.amount, d.mailed_at, d.trouble]
            + [d.unchecked] * bool(d.unchecked)
            for d in self.documents
        ]

    def left_out(self) -> dict[str, list[str]]:
        """Return the documents that reach nobody, for which no order is made."""
        if not self.nobody and not self.to_bill_to:
            return {}
        return {"left_out": [document.number for document in self.nobody]}

    def differs(self, now: "EmailDocumentsFacts") -> list[str]:
        """Return what changed between this and now, in words."""
        later = {document.number: document for document in now.documents}
        before = {document.number for document in self.documents}
        without, now_without = ({each.number for each in facts.nobody} for facts in (self, now))
        found = [
            words
            for document in self.documents
            if document.number not in now_without and later.get(document.number) != document
            for words in changes(document, later.get(document.number))
        ]
        found += [
            f"{number} {'has a mail address now' if number in without else 'was not among them'}"
            for number in later
            if number not in before
        ]
        found += [
            f"the bill-to contact of {number} has no address now"
            for number in sorted(now_without - without)
        ]
        found += self.checks.differs(now.checks)
        if len(found) > SHOWN:
            found = [*found[:SHOWN], f"{count(len(found) - SHOWN, 'further change')}"]
        return found


_DOCUMENTS = TypeAdapter(tuple[MailDocument, ...])
_BEGIN = '"documents":['


def changes(before: MailDocument, now: MailDocument | None, *, mailed: bool = True) -> list[str]:
    """Return what changed about one document, in words; with `mailed`, also that it was mailed meanwhile."""
    if now is None:
        return [f"{before.number} is no longer there"]
    found = []
    if before.id != now.id:
        found.append(f"{before.number} is another document now")
    found += changed(before.number, before.status, now.status)
    if before.money != now.money:
        found += changed(before.number, spoken(before.money), spoken(now.money))
    if mailed and (before.mailed_at != now.mailed_at or _more_listed(before, now)):
        found.append(f"{before.number} was mailed meanwhile")
    if before.listed is not None and now.listed is None:
        found.append(f"Zuora's mail history of {before.number} can no longer be read")
    found += [f"{before.number} {words}" for words in now.trouble if words not in before.trouble]
    found += unchecked_differs(_unchecked(before), _unchecked(now))
    found += [
        f"{before.number} {words} then, but not now"
        for words in before.trouble
        if words not in now.trouble
    ]
    return found


def _unchecked(document: MailDocument) -> list[Doubt]:
    return [Doubt(number=document.number, words=words) for words in document.unchecked]


def _more_listed(before: MailDocument, now: MailDocument) -> bool:
    """Return whether the mail history lists a mail that it did not list before."""
    return before.listed is not None and more(before.listed, now.listed or ())


def more(before: Sequence[str], now: Sequence[str]) -> bool:
    """Return whether the later list holds more than the earlier one, each entry counted."""
    return bool(Counter(now) - Counter(before))
