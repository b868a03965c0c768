"""`billing-bot backup`: copies the database whole."""

import sys
from pathlib import Path

import click

from bot.cli.exits import NOT_READABLE, WRONG_SETTINGS
from bot.cli.help import example
from bot.cli.progress import copying
from bot.settings import SettingsError, read_audit_settings
from bot.store.engine import without_password
from bot.store.errors import StoreError
from bot.store.snapshot import saved


@click.command(epilog=example("billing-bot backup /backups/billing-bot-$(date +%F).db"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the database that DATABASE_URL names into FILE, whole and in one step, while the bot runs.

    FILE is readable by its owner only; an existing one is replaced once the copy is complete.
    `billing-bot restore FILE` puts it back. With BACKUP_DIR set, a running bot makes such copies by
    itself.
    """
    try:
        source = read_audit_settings().database_path
        with copying(Path(source), "Copying") as look:
            size = saved(source, file, look)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_SETTINGS)
    except StoreError as error:
        click.echo(str(error), err=True)
        sys.exit(NOT_READABLE)
    click.echo(f"Backed up {without_password(source)} to {file} ({size:,} bytes).")
