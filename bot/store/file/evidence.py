"""Reading for evidence: SQL over a read-only file, rows as plain values."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from bot.domain.history import START, Head
from bot.store.file.reading import DatabaseFile

POPULATION = """SELECT number, operation, subject, tenant, place_words AS place, state, requester, reason, digest, policy_hash,
  created_at, decided_by, decided_at, state_at, result, parent,
  CASE WHEN created_at >= :start AND created_at < :end THEN 'yes' ELSE 'no' END AS asked_in_period
FROM requests
WHERE (created_at >= :start AND created_at < :end) OR number IN (
  SELECT request FROM history WHERE request IS NOT NULL AND at >= :start AND at < :end)
ORDER BY number"""
"""Every request that was asked for in the period, or of which something happened in it."""

_SPAN = """
SELECT MIN(sequence), MAX(sequence) FROM history WHERE at >= :start AND at < :end
"""
_JSON_COLUMNS = frozenset({"body", "facts", "rule", "blocks", "data", "file", "progress", "began"})
_TABLES = {
    "approvals": "SELECT * FROM approvals WHERE request = ? ORDER BY at, person",
    "calls": "SELECT * FROM calls WHERE request = ? ORDER BY subject",
    "messages": (
        "SELECT kind, channel, user, text, blocks, file, created_at, ended_at, outcome, ts "
        "FROM outbox WHERE request = ? ORDER BY sequence"
    ),
    "history": (
        "SELECT sequence, at, what, who, team, data, hash FROM history WHERE request = ? "
        "ORDER BY sequence"
    ),
}
_ENTRIES = """
SELECT sequence, at, request, what, who, team, data FROM history
WHERE sequence BETWEEN ? AND ? AND what = ? ORDER BY sequence
"""
_DONE = """
SELECT requests.operation, requests.number, requests.subject, requests.body, requests.progress,
  calls.began, calls.sent_at, requests.place
FROM calls JOIN requests ON requests.number = calls.request
WHERE calls.sent_at IS NOT NULL AND (calls.verdict IS NULL OR calls.verdict IN ('accepted', 'lost'))
  AND requests.operation IN (SELECT value FROM json_each(?))
"""


class Span(NamedTuple):
    """A stretch of the history.

    Attributes:
        before: The row before the first one.
        first, last: Sequences; `last` is `first` - 1 for an empty stretch.
        keyed: Whether the key was in force before the first row.
    """

    before: Head
    first: int
    last: int
    keyed: bool


class Done(NamedTuple):
    """A call about a bill run that Zuora took, or may have taken."""

    operation: str
    request: int
    subject: str
    body: dict[str, Any]
    numbers: frozenset[str]
    sent_at: str
    place: str = ""


def span(file: DatabaseFile, start: str, end: str) -> Span:
    """The rows of a period: all between the first and the last whose time lies in it."""
    first, last = file.database.execute(_SPAN, {"start": start, "end": end}).fetchone()
    if first is None:
        return Span(START, 1, 0, keyed=False)
    row = file.database.execute(
        "SELECT sequence, hash FROM history WHERE sequence < ? ORDER BY sequence DESC LIMIT 1",
        [first],
    ).fetchone()
    (keyed,) = file.database.execute(
        "SELECT EXISTS (SELECT 1 FROM history WHERE request IS NULL "
        "AND what = 'audit.key_changed' AND sequence < ?)",
        [first],
    ).fetchone()
    return Span(Head(*row) if row else START, first, last, keyed=bool(keyed))


def population(file: DatabaseFile, start: str, end: str) -> list[dict[str, Any]]:
    """The requests of a period."""
    return list(_rows(file.database.query(POPULATION, {"start": start, "end": end})))


def packet(file: DatabaseFile, number: int) -> dict[str, Any]:
    """Everything about one request."""
    (request,) = _rows(file.database.query("SELECT * FROM requests WHERE number = ?", [number]))
    return {
        "request": request,
        **{name: list(_rows(file.database.query(sql, [number]))) for name, sql in _TABLES.items()},
    }


def entries(file: DatabaseFile, within: Span, what: str) -> list[dict[str, Any]]:
    """The history entries of a kind."""
    return list(_rows(file.database.query(_ENTRIES, [within.first, within.last, what])))


def done(file: DatabaseFile, operations: Sequence[str]) -> list[Done]:
    """What the bot did to bill runs by these operations, or may have done, at any time."""
    return [
        Done(
            operation, number, subject, json.loads(body),
            frozenset(_numbers(subject, progress, began)), sent_at, place,
        )
        for operation, number, subject, body, progress, began, sent_at, place
        in file.database.execute(
            _DONE, [json.dumps(operations)]
        )
    ]  # fmt: skip


def _numbers(subject: str, *progresses: str) -> Iterator[str]:
    """The bill runs that a call was about: its subject, and what it began."""
    yield subject
    for text in progresses:
        if text:
            found = json.loads(text)
            yield from (str(found[key]) for key in ("number", "run_id") if found.get(key))


def _rows(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows with their JSON read."""
    for row in found:
        yield {
            name: json.loads(value) if name in _JSON_COLUMNS and value else value
            for name, value in row.items()
        }
