"""What Zuora says about the documents, added up and compared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from pydantic import Field, model_validator

from bot.domain.mailing import ByItself
from bot.domain.money import spoken
from bot.domain.words import changed, count
from bot.operations.email_documents.apart import (
    DOCUMENTS,
    IN_A_PART,
    Apart,
    ByNumber,
    packed_in_parts,
)
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.totals import Totals
from bot.operations.kinds import unchecked_differs
from bot.operations.mail_checks import UNSEEN, MailChecks
from bot.operations.stored import Facts

SHOWN = 5
A_FEW = 20
"""Up to this many documents, each invoice is looked for in Zuora's mail history, which takes a call for each."""


class EmailDocumentsFacts(Facts):
    """Documents of one kind or of several, ordered by number.

    Attributes:
        documents: The documents that are mailed, with an order for each.
        nobody: The documents that were asked for but reach nobody, so no order is made for them.
        to_bill_to: Whether only the bill-to contacts decide who gets them.
        perhaps: Whether a template that the bot cannot see decides if anybody gets them.
        checks: What may keep their mails from going out.
        pdf_file_known: Whether Zuora lists the PDF file to attach among those of the memo; None if
            it was not asked or did not say.
        by_itself: What Zuora mails without an order, of documents that show no mail: bill runs, and documents that
            no run made and that were posted lately. No approval need be bound to it, because the request does not
            begin while that mail may come.
        perhaps_by_itself: Numbers of those that were posted lately, and of which Zuora does not say whether that mailed.
        runs_unclear: Numbers of bill runs for which Zuora did not say that.
        shown: What is shown of the documents together, if they are stored apart; None: they are
            counted.
    """

    documents: tuple[MailDocument, ...]
    nobody: tuple[MailDocument, ...] = ()
    to_bill_to: bool = False
    perhaps: bool = False
    checks: MailChecks = MailChecks()
    pdf_file_known: bool | None = None
    by_itself: tuple[ByItself, ...] = ()
    perhaps_by_itself: tuple[str, ...] = ()
    runs_unclear: tuple[str, ...] = ()
    shown: Totals | None = Field(default=None, exclude_if=lambda shown: shown is None)

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, found: Any) -> Any:
        """Give each document its kind if an older version stored one kind for the whole list."""
        if not isinstance(found, dict) or "kind" not in found:
            return found
        rest = {name: value for name, value in found.items() if name != "kind"}
        lists = {name: rest[name] for name in ("documents", "nobody") if name in rest}
        kind = {"kind": found["kind"]}
        return {**rest, **{name: [{**kind, **each} for each in lists[name]] for name in lists}}

    def to_store(self) -> tuple[str, tuple[bytes, ...]]:
        """Return JSON and packed parts. Very many documents go into the parts; the JSON then has their hashes and totals."""
        if len(self.documents) <= IN_A_PART:
            return super().to_store()
        hashes, packed = packed_in_parts(self.documents)
        row = self.model_copy(update={"apart": hashes, "documents": (), "shown": self.totals})
        return row.model_dump_json(), packed

    @classmethod
    def stored(cls, text: str, packed: Sequence[bytes] = ()) -> Self:
        """Read what `to_store` made, also in an older version, which wrote documents in lines of their own."""
        if packed:
            found = cls.model_validate_json(text)
            apart: Any = Apart(
                packed, found.totals.number
            )  # not a tuple, so that it is never written
            return found.model_copy(update={"documents": apart})
        if "\n" not in text:  # a line's end within a value is written as \\n
            return super().stored(text)
        before, *parts, after = text.split("\n")
        documents = [
            each
            for part in parts
            for each in DOCUMENTS.validate_json(f"[{part.removesuffix(',')}]")
        ]
        rest = super().stored(before + after)
        return rest.model_copy(update={"documents": tuple(documents)})

    @cached_property
    def totals(self) -> Totals:
        """Return what is shown of the documents together."""
        return self.shown or Totals.of(self.documents, self.nobody)

    @property
    def one(self) -> MailDocument | None:
        """Return the only document; None if there are several."""
        return self.documents[0] if len(self.documents) == 1 else None

    def is_looked_for(self, document: MailDocument) -> bool:
        """Return whether Zuora's mail history is read for it: for each memo, and for an invoice of a few documents."""
        return document.kind != "invoice" or len(self.documents) <= A_FEW

    def named(self, number: str) -> MailDocument | None:
        """Return the document with that number."""
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> Mapping[str, MailDocument]:
        if isinstance(self.documents, Apart):
            return ByNumber(self.documents)
        return {document.number: document for document in self.documents}

    def material(self) -> list[list[Any]]:
        """Return what an approval is bound to, without balances and names, which have no effect."""
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

    def differs(self, now: "EmailDocumentsFacts", *, again: bool = False) -> list[str]:
        """Return what changed between this and now, in words; with `again`, mails of before do not matter."""
        later = {document.number: document for document in now.documents}
        before = {document.number for document in self.documents}
        without, now_without = ({each.number for each in facts.nobody} for facts in (self, now))
        found = [
            words
            for document in self.documents
            if document.number not in now_without and later.get(document.number) != document
            for words in changes(document, later.get(document.number), again=again)
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


def changes(
    before: MailDocument, now: MailDocument | None, *, mailed: bool = True, again: bool = False
) -> list[str]:
    """Return in words what changed about one document.

    Args:
        before: The document as it was asked for.
        now: As it is; None: it is no longer there.
        mailed: Whether to say also that it was mailed meanwhile.
        again: Whether mailing again was asked for, so that a mail of before does not matter.
    """
    if now is None:
        return [f"{before.number} is no longer there"]
    found = []
    if before.id != now.id:
        found.append(f"{before.number} is another document now")
    found += changed(before.number, before.status, now.status)
    if before.money != now.money:
        found += changed(before.number, spoken(before.money), spoken(now.money))
    if mailed and (before.mailed_at != now.mailed_at or more_listed(before, now)):
        found.append(f"{before.number} was mailed meanwhile")
    elif mailed and not again and _unseen(before, now):
        found.append(UNSEEN.format(before.number))
    if before.kind != "invoice" and before.listed is not None and now.listed is None:
        found.append(f"Zuora's mail history of {before.number} can no longer be read")
    found += [f"{before.number} {words}" for words in now.trouble if words not in before.trouble]
    found += unchecked_differs(before.doubts, now.doubts)
    found += [
        f"{before.number} {words} then, but not now"
        for words in before.trouble
        if words not in now.trouble
    ]
    return found


def more_listed(before: MailDocument, now: MailDocument) -> bool:
    """Return whether the mail history lists a mail that it did not list before."""
    return before.listed is not None and more(before.listed, now.listed or ())


def _unseen(before: MailDocument, now: MailDocument) -> bool:
    """Return whether a mail is listed that neither a mail date showed nor the history, which could not be read."""
    return before.listed is None and bool(now.listed) and not isinstance(now.mailed_at, datetime)


def more(before: Sequence[str], now: Sequence[str]) -> bool:
    """Return whether the later list has an entry more often than the earlier one."""
    return bool(Counter(now) - Counter(before))
