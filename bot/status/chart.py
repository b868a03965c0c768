"""A month as a picture: amounts by day and currency, and time to decision; where everything goes.

The picture has its own background, so it looks the same in a light and a dark Slack. It is 1080 px
wide with letters of 34 px and more: on a phone, which shows it some 360 px wide, still 11 px.
"""

import calendar
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.domain.words import count
from bot.status.month import Month
from bot.status.month_words import CLASSES, duration, title_of
from bot.status.picture import BARS, BARS_TOP, MARGIN, NOTE_LINE, WIDTH, Bar, BarKind, Chart, Panel

HEAD, PANEL = 190, 400
NOTE_LETTERS = 60
MOST_CURRENCIES = 4
DRAWN: tuple[BarKind, ...] = ("posted", "mailed")
BEFORE = " before"
"""Added to the kind of a bar that belongs to the month before."""

KINDS: Mapping[str, BarKind] = {
    "posted": "posted",
    "mailed": "mailed",
    "posted before": "posted before",
    "mailed before": "mailed before",
    "decided": "decided",
}


def chart_of(month: Month, before: Month | None = None) -> Chart:
    """Lay a month out: a panel for each of the largest currencies, and one for the decisions.

    Args:
        month: The figures.
        before: Those of the month before, drawn as pale bars behind; None: no pale bars.
    """
    earlier = before.days if before else {}
    currencies = _currencies(month.days, earlier)
    shown = currencies[:MOST_CURRENCIES]
    panels = [_amounts(month, earlier, currency, place) for place, currency in enumerate(shown)]
    panels.append(_decisions(month, len(panels)))
    note = _note(month, currencies[MOST_CURRENCIES:], pale=bool(earlier))
    subtitle = (
        f"{count(month.documents.get('posted', 0), 'document')} posted, "
        f"{month.documents.get('mailed', 0):,} mailed"
    )
    height = HEAD + PANEL * len(panels) + NOTE_LINE * (1 + note.count("\n")) + 64
    return Chart(title_of(month), subtitle, tuple(panels), note, height)


def _note(month: Month, not_drawn: Sequence[str], *, pale: bool) -> str:
    """Return one sentence a line, each as long as the picture is wide."""
    sentences = ["Days are UTC; a request counts on the day it was asked."]
    if any(value < 0 for value in month.days.values()):
        sentences.append("Hollow: below zero.")
    if pale:
        sentences.append("Pale: the same day of the month before.")
    if not_drawn:
        sentences.append(f"Not drawn: {', '.join(not_drawn)}.")
    return "\n".join(line for each in sentences for line in textwrap.wrap(each, NOTE_LETTERS))


def _currencies(*months: Mapping[tuple[int, str, str], Decimal]) -> list[str]:
    """Return the currencies, those with the most days first, because amounts in two currencies cannot be compared."""
    found: list[str] = []
    for days in months:
        number = Counter(currency for _, _, currency in days)
        found += sorted(number, key=lambda currency: (-number[currency], currency))
    return list(dict.fromkeys(found))


def _amounts(
    month: Month, earlier: Mapping[tuple[int, str, str], Decimal], currency: str, place: int
) -> Panel:
    top = HEAD + PANEL * place
    days = calendar.monthrange(int(month.name[:4]), int(month.name[5:]))[1]
    values = {key[:2]: value for key, value in month.days.items() if key[2] == currency}
    then = {
        key[:2]: value for key, value in earlier.items() if key[2] == currency and key[0] <= days
    }
    scale = Scale(top, max(abs(value) for value in (*values.values(), *then.values())))
    slot = (WIDTH - 2 * MARGIN) / days
    bars = tuple(
        scale.bar(f"{kind}{when}", value,
                  MARGIN + slot * (day - 1 + (0.08 if kind == "posted" else 0.5)), slot * 0.42)
        for when, found in ((BEFORE, then), ("", values))
        for (day, kind), value in sorted(found.items())
        if kind in DRAWN
    )  # fmt: skip
    below = tuple(
        (round(MARGIN + slot * (day - 0.5)), str(day)) for day in (1, 5, 10, 15, 20, 25, days)
    )
    totals = " · ".join(
        f"{name} {str(money).removeprefix(currency).strip()}"
        for name, sums in (("posted", month.posted), ("mailed", month.mailed))
        for money in sums
        if money.currency == currency
    )
    return Panel(currency, totals, top, bars, below, scale.lines())


class Scale(NamedTuple):
    """Heights of a panel: where it begins, and the value of the highest bar."""

    top: int
    largest: Decimal

    @property
    def base(self) -> int:
        """Return where the bars stand."""
        return self.top + BARS_TOP + BARS

    def height(self, value: Decimal) -> int:
        """Return the height of a bar, which is to `BARS` as its value is to the largest."""
        return round(float(abs(value) / self.largest) * BARS)

    def lines(self) -> tuple[tuple[int, str], ...]:
        """Return lines across, each with the value of a bar of that height: round values below the largest."""
        step = Decimal(10) ** (self.largest.adjusted())
        found = next((each for each in (step * 5, step * 2, step) if each <= self.largest), step)
        lines = [found, *([found / 2] if found == step * 2 else [])]
        return tuple((self.base - self.height(each), _short(each)) for each in lines if each)

    def bar(self, kind: str, value: Decimal, left: float, width: float) -> Bar:
        """Return a bar."""
        top = self.base - self.height(value)
        return Bar(KINDS[kind], value, round(left), top, round(left + width), self.base)


def _short(value: Decimal) -> str:
    """Return `1.5 M`, `20,000`, `0.05`."""
    for size, letter in ((Decimal(10**9), " bn"), (Decimal(10**6), " M")):
        if value >= size:
            return f"{(value / size).normalize():f}{letter}"
    return f"{value.normalize():,f}"


def _decisions(month: Month, place: int) -> Panel:
    top = HEAD + PANEL * place
    scale = Scale(top, Decimal(max(1, *month.waited)))
    slot = (WIDTH - 2 * MARGIN) / len(CLASSES)
    bars = tuple(
        scale.bar("decided", Decimal(number), MARGIN + slot * (column + 0.2), slot * 0.6)
        for column, number in enumerate(month.waited)
    )  # fmt: skip
    below = tuple(
        (round(MARGIN + slot * (column + 0.5)), f"{name}\n{number:,}")
        for column, (name, number) in enumerate(zip(CLASSES, month.waited, strict=True))
    )
    return Panel("Time to decision", f"median {duration(month.to_decision)}", top, bars, below)
