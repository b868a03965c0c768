"""Beside the runner: refusals that were only counted get their row, and a full disk is tried again."""

import logging

from bot.domain.clock import Clock
from bot.store.database import CouldNotRecordError
from bot.store.store import Store

logger = logging.getLogger(__name__)

SECONDS = 30.0


async def write_counts(store: Store, clock: Clock) -> None:
    """Write down at most a minute and a half later what was counted, until cancelled.

    Where the disk took nothing, whether it does again shows here if nobody else writes.
    """
    while True:
        try:
            store.try_to_write()
            if store.refusals.are_counted(clock.now()):
                with store.transaction():
                    store.refusals.close(clock.now())
        except CouldNotRecordError:
            logger.warning("counted_refusals_were_not_recorded")
        await clock.sleep(SECONDS)
