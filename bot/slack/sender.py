"""The sender, which sends the outbox's messages, each once, and in order for each card."""

import asyncio
import logging
from datetime import datetime, timedelta
from functools import partial

from slack_sdk.errors import SlackApiError

from bot.cards.lines import shortest, without_blocks
from bot.domain.message import Message, MessageKind
from bot.domain.next_step import pause
from bot.domain.request import Request
from bot.fence import FRESH_SECONDS, FenceShutError, effect
from bot.following import following
from bot.slack.channel_pace import ChannelPace
from bot.slack.errors import (
    LIMITED,
    MALFORMED,
    NO_ANSWER,
    NOT_NOW,
    PASSING,
    method_of,
    name_of,
    seconds_to_wait,
)
from bot.slack.landed import Landed
from bot.slack.lanes import (
    FLEETING,
    LOOKS,
    METHODS,
    WORTH,
    as_it_looks_now,
    is_needless,
    may_stand_there,
    next_of,
    reaches_nobody,
    record_sent,
    record_try,
)
from bot.slack.posting import Draw, Posting
from bot.slack.silence import AskMembers, Silence
from bot.slack.time_of_day import TimeOfDay
from bot.slack.web import SlackWeb
from bot.store.errors import CouldNotRecordError
from bot.store.outgoing import Damage, Outgoing
from bot.workflow.parts import Parts
from bot.workflow.runner import LONGEST_REST, wait_for
from bot.workflow.undelivered import note_refusal, set_aside

logger = logging.getLogger(__name__)

LANDING = timedelta(seconds=3)
"""How long a lost message may still take to arrive; after that it is looked for."""

FIRST_PAUSE = timedelta(seconds=1)

LONGEST_PAUSE = timedelta(seconds=60)

UNRECORDED_PAUSE = timedelta(seconds=5)
"""Until the next try where nothing could be recorded: soon after a short outage, and no flood of looks at Slack in a long one."""


