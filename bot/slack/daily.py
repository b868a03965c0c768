"""Does what is due by the calendar: the morning's digest and the month's figures."""

import logging
from datetime import timedelta

from bot.domain.message import Message, MessageKind
from bot.status.lists import Links
from bot.status.month import catch_up
from bot.status.morning import Timetable, mornings_digest
from bot.store.errors import CouldNotRecordError
from bot.workflow.parts import Parts

logger = logging.getLogger(__name__)

LONGEST_REST = timedelta(minutes=5)


class Daily:
    """The loop for the calendar, beside the runner's, in the process that works.

    Args:
        parts: The store, the time, and the channel for the digest.
        links: Makes the addresses of cards.
        timetable: When the digest is due.
    """

    def __init__(self, parts: Parts, links: Links, timetable: Timetable) -> None:
        self._store = parts.store
        self._clock = parts.clock
        self._channel = parts.channel
        self._links = links
        self._timetable = timetable
        self._wake_sender = parts.bells.sender.set

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            try:
                self.post_if_due()
                await catch_up(self._store)
            except CouldNotRecordError:
                logger.warning("daily_work_was_not_recorded")
            await self._clock.sleep(self._rest().total_seconds())

    def post_if_due(self) -> None:
        """Put today's digest into the outbox if it is due and not done yet.

        A row of the database claims the day. Before the first request there is nothing to say, so a new bot is silent.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        now = self._clock.now()
        due = self._timetable.due_at(now)
        if due is None or now < due or not self._store.requests.newest():
            return
        with self._store.transaction():
            if not self._store.mornings.claim(self._timetable.day(now), now):
                return
            text, blocks = mornings_digest(self._store, self._links, self._timetable, now)
            message = Message(
                kind=MessageKind.NOTICE, channel=self._channel, text=text, blocks=list(blocks)
            )
            self._store.outbox.add(message, now)
        self._wake_sender()

    def _rest(self) -> timedelta:
        now = self._clock.now()
        due = self._timetable.next_after(now)
        return min(LONGEST_REST, due - now) if due else LONGEST_REST
