"""`python -m bench [PART …]`: measure, print one table, write docs/benchmarks.md."""

import asyncio
import importlib

import click

from bench.figures import Options, Row
from bench.report import keep, table, write_docs

PARTS = (
    "clicks", "decisions", "mailing", "start", "reads", "memory", "following", "verifying",
)  # fmt: skip


async def _measure(parts: tuple[str, ...], options: Options) -> list[Row]:
    rows: list[Row] = []
    for part in parts:
        click.echo(f"{part} …", err=True)
        found = await importlib.import_module(f"bench.{part}").measure(options)
        click.echo(table(found), err=True)
        rows += found
    return rows


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--small", is_flag=True, help="Small sizes: shows that it works, and no more.")
@click.option("--rounds", type=int, default=None, help="How often each is measured.")
def main(parts: tuple[str, ...], *, small: bool, rounds: int | None) -> None:
    """Measure all parts, or those that are named; figures of the others stay as they were."""
    options = Options.of_size(small=small, rounds=rounds)
    rows = asyncio.run(_measure(parts or PARTS, options))
    kept = keep(rows, options)
    click.echo(table([row for row, _ in kept]))
    if not small:
        write_docs(kept)


if __name__ == "__main__":
    main()
