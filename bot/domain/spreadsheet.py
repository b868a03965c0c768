"""Comma-separated text in which no cell is taken for a formula, whichever separator it is opened with."""

import csv
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"
"""The signs that begin a formula, with their wide East Asian forms."""

_AT_A_CELLS_START = re.compile(rf"(^|[;,|\t\r\n])([\s\"']*)([{_SIGNS}])")
_BETWEEN_WORDS = re.compile(rf"(?<![\w'])([{_SIGNS}])(?=[^ ])")


class Writable(Protocol):
    """What text can be written to."""

    def write(self, text: str, /) -> object:
        """Take some text."""
        ...


class Sheet:
    """The only writer of comma-separated text.

    A spreadsheet takes a cell that begins with one of `= + - @` for a formula, and if it takes
    `;`, a tab or a space for the separator, a cell can begin in the middle of ours. So each of
    these signs that could begin a cell gets an apostrophe before it. Numbers are written as they
    are.
    """

    def __init__(self, into: Writable) -> None:
        self._writer = csv.writer(into)

    def row(self, values: Iterable[object]) -> None:
        """Write one row; None is an empty cell."""
        self._writer.writerow([_cell(value) for value in values])


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float | Decimal) else safe(str(value))


def safe(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    text = _AT_A_CELLS_START.sub(r"\1\2'\3", text)
    return _BETWEEN_WORDS.sub(r"'\1", text)
