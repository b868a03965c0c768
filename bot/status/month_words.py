"""A month's figures as labelled values: for the table, the text and the picture's alt text."""

from bot.domain.money import Money, in_words
from bot.domain.request import State
from bot.domain.words import count, some
from bot.operations.catalog import OPERATIONS
from bot.status.month import MONTHS, Month

MonthRow = tuple[str, str]
RUNS = "Bill runs"
MOST_NAMED = 20
CLASSES = ("< 15 min", "< 1 h", "< 4 h", "< 24 h", "longer")


def title_of(month: Month) -> str:
    """Return `November 2026`, and the place if it is about one."""
    return f"{MONTHS[int(month.name[5:]) - 1]} {month.name[:4]}{month.within}"


def rows_of(month: Month) -> tuple[MonthRow, ...]:
    """Return what is counted, and the counts."""
    return (
        ("Requests", f"{month.asked:,}"),
        *_not_counted(month),
        *_things(month),
        ("Documents posted", f"{month.documents.get('posted', 0):,}"),
        ("Posted", in_words(month.posted)),
        ("Documents mailed", f"{month.documents.get('mailed', 0):,}"),
        ("Mailed", f"{in_words(month.mailed)}{_unpriced(month)}"),
        ("Succeeded", f"{month.of(State.SUCCEEDED):,}"),
        ("Failed", f"{month.of(State.FAILED):,}"),
        ("Outcome unknown", f"{month.of(State.UNKNOWN):,}"),
        ("Rejected", f"{month.of(State.REJECTED):,}"),
        ("Withdrawn", f"{month.of(State.WITHDRAWN):,}"),
        ("Expired", f"{month.of(State.EXPIRED):,}"),
        ("Stopped; nothing sent", f"{month.of(State.STOPPED):,}"),
        ("Still open", f"{month.still_open:,}"),
        ("Median to decision", duration(month.to_decision)),
        ("Median decision to done", duration(month.to_done)),
        *([("Clicks refused", f"{month.refusals:,}")] if month.refusals is not None else []),
        *((f"Requests in {place}", f"{number:,}") for place, number in month.places.items()),
    )


def _not_counted(month: Month) -> tuple[MonthRow, ...]:
    """Return which requests no figure includes, if there are any."""
    names = [f"R-{number}" for number in month.not_counted]
    return (("Not counted, because damaged", some(names, MOST_NAMED)),) if names else ()


def _things(month: Month) -> tuple[MonthRow, ...]:
    """Return how many bill runs were created, posted and so on, and the same for anything else that is counted."""
    found = {RUNS: list[str]()}
    for name, operation in OPERATIONS.items():
        if operation.counted_as and (number := month.operations.get(name)):
            found.setdefault(operation.counted_as, []).append(f"{number:,} {operation.deed}")
    return tuple((label, ", ".join(each) or "0") for label, each in found.items())


def _unpriced(month: Month) -> str:
    if not month.unpriced:
        return ""
    return f", and {count(month.unpriced, 'bill run')} mailed in part, amount not known"


def duration(seconds: float | None) -> str:
    """Return `12 s`, `14 min`, `3 h 05 min`, `2 d 4 h`; `-` for None."""
    if seconds is None:
        return "-"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004 - beyond two days, days say more
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} d {hours % 24} h"


def in_one_text(month: Month) -> str:
    """Return all figures in one text, for screen readers and as the picture's alt text."""
    rows = "; ".join(f"{label}: {value}" for label, value in rows_of(month))
    waited = ", ".join(
        f"{name} {number:,}" for name, number in zip(CLASSES, month.waited, strict=True)
    )
    days = "; ".join(
        f"{day}: {Money(currency, amount)} {what}"
        for (day, what, currency), amount in sorted(month.days.items())
    )
    by_day = f" By day: {days}." if days else ""
    return f"{title_of(month)}. {rows}. Time to decision: {waited}.{by_day}"
