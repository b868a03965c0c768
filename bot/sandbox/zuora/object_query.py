"""Object Query: filter, sort, choose fields, page (`/object-query`, pagination guide)."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bot.sandbox.zuora.errors import refusal

Row = dict[str, Any]
_FILTER = re.compile(r"(\w+(?:\.\w+)?)\.(EQ|NE|LT|GT|LE|GE|SW|IN):(.*)", re.DOTALL)
UNINDEXED = frozenset({"sourceId", "name", "billingRunNumber", "lastEmailSentDate", "source",
                       "organizationId"})  # fmt: skip
"""Fields that no document calls indexed."""


def _comparable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, bool):
        return (1, 0, str(value).lower())
    if isinstance(value, int | float):
        return (0, float(value), "")
    return (1, 0, "" if value is None else str(value))


def _typed(text: str, like: Any) -> Any:
    if isinstance(like, bool) or not isinstance(like, int | float):
        return text
    try:
        return float(text)
    except ValueError:
        raise refusal(20, f"'{text}' is not a number.") from None


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda a, b: bool(a == b),
    "NE": lambda a, b: bool(a != b),
    "LT": lambda a, b: bool(a < b),
    "GT": lambda a, b: bool(a > b),
    "LE": lambda a, b: bool(a <= b),
    "GE": lambda a, b: bool(a >= b),
}


@lru_cache(maxsize=2)  # asked for each row
def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.strip("[]").split(","))


def _matches(row: Row, name: str, operator: str, text: str) -> bool:
    value = row[name]
    if operator == "IN":
        wanted = _listed(text)
        if isinstance(value, str) and value != "null":
            return value in wanted
        return any(_matches(row, name, "EQ", part) for part in wanted)
    if text == "null" or value is None:
        same = value is None and text == "null"
        return same if operator == "EQ" else operator == "NE" and not same
    if operator == "SW":
        return str(value).startswith(text)
    return _COMPARE[operator](_comparable(value), _comparable(_typed(text, value)))


def filtered(rows: Iterable[Row], filters: Sequence[str], *, strict: bool) -> list[Row]:
    """Return the rows that meet every filter of the form `field.EQ:value`.

    Raises:
        RefusalError: category 27 for an unreadable filter, an unknown field, or (strict) a field that
            is not indexed.
    """
    kept = list(rows)
    names = set(kept[0]) if kept else None
    for text in filters:
        match = _FILTER.fullmatch(text)
        if match is None:
            raise refusal(27, f"The filter '{text}' is invalid.")
        name, operator, value = match.groups()
        if strict and name in UNINDEXED:
            raise refusal(27, f"The field '{name}' is not indexed and cannot be filtered on.")
        if names is not None and name not in names:
            raise refusal(27, f"The field '{name}' cannot be filtered on.")
        kept = [row for row in kept if _matches(row, name, operator, value)]
    return kept


def ordered(rows: list[Row], sorts: Sequence[str]) -> list[Row]:
    """Return rows in the order of `field.ASC` and `field.DESC`, the first counting most."""
    for text in reversed(sorts):
        name, _, way = text.rpartition(".")
        if way not in {"ASC", "DESC"} or (rows and name not in rows[0]):
            raise refusal(27, f"The sort '{text}' is invalid.")
        rows = sorted(rows, key=lambda row: _comparable(row[name]), reverse=way == "DESC")
    return rows


def page_size(text: str | None, largest: int) -> int:
    """Return the page size asked for, 10 by default.

    Raises:
        RefusalError: category 27, when it is not between 1 and the largest.
    """
    if text is None:
        return 10
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= largest:
        raise refusal(27, f"pageSize must be between 1 and {largest}.")
    return int(text)


def page_number(text: str | None) -> int:
    """Return the number of the page asked for, 1 by default.

    Raises:
        RefusalError: category 27, when it is no positive number.
    """
    if text is None:
        return 1
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise refusal(27, "page must be a positive number.")
    return int(text)


def encode_cursor(offset: int) -> str:
    """Return the cursor of a page that begins at `offset`."""
    return base64.urlsafe_b64encode(f'[{{"offset":{offset}}}]'.encode()).decode()


def decode_cursor(text: str | None) -> int:
    """Return the offset of a cursor.

    Raises:
        RefusalError: category 27, for a cursor that this server did not make.
    """
    if text is None:
        return 0
    try:
        match = re.fullmatch(
            r'\[\{"offset":(\d+)\}\]', base64.urlsafe_b64decode(text.encode()).decode()
        )
    except (binascii.Error, UnicodeError):
        match = None
    if match is None:
        raise refusal(27, "The cursor is invalid.")
    return int(match[1])


def chosen(row: Row, fields: Sequence[str], *, nulls: bool) -> Row:
    """Return a row with the fields asked for (any case), without nulls unless wanted."""
    wanted = {name.strip().lower() for text in fields for name in text.split(",") if name.strip()}
    return {
        name: value
        for name, value in row.items()
        if (not wanted or name.lower() in wanted) and (nulls or value is not None)
    }
