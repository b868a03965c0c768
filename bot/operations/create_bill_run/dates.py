"""Target date and invoice date, each as a date or as months and a day in each occurrence. No I/O."""

from dataclasses import dataclass
from datetime import date

from bot.operations.create_bill_run.body import MonthDay
from bot.operations.create_bill_run.typed import TypedForm, text, whole
from bot.operations.typed import day, no_date

MOST_MONTHS = 24
LAST_DAY = 31


@dataclass(frozen=True, slots=True)
class Dates:
    """Both dates, each in one of its two forms or in neither."""

    target_date: date | None
    target_month_day: MonthDay | None
    invoice_date: date | None
    invoice_month_day: MonthDay | None


def read_dates(form: TypedForm, *, scheduled: bool, monthly: bool) -> Dates:
    """Read both; problems are noted in the form."""
    target_date, target_month_day = _one(form, "target", monthly=monthly)
    if not scheduled and target_date is None and "target_date" not in form.wrong:
        form.wrong["target_date"] = "Choose the target date: charges up to that day are billed."
    return Dates(target_date, target_month_day, *_one(form, "invoice", monthly=monthly))


def _one(form: TypedForm, which: str, *, monthly: bool) -> tuple[date | None, MonthDay | None]:
    """Return `target_date`, or `target_months` with `target_day`, which only monthly runs have; never both.

    `target_by` says which of the two is meant, if the form shows both in turn.
    """
    by = text(form, f"{which}_by")
    typed = "" if by == "month" else text(form, f"{which}_date")
    months = "" if by == "date" else text(form, f"{which}_months")
    of_month = "" if by == "date" else text(form, f"{which}_day")
    found = day(typed)
    if typed and found is None:
        form.wrong[f"{which}_date"] = no_date(typed)
    if not months and not of_month and by != "month":
        return found, None
    if not monthly:
        form.wrong[f"{which}_months"] = "Months and a day are for monthly runs. Choose a date."
        return found, None
    if typed:
        form.wrong[f"{which}_date"] = "Either a date, or months and a day: leave one of them empty."
    return None, _month_day(form, which, months, of_month)


def _month_day(form: TypedForm, which: str, months: str, of_month: str) -> MonthDay | None:
    offset, day_of_month = whole(months), whole(of_month)
    if offset is None or abs(offset) > MOST_MONTHS:
        form.wrong[f"{which}_months"] = (
            f"Type whole months, from -{MOST_MONTHS} to {MOST_MONTHS}: 0 is the month of the run, "
            "1 the month after it."
        )
    if day_of_month is None or not 1 <= day_of_month <= LAST_DAY:
        form.wrong[f"{which}_day"] = "Choose a day from 1 to 31; 31 is the last day of every month."
    if f"{which}_months" in form.wrong or f"{which}_day" in form.wrong:
        return None
    return MonthDay(months=offset or 0, day=day_of_month or 1)
