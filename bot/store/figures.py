"""The table of figures: what each request counts for, and the sums of each day."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.store.engine import Database
from bot.store.times import from_text_if_readable, to_text

DAILY = frozenset({"posted", "mailed"})
"""What is summed up for each day; everything else is summed for the month, with its name in place of the day."""

Counted = Mapping[tuple[str, str], Decimal]
"""What a request counts for: by name and key, for example `("mailed", "EUR")`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one request counts for.

    Attributes:
        day: The UTC day it was asked on, `2026-11-21`.
        to_decision: Seconds from the request to the decision; None if there is none.
        to_done: Seconds from the decision to the result.
    """

    request: int
    day: str
    to_decision: int | None
    to_done: int | None
    counted: Counted


class Figures:
    """Sums of days, updated request by request; writing belongs inside a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, limit: int) -> list[int]:
        """Return the requests whose figures must be counted again."""
        rows = self._database.execute("SELECT request FROM figures_due LIMIT ?", [limit])
        return [number for (number,) in rows]

    def write(self, figure: Figure) -> None:
        """Replace what a request counts for, in its own row and in the sums of its day."""
        changes = dict(figure.counted)
        for name_and_key, value in self._counted(figure.request).items():
            changes[name_and_key] = changes.get(name_and_key, Decimal(0)) - value
        for (name, key), value in changes.items():
            if value:
                day = figure.day if name in DAILY else figure.day[:7]
                self._add(day, name, key, value)
        self._database.execute(
            "INSERT INTO figures (request, day, month, to_decision, to_done, counted) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (request) DO UPDATE SET "
            "to_decision = excluded.to_decision, to_done = excluded.to_done, "
            "counted = excluded.counted",
            [
                figure.request, figure.day, figure.day[:7], figure.to_decision, figure.to_done,
                json.dumps([[*key, str(value)] for key, value in figure.counted.items()]),
            ],
        )  # fmt: skip
        self._database.execute("DELETE FROM figures_due WHERE request = ?", [figure.request])

    def of_days(self, month: str) -> list[tuple[str, str, str, Decimal]]:
        """Return day, name, key and sum for a month (`2026-11`); only those of `DAILY` have days."""
        rows = self._database.execute(
            "SELECT day, name, key, value FROM tallies WHERE day BETWEEN ? AND ? ORDER BY day",
            [month, f"{month}-31"],
        )
        return [(day, name, key, Decimal(value)) for day, name, key, value in rows]

    def of(self, requests: Sequence[int]) -> list[Figure]:
        """Return what these requests count for."""
        rows = self._database.execute(
            "SELECT request, day, to_decision, to_done, counted FROM figures "
            "WHERE request IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
            [json.dumps(list(requests))],
        )
        return [
            Figure(
                request=request,
                day=day,
                to_decision=to_decision,
                to_done=to_done,
                counted=_read(counted),
            )
            for request, day, to_decision, to_done, counted in rows
        ]

    def refusals(self, month: str) -> int:
        """Return how many refusals the history has for a month."""
        (number,) = self._database.execute(
            "SELECT COALESCE(SUM(number), 0) FROM refusals WHERE day BETWEEN ? AND ?",
            [f"{month}-01", f"{month}-31"],
        ).fetchone()
        return int(number)

    def median_to_decision(self, month: str, of: int) -> float | None:
        """Return the median seconds from request to decision; `of` is how many there are."""
        return self._median("to_decision", month, of)

    def median_to_done(self, month: str, of: int) -> float | None:
        """Return the median seconds from decision to result; `of` is how many there are."""
        return self._median("to_done", month, of)

    def _median(self, column: str, month: str, of: int) -> float | None:
        if not of:
            return None
        rows = self._database.execute(
            f"SELECT {column} FROM figures WHERE month = ? AND {column} IS NOT NULL "  # noqa: S608 - own names
            f"ORDER BY {column} LIMIT ? OFFSET ?",
            [month, 2 - of % 2, (of - 1) // 2],
        ).fetchall()
        return sum(value for (value,) in rows) / len(rows) if rows else None

    def asked_in(
        self, first: datetime, last: datetime, after: tuple[str, int], limit: int
    ) -> list[tuple[str, int]]:
        """Return requests asked for in a span of time, in order: time as text, and number.

        Args:
            first: The beginning of the span.
            last: The first moment after it.
            after: The last one of the slice before; `("", 0)` for the first slice.
            limit: How many at most.
        """
        return self._database.execute(
            "SELECT created_at, number FROM requests WHERE created_at >= ? AND created_at < ? "
            "AND (created_at, number) > (?, ?) ORDER BY created_at, number LIMIT ?",
            [max(to_text(first), after[0]), to_text(last), *after, limit],
        ).fetchall()

    def may_belong_to(self, month: str, requests: Collection[int]) -> list[int]:
        """Return those of these requests that were asked for in a month (`2026-11`), or nobody knows when, in order."""
        rows = self._database.execute(
            "SELECT number, created_at FROM requests "
            "WHERE number IN (SELECT CAST(value AS INTEGER) FROM json_each(?)) ORDER BY number",
            [json.dumps(sorted(requests))],
        )
        return [
            number for number, at in rows if at[:7] == month or from_text_if_readable(at) is None
        ]

    def _counted(self, request: int) -> Counted:
        row = self._database.execute(
            "SELECT counted FROM figures WHERE request = ?", [request]
        ).fetchone()
        if row is None:
            return {}
        return _read(row[0])

    def _add(self, day: str, name: str, key: str, value: Decimal) -> None:
        row = self._database.execute(
            "SELECT value FROM tallies WHERE day = ? AND name = ? AND key = ?", [day, name, key]
        ).fetchone()
        total = value + (Decimal(row[0]) if row else 0)
        self._database.execute(
            "INSERT INTO tallies (day, name, key, value) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (day, name, key) DO UPDATE SET value = excluded.value",
            [day, name, key, str(total)],
        )


def _read(counted: str) -> Counted:
    return {(name, key): Decimal(value) for name, key, value in json.loads(counted)}
