"""Opening the database file, and the one way to write to it."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from bot.store.errors import CouldNotRecordError, ForbiddenByDatabaseError, StoreError
from bot.store.schema import migrations

__all__ = ["CouldNotRecordError", "StoreError", "open_database", "transaction"]

logger = logging.getLogger(__name__)

BUSY_SECONDS = 1.0
"""How long a write waits for somebody else's. The event loop stands still meanwhile, and Slack takes
an acknowledgement within 3 s, so that a click can still be answered that could not be recorded."""

WHAT_TO_DO = "could_not_record: check the disk's space, rights and health of the file"


class _Guarded(Database):
    """A database whose failures are the bot's own errors, for reading outside a transaction too."""

    def execute(
        self, sql: str, parameters: Sequence[Any] | dict[str, Any] | None = None
    ) -> sqlite3.Cursor:
        """As the base class does.

        Raises:
            CouldNotRecordError: The file cannot be read or written.
        """
        try:
            return super().execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise _could_not_record(error) from error


def _could_not_record(error: sqlite3.DatabaseError) -> CouldNotRecordError:
    logger.error(WHAT_TO_DO, exc_info=error)
    return CouldNotRecordError(f"could not record this: {error}")


def open_database(path: Path | str) -> Database:
    """Open the file, durable and strict, and bring its tables up to date.

    Raises:
        StoreError: It cannot be opened, or a newer version of the bot has written it.
    """
    try:
        with _nobody_else_opens(path):
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
            try:
                _bring_up_to_date(connection)
            except BaseException:
                connection.close()
                raise
    except sqlite3.Error as error:
        msg = f"The database {path} cannot be opened: {error}."
        raise StoreError(msg) from error
    return _Guarded(connection)


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    database = Database(connection)
    refuse_newer(database)
    migrations.apply(database)


@contextmanager
def _nobody_else_opens(path: Path | str) -> Iterator[None]:
    """Let processes that start together open and migrate a file one after the other.

    It is a lock on the folder, which leaves no file behind and ends with its process. Where there
    is no such folder, opening the file says so.
    """
    try:
        descriptor = os.open(Path(path).parent, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refuse_newer(database: Database) -> None:
    """Refuse a database that a newer version of the bot has migrated.

    Raises:
        StoreError: In one sentence.
    """
    known = {migration.name for migration in migrations.pending(Database(memory=True))}
    newer = {migration.name for migration in migrations.applied(database)} - known
    if newer:
        msg = (
            f"This database was written by a newer version of Billing Bot "
            f"({', '.join(sorted(newer))}); start that version: nothing was changed."
        )
        raise StoreError(msg)


@contextmanager
def transaction(database: Database) -> Iterator[None]:
    """One durable transaction that nobody else can write between. Never await inside it.

    Inside another one it is a part of that, undone by itself where it fails.

    `BEGIN IMMEDIATE` takes the write lock first, so what is read inside is what is written upon;
    sqlite-utils' own `atomic()` begins deferred and would have to be repeated on a busy file.

    Raises:
        CouldNotRecordError: Nothing was written. It is a `ForbiddenByDatabaseError` where the
            database's own rules refused it.
    """
    connection = database.conn
    begin, end, undo = _INNER if connection.in_transaction else _OUTER
    try:
        connection.execute(begin)
        try:
            yield
        except BaseException:
            _roll_back(connection, undo)
            raise
        connection.execute(end)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.ProgrammingError):
            raise
        _roll_back(connection, undo)
        if isinstance(error, sqlite3.IntegrityError):
            logger.error("the_database_forbids_it: %s", error)  # noqa: TRY400 - it is in the cause
            msg = f"could not record this: {error}"
            raise ForbiddenByDatabaseError(msg) from error
        raise _could_not_record(error) from error


_OUTER = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


def _roll_back(connection: sqlite3.Connection, undo: tuple[str, ...]) -> None:
    """Undo what was begun; a file that is broken may refuse that too, and then nothing was kept."""
    if connection.in_transaction:
        with suppress(sqlite3.DatabaseError):
            for statement in undo:
                connection.execute(statement)
