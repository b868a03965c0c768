"""Reads the parts of long facts in a file, and compares them with the hashes in their request."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from zlib import decompress, error

from bot.domain.request import APART
from bot.store.file.reading import DatabaseFile

_PARTS = "SELECT packed FROM facts_in_parts WHERE request = ? ORDER BY part"
_STRAY = """
SELECT DISTINCT request FROM facts_in_parts WHERE request NOT IN (SELECT number FROM preparing)
  AND request NOT IN (SELECT number FROM requests WHERE substr(facts, 1, length(?)) = ?)
"""


def documents(file: DatabaseFile, number: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the documents of a request that are stored apart, part by part."""
    if "facts_in_parts" in file.tables:
        for (packed,) in file.database.execute(_PARTS, [number]):
            yield json.loads(decompress(packed))


def with_other_parts(file: DatabaseFile) -> Iterator[int]:
    """Yield the requests whose parts do not have the hashes that the request holds."""
    if "facts_in_parts" not in file.tables:
        return
    apart = file.database.execute(
        "SELECT number, facts FROM requests WHERE substr(facts, 1, length(?)) = ?", [APART, APART]
    )
    for number, facts in apart.fetchall():
        parts = file.database.execute(_PARTS, [number])
        if [_hash(packed) for (packed,) in parts] != json.loads(facts)["apart"]:
            yield number
    for (number,) in file.database.execute(_STRAY, [APART, APART]):
        yield number


def _hash(packed: bytes) -> str:
    """Return the SHA-256 (hex) of a part; empty if it cannot be read."""
    try:
        return sha256(decompress(packed)).hexdigest()
    except error:
        return ""
