"""Cuts a long list, by how the numbers begin, into parts that can be read side by side. No I/O."""

import re
from typing import Final

LONG: Final = 1000
"""A list with more rows is cut, into parts of about this many: some ten pages. Parts a tenth as long
would cost up to twice the calls; longer ones would keep each other waiting."""

_NUMBER: Final = re.compile(r"(.*?)(\d+)", re.DOTALL | re.ASCII)


def beginnings(first: str, last: str, count: int) -> tuple[str, ...]:
    """Return how the numbers of each part begin; empty if the list cannot be cut.

    Args:
        first: The first number of the list in the order of its text, `INV00000001`.
        last: The last one.
        count: How many there are; there may be gaps between the numbers.

    Returns:
        Beginnings; every number of that shape between the two has exactly one of them.
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
