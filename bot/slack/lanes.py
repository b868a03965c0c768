"""A lane's messages: how their kinds differ, which goes out next, how it looks then, and what is written of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.cards.card import card
from bot.domain.clock import Clock
from bot.domain.message import Message, MessageKind
from bot.domain.request import UnreadableError
from bot.slack.errors import NOBODY
from bot.store.outgoing import Outgoing
from bot.store.store import Store
from bot.workflow import receipts
from bot.workflow.beside import beside
from bot.workflow.ending import PROGRESS_GAP

LOOKED_FOR = frozenset(
    {
        MessageKind.CARD,
        MessageKind.REPLY,
        MessageKind.REMINDER,
        MessageKind.PROGRESS,
        MessageKind.FILE,
        MessageKind.NOTICE,
        MessageKind.DIRECT,
    }
)
"""Messages that would be shown twice if they were sent twice."""

DRAWN = frozenset({MessageKind.UPDATE, MessageKind.NOTICE})
"""Messages whose words can be drawn when they are sent, and are written down then; of the notices these are receipts."""

EDITS = frozenset({MessageKind.UPDATE, MessageKind.PRIVATE})

REPLACED = (MessageKind.UPDATE, MessageKind.PROGRESS, MessageKind.HOME)
"""Messages of which only the newest is sent."""

FLEETING = frozenset({MessageKind.PRIVATE, MessageKind.HOME})
"""Messages that are no longer needed once Slack has refused them."""

METHODS = {
    MessageKind.PRIVATE: ("chat.postEphemeral",),
    MessageKind.UPDATE: ("chat.update",),
    MessageKind.HOME: ("views.publish",),
    MessageKind.FILE: ("files.getUploadURLExternal", "files.completeUploadExternal"),
}
"""The Web API methods for kinds of messages that do not use `chat.postMessage`."""

WORTH = timedelta(minutes=2)
"""A private answer is dropped after this, because it is of no use to somebody who pressed longer ago."""

PERSON = ("U", "W")
"""What the ids of people begin with."""

LOOKS = frozenset({"conversations.history", "conversations.replies"})
"""The methods that look for a message whose answer was lost."""


def is_needless(store: Store, outgoing: Outgoing, now: datetime) -> bool:
    """Return whether nobody needs a message: too old an answer, an overtaken reminder, or what the channel shows."""
    message = outgoing.message
    if message.kind is MessageKind.REMINDER:
        return store.outbox.is_overtaken(outgoing)
    if message.kind is MessageKind.PRIVATE:
        return outgoing.created_at is not None and now - outgoing.created_at > WORTH
    waits = store.outbox.waits_to_speak
    return message.kind is MessageKind.DIRECT and not (message.request and waits(message.request))


def may_stand_there(outgoing: Outgoing) -> bool:
    """Return whether a message was sent before and would be shown twice if sent again."""
    return outgoing.tries > 0 and outgoing.message.kind in LOOKED_FOR


def reaches_nobody(message: Message, error: str) -> bool:
    """Return whether Slack refused a message to a person whom nobody can write to, most often as that person has left."""
    return error in NOBODY and message.channel[:1] in PERSON


def next_of(store: Store, lane: str, now: datetime) -> Outgoing | None:
    """Return the lane's next message, unless it must wait; unsent edits are merged."""
    waiting = store.outbox.of_lane(lane)
    has_news = bool(waiting) and 0 < waiting[0].refused_with < waiting[-1].sequence
    for kind in REPLACED:
        edits = [each for each in waiting if each.message.kind is kind and not each.tries]
        if len(edits) > 1:
            merged, gone = _merged(store, edits, now), edits[1:]
            kept = [each for each in waiting if each not in gone]
            waiting = [merged if each.sequence == merged.sequence else each for each in kept]
    if not waiting:
        return None
    due = None if has_news else waiting[0].wake_at
    return None if due is not None and due > now else waiting[0]


def _merged(store: Store, edits: Sequence[Outgoing], now: datetime) -> Outgoing:
    """Merge unsent edits; the oldest keeps its place and gets the words of the newest."""
    oldest, newest = edits[0], edits[-1].message
    with store.transaction():
        store.outbox.rewrite(oldest.sequence, newest)
        for each in edits[1:]:
            store.outbox.end(each.sequence, now, outcome="merged")
    return replace(oldest, message=newest)


def as_it_looks_now(store: Store, outgoing: Outgoing) -> Outgoing:
    """Return an edit of a card as the card looks now, a receipt with its words, any other message as it was written.

    Raises:
        UnreadableError: Nobody can read what the card is about.
    """
    message = outgoing.message
    if message.kind is MessageKind.NOTICE:
        return replace(outgoing, message=receipts.drawn(store, message))
    if message.kind is not MessageKind.UPDATE or message.text or message.request is None:
        return outgoing
    request = store.requests.get(message.request)
    if request is None:
        raise UnreadableError(message.request)
    try:
        also = beside(store, request)
    except UnreadableError:
        also = ()
    return replace(outgoing, message=card(request, also=also))


def record_try(store: Store, outgoing: Outgoing, clock: Clock) -> None:
    """Record that a message goes out now, with the words that were drawn for it."""
    with store.transaction():
        if outgoing.message.kind in DRAWN:
            store.outbox.rewrite(outgoing.sequence, outgoing.message)
        store.outbox.trying(outgoing.sequence, clock.now())


def record_sent(store: Store, outgoing: Outgoing, ts: str | None, clock: Clock) -> None:
    """Record that Slack has a message, and where a request's card or progress is."""
    message = outgoing.message
    with store.transaction():
        store.outbox.end(outgoing.sequence, clock.now(), outcome="sent", ts=ts)
        if outgoing.refused_with or message.kind is MessageKind.CARD:
            store.outbox.speaks_again(message.channel)
        if message.request is None or ts is None:
            return
        if message.kind in (MessageKind.CARD, MessageKind.UPDATE):
            store.requests.set_card(message.request, ts)
            if message.kind is MessageKind.CARD:
                store.homes.redraw(clock.now())  # now there is something to link to
        elif message.kind is MessageKind.PROGRESS:
            store.requests.set_progress_message(message.request, ts)
            store.outbox.progress_rests(message.request, clock.now() + PROGRESS_GAP)
