"""Opens the database file: one process at a time, checked and brought up to date."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from bot.store.database import BUSY_SECONDS, Guarded
from bot.store.errors import StoreBusyError, StoreError
from bot.store.private import beside, made, opened_alone, replaced, warn_of_wide_modes
from bot.store.schema import migrations, refuse_newer

SECONDS_FOR_OTHERS = 300.0
"""How long a start waits for another process that checks and migrates the same file."""

PAUSE_SECONDS = 0.05

CHECKED_FIRST = 64 << 20
"""Bytes of a file that is checked before it is opened, a tenth of a second at most; a larger one can take a minute."""

OURS = ("_sqlite_migrations", "requests")
"""Tables of which each database of the bot has one, however old it is; the first alone if making it was broken off."""

LOST = (
    "If a database was here, put a backup back with `billing-bot restore`, or nobody will know what was sent. "
    "Only if no bot has worked here yet, delete"
)

EMPTY = f"DATABASE_URL: {{}} is empty, which no start of Billing Bot leaves behind. {LOST} the file and start again."

STEPS_BETWEEN_LOOKS = 100_000  # of SQLite's machine; a few milliseconds


def _never() -> bool:
    return False


def takes_long_to_check(path: Path | str) -> bool:
    """Return whether a file is so large that a bot checks it while it takes clicks already."""
    try:
        return Path(path).stat().st_size > CHECKED_FIRST
    except OSError:  # there is none yet, or opening it says why not
        return False


def open_database(
    path: Path | str, given_up: Callable[[], bool] = _never, *, unchecked: bool = False
) -> Guarded:
    """Open the file with durable commits, and bring its tables up to date.

    Args:
        path: The file. It is opened by its absolute path, which SQLite cannot mistake for anything
            else.
        given_up: Asked now and then while the file is waited for and checked, which takes seconds
            if it is large; True breaks that off.
        unchecked: Leave the check to the caller, unless the tables have to be changed first.

    Raises:
        StoreError: It cannot be opened, or a newer version of the bot has written it.
    """
    try:
        with _nobody_else_opens(path, given_up):
            _make_if_missing(path)
            connection = sqlite3.connect(
                made(path).absolute(), timeout=BUSY_SECONDS, check_same_thread=False
            )
            try:
                _refuse_what_is_not_ours(connection, path)
                connection.set_progress_handler(given_up, STEPS_BETWEEN_LOOKS)
                if not unchecked or migrations.pending(Database(connection)):
                    _refuse_damage(connection)
                connection.set_progress_handler(None, 0)
                _bring_up_to_date(connection)
            except BaseException:
                connection.close()
                raise
    except (sqlite3.Error, OSError) as error:
        msg = f"DATABASE_URL: the database {path} cannot be opened: {error}."
        raise (StoreBusyError if _passes(error) else StoreError)(msg) from error
    warn_of_wide_modes(path)
    return Guarded(connection, path)


def _passes(error: Exception) -> bool:
    """Return whether an error will pass: locked, full, or being opened by another process."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, TimeoutError) or code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)


def damage_of(connection: sqlite3.Connection) -> str:
    """Return what SQLite's quick check finds first; empty if the file is whole."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return "" if found == "ok" else " ".join(str(found).split())


def _make_if_missing(path: Path | str) -> None:
    """Make a new database under another name first, so that a start which is broken off leaves no empty file in its place.

    Raises:
        StoreError: Only the log of a database is there, or an empty file: SQLite would delete its log.
    """
    place = beside(path, "")
    if place.exists():
        if place.is_file() and not place.stat().st_size:
            raise StoreError(EMPTY.format(path))
        return
    log = beside(path, "-wal")
    if log.exists() and log.stat().st_size:
        msg = f"DATABASE_URL: there is no {path}, but the log of one, {log.name}. {LOST} {log.name} and start again."
        raise StoreError(msg)
    with replaced(place) as unfinished, closing(sqlite3.connect(unfinished)) as connection:
        _bring_up_to_date(connection)


def _refuse_what_is_not_ours(connection: sqlite3.Connection, path: Path | str) -> None:
    """Refuse an empty file and another program's: a database may have been lost, and nothing of it would be known.

    Raises:
        StoreError: It is empty, or no database of the bot.
    """
    tables = set(Database(connection).table_names())
    if not tables:
        raise StoreError(EMPTY.format(path))
    if tables.isdisjoint(OURS):
        msg = f"DATABASE_URL: {path} is a database of another program. Name another file; nothing was changed."
        raise StoreError(msg)


def _refuse_damage(connection: sqlite3.Connection) -> None:
    if found := damage_of(connection):
        raise sqlite3.DatabaseError(f"it is damaged ({found}); restore a backup")


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    database = Database(connection)
    refuse_newer({each.name for each in migrations.applied(database)})
    migrations.apply(database)


@contextmanager
def _nobody_else_opens(path: Path | str, given_up: Callable[[], bool]) -> Iterator[None]:
    """Let processes that start together open and migrate a file one after another.

    The lock is on a separate file that nobody else can open, and ends with its process. Anybody who may read a folder
    could lock that.

    Raises:
        OSError: The lock cannot be taken.
    """
    descriptor = opened_alone(beside(path, ".opening"))
    until = time.monotonic() + SECONDS_FOR_OTHERS
    try:
        while not _is_had(descriptor):
            if given_up() or time.monotonic() > until:
                msg = "another process has been opening it for a long time"
                raise TimeoutError(msg)
            time.sleep(PAUSE_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _is_had(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
