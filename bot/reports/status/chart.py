"""A month as a picture: amounts by day and currency, and time to decision. Layout first, ink last.

The picture has a ground of its own, so it reads alike in a light and a dark Slack. It is 1080 px
wide with letters of 34 px and more: on a phone, which shows it some 360 px wide, still 11 px.
"""

import calendar
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from bot.reports.status.month import Month
from bot.reports.status.month_words import CLASSES, duration, title_of

WIDTH = 1080
MARGIN = 48
TITLE, LABEL = 52, 34
HEAD, PANEL, BARS = 190, 400, 260
MOST_CURRENCIES = 4

GROUND, INK, QUIET, GRID = (248, 249, 251), (24, 32, 44), (86, 97, 112), (205, 211, 219)
COLORS = {"posted": (217, 119, 6), "mailed": (29, 78, 216), "decided": (15, 118, 110)}
"""Orange and blue are told apart by colour-blind readers too; the legend names both."""

Kind = Literal["posted", "mailed", "decided"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: what it shows, and where it stands, in pixels from the top left."""

    kind: Kind
    key: str
    value: Decimal
    left: int
    top: int
    right: int
    bottom: int

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """As Pillow takes them."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing: a heading, bars on a line, and words below the line."""

    heading: str
    total: str
    top: int
    bars: tuple[Bar, ...]
    below: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn, before it is drawn."""

    title: str
    subtitle: str
    panels: tuple[Panel, ...]
    note: str
    height: int


def chart_of(month: Month) -> Chart:
    """Lay a month out: a panel for each of the largest currencies, and one for the decisions."""
    currencies = _currencies(month)
    shown = currencies[:MOST_CURRENCIES]
    panels = [_amounts(month, currency, place) for place, currency in enumerate(shown)]
    panels.append(_decisions(month, len(panels)))
    note = "Days are UTC; a request counts on the day it was asked."
    if any(value < 0 for value in month.days.values()):
        note = f"Hollow: below zero. {note}"
    if len(currencies) > len(shown):
        note = f"Not drawn: {', '.join(currencies[MOST_CURRENCIES:])}. {note}"
    subtitle = (
        f"{month.documents.get('posted', 0):,} documents posted, "
        f"{month.documents.get('mailed', 0):,} mailed"
    )
    height = HEAD + PANEL * len(panels) + 80
    return Chart(title_of(month), subtitle, tuple(panels), note, height)


def _currencies(month: Month) -> list[str]:
    """Those with the most days first: amounts of two currencies are not compared."""
    days: dict[str, int] = {}
    for _, _, currency in month.days:
        days[currency] = days.get(currency, 0) + 1
    return sorted(days, key=lambda currency: (-days[currency], currency))


def _amounts(month: Month, currency: str, place: int) -> Panel:
    top = HEAD + PANEL * place
    days = calendar.monthrange(int(month.name[:4]), int(month.name[5:]))[1]
    values = {key[:2]: value for key, value in month.days.items() if key[2] == currency}
    largest = max(abs(value) for value in values.values())
    slot = (WIDTH - 2 * MARGIN) / days
    bars = tuple(
        _bar(kind, str(day), value, largest, top,
             (MARGIN + slot * (day - 1 + (0.08 if kind == "posted" else 0.5)), slot * 0.42))
        for (day, kind), value in sorted(values.items())
        if kind in COLORS
    )  # fmt: skip
    below = tuple(
        (round(MARGIN + slot * (day - 0.5)), str(day)) for day in (1, 5, 10, 15, 20, 25, days)
    )
    totals = " · ".join(
        f"{name} {money.amount:,.2f}"
        for name, sums in (("posted", month.posted), ("mailed", month.mailed))
        for money in sums
        if money.currency == currency
    )
    return Panel(currency, totals, top, bars, below)


def _decisions(month: Month, place: int) -> Panel:
    top = HEAD + PANEL * place
    largest = Decimal(max(1, *month.waited))
    slot = (WIDTH - 2 * MARGIN) / len(CLASSES)
    bars = tuple(
        _bar("decided", name, Decimal(number), largest, top,
             (MARGIN + slot * (column + 0.2), slot * 0.6))
        for column, (name, number) in enumerate(zip(CLASSES, month.waited, strict=True))
    )  # fmt: skip
    below = tuple(
        (round(MARGIN + slot * (column + 0.5)), f"{name}: {number:,}")
        for column, (name, number) in enumerate(zip(CLASSES, month.waited, strict=True))
    )
    return Panel("Time to decision", f"median {duration(month.to_decision)}", top, bars, below)


def _bar(
    kind: str, key: str, value: Decimal, largest: Decimal, top: int, place: tuple[float, float]
) -> Bar:
    """A bar whose height is to `BARS` what its value is to the largest one."""
    height = round(float(abs(value) / largest) * BARS)
    bottom = top + 64 + BARS
    left, width = place
    known: Kind = "posted" if kind == "posted" else "mailed" if kind == "mailed" else "decided"
    return Bar(known, key, value, round(left), bottom - height, round(left + width), bottom)


def draw(chart: Chart) -> bytes:
    """The picture as PNG."""
    image = Image.new("RGB", (WIDTH, chart.height), GROUND)
    pen = ImageDraw.Draw(image)
    title, label = ImageFont.load_default(TITLE), ImageFont.load_default(LABEL)
    pen.text((MARGIN, 34), chart.title, INK, title)
    pen.text((MARGIN, 104), chart.subtitle, QUIET, label)
    _legend(pen, label)
    for panel in chart.panels:
        _panel(pen, panel, label)
    pen.text((MARGIN, chart.height - 62), chart.note, QUIET, ImageFont.load_default(28))
    made = io.BytesIO()
    image.save(made, "PNG", optimize=True)
    return made.getvalue()


def _legend(pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> None:
    at = WIDTH - MARGIN - 360
    for name, color in (("posted", COLORS["posted"]), ("mailed", COLORS["mailed"])):
        pen.rectangle((at, 52, at + 30, 82), color)
        pen.text((at + 42, 46), name, INK, font)
        at += 190


def _panel(
    pen: ImageDraw.ImageDraw, panel: Panel, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> None:
    base = panel.top + 64 + BARS
    pen.text((MARGIN, panel.top), panel.heading, INK, font)
    pen.text((WIDTH - MARGIN, panel.top), _fitting(pen, panel.total, font), INK, font, anchor="ra")
    pen.line((MARGIN, base, WIDTH - MARGIN, base), GRID, 3)
    for bar in panel.bars:
        if bar.bottom > bar.top:
            inside = GROUND if bar.value < 0 else COLORS[bar.kind]
            pen.rectangle(bar.corners, inside, COLORS[bar.kind], width=3)
    small = ImageFont.load_default(28)
    for x, words in panel.below:
        pen.text((x, base + 10), words, QUIET, small, anchor="ma")


def _fitting(
    pen: ImageDraw.ImageDraw, words: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> str:
    """Words cut to what stands beside a heading."""
    parts: Sequence[str] = words.split(" · ")
    while len(parts) > 1 and pen.textlength(" · ".join(parts), font) > WIDTH - 2 * MARGIN - 130:
        parts = parts[1:]
    return " · ".join(parts)
