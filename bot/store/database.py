"""The only way to write to the database file."""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeGuard

from bot.domain.history import START, Head
from bot.store.contents import Contents
from bot.store.errors import (
    DAMAGED,
    LOCKED_BY_OTHERS,
    REPLACED,
    CouldNotRecordError,
    OneFailedError,
    forbidden,
)
from bot.store.holders import holders
from bot.store.private import beside
from bot.store.sqlite import SqliteDatabase

logger = logging.getLogger(__name__)

ENDS = ("", "-wal", "-shm")
"""How the names of the file, of SQLite's log, which holds the newest rows, and of its index end."""

BUSY_SECONDS = 1.0
"""How long a write waits for another program's.

The event loop stands still meanwhile, and Slack expects an acknowledgement within 3 s; this leaves time to answer
that a click could not be recorded.
"""

BUSY_AGAIN_SECONDS = 0.01
"""How long the next writes wait after one has waited in vain, so that many clicks do not wait one after another."""

WHAT_TO_DO = "could_not_record: check the disk's space, rights and health of the file"

LOCKED = (
    "could_not_record: another program has locked the database; end it, or its transaction. A backup "
    "is made with `billing-bot backup`, which locks nothing"
)


class Guarded(SqliteDatabase):
    """A database file whose failures are the bot's own errors, also when reading outside a transaction.

    Args:
        connection: The open connection.
        path: Its file, which must stay the one that was opened. A process that kept writing to a
            deleted file would act on what nobody will ever read.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | str) -> None:
        super().__init__(connection)
        self.path = Path(path)
        self._places = {"": str(path), **{end: str(beside(path, end)) for end in ENDS[1:]}}
        self._files = {"": _stands_at(self._places[""])}
        self._contents = Contents(self.path)
        self._known: Callable[[], Head] = lambda: START
        self._distrusted = ""
        self._takes_nothing = ""
        self._data_version = 0
        self._joins = False  # whether the next transaction is one of `several`
        self._one_failed = False

    def _are_replaced(self) -> bool:
        """Return whether the file, its log or the log's index is not the one that this process writes to.

        SQLite makes the last two when it first needs them, and removes neither while a program has the file open.
        """
        found = {end: _stands_at(place) for end, place in self._places.items()}
        for end in ENDS[1:]:
            if self._files.get(end) is None:
                self._files[end] = found[end]
        return found != self._files

    @property
    def trouble(self) -> str:
        """Return why no write would last; empty if nothing is known to be wrong."""
        if self._are_replaced():
            return REPLACED
        if not self._distrusted and (why := self._contents.trouble(self._known())):
            self.distrust(why)
        return self._distrusted

    def expect(self, known: Callable[[], Head]) -> None:
        """Look for this row of the history whenever the file was written."""
        self._known = known

    @property
    def takes_nothing(self) -> str:
        """Return why the last write did not last; empty if it did."""
        return self._takes_nothing

    def refuse_trouble(self) -> None:
        """Refuse to begin anything on a file that is gone or damaged.

        Raises:
            CouldNotRecordError: The file is gone or damaged.
        """
        if trouble := self.trouble:
            logger.error(WHAT_TO_DO, extra={"trouble": trouble})
            raise CouldNotRecordError(f"could not record this: {trouble}")

    def noticed(self, error: sqlite3.DatabaseError) -> None:
        """Remember what is wrong: damage for good, a disk that refuses writes until it takes one."""
        code = error.sqlite_errorcode & 0xFF
        if code == sqlite3.SQLITE_BUSY and not self._takes_nothing:
            self._wait_for_others(BUSY_AGAIN_SECONDS)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            self.distrust(DAMAGED)
        self._takes_nothing = _TAKES_NOTHING.get(code, self._takes_nothing)

    def distrust(self, why: str) -> None:
        """Let nothing begin until the next start has checked the file."""
        self._distrusted = self._distrusted or why

    def written(self) -> None:
        """Note that a write lasts: the disk accepts writes again, and what waited for the commit is done."""
        if self._takes_nothing:
            self._takes_nothing = ""
            self._wait_for_others(BUSY_SECONDS)
        self.committed.done()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open one durable transaction during which nobody else can write. Never await inside it.

        Inside another transaction it is a part of that, and is undone alone if it fails. `BEGIN IMMEDIATE` takes the
        write lock first, so what is read inside cannot change before it is written; sqlite-utils' own `atomic()` begins
        deferred and would have to be repeated on a busy file.

        Raises:
            CouldNotRecordError: Nothing was written. It is a `ForbiddenByDatabaseError` if the database's own rules
                refused it.
        """
        if self._joins:
            with self._joined():
                yield
            return
        connection, is_part = self.conn, self.in_transaction
        begin, end, undo = _INNER if is_part else _OUTER
        before = len(self.committed)
        if not is_part:
            self.refuse_trouble()
        try:
            connection.execute(begin)
            try:
                yield
            except BaseException:
                self._undo(undo, before)
                raise
            connection.execute(end)
            if not is_part:
                self.written()
        except sqlite3.DatabaseError as error:
            if not _is_of_the_file(error):
                raise
            self._undo(undo, before)
            raise self._named(error) from error

    def _named(self, error: sqlite3.DatabaseError) -> CouldNotRecordError:
        """Return a failure under the bot's own name, and remember what is wrong with the file."""
        if isinstance(error, sqlite3.IntegrityError):
            return forbidden(error)
        self.noticed(error)
        return _could_not_record(error, self.path)

    @contextmanager
    def several(self) -> Iterator[None]:
        """Open one durable transaction for several writes, without a savepoint for each, which takes as long as its rows.

        Raises:
            CouldNotRecordError: Nothing was written.
            OneFailedError: One of them failed, so nothing was written.
        """
        with self.transaction():
            self._joins, self._one_failed = True, False
            try:
                yield
            finally:
                self._joins = False
            self._refuse_after_one_failed()

    @contextmanager
    def _joined(self) -> Iterator[None]:
        """Let one of several write in their transaction; what it opens inside can be undone alone."""
        self._refuse_after_one_failed()
        self._joins = False
        try:
            yield
        except BaseException as error:
            self._one_failed = True
            if _is_of_the_file(error):
                raise self._named(error) from error
            raise
        finally:
            self._joins = True

    def _refuse_after_one_failed(self) -> None:
        if self._one_failed:
            msg = "one of several writes failed"
            raise OneFailedError(msg)

    def _undo(self, undo: tuple[str, ...], before: int) -> None:
        _roll_back(self.conn, undo)
        self.committed.undone(before)

    def others_have_written(self) -> bool:
        """Return whether another connection has changed the file since the last call. Very cheap."""
        (version,) = self.execute("PRAGMA data_version").fetchone()
        changed = version != self._data_version
        self._data_version = version
        return bool(changed)

    def _wait_for_others(self, seconds: float) -> None:
        self.conn.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    def execute(
        self, sql: str, parameters: Sequence[Any] | dict[str, Any] | None = None
    ) -> sqlite3.Cursor:
        """Execute as the base class does.

        Raises:
            CouldNotRecordError: The file cannot be read or written.
        """
        try:
            return super().execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            self.noticed(error)
            raise _could_not_record(error, self.path) from error


