"""Notices that somebody set the clock, and keeps what waits from waiting longer for it."""

import logging
from datetime import datetime, timedelta

from bot.domain.clock import Clock
from bot.store.store import Store

logger = logging.getLogger(__name__)

A_STEP = timedelta(seconds=1)
"""If the two clocks differ by this much, somebody has set the time."""


class TimeOfDay:
    """Compares the time of day with the monotonic clock, which nobody can set."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._began_at = self._beginning()

    def begin(self) -> None:
        """Adjust what waits if the clock was put back while nothing ran."""
        self._was_set(-self._store.set_clock.put_back_meanwhile(self._clock.now()))

    def mind(self) -> timedelta:
        """Adjust what waits if the time of day was set since the last call; return by how much it moved forward."""
        began_at = self._beginning()
        by = began_at - self._began_at
        self._was_set(by)
        self._began_at = began_at
        return by

    def _beginning(self) -> datetime:
        """Return the time of day at which the monotonic clock began."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic())

    def _was_set(self, by: timedelta) -> None:
        if abs(by) < A_STEP:
            return
        logger.warning("the_clock_was_set", extra={"by": str(by)})
        with self._store.transaction():
            self._store.set_clock.was_set(by)
