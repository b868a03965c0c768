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
    try:
        with replaced(target, database=source) as unfinished:
            _copy(f"file:{quote(str(source))}?mode=ro", unfinished, look)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"The backup {target} was not made: {error}.") from error
    return target.stat().st_size


def put_back(copy: Path, path: Path, now: datetime, look: Look = _go_on) -> Path | None:
    """Put a copy in the database's place; return where the old one is kept, None if there was none.

    The caller holds the work lock. At every moment there is a database in the place, so that a process that starts
    meanwhile never creates an empty one.

    Raises:
        StoreError: Nothing was changed.
    """
    path = beside(path, "")
    kept = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}") if path.exists() else None
    try:
        with replaced(path) as unfinished:
            _copy(address(copy), unfinished, look)
            if kept:
                _keep(path, kept)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{copy} was not put back: {error}. Nothing was changed.") from error
    return kept


def _copy(source: str, unfinished: Path, look: Look) -> None:
    with closing(sqlite3.connect(source, uri=True)) as database:
        if NEEDED.isdisjoint(SqliteDatabase(database).table_names()):
            raise sqlite3.DatabaseError("it is empty, or no database of Billing Bot")
        database.set_progress_handler(lambda: look(unfinished.stat().st_size), STEPS_BETWEEN_LOOKS)
        database.execute("VACUUM INTO ?", [str(unfinished)])
    synced(unfinished)


def _keep(path: Path, kept: Path) -> None:
    """Give the file a second name, and its log if one is left; then remove the log's first name."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a damaged one keeps its log
    logs = [end for end in ("-wal", "-shm") if Path(f"{path}{end}").exists()]
    for end in ("", *logs):
        os.link(f"{path}{end}", f"{kept}{end}")
    for end in logs:
        Path(f"{path}{end}").unlink()
