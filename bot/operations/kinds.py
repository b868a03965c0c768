"""Documents, counted and added up per kind and currency."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from heapq import nsmallest
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from pydantic import BaseModel

from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.known import NotKnown
from bot.domain.money import Amount, Money, apart, in_words
from bot.domain.words import count, listed, named
from bot.zuora.answers import BillingDocument


class SingleDocument(NamedTuple):
    """One document: its number, and its total as Zuora writes it."""

    number: str
    kind: DocumentKind
    amount: Amount


class Doubt(BaseModel, frozen=True):
    """One document, and what about it is not known or is wrong."""

    number: str
    words: str

    def __str__(self) -> str:
        """Return `INV00000012 (empty)`."""
        return f"{self.number} ({self.words})"


class KindTotals(BaseModel, frozen=True):
    """One kind of documents: how many, and how much in each currency.

    Attributes:
        totals: For each currency the sum above zero and the sum below it.
        not_known: How many have an unknown amount; they are in none of the totals.
    """

    kind: DocumentKind
    count: int
    totals: tuple[Money, ...]
    not_known: int = 0

    @property
    def label(self) -> str:
        """Return `Invoices`."""
        return KIND_WORDS[self.kind][1].capitalize()

    @property
    def figures(self) -> str:
        """Return `312 · EUR 88,120.00 · USD 1,204,310.25`; credit memos below zero."""
        return f"{self.count:,} · {self._sums}"

    @property
    def words(self) -> str:
        """Return `312 invoices for EUR 88,120.00 · USD 1,204,310.25`."""
        joined = "for" if self.totals or not self.not_known else "with"
        return f"{count(self.count, *KIND_WORDS[self.kind])} {joined} {self._sums}"

    @property
    def _sums(self) -> str:
        unknown = f"{count(self.not_known, 'amount')} not known"
        sums = (credited(self.kind, each) for each in self.totals)
        known = [in_words(sums)] if self.totals or not self.not_known else []
        return " · ".join([*known, *([unknown] if self.not_known else [])])


def kinds_of(documents: Iterable[BillingDocument]) -> Iterable[KindTotals]:
    """Return each kind that occurs, counted and added up."""
    return counted_up((document.kind, document.money) for document in documents)


def counted_up(amounts_by_kind: Iterable[tuple[DocumentKind, Amount]]) -> Iterable[KindTotals]:
    """Yield each kind that occurs, counted and added up from pairs of kind and amount."""
    found: dict[DocumentKind, list[Amount]] = {}
    for kind, amount in amounts_by_kind:
        found.setdefault(kind, []).append(amount)
    for kind in KIND_WORDS:
        if amounts := found.get(kind, []):
            known = [each for each in amounts if isinstance(each, Money)]
            yield KindTotals(
                kind=kind,
                count=len(amounts),
                totals=apart(known),
                not_known=len(amounts) - len(known),
            )


def amounts_of(kinds: Iterable[KindTotals]) -> tuple[Money, ...] | None:
    """Return every total as people read it, kind by kind; None if an amount is not known."""
    kinds = tuple(kinds)
    if any(kind.not_known for kind in kinds):
        return None
    return tuple(credited(kind.kind, money) for kind in kinds for money in kind.totals)


def amounts_unknown(documents: Iterable[BillingDocument]) -> tuple[Doubt, ...]:
    """Return the documents whose amount is not known, and why."""
    return _by_number(
        Doubt(number=document.number, words=amount.why)
        for document in documents
        if isinstance(amount := document.money, NotKnown)
    )


def trouble_of(documents: Iterable[BillingDocument]) -> tuple[Doubt, ...]:
    """Return the documents that are wrong to send, and why."""
    return _by_number(
        Doubt(number=document.number, words=words)
        for document in documents
        for words in document.trouble
    )


def unchecked_of(documents: Iterable[BillingDocument]) -> tuple[Doubt, ...]:
    """Return the documents for which Zuora did not say whether they are right to send, and what it left out."""
    return _by_number(
        Doubt(number=document.number, words=words)
        for document in documents
        for words in document.unchecked
    )


def _by_number(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    return tuple(sorted(doubts, key=lambda doubt: doubt.number))


def trouble_differs(before: Sequence[Doubt], now: Sequence[Doubt]) -> list[str]:
    """Return what has become wrong to send, and what no longer is: `INV00000012 was reversed`."""
    found = [f"{each.number} {each.words}" for each in now if each not in before]
    gone = [f"{each.number} {each.words} then, but not now" for each in before if each not in now]
    return found + gone


def unchecked_differs(before: Sequence[Doubt], now: Sequence[Doubt]) -> list[str]:
    """Return what Zuora no longer says, and what it did not say before."""
    gone = [each for each in now if each not in before]
    now_known = [each for each in before if each not in now]
    return [
        *(f"Zuora no longer says for {each.number} whether {each.words}" for each in gone),
        *(f"Zuora now says for {each.number} whether {each.words}" for each in now_known),
    ]


def credited(kind: DocumentKind, money: Money) -> Money:
    """Return an amount as people read it: below zero for a credit memo, which Zuora writes as positive."""
    return Money(money.currency, -abs(money.amount)) if kind == "credit_memo" else money


def is_negative(amount: Amount) -> bool:
    """Return whether the amount is known to be below zero."""
    return isinstance(amount, Money) and amount.amount < 0


class Largest(BaseModel, frozen=True):
    """One of the largest documents.

    Attributes:
        number: The document's.
        customer: Name of the customer, or number of the account; empty in older requests.
        amount: Its total; below zero for a credit memo.
    """

    number: str
    customer: str = ""
    amount: Money

    def __str__(self) -> str:
        """Return `Northwind Ltd USD 88,000.00`."""
        return f"{named(self.customer or self.number)} {self.amount}"


def largest_of(documents: Iterable[BillingDocument], most: int) -> tuple[Largest, ...]:
    """Return the largest of each currency, whatever their sign."""
    found: dict[str, list[tuple[Decimal, str, Money, BillingDocument]]] = {}
    for one in documents:
        if isinstance(money := one.money, Money):
            found.setdefault(money.currency, []).append(
                (-abs(money.amount), one.number, money, one)
            )
    return tuple(
        Largest(number=number, customer=one.customer_name, amount=credited(one.kind, money))
        for currency in sorted(found)
        for _, number, money, one in nsmallest(most, found[currency], key=itemgetter(0, 1))
    )


def first_of_each(largest: Iterable[Largest], most: int) -> tuple[Largest, ...]:
    """Return the first few of each currency, from a list ordered by currency."""
    by_currency = groupby(largest, key=lambda one: one.amount.currency)
    return tuple(one for _, same in by_currency for one in islice(same, most))


def money_of(kinds: Iterable[KindTotals]) -> str:
    """Return `USD 1,204,310.25 · EUR 88,120.00 (298 invoices) · USD -1,200.00 (4 credit memos)`."""
    found = [f"{_signed(kind)} ({count(kind.count, *KIND_WORDS[kind.kind])})" for kind in kinds]
    return " · ".join(found) or "no documents"


def _signed(kind: KindTotals) -> str:
    totals = [credited(kind.kind, money) for money in kind.totals]
    unknown = [f"{count(kind.not_known, 'amount')} not known"] if kind.not_known else []
    return " · ".join([*([in_words(totals)] if totals else []), *unknown])


def several(kinds: Iterable[KindTotals]) -> str:
    """Return `294 invoices and 4 credit memos`."""
    return in_kinds(kind.kind for kind in kinds for _ in range(kind.count))


def in_kinds(of: Iterable[DocumentKind]) -> str:
    """Return `294 invoices and 4 credit memos` from the kind of each document."""
    counted = Counter(of)
    return listed([count(counted[each], *KIND_WORDS[each]) for each in KIND_WORDS if counted[each]])


def counted_in_kinds(kinds: Iterable[KindTotals]) -> str:
    """Return `312 invoices and 4 credit memos` from counted kinds."""
    return listed([count(each.count, *KIND_WORDS[each.kind]) for each in kinds])
