"""Reads single values that people type: text, lists, dates, numbers. No I/O, no exceptions."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from bot.operations.operation import Form

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,4}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;]+")
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)


def text(form: Form, name: str) -> str:
    """What was typed there, without the space around it; empty for nothing or for another type."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def chosen(form: Form, name: str) -> tuple[str, ...]:
    """The choices of a field for several; a text counts as a list with commas or spaces."""
    value = form.get(name)
    if isinstance(value, list | tuple):
        return unique(each.strip() for each in value if isinstance(each, str) and each.strip())
    return items(form, name)


def items(form: Form, name: str) -> tuple[str, ...]:
    """What was typed there with commas, spaces or lines between, each once, in order."""
    return unique(parted(text(form, name)))


def parted(typed: str) -> tuple[str, ...]:
    """What stands between commas, semicolons, spaces and lines."""
    return tuple(each for each in _BETWEEN.split(typed) if each)


def unique(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, in order."""
    return tuple(dict.fromkeys(values))


def day(typed: str) -> date | None:
    """The date of `2026-11-30`; None for anything else and for years nobody means."""
    if not _DATE.fullmatch(typed):
        return None
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None


def no_date(typed: str) -> str:
    """Why `day` takes it for none."""
    try:
        is_date = bool(_DATE.fullmatch(typed)) and bool(date.fromisoformat(typed))
    except ValueError:
        is_date = False
    if is_date:
        return f"{typed} is not within the years {EARLIEST.year} to {LATEST.year}."
    return f"{quoted([typed])} is no date. Type it like 2026-11-30."


def whole(typed: Any) -> int | None:
    """A whole number of at most four digits; None for anything else."""
    return int(typed) if isinstance(typed, str) and _WHOLE.fullmatch(typed) else None


def is_id(typed: str) -> bool:
    """Whether it has the form of an id in Zuora: 32 hexadecimal digits."""
    return bool(_ID.fullmatch(typed))


def key(typed: str) -> str:
    """A number as typed, an id in lower case."""
    return typed.lower() if is_id(typed) else typed


def quoted(values: Sequence[str], most: int = 5) -> str:
    """`a`, `b` and so on for a message, not too many and none too long."""
    shown = ", ".join(value if len(value) <= 40 else value[:39] + "…" for value in values[:most])  # noqa: PLR2004
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"
