"""Who has opened the Home tab, and whose is to be drawn again."""

from datetime import datetime

from bot.store.engine import Database
from bot.store.times import to_text


class Homes:
    """Who has opened the home tab, and at which page."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def opened(self, person: str, team: str, page: int = 0) -> None:
        """Remember somebody; inside a transaction."""
        self._database.execute(
            "INSERT INTO homes (person, team, page) VALUES (?, ?, ?) "
            "ON CONFLICT (person) DO UPDATE SET team = excluded.team, page = excluded.page",
            [person, team, page],
        )

    def redraw(self, now: datetime) -> None:
        """Have everybody's home drawn again, as a request's move does; inside a transaction."""
        self._database.execute(
            "INSERT INTO outbox (kind, channel, user, text, blocks, created_at, tries) "
            "SELECT 'home', '', person, '', '[]', ?, 0 FROM homes WHERE NOT EXISTS ("
            " SELECT 1 FROM outbox"
            " WHERE kind = 'home' AND ended_at IS NULL AND user = homes.person AND tries = 0)",
            [to_text(now)],
        )

    def forget(self, person: str) -> None:
        """Stop drawing for somebody who may no longer look; inside a transaction."""
        self._database.execute("DELETE FROM homes WHERE person = ?", [person])

    def of(self, person: str) -> tuple[str, int] | None:
        """Return workspace id and page of somebody's home; None if it was never opened."""
        row = self._database.execute(
            "SELECT team, page FROM homes WHERE person = ?", [person]
        ).fetchone()
        return None if row is None else (row[0], row[1])
