"""A clock that runs with the machine's and can be moved ahead."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class MovableClock:
    """The machine's time plus the moves; a move wakes everything that sleeps on this clock."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self._ahead = ahead
        self._moved = asyncio.Event()
        self.on_move: Callable[[], None] = lambda: None
        """Called after each move, for work that sleeps until a time computed earlier."""

    def now(self) -> datetime:
        """Return the moment, aware UTC."""
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        """Return seconds that never go back; a move counts as elapsed time."""
        return time.monotonic() + self._ahead.total_seconds()

    @property
    def ahead(self) -> timedelta:
        """Return how far it is ahead of the machine's clock."""
        return self._ahead

    def move(self, span: timedelta) -> None:
        """Move it ahead.

        Raises:
            ValueError: The span is negative; a sandbox's time only moves forward.
        """
        if span < timedelta():
            raise ValueError("the clock only goes ahead")
        self._ahead += span
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        self.on_move()

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds of this clock."""
        due = self.monotonic() + seconds
        while (left := due - self.monotonic()) > 0:
            moved = self._moved
            try:
                await asyncio.wait_for(moved.wait(), left)
            except TimeoutError:
                return
        await asyncio.sleep(0)
