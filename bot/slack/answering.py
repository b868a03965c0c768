"""What every listener shares: answers, whatever happens, and work that outlives the listener."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.awaited import was_answered
from bot.cards import blocks, lines
from bot.domain.words import Part
from bot.slack.errors import NO_ANSWER
from bot.slack.payloads import Actor
from bot.slack.people import People
from bot.slack.privately import say_privately
from bot.store.errors import CouldNotRecordError, NotKnownWhetherRecordedError
from bot.store.outbox import ANSWERS_A_MINUTE
from bot.workflow.parts import Parts

T = TypeVar("T")
logger = logging.getLogger(__name__)

COULD_NOT_RECORD = (
    "I could not record this, so nothing was done. Please tell whoever runs Billing Bot; "
    "the log says what to do. Then try again."
)

NOT_KNOWN_WHETHER = (
    "The database went away while I recorded this, so I do not know whether it was recorded. If it was, the "
    "card shows it as soon as the database is back: look there before you try again."
)

SECONDS_FOR_ZUORA = 2.0
"""How long reading may take before a form or command is answered, which Slack expects within 3 s."""


def not_recorded(error: CouldNotRecordError) -> str:
    """Return the answer for the person who acted, and log it, even while a server is known to be away."""
    is_open = isinstance(error, NotKnownWhetherRecordedError)
    if not was_answered():
        logger.warning("answered_as_not_recorded: %s", error)
    return NOT_KNOWN_WHETHER if is_open else COULD_NOT_RECORD


class Answering:
    """Answers people, and holds what the listeners need: the workflow's parts, people and Slack's client."""

    def __init__(
        self,
        parts: Parts,
        people: People,
        client: AsyncWebClient,
    ) -> None:
        self.parts = parts
        self.people = people
        self.client = client
        self.is_ending = False
        """Whether this process ends, so that nothing new is begun for anybody."""
        self.drawing = asyncio.Semaphore(1)  # each picture takes a process of its own
        self._tasks: set[asyncio.Task[Any]] = set()
        self._left: set[asyncio.Task[Any]] = set()
        self._made_for: set[tuple[str, str]] = set()
        self._minute = 0.0
        self._answered = Counter[str]()

    async def say(self, channel: str, actor: Actor, *words: Part) -> None:
        """Answer one person privately through the outbox; directly if that cannot be written."""
        if not actor.user_id:
            return  # Slack did not say whom to answer
        message = lines.private(channel, actor.user_id, *words)
        try:
            with self.parts.store.transaction():
                self.parts.store.outbox.add(message, self.parts.clock.now())
        except CouldNotRecordError as error:
            await self.say_now(channel, actor, not_recorded(error))
        else:
            self.parts.bells.sender.set()

    async def say_now(self, channel: str, actor: Actor, *words: Part) -> None:
        """Answer one person privately without the outbox, with the same limit per minute."""
        if not actor.user_id or was_answered() or self._has_had_enough(actor.user_id):
            return  # Slack did not say whom to answer, they know already, or this person clicks without end
        text = blocks.as_text(words)
        try:
            await say_privately(self.client, channel, actor.user_id, text=text)
        except NO_ANSWER:
            logger.exception("answer_could_not_be_sent")

    def _has_had_enough(self, user: str) -> bool:
        minute = self.parts.clock.monotonic() // 60
        if minute != self._minute:
            self._minute = minute
            self._answered.clear()
        self._answered[user] += 1
        return self._answered[user] > ANSWERS_A_MINUTE

    def keep(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work that may go on after the listener has answered, and keep a reference to it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def keep_once(
        self, person: str, what: str, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Start work that may go on, unless the same is still being made for this person, who gets it anyway."""
        made = (person, what)
        if made not in self._made_for:
            self._made_for.add(made)
            self.keep(work()).add_done_callback(lambda _: self._made_for.discard(made))

    async def drain(self, patience: float = 8.0) -> None:
        """Let work that outlived its listener finish.

        Args:
            patience: Seconds of real time to wait for that; what takes longer is not waited for again.
        """
        if self._tasks:
            _, too_long = await asyncio.wait(self._tasks, timeout=patience)
            self._left |= too_long
            self._tasks -= too_long
