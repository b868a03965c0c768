"""Time that is passed in, so that tests can move it; and the differences of other clocks from it."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol


class Clock(Protocol):
    """The present, and waiting."""

    def now(self) -> datetime:
        """Return the moment, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody sets, for how long something lasts."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait this long on this clock."""
        ...


class _Difference(NamedTuple):
    ahead: float
    wall: float
    passed: float


class Clocks:
    """How far Slack's and Zuora's clocks are from this one, by the header `Date` of their latest answers.

    Between two readings the difference is carried forward with `monotonic`, so that it shows at
    once if this machine's clock is set.

    Args:
        clock: This machine's.
        limit: The difference above which nothing is decided.
    """

    def __init__(self, clock: Clock, limit: timedelta = timedelta(minutes=1)) -> None:
        self.clock = clock
        self.limit = limit
        self._read: dict[str, _Difference] = {}

    def read(self, whose: str, date: str | None) -> None:
        """Take the header `Date` of an answer that just came; ignore one that is not a date."""
        try:
            theirs = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        wall = self.clock.now().timestamp()
        self._read[whose] = _Difference(theirs - wall, wall, self.clock.monotonic())

    def ahead(self) -> dict[str, int]:
        """Return how many whole seconds each other clock is ahead; clocks that were never read are left out."""
        wall, passed = self.clock.now().timestamp(), self.clock.monotonic()
        return {
            whose: round(each.ahead + (passed - each.passed) - (wall - each.wall))
            for whose, each in self._read.items()
        }

    def too_far(self) -> bool:
        """Return whether any of them differs by more than the limit."""
        return any(abs(each) > self.limit.total_seconds() for each in self.ahead().values())

    def words(self) -> str:
        """Return the differences for people: `Slack's is 75 s ahead, Zuora's is 1 s behind`."""
        return ", ".join(
            f"{whose.capitalize()}'s {_far(by)}" for whose, by in sorted(self.ahead().items())
        )


def _far(by: int) -> str:
    """Return how far ahead a clock is of this machine's, for people."""
    return f"is {abs(by)} s {'ahead' if by > 0 else 'behind'}" if by else "agrees with it"
