"""What an approver must know before a bill run is canceled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from bot.domain.words import in_days
from bot.operations.on_drafts import Drafts, DraftsFacts
from bot.operations.run_documents import RunFacts
from bot.zuora.answers import BillingDocument, BillRun

TYPE_NOT_SAID = "Zuora does not say whether this is a catch-up run, which it cannot cancel"


class CancelFacts(DraftsFacts):
    """A bill run with its drafts and its schedule.

    Attributes:
        waits_for_schedule: Whether it is a scheduled run whose time has not come; only then does it
            matter whether later occurrences are canceled too.
        schedule: The schedule in words; empty for an ad hoc run.
        scheduled_for: When this occurrence runs, give or take 20 minutes.
        run_type: Zuora's word; empty if Zuora did not say, None in older requests.
    """

    waits_for_schedule: bool
    schedule: str
    scheduled_for: datetime | None
    run_type: str | None = None

    @property
    def doubt(self) -> str:
        """Return that Zuora may be unable to cancel this run; empty if that is known not to be so."""
        return TYPE_NOT_SAID if self.run_type == "" else ""

    @classmethod
    def of(cls, documents: Sequence[BillingDocument], run: BillRun) -> Self:
        """Return the facts of a run and its documents, as they were read."""
        return cls(
            run=RunFacts.of(documents, run),
            drafts=Drafts.of(documents),
            waits_for_schedule=run.schedule is not None and run.status == "Pending",
            schedule=_schedule(run),
            scheduled_for=run.scheduled_for if run.schedule else None,
            run_type=run.type,
        )


def _schedule(run: BillRun) -> str:
    schedule = run.schedule
    if schedule is None:
        return ""
    start = f"from {in_days(schedule.repeat_from)}" if schedule.repeat_from else ""
    end = f"until {in_days(schedule.repeat_to)}" if schedule.repeat_to else ""
    hour = f"at hour {schedule.run_time} ({run.time_zone or 'tenant time'})"
    parts = (
        schedule.repeat_type or "once",
        ", ".join(schedule.weekly_on),
        start,
        end,
        hour if schedule.run_time is not None else "",
    )
    return " ".join(part for part in parts if part)
