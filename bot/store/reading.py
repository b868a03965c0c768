"""Reading a database file without ever writing to it, also while the bot works on it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database

from bot.domain.chain import Head, Row
from bot.store.errors import StoreError
from bot.store.schema import migrations

_ROWS = "SELECT sequence, at, request, what, who, team, data, before, hash FROM history "


@contextmanager
def open_read_only(path: Path | str) -> Iterator[sqlite3.Connection]:
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
        yield connection
    except sqlite3.Error as error:
        raise StoreError(f"{file} cannot be read: {error}.") from error
    finally:
        if connection is not None:
            connection.close()


def _is_ours(connection: sqlite3.Connection, file: Path) -> None:
    names = tables(connection)
    if "requests" not in names and "history" not in names:
        raise StoreError(f"{file} is not a database of Billing Bot.")
    newer = _applied(connection) - {each.name for each in migrations.pending(_in_memory())}
    if newer:
        msg = f"{file} was written by a newer version of Billing Bot ({', '.join(sorted(newer))})."
        raise StoreError(msg)


def tables(connection: sqlite3.Connection) -> set[str]:
    """Names of the tables."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in found}


def rows(
    connection: sqlite3.Connection, first: int | None = None, last: int | None = None
) -> Iterator[Row]:
    """The rows of the history in order, as plain tuples of a `Row`'s fields, one at a time."""
    if first is None:
        return connection.execute(_ROWS + "ORDER BY sequence")
    return connection.execute(
        _ROWS + "WHERE sequence BETWEEN ? AND ? ORDER BY sequence", [first, last]
    )


def head(connection: sqlite3.Connection) -> Head | None:
    """Where the database says that its history ends; None for a file from before it did."""
    if "history_head" not in tables(connection):
        return None
    found = connection.execute("SELECT sequence, hash FROM history_head").fetchone()
    return Head(*found) if found else Head(0, "")


def audit_key(connection: sqlite3.Connection) -> str:
    """Fingerprint of the key that the history was begun with, as `meta` says; empty for none."""
    if "meta" not in tables(connection):
        return ""
    found = connection.execute("SELECT value FROM meta WHERE name = 'audit_key'").fetchone()
    return str(found[0]) if found else ""


def missing_triggers(connection: sqlite3.Connection) -> list[str]:
    """Triggers that this version of the file should have and has not, or has otherwise."""
    applied = _applied(connection)
    pattern = _in_memory()
    later = [each.name for each in migrations.pending(pattern) if each.name not in applied]
    migrations.apply(pattern, stop_before=later)
    found = dict(connection.execute(_TRIGGERS).fetchall())
    expected = dict(pattern.execute(_TRIGGERS).fetchall())
    pattern.close()
    return sorted(name for name, sql in expected.items() if found.get(name) != sql)


_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


def _applied(connection: sqlite3.Connection) -> set[str]:
    if "_sqlite_migrations" not in tables(connection):
        return set()
    found = connection.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = ?", [migrations.name]
    )
    return {name for (name,) in found}


def _in_memory() -> Database:
    return Database(memory=True)
