"""Reading a database file without ever writing to it, also while the bot works on it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database

from bot.domain.history import Head, Row
from bot.store.errors import StoreError
from bot.store.schema import migrations

_ROWS = "SELECT sequence, at, request, what, who, team, data, before, hash FROM history "
_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


class DatabaseFile:
    """One unchanging view of a database file, as `open_read_only` opens it.

    Attributes:
        connection: For the statements of this room; nobody else needs it.
        tables: Names of the tables.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.tables = _tables(connection)

    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[Row]:
        """The rows of the history in order, as plain tuples of a `Row`'s fields, one at a time."""
        if first is None:
            return self.connection.execute(_ROWS + "ORDER BY sequence")
        return self.connection.execute(
            _ROWS + "WHERE sequence BETWEEN ? AND ? ORDER BY sequence", [first, last]
        )

    def head(self) -> Head | None:
        """Where the database says that its history ends; None for a file from before it did."""
        if "history_head" not in self.tables:
            return None
        found = self.connection.execute("SELECT sequence, hash FROM history_head").fetchone()
        return Head(*found) if found else Head(0, "")

    def audit_key(self) -> str:
        """Fingerprint of the key that the history was begun with, as `meta` says; empty for none."""
        if "meta" not in self.tables:
            return ""
        found = self.connection.execute(
            "SELECT value FROM meta WHERE name = 'audit_key'"
        ).fetchone()
        return str(found[0]) if found else ""

    def has_requests(self) -> bool:
        """Whether anything was ever asked for."""
        found = self.connection.execute("SELECT EXISTS (SELECT 1 FROM requests)").fetchone()
        return bool(found[0])

    def missing_triggers(self) -> list[str]:
        """Triggers that this version of the file should have and has not, or has otherwise."""
        applied = _applied(self.connection)
        pattern = Database(memory=True)
        later = [each.name for each in migrations.pending(pattern) if each.name not in applied]
        migrations.apply(pattern, stop_before=later)
        found = dict(self.connection.execute(_TRIGGERS).fetchall())
        expected = dict(pattern.execute(_TRIGGERS).fetchall())
        pattern.close()
        return sorted(name for name, sql in expected.items() if found.get(name) != sql)


@contextmanager
def open_read_only(path: Path | str) -> Iterator[DatabaseFile]:
    """One unchanging view of a database file.

    While the bot has the file open there is a write-ahead log beside it, which is read too.
    Otherwise the file is opened as one that does not change, so that no file is made beside it and
    a copy on a read-only disk can be read.

    Raises:
        StoreError: It is not a database of the bot, or cannot be read.
    """
    file = Path(path)
    connection: sqlite3.Connection | None = None
    try:
        if not file.is_file():
            raise StoreError(f"{file} cannot be read: there is no such file.")
        how = "mode=ro" if Path(f"{file}-wal").exists() else "mode=ro&immutable=1"
        connection = sqlite3.connect(
            f"file:{quote(str(file))}?{how}", uri=True, isolation_level=None
        )
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("BEGIN")
        _is_ours(connection, file)
        yield DatabaseFile(connection)
    except sqlite3.Error as error:
        raise StoreError(f"{file} cannot be read: {error}.") from error
    finally:
        if connection is not None:
            connection.close()


def _is_ours(connection: sqlite3.Connection, file: Path) -> None:
    names = _tables(connection)
    if "requests" not in names and "history" not in names:
        raise StoreError(f"{file} is not a database of Billing Bot.")
    pattern = Database(memory=True)
    newer = _applied(connection) - {each.name for each in migrations.pending(pattern)}
    pattern.close()
    if newer:
        msg = f"{file} was written by a newer version of Billing Bot ({', '.join(sorted(newer))})."
        raise StoreError(msg)


def _tables(connection: sqlite3.Connection) -> frozenset[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return frozenset(name for (name,) in found)


def _applied(connection: sqlite3.Connection) -> set[str]:
    if "_sqlite_migrations" not in _tables(connection):
        return set()
    found = connection.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = ?", [migrations.name]
    )
    return {name for (name,) in found}
