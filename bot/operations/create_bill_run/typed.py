"""Reads single values that people type: text, lists, numbers. No I/O, no exceptions."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from bot.domain.clean import as_key, clean
from bot.domain.key import HARD, is_id, tokens, unquoted
from bot.domain.words import shortened, some
from bot.operations.typed import Values

_WHOLE = re.compile(r"[+-]?\d{1,4}", re.ASCII)
_NAMES = re.compile(
    rf"""[^\S{HARD}]*(?:"([^"\n]+)"|[“”„«»]([^"“”«»\n]+)["“”«»]|([^{HARD}]+))[^\S{HARD}]*(?:[{HARD}]|$)"""
)
"""A name in quotation marks, or up to the next comma, semicolon, cell or line."""

_ONLY_MARKS = re.compile(r"""["“”„«»'\s]+""")  # fmt: skip


class TypedForm(dict[str, Any]):
    """What was typed, by field, while it is read: `wrong` holds what is wrong with each field."""

    def __init__(self, values: Values) -> None:
        super().__init__(values)
        self.wrong: dict[str, str] = {}


def free_text(values: Values, name: str) -> str:
    """Return text that was typed for people; empty for nothing or for another type."""
    value = values.get(name)
    return clean(value).strip() if isinstance(value, str) else ""


def text(values: Values, name: str) -> str:
    """Return a choice, a date or a number as it was meant, however it was pasted."""
    return as_key(free_text(values, name))


def chosen(values: Values, name: str) -> tuple[str, ...]:
    """Return the choices of a field for several; a text counts as a list with commas or spaces."""
    value = values.get(name)
    if isinstance(value, list | tuple):
        return unique(each.strip() for each in value if isinstance(each, str) and each.strip())
    return items(values, name)


def items(values: Values, name: str) -> tuple[str, ...]:
    """Return the items between commas, spaces or line ends, each once, in order."""
    return unique(parted(free_text(values, name)))


def parted(typed: str) -> tuple[str, ...]:
    """Return the items between commas, semicolons, spaces and line ends; quoted text stays together."""
    return tuple(unquoted(token) for token in tokens(typed))


def names(values: Values, name: str) -> tuple[str, ...]:
    """Return names between commas, semicolons, tabs or line ends, each once; a quoted name may contain these."""
    found = (each[0] or each[1] or each[2] for each in _NAMES.findall(free_text(values, name)))
    return unique(
        each.strip() for each in found if each.strip() and not _ONLY_MARKS.fullmatch(each)
    )


def is_one_line(typed: str) -> bool:
    """Return whether it has no line break and no control character; joiners and emoji are allowed."""
    return not any(unicodedata.category(each) in ("Cc", "Zl", "Zp", "Cs") for each in typed)


def unique(values: Iterable[str]) -> tuple[str, ...]:
    """Return each value once, in order."""
    return tuple(dict.fromkeys(values))


def whole(typed: Any) -> int | None:
    """Return a whole number of at most four digits; None for anything else."""
    return int(typed) if isinstance(typed, str) and _WHOLE.fullmatch(typed) else None


def key(typed: str) -> str:
    """Return a number as typed, an id in lower case."""
    folded = as_key(typed)
    return folded.lower() if is_id(folded) else typed


def quoted(values: Sequence[str]) -> str:
    """Return the values for a message, only the first few, and long ones shortened."""
    return some([shortened(value) for value in values], 5)
