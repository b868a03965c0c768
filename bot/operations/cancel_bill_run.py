"""Cancel a bill run: `PUT /v1/bill-runs/{billRunId}/cancel`.

Source: pages *Cancel a bill run* and *Bill run status types*. It throws the drafts away. Of a
scheduled run that waits it cancels this occurrence, or this and all later ones.
"""

from datetime import datetime
from typing import Any

from bot.domain.call import Call
from bot.domain.money import Money
from bot.domain.words import Line, Moment, count, in_days, in_minutes, line
from bot.operations import cancel_following as following
from bot.operations.drafts import Drafts
from bot.operations.operation import Body, Facts, Form, Operation, Problems, Progress, Settlement
from bot.operations.run_documents import RunFacts
from bot.operations.run_key import read_run_key
from bot.operations.run_states import why_not_cancel
from bot.zuora.answers import Answer, BillRun
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound

FIELD = "cancel_once"
ONCE, ALL, NOT_SCHEDULED = "once", "all", "none"
CHOICES = {ONCE: True, ALL: False, NOT_SCHEDULED: None, "": None}


class CancelBillRunBody(Body):
    """Which bill run.

    Attributes:
        cancel_once: Of a scheduled run: True this occurrence only, False all later ones too; None
            for a run that is not scheduled.
    """

    bill_run: str
    cancel_once: bool | None = None


class CancelFacts(Facts):
    """A bill run with its drafts and its schedule.

    Attributes:
        waits_for_schedule: Whether it is a scheduled run whose time has not come: only then does
            it matter whether later occurrences are canceled too.
        schedule: The schedule in words; empty for an ad hoc run.
        scheduled_for: When this occurrence runs, give or take 20 minutes.
    """

    run: RunFacts
    drafts: Drafts
    waits_for_schedule: bool
    schedule: str
    scheduled_for: datetime | None


