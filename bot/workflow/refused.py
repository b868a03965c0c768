"""Records refusals in the history: one by one, or as one row for those that were only counted."""

import logging
from datetime import datetime

from bot.domain.authority import Person, Refusal
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.store.errors import CouldNotRecordError
from bot.store.store import Store

logger = logging.getLogger(__name__)

SECONDS = 30.0


def record_refusal(
    store: Store, person: Person, refusal: Refusal, wanted: str, now: datetime
) -> None:
    """Record in the history that somebody may not ask.

    Raises:
        CouldNotRecordError: It was not recorded.
    """
    entry = Entry(
        what=What.REFUSED,
        who=person.user_id,
        team=person.team_id,
        data={"wanted": wanted, "refusal": refusal.value},
    )
    with store.transaction():
        store.refuse(entry, now)


async def write_counts(store: Store, clock: Clock) -> None:
    """Record counted refusals within a minute and a half, until cancelled.

    If the disk refused writes and nobody else writes, this notices that it accepts them again.
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
