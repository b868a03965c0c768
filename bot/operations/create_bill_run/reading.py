"""Turns what was typed into a valid body, or a message at each field that is wrong. No I/O.

The rules are those of the page *Create a bill run*, except rules that only Zuora can check.
"""

from typing import get_args

from bot.domain.key import is_id, listed_in, tokens
from bot.operations.create_bill_run.batches import batch_named
from bot.operations.create_bill_run.body import (
    ALL_BATCHES,
    ALL_DAYS,
    AS_RUN_DAY,
    ChargeType,
    CreateBillRunBody,
    Organization,
    RunType,
)
from bot.operations.create_bill_run.dates import Dates, read_dates
from bot.operations.create_bill_run.schedule import read_schedule
from bot.operations.create_bill_run.typed import (
    TypedForm,
    chosen,
    free_text,
    is_one_line,
    key,
    names,
    quoted,
    text,
    unique,
    whole,
)
from bot.operations.typed import Problems, Values

NAME_LIMIT = 100
KEY_LIMIT = 100
LONGEST = 255
_LIMIT = f"these have at most {LONGEST} characters, in one line"
MOST_SUBSCRIPTIONS = 50
MOST_EXCLUDED = 2
SCOPES = ("batches", "account", "subscriptions")
POSTING = ("draft", "post", "post_and_email")
CHARGE_TYPES: tuple[ChargeType, ...] = get_args(ChargeType)
RUN_TYPES: tuple[RunType, ...] = get_args(RunType)
OPTIONS = ("auto_renewal", "no_zero_mail")
LEAVE_OUT = ("subscriptions", "order_line_items")


def read(values: Values) -> CreateBillRunBody | Problems:
    """Make a valid body from what was typed, or return what is wrong with each field."""
    form = TypedForm(values)
    scope = _scope(form)
    scheduled = _is_scheduled(form, scope)
    schedule = read_schedule(form) if scheduled else None
    monthly = scheduled and text(form, "repeat_type").lower() == "monthly"
    dates = read_dates(form, scheduled=scheduled, monthly=monthly)
    run_type = _run_type(form, scheduled=scheduled)
    posting = _posting(form, run_type)
    options = _known(form, "options", OPTIONS)
    left_out = _left_out(form)
    batches = _batches(form) if scope == "batches" else ()
    typed = {
        "name": _name(form),
        "batches": batches,
        "bill_cycle_day": _cycle_day(form, scheduled=scheduled)
        if scope == "batches"
        else _no_cycle_day(form, scope),
        "account": _account(form) if scope == "account" else "",
        "subscriptions": _subscriptions(form) if scope == "subscriptions" else (),
        "exclude": _excluded(form),
        "organizations": _organizations(form),
    }
    if form.wrong:
        return Problems(form.wrong)
    return CreateBillRunBody.model_validate(
        typed
        | _of_dates(dates)
        | {
            "run_type": run_type,
            "schedule": schedule,
            "auto_post": posting in ("post", "post_and_email"),
            "auto_email": posting == "post_and_email",
            "auto_renewal": "auto_renewal" in options,
            "no_email_for_zero_amount": "no_zero_mail" in options,
            "include_subscriptions": "subscriptions" not in left_out,
            "include_order_line_items": "order_line_items" not in left_out,
        }
    )


def _scope(form: TypedForm) -> str:
    """Return which of the three it bills; if none was chosen, what was filled in decides."""
    scope = text(form, "scope")
    if scope in SCOPES:
        return scope
    there = [each for each in SCOPES if chosen(form, each)]
    if len(there) == 1:
        return there[0]
    said = f"These exclude each other: {', '.join(there)}. " if there else ""
    form.wrong["scope"] = f"{said}Choose batches, one account, or subscriptions of one account."
    return ""


def _is_scheduled(form: TypedForm, scope: str) -> bool:
    when = text(form, "when")
    if when not in ("", "adhoc", "scheduled"):
        form.wrong["when"] = "Choose whether it runs now or on a schedule."
    if when == "scheduled" and scope == "subscriptions":
        form.wrong["when"] = (
            "Zuora schedules runs by batch or for one account, not for single subscriptions. "
            "Run it now, or choose the account."
        )
    return when == "scheduled"


def _name(form: TypedForm) -> str:
    name = free_text(form, "name")
    if len(name) > NAME_LIMIT:
        form.wrong["name"] = f"At most {NAME_LIMIT} characters; these are {len(name)}."
    if not is_one_line(name):
        form.wrong["name"] = "One line of text, please, without control characters."
    return name


def _batches(form: TypedForm) -> tuple[str, ...]:
    typed = chosen(form, "batches")
    named = [batch_named(each) for each in typed]
    unknown = [each for each, batch in zip(typed, named, strict=True) if batch is None]
    batches = unique(batch for batch in named if batch is not None)
    if not typed:
        form.wrong["batches"] = "Choose at least one batch, or AllBatches."
    elif unknown:
        form.wrong["batches"] = (
            f"There is no batch {quoted(unknown)}. Choose AllBatches, or one from Batch1 to the "
            "highest batch of your Zuora, which the bot's setting ZUORA_BATCHES names."
        )
    elif ALL_BATCHES in batches and len(batches) > 1:
        form.wrong["batches"] = "AllBatches is every batch: choose it alone, or single batches."
    return batches


