"""What was typed into a form, and what is wrong with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from typing import Any

from bot.domain.clean import as_key
from bot.domain.words import in_zone, shortened

Values = Mapping[str, Any]
"""What was typed, by field name: text, a truth value, or a list of texts."""

EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong with a form: a message for each field, which says how to fix it.

    Attributes:
        others: Numbers of the documents that can still be mailed if others of the form were mailed
            lately; None if that is not the problem.
        by_line: What is wrong with a file, line by line, if that does not fit at its field.
    """

    by_field: Mapping[str, str]
    others: tuple[str, ...] | None = None
    by_line: tuple[str, ...] = ()

    def in_zone(self, zone: tzinfo) -> "Problems":
        """Return the same, with the moments in a reader's zone."""
        return replace(
            self,
            by_field={name: in_zone(words, zone) for name, words in self.by_field.items()},
            by_line=tuple(in_zone(words, zone) for words in self.by_line),
        )

    def and_of(self, other: "Problems") -> "Problems":
        """Return the problems of both, with what two operations say about the same field, each once."""
        both = dict(self.by_field)
        for name, words in other.by_field.items():
            before = both.get(name, "")
            if words not in before:
                both[name] = f"{before} {words}".lstrip()
        neither = self.others is None and other.others is None
        others = None if neither else (*(self.others or ()), *(other.others or ()))
        return Problems(both, others, (*self.by_line, *other.by_line))


def day(typed: str) -> date | None:
    """Return the date of `2026-11-30`; None for anything else and for implausible years."""
    typed = as_key(typed)
    if not _DATE.fullmatch(typed):
        return None
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None


def no_date(typed: str) -> str:
    """Return why `day` does not accept a text as a date."""
    try:
        is_date = bool(_DATE.fullmatch(typed)) and bool(date.fromisoformat(typed))
    except ValueError:
        is_date = False
    if is_date:
        return f"{typed} is not within the years {EARLIEST.year} to {LATEST.year}."
    return f"{shortened(typed)} is not a date. Type it like 2026-11-30."
