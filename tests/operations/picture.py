"""What a tenant holds at one moment, and what is new in it at a later one."""

import copy
from dataclasses import dataclass

from bot.sandbox.zuora import World
from bot.sandbox.zuora.records import BillRun, Document, Mail


@dataclass(frozen=True)
class Picture:
    """What the tenant held at one moment."""

    runs: dict[str, BillRun]
    documents: dict[str, Document]
    mails: tuple[Mail, ...]

    @classmethod
    def of(cls, world: World) -> "Picture":
        """Copy it, as the world goes on."""
        documents = {**world.invoices, **world.credit_memos, **world.debit_memos}
        return cls(copy.deepcopy(world.bill_runs), copy.deepcopy(documents), tuple(world.mails))

    def at_work(self) -> list[str]:
        """Return the runs that Zuora is still working on."""
        return [run.number for run in self.runs.values() if run.status.endswith("Progress")]

    def states(self) -> set[tuple[str, str]]:
        """Return the state of each run and document, by its number."""
        both: tuple[BillRun | Document, ...] = (*self.runs.values(), *self.documents.values())
        return {(each.number, each.status) for each in both}


def newly(status: str, before: Picture, after: Picture) -> bool:
    """Return whether a run or a document has that state that had another one, or was not there."""
    return any(state == status for _, state in after.states() - before.states())
