"""A list of numbers in a file, CSV or plain text, line by line. No I/O."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from bot.domain import quotes
from bot.domain.key import HARD

SEPARATORS: Final = "\t;,|"
"""Signs that can separate cells; if two occur equally often, the earlier one here wins, because amounts may have commas."""

_CELL: Final = 10_000
"""Characters; a longer cell means that a quotation mark is not closed."""

_KINDS_OF_FILE: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "a workbook (xlsx) or an archive"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (xls)"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
)
_MARKS: Final[tuple[tuple[bytes, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WHAT: Final = r"(?:billing|invoice|document|creditmemo|debitmemo|memo)*s?"
_NUMBERS: Final = re.compile(rf"(?!$){_WHAT}(?:number|no|nr|num)?s?")
_IDS: Final = re.compile(rf"{_WHAT}(?:ids?|key)")


class Cell(NamedTuple):
    """One cell that names something, and the line in which it begins, from 1."""

    line: int
    text: str


class ListFile(NamedTuple):
    """The content of a file, and its name as a person gave it."""

    name: str
    entries: tuple[Cell, ...]


class NotAListError(ValueError):
    """The file cannot be read as a list; the message says so as the end of a sentence."""


def entries_in(content: bytes) -> tuple[Cell, ...]:
    """Return everything that a file names, in order.

    If the first line has a heading such as `Invoice Number`, only that column counts; without one,
    every cell counts.

    Raises:
        NotAListError: It is not text, or a quotation mark is not closed.
    """
    rows = _rows(_decoded(content))
    first = next(rows, (1, []))
    columns = _columns(first[1])
    return tuple(
        Cell(line, _in_one_line(line, cell.strip()))
        for line, cells in (rows if columns else chain([first], rows))
        for at, cell in enumerate(cells)
        if cell.strip() and (not columns or at in columns)
    )


def _in_one_line(line: int, text: str) -> str:
    if "\n" in text or "\r" in text:
        raise NotAListError(f"has a quotation mark that is not closed in its line, {line}")
    return _whole(text)


def _decoded(content: bytes) -> str:
    """Return the text, decoded as UTF-8 or UTF-16 (with or without a byte order mark), else as Windows-1252."""
    for start, kind in _KINDS_OF_FILE:
        if content.startswith(start):
            raise NotAListError(f"is {kind}; save it as CSV and add that")
    codec = next((each for mark, each in _MARKS if content.startswith(mark)), _guessed(content))
    for each in (codec, "cp1252"):
        try:
            text = content.decode(each)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise NotAListError("is not text; save it as CSV and add that")


def _guessed(content: bytes) -> str:
    """Return the likely encoding; in UTF-16 without a mark every other byte of plain letters is zero."""
    some = content[:1000]
    if some.count(0) > len(some) // 4:
        return "utf-16-le" if some[1::2].count(0) > some[::2].count(0) else "utf-16-be"
    return "utf-8"


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that hold something, each with the number of the line in which it begins."""
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise NotAListError(f"has a line that cannot be read: line {line}") from error
        if any(len(cell) > _CELL for cell in cells):
            raise NotAListError(f"has a quotation mark that is not closed, in line {line}")
        if any(cell.strip() for cell in cells) and not _is_of_excel(line, cells):
            yield line, cells
        line = reader.line_num + 1


def _is_of_excel(line: int, cells: Sequence[str]) -> bool:
    """Return whether this line only sets Excel's separator: `sep=;`."""
    return line == 1 and cells[0].lower().startswith("sep=")


def _separator(text: str) -> str:
    first = next((each for each in text.splitlines() if each.strip()), "")
    if first.lower().startswith("sep=") and first[4:5] in SEPARATORS:
        return first[4:5]
    return max(SEPARATORS, key=first.count)


def _columns(first: Sequence[str]) -> tuple[int, ...]:
    """Return the columns whose heading means numbers, else those whose heading means ids; else none."""
    names = [re.sub(r"[\W_]", "", cell).lower() for cell in first]
    for known in (_NUMBERS, _IDS):
        if found := tuple(at for at, name in enumerate(names) if known.fullmatch(name)):
            return found
    return ()


def _whole(cell: str) -> str:
    """Return a cell as one would type it, in quotation marks if it holds what separates items in a typed list."""
    return quotes.in_quotes(cell) if set(HARD) & set(cell) else cell
