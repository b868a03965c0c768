"""`python -m bench [PART …]`: measure, print one table, write docs/benchmarks.md."""

import asyncio
import importlib
import time

import click

from bench.figures import PARTS, SECTIONS, Options, Row
from bench.report import Kept, forget, keep, missing, pauses, table, write_big, write_docs

BIG = "big"
"""Its table is its own: it is measured by itself too, and takes long."""


def _measure(part: str, options: Options) -> list[Row]:
    started = time.perf_counter()
    click.echo(f"{part} …", err=True)
    rows: list[Row] = asyncio.run(importlib.import_module(f"bench.{part}").measure(options))
    click.echo(f"{table(rows)}\n{part}: {time.perf_counter() - started:.0f} s\n", err=True)
    return [*rows, *pauses(options)]


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--small", is_flag=True, help="Small sizes: shows that it works, and no more.")
@click.option("--rounds", type=int, default=None, help="How often each is measured.")
@click.option(
    "--only", multiple=True, type=click.Choice(SECTIONS),
    help="Sections of the part big, each of which takes less than three minutes; others keep their figures.",
)  # fmt: skip
def main(parts: tuple[str, ...], *, small: bool, rounds: int | None, only: tuple[str, ...]) -> None:
    """Measure all parts, or those that are named; figures of the others stay as they were."""
    if not parts and not small:
        forget()
    rows: list[Row] = []
    kept: Kept = []
    for part in parts or PARTS:
        found = _measure(part, Options.of_size(small=small, rounds=rounds, only=only))
        rows += found
        if part == BIG and not small:
            write_big(found, anew=not only)
        elif not small:
            kept = keep(found)  # after each: a part that fails takes nothing with it
    click.echo(table(rows if small else [row for row, _ in kept]))
    if small:
        return
    if parts == (BIG,):
        return
    if lacking := missing(kept):
        click.echo(f"docs/benchmarks.md was not written; not measured yet: {', '.join(lacking)}")
    else:
        write_docs(kept)


if __name__ == "__main__":
    main()
