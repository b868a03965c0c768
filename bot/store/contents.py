"""Notices that somebody has put other content into the open database file, or cut it off.

SQLite notices it only when it reads a page that it has not in memory. The file itself is written by checkpoints alone, so it
is looked at only after its size or its time has changed.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from bot.domain.history import Head
from bot.store.errors import DAMAGED, REPLACED

SECONDS = 1.0
"""How long a look waits for another program's lock."""

IS_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def opened_apart(path: str, mode: str) -> sqlite3.Connection:
    """Return a connection of its own, with no page in memory; if the file was deleted, none is created."""
    return sqlite3.connect(
        f"file:{quote(path)}?mode={mode}", uri=True, timeout=SECONDS, isolation_level=None
    )


def is_another(head: Head, last: int, there: str | None) -> bool:
    """Return whether a history ends before a row or has another one in its place; a row may also be archived.

    Args:
        head: The row.
        last: The last sequence of the history.
        there: The hash of the row with that sequence; None if there is no such row.
    """
    return last < head.sequence or (there is not None and there != head.hash)


def lacks(connection: sqlite3.Connection, head: Head) -> bool:
    """Return whether a database has no history with a row, so that it is another one or an older copy."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'history'").fetchone():
        return True
    (last,) = connection.execute("SELECT COALESCE(MAX(sequence), 0) FROM history").fetchone()
    row = connection.execute(
        "SELECT hash FROM history WHERE sequence = ?", [head.sequence]
    ).fetchone()
    return is_another(head, last, row and row[0])


class _Look(NamedTuple):
    """The file as the system shows it: its bytes, and when they were last written."""

    size: int
    written: int


class Contents:
    """What is in the file, as far as that can be seen without reading all of it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._look()

    def trouble(self, head: Head) -> str:
        """Return why what is in the file is not what was written there; empty if nothing is known to be wrong. Very cheap.

        Args:
            head: A row of the history that must be in it.
        """
        found = self._look()
        if found == self._seen or found is None:
            return ""
        try:
            with closing(opened_apart(str(self._path), "ro")) as connection:
                why = REPLACED if lacks(connection, head) else ""
                if not why and self._seen is not None and found.size < self._seen.size:
                    why = DAMAGED if _is_cut_off(self._path) else ""
        except sqlite3.DatabaseError as error:
            # there is none if Python could not read what SQLite said
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
            # locked or not readable just now: it is looked at again
            return DAMAGED if code & 0xFF in IS_DAMAGED else ""
        if not why:
            self._seen = found
        return why

    def _look(self) -> _Look | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return _Look(found.st_size, found.st_mtime_ns)


def _is_cut_off(path: Path) -> bool:
    """Return whether a file that became shorter has not all pages that it says it has; compacting makes both fewer.

    The file is read without its log, which may have pages already that no checkpoint has moved into it.
    """
    with closing(opened_apart(str(path), "ro&immutable=1")) as connection:
        # it is refused if the file has not all of them
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return not pages
