"""The days on which the digest was posted."""

from datetime import datetime

from bot.store.engine import Database
from bot.store.times import to_text


class Mornings:
    """The days on which the digest was posted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def before(self, day: str) -> str:
        """Return the last day with a digest before a day; empty if there was none."""
        (found,) = self._database.execute(
            "SELECT MAX(day) FROM digests WHERE day < ?", [day]
        ).fetchone()
        return str(found or "")

    def claim(self, day: str, now: datetime) -> bool:
        """Claim a day (`2026-11-21`) for its digest, inside a transaction; return False if it was posted already."""
        cursor = self._database.execute(
            "INSERT INTO digests (day, at) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [day, to_text(now)],
        )
        return cursor.rowcount == 1
