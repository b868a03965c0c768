"""What stays of archived requests in the database, and how the history binds it."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from bot.domain.history import Head
from bot.store.engine import Database
from bot.store.file.reading import DatabaseFile

_KEPT = {
    "requests": (
        "number", "operation", "subject", "body", "digest", "tenant", "requester", "team", "reason",
        "rule", "policy_hash", "form", "state", "created_at", "expires_at", "state_at", "decided_by",
        "decided_at", "decision_reason", "result", "parent", "progress", "token", "place",
        "place_words",
    ),
    "approvals": ("request", "person", "team", "at", "digest"),
    "calls": (
        "request", "subject", "key", "track_id", "tries", "sent_at", "answered_at", "verdict", "words",
        "changed", "recorded_by", "recorded_note",
    ),
    "mailings": (
        "request", "call", "way", "document_number", "document_id", "account", "run", "shown",
    ),
}  # fmt: skip
"""The columns that stay, by table: what identifies a request, and what its duplicates are found by."""


class Archive(NamedTuple):
    """One archive.

    Attributes:
        at: When it was made, as text.
        before: The day that it ends before, `2025-01-01`.
        file: Its name, without a folder.
        last: The last row of the history that may be in it alone.
        entry: Sequence of the row that records it.
    """

    position: int
    at: str
    before: str
    file: str
    sha256: str
    last: Head
    entry: int


def archives(database: Database) -> list[Archive]:
    """Return every archive, in order."""
    if "archives" not in database.table_names():  # a file of an earlier version
        return []
    rows = database.execute(
        "SELECT position, at, before, file, sha256, last, last_hash, entry FROM archives "
        "ORDER BY position"
    )
    return [
        Archive._make([*about, Head(last, hashed), entry]) for *about, last, hashed, entry in rows
    ]


def numbers(database: Database, archive: int) -> list[int]:
    """Return the requests that are in an archive."""
    rows = database.execute(
        "SELECT request FROM archived WHERE archive = ? ORDER BY request", [archive]
    )
    return [number for (number,) in rows]


def kept_hash(database: Database, requests: list[int]) -> str:
    """Return the SHA-256 (hex) of all that stays of these requests, as one JSON list a line, in a fixed order."""
    hashed, wanted = sha256(), json.dumps(requests)
    for table, columns in _KEPT.items():
        names = ", ".join(columns)
        rows = database.execute(
            f"SELECT {names} FROM {table} WHERE {columns[0]} IN "  # noqa: S608 - own names
            "(SELECT CAST(value AS INTEGER) FROM json_each(?)) "
            f"ORDER BY {names}",
            [wanted],
        )
        for row in rows:
            hashed.update(json.dumps([table, *row], ensure_ascii=False).encode() + b"\n")
    return hashed.hexdigest()


STAYS = """
SELECT sequence, hash FROM history AS h WHERE sequence <= :last AND (
  h.request IS NULL AND (
    h.what NOT IN ('refused', 'bot.started', 'audit.head', 'audit.anchored')
    OR h.what <> 'audit.anchored' AND h.sequence IN (SELECT MAX(sequence) FROM history
      WHERE request IS NULL AND sequence <= :last GROUP BY what)
    OR h.what = 'audit.anchored' AND h.sequence > (SELECT MAX(sequence) FROM history
      WHERE request IS NULL AND sequence <= :last AND what = 'audit.head'))
  OR h.request IS NOT NULL AND h.request NOT IN (SELECT CAST(value AS INTEGER) FROM json_each(:requests)))
ORDER BY sequence
"""
"""Rows up to the last archived one that stay: rows of other requests, and what a start or a check needs."""


def staying_hash(rows: Iterable[tuple[int, str]]) -> str:
    """Return the SHA-256 (hex) of the list of rows that stayed: one `sequence:hash` a line."""
    hashed = sha256()
    for sequence, row_hash in rows:
        hashed.update(f"{sequence}:{row_hash}\n".encode())
    return hashed.hexdigest()


def kept_hash_of(file: DatabaseFile, archive: int) -> str:
    """Return what `kept_hash` now gives for the requests in an archive."""
    return kept_hash(file.database, numbers(file.database, archive))


def archives_of(file: DatabaseFile) -> list[Archive]:
    """Return every archive, in order, for a file that is only read."""
    return archives(file.database)
