"""The progress of a long read, for the person who waits for it. No I/O."""

from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class HowFar:
    """Documents read so far, and how many there are to read; 0 if not known."""

    read: int = 0
    of: int = 0


_WATCHED: Final[ContextVar[HowFar | None]] = ContextVar("progress", default=None)
"""The progress of the current task and of the tasks it starts, so that functions need not pass it on."""


async def watched(progress: HowFar, work: Awaitable[T]) -> T:
    """Do some work in a separate task, and note in `progress` how much it has read."""
    _WATCHED.set(progress)
    return await work


def expect(documents: int) -> None:
    """Note that this many documents will be read."""
    if progress := _WATCHED.get():
        progress.of += documents


def came(documents: int) -> None:
    """Note that this many documents were read."""
    if progress := _WATCHED.get():
        progress.read += documents
