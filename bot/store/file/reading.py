"""Reads a database file without ever writing to it, even while the bot works on it."""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlite_utils import Database

from bot.domain.history import Head, Row
from bot.store.copying import HALF_COPIED, MARKER
from bot.store.errors import StoreError
from bot.store.schema import known, migrations
from bot.store.sqlite import SqliteDatabase

_ROWS = "SELECT sequence, at, request, what, who, team, data, before, hash FROM history "

_LAST = "SELECT MAX(sequence) FROM history WHERE request IS NULL AND what = '{}' AND sequence < {}"
_STANDING = f"""
{_ROWS} WHERE request IS NULL AND sequence < :before AND (
  what IN ('policy.changed', 'policy.confirmed')
  OR what = 'people.groups' AND sequence >= COALESCE(({_LAST.format("people.groups", ":first")}), 0)
  OR what = 'statement.denied' AND (sequence >= :first OR EXISTS (SELECT 1 FROM json_each(history.data, '$.rows') AS one JOIN history AS said
    ON said.sequence = one.value AND said.what = 'policy.confirmed'))
  OR what = 'bot.started' AND sequence >= COALESCE(({_LAST.format("bot.started", ":first")}), 0))
ORDER BY sequence
"""  # noqa: S608 - own words
_SIGNING_KEYS = """
SELECT sequence, COALESCE(CASE WHEN json_valid(data) THEN json_extract(data, '$.public') END, '') FROM history
WHERE request IS NULL AND what = 'audit.signing_key' AND sequence <= ? ORDER BY sequence
"""

NEEDED = frozenset({"requests", "history"})
"""Tables of which each database of the bot has one."""

POLICY_READ_LAST = "SELECT data FROM history WHERE request IS NULL AND what = 'policy.changed' ORDER BY sequence DESC LIMIT 1"


class DatabaseFile:
    """One unchanging view of a database file, as `open_read_only` opens it.

    Attributes:
        database: For statements of this package only. tables: Names of the tables.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database
        self.tables = frozenset(database.table_names())

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns."""
        return [
            name
            for (name,) in self.database.execute("SELECT name FROM pragma_table_info(?)", [table])
        ]

    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[Row]:
        """Yield the rows of the history in order, as plain tuples of a `Row`'s fields, one at a time."""
        if first is None:
            return self.database.execute(_ROWS + "ORDER BY sequence")
        return self.database.execute(
            _ROWS + "WHERE sequence BETWEEN ? AND ? ORDER BY sequence", [first, last]
        )

    def row(self, sequence: int) -> Row | None:
        """Return the row with that sequence, if it is here."""
        return next((Row(*each) for each in self.rows(sequence, sequence)), None)

    def first(self) -> int:
        """Return the sequence of the first row; 0 without rows."""
        (found,) = self.database.execute("SELECT MIN(sequence) FROM history").fetchone()
        return found or 0

    def times(self) -> Iterator[tuple[int, str]]:
        """Yield sequence and time of each row of the history, in order."""
        return self.database.execute("SELECT sequence, at FROM history ORDER BY sequence")

    def heads(self) -> Iterator[Row]:
        """Yield the rows about the history itself: where it ended, who signed that, where it was left."""
        return self.database.execute(
            _ROWS + "WHERE request IS NULL AND what IN ('audit.head', 'audit.signing_key', "
            "'audit.anchored') ORDER BY sequence"
        )

    def standing(self, first: int = 1, before: int = sys.maxsize) -> Iterator[Row]:
        """Yield rows before `before`: all on policies, those on groups and starts from the ones in force at row `first` on, and denials since.

        Denials of a confirmed policy come too, however old.
        """
        return self.database.execute(_STANDING, {"first": first, "before": before})

    def signing_keys(self, last: int = sys.maxsize) -> list[dict[str, Any]]:
        """Return the public keys (hex) that sign heads, each with the row from which on it is in force."""
        found = self.database.execute(_SIGNING_KEYS, [last])
        return [{"row": row, "public": public} for row, public in found]

    def policy_read_last(self) -> str:
        """Return the hash of the policy that the bot has read last; empty before the first."""
        found = self.database.execute(POLICY_READ_LAST).fetchone()
        return str(json.loads(found[0])["new"]) if found else ""

    def damage(self) -> str:
        """Return what SQLite's full check finds first; empty if every page and index is whole."""
        (found,) = self.database.execute("PRAGMA integrity_check(1)").fetchone()
        return "" if found == "ok" else str(found)

    def quick_damage(self) -> str:
        """Return what SQLite's quick check finds first; empty if nothing."""
        (found,) = self.database.execute("PRAGMA quick_check(1)").fetchone()
        return "" if found == "ok" else str(found)

    def pending(self) -> list[str]:
        """Return the steps that the next start takes to bring the file up to date."""
        applied = _applied(self.database)
        return [name for name in known() if name not in applied]

    def head(self) -> Head | None:
        """Return where the database says its history ends; None for a file from before it did."""
        if "history_head" not in self.tables:
            return None
        found = self.database.execute("SELECT sequence, hash FROM history_head").fetchone()
        return Head(*found) if found else Head(0, "")

    def audit_key(self) -> str:
        """Return the fingerprint of the key that the history was begun with, as `meta` has it; empty for none."""
        if "meta" not in self.tables:
            return ""
        found = self.database.execute("SELECT value FROM meta WHERE name = 'audit_key'").fetchone()
        return str(found[0]) if found else ""

    def has_requests(self) -> bool:
        """Return whether anything was ever asked for."""
        found = self.database.execute("SELECT EXISTS (SELECT 1 FROM requests)").fetchone()
        return bool(found[0])

    def missing_triggers(self) -> list[str]:
        """Return triggers that this version of the file should have and that are missing or different."""
        applied = _applied(self.database)
        expected = _triggers_without(tuple(name for name in known() if name not in applied))
        found = self.database.triggers_dict
        return sorted(name for name, sql in expected.items() if found.get(name) != sql)


