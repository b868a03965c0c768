"""The description of a bill run that is to be created: title, lines of the card, warnings. No I/O."""

from collections.abc import Iterator
from datetime import date

from bot.domain.known import NotKnown
from bot.domain.money import Amount, Money, spoken
from bot.domain.words import Line, count, in_days, line, listed, some
from bot.operations.create_bill_run.batches import batch_order
from bot.operations.create_bill_run.body import (
    ALL_BATCHES,
    AS_RUN_DAY,
    CreateBillRunBody,
    MonthDay,
    RunSchedule,
)
from bot.operations.create_bill_run.estimating import can_be_previewed, of_batches
from bot.operations.create_bill_run.facts import CreateFacts
from bot.operations.create_bill_run.notes import notes
from bot.zuora.bill_runs import MOST_LISTED

SHOWN = 4
NUMBER_SHOWN = 20


def scope(body: CreateBillRunBody, facts: CreateFacts) -> str:
    """Return whom it bills, by name: `Batch1 and Batch2`, `account A00000001 (Aldergate Logistics)`."""
    if body.batches:
        return "all batches" if ALL_BATCHES in body.batches else some(body.batches, SHOWN)
    account = facts.account
    owner = account.called if account else body.account
    if not facts.subscriptions:
        return f"account {owner}"
    numbers = some([each.number for each in facts.subscriptions], SHOWN)
    return f"{numbers} of account {owner}"


def subject(body: CreateBillRunBody, facts: CreateFacts) -> str:
    """Return what it bills without names, so that two open requests for the same thing have the same text."""
    if body.batches:
        return some(sorted(body.batches, key=batch_order), 8)
    number = facts.account.number if facts.account else body.account
    if not facts.subscriptions:
        return number
    return some(sorted(each.number for each in facts.subscriptions), 8)


def counted(body: CreateBillRunBody, facts: CreateFacts) -> str:
    """Return what it bills, for a button: `2 batches`, `account A00000001`, `3 subscriptions`."""
    if ALL_BATCHES in body.batches:
        return "all batches"
    if body.batches:
        return body.batches[0] if len(body.batches) == 1 else count(len(body.batches), "batch", "batches")  # fmt: skip
    if facts.subscriptions:
        return count(len(facts.subscriptions), "subscription")
    number = facts.account.number if facts.account else body.account
    return f"account {number}" if len(number) <= NUMBER_SHOWN else "one account"


def effect(body: CreateBillRunBody, facts: CreateFacts) -> str:
    """Return `create a bill run for 2 batches`, with posting and mailing if they follow."""
    does = "create"
    if body.auto_email:
        does = "create, post and mail"
    elif body.auto_post:
        does = "create and post"
    kind = "scheduled bill run" if body.is_scheduled else "bill run"
    return f"{does} a {kind} for {counted(body, facts)}"


def follows_by_itself(body: CreateBillRunBody) -> str:
    """Return what happens after the drafts are made, without another approval."""
    if body.run_type == "CatchUp":
        return (
            "A catch-up run makes no invoices: it moves the billed-through dates on, which "
            "cannot be undone."
        )
    every = ", each time it runs," if body.is_scheduled else ""
    if body.auto_email:
        return f"This run posts itself and mails customers{every} without another approval."
    if body.auto_post:
        return (
            f"This run posts itself{every} without another approval; Zuora's notifications may "
            "mail customers on posting."
        )
    return "Invoices are generated as drafts; nothing is posted or mailed by this run."


def lines(body: CreateBillRunBody, facts: CreateFacts) -> tuple[Line, ...]:
    """Return what a controller decides on, with what should make one stop and think."""
    return (
        *_who(body, facts),
        *_when(body),
        line("Afterwards", follows_by_itself(body)),
        *facts.mails.lines(),
        line("Bills", _bills(body)),
        *(line("Estimate", each) for each in _estimate(body, facts)),
        line("Other runs", _others(facts)),
        *(line("Note", each) for each in notes(body, facts)),
    )


def _who(body: CreateBillRunBody, facts: CreateFacts) -> Iterator[Line]:
    yield line("For", scope(body, facts))
    if body.batches:
        days = {"AllBillCycleDays": "all bill cycle days", AS_RUN_DAY: "the day of each run"}
        cycle_day = days.get(body.bill_cycle_day, f"bill cycle day {body.bill_cycle_day}")
        yield line("Accounts", f"{_accounts(facts)} · {cycle_day}")
    elif facts.account:
        account = facts.account
        currency = account.currency
        if isinstance(currency, NotKnown):
            currency = f"currency not known ({currency.why})"
        parts = [currency, account.batch or "no batch"]
        if account.bill_cycle_day:
            parts.append(f"bill cycle day {account.bill_cycle_day}")
        yield line("Account", " · ".join([*parts, "Active"]))
    if body.organizations:
        said = [each.name or each.id for each in body.organizations]
        names = [f"“{each}”" if "," in each else each for each in said]
        yield line("Organizations", some(names, SHOWN))


