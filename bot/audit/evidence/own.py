"""What the bot did in a period by its own records, to be held against Zuora's."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from bot.domain.place import entity_part
from bot.operations.beginning import Followed
from bot.operations.catalog import OPERATIONS
from bot.operations.on_run import OnRun
from bot.store.file.by_the_bot import Done, Mailed

ABOUT_RUNS = tuple(name for name, each in OPERATIONS.items() if issubclass(each, (OnRun, Followed)))
"""Names of the operations whose calls are about a bill run."""

MARKED_WITHIN = timedelta(hours=24)
"""The time within which Zuora marks a run as mailed, after it accepted the order."""


class Period(NamedTuple):
    """From `start` to before `end`, aware UTC."""

    start: datetime
    end: datetime

    def holds(self, at: datetime | None) -> bool:
        """Return whether a moment is in it."""
        return at is not None and self.start <= at < self.end


OwnRecord = TypeVar("OwnRecord", bound=Done | Mailed)


class Read(Generic[OwnRecord]):
    """Reads records anew at each iteration, so that they need not all be in memory."""

    def __init__(self, read: Callable[[], Iterator[OwnRecord]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[OwnRecord]:
        return self._read()

    def only(self, wanted: Callable[[OwnRecord], bool]) -> "Read[OwnRecord]":
        """Return only the records that pass."""
        return Read(lambda: filter(wanted, self))


class Own(NamedTuple):
    """What the bot did, or may have done, by its own records."""

    runs: Read[Done]
    mails: Read[Mailed]

    def within(self, entity: str) -> "Own":
        """Return what may have been done in one entity, whose organizations share their numbers."""

        def is_there(each: Done | Mailed) -> bool:
            return not each.place or entity_part(each.place) == entity

        return Own(self.runs.only(is_there), self.mails.only(is_there))
