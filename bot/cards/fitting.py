"""What fits on a card: a phone shows facts and button without scrolling, and *Details* has the rest."""

import math
from collections.abc import Sequence
from functools import partial

from bot.cards import blocks
from bot.domain.words import Line, Part, folded, line, shortened

MOST_FACTS = 8
"""How many lines of facts a card has at most, so that they and the button fit on a phone's screen."""

LETTERS, LETTERS_OF_A_HEADLINE, ROWS = 42, 30, 18
"""Letters in a row on a phone 390 px wide, and how many rows of headline and facts fit above the button."""

LONGEST_REASON, LONGEST_NOTE, LONGEST_AMOUNTS = 120, 60, 130
"""How many characters of a reason, of an approval's note, and of a line of amounts a card shows."""

CAN_WAIT = ("Against last time", "Largest", "Also")
"""Lines that are dropped first if there are too many; *Details* has all of them."""

FOLDED = ("Amount", "Largest", "Against last time")
"""Lines of several pieces, of which a card shows as many as fit."""

TYPED = ("Why", "Rejected", "Withdrawn")
"""Lines with a reason that a person typed; a card shows its beginning."""

NOTED = "Approved"
"""The line with the approvers' notes, which may have to leave room for the button."""


def at_a_glance(each: Line) -> Line:
    """Return a line short enough for a phone; *Details* has all of it."""
    if each.label not in (*FOLDED, *TYPED, NOTED):
        return each
    cut = _FOLDED if each.label in FOLDED else _opening if each.label in TYPED else _NOTED
    return line(each.label, *(cut(part) if isinstance(part, str) else part for part in each.parts))


def _opening(reason: str) -> str:
    whole = len(reason) <= LONGEST_REASON
    return reason if whole else f"{shortened(reason, LONGEST_REASON)} (the rest is in Details)"


_FOLDED = partial(folded, limit=LONGEST_AMOUNTS)
_NOTED = partial(shortened, limit=LONGEST_NOTE)


def fitting(lines: Sequence[Line], rows: int = ROWS) -> tuple[Line, ...]:
    """Return the lines that fit on a card; what can wait is dropped first, what is marked never.

    If that is not enough, the marked lines become one, and then lines are dropped from the end.

    Args:
        lines: All of them.
        rows: How many rows a phone has for them; only what can wait is dropped for that.
    """
    kept = list(lines)
    for label in CAN_WAIT:
        for each in [one for one in lines if one.label == label and not is_marked(one)]:
            if len(kept) > MOST_FACTS or sum(map(_rows, kept)) > rows:
                kept.remove(each)
    marked_ones = [each for each in kept if is_marked(each)]
    if len(kept) > MOST_FACTS and len(marked_ones) > 1:
        at = kept.index(marked_ones[0])
        rest = [each for each in kept if each not in marked_ones]
        kept = [*rest[:at], _in_one_line(marked_ones), *rest[at:]]
    for each in [one for one in reversed(kept) if not (is_marked(one) or _must_stay(one))]:
        if len(kept) > MOST_FACTS:
            kept.remove(each)
    return tuple(kept)


def _rows(each: Line) -> int:
    """Return about how many rows of a phone a line takes."""
    letters = len(blocks.plainly(each.parts)) + len(each.label) + 2
    return math.ceil(letters / LETTERS)


def _must_stay(each: Line) -> bool:
    """Return whether it is the amount, the reason, or who asked."""
    return each.label in ("Amount", "Why") or each.label.startswith("R-")


def is_marked(each: Line) -> bool:
    """Return whether an approver should stop at it."""
    return each.label.startswith("⚠") or str(each.parts[0]).startswith("⚠")


def _in_one_line(lines: Sequence[Line]) -> Line:
    parts: list[Part] = []
    for each in lines:
        label = each.label.removeprefix("⚠").strip()
        named = f"{label}: " if label and label not in CAN_WAIT else ""
        parts += [" · " if parts else "", named, *each.parts]
    return line("⚠", *(p.removeprefix("⚠ ") if isinstance(p, str) else p for p in parts))
