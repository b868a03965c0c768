"""How much of something long is written or asked for in one short transaction. No I/O."""

from collections.abc import Iterator

PART = 500
"""Rows in one transaction: about 10 ms of the event loop."""


def parts(many: int) -> Iterator[slice]:
    """Return this many things in parts that can each be written in one short transaction."""
    return (slice(at, at + PART) for at in range(0, many, PART))
