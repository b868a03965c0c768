"""Quotation marks of every kind in what people type: what stands in them is one thing. No I/O."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

# ruff: noqa: RUF001 - what phones and word processors make of quotation marks
DOUBLE: Final = {'"': '"“”', "“": '"“”', "”": '"“”', "„": '"“”', "＂": "＂", "«": "»", "»": "«"}
SINGLE: Final = {
    "'": "'‘’", "‘": "'‘’", "’": "'‘’", "‚": "'‘’", "‹": "›", "›": "‹", "`": "`", "「": "」", "『": "』",
}  # fmt: skip
CLOSING: Final = {**DOUBLE, **SINGLE}
"""What opens, with all that closes it: phones turn some of them round."""


class Piece(NamedTuple):
    """A part of a text: where it begins and ends, and what stands in its quotation marks, if any."""

    start: int
    end: int
    quoted: str | None


def quoted_end(text: str, start: int, ends_at: Callable[[int], bool]) -> int:
    """Return where the quotation mark at `start` is closed: the mark's place; -1 for nowhere.

    A mark closes only where something may end behind it, so that `don't` needs none and `6"` is what
    it is.

    Args:
        text: The whole text.
        start: Where it opens.
        ends_at: Whether a thing may end in front of that place.
    """
    closing = CLOSING.get(text[start : start + 1], "")
    line = text.find("\n", start)
    inside = range(start + 2, len(text) if line < 0 else line)
    return next((at for at in inside if text[at] in closing and ends_at(at + 1)), -1)


def pieces(
    text: str, between: str, *, before: Callable[[int], int] = lambda at: at
) -> Iterator[Piece]:
    """Cut a text at spaces and whatever else separates; in quotation marks nothing does.

    Args:
        text: What was typed.
        between: The characters that separate, besides spaces.
        before: Where a quotation mark may open in a piece that begins there: behind `DM:`.
    """

    def ends_at(at: int) -> bool:
        return at >= len(text) or text[at].isspace() or text[at] in between

    at = 0
    while at < len(text):
        if ends_at(at):
            at += 1
            continue
        opens = before(at)
        closes = quoted_end(text, opens, ends_at)
        end = closes + 1 if closes > 0 else next(filter(ends_at, range(at, len(text) + 1)))
        yield Piece(at, end, text[opens + 1 : closes] if closes > 0 else None)
        at = end


def in_quotes(text: str) -> str:
    """Put quotation marks around a text, such as do not stand in it."""
    fitting = (pair for pair in _PAIRS if not set(CLOSING[pair[0]]) & set(text))
    pair = next(fitting, _PAIRS[0])
    return f"{pair[0]}{text}{pair[1]}"


_PAIRS: Final = ('""', "''", "«»", "‹›", "「」", "『』", "``")
