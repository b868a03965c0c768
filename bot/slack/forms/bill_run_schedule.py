"""The schedule of a bill run in its form."""

from collections.abc import Iterator

from bot.cards.blocks import Block
from bot.operations.typed import Values
from bot.slack.forms import fields
from bot.slack.forms.bill_run_dates import only_dates
from bot.slack.forms.fields import Choice

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
