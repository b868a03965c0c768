"""Documents counted and added up per kind and currency."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel

from bot.domain.key import KIND_WORDS, DocumentKind
from bot.domain.money import Money, in_words, totals
from bot.domain.words import count
from bot.zuora.answers import BillingDocument


class SingleDocument(NamedTuple):
    """One document: its number, and its total as Zuora writes it."""

    number: str
    kind: DocumentKind
    amount: Money


class KindTotals(BaseModel, frozen=True):
    """One kind of documents: how many, and how much in each currency."""

    kind: DocumentKind
    count: int
    totals: tuple[Money, ...]

    @property
    def label(self) -> str:
        """`Invoices`."""
        return KIND_WORDS[self.kind][1].capitalize()

    @property
    def figures(self) -> str:
        """`312 · EUR 88,120.00 · USD 1,204,310.25`."""
        return f"{self.count:,} · {in_words(self.totals)}"

    @property
    def words(self) -> str:
        """`312 invoices for EUR 88,120.00 · USD 1,204,310.25`."""
        return f"{count(self.count, *KIND_WORDS[self.kind])} for {in_words(self.totals)}"


def kinds_of(documents: Iterable[BillingDocument]) -> Iterable[KindTotals]:
    """Each kind that occurs, counted and added up."""
    documents = tuple(documents)
    for kind in KIND_WORDS:
        amounts = [Money(d.currency, d.amount) for d in documents if d.kind == kind]
        if amounts:
            yield KindTotals(kind=kind, count=len(amounts), totals=totals(amounts))
