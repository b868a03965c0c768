"""A database file as one side of a copy (`bot.store.copying`)."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

from bot.store.copying import MARKER, CopiedTable, TableRow
from bot.store.file.reading import DatabaseFile, open_read_only
from bot.store.opening import open_database


class FileSource:
    """A file that is only read.

    Args:
        file: An unchanging view of the file.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    @classmethod
    @contextmanager
    def of(cls, path: Path | str) -> Iterator[Self]:
        """Open a file as the source.

        Raises:
            StoreError: It is not a database of the bot, or cannot be read.
        """
        with open_read_only(path) as file:
            yield cls(file)

    def rows(self, sql: str) -> Iterator[TableRow]:
        """Return what a statement finds, bit by bit."""
        return self._file.database.execute(sql)

    def is_current(self) -> bool:
        """Return whether this version of the bot has brought its tables up to date."""
        return not self._file.pending()


class FileTarget:
    """A file as the target, which nobody else has open.

    Args:
        connection: In autocommit mode.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def of(cls, path: Path | str) -> Iterator[Self]:
        """Open a file as the target, and create it if there is none.

        Raises:
            StoreError: It cannot be used.
        """
        open_database(path).close()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            yield cls(connection)

    def rows(self, sql: str) -> Iterator[TableRow]:
        """Return what a statement finds, bit by bit."""
        return self._connection.execute(sql)

    def is_current(self) -> bool:
        """Return True, because opening has brought its tables up to date."""
        return True

    def has_marker(self) -> bool:
        """Return whether a copy into it was begun and not finished."""
        found = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [MARKER])
        return found.fetchone() is not None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all or nothing."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self.run("ROLLBACK")
            raise

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement with a `?` for each value."""
        self._connection.execute(sql, values)

    def empty(self, tables: Iterable[CopiedTable]) -> None:
        """Delete every row of these tables, with their triggers switched off."""
        for table in tables:
            with self._past_triggers(table):
                self.run(f'DELETE FROM "{table.name}"')  # noqa: S608 - own words

    def fill(self, table: CopiedTable, rows: Iterable[TableRow]) -> None:
        """Put rows into an empty table, with its triggers switched off."""
        places = ", ".join("?" for _ in table.columns)
        with self._past_triggers(table):
            self._connection.executemany(
                f'INSERT INTO "{table.name}" ({table.listed}) VALUES ({places})',  # noqa: S608 - own words
                rows,
            )

    @contextmanager
    def _past_triggers(self, table: CopiedTable) -> Iterator[None]:
        """Drop and restore the triggers inside a transaction, so that nobody ever sees the table without them."""
        found = self._connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?",
            [table.name],
        ).fetchall()
        for name, _ in found:
            self.run(f'DROP TRIGGER "{name}"')
        yield
        for _, sql in found:
            self.run(sql)
