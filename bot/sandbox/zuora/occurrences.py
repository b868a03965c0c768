"""When a scheduled bill run runs, and which dates an occurrence bills by. Pure."""

import calendar
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def month_day(start: date, months: int, day: int) -> date:
    """Return `day` of the month `months` after `start`'s; a day past the end is the last one."""
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day, calendar.monthrange(year, month + 1)[1]))


def occurs_on(schedule: Mapping[str, Any], day: date) -> bool:
    """Return whether a schedule runs on `day`."""
    first = date.fromisoformat(schedule["repeatFrom"])
    last = schedule.get("repeatTo")
    if day < first or (last and day > date.fromisoformat(last)):
        return False
    match schedule["repeatType"]:
        case "Daily":
            return True
        case "Weekly":
            return WEEKDAYS[day.weekday()] in (schedule.get("weeklyOnDay") or ())
        case "Monthly":
            wanted = 31 if schedule.get("monthlyOnEndOfMonth") else first.day
            return day == month_day(day, 0, wanted)
        case _:
            return day == first


def next_occurrence(schedule: Mapping[str, Any], after: datetime, zone: tzinfo) -> datetime | None:
    """Return the first moment later than `after` at which a schedule runs, or None."""
    first = date.fromisoformat(schedule["repeatFrom"])
    day = max(first, after.astimezone(zone).date())
    for _ in range(400):
        moment = datetime.combine(day, time(schedule["runTime"]), zone)
        if moment > after and occurs_on(schedule, day):
            return moment
        day += timedelta(days=1)
    return None


def resolve_date(
    run_day: date, offset: int | None, month_offset: int | None, day_of_month: int | None
) -> date:
    """Return the invoice or target date of an occurrence that runs on `run_day`."""
    if month_offset is not None and day_of_month is not None:
        return month_day(run_day, month_offset, day_of_month)
    return run_day + timedelta(days=offset or 0)
