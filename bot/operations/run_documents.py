"""The documents of a bill run as facts: counted, added up per currency, and compared."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Self

from pydantic import BaseModel, Field
from typing_extensions import override

from bot.domain.digest import canonical
from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.known import MailedAt, NotKnown
from bot.domain.listed import Listed
from bot.domain.mailing import Mailing, Reached, Way
from bot.domain.money import Money
from bot.domain.words import changed, count, some
from bot.operations.kinds import (
    Doubt,
    KindTotals,
    Largest,
    amounts_of,
    amounts_unknown,
    is_negative,
    kinds_of,
    largest_of,
    trouble_differs,
    trouble_of,
    unchecked_differs,
    unchecked_of,
)
from bot.operations.listing import listed_of, mailed_at, shown_at
from bot.operations.stored import Facts
from bot.zuora.agreement import is_counted
from bot.zuora.answers import BillingDocument, BillRun

LARGEST = 10
"""How many of the largest documents are kept for each currency."""


class DocumentsFacts(BaseModel, frozen=True):
    """Documents, counted and added up.

    Attributes:
        posted: How many are posted; only those can be mailed (page *Email billing documents
            generated from a bill run*).
        mailed_before: How many posted documents were mailed at least once, or may have been.
        last_mailed_at: The latest known mail date.
        mailed_unknown: Those for which it is not known when or whether they were mailed.
        amount_unknown: Those whose amount is not known, which counts as above every limit.
        trouble: Posted documents that are still wrong to send: reversed, or with a failed
            e-invoice.
        unchecked: Posted documents for which Zuora did not say whether they are right to send.
        counted: Whether Zuora itself says how many documents there are.
        zero, negative: How many posted documents have a total of zero, and below zero.
        unreachable: Name and number of accounts of posted documents whose bill-to contact has no
            mail address. The template decides who is mailed, so no approval is bound to this.
        address_unknown: Accounts for which Zuora does not say whether that contact has an address.
        each: SHA-256 (hex) over every document, so that no single change hides behind equal sums.
        kept: Whether what that hash is of is stored with a request, for auditors; not in older requests.
    """

    kinds: tuple[KindTotals, ...]
    posted: int
    not_posted: int
    mailed_before: int
    last_mailed_at: datetime | None
    zero: int
    negative: int
    largest: tuple[Largest, ...]
    unreachable: tuple[str, ...] = ()
    address_unknown: tuple[str, ...] = ()
    mailed_unknown: tuple[Doubt, ...] = ()
    amount_unknown: tuple[Doubt, ...] = ()
    trouble: tuple[Doubt, ...] = ()
    unchecked: tuple[Doubt, ...] = ()
    counted: bool = True
    each: str
    kept: bool = Field(default=False, exclude_if=lambda kept: not kept)

    @property
    def never_mailed(self) -> int:
        """Return how many posted documents Zuora plainly shows as never mailed."""
        return self.posted - self.mailed_before

    @property
    def amounts(self) -> tuple[Money, ...] | None:
        """Return every total, kind by kind; None if an amount is not known."""
        return amounts_of(self.kinds)

    @classmethod
    def of(cls, documents: Sequence[BillingDocument], run: BillRun, lines: str) -> Self:
        """Count and add up, per kind and currency; `lines` are those of `lines_of`.

        Zuora keeps a mail date only for invoices. A credit memo counts as mailed when its bill run
        was, because the order to mail a run covers both kinds.
        """
        posted = [document for document in documents if document.status == "Posted"]
        mailed = {d.number: at for d in posted if (at := mailed_at(d, run)) is not None}
        return cls(
            kinds=tuple(kinds_of(documents)),
            posted=len(posted),
            not_posted=len(documents) - len(posted),
            mailed_before=len(mailed),
            last_mailed_at=max(
                (at for at in mailed.values() if isinstance(at, datetime)), default=None
            ),
            mailed_unknown=tuple(
                Doubt(number=number, words=at.why)
                for number, at in sorted(mailed.items())
                if isinstance(at, NotKnown)
            ),
            amount_unknown=amounts_unknown(documents),
            trouble=trouble_of(posted),
            unchecked=unchecked_of(posted),
            counted=is_counted(run, documents),
            zero=sum(1 for d in posted if d.amount == 0),
            negative=sum(1 for d in posted if is_negative(d.money)),
            largest=largest_of(posted, LARGEST),
            unreachable=tuple(sorted({d.customer for d in posted if d.bill_to_mail is False})),
            address_unknown=tuple(
                sorted({d.customer or d.number for d in posted if d.bill_to_mail is None})
            ),
            each=hashlib.sha256(lines.encode()).hexdigest(),
            kept=True,
        )

    def differs(self, now: "DocumentsFacts") -> list[str]:
        """Return what changed between these documents and today's, in words."""
        found = [
            f"{_kind_words(before, kind)} then, {_kind_words(after, kind)} now"
            for kind in KIND_WORDS
            if (before := _totals_of(self, kind)) != (after := _totals_of(now, kind))
        ]
        if self.not_posted != now.not_posted:
            found.append(
                f"{count(self.not_posted, 'document')} not posted then, {now.not_posted:,} now"
            )
        if (self.mailed_before, self.last_mailed_at) != (now.mailed_before, now.last_mailed_at):
            found.append(
                f"{count(self.mailed_before, 'document')} mailed before then, "
                f"{count(now.mailed_before, 'document')} now"
            )
        if changed := [
            each.number for each in now.mailed_unknown if each not in self.mailed_unknown
        ]:
            found.append(f"{some(changed)} may have been mailed meanwhile")
        found += trouble_differs(self.trouble, now.trouble)
        found += unchecked_differs(self.unchecked, now.unchecked)
        if not found and self.each != now.each:
            found.append(SINGLE)
        return found


