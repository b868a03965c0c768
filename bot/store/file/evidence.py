"""Reads what evidence needs, with SQL over a read-only file; rows are plain values."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from bot.domain.history import START, Head, Row
from bot.store.errors import StoreError
from bot.store.file.archived import Archive, archives_of
from bot.store.file.reading import DatabaseFile
from bot.store.outbox import SENT
from bot.store.request_rows import bound_columns

_SPAN = """
SELECT (SELECT MIN(sequence) FROM history WHERE at >= :start AND at < :end),
  (SELECT MAX(sequence) FROM history WHERE sequence > :after AND at < :end)
"""
_JSON_COLUMNS = frozenset({"body", "facts", "rule", "blocks", "data", "file", "progress", "began"})
_TABLES = {
    "approvals": "SELECT * FROM approvals WHERE request = ? ORDER BY at, person",
    "calls": "SELECT * FROM calls WHERE request = ? ORDER BY subject",
    "messages": (
        f"SELECT {', '.join(SENT)} "  # noqa: S608 - own names
        "FROM temp.messages_of CROSS JOIN outbox USING (sequence) WHERE messages_of.request = ? "
        "ORDER BY sequence"
    ),
    "history": (
        "SELECT sequence, at, what, who, team, data, hash FROM history WHERE request = ? "
        "ORDER BY sequence"
    ),
}
_CONCERNED = """
SELECT DISTINCT request FROM history WHERE sequence BETWEEN ? AND ? AND request IS NOT NULL
ORDER BY request
"""
_STORY = """
SELECT sequence, at, request, what, who, team, data, before, hash FROM history
WHERE request = ? ORDER BY sequence
"""
_ROWS_OF = """
SELECT sequence, at, request, what, who, team, data, before, hash FROM history
WHERE sequence BETWEEN :first AND :last AND substr(what, 1, length(:kind)) = :kind
  AND (:before = '' OR at < :before) ORDER BY sequence
"""
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
_CARD = """
SELECT text, blocks FROM temp.messages_of CROSS JOIN outbox USING (sequence)
WHERE messages_of.request = ? AND kind = 'card' ORDER BY sequence LIMIT 1
"""
_DONE = """
SELECT requests.operation, requests.number, requests.subject, requests.body, requests.progress,
  CASE requests.progress WHEN '' THEN calls.began ELSE '' END, calls.sent_at, requests.place, calls.verdict
FROM calls JOIN requests ON requests.number = calls.request
WHERE calls.sent_at IS NOT NULL AND (calls.verdict IS NULL OR calls.verdict IN ('accepted', 'lost'))
  AND requests.operation IN (SELECT value FROM json_each(?))
"""


class Span(NamedTuple):
    """A stretch of the history.

    Attributes:
        before: The row before the first one.
        first, last: Sequences; `last` is `first` - 1 for an empty stretch.
        keyed_from: The first row of the history that is made with a key; None if none is.
    """

    before: Head
    first: int
    last: int
    keyed_from: int | None


_MAILED = """
SELECT m.document_number, c.request, MAX(c.sent_at), r.operation, COALESCE(c.verdict, ''), r.place
FROM mailings AS m JOIN calls AS c ON c.request = m.request AND c.subject = m.call
JOIN requests AS r ON r.number = m.request
WHERE c.sent_at >= ? AND m.document_number <> '' AND (c.verdict IS NULL OR c.verdict IN ('accepted', 'lost'))
GROUP BY m.document_number, c.request
"""


class Mailed(NamedTuple):
    """A document that a request's call mailed, or may have mailed."""

    document: str
    request: int
    sent_at: str
    operation: str
    verdict: str
    place: str


class Done(NamedTuple):
    """A call about a bill run that Zuora took, or may have taken."""

    operation: str
    request: int
    subject: str
    body: dict[str, Any]
    numbers: frozenset[str]
    sent_at: str
    place: str
    verdict: str


