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
from bot.store.private import made, warn_of_wide_modes
from bot.store.schema import migrations

__all__ = ["CouldNotRecordError", "StoreError", "open_database", "transaction"]

logger = logging.getLogger(__name__)

BUSY_SECONDS = 1.0
"""How long a write waits for somebody else's. The event loop stands still meanwhile, and Slack takes
an acknowledgement within 3 s, so that a click can still be answered that could not be recorded."""

WHAT_TO_DO = "could_not_record: check the disk's space, rights and health of the file"


class _Guarded(Database):
    """A database whose failures are the bot's own errors, for reading outside a transaction too.

    Args:
        connection: The open connection.
        path: Its file, which must stay the one that was opened: a process that goes on writing to a
            deleted file would act on what nobody will ever read.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | str) -> None:
        super().__init__(connection)
        self._path = Path(path)
        self._file = self._stands_there()
        self._is_damaged = False

    def _stands_there(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @property
    def trouble(self) -> str:
        """Why nothing can be written that lasts; empty if nothing is known to be wrong."""
        if self._stands_there() != self._file:
            return "database deleted or replaced"
        return "database damaged" if self._is_damaged else ""

    def refuse_trouble(self) -> None:
        """Let nothing begin on a file that is not there, or not whole.

        Raises:
            CouldNotRecordError: It is so.
        """
        if trouble := self.trouble:
            logger.error(WHAT_TO_DO, extra={"trouble": trouble})
            raise CouldNotRecordError(f"could not record this: {trouble}")

    def noticed(self, error: sqlite3.DatabaseError) -> None:
        """Remember damage: a page that is broken stays so, whatever other pages hold."""
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            self._is_damaged = True

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
            self.noticed(error)
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
            connection = sqlite3.connect(made(path), timeout=BUSY_SECONDS, check_same_thread=False)
            try:
                _bring_up_to_date(connection)
            except BaseException:
                connection.close()
                raise
    except (sqlite3.Error, OSError) as error:
        msg = f"DATABASE_URL: the database {path} cannot be opened: {error}."
        raise StoreError(msg) from error
    warn_of_wide_modes(path)
    return _Guarded(connection, path)


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"it is damaged ({found}); restore a backup")
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
    if begin is _OUTER[0] and isinstance(database, _Guarded):
        database.refuse_trouble()
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
        if isinstance(database, _Guarded):
            database.noticed(error)
        raise _could_not_record(error) from error


_OUTER = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


def _roll_back(connection: sqlite3.Connection, undo: tuple[str, ...]) -> None:
    """Undo what was begun; a file that is broken may refuse that too, and then nothing was kept."""
    if connection.in_transaction:
        with suppress(sqlite3.DatabaseError):
            for statement in undo:
                connection.execute(statement)
