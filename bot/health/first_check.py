"""The check of a large file, which a start does not wait for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.domain.clock import Clock
from bot.health.watch import Watch
from bot.store.store import Store

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 30.0
"""Pause after a file could not be read."""


class FirstCheck:
    """Reads the whole file once, if the start has not. What sends to Zuora waits for that.

    It takes a minute for a file of years that is not in memory, in which people can click already.
    """

    def __init__(self, store: Store, watch: Watch, clock: Clock) -> None:
        self._store = store
        self._watch = watch
        self._clock = clock
        self._passed = asyncio.Event()

    @property
    def is_passed(self) -> bool:
        """Return whether the file is known to be whole, and so anything may be sent."""
        return self._passed.is_set()

    async def run(self) -> None:
        """Check the file, unless that was done; if it is damaged, nothing that waits begins."""
        if not self._store.is_checked and await self._finds_damage():
            return
        self._store.is_checked = True
        self._passed.set()

    async def before(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop once the file is known to be whole."""
        await self._passed.wait()
        await loop()

    async def _finds_damage(self) -> bool:
        """Check until the file could be read, because what is not known is no good news."""
        begun = self._clock.monotonic()
        logger.info("checks_the_file: nothing is sent to Zuora before it is read")
        while (damaged := await self._watch.check_database()) is None:
            self._store.cannot_be_checked = True
            logger.error("file_not_checked: it cannot be read; nothing is sent to Zuora")
            await self._clock.sleep(AGAIN_SECONDS)
        self._store.cannot_be_checked = False
        if not damaged:
            logger.info(
                "file_checked", extra={"seconds": round(self._clock.monotonic() - begun, 1)}
            )
        return damaged
