"""The daily head: where the history ends, posted in a channel, so that a cut-off end shows."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from bot.cards import blocks
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.domain.message import Kind, Message
from bot.store.database import CouldNotRecordError
from bot.store.store import Store

logger = logging.getLogger(__name__)

AFTER_A_FAULT = 60.0


class Heads:
    """Posts the head once a day, at UTC midnight or at the first chance after it.

    That it was posted is an entry of the history, written in one transaction with the message and
    looked for in the same transaction: once a day across restarts and processes.

    Args:
        store: The store.
        clock: The time.
        channel: Slack channel id; empty for none, then nothing is posted.
        wake_sender: Rung when a message stands in the outbox.
    """

    def __init__(
        self, store: Store, clock: Clock, *, channel: str, wake_sender: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._channel = channel
        self._wake_sender = wake_sender

    async def run(self) -> None:
        """Post it each day, until cancelled."""
        while self._channel:
            try:
                self.tell()
            except CouldNotRecordError:
                logger.warning("head_was_not_told")
                await self._clock.sleep(AFTER_A_FAULT)
            else:
                await self._clock.sleep(_until_midnight(self._clock.now()))

    def tell(self) -> bool:
        """Write today's head into the outbox and the history, unless that was done today.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        now = self._clock.now()
        date = now.astimezone(UTC).date().isoformat()
        with self._store.transaction():
            latest = self._store.history.last_of(What.HEAD)
            if latest is not None and str(latest.entry.data["date"]) == date:
                return False
            sequence, hashed = self._store.history.last()
            data = {"date": date, "sequence": sequence, "hash": hashed, "channel": self._channel}
            entry = Entry(what=What.HEAD, data=data)
            self._store.record(entry, now, _message(self._channel, date, sequence, hashed))
        self._wake_sender()
        return True


def _message(channel: str, date: str, sequence: int, hashed: str) -> Message:
    text = (
        f"Head of Billing Bot's history on {date}: {sequence}:{hashed}. To check a copy of the "
        f"database against it: billing-bot verify --head {sequence}:{hashed} FILE"
    )
    return Message(
        kind=Kind.NOTICE, channel=channel, text=text, blocks=[blocks.paragraph(text)]
    )  # fmt: skip


def _until_midnight(now: datetime) -> float:
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    return (datetime.combine(tomorrow, time(), UTC) - now).total_seconds()
