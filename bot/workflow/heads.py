"""Heads, which say where the history ends; signed and left elsewhere, they reveal an end that was cut or rebuilt."""

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from bot.cards import blocks
from bot.domain.clock import Clock
from bot.domain.history import Entry, Head, What
from bot.domain.message import Message, MessageKind
from bot.metrics import HEADS_NOT_LEFT
from bot.store.errors import CouldNotRecordError
from bot.store.store import Store
from bot.workflow.anchoring import Anchors, Keeper, NotLeftError
from bot.workflow.preparing import LEFT_OVER, drop_left_over
from bot.workflow.signing import text_of

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0

AT_ONCE = 200
"""How many messages one transaction binds; the others follow at the next look."""


class Heads:
    """Writes a head in every hour in which something happened, and after a number of rows.

    One transaction checks that none was written in this hour, and writes the entry of the history and the message to
    the channel, so there is one an hour across restarts and processes. After that, folder, authority and mailbox get
    it; if one does not take it, it is offered this or a later head every minute.

    Args:
        store: The store.
        clock: The time.
        anchors: Where heads are left.
        wake_sender: Called when a message is in the outbox.
    """

    def __init__(
        self, store: Store, clock: Clock, *, anchors: Anchors, wake_sender: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._anchors = anchors
        self._wake_sender = wake_sender

    async def run(self) -> None:
        """Bind what was sent to Slack, and write and leave each head that is due, until cancelled."""
        while True:
            try:
                bind_shown(self._store, self._clock)
                await drop_left_over(self._store, self._clock, self._clock.now() - LEFT_OVER)
                if self._anchors.is_any:
                    self.note_if_due()
                    await self.leave()
            except CouldNotRecordError:
                logger.warning("head_was_not_recorded")
            await self._clock.sleep(LOOK_SECONDS)

    def note_if_due(self) -> None:
        """Write a head into the history, and into the outbox for the channel, if one is due.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        now, anchors = self._clock.now(), self._anchors
        with self._store.transaction():
            if not self._is_due(now):
                return
            head = self._store.history.last()
            date = now.astimezone(UTC).date().isoformat()
            signature = anchors.signer.sign(text_of(head)) if anchors.signer else ""
            data = {"date": date, **head._asdict(), "channel": anchors.channel}
            if signature:
                data["signature"] = signature
            message = [_message(anchors.channel, now, head, signature)] if anchors.channel else []
            self._store.record(Entry(what=What.HEAD, data=data), now, *message)
        self._wake_sender()

    def _is_due(self, now: datetime) -> bool:
        history = self._store.history
        latest = history.last_of(What.HEAD)
        if not history.has_happened_since(latest.sequence if latest else 0):
            return False
        if latest is None or _hour(latest.at) != _hour(now):
            return True
        return history.last()[0] - latest.sequence >= self._anchors.every

    async def leave(self) -> None:
        """Give the latest head to each place that does not have it yet.

        Raises:
            CouldNotRecordError: A place has it, but that could not be recorded; it will be left there again.
        """
        latest = self._store.history.last_of(What.HEAD)
        if latest is None:
            return
        head = Head(int(latest.entry.data["sequence"]), str(latest.entry.data["hash"]))
        not_left = 0
        for place in self._anchors.places:
            left = self._store.history.since(latest.sequence, What.ANCHORED)
            if place.where in {each.entry.data["where"] for each in left}:
                continue
            try:
                await self._leave_at(place, head, str(latest.entry.data.get("signature", "")))
            except NotLeftError as error:
                logger.warning("head_was_not_left: %s", error)
                not_left += 1
        HEADS_NOT_LEFT.set(not_left)

    async def _leave_at(self, place: Keeper, head: Head, signature: str) -> None:
        signer = self._anchors.signer
        signed = f"signature {signature} public key {signer.public}" if signature and signer else ""
        how = await place.leave(head, signed)
        data = {"where": place.where, **head._asdict(), **how}
        with self._store.transaction():
            self._store.record(Entry(what=What.ANCHORED, data=data), self._clock.now())


def _message(channel: str, now: datetime, head: Head, signature: str) -> Message:
    at = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    signed = f" Signature: {signature}." if signature else ""
    text = (
        f"Head of Billing Bot's history on {at} UTC: {head.sequence}:{head.hash}. To check a copy of the "
        f"database against it: billing-bot verify --head {head.sequence}:{head.hash} FILE.{signed}"
    )
    return Message(
        kind=MessageKind.NOTICE, channel=channel, text=text, blocks=[blocks.paragraph(text)]
    )  # fmt: skip


def bind_shown(store: Store, clock: Clock) -> None:
    """Record in the history what was sent for each request, once the hour in which it was sent is over.

    A card is drawn when it goes out, so its text is known only then. The rows are written by the hour because one for
    each message would double the history.

    Raises:
        CouldNotRecordError: Nothing was written.
    """
    now = clock.now()
    with store.transaction():
        found = store.outbox.unbound(AT_ONCE)
        if not found or _hour(found[0].ended_at) == _hour(now):
            return
        of_request: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for each in found:
            of_request[each.request].append((each.sequence, each.hash))
        store.history.append_all(
            [
                Entry(what=What.SHOWN, request=number, data={"messages": messages})
                for number, messages in sorted(of_request.items())
            ],
            now,
        )
        store.outbox.bound([each.sequence for each in found])


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H")
