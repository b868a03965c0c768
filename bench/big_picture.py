"""The picture of how the cost of a large request grows, for docs/benchmarks.md."""

import re
from collections.abc import Mapping, Sequence
from math import log10

from bench.figures import Row
from bench.stage import ROOT

PICTURE = ROOT / "docs" / "images" / "big.svg"
WIDE, HIGH, LEFT, BELOW, RIGHT, ABOVE = 640, 360, 60, 40, 190, 20
COLORS = ("#2166ac", "#b2182b", "#4d4d4d")


DRAWN = {
    "by run, form to card": r"from the form to the saved card, of a run of ([\d,]+)",
    "by number, form to card": r"from the form to the saved card, ([\d,]+) numbers in a file",
    "by number, all mails": r"mails one by one, every step in the database, ([\d,]+) numbers in a file",
}
"""By name in the picture: which rows of the table, whose figures are seconds."""


def write_picture(rows: Sequence[Row]) -> None:
    """Draw the seconds of each part against the documents, where all of them were measured."""
    grown: dict[int, dict[str, float]] = {}
    for name, pattern in DRAWN.items():
        for row in rows:
            if found := re.fullmatch(pattern, row.what):
                documents = int(found[1].replace(",", ""))
                grown.setdefault(documents, {"documents": documents})[name] = float(
                    row.ours.split()[0]
                )
    if len(grown) > 1 and all(len(each) == len(DRAWN) + 1 for each in grown.values()):
        PICTURE.write_text(drawn([grown[documents] for documents in sorted(grown)]))


def drawn(grown: Sequence[Mapping[str, float]]) -> str:
    """The picture as SVG; a thin line shows what is linear."""
    sizes = [each["documents"] for each in grown]
    names = [name for name in grown[0] if name != "documents"]
    seconds = [each[name] for each in grown for name in names]
    low, high = min(seconds) / 1.5, max(seconds) * 1.5

    def at(documents: float, value: float) -> str:
        across = log10(documents / sizes[0]) / log10(sizes[-1] / sizes[0])
        up = log10(value / low) / log10(high / low)
        x = LEFT + across * (WIDE - LEFT - RIGHT)
        return f"{x:.0f},{HIGH - BELOW - up * (HIGH - BELOW - ABOVE):.0f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" font-size="12">',
        "<title>Seconds by documents: form to card by run and by number, and all mails by number</title>",
        f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>',
    ]
    for size in sizes:
        x, y = at(size, low).split(",")
        parts.append(f'<text x="{x}" y="{int(y) + 18}" text-anchor="middle">{size:,.0f}</text>')
    for place, name in enumerate(names):
        color, values = COLORS[place % len(COLORS)], [each[name] for each in grown]
        line = " ".join(map(at, sizes, values))
        straight = " ".join(
            at(size, values[0] * size / sizes[0])
            for size in sizes
            if values[0] * size / sizes[0] <= high
        )
        parts.append(
            f'<polyline points="{straight}" fill="none" stroke="{color}" stroke-dasharray="2 4"/>'
        )
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        for size, value in zip(sizes, values, strict=True):
            x, y = at(size, value).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>')
            parts.append(
                f'<text x="{x}" y="{int(y) - 7}" text-anchor="end" fill="{color}">{value:.1f} s</text>'
            )
        x, y = at(sizes[-1], values[-1]).split(",")
        parts.append(f'<text x="{int(x) + 10}" y="{int(y) + 4}" fill="{color}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
