"""Finds values in the other tables that nobody can read, with SQL over a read-only file."""

from collections.abc import Iterator
from typing import NamedTuple

from bot.domain.call import Verdict
from bot.domain.message import MessageKind
from bot.domain.request import State
from bot.store.file.reading import DatabaseFile

LONGEST = 60
"""How many characters of a damaged value are shown."""

TIMES = (
    ("requests", "number", ("created_at", "expires_at", "state_at", "wake_at", "decided_at")),
    ("approvals", "request", ("at",)),
    ("calls", "request", ("first_sent_at", "sent_at", "answered_at", "retry_at")),
    ("outbox", "request", ("created_at", "wake_at", "tried_at", "ended_at")),
    ("estimates", "request", ("begun", "wake_at")),
    ("estimated", "request", ("at",)),
)
"""Tables, their columns that name a request, and their columns that are times or empty."""

WORDS = (
    ("requests", "number", "state", State),
    ("calls", "request", "verdict", Verdict),
    ("outbox", "request", "kind", MessageKind),
)
"""Columns with one of a few words."""

VALUES = (
    ("requests", "number", ("body", "facts", "rule", "progress")),
    ("calls", "request", ("began",)),
    ("outbox", "request", ("blocks", "file")),
)
"""Columns that are JSON or empty."""


class Unreadable(NamedTuple):
    """A value that nobody can read: its table and column, the request (None: none), and how it begins."""

    table: str
    column: str
    request: int | None
    value: str

    @property
    def words(self) -> str:
        """Return it in words."""
        of = "" if self.request is None else f" of R-{self.request}"
        return f"the column {self.column} of {self.table}{of} cannot be read: {self.value!r}"


def unreadable(file: DatabaseFile) -> Iterator[Unreadable]:
    """Yield each time, word and JSON value of the other tables that is none, and so is damaged."""
    for table, number, columns in TIMES:
        for column in columns:
            is_time = f"julianday({column}) NOT NULL AND instr(substr({column}, 11), '+')"
            yield from _found(file, table, number, column, f"NOT ({is_time})")
    for table, number, column, words in WORDS:
        known = ", ".join(f"'{each.value}'" for each in words)
        yield from _found(file, table, number, column, f"{column} NOT IN ({known})")
    for table, number, columns in VALUES:
        for column in columns:
            wrong = f"{column} <> '' AND NOT json_valid({column})"
            yield from _found(file, table, number, column, wrong)


def _found(
    file: DatabaseFile, table: str, number: str, column: str, wrong: str
) -> Iterator[Unreadable]:
    if table not in file.tables or column not in {*file.columns(table)}:
        return
    rows = file.database.execute(
        f"SELECT {number}, substr({column}, 1, ?) FROM {table} NOT INDEXED "  # noqa: S608 - names of this module
        f"WHERE {column} NOT NULL AND ({wrong})",
        [LONGEST],
    )
    yield from (Unreadable(table, column, request, value) for request, value in rows)
