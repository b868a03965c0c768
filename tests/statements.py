"""Notes which of the bot's statements the tests run, on each engine, so that none is left out on PostgreSQL.

`make test` runs everything on SQLite, and on PostgreSQL the tests of the store and those that tests/on_postgres.txt names
(`make postgres-test` runs them all). Afterwards `python -m tests.statements` compares: a statement that ran on SQLite with
values of these types, and changed no row, one or several, or was refused, must have run so on PostgreSQL too.
"""

import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.store.database import Guarded
from bot.store.errors import ForbiddenByDatabaseError
from bot.store.postgres.database import PostgresDatabase
from bot.store.sqlite import SqliteDatabase
from tests.processes import ROOT

HERE = os.environ.get("STATEMENTS", "")
"""The folder of the notes, a file for each process of tests; empty: nothing is noted."""
STORE = str(ROOT / "bot" / "store")
OF_ONE_ENGINE = re.compile(
    r"/(migrations|postgres)/|/(schema|database|opening|checkpoints|copied_file|measuring)\.py$"
)
"""What runs statements that one engine alone has."""
LISTS = re.compile(r"\(\s*\?(?:\s*,\s*\?)*\s*\)(?:\s*,\s*\(\s*\?(?:\s*,\s*\?)*\s*\))*")

Note = tuple[str, str, str]
"""A statement, the types of its values, and what became of it."""
_NOTES: set[Note] = set()


def begin() -> None:
    """From now on note what this process runs, if there is a folder for it."""
    if not HERE:
        return
    for kind, method in (
        (Guarded, "execute"), (SqliteDatabase, "executemany"),
        (PostgresDatabase, "execute"), (PostgresDatabase, "executemany"), (PostgresDatabase, "at_once"),
    ):  # fmt: skip
        setattr(kind, method, _noting(getattr(kind, method), method))


def _noting(run: Callable[..., Any], method: str) -> Callable[..., Any]:
    def running(database: Any, *given: Any) -> Any:
        caller = sys._getframe(1).f_code.co_filename
        if not caller.startswith(STORE) or OF_ONE_ENGINE.search(caller):
            return run(database, *given)
        if method == "executemany":
            given = (given[0], list(given[1]))
        asked = list(_asked(method, given))
        try:
            found = run(database, *given)
        except (sqlite3.IntegrityError, ForbiddenByDatabaseError):
            _NOTES.update((*each, "refused") for each in asked)
            raise
        _NOTES.update((*each, _changed(each[0], found)) for each in asked)
        return found

    return running


def _asked(method: str, given: Any) -> Iterator[tuple[str, str]]:
    if method == "at_once":
        for sql, values in given:
            yield _plain(sql), _types(values)
        return
    values = given[1] if len(given) > 1 else ()
    if method == "executemany":
        values = values[0] if values else ()
    yield _plain(given[0]), _types(values)


def _plain(sql: str) -> str:
    return LISTS.sub("(?…)", " ".join(sql.split()))


def _types(values: Any) -> str:
    each = values.values() if isinstance(values, Mapping) else values or ()
    return ",".join(sorted({type(value).__name__ for value in each}))


def _changed(sql: str, found: Any) -> str:
    """How many rows it changed, where both engines say so: none, one or several."""
    if " RETURNING " in sql or sql.startswith(("SELECT", "WITH", "PRAGMA", "VALUES")):
        return ""
    return str(min(max(0, found if isinstance(found, int) else found.rowcount), 2))


def end() -> None:
    """Write down what was noted."""
    if not HERE:
        return
    engine = "postgres" if os.environ.get("TEST_ENGINE") == "postgres" else "sqlite"
    folder = Path(HERE)
    folder.mkdir(exist_ok=True)
    (folder / f"{engine}-{os.getpid()}.json").write_text(json.dumps(sorted(_NOTES)))


def noted(engine: str, folder: Path) -> set[Note]:
    """Return what all processes of tests have noted on an engine."""
    return {
        (sql, types, became)
        for file in folder.glob(f"{engine}-*.json")
        for sql, types, became in json.loads(file.read_text())
    }


def main() -> int:
    """Print what ran on SQLite alone; the exit status is 1 where there is anything."""
    folder = Path(HERE)
    missing = sorted(noted("sqlite", folder) - noted("postgres", folder))
    for sql, types, became in missing:
        sys.stdout.write(f"not on PostgreSQL: {sql} [{types}] {became}\n")
    sys.stdout.write(f"statements that ran on SQLite alone: {len(missing)}\n")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
