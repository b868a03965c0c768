"""Reads single fields out of Zuora's JSON: a value that is certain, or `NotKnown`. No I/O.

Nothing has a default. A value that is missing, null, empty, of another type or ambiguous is not
known, and the caller decides what that means.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot.domain.clean import or_nothing
from bot.domain.known import MailedAt, NotKnown, unclear

ZuoraRow = Mapping[str, Any]
MISSING: Final = NotKnown("missing")
NULL: Final = NotKnown("empty")
LARGEST: Final = Decimal(10) ** 15
FINEST: Final = -20
"""The most digits after the point; a number with more is not an amount of money."""

_LONGEST: Final = 60
"""Characters of an amount: many more than `LARGEST` and `FINEST` together leave."""

_date: Final = lru_cache(1_000)(date.fromisoformat)
_decimal: Final = lru_cache(1_000)(Decimal)
"""Days and amounts that many documents share are kept once, which makes a third less memory of 50,000."""

CLOCKS_DIFFER: Final = timedelta(hours=1)
_YES: Final = frozenset({"true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0"})
_PLAIN: Final = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
"""The text `5.000` is five in one country and five thousand in another."""

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)([T ].*)?", re.ASCII)
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(?P<offset>Z|[+-]\d\d:?\d\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Here:
    """The time and zone for reading an answer.

    Attributes:
        now: Aware UTC. A mail with a later time was not sent.
        zone: The tenant's zone, for times without an offset; None if not known.
    """

    now: datetime
    zone: tzinfo | None = UTC


def text(row: ZuoraRow, *names: str) -> str:
    """Return the first of these fields that is there, as text; empty if none is. 32 and "32" are the same."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            if value:
                return value
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            return str(value)
    return ""


def name(row: ZuoraRow, *names: str) -> str:
    """Return the first of these fields that is there, as a name; empty if nothing of it is visible."""
    return or_nothing(text(row, *names))


def number(row: ZuoraRow, *names: str) -> int | NotKnown:
    """Return a count: a whole number that is not below zero."""
    said = _said(row, names)
    if isinstance(said, NotKnown):
        return said
    try:
        found = Decimal(said) if isinstance(said, int | Decimal | str) else Decimal("NaN")
        whole = int(found) if abs(found) < LARGEST else -1
    except (InvalidOperation, ValueError, OverflowError):
        return unclear("not a count", said)
    return whole if whole == found and whole >= 0 else unclear("not a count", said)


def money(row: ZuoraRow, *names: str) -> Decimal | NotKnown:
    """Return an amount, never through a float.

    A JSON number is taken as it is. A text is an amount only if it can be read in one way: digits
    with one decimal point. If several of the fields are there, they must agree.
    """
    found = {_amount(row[name]) for name in names if row.get(name) is not None}
    amounts = [each for each in found if not isinstance(each, NotKnown)]
    for each in found:
        if isinstance(each, NotKnown):
            return each
    if len(amounts) > 1:
        said = " and ".join(sorted(map(str, amounts)))
        return NotKnown(f"said twice and differently: {said}", said=said)
    if amounts:
        return amounts[0]
    return NULL if any(name in row for name in names) else MISSING


def currency(row: ZuoraRow, *names: str) -> str | NotKnown:
    """Return an ISO 4217 code: three capital letters."""
    said = _said(row, names)
    if isinstance(said, NotKnown):
        return said
    if isinstance(said, str) and _CURRENCY.fullmatch(said):
        return said
    return unclear("not a currency", said)


def flag(row: ZuoraRow, *names: str) -> bool | None:
    """Return true or false from a JSON boolean or text; None if neither was given, which does not mean false."""
    for name in names:
        said = str(row.get(name, "")).strip().lower()
        if said in _YES or said in _NO:
            return said in _YES
    return None


def day(row: ZuoraRow, *names: str) -> date | None:
    """Return the date of `2026-11-30` or of a time; None if missing or unreadable."""
    found = _DAY.fullmatch(text(row, *names))
    try:
        return _date(found[1]) if found else None
    except ValueError:
        return None


def moment(row: ZuoraRow, *names: str, zone: tzinfo | None = UTC) -> datetime | NotKnown | None:
    """Return a time in UTC, from `2022-11-08 17:26:09` in the tenant's zone or ISO 8601 with an offset.

    None if Zuora says null. A time without an offset is not known if its zone is not.
    """
    said = _said(row, names)
    if said is NULL:
        return None
    if isinstance(said, NotKnown):
        return said
    found = _MOMENT.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        return unclear("not a time", said)
    if not found["offset"] and zone is None:
        return unclear("a time without a zone", said)
    try:
        at = datetime.fromisoformat(found[0])
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return unclear("not a time", said)


