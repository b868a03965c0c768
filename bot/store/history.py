"""The append-only history: each row holds the hash of the row before it."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from sqlite_utils import Database

from bot.domain.digest import canonical
from bot.domain.history import FIRST_HASH, Entry, What, entry_hash
from bot.store.times import from_text, to_text


class Written(NamedTuple):
    """An entry as it stands in the history."""

    sequence: int
    at: datetime
    entry: Entry
    hash: str


class History:
    """Appends and reads; inside a transaction of the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entry: Entry, now: datetime) -> None:
        """Write the next entry of the chain."""
        last = self._database.execute(
            "SELECT sequence, hash FROM history ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        before, sequence = (last[1], last[0] + 1) if last else (FIRST_HASH, 1)
        at = to_text(now)
        self._database.execute(
            "INSERT INTO history (sequence, at, request, what, who, team, data, before, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                sequence, at, entry.request, entry.what.value, entry.who, entry.team,
                canonical(entry.data), before, entry_hash(before, sequence, at, entry),
            ],
        )  # fmt: skip

    def of(self, request: int) -> list[Written]:
        """Everything that happened to a request, in order."""
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "WHERE request = ? ORDER BY sequence",
            [request],
        )
        return [_from_row(row) for row in rows]

    def all(self) -> list[Written]:
        """The whole history, in order."""
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "ORDER BY sequence"
        )
        return [_from_row(row) for row in rows]


def _from_row(row: tuple[Any, ...]) -> Written:
    sequence, at, request, what, who, team, data, hashed = row
    entry = Entry(what=What(what), who=who, team=team, request=request, data=json.loads(data))
    return Written(sequence, from_text(at), entry, hashed)
