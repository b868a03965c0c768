"""How far a long reading is, for whoever waits for it. No I/O."""

from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class HowFar:
    """Documents read so far, and how many there are to read; 0 where that is not known."""

    read: int = 0
    of: int = 0


_WATCHED: Final[ContextVar[HowFar | None]] = ContextVar("progress", default=None)
"""Of the task at work, and of those that it starts: the functions between it and the pages need not
hand it on."""


async def watched(progress: HowFar, work: Awaitable[T]) -> T:
    """Do some work in a task of its own, and note in `progress` how far it has read."""
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
