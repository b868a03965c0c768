"""Cuts a long list into parts that can be read side by side, by how their numbers begin. No I/O."""

import re
from typing import Final

LONG: Final = 1000
"""Rows from which on a list is cut, and about which a part has: some ten pages, of which the last is
rarely full. Parts of a tenth would cost up to twice the calls, larger ones wait for one another."""

_NUMBER: Final = re.compile(r"(.*?)(\d+)", re.DOTALL | re.ASCII)


def beginnings(first: str, last: str, count: int) -> tuple[str, ...]:
    """Return how the numbers of each part begin; empty where the list cannot be cut.

    Args:
        first: The first number of the list in the order of its text, `INV00000001`.
        last: The last one.
        count: How many there are. They need not follow one another without a gap.

    Returns:
        Beginnings of which every number between the two of the same shape has exactly one.
    """
    one, other = _NUMBER.fullmatch(first), _NUMBER.fullmatch(last)
    if one is None or other is None or one[1] != other[1] or len(first) != len(last):
        return ()
    low, high, digits = int(one[2]), int(other[2]), len(one[2])
    span = high - low + 1
    if span < count:
        return ()
    left_open = next((n for n in range(1, digits) if 10**n * count >= LONG * span), 0)
    if not left_open:
        return ()
    parts = range(low // 10**left_open, high // 10**left_open + 1)
    if len(parts) == 1:
        return ()
    return tuple(f"{one[1]}{part:0{digits - left_open}}" for part in parts)
