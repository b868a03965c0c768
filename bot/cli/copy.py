"""`billing-bot copy`: moves the database from a file to a PostgreSQL server, or back."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bot.cli.checked import checked
from bot.cli.clock import SystemClock
from bot.cli.exits import NOT_READABLE, refused_in_words
from bot.cli.help import example
from bot.cli.logs import log_to_stderr
from bot.domain.words import count
from bot.health.processes import others_on
from bot.settings import AuditSettings, read_audit_settings
from bot.store.copying import LookAtTable
from bot.store.engine import is_postgres, without_password
from bot.store.errors import StoreError
from bot.store.moving import copy
from bot.wiring.starting import CannotStartError, take_alone, work_lock

WORKS = "Billing Bot still works on {}: stop every process of it first. Nothing was copied."
NOT_COPIED = "Nothing was copied. --even-if-not-whole copies it all the same."
NOT_WHOLE = "The history is not whole; see above. Do not work on the copy before you know why."


@click.command(
    "copy",
    epilog=example(
        "billing-bot copy sqlite:///billing-bot.db postgresql://bot@db.example.com/billing"
    ),
)
@click.option(
    "--even-if-not-whole", is_flag=True,
    help="Copy although `billing-bot verify` finds something wrong with the history, such as a clock that "
    "went back years ago; the copy shows the same.",
)  # fmt: skip
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy_command(source: str, target: str, *, even_if_not_whole: bool) -> None:
    """Copy the whole database FROM one place TO an empty one: a file to a PostgreSQL server, or back.

    Both are written as in DATABASE_URL. Stop every process of the bot first: if one still works or
    stands by, nothing is copied and the exit status is 2. The history is checked as `billing-bot
    verify` does, and every row is read again in TO and compared. Run the same command again to
    continue a copy that was broken off; no bot starts on an unfinished copy.

    Afterwards start the bot with DATABASE_URL=TO, and never again with FROM: it would not know what has been
    sent since.
    """
    log_to_stderr("ERROR")
    begun = time.monotonic()
    with refused_in_words(CannotStartError):
        here, there = _at(source), _at(target)
        _refuse_the_same(here, there)
        if not is_postgres(here.database_path) and not Path(here.database_path).is_file():
            raise StoreError(f"There is no database {here.database_path}.")
        key = read_audit_settings().audit_key.get_secret_value()
        with _alone_on(here), _alone_on(there):
            _refuse_unless(may_be_copied=_is_whole(here, key) or even_if_not_whole)
            with _watched() as look:
                rows = copy(here.database_path, there.database_path, look)
            is_whole = _is_whole(there, key)
    click.echo(
        f"Copied {count(rows, 'row')} in {time.monotonic() - begun:.1f} s, each the same on both sides. Start the bot "
        f"with DATABASE_URL={without_password(target)}, and never again with {without_password(source)}."
    )
    if not is_whole and not even_if_not_whole:
        click.echo(NOT_WHOLE, err=True)
        sys.exit(NOT_READABLE)


def _refuse_unless(*, may_be_copied: bool) -> None:
    """Refuse a damaged source.

    Raises:
        StoreError: The source is damaged.
    """
    if not may_be_copied:
        raise StoreError(NOT_COPIED)


def _refuse_the_same(here: AuditSettings, there: AuditSettings) -> None:
    """Refuse to copy a database onto itself.

    Raises:
        click.BadParameter: Both name the same.
    """
    one, other = here.database_path, there.database_path
    if one == other or (
        not (is_postgres(one) or is_postgres(other))
        and Path(one).resolve() == Path(other).resolve()
    ):
        raise click.BadParameter("FROM and TO name the same database")


def _at(url: str) -> AuditSettings:
    """Return the settings for this `DATABASE_URL`.

    Raises:
        click.BadParameter: It is not the address of a database.
    """
    try:
        return AuditSettings(database_url=url)
    except ValueError as error:
        raise click.BadParameter(
            "write FROM and TO like sqlite:///billing-bot.db or postgresql://host/name"
        ) from error


@contextmanager
def _alone_on(place: AuditSettings) -> Iterator[None]:
    """Hold the database's work lock, and check that no bot takes clicks there."""
    lock = work_lock(place)
    try:
        works = WORKS.format(without_password(place.database_url))
        take_alone(lock, works)
        if _is_shared(place.database_path):
            raise CannotStartError(works)
        yield
    finally:
        lock.release()


def _is_shared(database: str) -> bool:
    mine = 1 if is_postgres(database) else 0  # this process tries for the lock there too
    return len(others_on(database, SystemClock())) > mine


def _is_whole(place: AuditSettings, key: str) -> bool:
    """Return whether a file's history is complete; a server's is the same, row for row."""
    if is_postgres(place.database_path):
        return True
    return not checked(Path(place.database_path), key).findings


@contextmanager
def _watched() -> Iterator[LookAtTable]:
    """Show each table's rows on one line of standard error."""

    def look(table: str, rows: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[KCopying {table}: {count(rows, 'row')}", nl=False, err=True)

    try:
        yield look
    finally:
        if sys.stderr.isatty():
            click.echo("\r\033[K", nl=False, err=True)
