"""Cancel a bill run: `PUT /v1/bill-runs/{billRunId}/cancel`.

Source: pages *Cancel a bill run* and *Bill run status types*. It discards the drafts. If a
scheduled run is still waiting, it cancels this occurrence, or this and all later ones.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from typing_extensions import override

from bot.domain.call import Call
from bot.domain.check import Check, check
from bot.domain.operation import Deed, OperationName
from bot.domain.summary import AMOUNTS_NOT_KNOWN, Summary, alarming, warning
from bot.domain.words import Line, Moment, changed, count, in_days, in_minutes, line, named
from bot.operations import doubts
from bot.operations.asking import Asking, ChoiceField, run_field
from bot.operations.cancel_bill_run import following
from bot.operations.cancel_bill_run.facts import CancelFacts
from bot.operations.kinds import money_of
from bot.operations.on_drafts import OnDrafts
from bot.operations.on_run import UNKNOWN, RunBody, read_of
from bot.operations.progress import Progress, Settlement
from bot.operations.typed import Problems, Values
from bot.zuora.answers import Answer
from bot.zuora.aside import aside
from bot.zuora.client import ZuoraClient
from bot.zuora.effects import Prepared

FIELD = "cancel_once"
ONCE, ALL, NOT_SCHEDULED = "once", "all", "none"
CHOICES = {ONCE: True, ALL: False, NOT_SCHEDULED: None, "": None}


WHY_NOT_CANCEL = {
    "Paused": "Zuora does not cancel a paused schedule; resume it in Zuora first",
    "Processing": "a run that Zuora is working on cannot be canceled; wait until it is Completed",
    "Error": "it failed, so there is nothing to cancel; it can be deleted in Zuora",
    "PostInProgress": "it is being posted",
    "Posted": "its documents are posted",
    "CancelInProgress": "it is being canceled already",
    "Canceled": "it was canceled already",
    "RemoveInProgress": "it is being deleted",
}
CATCH_UP = "CatchUp"
NO_CATCH_UP = "Zuora cannot cancel a catch-up run"


class CancelBillRunBody(RunBody):
    """Which bill run.

    Attributes:
        cancel_once: For a scheduled run, True cancels only this occurrence, False all later ones
            too; None for a run that is not scheduled.
    """

    cancel_once: bool | None = None


class CancelBillRun(OnDrafts[CancelBillRunBody, CancelFacts]):
    """Cancel a pending or completed bill run."""

    name = OperationName.CANCEL_BILL_RUN
    deed = Deed.CANCELED
    last_time = None
    short = "cancel"
    counted_as = "Bill runs"
    button = "Cancel…"
    asking = Asking(
        title="Cancel a bill run",
        intro="Canceling discards the drafts of a bill run. A second person approves before "
        "anything is canceled.",
        number=run_field("It must be Pending, or Completed with nothing posted."),
        fields=(
            ChoiceField(
                FIELD,
                "If it is scheduled and has not run yet",
                (
                    (NOT_SCHEDULED, "It is not", "An ad hoc run, or one that has run already."),
                    (ONCE, "This occurrence only", "The schedule continues with a new bill run."),
                    (ALL, "This and all later ones", "The schedule ends."),
                ),
            ),
        ),
    )
    form = "ask:cancel_bill_run"
    body_type = CancelBillRunBody
    facts_type = CancelFacts
    done = "Canceled"
    only = "Only a Pending bill run, or a Completed one with nothing posted, can be canceled."
    goes_on = "cancels the run"

    @classmethod
    def why_not(cls, status: str, *, posted: int, run_type: str) -> str:
        """Return why Zuora would refuse it; empty: it accepts it.

        The run must be Pending, or Completed with nothing posted, and no catch-up run. Sources: pages *Bill run status types* and *Catch-up bill runs*; that nothing may be posted
        is from the older page *CRUD: Post or cancel a bill run*.
        """
        if status not in ("Pending", "Completed"):
            return WHY_NOT_CANCEL.get(status, UNKNOWN)
        if posted:
            return f"{posted:,} of its documents {'is' if posted == 1 else 'are'} posted"
        if run_type == CATCH_UP:
            return NO_CATCH_UP
        return ""

    @classmethod
    @override
    def read_more(cls, values: Values) -> Mapping[str, Any] | Problems:
        """Return which occurrences of a scheduled run to cancel."""
        which = str(values.get(FIELD) or "")
        if which not in CHOICES:
            return Problems({FIELD: "Choose which occurrences to cancel."})
        return {FIELD: CHOICES[which]}

    @classmethod
    async def look_up(cls, body: CancelBillRunBody, zuora: ZuoraClient) -> CancelFacts | Problems:
        """Read the run, every document of it, and its schedule."""
        found = await read_of(body.bill_run, zuora.run_with_documents(body.bill_run))
        if isinstance(found, Problems):
            return found
        run, documents = found
        facts = await aside(CancelFacts.of, documents, run)
        refused = cls.refused(run, facts.run.documents.posted)
        return refused or _wrong_choice(body, facts) or facts

    def material(self) -> dict[str, Any]:
        """Bind every document, and the schedule."""
        return {
            **self.facts.run.material(),
            "schedule": self.facts.schedule,
            "scheduled_for": self.facts.scheduled_for,
        }

    def differs(self, now: CancelFacts) -> list[str]:
        """Compare the run, its documents and its schedule."""
        found = self.facts.run.differs(now.run)
        found += changed("its schedule", self.facts.schedule or "none", now.schedule or "none")
        if self.facts.scheduled_for != now.scheduled_for:
            was, is_now = _time(self.facts.scheduled_for), _time(now.scheduled_for)
            found.append(f"this occurrence was due {was} and is due {is_now} now")
        return found

    @override
    def checked(self) -> tuple[Check, ...]:
        """Return the run, its drafts, its kind and its schedule."""
        facts = self.facts
        unsaid = "Zuora does not say when this occurrence runs"
        is_late = facts.waits_for_schedule and facts.scheduled_for is None
        return (
            *super().checked(),
            check("nothing posted", "none of its documents is posted"),
            check(
                "kind of run",
                "it is not a catch-up run, which Zuora cannot cancel",
                not_known=facts.doubt,
            ),
            check(
                "schedule",
                f"Zuora shows when it runs: {facts.schedule}"
                if facts.waits_for_schedule
                else "it does not wait for a schedule",
                not_known=unsaid if is_late else "",
            ),
        )

    def act(self, call: Call, zuora: ZuoraClient) -> Prepared:
        """Ask Zuora to cancel the run that was approved, by its id."""
        wanted = {"cancelOnce": self.body.cancel_once is not False}
        return zuora.cancel_bill_run(self.facts.run.run_id, wanted, track_id=call.track_id)

    @override
    async def settle(self, call: Call, zuora: ZuoraClient) -> Settlement | None:
        """Prove it by a run that is being canceled or is canceled."""
        return await following.settled(self.facts.run, zuora)

    def begun(self, answer: Answer) -> Progress:
        """Return where following begins; Zuora cancels after its answer, which may name the next occurrence."""
        return following.begun(self.facts.run, answer)

    async def look(self, progress: Progress, zuora: ZuoraClient) -> Progress:
        """Look once: still canceling, Canceled, or something unexpected."""
        goes_on = self.facts.waits_for_schedule and self.body.cancel_once is True
        return await following.look(self.facts.run, progress, zuora, schedule_goes_on=goes_on)

    def title(self) -> str:
        """Return `cancel bill run BR-00000417`, with the part of its schedule if there is one."""
        number = self.facts.run.number
        if not self.facts.waits_for_schedule:
            return f"cancel bill run {number}"
        if self.body.cancel_once:
            return f"cancel this one occurrence, bill run {number}"
        return f"cancel bill run {number} and all later occurrences"

    def summary(self) -> Summary:
        """Return what will be gone, at a glance."""
        run, drafts = self.facts.run, self.facts.drafts
        what = f" and discard {drafts.what}{drafts.whose}" if drafts.count else ""
        headline = f"Cancel bill run {run.number}{what}"
        if self.facts.waits_for_schedule:
            every = "this one occurrence" if self.body.cancel_once else "all later occurrences"
            headline = f"Cancel bill run {run.number} and {every}"
            if self.body.cancel_once:
                headline = f"Cancel only this occurrence, bill run {run.number}"
        dates = f"target date {in_days(run.target_date)} · invoice date {in_days(run.invoice_date)}"
        return Summary(
            headline=headline,
            risks=("cancels", *((AMOUNTS_NOT_KNOWN,) if drafts.amount_unknown else ())),
            money=money_of(drafts.kinds),
            lines=(
                line("Bill run", f"{named(run.name) or 'no name'} · {run.status} · {dates}"),
                *([line("Schedule", self.facts.schedule)] if self.facts.schedule else []),
                *_runs(self.facts),
                *warning(*alarming(drafts.lines()), self.facts.doubt, self.warning()),
            ),
        )

    def lines(self) -> tuple[Line, ...]:
        """Return what a controller decides on."""
        run = self.facts.run
        dates = f"target date {in_days(run.target_date)} · invoice date {in_days(run.invoice_date)}"
        return (
            line("Bill run", f"{run.number} · {run.name or 'no name'} · {run.status}"),
            *self.facts.drafts.lines(),
            *doubts.counted_lines(run.documents),
            *([] if self.facts.schedule else [line("Dates", dates)]),
            *([line("Schedule", self.facts.schedule)] if self.facts.schedule else []),
            *_runs(self.facts),
            *([line("⚠ Kind", self.facts.doubt)] if self.facts.doubt else []),
            line("What it does", _what(self.body, self.facts)),
        )

    def effect(self) -> str:
        """Return `cancel the run and its 5 drafts`."""
        if self.facts.waits_for_schedule:
            return (
                "cancel this occurrence" if self.body.cancel_once else "cancel the whole schedule"
            )
        if self.facts.drafts.count:
            return f"cancel the run and its {count(self.facts.drafts.count, 'draft')}"
        return "cancel the run"

    def warning(self) -> str:
        """Return that a canceled run stays canceled."""
        if self.facts.waits_for_schedule and self.body.cancel_once is False:
            return "Nothing is billed by this schedule any more; it cannot be brought back."
        return "A canceled run cannot be brought back; a new one has to be made."

    def sends(self) -> bool:
        """Return False, because no customer gets anything."""
        return False


def _runs(facts: CancelFacts) -> tuple[Line, ...]:
    if not facts.waits_for_schedule:
        return ()
    if facts.scheduled_for is None:
        return (line("Would run", "at a time that Zuora does not say"),)
    return (line("Would run", Moment(facts.scheduled_for)),)


def _wrong_choice(body: CancelBillRunBody, facts: CancelFacts) -> Problems | None:
    """Refuse a scheduled run without a choice, and a choice without a schedule."""
    number = facts.run.number
    if facts.waits_for_schedule and body.cancel_once is None:
        return Problems(
            {
                FIELD: f"{number} is a scheduled run. Choose whether only this occurrence is "
                "canceled, or this and all later ones."
            }
        )
    if not facts.waits_for_schedule and body.cancel_once is False:
        ran = "has run already, and later occurrences are runs of their own"
        why = ran if facts.schedule else "is not a scheduled run"
        return Problems({FIELD: f"{number} {why}: there is nothing later to cancel with it."})
    return None


def _what(body: CancelBillRunBody, facts: CancelFacts) -> str:
    if facts.waits_for_schedule:
        if body.cancel_once:
            return "Cancels this occurrence only; the schedule continues with a new bill run"
        return "Cancels this occurrence and all later ones; the schedule ends"
    if facts.drafts.count:
        drafts = count(facts.drafts.count, "draft")
        return f"Cancels the run and discards its {drafts}: {facts.drafts.figures}"
    return "Cancels the run"


def _time(at: datetime | None) -> str:
    return in_minutes(at) if at else "at a time not known"