class CancelBillRun(Operation[CancelBillRunBody, CancelFacts]):
    """Cancel a pending or completed bill run."""

    name = "cancel_bill_run"
    body_type = CancelBillRunBody
    facts_type = CancelFacts
    field = "bill_run"
    done = "Canceled"
    follows = True

    def amounts(self, body: CancelBillRunBody, facts: CancelFacts) -> tuple[Money, ...]:  # noqa: ARG002
        """Totals of the drafts per kind and currency."""
        return facts.drafts.amounts

    def documents(self, body: CancelBillRunBody, facts: CancelFacts) -> int:  # noqa: ARG002
        """How many drafts there are."""
        return facts.drafts.count

    def read(self, form: Form) -> CancelBillRunBody | Problems:
        """A bill run's number or id, and what of a scheduled run."""
        wrong: dict[str, str] = {}
        key = read_run_key(form, wrong)
        which = str(form.get(FIELD) or "")
        if which not in CHOICES:
            wrong[FIELD] = "Choose what is canceled of a scheduled run."
        if wrong:
            return Problems(wrong)
        return CancelBillRunBody(bill_run=key, cancel_once=CHOICES[which])

    async def facts(self, body: CancelBillRunBody, zuora: ZuoraClient) -> CancelFacts | Problems:
        """Read the run, every document of it, and its schedule."""
        try:
            run = await zuora.bill_run(body.bill_run)
        except ZuoraNotFound:
            return Problems({"bill_run": f"Zuora knows no bill run {body.bill_run}."})
        documents = await zuora.documents_of_run(run.number)
        facts = CancelFacts(
            run=RunFacts.of(run, documents),
            drafts=Drafts.of(documents),
            waits_for_schedule=run.schedule is not None and run.status == "Pending",
            schedule=_schedule(run),
            scheduled_for=run.scheduled_for if run.schedule else None,
        )
        posted = facts.run.documents.posted
        if why := why_not_cancel(run.status, posted=posted, run_type=run.type):
            return Problems(
                {
                    "bill_run": f"{run.number} is {run.status}: {why}. Only a Pending bill run, or "
                    "a Completed one with nothing posted, can be canceled."
                }
            )
        return _wrong_choice(body, facts) or facts

    def material(self, body: CancelBillRunBody, facts: CancelFacts) -> dict[str, Any]:  # noqa: ARG002
        """Every document counts, and the schedule."""
        return {
            **facts.run.material(),
            "schedule": facts.schedule,
            "scheduled_for": facts.scheduled_for,
        }

    def differs(self, approved: CancelFacts, now: CancelFacts) -> list[str]:
        """Compare the run, its documents and its schedule."""
        found = approved.run.differs(now.run)
        if approved.schedule != now.schedule:
            was, is_now = approved.schedule or "none", now.schedule or "none"
            found.append(f"its schedule was {was} and is {is_now} now")
        if approved.scheduled_for != now.scheduled_for:
            was, is_now = _time(approved.scheduled_for), _time(now.scheduled_for)
            found.append(f"this occurrence was due {was} and is due {is_now} now")
        return found

    def subject(self, body: CancelBillRunBody, facts: CancelFacts) -> str:  # noqa: ARG002
        """The bill run's number."""
        return facts.run.number

    def subjects(self, body: CancelBillRunBody, facts: CancelFacts) -> tuple[str, ...]:  # noqa: ARG002
        """One call."""
        return (facts.run.number,)

    async def act(
        self, body: CancelBillRunBody, facts: CancelFacts, call: Call, zuora: ZuoraClient
    ) -> Answer:
        """Ask Zuora to cancel the run that was approved, by its id."""
        wanted = {"cancelOnce": body.cancel_once is not False}
        return await zuora.cancel_bill_run(facts.run.run_id, wanted, track_id=call.track_id)

    async def settle(
        self,
        body: CancelBillRunBody,  # noqa: ARG002
        facts: CancelFacts,
        call: Call,  # noqa: ARG002
        zuora: ZuoraClient,
    ) -> Settlement | None:
        """The run is being canceled or is canceled: then the call got through."""
        return await following.settled(facts.run, zuora)

    def begun(self, body: CancelBillRunBody, facts: CancelFacts, answer: Answer) -> Progress:  # noqa: ARG002
        """Canceling goes on after the answer, which may name the next occurrence."""
        return following.begun(facts.run, answer)

    async def look(
        self,
        body: CancelBillRunBody,
        facts: CancelFacts,
        progress: Progress,
        zuora: ZuoraClient,
    ) -> Progress:
        """Look once: still canceling, Canceled, or something else that was not meant."""
        goes_on = facts.waits_for_schedule and body.cancel_once is True
        return await following.look(facts.run, progress, zuora, schedule_goes_on=goes_on)

    def title(self, body: CancelBillRunBody, facts: CancelFacts) -> str:
        """`cancel bill run BR-00000417`, and what of its schedule."""
        number = facts.run.number
        if not facts.waits_for_schedule:
            return f"cancel bill run {number}"
        if body.cancel_once:
            return f"cancel this one occurrence, bill run {number}"
        return f"cancel bill run {number} and all later occurrences"

    def lines(self, body: CancelBillRunBody, facts: CancelFacts) -> tuple[Line, ...]:
        """What a controller decides on."""
        run = facts.run
        dates = f"target date {in_days(run.target_date)} · invoice date {in_days(run.invoice_date)}"
        return (
            line("Bill run", f"{run.number} · {run.name or 'no name'} · {run.status}"),
            *facts.drafts.lines(),
            *([] if facts.schedule else [line("Dates", dates)]),
            *([line("Schedule", facts.schedule)] if facts.schedule else []),
            *_runs(facts),
            line("Canceled is", _what(body, facts)),
        )

    def effect(self, body: CancelBillRunBody, facts: CancelFacts) -> str:
        """`cancel the run and its 5 drafts`."""
        if facts.waits_for_schedule:
            return "cancel this occurrence" if body.cancel_once else "cancel the whole schedule"
        if facts.drafts.count:
            return f"cancel the run and its {count(facts.drafts.count, 'draft')}"
        return "cancel the run"

    def warning(self, body: CancelBillRunBody, facts: CancelFacts) -> str:
        """A canceled run stays canceled."""
        if facts.waits_for_schedule and body.cancel_once is False:
            return "Nothing is billed by this schedule any more; it cannot be brought back."
        return "A canceled run cannot be brought back; a new one has to be made."

    def sends(self, body: CancelBillRunBody, facts: CancelFacts) -> bool:  # noqa: ARG002
        """No customer gets anything."""
        return False

    def accepted(self, body: CancelBillRunBody, facts: CancelFacts, at: datetime) -> str:  # noqa: ARG002
        """Accepted is all that the answer says; canceling takes some seconds."""
        return (
            f"Zuora accepted the order to cancel {facts.run.number}. It cancels the run by itself; "
            "what becomes of that is followed here."
        )


def _runs(facts: CancelFacts) -> tuple[Line, ...]:
    if not facts.waits_for_schedule or facts.scheduled_for is None:
        return ()
    return (line("Would run", Moment(facts.scheduled_for)),)


def _wrong_choice(body: CancelBillRunBody, facts: CancelFacts) -> Problems | None:
    """A schedule needs a choice, and only a schedule has one to make."""
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


def _what(body: CancelBillRunBody, facts: CancelFacts) -> str:
    if facts.waits_for_schedule:
        if body.cancel_once:
            return "this occurrence only; the schedule goes on with a new bill run"
        return "this occurrence and all later ones; the schedule ends"
    if facts.drafts.count:
        return f"the run; its drafts are thrown away: {facts.drafts.figures}"
    return "the run"


def _time(at: datetime | None) -> str:
    return in_minutes(at) if at else "at a time not known"
