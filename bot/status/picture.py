"""The layout of a month's picture, as values that can be passed to another process."""

import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Literal

WIDTH = 1080
MARGIN = 48
NOTE_LINE = 40
BARS = 260
"""Height of the tallest bar of a panel, in pixels."""

BARS_TOP = 64
"""From a panel's top to the top of its tallest bar."""

BarKind = Literal["posted", "mailed", "posted before", "mailed before", "decided"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: what it shows, and where it is, in pixels from the top left."""

    kind: BarKind
    value: Decimal
    left: int
    top: int
    right: int
    bottom: int

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Return the corners as Pillow takes them."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing: a heading, bars on a line, and words below the line.

    `scale` holds heights, in pixels from the top, and the value to write on the line drawn there.
    """

    heading: str
    total: str
    top: int
    bars: tuple[Bar, ...]
    below: tuple[tuple[int, str], ...]
    scale: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn, before it is drawn."""

    title: str
    subtitle: str
    panels: tuple[Panel, ...]
    note: str
    height: int


def as_text(chart: Chart) -> str:
    """Return a chart as JSON; values of bars are text."""
    return json.dumps(asdict(chart), default=str)


def from_text(text: str) -> Chart:
    """Read what `as_text` wrote."""
    found = json.loads(text)
    panels = [
        Panel(
            heading=each["heading"],
            total=each["total"],
            top=each["top"],
            bars=tuple(Bar(**{**bar, "value": Decimal(bar["value"])}) for bar in each["bars"]),
            below=tuple((x, words) for x, words in each["below"]),
            scale=tuple((y, words) for y, words in each["scale"]),
        )
        for each in found["panels"]
    ]
    return Chart(**{**found, "panels": tuple(panels)})
