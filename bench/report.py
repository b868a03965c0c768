"""The table, and docs/benchmarks.md with it."""

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version

from bench.big_picture import write_picture
from bench.figures import PARTS, PAUSES, Options, Row, as_row
from bench.stage import CACHE, ROOT

Kept = list[tuple[Row, str]]
"""Rows, each with the time it was measured at."""

FIGURES = CACHE / "figures.json"
LIBRARIES = ("slack-bolt", "slack-sdk", "aiohttp", "httpx2", "pydantic", "sqlite-utils")


def keep(rows: Sequence[Row]) -> Kept:
    """Put new rows in the place of those of the same parts, for a later run too; all of them."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    kept = merged(_kept(), rows, now)
    CACHE.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps([[asdict(row), at] for row, at in kept], indent=1))
    return kept


def forget() -> None:
    """Begin anew: nothing that was measured before stays."""
    FIGURES.unlink(missing_ok=True)


def _kept() -> Kept:
    found = json.loads(FIGURES.read_text()) if FIGURES.exists() else []
    return [(as_row(row), at) for row, at in found]


def merged(before: Kept, rows: Sequence[Row], now: str) -> Kept:
    """What was kept with new rows: in the order of the parts, and in each as it was measured.

    A part that was measured keeps no old row; pauses belong to many parts, and each stands until it
    is measured again.
    """
    measured = {row.part for row in rows} - {PAUSES}
    found = {(row.part, row.what): (row, at) for row, at in before if row.part not in measured}
    found |= {(row.part, row.what): (row, now) for row in rows}
    return sorted(found.values(), key=lambda each: (*PARTS, PAUSES).index(each[0].part))


def missing(kept: Kept) -> list[str]:
    """Parts that have no figure yet."""
    there = {row.part for row, _ in kept}
    return [part for part in PARTS if part not in there | {"big"}]


def pauses(options: Options) -> list[Row]:
    """The longest pauses of the bot's event loop that a part has seen."""
    return [
        Row(
            part=PAUSES,
            what=f"longest pause of the bot's event loop: {what}",
            ours=f"{milliseconds:.0f} ms",
            against=_of_empty(options.pauses_of_empty.get(what)),
            goal="≤ 50 ms",
            met=milliseconds <= 50,  # noqa: PLR2004 - the goal
        )
        for what, milliseconds in options.pauses.items()
    ]


def _of_empty(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"the empty Bolt app, {milliseconds:.0f} ms"


def table(rows: Sequence[Row]) -> str:
    """All rows as a Markdown table."""
    lines = ["| What | Figure | Against | Ratio (spread) | Goal | |", "|---|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"**{row.ratio:.2f}** ({row.spread})"
        note = f" ({row.note})" if row.note else ""
        lines.append(
            f"| {row.what}{note} | {row.ours} | {row.against} | {ratio} | {row.goal} "
            f"| {row.verdict} |"
        )
    return "\n".join(lines)


def write_docs(kept: Kept) -> None:
    """Write the figures into docs/benchmarks.md, between what people wrote around them."""
    path = ROOT / "docs" / "benchmarks.md"
    text = path.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{_figures(kept)}\n{END}{after}")


def write_big(rows: Sequence[Row], *, anew: bool) -> None:
    """Write the figures of large requests, which are measured by themselves, between their own marks.

    Args:
        rows: What was measured.
        anew: Whether that is all; else others stay as they were.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    before = [] if anew or not BIG_FIGURES.exists() else json.loads(BIG_FIGURES.read_text())
    found = {each["what"]: (as_row(each), at) for each, at in before}
    found |= {row.what: (row, now) for row in rows}
    kept = sorted(found.values(), key=lambda each: _size(each[0]))
    CACHE.mkdir(exist_ok=True)
    BIG_FIGURES.write_text(json.dumps([[asdict(row), at] for row, at in kept], indent=1))
    path = ROOT / "docs" / "benchmarks.md"
    start, _, rest = path.read_text().partition(BEGIN_BIG)
    _, _, after = rest.partition(END_BIG)
    path.write_text(f"{start}{BEGIN_BIG}\n{_figures(kept)}\n{END_BIG}{after}")
    write_picture([row for row, _ in kept])


def _size(row: Row) -> tuple[bool, int, bool]:
    """Where a row stands in the table: by its documents, a run before a list, and at the end what is shown."""
    found = re.search(r"run of ([\d,]+)|([\d,]+) numbers", row.what)
    if found is None:
        return True, 0, False
    return False, int((found[1] or found[2]).replace(",", "")), bool(found[2])


BIG_FIGURES = CACHE / "big.json"


BEGIN_BIG, END_BIG = "<!-- big -->", "<!-- end of big -->"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def _figures(kept: Kept) -> str:
    times = sorted({at for _, at in kept})
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"\nMeasured {times[0]} to {times[-1]} on {os.cpu_count()} cores, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}; {libraries}.\n\n"
        f"{table([row for row, _ in kept])}\n"
    )
