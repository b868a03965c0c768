"""Canonical JSON, and the digest that binds an approval to exactly what takes effect."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from types import NoneType
from typing import Any, Self

from bot.domain.known import NotKnown

LONG = 500
"""Items of a list that are written together."""

_NAMES = frozenset({str})
_AS_THEY_ARE = frozenset(
    {str, int, bool, NoneType}
)  # these types alone, as others inherit from them

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class CanonicalText(str):
    """The canonical JSON of a value, used in place of the value inside another, so that long values are written once."""

    __slots__ = ()

    @classmethod
    def of(cls, value: Any) -> Self:
        """Write a value."""
        return cls("".join(_pieces(value)))


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, `10.00` and `10` alike.

    Raises:
        TypeError: A float (money is never a float) or a type that has no place in a body.
    """
    if type(value) is str:
        return quoted(value)
    if _is_plain(value):
        return _ENCODER.encode(value)
    return "".join(_pieces(value)) if _holds_written(value) else _ENCODER.encode(_plain(value))


def _is_plain(value: Any) -> bool:
    """Return whether these are names with texts, whole numbers and the like, as in nearly every row of the history."""
    return (
        type(value) is dict
        and _NAMES.issuperset(map(type, value))
        and _AS_THEY_ARE.issuperset(map(type, value.values()))
    )


def _holds_written(value: Any) -> bool:
    """Return whether any value in these nested mappings is already written as canonical text."""
    if isinstance(value, Mapping):
        return any(map(_holds_written, value.values()))
    return isinstance(value, CanonicalText)


def digest(*, operation: str, tenant: str, body: Any, facts: Any) -> str:
    """Return the SHA-256 (hex) of everything that takes effect."""
    hashed = hashlib.sha256()
    for piece in _pieces({"operation": operation, "tenant": tenant, "body": body, "facts": facts}):
        hashed.update(piece.encode())
    return hashed.hexdigest()


def _pieces(value: Any) -> Iterator[str]:
    """Yield the canonical text of a value, long lists in pieces: 50,000 documents at once would hold up all threads."""
    match value:
        case CanonicalText():
            yield value
        case Mapping():
            for place, (name, item) in enumerate(sorted((str(key), value[key]) for key in value)):
                yield f"{',' if place else '{'}{canonical(name)}:"
                yield from _pieces(item)
            yield "}" if value else "{}"
        case list() | tuple() if len(value) > LONG:
            for at in range(0, len(value), LONG):
                yield f"{',' if at else '['}{canonical(value[at : at + LONG])[1:-1]}"
            yield "]"
        case _:
            yield canonical(value)


def text_hash(text: str) -> str:
    """Return the SHA-256 (hex) of a text as it is."""
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return json.loads(value) if isinstance(value, CanonicalText) else value
        case Decimal():
            return "0" if value == 0 else format(value.normalize(), "f")  # "0" also for -0 and 0.00
        case datetime() | date():
            return value.isoformat()
        case NotKnown(why, said):
            return {"not_known": why, "said": said}
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            plain = [_plain(item) for item in value]
            return plain if isinstance(value, list | tuple) else sorted(plain)
        case _:
            msg = f"{type(value).__name__} has no canonical form"
            raise TypeError(msg)
