"""Channels that the bot cannot write to: people get what they must know in direct messages meanwhile."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

from bot.cards import blocks
from bot.cards.facts import in_doubt
from bot.domain.clock import Clock
from bot.domain.message import Message, MessageKind
from bot.domain.request import Request, State
from bot.domain.words import Mention, Part
from bot.store.outgoing import Outgoing
from bot.store.store import Store

logger = logging.getLogger(__name__)

SHORTEST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)

AskMembers = Callable[[tuple[str, ...]], Awaitable[frozenset[str] | None]]

MENDED_BY = {
    **dict.fromkeys(("not_in_channel", "channel_not_found"), "/invite lets the bot in. "),
    "is_archived": "Somebody has to unarchive the channel. ",
}
"""What people can do about an error of Slack's; the names are those of page *chat.postMessage*."""

MIDWAY = frozenset({State.APPROVED, State.RUNNING})
"""States that nobody has to be called for: the request goes on by itself."""


class Silence:
    """Says in direct messages what a channel does not show.

    Args:
        store: The store.
        clock: The time.
        members: The people behind Slack user ids and group ids; None if Slack cannot be asked.
    """

    def __init__(self, store: Store, clock: Clock, members: AskMembers) -> None:
        self._store = store
        self._clock = clock
        self._members = members

    async def met(self, outgoing: Outgoing, error: str, *, never_arrived: bool) -> None:
        """Keep a refused message for later, and write directly to the people it concerns.

        The message is tried again as soon as its lane has a newer one, else after a pause that grows
        with its age.
        """
        message, now = outgoing.message, self._clock.now()
        logger.error(
            "slack_refused_the_message: the message waits",
            extra={"error": error, "channel": message.channel, "request": message.request},
        )
        pause = min(max((now - (outgoing.created_at or now)) / 4, SHORTEST_PAUSE), LONGEST_PAUSE)
        with self._store.transaction():
            self._store.outbox.refused(outgoing, now + pause, error, never_arrived=never_arrived)
        number = message.request if message.kind is not MessageKind.DIRECT else None
        request = None if number is None else self._store.requests.get(number)
        if request is not None and request.state not in MIDWAY:
            await self._write_to_people(request, message.channel, error)

    async def _write_to_people(self, request: Request, channel: str, error: str) -> None:
        """Write once for each state that the request reaches."""
        asked = await self._members(request.rule.approvers)
        people = [request.requester, *(approval.person for approval in request.approvals)]
        people += sorted(asked if asked is not None else ())
        words = _words(request, channel, error)
        now = self._clock.now()
        with self._store.transaction():
            for user in dict.fromkeys(people):
                if not self._store.outbox.has_direct(request.number, user, request.state_at):
                    self._store.outbox.add(direct(request, user, words), now)


def _words(request: Request, channel: str, error: str) -> tuple[Part, ...]:
    shown = Mention(channel)
    how = MENDED_BY.get(error, "")
    why = f" does not show it: Slack says {error}. {how}It appears there by itself once Slack takes it."
    if request.state is State.WAITING:
        waits = f"{request.name} is saved and waits for approval, but "
        until = " Until then it can be decided on the bot's Home tab."
        return (waits, shown, why, until)
    if request.state is State.UNKNOWN:
        return (
            f"⚠ {request.name}: we don't know whether {in_doubt(request)}. {request.result} ",
            shown,
            why,
        )
    return (f"{request.name} has ended: {request.state.value}. {request.result} ", shown, why)


def direct(request: Request, user: str, words: Iterable[Part]) -> Message:
    """Return a direct message about a request."""
    words = tuple(words)
    return Message(
        kind=MessageKind.DIRECT,
        request=request.number,
        channel=user,
        user=user,
        text=blocks.as_text(words),
        blocks=[blocks.paragraph(*words)],
    )