class RunFacts(Facts):
    """A bill run and its documents.

    Attributes:
        reached: Every document, as just read. It is not stored with the facts, because what a
            request can mail has its own table.
        listed: The same in words, the largest first; it is not stored with the facts either.
        lines: What an auditor can add up, a line for each document; it is stored beside the facts, which hold its hash.
        mailed_at: When the run as a whole was mailed last; a mail of a single document does not
            change it.
    """

    run_id: str
    number: str
    name: str
    status: str
    target_date: date | None
    invoice_date: date | None
    documents: DocumentsFacts
    reached: tuple[Reached, ...] = Field(default=(), exclude=True, repr=False)
    listed: tuple[Listed, ...] = Field(default=(), exclude=True, repr=False)
    lines: str = Field(default="", exclude=True, repr=False)
    mailed_at: MailedAt = NotKnown("not read")

    @classmethod
    def of(cls, documents: Sequence[BillingDocument], /, run: BillRun, **more: Any) -> Self:
        """Make the facts from Zuora's answers; `more` are the other fields of a subclass."""
        lines = lines_of(documents)
        return cls(
            **more,
            run_id=run.id,
            number=run.number,
            name=run.name,
            status=run.status,
            target_date=run.target_date,
            invoice_date=run.invoice_date,
            documents=DocumentsFacts.of(documents, run, lines),
            lines=lines,
            mailed_at=run.last_emailed_at,
            listed=listed_of(documents, run),
            reached=tuple(
                Reached(
                    number=each.number,
                    id=each.id,
                    account=each.account_number or each.account_id,
                    run=run.number,
                    status=each.status,
                    shown=shown_at(mailed_at(each, run)),
                )
                for each in documents
            ),
        )

    @override
    def beside(self) -> str | None:
        """Return a line for each document."""
        return self.lines

    def mailings(self, way: Way, reached: Iterable[Reached]) -> tuple[Mailing, ...]:
        """Return some of its documents as mailings of one call about the run."""
        return tuple(
            Mailing(self.number, way, each.number, each.id, each.account, each.run, each.shown)
            for each in reached
        )

    def material(self) -> dict[str, Any]:
        """Return what an approval is bound to, without the run's name, which has no effect."""
        documents = self.documents
        return {
            "run_id": self.run_id,
            "number": self.number,
            "status": self.status,
            "target_date": self.target_date,
            "invoice_date": self.invoice_date,
            "mailed_before": documents.mailed_before,
            "last_mailed_at": documents.last_mailed_at,
            "mailed_unknown": [str(each) for each in documents.mailed_unknown],
            "each": documents.each,
        }

    def differs(self, now: "RunFacts") -> list[str]:
        """Return what changed between this and now, in words."""
        found = []
        if (self.run_id, self.number) != (now.run_id, now.number):
            found.append(f"{self.number} is another bill run now")
        return [
            *found,
            *changed("the bill run", self.status, now.status),
            *changed("the target date", self.target_date, now.target_date),
            *changed("the invoice date", self.invoice_date, now.invoice_date),
            *self.documents.differs(now.documents),
        ]


def _totals_of(facts: DocumentsFacts, kind: str) -> KindTotals | None:
    return next((totals for totals in facts.kinds if totals.kind == kind), None)


def _kind_words(kind_totals: KindTotals | None, kind: DocumentKind) -> str:
    return kind_totals.words if kind_totals else f"no {KIND_WORDS[kind][1]}"


SINGLE = "single documents changed, though counts and totals are the same"
"""Said if nothing else differs, but something bound about a document does."""


def lines_of(documents: Iterable[BillingDocument]) -> str:
    """Return a line for each document: its kind, number, currency, amount, status and what is wrong with it."""
    return "\n".join(
        sorted(
            canonical(
                [d.kind, d.number, d.currency, d.amount, d.status, d.trouble]
                + [d.unchecked] * bool(d.unchecked)
            )
            for d in documents
        )
    )
