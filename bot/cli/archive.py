"""`billing-bot archive`: moves requests that ended long ago into a separate file."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.cli.checked import checked
from bot.cli.clock import SystemClock
from bot.cli.exits import MEND_FIRST, refused_in_words
from bot.cli.help import example
from bot.cli.progress import copying
from bot.cli.typed import Day
from bot.domain.history import Head
from bot.domain.words import count
from bot.settings import AuditSettings, read_audit_settings
from bot.store.errors import CouldNotRecordError, StoreError
from bot.store.file.backup import back_up
from bot.store.lock import WorkLock
from bot.store.snapshot import only_of_a_file, refuse_missing
from bot.store.store import Store
from bot.workflow.archiving import YOUNGEST, Archived, archive, nothing_before

ON_A_SERVER = (
    "Only a file can be archived; a server handles large tables well. To archive all the same, stop every process, "
    "`billing-bot copy` the database to a file, archive that, and copy it into a new database."
)
WORKS = "Billing Bot still works on {}: stop it first. Nothing was changed."


@click.command(
    "archive", epilog=example("billing-bot archive --before 2025-01-01 /archives/2024.db")
)
@click.option(
    "--before", "day", type=Day(), required=True,
    help="Archive what ended before this day (UTC), at least 31 days ago.",
)  # fmt: skip
@click.option(
    "--even-if-not-whole", is_flag=True,
    help="Archive although `billing-bot verify` finds something wrong with the history, such as a clock "
    "that went back years ago; FILE shows the same.",
)  # fmt: skip
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def archive_command(day: datetime, file: Path, *, even_if_not_whole: bool) -> None:
    """Move the requests that ended before a day into FILE, and make the database smaller.

    Stop the bot first. FILE is a complete copy of the database as it is now, so `billing-bot
    verify FILE` checks it, and `evidence` and `export` read it with DATABASE_URL=sqlite:///FILE.
    Once FILE has been checked, the requests' documents, messages and entries leave the database.
    The history records FILE's SHA-256 and goes on from its end; `billing-bot verify --archive
    FILE` compares the two.

    To find duplicates, this stays of each request: its number, what it was about, who
    asked and decided, its calls to Zuora, and every document that it may have mailed.
    """
    with refused_in_words():
        settings = read_audit_settings()
        before = _old_enough(day)
        _refuse_a_file_that_is_there(file)
        made = _archived(settings, file, before, anyway=even_if_not_whole)
    click.echo(
        f"Archived {count(made.requests, 'request')}, up to row {made.last} of the history, in {file}. Keep that file: "
        "their documents and entries are nowhere else."
    )


def _old_enough(day: datetime) -> datetime:
    before = day.replace(tzinfo=UTC)
    if before > SystemClock().now() - YOUNGEST:
        raise click.BadParameter(
            f"the day must be at least {YOUNGEST.days} days ago", param_hint="--before"
        )
    return before


def _refuse_a_file_that_is_there(file: Path) -> None:
    if file.exists():
        raise StoreError(f"{file} already exists, and an archive is never overwritten.")


def _archived(settings: AuditSettings, file: Path, before: datetime, *, anyway: bool) -> Archived:
    path = only_of_a_file(settings.database_path, ON_A_SERVER)
    refuse_missing(settings.database_path)
    key = settings.audit_key.get_secret_value()
    lock = WorkLock(Path(f"{path}.lock"))
    if not lock.take():
        click.echo(WORKS.format(path), err=True)
        sys.exit(MEND_FIRST)
    store = Store.open(path, key)
    try:
        if store.archives.leaving(before) is None:
            raise StoreError(nothing_before(before))
        with copying(path, "Copying") as look:
            back_up(path, file, look)
        copied = _checked(file, key, anyway=anyway)
        file.chmod(0o400)
        click.echo("Taking out what is archived", err=True)
        made = _taken_out(store, file, copied, before)
        try:
            store.archives.shrink()
        except CouldNotRecordError as error:
            click.echo(
                f"It is archived, but the database's file stays as large as before: {error}",
                err=True,
            )
        return made
    finally:
        store.close()
        lock.release()


def _taken_out(store: Store, file: Path, copied: Head, before: datetime) -> Archived:
    try:
        return archive(store, file, copied, before, SystemClock().now())
    except StoreError:
        file.unlink()  # nothing was removed, so it is only one more copy
        raise


def _checked(file: Path, key: str, *, anyway: bool) -> Head:
    """Return where the copy's history ends.

    Raises:
        StoreError: The copy is damaged; it is deleted, and nothing else changes.
    """
    verified = checked(file, key)
    if verified.findings and not anyway:
        file.unlink()
        raise StoreError(
            "The history is not whole, so nothing was archived; see `billing-bot verify`."
        )
    return verified.last