def mailed(row: ZuoraRow, *names: str, here: Here) -> MailedAt:
    """Return when something was mailed last; not known if that is in the future."""
    at = moment(row, *names, zone=here.zone)
    if isinstance(at, datetime) and at > here.now + CLOCKS_DIFFER:
        return unclear("in the future", text(row, *names))
    return at


def known(at: datetime | NotKnown | None) -> datetime | None:
    """Return a time if it is known, for showing and sorting only."""
    return at if isinstance(at, datetime) else None


def words(row: ZuoraRow, name: str) -> tuple[str, ...]:
    """Return a list of texts, or a text with commas; empty for null."""
    value = row.get(name)
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list):
        return tuple(str(part) for part in value if part is not None)
    return ()


def mailable(contact: ZuoraRow, *names: str) -> bool | None:
    """Return whether a contact has a mail address; None if that cannot be read."""
    said = [contact[name] for name in names if name in contact]
    if any(isinstance(each, str) and _ADDRESS.fullmatch(each.strip()) for each in said):
        return True
    return False if said and all(each in (None, "") for each in said) else None


def domain(contact: ZuoraRow, *names: str) -> str:
    """Return what follows the @ in the first of the fields that is a mail address; empty if none is."""
    found = (value.strip() for name in names if isinstance(value := contact.get(name), str))
    first = next((each for each in found if _ADDRESS.fullmatch(each)), "")
    return first.rpartition("@")[2].lower()


def is_odd(row: ZuoraRow, *names: str) -> bool:
    """Return whether one of the fields was not read, because it is no text."""
    return any(not isinstance(row.get(name), str | None) for name in names)


def part(row: Any, name: str) -> ZuoraRow:
    """Return an object inside an object; empty if missing."""
    value = row.get(name) if isinstance(row, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def as_row(data: object) -> ZuoraRow:
    """Return an answer as an object; empty if it is none."""
    return part({"it": data}, "it")


def listed(data: Any, *names: str) -> tuple[ZuoraRow, ...]:
    """Return the objects of a list, or of the first field that is a list; anything else in it is left out.

    Only for rows that are shown or looked up by name. `table` reads rows that are counted or prove
    something.
    """
    if isinstance(data, Mapping):
        data = next((data[name] for name in names if isinstance(data.get(name), list)), [])
    return tuple(row for row in data if isinstance(row, Mapping)) if isinstance(data, list) else ()


def table(data: Any, *names: str) -> tuple[ZuoraRow, ...] | NotKnown:
    """Return all rows of the first of the fields that is there; not known if it is no list of objects."""
    there = [data[name] for name in names if name in data] if isinstance(data, Mapping) else []
    found = next(iter(there), MISSING)
    if isinstance(found, list) and all(isinstance(row, Mapping) for row in found):
        return tuple(found)
    if found is MISSING or found is None:
        return MISSING if found is MISSING else NULL
    return unclear("not a list", found)


def zone_of(name: str, otherwise: tzinfo | None) -> tzinfo | None:
    """Return the time zone of an IANA name, or `otherwise` if the name is unknown."""
    try:
        return ZoneInfo(name) if name else otherwise
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return otherwise


def _said(row: ZuoraRow, names: tuple[str, ...]) -> Any:
    """Return the first of the fields that says something; `NULL` if one is null, `MISSING` if none is there."""
    value = next((row[name] for name in names if row.get(name) is not None), None)
    if value is not None:
        return value
    return NULL if any(name in row for name in names) else MISSING


def _amount(said: object) -> Decimal | NotKnown:
    if isinstance(said, bool) or not isinstance(said, int | Decimal | str):
        return unclear("not an amount", said)
    if isinstance(said, str):
        said = said.strip()
        if not _PLAIN.fullmatch(said) or _THOUSANDS.fullmatch(said):
            return unclear("not an amount", said)
    try:
        written = str(said)
        if len(written) > _LONGEST:
            return unclear("not an amount", said)
        amount = _decimal(written)
        fine = amount.is_finite() and abs(amount) < LARGEST
        exponent = amount.as_tuple().exponent
    except (InvalidOperation, ValueError, OverflowError):
        return unclear("not an amount", said)
    if not fine or not isinstance(exponent, int) or exponent < FINEST:
        return unclear("not an amount", said)
    return amount
