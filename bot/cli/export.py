"""`billing-bot export`: a month's requests as a file, from the database file alone."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.cli.exits import refused_in_words
from bot.cli.help import example
from bot.settings import read_audit_settings
from bot.status.export import ArchivedError, Format, export
from bot.status.month import month_named
from bot.store.file.reading import open_read_only
from bot.store.private import replaced
from bot.store.snapshot import as_file
from bot.store.store import Store


@click.command(
    "export", epilog=example("billing-bot export --month 2026-10 --format xlsx --out october.xlsx")
)
@click.option("--month", "typed", required=True, help="The month, like 2026-10.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "json", "xlsx"]),
    default="csv",
    show_default=True,
    help="The file's format: comma-separated text, JSON, or a workbook.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; without it billing-2026-10.csv here, by month and format.",
)
def export_month(typed: str, kind: Format, out: Path | None) -> None:
    """Write each request of a month with its documents and results into a file.

    People appear under the names that the history has for them; in JSON under their Slack ids.
    """
    month = month_named(typed, datetime.now(UTC))
    if month is None:
        raise click.BadParameter(
            f"{typed!r} is not a month; write it like 2026-10", param_hint="--month"
        )
    out = out or Path(f"billing-{month}.{kind}")
    with refused_in_words(ArchivedError):
        settings = read_audit_settings()
        with (
            as_file(settings.database_path) as path,
            open_read_only(path) as file,
            replaced(out, database=settings.database_path) as unfinished,
            unfinished.open("wb") as into,
        ):
            asyncio.run(export(Store.reading(file), month, kind, into))
    click.echo(f"{out} written.")
