"""A PostgreSQL database as one side of a copy (`bot.store.copying`)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg

from bot.store.copying import AT_ONCE, HALF_COPIED, MARKER, CopiedTable, TableRow
from bot.store.errors import StoreError
from bot.store.postgres import schema
from bot.store.postgres.connection import Bounded, connect
from bot.store.postgres.dialect import statement
from bot.store.postgres.refused import refusal
from bot.store.schema import known

A_DAY = 86_400.0
NOT_BEGUN = "DATABASE_URL: nothing was begun in this database: start the bot on it first."
_UNBOUNDED = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class ServerSide:
    """A database on a server, over one connection; a source is read as of one moment.

    Args:
        connection: The open connection.
    """

    def __init__(self, connection: Bounded) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def source(cls, url: str) -> Iterator[Self]:
        """Open the source.

        Raises:
            StoreError: It cannot be opened, holds nothing, or is itself an unfinished copy.
        """
        with _connection_to(url) as connection:
            connection.execute(_SNAPSHOT)
            if not schema.applied(connection):
                raise StoreError(NOT_BEGUN)
            side = cls(connection)
            if side.has_marker():
                raise StoreError(HALF_COPIED)
            yield side

    @classmethod
    @contextmanager
    def target(cls, url: str) -> Iterator[Self]:
        """Open the target, and make its tables if there are none.

        Raises:
            StoreError: It cannot be opened.
        """
        with _connection_to(url) as connection:
            schema.bring_up_to_date(connection)
            yield cls(connection)

    def rows(self, sql: str) -> Iterator[TableRow]:
        """Yield what a statement finds, bit by bit."""
        with self._connection.cursor("copied", withhold=True) as cursor:
            cursor.itersize = AT_ONCE
            cursor.execute(sql)
            yield from cursor

    def is_current(self) -> bool:
        """Return whether this version of the bot has brought its tables up to date."""
        return schema.applied(self._connection) == {*known()}

    def has_marker(self) -> bool:
        """Return whether a copy into it was begun and not finished."""
        return is_half_copied(self._connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all or nothing."""
        with self._connection.transaction():
            yield

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement with a `?` for each value."""
        self._connection.execute(statement(sql).sql, values)

    def empty(self, tables: Iterable[CopiedTable]) -> None:
        """Delete every row, without the triggers."""
        every = [f'"{table.name}"' for table in tables]
        for name in every:
            self.run(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        self.run(f"TRUNCATE {', '.join(every)}")
        for name in every:
            self.run(f"ALTER TABLE {name} ENABLE TRIGGER USER")

    def fill(self, table: CopiedTable, rows: Iterable[TableRow]) -> None:
        """Put rows into an empty table inside a transaction, without its triggers."""
        self.run(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER')
        into = f'COPY "{table.name}" ({table.listed}) FROM STDIN'
        with self._connection.cursor() as cursor, cursor.copy(into) as copying:
            for row in rows:
                copying.write_row(row)
        self.run(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER')


def is_half_copied(connection: Bounded) -> bool:
    """Return whether a copy into this database was begun and not finished."""
    (there,) = connection.execute(f"SELECT to_regclass('{MARKER}') IS NOT NULL").fetchone() or (0,)
    return bool(there)


@contextmanager
def _connection_to(url: str) -> Iterator[Bounded]:
    """Open a connection whose statements may take a day."""
    try:
        connection = connect(url)
    except psycopg.Error as error:
        words = refusal(error).words
        raise StoreError(f"DATABASE_URL: the database cannot be opened: {words}.") from error
    try:
        with connection, connection.within(A_DAY):
            connection.execute(_UNBOUNDED)
            yield connection
    except psycopg.Error as error:
        msg = f"{refusal(error).words}. The copy was broken off; run it again."
        raise StoreError(msg) from error
