"""The cards of a database and their messages, to be compared with what Slack shows."""

from collections.abc import Iterator
from typing import NamedTuple

from bot.store.file.evidence import Span
from bot.store.file.reading import DatabaseFile

_CARDS_SHOWN = """
INSERT INTO temp.cards
SELECT number, channel, card_ts, (SELECT COUNT(*) FROM temp.messages_of CROSS JOIN outbox USING (sequence)
  WHERE messages_of.request = number AND kind IN ('reply', 'reminder', 'progress') AND ts IS NOT NULL), NULL
FROM requests WHERE card_ts IS NOT NULL AND number IN
  (SELECT request FROM history WHERE sequence BETWEEN ? AND ? AND request IS NOT NULL)
ORDER BY number
"""

_SENT = """
SELECT ts, MAX(sequence), text, blocks FROM temp.messages_of CROSS JOIN outbox USING (sequence)
WHERE messages_of.request = ? AND outcome = 'sent' AND ts IS NOT NULL
  AND kind IN ('card', 'update', 'reply', 'progress') GROUP BY ts
"""


class Card(NamedTuple):
    """A card as the database knows it: where it is, and how many messages went into its thread."""

    request: int
    channel: str
    ts: str
    replies: int


class Cards:
    """The cards of a stretch's requests, and which were found in Slack; kept in a temporary table, not in memory."""

    def __init__(self, file: DatabaseFile, within: Span) -> None:
        self._database = file.database
        self._database.execute("DROP TABLE IF EXISTS temp.cards")
        self._database.execute(
            "CREATE TEMP TABLE cards (request INTEGER PRIMARY KEY, channel TEXT, ts TEXT, "
            "replies INTEGER, there INTEGER)"
        )
        self._database.execute(_CARDS_SHOWN, [within.first, within.last])
        self._database.execute("CREATE INDEX temp.cards_ts ON cards (ts, channel)")

    def channels(self) -> list[tuple[str, str]]:
        """Return the channels of the cards, each with the `ts` of its first card."""
        return list(
            self._database.execute(
                "SELECT channel, MIN(ts) FROM temp.cards GROUP BY channel ORDER BY channel"
            )
        )

    def at(self, channel: str, ts: str) -> Card | None:
        """Return the card that should be at this place; None if none should."""
        return next(self._of("ts = ? AND channel = ?", ts, channel), None)

    def stands(self, card: Card, replies: int) -> None:
        """Note that the card is in Slack, with this many replies in its thread."""
        self._database.execute(
            "UPDATE temp.cards SET there = ? WHERE request = ?", [replies, card.request]
        )

    def there(self) -> int:
        """Return how many of the cards are in Slack."""
        (number,) = self._database.execute("SELECT COUNT(there) FROM temp.cards").fetchone()
        return int(number)

    def missing(self) -> Iterator[Card]:
        """Yield the cards that were not found."""
        return self._of("there IS NULL ORDER BY request")

    def short(self) -> Iterator[Card]:
        """Yield the cards whose threads have fewer replies than were sent there."""
        return self._of("there < replies ORDER BY request")

    def threads(self, most: int) -> list[Card]:
        """Return the newest cards that are in Slack and have threads, oldest first."""
        found = self._of("there IS NOT NULL AND replies > 0 ORDER BY request DESC LIMIT ?", most)
        return list(found)[::-1]

    def _of(self, where: str, *values: object) -> Iterator[Card]:
        sql = f"SELECT request, channel, ts, replies FROM temp.cards WHERE {where}"  # noqa: S608 - own words
        return (Card(*row) for row in self._database.execute(sql, values))


def sent(file: DatabaseFile, number: int) -> Iterator[tuple[str, int, str, str]]:
    """Yield what was last sent under each `ts` of a request's card and thread: `ts`, sequence, text, blocks as JSON."""
    return file.database.execute(_SENT, [number])


_HEADS_NOT_TAKEN = """
SELECT h.sequence FROM outbox AS o CROSS JOIN history AS h
WHERE o.kind = 'notice' AND o.request IS NULL AND o.outcome IS NOT 'sent' AND h.request IS NULL AND h.what = 'audit.head'
  AND o.channel = json_extract(h.data, '$.channel')
  AND instr(o.text, json_extract(h.data, '$.sequence') || ':' || json_extract(h.data, '$.hash'))
ORDER BY h.sequence
"""


def newest_message(file: DatabaseFile) -> int:
    """Return the newest message of the outbox."""
    (number,) = file.database.execute("SELECT MAX(sequence) FROM outbox").fetchone()
    return int(number or 0)


def is_waiting(file: DatabaseFile, number: int) -> bool:
    """Return whether a message of the outbox was still to be sent."""
    sql = "SELECT 1 FROM outbox WHERE sequence = ? AND ended_at IS NULL"
    return file.database.execute(sql, [number]).fetchone() is not None


def heads_not_taken(file: DatabaseFile) -> list[int]:
    """Return the rows of heads whose message to the audit channel Slack has not taken."""
    return [row for (row,) in file.database.execute(_HEADS_NOT_TAKEN)]


def last_id(file: DatabaseFile) -> str:
    """Return the database's id; it has a new one since an older copy was put back and it was resumed."""
    if "copies" not in file.tables:
        return ""
    found = file.database.execute("SELECT id FROM copies ORDER BY position DESC LIMIT 1").fetchone()
    return str(found[0]) if found else ""


def workspace(file: DatabaseFile) -> str:
    """Return the id of the Slack workspace in which the bot was started last; empty if no start says it."""
    found = file.database.execute(
        "SELECT json_extract(data, '$.slack.team') FROM history WHERE request IS NULL AND what = 'bot.started' "
        "ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    return str(found[0] or "") if found else ""


def card_ts(file: DatabaseFile, number: int) -> str | None:
    """Return Slack's `ts` of a request's card; None if there is no such request, or no card of it yet."""
    sql = "SELECT card_ts FROM requests WHERE number = ?"
    found = file.database.execute(sql, [number]).fetchone()
    return found[0] if found else None
