"""Which message of a lane goes out next, and how it looks then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards.card import card
from bot.domain.message import MessageKind
from bot.slack.message_kinds import REPLACED
from bot.store.outgoing import Outgoing
from bot.store.store import Store
from bot.workflow import receipts
from bot.workflow.beside import beside


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
    """Return an edit of a card as the card looks now, a receipt with its words, any other message as it was written."""
    message = outgoing.message
    if message.kind is MessageKind.NOTICE:
        return replace(outgoing, message=receipts.drawn(store, message))
    if message.kind is not MessageKind.UPDATE or message.text or message.request is None:
        return outgoing
    request = store.requests.get(message.request)
    if request is None:
        return outgoing
    return replace(outgoing, message=card(request, also=beside(store, request)))
