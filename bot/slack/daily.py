"""Does what is due by the calendar: the morning's digest and the month's figures."""

import logging
from collections.abc import Callable
from datetime import timedelta

from bot.domain.clock import Clock
from bot.domain.message import Message, MessageKind
from bot.status.lists import Links
from bot.status.month import catch_up
from bot.status.morning import Timetable, mornings_digest
from bot.store.database import CouldNotRecordError
from bot.store.store import Store

logger = logging.getLogger(__name__)

LONGEST_REST = timedelta(minutes=5)


class Daily:
    """The loop for the calendar, beside the runner's, in the process that works.

    Args:
        store: The store.
        clock: The time.
        channel: Slack channel id for the digest.
        links: Makes the addresses of cards.
        timetable: When the digest is due.
        wake_sender: Called when a message is in the outbox.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        channel: str,
        links: Links,
        timetable: Timetable,
        wake_sender: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._channel = channel
        self._links = links
        self._timetable = timetable
        self._wake_sender = wake_sender

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            try:
                self.post_if_due()
                await catch_up(self._store)
            except CouldNotRecordError:
                logger.warning("daily_work_was_not_recorded")
            await self._clock.sleep(self._rest().total_seconds())

    def post_if_due(self) -> bool:
        """Put today's digest into the outbox if it is due and not done yet; return whether it was put there.

        A row of the database claims the day. Before the first request there is nothing to say, so a new bot is silent.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        now = self._clock.now()
        due = self._timetable.due_at(now)
        if due is None or now < due or not self._store.requests.newest():
            return False
        with self._store.transaction():
            if not self._store.mornings.claim(self._timetable.day(now), now):
                return False
            text, blocks = mornings_digest(self._store, self._links, self._timetable, now)
            message = Message(
                kind=MessageKind.NOTICE, channel=self._channel, text=text, blocks=list(blocks)
            )
            self._store.outbox.add(message, now)
        self._wake_sender()
        return True

    def _rest(self) -> timedelta:
        now = self._clock.now()
        due = self._timetable.next_after(now)
        return min(LONGEST_REST, due - now) if due else LONGEST_REST
