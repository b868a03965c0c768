"""Reads figures for `/metrics` and tries a write that is taken back, each on a separate connection."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import ModuleType

from bot.domain.history import Head
from bot.store.contents import IS_DAMAGED, lacks, opened_apart
from bot.store.engine import is_postgres
from bot.store.errors import DAMAGED, LOCKED_BY_OTHERS, REPLACED, StoreError
from bot.store.measures import Measures, measured
from bot.store.opening import STEPS_BETWEEN_LOOKS, damage_of

_WORDS = {
    sqlite3.SQLITE_BUSY: LOCKED_BY_OTHERS,
    sqlite3.SQLITE_FULL: "database full",
    sqlite3.SQLITE_READONLY: "database read-only",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}


def figures(path: str) -> Measures:
    """Read the figures; in any thread.

    Raises:
        StoreError: The file cannot be read.
    """
    if is_postgres(path):
        found: Measures = _on_server().figures(path)
        return found
    try:
        return _figures(path)
    except (sqlite3.Error, OSError) as error:
        msg = f"{path} cannot be read: {error}."
        raise StoreError(msg) from error


def _figures(path: str) -> Measures:
    with closing(opened_apart(path, "ro")) as connection:
        return measured(connection.execute, size=_size(path), log=_size(f"{path}-wal"))


def why_not_writable(path: str, head: Head) -> str:
    """Write a row and take it back, in any thread; return why that failed, without naming anything; empty: it did not.

    Args:
        path: The file.
        head: A row of the history that must be in it. If it is not, somebody has put other content
            into the same file, which a program that has the file open notices late, because it
            reads from memory.
    """
    if is_postgres(path):
        return str(_on_server().why_not_writable(path, head))
    try:
        with closing(opened_apart(path, "rw")) as connection:
            if lacks(connection, head):
                return REPLACED
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO refused_lately VALUES ('', 'touched', '', 0, '', '')")
            connection.execute("DELETE FROM refused_lately WHERE team = 'touched' AND number = 0")
            connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        return _WORDS.get(error.sqlite_errorcode & 0xFF, "database not writable")
    return ""


def is_damaged(path: str, given_up: Callable[[], bool]) -> bool | None:
    """Return whether any page of the file is damaged, in any thread; None if that could not be found out.

    `given_up` breaks the check off. A program notices damage only when it reads the page, and may work from memory for long. A server checks its own
    pages.
    """
    if is_postgres(path):
        return False
    try:
        with closing(opened_apart(path, "ro")) as connection:
            connection.set_progress_handler(given_up, STEPS_BETWEEN_LOOKS)
            return bool(damage_of(connection))
    except sqlite3.DatabaseError as error:
        # there is none if Python could not read what SQLite said
        code = getattr(error, "sqlite_errorcode", 0)
        return True if code & 0xFF in IS_DAMAGED else None


def _on_server() -> ModuleType:
    return import_module("bot.store.postgres.measuring")  # psycopg is there only where it is used


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return 0
