"""Copies a database between SQLite's file and a PostgreSQL server, and compares every row at the end.

Each table is copied in one transaction, with its triggers switched off only in it. The table `copying` in the target
records what was copied, so that an interrupted copy continues where it stopped, and while that table exists, no bot
works on the target.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from sqlite_utils import Database

from bot.store.errors import StoreError
from bot.store.schema import migrations

MARKER = "copying"
"""The table that exists in the target until the copy is complete."""

HALF_COPIED = "DATABASE_URL: a copy into this database was broken off: run `billing-bot copy` again, which goes on with it."
_FIRST = ("requests", "archives")
"""Tables that others refer to."""

_OF_ITS_OWN = frozenset({"_sqlite_migrations"})

TableRow = tuple[Any, ...]
LookAtTable = Callable[[str, int], None]
"""Called with a table's name and how many of its rows have been read."""

AT_ONCE = 5_000


class Source(NamedTuple):
    """Which database is copied: its id, and the last row of its history."""

    id: str
    sequence: int
    hash: str


class CopiedTable(NamedTuple):
    """A table, and the columns that order its rows in the same way on both sides."""

    name: str
    columns: tuple[str, ...]
    order: tuple[str, ...]

    @property
    def listed(self) -> str:
        """Return its columns for a statement, quoted because one of them is a keyword in PostgreSQL."""
        return ", ".join(f'"{each}"' for each in self.columns)

    @property
    def selected(self) -> str:
        """Return the statement that reads the whole table."""
        order = ", ".join(f'"{each}" NULLS FIRST' for each in self.order)
        return f'SELECT {self.listed} FROM "{self.name}" ORDER BY {order}'  # noqa: S608 - own words


class Side(Protocol):
    """One side of the copy, as it was at one moment."""

    def rows(self, sql: str) -> Iterator[TableRow]:
        """Return the rows of a statement, a few at a time."""

    def is_current(self) -> bool:
        """Return whether this version of the bot has brought its tables up to date."""


class Target(Side, Protocol):
    """The side that is written to."""

    def has_marker(self) -> bool:
        """Return whether a copy into it was begun and has not ended."""

    def transaction(self) -> AbstractContextManager[None]:
        """Return a transaction: all or nothing."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement with a `?` for each value."""

    def empty(self, tables: Iterable[CopiedTable]) -> None:
        """Delete every row, past the triggers."""

    def fill(self, table: CopiedTable, rows: Iterable[TableRow]) -> None:
        """Put rows into an empty table, past its triggers."""


def copy_all(source: Side, target: Target, look: LookAtTable) -> int:
    """Copy every table and compare both sides; return how many rows there are.

    Raises:
        StoreError: The target holds something else, a side is of another version, or the sides differ at the end.
    """
    if not source.is_current() or not target.is_current():
        raise StoreError(
            "One of the databases is of another version of Billing Bot, so nothing was copied: start this version "
            "on it once."
        )
    tables = every_table()
    done = _begun(target, tables, source_of(source))
    total = 0
    for table in tables:
        if table.name in done:
            read = Seen(source.rows(table.selected)).to_the_end()
        else:
            read = Seen(_watched(source, table, look))
            with target.transaction():
                target.fill(table, read)
                target.run(f"INSERT INTO {MARKER} (done) VALUES (?)", [table.name])  # noqa: S608 - own words
        total += _compared(read, target, table)
    target.run(f"DROP TABLE {MARKER}")
    return total


def every_table() -> list[CopiedTable]:
    """Return the tables of this version, in an order in which none refers to a later one."""
    pattern = Database(memory=True)
    migrations.apply(pattern)
    found = [_table(pattern, name) for name in pattern.table_names() if name not in _OF_ITS_OWN]
    pattern.close()
    return sorted(found, key=lambda table: (table.name not in _FIRST, table.name))


def _table(pattern: Database, name: str) -> CopiedTable:
    described = pattern.execute(f'PRAGMA table_info("{name}")').fetchall()
    columns = tuple(each[1] for each in described)
    keys = sorted((each[5], each[1]) for each in described if each[5])
    return CopiedTable(name, columns, tuple(key for _, key in keys) or columns)


def source_of(side: Side) -> Source:
    """Return which database a side is, and the end of its history."""
    (name,) = next(side.rows("SELECT id FROM copies ORDER BY position DESC LIMIT 1"))
    sequence, hashed = next(side.rows("SELECT sequence, hash FROM history_head"))
    return Source(str(name), int(sequence), str(hashed))


def _begun(target: Target, tables: Sequence[CopiedTable], about: Source) -> set[str]:
    """Return which tables an earlier try of the same copy finished; empty the target if there was none.

    Raises:
        StoreError: The target holds something else.
    """
    if target.has_marker():
        marked = [*target.rows(f"SELECT source, done FROM {MARKER} ORDER BY done")]  # noqa: S608 - own words
        if (repr(about), "") in marked:
            return {str(done) for _, done in marked if done}
        target.run(f"DROP TABLE {MARKER}")
    elif _holds_anything(target):
        raise StoreError(
            "The target holds another database already: nothing was copied. Name an empty one."
        )
    with target.transaction():
        target.empty(tables)
        target.run(
            f"CREATE TABLE {MARKER} (source TEXT NOT NULL DEFAULT '', done TEXT NOT NULL DEFAULT '')"
        )
        target.run(f"INSERT INTO {MARKER} (source) VALUES (?)", [repr(about)])  # noqa: S608 - own words
    return set()


def _holds_anything(target: Target) -> bool:
    (found,) = next(
        target.rows("SELECT EXISTS (SELECT 1 FROM history) OR EXISTS (SELECT 1 FROM requests)")
    )
    return bool(found)


def _watched(source: Side, table: CopiedTable, look: LookAtTable) -> Iterator[TableRow]:
    number = 0
    for row in source.rows(table.selected):
        number += 1
        if number % AT_ONCE == 0:
            look(table.name, number)
        yield row
    look(table.name, number)


class Seen:
    """Rows of a table as they pass, with what they were: two tables with the same rows are seen alike.

    Args:
        rows: In the order of the table's key.
    """

    def __init__(self, rows: Iterable[TableRow]) -> None:
        self._rows = rows
        self._hash = hashlib.sha256()
        self.number = 0

    @property
    def digest(self) -> bytes:
        """Return what all that passed amounts to."""
        return self._hash.digest()

    def __iter__(self) -> Iterator[TableRow]:
        for row in self._rows:
            self._hash.update(repr(row).encode("utf-8", "surrogatepass"))
            self.number += 1
            yield row

    def to_the_end(self) -> "Seen":
        """Let all rows pass."""
        for _ in self:
            pass
        return self

    def is_like(self, other: "Seen") -> bool:
        """Return whether the same rows passed."""
        return (self.number, self.digest) == (other.number, other.digest)


def _compared(read: Seen, target: Target, table: CopiedTable) -> int:
    """Return how many rows a table has, after comparing what the target has with what was read from the source.

    Raises:
        StoreError: They differ.
    """
    there = Seen(target.rows(table.selected)).to_the_end()
    if not read.is_like(there):
        raise StoreError(
            f"The copy is not usable: {table.name} is not the same on both sides ({read.number:,} rows, then "
            f"{there.number:,}). Empty the target, and copy again."
        )
    return read.number
