"""The documents of a request as they were read for it, largest first, for *Details*."""

from collections.abc import Sequence

from bot.domain.listed import Listed
from bot.store.engine import Database

MOST_LISTED = 1_000
"""How many documents of a request are kept; Zuora and the month's file have the others."""


class ListedDocuments:
    """The table of these documents. Every write must be inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, request: int, documents: Sequence[Listed]) -> None:
        """Keep a request's first `MOST_LISTED` documents."""
        self._database.executemany(
            "INSERT INTO listed (request, position, number, customer, amount, mail, mailed) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (request, position, *document)
                for position, document in enumerate(documents[:MOST_LISTED])
            ),
        )

    def of(self, request: int, first: int, most: int) -> list[Listed]:
        """Return documents from a position on."""
        rows = self._database.execute(
            "SELECT number, customer, amount, mail, mailed FROM listed "
            "WHERE request = ? AND position >= ? ORDER BY position LIMIT ?",
            [request, first, most],
        )
        return [Listed(*row) for row in rows]

    def count(self, request: int) -> int:
        """Return how many a request has."""
        (found,) = self._database.execute(
            "SELECT COUNT(*) FROM listed WHERE request = ?", [request]
        ).fetchone()
        return int(found)
