"""The rules for the schedule of a bill run (BillRunSchedule of the official SDK). Pure."""

import calendar
from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.sandbox.zuora.errors import Reason
from bot.sandbox.zuora.occurrences import WEEKDAYS

REPEATS = ("None", "Daily", "Weekly", "Monthly")


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def schedule_reasons(body: Mapping[str, Any]) -> list[Reason]:
    """Return every reason to refuse the schedule of a create request."""
    schedule = body["schedule"]
    if not isinstance(schedule, dict):
        return [Reason(20, "'schedule' must be an object.")]
    reasons = [
        Reason(22, f"'schedule.{name}' is required.")
        for name in ("repeatFrom", "repeatType", "runTime")
        if schedule.get(name) is None
    ]
    return [*reasons, *_values(schedule), *_span(schedule), *_weekly(schedule), *_monthly(schedule)]


def _values(schedule: Mapping[str, Any]) -> list[Reason]:
    reasons = []
    repeat, hour = schedule.get("repeatType"), schedule.get("runTime")
    if repeat is not None and repeat not in REPEATS:
        reasons.append(Reason(20, f"'schedule.repeatType' must be one of {', '.join(REPEATS)}."))
    if hour is not None and (type(hour) is not int or hour not in range(24)):
        reasons.append(Reason(20, "'schedule.runTime' must be an integer from 0 to 23."))
    return reasons


def _span(schedule: Mapping[str, Any]) -> list[Reason]:
    reasons = [
        Reason(20, f"'schedule.{name}' must be a date in yyyy-mm-dd format.")
        for name in ("repeatFrom", "repeatTo")
        if schedule.get(name) is not None and _date(schedule[name]) is None
    ]
    first, last = _date(schedule.get("repeatFrom")), _date(schedule.get("repeatTo"))
    if first and last and last < first:
        reasons.append(Reason(20, "'schedule.repeatTo' cannot be before 'schedule.repeatFrom'."))
    return reasons


def _weekly(schedule: Mapping[str, Any]) -> list[Reason]:
    days, weekly = schedule.get("weeklyOnDay"), schedule.get("repeatType") == "Weekly"
    if days is None:
        missing = Reason(22, "'schedule.weeklyOnDay' is required when repeatType is Weekly.")
        return [missing] if weekly else []
    if not weekly:
        return [Reason(20, "'schedule.weeklyOnDay' is only valid when repeatType is Weekly.")]
    if (
        not isinstance(days, list)
        or len(days) not in range(1, len(WEEKDAYS) + 1)
        or any(day not in WEEKDAYS for day in days)
    ):
        return [Reason(20, f"'schedule.weeklyOnDay' must be among {', '.join(WEEKDAYS)}.")]
    return []


def _monthly(schedule: Mapping[str, Any]) -> list[Reason]:
    end = schedule.get("monthlyOnEndOfMonth")
    if end is None:
        return []
    if not isinstance(end, bool):
        return [Reason(20, "'schedule.monthlyOnEndOfMonth' must be true or false.")]
    first = _date(schedule.get("repeatFrom"))
    at_end = first is not None and first.day == calendar.monthrange(first.year, first.month)[1]
    if end and (schedule.get("repeatType") != "Monthly" or not at_end):
        return [
            Reason(
                20,
                "'schedule.monthlyOnEndOfMonth' needs repeatType Monthly and a month end to start.",
            )
        ]
    return []
