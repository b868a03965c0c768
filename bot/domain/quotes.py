"""Quotation marks of every kind in what people type; what they enclose is one item. No I/O."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

# ruff: noqa: RUF001 - what phones and word processors make of quotation marks
DOUBLE: Final = {'"': '"“”', "“": '"“”', "”": '"“”', "„": '"“”', "＂": "＂", "«": "»", "»": "«"}
SINGLE: Final = {
    "'": "'‘’", "‘": "'‘’", "’": "'‘’", "‚": "'‘’", "‹": "›", "›": "‹", "`": "`", "「": "」", "『": "』",
}  # fmt: skip
CLOSING: Final = {**DOUBLE, **SINGLE}
"""Each opening mark with all marks that close it, because phones turn some of them round."""

LONGEST: Final = 300
"""Characters in quotation marks; a number in Zuora has at most 255."""

_CLOSES: Final = frozenset("".join(CLOSING.values()))


class Piece(NamedTuple):
    """A part of a text: where it begins and ends, and what its quotation marks enclose (None: it has none)."""

    start: int
    end: int
    quoted: str | None


def inside(text: str) -> str | None:
    """Return what the quotation marks around a whole text enclose; None if there are none."""
    if len(text) > 2 and text[-1] in CLOSING.get(text[0], ""):  # noqa: PLR2004 - a pair and something
        return text[1:-1].strip() or None
    return None


def pieces(
    text: str, between: str, *, before: Callable[[int], int] = lambda at: at
) -> Iterator[Piece]:
    """Cut a text at spaces and other separators, except within quotation marks.

    A mark closes only if a piece may end right after it, so `don't` opens nothing and `6"` stays
    as it is.

    Args:
        text: What was typed.
        between: The characters that separate, besides spaces.
        before: Returns where a quotation mark may open in a piece that begins at a position, such
            as after `DM:`.
    """
    ends = [each.isspace() or each in between for each in text] + [True]
    closing = _closing(text, ends)
    at = 0
    while at < len(text):
        if ends[at]:
            at += 1
            continue
        opens = before(at)
        closes = _closed(text, opens, closing)
        end = closes + 1 if closes > 0 else ends.index(True, opens)
        yield Piece(at, end, text[opens + 1 : closes] if closes > 0 else None)
        at = end


def _closing(text: str, ends: Sequence[bool]) -> dict[str, list[int]]:
    """Return where each mark may close, found in one pass so that a text full of marks takes no longer."""
    found: dict[str, list[int]] = {}
    for at, each in enumerate(text):
        if each in _CLOSES and ends[at + 1]:
            found.setdefault(each, []).append(at)
    return found


def _closed(text: str, opens: int, closing: dict[str, list[int]]) -> int:
    """Return where the mark at `opens` closes, in the same line and within `LONGEST`; -1 if it does not."""
    nearest = -1
    for mark in CLOSING.get(text[opens : opens + 1], ""):
        places = closing.get(mark, [])
        next_one = bisect_left(places, opens + 2)
        if next_one < len(places) and (nearest < 0 or places[next_one] < nearest):
            nearest = places[next_one]
    is_near = opens < nearest <= opens + LONGEST and "\n" not in text[opens:nearest]
    return nearest if is_near else -1


def in_quotes(text: str) -> str:
    """Put quotation marks around a text, of a kind that it does not contain."""
    fitting = (pair for pair in _PAIRS if not set(CLOSING[pair[0]]) & set(text))
    pair = next(fitting, _PAIRS[0])
    return f"{pair[0]}{text}{pair[1]}"


_PAIRS: Final = ('""', "''", "«»", "‹›", "「」", "『』", "``")
