"""How much of something long is written or asked in one short transaction. No I/O."""

from collections.abc import Iterator

PART = 500
"""Rows in one transaction: some 10 ms of the event loop."""


def parts(many: int) -> Iterator[slice]:
    """Return so many things in parts that can each be written in one short transaction."""
    return (slice(at, at + PART) for at in range(0, many, PART))
