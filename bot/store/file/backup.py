"""Copies a whole database in one step while the bot works on it, and puts such a copy back."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from bot.store.errors import StoreError
from bot.store.file.reading import NEEDED, STEPS_BETWEEN_LOOKS, address
from bot.store.private import beside, replaced, synced
from bot.store.sqlite import SqliteDatabase

Look = Callable[[int], bool]
"""Called now and then with the bytes written so far; True breaks the copying off."""


def _go_on(_written: int) -> bool:
    return False


def back_up(source: Path, target: Path, look: Look = _go_on) -> int:
    """Write a consistent copy beside `target`, then put it in its place; return its bytes.

    `VACUUM INTO` reads one unchanging view. The shell's `.backup` would start over at every write.

    Raises:
        StoreError: There is no such database, the copy cannot be written, or `look` broke it off.
    """
    if not source.is_file():
        raise StoreError(f"There is no database {source}.")
    if not source.stat().st_size:  # SQLite would delete its log
        raise StoreError(f"The backup {target} was not made: {source} is empty.")
    try:
        with replaced(target, database=source) as unfinished:
            _copy(f"file:{quote(str(source))}?mode=ro", unfinished, look)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"The backup {target} was not made: {error}.") from error
    return target.stat().st_size


def put_back(copy: Path, path: Path, now: datetime, look: Look = _go_on) -> Path | None:
    """Put a copy in the database's place; return where what was there is kept, None if nothing was.

    A log that was left alone is kept too: SQLite would write its rows into the copy.

    The caller holds the work lock. At every moment there is a database in the place, so that a process that starts
    meanwhile never creates an empty one.

    Raises:
        StoreError: Nothing was changed.
    """
    path = beside(path, "")
    try:
        with replaced(path) as unfinished:
            _copy(address(copy), unfinished, look)
            return _keep(path, path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}"))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{copy} was not put back: {error}. Nothing was changed.") from error


def _copy(source: str, unfinished: Path, look: Look) -> None:
    with closing(sqlite3.connect(source, uri=True)) as database:
        if NEEDED.isdisjoint(SqliteDatabase(database).table_names()):
            raise sqlite3.DatabaseError("it is empty, or no database of Billing Bot")
        database.set_progress_handler(lambda: look(unfinished.stat().st_size), STEPS_BETWEEN_LOOKS)
        database.execute("VACUUM INTO ?", [str(unfinished)])
    synced(unfinished)


def _keep(path: Path, kept: Path) -> Path | None:
    """Give the file and its log, if they are there, a second name, and remove the log's first; return the second name."""
    logs = [end for end in ("-wal", "-shm") if beside(path, end).exists()]
    for end in logs:  # before SQLite sees them, which deletes the log of an empty file
        os.link(beside(path, end), beside(kept, end))
    if path.exists():
        if path.stat().st_size:
            with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a damaged one keeps its log
        os.link(path, kept)
    log = beside(kept, "-wal")
    for end in ("-wal", "-shm"):
        beside(path, end).unlink(missing_ok=True)
    if log.exists() and not log.stat().st_size:
        for end in logs:  # its rows are in the file
            beside(kept, end).unlink()
    return next((beside(kept, end) for end in ("", *logs) if beside(kept, end).exists()), None)
