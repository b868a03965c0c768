"""The words of the one-line form: which field each fills, and how. No I/O.

The JSON names on the page *Create a bill run* are understood too, in any case.
"""

import re
from collections.abc import Callable
from typing import Any

from bot.operations.create_bill_run.batches import batch_named
from bot.operations.create_bill_run.typed import parted

Set = Callable[[dict[str, Any], str], str]
"""Puts what follows the `=` into the values, or returns what is wrong."""

YES = frozenset({"yes", "true", "y", "1", "on"})
NO = frozenset({"no", "false", "n", "0", "off"})


def plain(word: str) -> str:
    """Return `autoPost`, `auto-post` and `AUTO_POST` in one form."""
    return re.sub(r"[-_\s]", "", word).lower()


def _text(name: str) -> Set:
    def set_text(values: dict[str, Any], value: str) -> str:
        values[name] = value
        return ""

    return set_text


def _list(name: str) -> Set:
    def set_list(values: dict[str, Any], value: str) -> str:
        values[name] = list(parted(value))
        return ""

    return set_list


def _batches(values: dict[str, Any], value: str) -> str:
    """Turn `1`, `batch1` and `all` into the names in the form's menu."""
    _list("batches")(values, value)
    values["batches"] = [batch_named(each) or each for each in values["batches"]]
    return ""


def _choice(name: str, *choices: str, described: str = "") -> Set:
    """Return a setter for one of the choices; `described` stands for them if they are many."""
    spelled = {plain(each): each for each in choices}

    def set_choice(values: dict[str, Any], value: str) -> str:
        if plain(value) not in spelled:
            return f"choose one of {described or ', '.join(choices)}."
        values[name] = spelled[plain(value)]
        return ""

    return set_choice


def _several(name: str, *choices: str) -> Set:
    spelled = {plain(each): each for each in choices}

    def set_several(values: dict[str, Any], value: str) -> str:
        typed = list(parted(value))
        if any(plain(each) not in spelled for each in typed):
            return f"choose among {', '.join(choices)}."
        values[name] = [spelled[plain(each)] for each in typed]
        return ""

    return set_several


def _flag(name: str, option: str = "") -> Set:
    """Return a setter for `yes` or `no`, stored as text or as one of a field's options."""

    def set_flag(values: dict[str, Any], value: str) -> str:
        said = value.lower()
        if said not in YES | NO:
            return "write yes or no."
        if not option:
            values[name] = "yes" if said in YES else "no"
        elif said in YES:
            values[name] = [*values.get(name, []), option]
        return ""

    return set_flag


def _included(option: str) -> Set:
    """Return a setter that turns Zuora's `includeSubscriptions=no` into the form's *leave out*."""

    def set_included(values: dict[str, Any], value: str) -> str:
        said = value.lower()
        if said not in YES | NO:
            return "write yes or no."
        if said in NO:
            values["leave_out"] = [*values.get("leave_out", []), option]
        return ""

    return set_included


SETTERS: dict[str, Set] = {
    "batch": _batches,
    "billCycleDay": _choice(
        "bill_cycle_day",
        "AllBillCycleDays",
        "AsRunDay",
        *(str(day) for day in range(1, 32)),
        described="AllBillCycleDays, AsRunDay and 1 to 31",
    ),
    "account": _text("account"),
    "subscriptions": _text("subscriptions"),
    "name": _text("name"),
    "target": _text("target_date"),
    "targetMonths": _text("target_months"),
    "targetDay": _text("target_day"),
    "invoice": _text("invoice_date"),
    "invoiceMonths": _text("invoice_months"),
    "invoiceDay": _text("invoice_day"),
    "type": _choice("run_type", "Regular", "CatchUp"),
    "exclude": _several("exclude", "OneTime", "Recurring", "Usage"),
    "autoPost": _flag("auto_post"),
    "autoEmail": _flag("auto_email"),
    "autoRenewal": _flag("options", "auto_renewal"),
    "noZeroMail": _flag("options", "no_zero_mail"),
    "includeSubscriptions": _included("subscriptions"),
    "includeOrderLineItems": _included("order_line_items"),
    "organizations": _text("organizations"),
    "entity": _text("entity"),
    "org": _text("org"),
    "repeat": _choice("repeat_type", "None", "Daily", "Weekly", "Monthly"),
    "from": _text("repeat_from"),
    "to": _text("repeat_to"),
    "hour": _choice("run_time", *(str(hour) for hour in range(24)), described="0 to 23"),
    "days": _several("weekly_on", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "endOfMonth": _flag("on_end_of_month", "yes"),
    "reason": _text("reason"),
}
_ALSO = {
    "batch": ("batches",),
    "billCycleDay": ("bcd",),
    "subscriptions": ("subscription", "sub", "subs"),
    "target": ("targetDate",),
    "targetMonths": ("targetDateMonthOffset",),
    "targetDay": ("targetDateDayOfMonth",),
    "invoice": ("invoiceDate",),
    "invoiceMonths": ("invoiceDateMonthOffset",),
    "invoiceDay": ("invoiceDateDayOfMonth",),
    "type": ("billRunType",),
    "exclude": ("chargeTypeToExclude",),
    "autoPost": ("post",),
    "autoEmail": ("email",),
    "autoRenewal": ("renew", "renewal"),
    "noZeroMail": ("noEmailForZeroAmountInvoice",),
    "organizations": ("organization", "orgs", "organizationLabels"),
    "repeat": ("repeatType", "schedule"),
    "from": ("repeatFrom",),
    "to": ("repeatTo",),
    "hour": ("runTime",),
    "days": ("weeklyOnDay", "weekdays"),
    "endOfMonth": ("monthlyOnEndOfMonth",),
    "reason": ("why",),
}
WORDS: dict[str, str] = {plain(word): word for word in SETTERS} | {
    plain(other): word for word, others in _ALSO.items() for other in others
}
"""Every word that may be typed, in plain form, with the word that it means."""
