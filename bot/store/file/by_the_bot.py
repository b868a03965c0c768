"""What the bot did in Zuora, and what was explained of the rest, to be compared with what Zuora shows."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bot.store.file.reading import DatabaseFile

_DONE = """
SELECT requests.operation, requests.number, requests.subject, requests.body, requests.progress,
  CASE requests.progress WHEN '' THEN calls.began ELSE '' END, calls.sent_at, requests.place, calls.verdict
FROM calls JOIN requests ON requests.number = calls.request
WHERE calls.sent_at IS NOT NULL AND (calls.verdict IS NULL OR calls.verdict IN ('accepted', 'lost'))
  AND requests.operation IN (SELECT value FROM json_each(?))
"""

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


def explanations(file: DatabaseFile) -> dict[tuple[str, str], list[Explanation]]:
    """Return the signed explanations of each number in each entity (empty: the only one), the latest last.

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
    found = dict[tuple[str, str], list[Explanation]]()
    for sequence, what, data, who, at in read:
        if what == "exception.explained" and sequence not in denied:
            about = data.get("number", ""), data.get("entity", "")
            found.setdefault(about, []).append(
                Explanation(data.get("words", ""), who, at, sequence)
            )
    return found


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
