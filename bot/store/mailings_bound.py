"""What the history binds of the documents that a request can mail."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256

BOUND = (
    "call, way, document_number, document_id, account, shown, "
    "CASE document_number WHEN '' THEN '' ELSE run END"
)
"""A row without its request, and without the run of a request that creates one, which is learned later."""


def hash_of(rows: Sequence[Sequence[str]]) -> str:
    """Return the SHA-256 (hex) of what a request can mail: its `BOUND` rows in the order of call and number."""
    hashing = RowsHash()
    hashing.add(rows)
    return hashing.done()


class RowsHash:
    """The hash of `hash_of`, made part by part over the JSON list of all rows."""

    def __init__(self) -> None:
        self._hashed = sha256()
        self._before = "["

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Add some rows."""
        for row in rows:
            text = json.dumps(row, ensure_ascii=False)
            self._hashed.update(f"{self._before}{text}".encode())
            self._before = ", "

    def done(self) -> str:
        """Return the hash; nothing can be added after that."""
        self._hashed.update(b"]" if self._before == ", " else b"[]")
        return self._hashed.hexdigest()