def span(file: DatabaseFile, period: tuple[str, str], made_at: str, after: Head | None) -> Span:
    """Return the stretch of rows for a period. Dates choose its ends, and no row between them is left out.

    Raises:
        StoreError: Some of them are in an archive.

    Args:
        file: The database.
        period: Its start, and the first moment after it.
        made_at: Now; a period that is not over goes to the last row.
        after: The last row of the package before, after which it begins; without one it begins with the first row whose time is in the period.
    """
    start, end = period
    archives = archives_of(file)
    first, last = file.database.execute(
        _SPAN, {"start": start, "end": end, "after": after.sequence if after else 0}
    ).fetchone()
    _refuse_what_is_archived(archives[-1:], after.sequence + 1 if after else first)
    if made_at < end and (after or first is not None):
        (last,) = file.database.execute("SELECT MAX(sequence) FROM history").fetchone()
    if after:
        return Span(after, after.sequence + 1, last or after.sequence, _keyed_from(file))
    if first is None:
        return Span(START, 1, 0, None)
    row = file.database.execute(
        "SELECT sequence, hash FROM history WHERE sequence < ? ORDER BY sequence DESC LIMIT 1",
        [first],
    ).fetchone()
    before = Head(*row) if row else START
    if before.sequence < first - 1:  # that row is in the archive
        before = archives[-1].last
    return Span(before, first, last, _keyed_from(file))


def _refuse_what_is_archived(newest: list[Archive], first: int | None) -> None:
    for archive in newest:
        if first is not None and first <= archive.last.sequence:
            raise StoreError(
                ARCHIVED.format(first, archive.last.sequence, archive.file, archive.before)
            )


ARCHIVED = (
    "rows {0} to {1} of this period are in the archive {2}. Make the evidence up to the day before {3} from that "
    "file (DATABASE_URL=sqlite:///{2}), and what follows from this database with --after and that package"
)


def _keyed_from(file: DatabaseFile) -> int | None:
    (sequence,) = file.database.execute(
        "SELECT MIN(sequence) FROM history WHERE request IS NULL AND what = 'audit.key_changed'"
    ).fetchone()
    return None if sequence is None else int(sequence)


def concerned(file: DatabaseFile, within: Span) -> Iterator[int]:
    """Yield the numbers of the requests that the rows of a stretch are about."""
    found = file.database.execute(_CONCERNED, [within.first, within.last])
    return (number for (number,) in found)


def made_ready(file: DatabaseFile) -> None:
    """Note outside the file which messages are about which request.

    The outbox has no index for that, so each request would otherwise be looked for in the whole outbox.
    """
    file.database.execute(
        "CREATE TEMP TABLE IF NOT EXISTS messages_of "
        "(request INTEGER, sequence INTEGER, PRIMARY KEY (request, sequence)) WITHOUT ROWID"
    )
    file.database.execute(
        "INSERT OR IGNORE INTO temp.messages_of "
        "SELECT request, sequence FROM outbox WHERE request IS NOT NULL"
    )


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


def newest_message(file: DatabaseFile) -> int:
    """Return the newest message of the outbox."""
    (number,) = file.database.execute("SELECT MAX(sequence) FROM outbox").fetchone()
    return int(number or 0)


def card_ts(file: DatabaseFile, number: int) -> str | None:
    """Return Slack's `ts` of a request's card; None if there is no such request, or no card of it yet."""
    sql = "SELECT card_ts FROM requests WHERE number = ?"
    found = file.database.execute(sql, [number]).fetchone()
    return found[0] if found else None


def how_many(file: DatabaseFile, within: Span) -> int:
    """Return how many requests the rows of a stretch are about."""
    sql = f"SELECT COUNT(*) FROM ({_CONCERNED})"  # noqa: S608 - own words
    (number,) = file.database.execute(sql, [within.first, within.last]).fetchone()
    return int(number)


def rows_of(file: DatabaseFile, within: Span, kind: str, before: str) -> Iterator[Row]:
    """Yield the rows of a stretch whose kind begins with `kind`, before `before` if that is given."""
    return file.database.execute(
        _ROWS_OF, {"first": within.first, "last": within.last, "kind": kind, "before": before}
    )


