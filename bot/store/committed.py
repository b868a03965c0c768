"""Work that is done once a transaction is committed, and never if it is undone."""

from collections.abc import Callable
from typing import Protocol


class Committed:
    """Work that waits for the commit of a database, in order."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def __len__(self) -> int:
        """Return how many pieces of work wait."""
        return len(self._waiting)

    def add(self, work: Callable[[], None]) -> None:
        """Add a piece of work."""
        self._waiting.append(work)

    def undone(self, until: int) -> None:
        """Forget all but the first `until` pieces of work."""
        del self._waiting[until:]

    def done(self) -> None:
        """Do everything that waits."""
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()


class Writing(Protocol):
    """The part of a database that is about commits."""

    @property
    def committed(self) -> Committed:
        """Return what waits for the commit."""

    @property
    def in_transaction(self) -> bool:
        """Return whether a transaction is open."""


def once_committed(database: Writing, work: Callable[[], None]) -> None:
    """Do something after the commit of the open transaction; outside a transaction at once."""
    if database.in_transaction:
        database.committed.add(work)
    else:
        work()