def _cycle_day(form: TypedForm, *, scheduled: bool) -> str:
    typed = text(form, "bill_cycle_day")
    named = {name.lower(): name for name in (ALL_DAYS, AS_RUN_DAY)} | {"": ALL_DAYS}
    cycle_day = named.get(typed.lower(), typed)
    if cycle_day == AS_RUN_DAY and not scheduled:
        form.wrong["bill_cycle_day"] = (
            "AsRunDay is for scheduled runs. Choose AllBillCycleDays or a day from 1 to 31."
        )
    if cycle_day in (ALL_DAYS, AS_RUN_DAY):
        return cycle_day
    number = whole(cycle_day)
    if number is None or not 1 <= number <= 31:  # noqa: PLR2004 - days of a month
        also = " or AsRunDay" if scheduled else ""
        form.wrong["bill_cycle_day"] = f"Choose AllBillCycleDays, a day from 1 to 31{also}."
    return str(number)


def _no_cycle_day(form: TypedForm, scope: str) -> str:
    """Refuse a bill cycle day unless batches are billed; accounts and subscriptions have no choice of days."""
    if scope and text(form, "bill_cycle_day").lower() not in ("", ALL_DAYS.lower()):
        form.wrong["bill_cycle_day"] = (
            "A bill cycle day is for batches only. Leave it out, or choose batches."
        )
    return ""


def _account(form: TypedForm) -> str:
    typed = free_text(form, "account")
    if not typed:
        form.wrong["account"] = "Type the account number, like A00000001, or its 32-digit id."
    elif "\n" in typed:
        form.wrong["account"] = "One account only. For several, choose their batches."
    elif not _is_key(typed):
        form.wrong["account"] = f"{quoted([typed])} is not an account number: {_LIMIT}."
    return key(typed)


def _subscriptions(form: TypedForm) -> tuple[str, ...]:
    typed = unique(key(each) for each in _subscriptions_typed(form))
    odd = [each for each in typed if not _is_key(each)]
    if not typed:
        form.wrong["subscriptions"] = (
            "Type one or more subscription numbers, like A-S00000001, or ids."
        )
    elif odd:
        form.wrong["subscriptions"] = f"{quoted(odd)} is not a subscription number: {_LIMIT}."
    elif (number := max(len(typed), *(len(tokens(each)) for each in typed))) > MOST_SUBSCRIPTIONS:
        form.wrong["subscriptions"] = too_many_subscriptions(number)
    return typed


def _subscriptions_typed(form: TypedForm) -> tuple[str, ...]:
    """Return what is between commas and line ends; only Zuora knows whether text with spaces is one number."""
    if not isinstance(form.get("subscriptions"), str):
        return chosen(form, "subscriptions")
    return tuple(whole for whole, *_ in listed_in(free_text(form, "subscriptions")))


def too_many_subscriptions(number: int) -> str:
    """Return how many a run takes at most (page *Create a bill run*)."""
    return (
        f"At most {MOST_SUBSCRIPTIONS} subscriptions in one run; these are {number}. "
        "Take some out, or bill the account."
    )


def _is_key(typed: str) -> bool:
    """Return whether it may be a number; numbers may have any characters, so only Zuora knows."""
    return len(typed) <= LONGEST and is_one_line(typed)


def _run_type(form: TypedForm, *, scheduled: bool) -> RunType:
    typed = text(form, "run_type").lower().replace("-", "").replace("_", "")
    if typed not in ("", "regular", "catchup"):
        form.wrong["run_type"] = "Choose Regular or CatchUp."
    if typed == "catchup" and scheduled:
        form.wrong["run_type"] = (
            "A catch-up run cannot be scheduled. Run it now, or choose Regular."
        )
    return "CatchUp" if typed == "catchup" else "Regular"


def _posting(form: TypedForm, run_type: RunType) -> str:
    posting = text(form, "posting") or "draft"
    if posting == "email":
        form.wrong["posting"] = (
            "Mails go out after posting: have it posted too, or leave out the mails."
        )
    elif posting not in POSTING:
        form.wrong["posting"] = "Choose drafts, posting, or posting and mailing."
    elif posting != "draft" and run_type == "CatchUp":
        form.wrong["posting"] = "A catch-up run makes no invoices: nothing can be posted or mailed."
    return posting


def _excluded(form: TypedForm) -> tuple[str, ...]:
    excluded = _known(form, "exclude", CHARGE_TYPES)
    if len(excluded) > MOST_EXCLUDED:
        form.wrong["exclude"] = (
            "At most two types can be left out; with all three nothing is billed."
        )
    return tuple(sorted(excluded))


def _left_out(form: TypedForm) -> tuple[str, ...]:
    left_out = _known(form, "leave_out", LEAVE_OUT)
    if len(left_out) == len(LEAVE_OUT):
        form.wrong["leave_out"] = "With both left out, nothing would be billed. Keep one of them."
    return left_out


def _known(form: TypedForm, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the choices from a short list, in any case."""
    spelled = {each.lower(): each for each in known}
    typed = chosen(form, name)
    unknown = [each for each in typed if each.lower() not in spelled]
    if unknown:
        form.wrong[name] = f"{quoted(unknown)} is not among {', '.join(known)}."
    return unique(spelled[each.lower()] for each in typed if each.lower() in spelled)


def _organizations(form: TypedForm) -> tuple[Organization, ...]:
    """Read names, which may have spaces, and in quotation marks also commas."""
    typed = names(form, "organizations")
    if any(len(each) > KEY_LIMIT or not each.isprintable() for each in typed):
        form.wrong["organizations"] = "Type ids or names of organizations with commas between them."
    return tuple(
        Organization(id=each.lower()) if is_id(each) else Organization(name=each) for each in typed
    )


def _of_dates(dates: Dates) -> dict[str, object]:
    return {
        "target_date": dates.target_date,
        "target_month_day": dates.target_month_day,
        "invoice_date": dates.invoice_date,
        "invoice_month_day": dates.invoice_month_day,
    }
