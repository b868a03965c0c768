"""Loops that must not end: a fault is logged, and the loop continues after a pause."""

import logging
from collections.abc import Awaitable, Callable

from bot.domain.clock import Clock
from bot.store.errors import StoreBusyError

logger = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
WELL_FOR = 300.0
"""Seconds after which a loop that broke counts as healthy again."""


class Supervised:
    """Runs loops, each by itself, so that one that breaks does not disturb the others.

    Running a loop anew loses nothing, because its work is in the database.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._broken: set[str] = set()

    @property
    def broken(self) -> tuple[str, ...]:
        """Return the names of the loops that broke and wait for their next try."""
        return tuple(sorted(self._broken))

    async def run(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop until it returns, and run it again after every error.

        The pause before that doubles from 1 s up to a minute, and starts over once the loop ran for 5 minutes.
        """
        pause = FIRST_PAUSE
        while True:
            begun = self._clock.monotonic()
            try:
                await loop()
            except StoreBusyError as error:  # a server that is away: known, and it passes
                logger.warning("loop_waits", extra={"loop": name, "trouble": str(error)})
            except Exception:
                logger.exception(
                    "loop_broke: nothing is lost and it continues by itself; if this comes "
                    "back, check the disk's space, rights and health of the database",
                    extra={"loop": name},
                )
            else:
                return
            if self._clock.monotonic() - begun >= WELL_FOR:
                pause = FIRST_PAUSE
            self._broken.add(name)
            await self._clock.sleep(pause)
            self._broken.discard(name)
            pause = min(2 * pause, LONGEST_PAUSE)
