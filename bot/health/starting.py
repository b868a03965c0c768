"""A start that waits for a service: asks again until it answers, and logs the wait after two seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.domain.clock import Clock
from bot.slack.errors import NO_ANSWER

T = TypeVar("T")
logger = logging.getLogger(__name__)

SAYS_AFTER = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Starting:
    """A start, and what it waits for right now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.waits_for = ""

    async def reached(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer.

        Args:
            what: What is waited for, for people.
            ask: Asks once.

        Raises:
            Exception: Whatever `ask` raises that does not pass by itself.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                found = await self.said(what, ask())
            except NO_ANSWER as error:
                self._say(what, str(error) or type(error).__name__)
                await self._clock.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return found

    async def said(self, what: str, answer: Awaitable[T]) -> T:
        """Wait for one answer; if it takes longer than two seconds, log that."""
        asking = asyncio.ensure_future(answer)
        try:
            await asyncio.wait({asking}, timeout=SAYS_AFTER)
            if not asking.done():
                self._say(what, "no answer yet")
            found = await asking
        except asyncio.CancelledError:
            asking.cancel()
            raise
        if self.waits_for:
            logger.info("start_goes_on", extra={"reached": what})
        self.waits_for = ""
        return found

    def _say(self, what: str, why: str) -> None:
        self.waits_for = what
        logger.warning("start_waits: it goes on by itself", extra={"for": what, "why": why})
