"""`billing-bot backup`: copies the whole database."""

from pathlib import Path

import click

from bot.cli.exits import refused_in_words
from bot.cli.help import example
from bot.cli.progress import copying
from bot.settings import read_audit_settings
from bot.store.engine import without_password
from bot.store.snapshot import refuse_missing, saved


@click.command(epilog=example("billing-bot backup /backups/billing-bot-$(date +%F).db"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the whole database that DATABASE_URL names into FILE, while the bot may be running.

    FILE is readable by its owner only; an existing one is replaced once the copy is complete.
    `billing-bot restore FILE` puts it back. With BACKUP_DIR set, a running bot makes such copies by
    itself.
    """
    with refused_in_words():
        source = read_audit_settings().database_path
        refuse_missing(source)
        with copying(Path(source), "Copying") as look:
            size = saved(source, file, look)
    click.echo(f"Backed up {without_password(source)} to {file} ({size:,} bytes).")
