"""How much of something long one short transaction writes or reads. No I/O."""

from collections.abc import Iterator

PART = 500
"""How many rows one transaction writes, which takes about 10 ms of the event loop."""


def in_parts(many: int) -> Iterator[slice]:
    """Return slices of this many items, each short enough for one transaction."""
    return (slice(at, at + PART) for at in range(0, many, PART))