class Sender:
    """Sends what is in the outbox.

    `chat.postMessage` has no idempotency key, so a message whose answer was lost is looked for by its
    metadata before it is sent again. Edits are idempotent; unsent edits are merged into the oldest,
    with the words of the newest.

    Args:
        parts: What it reads from and waits by, and what wakes it.
        client: What it sends with.
        members: Returns the people behind Slack ids.
        draw_home: Draws a home when it goes out.
        seconds_a_message: Pause between two messages to a channel.
    """

    def __init__(
        self,
        parts: Parts,
        client: SlackWeb,
        members: AskMembers,
        *,
        draw_home: Draw,
        seconds_a_message: float = 1.0,
    ) -> None:
        store, clock = parts.store, parts.clock
        self._store = store
        self._client = client
        self._clock = clock
        self._landed = Landed(store, client, clock)
        self._posting = Posting(store, client, draw_home, self._landed)
        self._silence = Silence(store, clock, members)
        self._time_of_day = TimeOfDay(store, clock)
        self._pace = ChannelPace(clock, seconds_a_message)
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._wake = parts.bells.sender
        channels = dict.fromkeys((parts.audit_channel, parts.channel))
        self._channels = tuple(channel for channel in channels if channel)
        self._stopped = asyncio.Event()
        self._stopping = False
        self.turned_at = clock.monotonic()
        self.handover_at: datetime | None = None
        """When another process's work was taken over; that process may be frozen and not dead."""

    @property
    def under_way(self) -> int:
        """Return how many lanes have messages that are being sent."""
        return len(self._lanes)

    async def run(self) -> None:
        """Send until `stop` is called."""
        self._time_of_day.begin()
        while not self._stopping:
            self._wake.clear()
            self.turned_at = self._clock.monotonic()
            self._mind_the_clock()
            next_at = self._start_lanes()
            now = self._clock.now()
            seconds = LONGEST_REST if next_at is None else (next_at - now).total_seconds()
            await wait_for(self._wake, self._clock.sleep(min(max(0.0, seconds), LONGEST_REST)))

    async def stop(self, patience: float = 8.0) -> None:
        """Begin nothing new, and let what is going out get its answer.

        Args:
            patience: How many seconds of real time to wait for the answers.
        """
        self._stopping = True
        self._stopped.set()
        self._wake.set()
        if self._lanes:
            await asyncio.wait(self._lanes.values(), timeout=patience)
        for task in self._lanes.values():
            task.cancel()

    def _mind_the_clock(self) -> None:
        """Adjust if the time of day was set; must be called before anything is written that is measured from now."""
        by = self._time_of_day.mind()
        if self.handover_at is not None:
            self.handover_at += by

    def _start_lanes(self) -> datetime | None:
        """Start a task for each lane with something to send; return when the next one is due, if later."""
        now = self._clock.now()
        later: list[datetime] = []
        for lane, wake_at in self._store.outbox.heads():
            if lane in self._lanes:
                continue
            if wake_at is not None and wake_at > now:
                later.append(wake_at)
            else:
                self._lanes[lane] = asyncio.create_task(self._drain(lane), name=lane)
        return min(later, default=None)

    async def _drain(self, lane: str) -> None:
        """Send the lane's messages one after another, as far as they can go now."""
        try:
            while not self._stopping:
                await self._store.turns.after_people()
                outgoing = next_of(self._store, lane, self._clock.now())
                if outgoing is None:
                    return
                with following(outgoing.message.request):
                    if outgoing.damage is not Damage.NONE:
                        self._set_aside(outgoing)
                    else:
                        await self._send(outgoing)
        except CouldNotRecordError:
            await self._pause(UNRECORDED_PAUSE.total_seconds())
        except Exception:
            logger.exception("sending_failed", extra={"lane": lane})
            await self._pause(LONGEST_PAUSE.total_seconds())
        finally:
            del self._lanes[lane]
            self._wake.set()

    def _set_aside(self, outgoing: Outgoing) -> None:
        """Let a damaged message keep nobody from what comes after it."""
        logger.error(
            "message_damaged",
            extra={"sequence": outgoing.sequence, "request": outgoing.message.request},
        )
        with self._store.transaction():
            set_aside(self._store, outgoing, self._clock.now(), self._channels)

    async def _send(self, outgoing: Outgoing) -> None:
        if self._has_to_wait(outgoing):
            return
        if (seconds := self._pace.seconds_until(outgoing)) > 0:
            await self._pause(seconds)
        shown = None if self._stopping else self._drawn(outgoing)
        if shown is None:
            return
        outgoing = shown
        try:
            await self._send_once(outgoing)
        except SlackApiError as error:
            await self._refused(outgoing, error)
        except FenceShutError:
            self._again(outgoing, self._clock.now() + FIRST_PAUSE, never_arrived=True)
        except NO_ANSWER as error:
            logger.warning("slack_answer_lost", extra={"error": repr(error)})
            wait = min(pause(outgoing.tries, FIRST_PAUSE), LONGEST_PAUSE)
            self._again(outgoing, self._clock.now() + wait, never_arrived=False)

    def _drawn(self, outgoing: Outgoing) -> Outgoing | None:
        """Return the message as it looks now; None if it cannot be drawn, so that its thread is still sent."""
        try:
            return as_it_looks_now(self._store, outgoing)
        except CouldNotRecordError:
            raise
        except Exception:
            message = outgoing.message
            logger.exception(
                "message_could_not_be_drawn",
                extra={"kind": message.kind.value, "request": message.request},
            )
            self._end(outgoing, "not drawn")
            return None

    async def _send_once(self, outgoing: Outgoing) -> None:
        ts = await self._landed.ts_of(outgoing) if may_stand_there(outgoing) else None
        if ts is None:
            self._mind_the_clock()
            await self._store.together.write(
                partial(record_try, self._store, outgoing, self._clock)
            )
            with effect():
                ts = await self._posting.send(outgoing)
        await self._store.together.write(
            partial(record_sent, self._store, outgoing, ts, self._clock)
        )
        message = outgoing.message
        logger.log(
            logging.DEBUG if message.kind is MessageKind.HOME else logging.INFO,
            "slack_sent",
            extra={"kind": message.kind.value, "channel": message.channel, "ts": ts},
        )

    async def _refused(self, outgoing: Outgoing, error: SlackApiError) -> None:
        """Handle Slack's refusal: wait, send it plainer or shorter, or wait until the bot may post."""
        name, now, message = name_of(error), self._clock.now(), outgoing.message
        never_arrived = (
            method_of(error) not in LOOKS
        )  # a look says nothing about the message itself
        if name in LIMITED:
            wait = timedelta(seconds=seconds_to_wait(error))
            self._again(outgoing, now + wait, never_arrived=never_arrived)
        elif name in PASSING:
            wait = min(pause(outgoing.tries, FIRST_PAUSE), LONGEST_PAUSE)
            self._again(outgoing, now + wait, never_arrived=False)
        elif name in MALFORMED and message.blocks:
            logger.error("slack_refuses_the_blocks", extra={"error": name, "says": str(error)})
            with self._store.transaction():
                plain = without_blocks(message, self._request_of(message))
                self._store.outbox.make_plain(outgoing.sequence, plain)
        elif name in MALFORMED and message.text != (short := shortest(self._request_of(message))):
            logger.error("slack_refuses_the_text", extra={"error": name, "says": str(error)})
            with self._store.transaction():
                self._store.outbox.make_short(outgoing.sequence, short)
        elif reaches_nobody(message, name) or (message.kind in FLEETING and name not in NOT_NOW):
            logger.error(
                "slack_refuses_a_message",
                extra={"error": name, "channel": message.channel, "request": message.request},
            )
            self._end(outgoing, f"refused: {name}", refused_with=name)
        else:
            await self._silence.met(outgoing, name, never_arrived=never_arrived)
            self._wake.set()

    def _request_of(self, message: Message) -> Request | None:
        return None if message.request is None else self._store.requests.get(message.request)

    def _end(self, outgoing: Outgoing, outcome: str, *, refused_with: str = "") -> None:
        now = self._clock.now()
        with self._store.transaction():
            self._store.outbox.end(outgoing.sequence, now, outcome=outcome)
            if refused_with:
                note_refusal(self._store, outgoing.message, refused_with, now, self._channels)
        if refused_with:
            self._wake.set()

    def _has_to_wait(self, outgoing: Outgoing) -> bool:
        """Return whether it stays: it may still arrive, its method rests, or nobody needs it (it is ended)."""
        self._mind_the_clock()
        now, message = self._clock.now(), outgoing.message
        if is_needless(self._store, outgoing, now):
            self._end(outgoing, "needless")
            return True
        rests = map(self._client.rest_of, METHODS.get(message.kind, ("chat.postMessage",)))
        free_at = now + timedelta(seconds=max(rests))
        edit_tried = outgoing.tries > 0 and message.kind is MessageKind.UPDATE  # may have posted
        if may_stand_there(outgoing) or edit_tried:
            free_at = max(
                free_at, self._landed_by(outgoing.tried_at or self._tried_by_now(outgoing))
            )
        if free_at > now:
            self._again(outgoing, free_at, never_arrived=False)
        return free_at > now

    def _tried_by_now(self, outgoing: Outgoing) -> datetime:
        """Record that it may have been tried until now, and return that: the time of its last try is damaged."""
        now = self._clock.now()
        with self._store.transaction():
            self._store.outbox.tried_by(outgoing.sequence, now)
        return now

    def _landed_by(self, tried_at: datetime) -> datetime:
        """Return the time by which a message that was tried is in Slack, if it ever arrives."""
        if self.handover_at is None or tried_at >= self.handover_at:
            return tried_at + LANDING
        return tried_at + timedelta(seconds=FRESH_SECONDS) + LANDING

    def _again(self, outgoing: Outgoing, at: datetime, *, never_arrived: bool) -> None:
        if outgoing.message.kind is MessageKind.PRIVATE and outgoing.created_at is not None:
            at = min(at, outgoing.created_at + WORTH + FIRST_PAUSE)
        with self._store.transaction():
            self._store.outbox.later(outgoing.sequence, at, never_arrived=never_arrived)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until the sender is stopped."""
        await wait_for(self._stopped, self._clock.sleep(seconds))
