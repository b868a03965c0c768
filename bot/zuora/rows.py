"""Reads single fields out of Zuora's JSON, forgivingly: missing, null, number or text. No I/O."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
_YES: Final = frozenset({"true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0"})


def text(row: Row, *names: str) -> str:
    """The first of the fields that is there, as text; empty for none. 32 and "32" are the same."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def number(row: Row, *names: str) -> int | None:
    """A whole number, or None."""
    try:
        return int(Decimal(text(row, *names)))
    except (InvalidOperation, ValueError, OverflowError):
        return None


def money(row: Row, *names: str) -> Decimal | None:
    """An amount, or None; never through a float."""
    try:
        amount = Decimal(text(row, *names))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def flag(row: Row, *names: str) -> bool | None:
    """True or False as JSON boolean or text; None if missing."""
    for name in names:
        said = str(row.get(name, "")).strip().lower()
        if said in _YES or said in _NO:
            return said in _YES
    return None


def day(row: Row, *names: str) -> date | None:
    """The date of `2026-11-30` or of a time; None if missing or unreadable."""
    try:
        return date.fromisoformat(text(row, *names)[:10])
    except ValueError:
        return None


def moment(row: Row, *names: str, zone: tzinfo = UTC) -> datetime | None:
    """A time in UTC, from `2022-11-08 17:26:09` in the tenant's zone or ISO 8601 with an offset."""
    said = text(row, *names)
    try:
        found = datetime.fromisoformat(said)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def words(row: Row, name: str) -> tuple[str, ...]:
    """A list of texts, or a text with commas; empty for null."""
    value = row.get(name)
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list):
        return tuple(str(part) for part in value if part is not None)
    return ()


def part(row: Any, name: str) -> Row:
    """An object inside an object; empty if missing."""
    value = row.get(name) if isinstance(row, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def listed(data: Any, *names: str) -> tuple[Row, ...]:
    """The objects of a list, or of the first of the fields that is a list."""
    if isinstance(data, Mapping):
        data = next((data[name] for name in names if isinstance(data.get(name), list)), [])
    return tuple(row for row in data if isinstance(row, Mapping)) if isinstance(data, list) else ()


def zone_of(name: str, otherwise: tzinfo) -> tzinfo:
    """The time zone of an IANA name; the other one if the name is unknown."""
    try:
        return ZoneInfo(name) if name else otherwise
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return otherwise
