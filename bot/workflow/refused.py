"""Beside the runner: refusals that were only counted get their row in the history."""

import logging

from bot.domain.clock import Clock
from bot.store.database import CouldNotRecordError
from bot.store.store import Store

logger = logging.getLogger(__name__)

SECONDS = 30.0


async def write_counts(store: Store, clock: Clock) -> None:
    """Write down at most a minute and a half later what was counted, until cancelled."""
    while True:
        try:
            if store.refusals.are_counted(clock.now()):
                with store.transaction():
                    store.refusals.close(clock.now())
        except CouldNotRecordError:
            logger.warning("counted_refusals_were_not_recorded")
        await clock.sleep(SECONDS)
