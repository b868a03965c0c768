"""Reads the parts of long facts in a file, and compares them with the hashes in their request."""

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from typing import Any
from zlib import decompress, error

from bot.domain.digest import canonical
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
UNREADABLE = (error, TypeError, ValueError, RecursionError)
"""Errors that Python raises for a column that somebody wrote anything into."""


def lines(file: DatabaseFile, number: int) -> list[bytes]:
    """Return a line for each document of a request's bill run, as its facts hash them; none in older requests, or of a part that is not such lines."""
    parts = _packed(file, number, "instr(facts, ?)", _KEPT)
    return [line.encode() for part in parts for line in _lines_in(part)]


def _lines_in(packed: Any) -> list[str]:
    """Return the lines of a part; none if somebody wrote something else there, which its hash shows."""
    try:
        found = [line for line in decompress(packed).decode().split("\n") if line]
        are_lines = all(_is_document(json.loads(line), line) for line in found)
    except UNREADABLE:
        return []
    return found if are_lines else []


def _is_document(found: Any, line: str) -> bool:
    """Return whether a line is one of a document: five values (texts, or why one is not known), then one or two lists of texts."""
    if not isinstance(found, list) or len(found) not in {6, 7} or canonical(found) != line:
        return False
    values, doubts = found[:5], found[5:]
    return (
        all(isinstance(each, str | dict) for each in values)
        and all(isinstance(each, list) for each in doubts)
        and all(isinstance(each, str) for each in chain(*doubts))
    )


def documents(file: DatabaseFile, number: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the documents of a request that are stored apart, part by part; one of `UNREADABLE` is raised if a part cannot be read."""
    parts = _packed(file, number, "instr(facts, ?) = 1", APART)
    return (json.loads(decompress(packed)) for packed in parts)


def _packed(file: DatabaseFile, number: int, where: str, text: str) -> Iterator[Any]:
    """Yield the parts of a request if its facts are such."""
    if "facts_in_parts" in file.tables:
        is_such = f"AND (SELECT {where} FROM requests WHERE number = request)"  # noqa: S608 - own words
        for (packed,) in file.database.execute(_PARTS.format(is_such), [number, text]):
            yield packed


def with_other_parts(file: DatabaseFile) -> Iterator[int]:
    """Yield the requests whose parts do not have the hashes that the request holds."""
    if "facts_in_parts" not in file.tables:
        return
    named = {"apart": APART, "kept": _KEPT}
    for number, facts in file.database.execute(_WITH_PARTS, named):
        parts = file.database.execute(_PARTS.format(""), [number])
        if [_hash(packed) for (packed,) in parts] != _hashes(facts):
            yield number
    for (number,) in file.database.execute(_STRAY, named):
        yield number


def _hashes(facts: str) -> list[str] | None:
    """Return the hash of each part that facts have: of long lists, and of a bill run's documents; None if they are no such facts."""
    try:
        found = json.loads(facts)
        return found.get("apart") or [found.get("run", found)["documents"]["each"]]
    except (*UNREADABLE, LookupError, AttributeError):
        return None


def _hash(packed: Any) -> str:
    """Return the SHA-256 (hex) of a part; empty if it cannot be read."""
    try:
        return sha256(decompress(packed)).hexdigest()
    except UNREADABLE:
        return ""