def _accounts(facts: CreateFacts) -> str:
    if facts.accounts is None:
        return "Zuora did not say how many"
    more = "" if facts.is_all else " or more"
    return f"{facts.accounts:,}{more} active"


def dates(body: CreateBillRunBody) -> str:
    """Return `target date 30 Nov 2026 · invoice date the day it runs`."""
    first = "the first day of the schedule" if body.schedule else "the day it runs"
    target = _date(body.target_date, body.target_month_day) or first
    invoice = _date(body.invoice_date, body.invoice_month_day) or first
    return f"target date {target} · invoice date {invoice}"


def _when(body: CreateBillRunBody) -> Iterator[Line]:
    schedule = body.schedule
    yield line("Dates", dates(body))
    yield line("Runs", repeats(schedule) if schedule else "once, on approval")


def repeats(schedule: RunSchedule) -> str:
    """Return `every week on Mon and Fri from 1 Dec 2026 to 31 Dec 2026, at 6:00 in …`."""
    often = {
        "None": "once, on",
        "Daily": "every day from",
        "Weekly": f"every week on {listed(schedule.weekly_on)} from",
        "Monthly": "at the end of every month from"
        if schedule.on_end_of_month
        else f"every month on day {schedule.repeat_from.day} from",
    }[schedule.repeat_type]
    until = f" to {in_days(schedule.repeat_to)}" if schedule.repeat_to else ""
    endless = "" if schedule.repeat_to or schedule.repeat_type == "None" else ", without an end"
    return (
        f"{often} {in_days(schedule.repeat_from)}{until}{endless}, at {schedule.run_time}:00 in the "
        "time zone of the Zuora tenant, up to 20 minutes early or late"
    )


def on_which_days(schedule: RunSchedule) -> str:
    """Return `on Mon and Fri `, `on the last day `, `on day 1 `; empty if the headline says it."""
    match schedule.repeat_type:
        case "Weekly":
            return f"on {listed(schedule.weekly_on)} "
        case "Monthly" if schedule.on_end_of_month:
            return "on the last day "
        case "Monthly":
            return f"on day {schedule.repeat_from.day} "
        case _:
            return ""


def _date(day: date | None, of_month: MonthDay | None) -> str:
    if day:
        return in_days(day)
    if of_month is None:
        return ""
    which = "the last day" if of_month.day == 31 else f"day {of_month.day}"  # noqa: PLR2004
    months = of_month.months
    if months == 0:
        return f"{which} of the month it runs in"
    side = "after" if months > 0 else "before"
    return f"{which} of the month {count(abs(months), 'month')} {side} the run"


def _bills(body: CreateBillRunBody) -> str:
    left_out: list[str] = [*body.exclude]
    if not body.include_subscriptions:
        left_out.append("subscriptions")
    if not body.include_order_line_items:
        left_out.append("order line items")
    kind = "catch-up run" if body.run_type == "CatchUp" else "regular run"
    without = f" without {listed(left_out)}" if left_out else ", all types of charges"
    return f"{kind}{without}"


def _estimate(body: CreateBillRunBody, facts: CreateFacts) -> Iterator[str]:
    estimate = facts.estimate
    if estimate is not None:
        parts = [f"{spoken(estimate.charges)} in charges"]
        if not is_zero(estimate.tax):
            parts.append(f"{spoken(estimate.tax)} in tax")
        if not is_zero(estimate.credits):
            parts.append(f"{spoken(estimate.credits)} in credits")
        items = count(estimate.items, "item")
        without = ", without tax" if is_zero(estimate.tax) else ""
        whole = body.include_subscriptions and body.include_order_line_items
        before = "" if whole else ", before what is left out besides charges"
        yield f"{' · '.join(parts)}, {items}{without}{before}, according to Zuora's preview"
    elif body.run_type == "CatchUp":
        yield "none; a catch-up run makes no invoices"
    elif not can_be_previewed(body):
        yield "none; Zuora previews up to one date, and each of these runs has its own"
    elif body.account:
        yield "Zuora gave none"
    elif of_batches(body):
        yield "asked of Zuora; it follows on the card while this waits for approval"
    else:
        yield "none; Zuora's preview is for whole accounts"


def is_zero(amount: Amount) -> bool:
    """Return whether the amount is known to be zero."""
    return isinstance(amount, Money) and not amount.amount


def _others(facts: CreateFacts) -> str:
    among = "" if facts.all_runs else f" · only the newest {MOST_LISTED:,} runs were looked at"
    if not facts.others:
        return f"none over the same accounts{among}"
    found = some([run.words for run in facts.others], SHOWN)
    return f"over the same accounts and not ended: {found}{among}"
