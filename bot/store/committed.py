"""Work that is done once a transaction lasts, and not at all where it is undone."""

from collections.abc import Callable
from typing import Protocol


class Committed:
    """What waits for the commit of a database, in order."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def __len__(self) -> int:
        """Return how much waits."""
        return len(self._waiting)

    def add(self, work: Callable[[], None]) -> None:
        """Keep something for then."""
        self._waiting.append(work)

    def undone(self, until: int) -> None:
        """Forget what was added since there was this much."""
        del self._waiting[until:]

    def done(self) -> None:
        """Do everything that waited."""
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()


class Writing(Protocol):
    """A database, as far as a commit is concerned."""

    @property
    def committed(self) -> Committed:
        """Return what waits for the commit."""

    @property
    def in_transaction(self) -> bool:
        """Return whether there will be one."""


def once_committed(database: Writing, work: Callable[[], None]) -> None:
    """Do something once what is being written lasts; outside a transaction right away."""
    if database.in_transaction:
        database.committed.add(work)
    else:
        work()
