"""The dates and the schedule in the form of a bill run; each date is one, or months and a day of each monthly run."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from bot.cards.blocks import Block
from bot.operations.typed import Values
from bot.slack.forms import fields
from bot.slack.forms.fields import Choice

Which = Literal["target", "invoice"]
LABELS: dict[Which, str] = {"target": "Target date", "invoice": "Invoice date"}
HINTS: dict[tuple[Which, bool], str] = {
    ("target", False): "Charges up to this day are billed.",
    ("invoice", False): "Left empty: the day it runs.",
    ("target", True): "Left empty: the first day of the schedule.",
    ("invoice", True): "Left empty: the first day of the schedule.",
}
BY: tuple[Choice, ...] = (
    ("date", "A date", ""),
    ("month", "Months and a day of each run", ""),
)
DAYS: tuple[Choice, ...] = (
    *((str(day), str(day), "") for day in range(1, 31)),
    ("31", "31, the last day of every month", ""),
)


def fields_for(values: Values, which: Which, *, scheduled: bool) -> Iterator[Block]:
    """Yield the fields of one of the dates; months and a day are offered for monthly runs only."""
    monthly = scheduled and values.get("repeat_type") == "Monthly"
    label = LABELS[which]
    if monthly:
        by = by_of(values, which)
        yield fields.radio(
            f"{which}_by", label, {f"{which}_by": by}, BY, changes_form=True
        )  # fmt: skip
        if by == "month":
            yield from _month_day(values, which)
            return
    yield fields.date(
        f"{which}_date",
        label if not monthly else "Which date",
        only_dates(values, f"{which}_date"),
        hint=HINTS[which, scheduled],
        optional=scheduled or which == "invoice",
    )


def by_of(values: Values, which: Which) -> str:
    """Return which of the two is chosen; if neither is, the one that is filled in."""
    chosen = values.get(f"{which}_by")
    if chosen in ("date", "month"):
        return str(chosen)
    return "month" if values.get(f"{which}_months") or values.get(f"{which}_day") else "date"


def only_dates(values: Values, name: str) -> Values:
    """Return the value if it is a date, because Slack opens no form with anything else in such a field."""
    value = values.get(name)
    try:
        return {name: date.fromisoformat(value).isoformat()} if isinstance(value, str) else {}
    except ValueError:
        return {}


def _month_day(values: Values, which: Which) -> Iterator[Block]:
    yield fields.text(
        f"{which}_months", f"{LABELS[which]}: months from the run", values,
        hint="0: in the month of the run. 1: in the month after it. -1: in the month before it.",
        max_length=4,
    )  # fmt: skip
    yield fields.select(f"{which}_day", f"{LABELS[which]}: day of that month", values, DAYS)


REPEATS: tuple[Choice, ...] = (
    ("None", "Once", "On the first day only."),
    ("Daily", "Every day", ""),
    ("Weekly", "Every week", ""),
    ("Monthly", "Every month", "On the day of the month of the first day."),
)
HOURS: tuple[Choice, ...] = tuple((str(hour), f"{hour:02d}:00", "") for hour in range(24))
WEEKDAYS: tuple[Choice, ...] = (
    ("Mon", "Monday", ""),
    ("Tue", "Tuesday", ""),
    ("Wed", "Wednesday", ""),
    ("Thu", "Thursday", ""),
    ("Fri", "Friday", ""),
    ("Sat", "Saturday", ""),
    ("Sun", "Sunday", ""),
)
END_OF_MONTH: tuple[Choice, ...] = (
    ("yes", "Always on the last day", "30 April, then 31 May, not 30 May."),
)


def schedule_fields(values: Values) -> Iterator[Block]:
    """Yield how often, from when, until when, at which hour, and what that choice needs."""
    repeat = values.get("repeat_type") or "None"
    yield fields.radio("repeat_type", "How often", values, REPEATS, changes_form=True)
    yield fields.date("repeat_from", "First day", only_dates(values, "repeat_from"))
    if repeat != "None":
        yield fields.date(
            "repeat_to", "Last day", only_dates(values, "repeat_to"),
            hint="Left empty: no end date.", optional=True,
        )  # fmt: skip
    yield fields.select(
        "run_time", "Hour", values, HOURS,
        hint="In your Zuora tenant's time zone; it may start up to 20 minutes early or late.",
    )  # fmt: skip
    if repeat == "Weekly":
        yield fields.checkboxes("weekly_on", "Days", values, WEEKDAYS)
    if repeat == "Monthly":
        yield fields.checkboxes("on_end_of_month", "End of month", values, END_OF_MONTH)
