"""Creating a bill run at a glance. No I/O."""

from bot.domain.money import spoken
from bot.domain.summary import AMOUNTS_NOT_KNOWN, Summary, warning
from bot.domain.words import Line, count, in_days, line, named, some
from bot.operations.create_bill_run import words
from bot.operations.create_bill_run.body import CreateBillRunBody, RunSchedule
from bot.operations.create_bill_run.estimating import of_batches
from bot.operations.create_bill_run.facts import CreateFacts
from bot.operations.create_bill_run.notes import cautions

SHOWN_RUNS = 3


def summary(body: CreateBillRunBody, facts: CreateFacts) -> Summary:
    """Return what is billed, when, and what then happens without another approval."""
    return Summary(
        headline=_headline(body, facts),
        risks=_risks(body, facts),
        money=_money(body, facts),
        lines=(
            line("When", _when(body)),
            line("Then", words.follows_by_itself(body)),
            *warning(_others(facts), *cautions(body, facts)),
            *_who(facts),
        ),
    )


def _headline(body: CreateBillRunBody, facts: CreateFacts) -> str:
    """Return `Every month from 1 Dec 2026, with no end date: bill, post and mail Batch4. Nobody …`."""
    does = "Bill"
    if body.run_type == "CatchUp":
        does = "Catch up billing of"
    elif body.auto_email:
        does = "Bill, post and mail"
    elif body.auto_post:
        does = "Bill and post"
    name = f' as "{named(body.name)}"' if body.name else ""
    what = f"{words.scope(body, facts)}{name}"
    schedule = body.schedule
    if schedule is None:
        return f"{does} {what}"
    if schedule.repeat_type == "None":
        return f"{does} {what} on {in_days(schedule.repeat_from)}"
    return f"{_often(schedule)}: {does.lower()} {what}. Nobody is asked again."


def _often(schedule: RunSchedule) -> str:
    often = {"Daily": "Every day", "Weekly": "Every week", "Monthly": "Every month"}
    until = f"until {in_days(schedule.repeat_to)}" if schedule.repeat_to else "with no end date"
    return f"{often[schedule.repeat_type]} from {in_days(schedule.repeat_from)}, {until}"


def _risks(body: CreateBillRunBody, facts: CreateFacts) -> tuple[str, ...]:
    """Return the risks, the gravest first, because a headline may have room only for that."""
    found = []
    schedule = body.schedule
    if schedule and schedule.repeat_type != "None" and schedule.repeat_to is None:
        found.append("repeats without an end")
    if body.auto_email:
        found.append("posts and mails by itself")
    elif body.auto_post:
        found.append("posts by itself")
    if body.run_type == "CatchUp":
        found.append("cannot be undone")
    elif facts.estimate is None:
        found.append(AMOUNTS_NOT_KNOWN)
    return tuple(found)


def _money(body: CreateBillRunBody, facts: CreateFacts) -> str:
    estimate = facts.estimate
    if estimate is not None:
        parts = [spoken(estimate.charges)]
        if not words.is_zero(estimate.tax):
            parts.append(f"tax {spoken(estimate.tax)}")
        if not words.is_zero(estimate.credits):
            parts.append(f"credits {spoken(estimate.credits)}")
        return f"about {' · '.join(parts)}, according to Zuora's preview"
    if body.run_type == "CatchUp":
        return "no invoices; a catch-up run only moves billed-through dates"
    if of_batches(body):
        return "not known yet; Zuora was asked for an estimate"
    return "not known; Zuora gives no estimate for this"


def _when(body: CreateBillRunBody) -> str:
    dates = words.dates(body)
    if body.schedule is None:
        return f"once, on approval; {dates}"
    on = words.on_which_days(body.schedule)
    return f"{on}at {body.schedule.run_time}:00, the tenant's time; {dates}"


def _who(facts: CreateFacts) -> tuple[Line, ...]:
    if facts.account is not None:
        return (line("Customer", facts.account.called),)
    if facts.accounts is None:
        return (line("Customers", "Zuora did not say how many"),)
    more = "" if facts.is_all else " or more"
    said = f"{count(facts.accounts, 'active account')}{more}"
    return (
        line("Customers", said if facts.accounts else f"⚠ {said}, so the run would bill nothing"),
    )


def _others(facts: CreateFacts) -> str:
    if not facts.others:
        return ""
    shown = some([run.words for run in facts.others], SHOWN_RUNS)
    return f"other runs over the same accounts have not ended: {shown}"
