"""`billing-bot restore`: replaces the database by a backup."""

import sys
from pathlib import Path

import click

from bot.cli.checked import checked
from bot.cli.clock import SystemClock
from bot.cli.exits import MEND_FIRST, NOT_READABLE, refused_in_words
from bot.cli.help import example
from bot.cli.progress import copying
from bot.domain.words import count
from bot.settings import read_audit_settings
from bot.store.errors import StoreError
from bot.store.file.backup import put_back
from bot.store.lock import WorkLock
from bot.store.private import beside
from bot.store.snapshot import only_of_a_file

ON_A_SERVER = (
    "Put it back with `billing-bot copy sqlite:///{} DATABASE_URL` into an empty database there."
)
WORKS = "Billing Bot still works on {}: stop it first. Nothing was changed."


@click.command(epilog=example("billing-bot restore /backups/billing-bot-20261128T180000Z.db"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--even-if-not-whole", is_flag=True,
    help="Put it back although `billing-bot verify` finds something wrong with its history.",
)  # fmt: skip
def restore(file: Path, *, even_if_not_whole: bool) -> None:
    """Put the backup FILE in the place of the database that DATABASE_URL names.

    Stop the bot first: if one still works, nothing is changed and the exit status is 2. FILE is
    checked before it is put back, as `billing-bot verify FILE` does; it stays where it is. The old
    database is kept beside the new one, under a name with the time in it.

    At its next start the bot compares the copy with what Slack shows. If more happened after it was made,
    nothing is carried out or sent until `billing-bot resume-after-restore` has been run.
    """
    with refused_in_words():
        settings = read_audit_settings()
        path = only_of_a_file(settings.database_path, ON_A_SERVER.format(file))
        _refuse_itself(file, path)
        verified = checked(file, settings.audit_key.get_secret_value())
        if verified.findings and not even_if_not_whole:
            click.echo(
                "Nothing was changed. --even-if-not-whole puts it back all the same.", err=True
            )
            sys.exit(NOT_READABLE)
        kept = _put_back(file, path)
    click.echo(f"Put back {file} to {path}: {count(verified.entries, 'row')} of history.")
    if kept:
        click.echo(f"What was there is kept as {kept}.")
    click.echo(
        "Start the bot. If it says that it is held, stop it, look in Zuora at what was done since the "
        "backup, and run `billing-bot resume-after-restore`."
    )


def _refuse_itself(file: Path, path: Path) -> None:
    if path.exists() and file.samefile(path):
        raise StoreError(f"{file} is the database itself, not a backup of it.")


def _put_back(file: Path, path: Path) -> Path | None:
    lock = WorkLock(beside(path, ".lock"))
    if not lock.take():
        click.echo(WORKS.format(path), err=True)
        sys.exit(MEND_FIRST)
    try:
        with copying(file, "Copying") as look:
            return put_back(file, path, SystemClock().now(), look)
    finally:
        lock.release()
