"""Turns a statement for SQLite into one for PostgreSQL, by a few rules for all statements.

Each statement is written once, in the modules of the tables. Rules replace text outside of quotes
only; where no rule helps, the statement is written so that both databases understand it.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_KEPT = re.compile("\x01(\\d+)\x01")
_PLACE = re.compile(r"\?|(?<![:\w]):([a-z_]\w*)")

_RULES = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\b(?:NOT INDEXED|INDEXED BY \w+)\b", ""),  # hints for SQLite alone
        (r"\bCROSS JOIN\b", "JOIN"),  # SQLite's way to fix an order; what it joins on follows
        (r"\bIS NOT (?!NULL\b|DISTINCT\b)", "IS DISTINCT FROM "),
        (r"\bIS (?!NOT\b|NULL\b|DISTINCT\b)", "IS NOT DISTINCT FROM "),
        (r'(?<!")\buser\b(?!")', '"user"'),  # without quotes, the role that is logged in
        (r"\browid\b", "ctid"),
        # a rule can be longer than an entry of an index, so the index of rules has their hashes
        (r"\brule > texts\.rule\b", "hashtextextended(rule, 0) > hashtextextended(texts.rule, 0)"),
        (r"\bORDER BY rule\b", "ORDER BY hashtextextended(rule, 0)"),
        (r"\bINTEGER\b", "BIGINT"),
        (r"\bBLOB\b", "BYTEA"),
        (
            r"json_group_array\(json_array\(([^()]*)\)\)",
            r"CAST(COALESCE(json_agg(json_build_array(\1)), json_build_array()) AS TEXT)",
        ),
    )
)


class Statement(NamedTuple):
    """A statement with places `$1`, `$2`, and the values for them.

    Attributes:
        names: The index or name of the value for each place.
    """

    sql: str
    names: tuple[int | str, ...]

    def values(self, given: Sequence[Any] | Mapping[str, Any] | None) -> list[Any] | None:
        """Return the values in the order of the places; None if there is no place."""
        if not self.names:
            return None
        return [given[name] for name in self.names]  # type: ignore[index]


@lru_cache(maxsize=1000)
def statement(sql: str) -> Statement:
    """Return a statement as PostgreSQL reads it."""
    literals: list[str] = []

    def put_away(found: re.Match[str]) -> str:
        literals.append(found[0])
        return f"\x01{len(literals) - 1}\x01"

    text = _LITERAL.sub(put_away, sql)
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    names: list[int | str] = []

    def place(
        found: re.Match[str],
    ) -> str:  # `?` is the next value; `:name` may occur several times
        name: int | str = found[1] or len(names)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    text = _PLACE.sub(place, text)
    return Statement(_KEPT.sub(lambda found: literals[int(found[1])], text), tuple(names))