def _stands_at(place: str) -> tuple[int, int] | None:
    try:
        found = os.stat(place)  # noqa: PTH116 - in each transaction, where a `Path` costs three times as much
    except OSError:
        return None
    return found.st_dev, found.st_ino


_TAKES_NOTHING = {
    sqlite3.SQLITE_FULL: "database full", sqlite3.SQLITE_READONLY: "database read-only",
    sqlite3.SQLITE_IOERR: "database not writable",
    sqlite3.SQLITE_BUSY: LOCKED_BY_OTHERS,
}  # fmt: skip


def _is_of_the_file(error: BaseException) -> TypeGuard[sqlite3.DatabaseError]:
    """Return whether the file, or a rule in it, refused something; otherwise the program has a fault."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.ProgrammingError
    )


def _could_not_record(error: sqlite3.DatabaseError, path: Path | None) -> CouldNotRecordError:
    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY and path is not None:
        logger.error(LOCKED, extra={"by": holders(path) or "not seen; ask lsof or fuser"})
    else:
        logger.error(WHAT_TO_DO, exc_info=error)
    return CouldNotRecordError(f"could not record this: {error}")


_OUTER = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))

_INNER = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


def _roll_back(connection: sqlite3.Connection, undo: tuple[str, ...]) -> None:
    """Undo what was begun; if a broken file refuses even that, nothing was kept either."""
    if connection.in_transaction:
        with suppress(sqlite3.DatabaseError):
            for statement in undo:
                connection.execute(statement)
