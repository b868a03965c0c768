"""Estimates that Zuora makes in the background: those awaited, and their results."""

from dataclasses import dataclass
from datetime import datetime

from bot.store.engine import Database, Question, ask
from bot.store.times import from_text_if_readable, to_text

_COLUMNS = "request, key, begun, looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An estimate that is still to be shown.

    Attributes:
        request: Number of the request.
        key: Random part of the key under which Zuora is asked to begin it.
        begun: Its name in Zuora; empty until it was begun.
        looks: How many times it was begun or looked at.
    """

    request: int
    key: str
    begun: str = ""
    looks: int = 0


class Estimates:
    """The tables of estimates: `estimates` while there is something to do, then `estimated`.

    Every write must be inside a transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, request: int, key: str, now: datetime) -> None:
        """Add an estimate that still has to be begun."""
        self._database.execute(
            "INSERT INTO estimates (request, key, begun, looks, wake_at) VALUES (?, ?, '', 0, ?)",
            [request, key, to_text(now)],
        )

    def due(self, now: datetime, limit: int) -> list[Waiting]:
        """Return the estimates that are due, the longest due first."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM estimates WHERE wake_at <= ? "  # noqa: S608 - own names
            "ORDER BY wake_at LIMIT ?",
            [to_text(now), limit],
        )
        return [
            Waiting(request=request, key=key, begun=begun, looks=looks)
            for request, key, begun, looks in rows
        ]

    def next_wake(self) -> datetime | None:
        """Return when the next one is due."""
        (at,) = self._database.execute("SELECT MIN(wake_at) FROM estimates").fetchone()
        return from_text_if_readable(at)

    def later(self, request: int, begun: str, wake_at: datetime) -> None:
        """Note that it was begun or looked at, and is due again at `wake_at`."""
        self._database.execute(
            "UPDATE estimates SET begun = ?, looks = looks + 1, wake_at = ? WHERE request = ?",
            [begun, to_text(wake_at), request],
        )

    def end(self, request: int) -> bool:
        """End an estimate that was shown or that nobody needs; return False if it had ended before."""
        cursor = self._database.execute("DELETE FROM estimates WHERE request = ?", [request])
        return cursor.rowcount == 1

    def came_to(self, request: int, words: str, now: datetime) -> None:
        """Save the result for the card, or that there is none."""
        self._database.execute(
            "INSERT INTO estimated (request, words, at) VALUES (?, ?, ?)",
            [request, words, to_text(now)],
        )

    def of(self, request: int) -> str:
        """Return the result of a request's estimate; empty if none has arrived."""
        return ask(self._database, self.result(request))

    @staticmethod
    def result(request: int) -> Question[str]:
        """Ask for the result of a request's estimate; empty if none has arrived."""
        return Question(
            ("SELECT words FROM estimated WHERE request = ?", [request]),
            lambda rows: str(rows[0][0]) if rows else "",
        )
