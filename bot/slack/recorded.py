"""What is written of a message: that it goes out, before it does, and where it is, once Slack has it."""

from bot.domain.clock import Clock
from bot.domain.message import MessageKind
from bot.slack.message_kinds import DRAWN
from bot.store.outgoing import Outgoing
from bot.store.store import Store
from bot.workflow.ending import PROGRESS_GAP


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