def standing(file: DatabaseFile, within: Span, signed: Sequence[int]) -> Iterator[Row]:
    """Yield rows from outside a stretch, on which it rests.

    Args:
        file: The database.
        within: The stretch. The policies and groups that were in force, and the denials, since its oldest request was asked for come first.
        signed: The rows in which explanations were signed; those from outside the stretch are given.
    """
    (first,) = file.database.execute(
        f"SELECT MIN(sequence) FROM history WHERE request IN ({_CONCERNED}) AND what = 'request.asked'",  # noqa: S608 - own words
        [within.first, within.last],
    ).fetchone()
    found = {
        Row(*row) for row in file.standing(min(first or within.first, within.first), within.first)
    }
    outside = (file.row(each) for each in signed if not within.first <= each <= within.last)
    return iter(sorted({*found, *filter(None, outside)}))


def story(file: DatabaseFile, number: int) -> Iterator[Row]:
    """Yield every row about a request, as plain tuples of a `Row`'s fields."""
    return file.database.execute(_STORY, [number])


def kept(file: DatabaseFile, number: int) -> dict[str, Any]:
    """Return what a request's first row binds, as it is stored, and its messages.

    Returns:
        `record`: columns in the order in which they are hashed. `card`: text and blocks, or None.
    """
    (row,) = file.database.query("SELECT * FROM requests WHERE number = ?", [number])
    card = file.database.execute(_CARD, [number]).fetchone()
    return {
        "record": bound_columns(row),
        "card": dict(zip(("text", "blocks"), card, strict=True)) if card else None,
        "messages": list(file.database.query(_TABLES["messages"], [number])),
    }


def packet(file: DatabaseFile, number: int) -> dict[str, Any]:
    """Return everything about one request."""
    (request,) = _rows(file.database.query("SELECT * FROM requests WHERE number = ?", [number]))
    return {
        "request": request,
        **{name: list(_rows(file.database.query(sql, [number]))) for name, sql in _TABLES.items()},
    }


def done(file: DatabaseFile, operations: Sequence[str]) -> Iterator[Done]:
    """Yield what the bot did to bill runs by these operations, or may have done, at any time."""
    return (
        Done(
            operation, number, subject, json.loads(body),
            frozenset(_numbers(subject, progress, began)), sent_at, place, verdict or "",
        )
        for operation, number, subject, body, progress, began, sent_at, place, verdict
        in file.database.execute(
            _DONE, [json.dumps(operations)]
        )
    )  # fmt: skip


class Explanation(NamedTuple):
    """What was signed of an exception, by whom (Slack user id), when, and in which row."""

    words: str
    who: str
    at: str
    row: int


def explanations(file: DatabaseFile) -> dict[tuple[str, str], Explanation]:
    """Return the latest signed explanation of each number in each entity (empty: the only one).

    A signature that its owner has denied does not count.
    """
    rows = file.database.execute(
        "SELECT sequence, what, data, who, at FROM history WHERE request IS NULL "
        "AND what IN ('exception.explained', 'statement.denied') ORDER BY sequence"
    )
    read = [(sequence, what, json.loads(data), who, at) for sequence, what, data, who, at in rows]
    denied = {
        row
        for _, what, data, _, _ in read
        if what == "statement.denied"
        for row in data.get("rows", ())
    }
    return {
        (data["number"], data.get("entity", "")): Explanation(data["words"], who, at, sequence)
        for sequence, what, data, who, at in read
        if what == "exception.explained" and sequence not in denied
    }


def mailed(file: DatabaseFile, since: str) -> Iterator[Mailed]:
    """Yield what the bot mailed since then, document by document, or may have mailed."""
    rows = file.database.execute(_MAILED, [since]) if "mailings" in file.tables else ()
    return (Mailed(*row) for row in rows)


def _numbers(subject: str, *progresses: str) -> Iterator[str]:
    """Yield the bill runs that a call was about: its subject, and what it started."""
    yield subject
    for text in progresses:
        if text:
            found = json.loads(text)
            yield from (str(found[key]) for key in ("number", "run_id") if found.get(key))


def _rows(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows with their JSON read."""
    for row in found:
        yield {
            name: json.loads(value) if name in _JSON_COLUMNS and value else value
            for name, value in row.items()
        }
