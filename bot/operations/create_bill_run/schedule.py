"""The schedule of a bill run, from what was typed. No I/O."""

from datetime import date, timedelta
from typing import get_args

from bot.operations.create_bill_run.body import (
    WEEKDAYS,
    RepeatType,
    RunSchedule,
    Weekday,
    is_month_end,
)
from bot.operations.create_bill_run.typed import (
    TypedForm,
    chosen,
    text,
    unique,
    whole,
)
from bot.operations.typed import day, no_date

REPEATS: tuple[RepeatType, ...] = get_args(RepeatType)
LAST_HOUR = 23
WEEK = 7


def read_schedule(form: TypedForm) -> RunSchedule | None:
    """Read the schedule; None if there are problems, which are noted in the form."""
    before = len(form.wrong)
    repeat = _repeat(form)
    first = _date(form, "repeat_from")
    last = _date(form, "repeat_to") if repeat != "None" else None
    hour = _hour(form)
    weekdays = _weekdays(form) if repeat == "Weekly" else ()
    end_of_month = repeat == "Monthly" and bool(chosen(form, "on_end_of_month"))
    _superfluous(form, repeat)
    if first is None and "repeat_from" not in form.wrong:
        form.wrong["repeat_from"] = "Choose the day on which it runs first."
    if first and last and last < first:
        form.wrong["repeat_to"] = f"This is before the first day, {first}. Choose a later day."
    if first and end_of_month and not is_month_end(first):
        form.wrong["on_end_of_month"] = (
            f"This needs a first day that is the last of its month, and {first} is not. "
            "Choose another first day, or leave this off."
        )
    if len(form.wrong) > before or repeat is None or first is None or hour is None:
        return None
    if not _ever_runs(first, last, weekdays):
        form.wrong["weekly_on"] = f"None of these days lies between {first} and {last}."
        return None
    return RunSchedule(
        repeat_type=repeat,
        repeat_from=first,
        repeat_to=last,
        run_time=hour,
        weekly_on=weekdays,
        on_end_of_month=end_of_month,
    )


def _repeat(form: TypedForm) -> RepeatType | None:
    typed = text(form, "repeat_type").lower()
    for repeat in REPEATS:
        if repeat.lower() == typed:
            return repeat
    form.wrong["repeat_type"] = f"Choose how often: {', '.join(REPEATS)}."
    return None


def _superfluous(form: TypedForm, repeat: RepeatType | None) -> None:
    """Report what was typed for another kind of schedule instead of dropping it silently."""
    if repeat == "None" and text(form, "repeat_to"):
        form.wrong["repeat_to"] = (
            "A run that does not repeat has no last day. Clear it, or choose how often the run repeats."
        )
    if repeat not in ("Weekly", None) and chosen(form, "weekly_on"):
        form.wrong["weekly_on"] = "Days are for weekly runs. Leave them out, or choose Weekly."
    if repeat not in ("Monthly", None) and chosen(form, "on_end_of_month"):
        form.wrong["on_end_of_month"] = (
            "The end of the month is for monthly runs. Leave it out, or choose Monthly."
        )


def _date(form: TypedForm, name: str) -> date | None:
    typed = text(form, name)
    found = day(typed)
    if typed and found is None:
        form.wrong[name] = no_date(typed)
    return found


def _hour(form: TypedForm) -> int | None:
    hour = whole(text(form, "run_time"))
    if hour is None or not 0 <= hour <= LAST_HOUR:
        form.wrong["run_time"] = "Choose a full hour from 0 to 23, in the time zone of your Zuora."
        return None
    return hour


def _weekdays(form: TypedForm) -> tuple[Weekday, ...]:
    """Return the days in the order of the week, so that the same days give the same body."""
    typed = chosen(form, "weekly_on")
    wanted = unique(each[:3].lower() for each in typed)
    known = {each.lower() for each in WEEKDAYS}
    if not typed or not set(wanted) <= known:
        form.wrong["weekly_on"] = f"Choose at least one day of {', '.join(WEEKDAYS)}."
    return tuple(each for each in WEEKDAYS if each.lower() in wanted)


def _ever_runs(first: date, last: date | None, weekdays: tuple[Weekday, ...]) -> bool:
    if not weekdays or last is None or (last - first).days >= WEEK - 1:
        return True
    days = (first + timedelta(days=each) for each in range((last - first).days + 1))
    return any(WEEKDAYS[each.weekday()] in weekdays for each in days)
