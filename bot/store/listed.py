"""The documents of a request as they were read for it, largest first, for *Details*."""

from collections.abc import Sequence

from bot.domain.listed import Listed
from bot.store.engine import Database

MOST_LISTED = 1_000
"""How many documents of a request are kept; Zuora and the month's file have the others."""


_PAGE = (
    "SELECT number, customer, amount, mail, mailed FROM listed "
    "WHERE request = ? AND position >= ? ORDER BY position LIMIT ?"
)


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

    def page(self, request: int, first: int, most: int) -> tuple[list[Listed], int]:
        """Return documents from a position on, and how many a request has."""
        rows, ((of,),) = self._database.at_once(
            (_PAGE, [request, first, most]),
            ("SELECT COUNT(*) FROM listed WHERE request = ?", [request]),
        )
        return [Listed(*row) for row in rows], int(of)
