"""Reads the parts of long facts in a file, and compares them with the hashes in their request."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from zlib import decompress, error

from bot.domain.request import APART
from bot.store.file.reading import DatabaseFile

_PARTS = "SELECT packed FROM facts_in_parts WHERE request = ? {} ORDER BY part"
_STRAY = """
SELECT DISTINCT request FROM facts_in_parts WHERE request NOT IN (SELECT number FROM preparing)
  AND request NOT IN (SELECT number FROM requests WHERE substr(facts, 1, length(:apart)) = :apart OR instr(facts, :kept))
"""
_WITH_PARTS = """
SELECT number, facts FROM requests WHERE substr(facts, 1, length(:apart)) = :apart OR instr(facts, :kept)
"""
_KEPT = '"kept":true'
"""Stands in the facts of a request with a part that lists the documents of its bill run."""


def lines(file: DatabaseFile, number: int) -> list[bytes]:
    """Return a line for each document of a request's bill run, as its facts hash them; none in older requests."""
    parts = _unpacked(file, number, "instr(facts, ?)", _KEPT)
    return [line for part in parts for line in part.split(b"\n") if line]


def documents(file: DatabaseFile, number: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the documents of a request that are stored apart, part by part."""
    return map(json.loads, _unpacked(file, number, "instr(facts, ?) = 1", APART))


def _unpacked(file: DatabaseFile, number: int, where: str, text: str) -> Iterator[bytes]:
    """Yield the parts of a request if its facts are such."""
    if "facts_in_parts" in file.tables:
        is_such = f"AND (SELECT {where} FROM requests WHERE number = request)"  # noqa: S608 - own words
        for (packed,) in file.database.execute(_PARTS.format(is_such), [number, text]):
            yield decompress(packed)


def with_other_parts(file: DatabaseFile) -> Iterator[int]:
    """Yield the requests whose parts do not have the hashes that the request holds."""
    if "facts_in_parts" not in file.tables:
        return
    named = {"apart": APART, "kept": _KEPT}
    for number, facts in file.database.execute(_WITH_PARTS, named):
        parts = file.database.execute(_PARTS.format(""), [number])
        if [_hash(packed) for (packed,) in parts] != _hashes(json.loads(facts)):
            yield number
    for (number,) in file.database.execute(_STRAY, named):
        yield number


def _hashes(found: dict[str, Any]) -> list[str]:
    """Return the hash of each part that facts have: of long lists, and of a bill run's documents."""
    return found.get("apart") or [found.get("run", found)["documents"]["each"]]


def _hash(packed: bytes) -> str:
    """Return the SHA-256 (hex) of a part; empty if it cannot be read."""
    try:
        return sha256(decompress(packed)).hexdigest()
    except error:
        return ""
