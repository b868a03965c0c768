"""The database on a PostgreSQL server, as the store uses it from the event loop.

Statements are direct, as on SQLite. If the server does not answer, the working event loop stands
still once, for `Bounded.longest`. Then the connection is closed, everything is refused at once,
and a separate thread connects again. Slack is heard on another event loop (`bot.slack.listening`),
which answers clicks that waited too long; nothing of theirs is recorded.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Event, Thread
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from bot.awaited import Awaited, awaited, was_answered
from bot.domain.history import START, Head
from bot.store.engine import Committed, Query
from bot.store.errors import (
    NEWER,
    NOT_ANSWERING,
    REPLACED,
    CouldNotRecordError,
    NotAnsweringError,
    NotKnownWhetherRecordedError,
    forbidden,
)
from bot.store.postgres.connection import LONG, SECONDS_A_CHARACTER, SECONDS_A_ROW, Bounded, connect
from bot.store.postgres.dialect import statement
from bot.store.postgres.refused import refusal
from bot.store.postgres.standing import TROUBLES, is_older
from bot.store.postgres.turns import begin_turn
from bot.store.schema import format_of_tables
from bot.store.waits import Waits

logger = logging.getLogger(__name__)

CHANNEL = "billing_bot"

AGAIN_SECONDS = 0.25

NO_TURN = "the row of turns_of_work, which is the write lock, is gone: INSERT INTO turns_of_work VALUES (1, 0)"

START_AGAIN = "could_not_record: find out why, and start this process again, which compares the database with Slack"

WHAT_TO_DO = "could_not_record: check the PostgreSQL server and the way to it"

_BEGIN = "BEGIN; SELECT turn, format FROM turns_of_work FOR UPDATE"
"""The one row of that table is the write lock: reads after it see what the writes change."""

GIVEN_UP = "the database took too long, and whoever waited for it was answered so"

_COMMIT = f"NOTIFY {CHANNEL}; COMMIT"


class PostgresDatabase:
    """A database on a server; its failures are the bot's own errors.

    Args:
        url: `postgresql://…`.
        connection: The open connection.
    """

    def __init__(self, url: str, connection: Bounded) -> None:
        self.url = url
        self.committed = Committed()
        self._known: Callable[[], Head] = lambda: START
        self._connection: Bounded | None = connection
        self.waits: Waits | None = Waits(Bounded.longest)
        connection.waits = self.waits
        self._heard = _heard_on(connection)
        self._writing: Bounded | None = None
        """The connection of the open transaction: all parts of it use this one."""
        self._awaited = set[Awaited]()
        """The clicks that the open transaction is for; several share one."""
        self._distrusted = ""
        self._takes_nothing = ""
        self._closed = Event()
        self._format = format_of_tables()
        self.turn: int | None = None
        """The turn of work this process has; None: it does not work. Once another has begun, nothing is written."""
        self._has_lost_its_turn = False

    @property
    def trouble(self) -> str:
        """Return why a write would not last; empty if nothing is known to be wrong."""
        return self._distrusted

    @property
    def takes_nothing(self) -> str:
        """Return why the last write did not last; empty if it did."""
        return self._takes_nothing if self._connection else NOT_ANSWERING

    @property
    def in_transaction(self) -> bool:
        """Return whether one is open."""
        return self._writing is not None

    def expect(self, known: Callable[[], Head]) -> None:
        """Remember `known`, which returns a row that the server must have; one without it was a standby that lagged."""
        self._known = known

    def distrust(self, why: str) -> None:
        """Refuse everything until a start has checked the database."""
        self._distrusted = self._distrusted or why

    def execute(self, sql: str, parameters: Any = None) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run one statement.

        Raises:
            CouldNotRecordError: The server does not answer, or refuses it.
        """
        found, connection = statement(sql), self._there()
        values = found.values(parameters)
        connection.allow(_longer(values or []))
        try:
            return connection.execute(found.sql, values)
        except psycopg.Error as error:
            raise self._noticed(error, connection) from error

    def at_once(self, *asked: Query) -> list[list[Any]]:
        """Run several reads in one round trip; return the rows of each.

        Raises:
            CouldNotRecordError: The server does not answer, or refuses one.
        """
        connection = self._there()
        if len(asked) <= 1:  # a pipeline is a detour for one, and a round trip even for none
            return [self.execute(*each).fetchall() for each in asked]
        connection.allow(sum(_longer(values) for _, values in asked))
        try:
            with connection.pipeline():
                cursors = [_begun(connection, sql, values) for sql, values in asked]
            return [cursor.fetchall() for cursor in cursors]
        except psycopg.Error as error:
            raise self._noticed(error, connection) from error

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement for each of these values, without waiting for each answer; return how many rows it changed.

        Raises:
            CouldNotRecordError: The server does not answer, or refuses one.
        """
        found, connection = statement(sql), self._there()
        values = [found.values(row) or [] for row in rows]
        connection.allow(len(values) * SECONDS_A_ROW + sum(map(_longer, values)))
        try:
            cursor = connection.cursor()
            if len(values) == 1:  # the usual one, for which a pipeline is a detour
                cursor.execute(found.sql, values[0])
            else:
                cursor.executemany(found.sql, values)
        except psycopg.Error as error:
            raise self._noticed(error, connection) from error
        return max(cursor.rowcount, 0)

    def table_names(self) -> list[str]:
        """Return the tables."""
        rows = self.execute(
            "SELECT CAST(relname AS TEXT) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
        )
        return [name for (name,) in rows]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open one durable transaction, during which nobody else writes. Never await inside it.

        Inside another transaction it is a part of that, and only it is undone if it fails.

        The write lock is taken first, so reads inside see what the writes change.
        Everything together may take `Bounded.longest`.

        Raises:
            CouldNotRecordError: Nothing was written. It is a `ForbiddenByDatabaseError` if the
                database's own rules refused it, and a `NotKnownWhetherRecordedError` if the server went away at
                the commit.
        """
        if self.in_transaction:
            self._is_for(awaited())
            with self._parts("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part"):
                yield
            return
        if self._distrusted:
            logger.error(START_AGAIN, extra={"trouble": self._distrusted})
            raise CouldNotRecordError(f"could not record this: {self._distrusted}")
        self._writing = connection = self._there()
        self._awaited.clear()
        self._is_for(awaited())
        try:
            with (
                connection.within(Bounded.longest),
                self._parts(_BEGIN, _COMMIT, "ROLLBACK") as begun,
            ):
                self._refuse_others(begun)
                yield
        finally:
            self._writing = None
        self._takes_nothing = ""
        self.committed.done()

    def several(self) -> AbstractContextManager[None]:
        """Return a transaction, as each write inside it is a part that can be undone alone."""
        return self.transaction()

    @contextmanager
    def _parts(self, begin: str, end: str, undo: str) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        connection, before = self._there(), len(self.committed)
        try:
            yield self._run(connection, begin)
            self._finish(connection, end)
        except BaseException:
            self.committed.undone(before)
            if not connection.closed:
                with suppress(CouldNotRecordError):
                    self._run(connection, undo)
            raise

    def _is_for(self, answer: Awaited | None) -> None:
        if answer is not None:
            self._awaited.add(answer)

    def _finish(self, connection: Bounded, end: str) -> None:
        if end is _COMMIT and not all(each.may_commit() for each in self._awaited):
            raise NotAnsweringError(f"could not record this: {GIVEN_UP}")
        try:
            self._run(connection, end)
        except CouldNotRecordError as error:
            if end is _COMMIT and connection.closed:
                raise NotKnownWhetherRecordedError(str(error)) from error
            raise

    def _refuse_others(self, begun: psycopg.Cursor[tuple[Any, ...]]) -> None:
        """Refuse to write if another process works by now, or if the tables are of another version."""
        begun.nextset()
        turn, there = begun.fetchone() or (None, 0)
        if turn is None:
            raise CouldNotRecordError(f"could not record this: {NO_TURN}")
        if there > self._format:
            self.distrust(NEWER)
            raise CouldNotRecordError(f"could not record this: {NEWER}")
        if self.turn is not None and turn != self.turn:
            self._has_lost_its_turn = True
            raise CouldNotRecordError("could not record this: another process works now")

    def _run(self, connection: Bounded, sql: str) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            return connection.execute(sql)
        except psycopg.Error as error:
            raise self._noticed(error, connection) from error

    @property
    def has_lost_its_turn(self) -> bool:
        """Return whether the database showed another turn of work than this process's."""
        return self._has_lost_its_turn

    def begin_turn(self, holder: int) -> None:
        """Become the process that works, which may write until another one begins its turn.

        Raises:
            CouldNotRecordError: The session `holder` does not hold the work lock.
        """
        self.turn = None
        with self.transaction():
            turn = begin_turn(self, holder)
        self.turn = turn

    def others_have_written(self) -> bool:
        """Return whether another connection has committed since the last call; commits notify, so this is cheap."""
        connection = self._connection
        if connection is None:
            return False
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            try:
                connection.pgconn.consume_input()
                while found := connection.pgconn.notifies():
                    self._heard.add(found.be_pid)
            except psycopg.Error as error:
                self._noticed(error, connection)
                return False
        others = self._heard - {connection.number}
        self._heard.clear()
        return bool(others)

    def close(self) -> None:
        """Close it."""
        self._closed.set()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _there(self) -> Bounded:
        """Return the connection.

        Raises:
            CouldNotRecordError: There is none right now.
        """
        connection = self._connection
        if was_answered():
            raise NotAnsweringError(f"could not record this: {GIVEN_UP}")
        if connection is None or self._writing not in (None, connection):
            raise NotAnsweringError(f"could not record this: {NOT_ANSWERING}")
        if connection.closed:
            self._lost(connection)
            raise NotAnsweringError(f"could not record this: {NOT_ANSWERING}")
        return connection

    def _noticed(self, error: psycopg.Error, connection: Bounded) -> CouldNotRecordError:
        """Remember what is wrong, and return it as the rest of the bot knows it."""
        if isinstance(error, psycopg.IntegrityError):
            return forbidden(error)
        if connection.closed:
            self._lost(connection)
            return NotAnsweringError(f"could not record this: {NOT_ANSWERING}")
        trouble = TROUBLES.get(error.sqlstate or "")
        if trouble is None:
            logger.error(WHAT_TO_DO, exc_info=error)
            return CouldNotRecordError(f"could not record this: {error}")
        self._takes_nothing = trouble
        logger.error(WHAT_TO_DO, extra={"trouble": trouble})
        return NotAnsweringError(f"could not record this: {trouble}")

    def _lost(self, connection: Bounded) -> None:
        """Refuse everything from now on, and connect again outside the event loop."""
        if self._connection is connection and not self._closed.is_set():
            self._connection = None
            logger.error(WHAT_TO_DO, extra={"trouble": NOT_ANSWERING})
            Thread(target=self._connect_again, name="postgres", daemon=True).start()

    def _connect_again(self) -> None:
        said = set[str]()
        while not self._closed.wait(AGAIN_SECONDS):
            try:
                connection = connect(self.url)
                if is_older(connection, self._known()):
                    self.distrust(REPLACED)
            except (psycopg.Error, OSError) as error:
                _say_once(refusal(error).words, said)
                continue
            self._heard = _heard_on(connection)
            self._heard.add(0)  # writes meanwhile were not noticed
            connection.waits = self.waits
            self._takes_nothing = ""
            self._connection = connection
            logger.info("database_answers_again")
            return


def _say_once(why: str, said: set[str]) -> None:
    """Log why there is no connection, once for each reason."""
    if why not in said:
        logger.warning("database_cannot_be_reached: %s", why)
    said.add(why)


def _begun(
    connection: Bounded, sql: str, values: Sequence[Any] | dict[str, Any]
) -> psycopg.Cursor[tuple[Any, ...]]:
    found = statement(sql)
    return connection.execute(found.sql, found.values(values))


def _longer(values: Sequence[Any] | dict[str, Any]) -> float:
    """Return how many more seconds a statement with these values may take."""
    given = values.values() if isinstance(values, dict) else values
    lengths = (len(each) for each in given if isinstance(each, str))
    return sum(length for length in lengths if length > LONG) * SECONDS_A_CHARACTER


def _heard_on(connection: Bounded) -> set[int]:
    """Listen for commits; return a set to which the server's process number of each committer is added."""
    heard: set[int] = set()
    connection.add_notify_handler(lambda found: heard.add(found.pid))
    connection.execute(f"LISTEN {CHANNEL}")
    return heard
