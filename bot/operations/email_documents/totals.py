"""What is shown of documents together, counted once; for very many it is stored with the request."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from heapq import nsmallest
from typing import Self

from bot.domain.kind import DocumentKind
from bot.domain.known import NotKnown
from bot.domain.money import Money
from bot.operations.email_documents.document import MailDocument
from bot.operations.kinds import Doubt, KindTotals, counted_up, is_negative
from bot.operations.stored import Remembering

MOST_LARGEST = 3
"""How many of the largest are kept for each currency."""


class Totals(Remembering, frozen=True):
    """Documents that are mailed, together.

    Attributes:
        counted: All of them, counted and added up for each kind.
        customers: How many accounts they belong to.
        amount_unknown: Those whose amount is not known.
        mailed_before: How many are known to have been mailed before.
        mailed_last: When the last of those was mailed.
        mailed_unknown: Invoices whose mail date is not known; they count as mailed.
        mailed_lately: Numbers of documents without a mail date for which Zuora's mail history lists a mail of the last day.
        trouble: Which are wrong to send, and why.
        unchecked: For which Zuora does not say whether they are right to send.
        unreachable: Those whose bill-to contact has no address, mailed or not.
        contacts_unknown: For how many Zuora did not say whether that contact has an address.
        largest: The largest of each currency, whatever their sign.
        zero, negative: How many have a total of zero, and below zero.
        kind_of: The kind, by number, of each document that is not of the first kind in `counted`.
    """

    counted: tuple[KindTotals, ...]
    customers: int
    amount_unknown: tuple[Doubt, ...]
    mailed_before: int
    mailed_last: datetime | None
    mailed_unknown: tuple[Doubt, ...]
    mailed_lately: tuple[str, ...]
    trouble: tuple[Doubt, ...]
    unchecked: tuple[Doubt, ...]
    unreachable: tuple[MailDocument, ...]
    contacts_unknown: int
    largest: tuple[MailDocument, ...]
    zero: int
    negative: int
    kind_of: Mapping[str, DocumentKind]

    @classmethod
    def of(cls, documents: Sequence[MailDocument], nobody: Sequence[MailDocument]) -> Self:
        """Count the documents; `nobody` are those that are not mailed because they reach nobody."""
        counted = tuple(counted_up((each.kind, each.money) for each in documents))
        dates = [each.mailed_at for each in documents if isinstance(each.mailed_at, datetime)]
        return cls(
            counted=counted,
            customers=len({each.account_number for each in documents}),
            amount_unknown=tuple(
                Doubt(number=each.number, words=amount.why)
                for each in documents
                if isinstance(amount := each.money, NotKnown)
            ),
            mailed_before=len(dates),
            mailed_last=max(dates, default=None),
            mailed_unknown=tuple(
                Doubt(number=each.number, words=each.mailed_at.why)
                for each in documents
                if each.kind == "invoice" and isinstance(each.mailed_at, NotKnown)
            ),
            mailed_lately=tuple(
                each.number
                for each in documents
                if each.listed and not isinstance(each.mailed_at, datetime)
            ),
            trouble=tuple(
                Doubt(number=each.number, words=words)
                for each in documents
                for words in each.trouble
            ),
            unchecked=tuple(doubt for each in documents for doubt in each.doubts),
            unreachable=tuple(each for each in (*documents, *nobody) if each.bill_to_mail is False),
            contacts_unknown=sum(each.bill_to_mail is None for each in documents),
            largest=tuple(each for of in by_size(documents, MOST_LARGEST).values() for each in of),
            zero=sum(each.amount == 0 for each in documents),
            negative=sum(is_negative(each.money) for each in documents),
            kind_of={each.number: each.kind for each in documents if each.kind != counted[0].kind},
        )

    @property
    def number(self) -> int:
        """Return how many there are."""
        return sum(each.count for each in self.counted)


def by_size(documents: Sequence[MailDocument], most: int) -> dict[str, list[MailDocument]]:
    """Return up to so many documents with a known total of each currency, the largest first."""
    of: dict[str, list[MailDocument]] = {}
    for each in documents:
        if isinstance(money := each.money, Money):
            of.setdefault(money.currency, []).append(each)
    # not sorted, for which the sums of all of them would be in memory together
    return {currency: nsmallest(most, of[currency], key=_by_size) for currency in sorted(of)}


def _by_size(document: MailDocument) -> tuple[Decimal, str]:
    money = document.money
    return (-abs(money.amount) if isinstance(money, Money) else Decimal(0), document.number)
