"""Refusals in the history: one row each, and beyond a limit per minute one row that counts the rest."""

from datetime import datetime
from typing import NamedTuple

from bot.domain.history import Entry, What
from bot.store.engine import Database
from bot.store.history import History
from bot.store.times import to_text

WRITTEN_A_MINUTE = 50
"""How many refusals of one person a minute get a row each."""

_MINUTE = len("2026-11-21T10:00")


class _Counted(NamedTuple):
    who: str
    team: str
    number: int
    first_at: str
    last_at: str


class Refusals:
    """Counts each person's refusals in a minute; inside the caller's transaction."""

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    def add(self, entry: Entry, now: datetime) -> None:
        """Write a refusal into the history, or count it if this person has had enough in this minute."""
        at = to_text(now)
        self._close(
            "who = ? AND team = ? AND minute <> ?", [entry.who, entry.team, at[:_MINUTE]], now
        )
        (number,) = self._database.execute(
            "INSERT INTO refused_lately (who, team, minute, number, first_at, last_at) "
            "VALUES (?, ?, ?, 1, '', '') ON CONFLICT (who, team) DO UPDATE SET number = refused_lately.number + 1 "
            "RETURNING number",
            [entry.who, entry.team, at[:_MINUTE]],
        ).fetchone()
        if number <= WRITTEN_A_MINUTE:
            self._history.append(entry, now)
            return
        self._database.execute(
            "UPDATE refused_lately SET last_at = :at, first_at = CASE first_at WHEN '' THEN :at "
            "ELSE first_at END WHERE who = :who AND team = :team",
            {"at": at, "who": entry.who, "team": entry.team},
        )

    def touch(self) -> None:
        """Write a row and take it back."""
        self._database.execute("INSERT INTO refused_lately VALUES ('', 'touched', '', 0, '', '')")
        self._database.execute("DELETE FROM refused_lately WHERE team = 'touched' AND number = 0")

    def are_counted(self, now: datetime) -> bool:
        """Return whether an earlier minute has refusals that `close` must deal with."""
        found = self._database.execute(
            "SELECT 1 FROM refused_lately WHERE minute <> ? LIMIT 1", [to_text(now)[:_MINUTE]]
        )
        return found.fetchone() is not None

    def close(self, now: datetime) -> None:
        """Record what was counted in earlier minutes, one row for each person."""
        self._close("minute <> ?", [to_text(now)[:_MINUTE]], now)

    def _close(self, where: str, values: list[str], now: datetime) -> None:
        rows = self._database.execute(
            f"DELETE FROM refused_lately WHERE {where} "  # noqa: S608 - our own words
            "RETURNING who, team, number, first_at, last_at",
            values,
        ).fetchall()
        for each in sorted(_Counted(*row) for row in rows):
            count = each.number - WRITTEN_A_MINUTE
            if count > 0:
                data = {"count": count, "first_at": each.first_at, "last_at": each.last_at}
                self._history.append(
                    Entry(what=What.REFUSED, who=each.who, team=each.team, data=data), now
                )
