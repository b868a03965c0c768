"""The table, and docs/benchmarks.md with it."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version

from bench.figures import Options, Row, as_row
from bench.stage import CACHE, ROOT

Kept = list[tuple[Row, str]]
"""Rows, each with the time it was measured at."""

LIBRARIES = ("slack-bolt", "slack-sdk", "aiohttp", "httpx2", "pydantic", "sqlite-utils")


def keep(rows: Sequence[Row], options: Options) -> Kept:
    """Put new rows in the place of those of the same parts; small ones are not kept."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if options.pauses:
        rows = [*rows, *(_pause(what, pause) for what, pause in options.pauses.items())]
    if options.small:
        return [(row, now) for row in rows]
    CACHE.mkdir(exist_ok=True)
    file = CACHE / "figures.json"
    before = json.loads(file.read_text()) if file.exists() else []
    new = {(row.part, row.what) for row in rows}
    parts = {row.part for row in rows} - {"pauses"}
    kept = [(as_row(row), at) for row, at in before]
    kept = [
        (row, at) for row, at in kept
        if row.part not in parts and (row.part, row.what) not in new
    ]  # fmt: skip
    kept += [(row, now) for row in rows]
    file.write_text(json.dumps([[asdict(row), at] for row, at in kept], indent=1))
    return kept


def _pause(what: str, milliseconds: float) -> Row:
    return Row(
        part="pauses",
        what=f"longest pause of the bot's event loop: {what}",
        ours=f"{milliseconds:.0f} ms",
        goal="≤ 50 ms",
        met=milliseconds <= 50,  # noqa: PLR2004 - the goal
    )


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


BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def _figures(kept: Kept) -> str:
    order = {name: place for place, name in enumerate(dict.fromkeys(row.part for row, _ in kept))}
    rows = sorted(kept, key=lambda each: (each[0].part == "pauses", order[each[0].part]))
    times = sorted({at for _, at in kept})
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"\nMeasured {times[0]} to {times[-1]} on {os.cpu_count()} cores, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}; {libraries}.\n\n"
        f"{table([row for row, _ in rows])}\n"
    )
