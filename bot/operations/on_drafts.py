"""What the operations share that make a bill run's drafts final or discard them. No I/O."""

from typing import ClassVar, TypeVar

from typing_extensions import override

from bot.domain.check import Check
from bot.domain.listed import Listed
from bot.domain.money import Money
from bot.operations import doubts
from bot.operations.beginning import Followed
from bot.operations.drafts import Drafts
from bot.operations.kinds import KindTotals
from bot.operations.on_run import OnRun, R
from bot.operations.run_documents import RunFacts
from bot.operations.stored import Facts


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
