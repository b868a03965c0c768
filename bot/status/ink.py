"""Draws a month's picture with Pillow. A separate program, which ends when the picture is drawn.

    python -m bot.status.ink < CHART.json > PICTURE.png

It imports nothing of the bot but the picture's layout, so it starts quickly. In a thread of the
bot, drawing would hold up the event loop and keep Pillow in memory.
"""

import io
import sys
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from bot.status.picture import (
    BARS,
    BARS_TOP,
    MARGIN,
    NOTE_LINE,
    WIDTH,
    Chart,
    Panel,
    from_text,
)

TITLE, LABEL, SMALL = 52, 34, 28
GROUND, INK, QUIET, GRID = (248, 249, 251), (24, 32, 44), (86, 97, 112), (205, 211, 219)
COLORS = {"posted": (217, 119, 6), "mailed": (29, 78, 216), "decided": (15, 118, 110)}
"""Colour-blind readers can distinguish orange and blue; the legend names both."""

PALE = {"posted before": (246, 221, 187), "mailed before": (199, 211, 245)}
"""The month before; a thin outline makes them stand out from the ground."""


def draw(chart: Chart) -> bytes:
    """Return the picture as PNG."""
    image = Image.new("RGB", (WIDTH, chart.height), GROUND)
    pen = ImageDraw.Draw(image)
    title, label = ImageFont.load_default(TITLE), ImageFont.load_default(LABEL)
    pen.text((MARGIN, 34), chart.title, INK, title)
    pen.text((MARGIN, 104), chart.subtitle, QUIET, label)
    _legend(pen, label)
    for panel in chart.panels:
        _panel(pen, panel, label)
    small = ImageFont.load_default(SMALL)
    note = (MARGIN, chart.height - 22 - NOTE_LINE * len(chart.note.splitlines()))
    pen.text(note, chart.note, QUIET, small, spacing=NOTE_LINE - SMALL)
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
    base = panel.top + BARS_TOP + BARS
    pen.text((MARGIN, panel.top), panel.heading, INK, font)
    pen.text((WIDTH - MARGIN, panel.top), _fitting(pen, panel.total, font), INK, font, anchor="ra")
    pen.line((MARGIN, base, WIDTH - MARGIN, base), GRID, 3)
    small = ImageFont.load_default(SMALL)
    for y, _ in panel.scale:
        pen.line((MARGIN, y, WIDTH - MARGIN, y), GRID, 1)
    for bar in panel.bars:
        if bar.bottom > bar.top:
            color = COLORS.get(bar.kind, QUIET)
            inside = GROUND if bar.value < 0 else PALE.get(bar.kind, color)
            pen.rectangle(bar.corners, inside, color, width=1 if bar.kind in PALE else 3)
    for y, words in panel.scale:  # above the bars, which may be where the value is
        pen.text(
            (MARGIN, y - 2), words, QUIET, small, anchor="ld", stroke_width=5, stroke_fill=GROUND
        )
    for x, words in panel.below:
        pen.text((x, base + 10), words, QUIET, small, anchor="ma", align="center")


def _fitting(
    pen: ImageDraw.ImageDraw, words: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> str:
    """Return the words, cut to fit next to a heading."""
    parts: Sequence[str] = words.split(" · ")
    while len(parts) > 1 and pen.textlength(" · ".join(parts), font) > WIDTH - 2 * MARGIN - 130:
        parts = parts[1:]
    return " · ".join(parts)


def main() -> None:
    """Read a chart and write its picture."""
    sys.stdout.buffer.write(draw(from_text(sys.stdin.read())))


if __name__ == "__main__":
    main()
