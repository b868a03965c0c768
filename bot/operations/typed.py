"""What was typed into a form, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from bot.domain.words import in_zone

Values = Mapping[str, Any]
"""What was typed, by field name: text, a truth value, or a list of texts."""


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
