"""Writes the parts of a large request before the request itself exists.

A transaction holds the event loop, and 50,000 documents take seconds. So their rows are written in short transactions,
under the number that the request will have. Until the request's own row exists, they can be deleted and count for
nothing, because every question about documents also asks for the request. Requests that others make meanwhile get
later numbers, so the history records when a number is kept, and when it is dropped because its request was not saved.
A dropped number is never used again.
"""

from datetime import datetime
from typing import NamedTuple

from bot.domain.authority import Person
from bot.domain.history import Entry, What
from bot.store.engine import Database
from bot.store.errors import CouldNotRecordError
from bot.store.history import History
from bot.store.in_parts import PART
from bot.store.times import to_text


class KeptNumber(NamedTuple):
    """The number that is kept for a request, and what was written under it.

    Attributes:
        number: The number that the request will have.
        entry: Sequence of the row of the history that keeps the number.
        mailings: How many rows of what it can mail were written.
        parts: How many parts of its facts were written.
    """

    number: int
    entry: int
    mailings: int
    parts: int = 0


class Preparing:
    """The table of kept numbers. Every call belongs inside the caller's transaction."""

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    def begin(self, number: int, now: datetime, person: Person, operation: str) -> int:
        """Keep a number for a request that is about to be saved; no other request takes it from now on.

        Args:
            number: The next one.
            now: The moment.
            person: Who asks.
            operation: The operation that is asked for.

        Returns:
            Sequence of the row of the history that keeps the number.
        """
        self._database.execute(
            "INSERT INTO preparing (number, at) VALUES (?, ?)", [number, to_text(now)]
        )
        data = {"number": number, "operation": operation}
        entry = Entry(what=What.NUMBER_KEPT, who=person.user_id, team=person.team_id, data=data)
        return self._history.append(entry, now).sequence

    def stands(self, number: int) -> bool:
        """Return whether that number is still kept for a request that is about to be saved."""
        found = self._database.execute("SELECT 1 FROM preparing WHERE number = ?", [number])
        return found.fetchone() is not None

    def begun_before(self, moment: datetime) -> list[int]:
        """Return the numbers that were kept before a moment for requests that are not saved yet."""
        rows = self._database.execute(
            "SELECT number FROM preparing WHERE at < ? ORDER BY number", [to_text(moment)]
        )
        return [number for (number,) in rows]

    def check(self, kept: KeptNumber) -> None:
        """Check that every part of a request is there, before it is saved.

        Its documents are deleted first, so if all of them are there, so is the rest.

        Raises:
            CouldNotRecordError: Some are missing; they were deleted meanwhile.
        """
        there = self._database.execute(
            "SELECT (SELECT COUNT(*) FROM mailings WHERE request = :number), "
            "(SELECT COUNT(*) FROM facts_in_parts WHERE request = :number)",
            {"number": kept.number},
        ).fetchone()
        if not self.stands(kept.number) or tuple(there) != (kept.mailings, kept.parts):
            msg = "could not record this: it was not written whole; please try again"
            raise CouldNotRecordError(msg)

    def drop_part(self, number: int, now: datetime, why: str) -> None:
        """Delete a part of what was written for a request that will not be saved.

        With the last part goes the number, which the history says; until then it `stands`.
        """
        if not self.stands(number):  # it was saved, or dropped by somebody else
            return
        for table, key in _TABLES.items():
            deleted = self._database.execute(
                f"DELETE FROM {table} WHERE request = ? AND {key} IN "  # noqa: S608 - own names
                f"(SELECT {key} FROM {table} WHERE request = ? LIMIT ?)",
                [number, number, PART],
            )
            if deleted.rowcount:
                return
        self._database.execute("DELETE FROM preparing WHERE number = ?", [number])
        kept = self._database.execute(_KEPT, [number]).fetchone()
        if kept is not None:  # by an earlier version, which did not write it down
            data = {"number": number, "kept": kept[0], "why": why}
            self._history.append(Entry(what=What.NUMBER_DROPPED, data=data), now)


_TABLES = {"mailings": "document_number", "facts_in_parts": "part", "request_subjects": "subject"}
"""The tables with the rows of an unsaved request, each with a key column, in the order of deletion."""

_KEPT = """
SELECT sequence FROM history WHERE request IS NULL AND what = 'number.kept'
  AND CASE WHEN json_valid(data) THEN CAST(json_extract(data, '$.number') AS INTEGER) END = ? ORDER BY sequence DESC LIMIT 1
"""
