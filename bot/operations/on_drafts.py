"""The drafts of a bill run, and what the operations share that make them final or discard them. No I/O."""

from collections.abc import Sequence
from typing import ClassVar, Self, TypeVar

from pydantic import BaseModel
from typing_extensions import override

from bot.domain.check import Check
from bot.domain.listed import Listed
from bot.domain.money import Money
from bot.domain.words import Line, count, line, listed
from bot.operations import doubts
from bot.operations.beginning import Followed
from bot.operations.kinds import (
    Doubt,
    KindTotals,
    amounts_of,
    amounts_unknown,
    is_negative,
    kinds_of,
    largest_of,
    several,
)
from bot.operations.on_run import OnRun, R
from bot.operations.run_documents import RunFacts
from bot.operations.stored import Facts
from bot.zuora.answers import BillingDocument

DRAFT = "Draft"
SHOWN_LARGEST = 3


class Drafts(BaseModel, frozen=True):
    """Drafts, counted and added up per kind and currency.

    Attributes:
        zero, negative: How many drafts have a total of zero, and below zero. Zuora writes a credit
            memo's total as a positive amount, so it is never among the negative ones.
        largest: The largest of each currency, as `Northwind Ltd USD 250.50`.
        amount_unknown: Those whose amount is not known.
        customers: How many accounts they belong to; 0 in older requests, which did not count them.
    """

    kinds: tuple[KindTotals, ...]
    count: int
    zero: int
    negative: int
    largest: tuple[str, ...]
    amount_unknown: tuple[Doubt, ...] = ()
    customers: int = 0

    @classmethod
    def of(cls, documents: Sequence[BillingDocument]) -> Self:
        """Count and add up the drafts among them."""
        drafts = drafts_among(documents)
        return cls(
            kinds=tuple(kinds_of(drafts)),
            count=len(drafts),
            zero=sum(1 for d in drafts if d.amount == 0),
            negative=sum(1 for d in drafts if is_negative(d.money)),
            largest=tuple(map(str, largest_of(drafts, SHOWN_LARGEST))),
            amount_unknown=amounts_unknown(drafts),
            customers=len({d.account_number or d.account_id for d in drafts}),
        )

    @property
    def amounts(self) -> tuple[Money, ...] | None:
        """Return every total, kind by kind; None if an amount is not known."""
        return amounts_of(self.kinds)

    @property
    def what(self) -> str:
        """Return `4 invoices and 1 credit memo`; `no documents` if there are none."""
        return several(self.kinds) or "no documents"

    @property
    def whose(self) -> str:
        """Return ` for 3 customers`, for the end of a headline; empty if they were not counted."""
        return f" for {count(self.customers, 'customer')}" if self.customers else ""

    @property
    def figures(self) -> str:
        """Return `4 invoices for EUR 80.00 · USD 350.50 and 1 credit memo for USD -20.00`."""
        return listed([kind.words for kind in self.kinds]) or "no document"

    def lines(self) -> tuple[Line, ...]:
        """Return what a controller checks before drafts become final or are discarded."""
        if not self.count:
            return (line("Drafts", "none"),)
        odd = f"{self.zero:,} with a total of zero · {self.negative:,} negative"
        return (
            line("Drafts", count(self.count, "document")),
            *(line(f"Draft {kind.label.lower()}", kind.figures) for kind in self.kinds),
            line("Zero and negative", odd),
            *([line("Largest", " · ".join(self.largest))] if self.largest else []),
            *doubts.amount_lines(self.amount_unknown),
        )


def drafts_among(documents: Sequence[BillingDocument]) -> list[BillingDocument]:
    """Return the documents that are drafts."""
    return [document for document in documents if document.status == DRAFT]


class DraftsFacts(Facts):
    """A bill run with its drafts."""

    run: RunFacts
    drafts: Drafts

    @override
    def beside(self) -> str | None:
        """Return a line for each document of the run."""
        return self.run.beside()


D = TypeVar("D", bound=DraftsFacts)


class OnDrafts(OnRun[R, D], Followed[R, D]):
    """An order about one bill run's drafts, which Zuora carries out after its answer.

    Attributes:
        goes_on: What Zuora does by itself after its answer: `posts the run`.
    """

    goes_on: ClassVar[str]

    def checked(self) -> tuple[Check, ...]:
        """Return the checks of the run and its drafts, to which each operation adds its own."""
        run, drafts = self.facts.run, self.facts.drafts
        return (
            doubts.state_checked(run),
            *doubts.counted_checked(run),
            doubts.amounts_checked(drafts.amount_unknown, drafts.count),
        )

    def amounts(self) -> tuple[Money, ...] | None:
        """Return the totals of the drafts per kind and currency."""
        return self.facts.drafts.amounts

    def kinds(self) -> tuple[KindTotals, ...]:
        """Return the drafts."""
        return self.facts.drafts.kinds

    def listed(self) -> tuple[Listed, ...]:
        """Return the run's documents."""
        return self.facts.run.listed

    def documents(self) -> int | None:
        """Return how many drafts there are; None if Zuora did not count them."""
        return self.facts.drafts.count if self.facts.run.documents.counted else None

    def subject(self) -> str:
        """Return the bill run's number."""
        return self.facts.run.number

    def accepted(self) -> str:
        """Return that Zuora accepted it, and what the bot follows now."""
        return f"{super().accepted()} Zuora now {self.goes_on}; the bot follows this here."
