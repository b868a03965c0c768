"""Which database this is, whether it is held as an older copy, and how it begins anew after that."""

import json
from collections.abc import Collection
from datetime import datetime

from bot.domain.copies import OwnHistory
from bot.store.engine import Database
from bot.store.times import to_text

FIRST_MESSAGES = 1000
"""The earliest `ts` is looked for among this many first messages, because lanes overtake each other."""


class Copies:
    """The ids by which messages and buttons name this database, and why it is held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def id(self) -> str:
        """Return this database's id since it last began anew."""
        return self.ids[-1]

    @property
    def ids(self) -> tuple[str, ...]:
        """Return every id that it has had, the current one last; it gets a new one after a restored copy."""
        rows = self._database.execute("SELECT id FROM copies ORDER BY position")
        return tuple(row[0] for row in rows)

    @property
    def held(self) -> str:
        """Return in one sentence why nothing is carried out or sent; empty: the database is not held."""
        row = self._database.execute("SELECT why FROM holds WHERE ended_at IS NULL").fetchone()
        return row[0] if row else ""

    def hold(self, why: str, now: datetime) -> None:
        """Hold the database: carry nothing out and send nothing from now on, across restarts."""
        self._database.execute("INSERT INTO holds (at, why) VALUES (?, ?)", [to_text(now), why])

    def own(self, channel: str, head: int, shown: Collection[int]) -> OwnHistory:
        """Return this database's history for the comparison with what Slack shows.

        Args:
            channel: Slack channel id of the messages that count.
            head: The last row of its history at this start.
            shown: The rows of a history that messages name.
        """
        rows = self._database.execute(
            "SELECT shown, COALESCE(hash, '') FROM (SELECT CAST(value AS INTEGER) AS shown FROM json_each(?)) AS rows "
            "LEFT JOIN history ON sequence = shown WHERE hash IS NOT NULL OR shown > (SELECT COALESCE(MAX(sequence), 0) FROM history)",
            [json.dumps(sorted(shown))],
        )
        return OwnHistory(ids=self.ids, head=head, rows=dict(rows), since=self.since(channel))

    def since(self, channel: str) -> str:
        """Return Slack's `ts` after which a message can be newer than this database; empty if there is none."""
        (seen,) = self._database.execute(
            "SELECT MAX(seen_until) FROM "
            "(SELECT seen_until FROM copies UNION ALL SELECT seen_until FROM comparisons) AS seen"
        ).fetchone()
        if seen:
            return str(seen)
        (first,) = self._database.execute(
            "SELECT MIN(ts) FROM (SELECT ts FROM outbox WHERE channel = ? AND ts IS NOT NULL "
            "ORDER BY sequence LIMIT ?) AS first",
            [channel, FIRST_MESSAGES],
        ).fetchone()
        return first or ""

    def compared(self, seen: str, now: datetime) -> None:
        """Note that nothing in Slack up to this `ts` is newer than this database."""
        self._database.execute(
            "INSERT INTO comparisons (at, seen_until) VALUES (?, ?)", [to_text(now), seen]
        )

    def open_cards(self) -> list[tuple[str, str]]:
        """Return state and card `ts` of each request that has not ended and has a card."""
        return self._database.execute(
            "SELECT state, card_ts FROM requests WHERE card_ts IS NOT NULL "
            "AND state IN ('waiting', 'approved', 'running', 'unknown') ORDER BY card_ts"
        ).fetchall()

    def open_numbers(self) -> list[int]:
        """Return the numbers of the requests that have not ended."""
        rows = self._database.execute(
            "SELECT number FROM requests "
            "WHERE state IN ('waiting', 'approved', 'running', 'unknown') ORDER BY number"
        )
        return [row[0] for row in rows]

    def begin_anew(self, database: str, now: datetime, *, last_number: int, seen: str) -> None:
        """Continue as a new database: unsent messages are dropped, and the hold ends.

        Args:
            database: The new id.
            now: The moment.
            last_number: The highest request number that was seen; numbers continue after it.
            seen: The latest `ts` in Slack; what others posted up to then counts as known.
        """
        self._database.execute(
            "INSERT INTO copies (id, last_number, seen_until) VALUES (?, ?, ?)",
            [database, last_number, seen],
        )
        self._database.execute(
            "UPDATE holds SET ended_at = ? WHERE ended_at IS NULL", [to_text(now)]
        )
        self._database.execute(
            "UPDATE outbox SET ended_at = ?, outcome = 'restored' WHERE ended_at IS NULL",
            [to_text(now)],
        )