@cache  # all migrations take longer than the rest of a check of a small file
def _triggers_without(later: tuple[str, ...]) -> dict[str, str]:
    """Return the triggers that a file has before these migrations, with their SQL."""
    pattern = Database(memory=True)
    try:
        migrations.apply(pattern, stop_before=later)
        return pattern.triggers_dict
    finally:
        pattern.close()


def address(file: Path) -> str:
    """Return the address by which SQLite reads a file without writing to it or beside it.

    While the bot has it open, there is a log beside it, which is read too. Beside an empty file SQLite would delete it.
    """
    has_log = Path(f"{file}-wal").exists() and file.stat().st_size
    how = "mode=ro" if has_log else "mode=ro&immutable=1"
    return f"file:{quote(str(file))}?{how}"


STEPS_BETWEEN_LOOKS = 1000  # of SQLite's machine; well under a millisecond

_LOOK: ContextVar[Callable[[], bool]] = ContextVar("look", default=lambda: False)


@contextmanager
def looking(look: Callable[[], bool]) -> Iterator[None]:
    """Call `look` again and again while files are read; True breaks the reading off.

    Python also runs signal handlers then, so Ctrl-C ends a long check.
    """
    before = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(before)


@contextmanager
def open_read_only(path: Path | str) -> Iterator[DatabaseFile]:
    """Open one unchanging view of a database file.

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
            why = "it is a folder" if file.is_dir() else "there is no such file"
            raise StoreError(f"{file} cannot be read: {why}.")
        connection = sqlite3.connect(address(file), uri=True, isolation_level=None)
        connection.set_progress_handler(_LOOK.get(), STEPS_BETWEEN_LOOKS)
        connection.execute("BEGIN")
        database = SqliteDatabase(connection)
        _is_ours(database, file)
        yield DatabaseFile(database)
    except sqlite3.Error as error:
        raise StoreError(f"{file} cannot be read: {error}.") from error
    finally:
        if connection is not None:
            connection.close()


def _is_ours(database: Database, file: Path) -> None:
    if NEEDED.isdisjoint(database.table_names()):
        raise StoreError(f"{file} is not a database of Billing Bot.")
    if MARKER in database.table_names():
        raise StoreError(HALF_COPIED)
    newer = _applied(database) - {*known()}
    if newer:
        msg = f"{file} was written by a newer version of Billing Bot ({', '.join(sorted(newer))})."
        raise StoreError(msg)


def _applied(database: Database) -> set[str]:
    return {migration.name for migration in migrations.applied(database)}
