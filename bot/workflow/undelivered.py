"""Says where others read it what did not reach people: what Slack refused for good, and what is damaged in the outbox."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from bot.cards.card import card_edit
from bot.cards.lines import reply
from bot.domain.history import Entry, What
from bot.domain.message import Message, MessageKind
from bot.domain.words import Mention, count, some
from bot.store.outgoing import Damage, Outgoing
from bot.store.store import Store
from bot.workflow.receipts import DONE, direct, what_was_decided
from bot.workflow.statements import sent

MOST_NAMED = 5
"""How many decisions are named; the evidence has all."""


def note_refusal(
    store: Store, message: Message, error: str, now: datetime, channels: Collection[str]
) -> None:
    """Record that a person did not get a receipt or a statement, and post that; any other message is passed over.

    Runs inside the transaction that ends the message.

    Args:
        store: The store.
        message: What Slack refused.
        error: Slack's word for why.
        now: The moment.
        channels: Slack channel ids in which it is posted.
    """
    lost = _lost(store, message)
    if not lost:
        return
    person, month, rows = message.channel, lost.get("month"), lost["rows"]
    entry = Entry(what=What.STATEMENT_REFUSED, who=person, data={**lost, "error": error})
    store.record(entry, now)
    what = f"statement for {month}" if month else "receipt for a decision"
    about = f"{count(len(rows), 'decision')} in that name"
    each = some([_named(store, row) for row in rows], MOST_NAMED)
    are, them = ("is", "it") if len(rows) == 1 else ("are", "them")
    words = (
        f"⚠ Slack refused the {what} to ",
        Mention(person),
        f" ({error}). Ask them in another way whether {about} {are} theirs ({each}); the evidence lists {them}.",
    )
    for channel in channels:
        store.outbox.add(direct(channel, words), now)


def set_aside(store: Store, outgoing: Outgoing, now: datetime, channels: Collection[str]) -> None:
    """Send a damaged message without its blocks, or end it and say so if nobody can read what it is.

    Runs inside the caller's transaction. A card is drawn anew afterwards.

    Args:
        store: The store.
        outgoing: The message.
        now: The moment.
        channels: Slack channel ids in which it is said if the message is about no request.
    """
    message = outgoing.message
    request = None if message.request is None else store.requests.get(message.request)
    if outgoing.damage is Damage.BLOCKS:
        store.outbox.rewrite(outgoing.sequence, message)
        if request is not None and message.kind in {MessageKind.CARD, MessageKind.UPDATE}:
            store.outbox.add(card_edit(request), now)
        return
    store.outbox.end(outgoing.sequence, now, outcome="damaged")
    if request is not None:
        store.outbox.add(card_edit(request), now)
        store.outbox.add(reply(request, NOT_SENT.format(f" about {request.name}"), IT_STANDS), now)
        return
    for channel in channels:
        store.outbox.add(direct(channel, (NOT_SENT.format(""),)), now)


NOT_SENT = "⚠ A message{} cannot be sent any more, because it is damaged in the database. Please tell whoever runs Billing Bot."
IT_STANDS = " The card shows how the request stands."


def _named(store: Store, number: int) -> str:
    """Return a decision as `approved R-1`; only its row if the database no longer has it."""
    row = store.history.row(number)
    return f"{DONE[row.entry.what]} {what_was_decided(row)}" if row else f"row {number}"


def _lost(store: Store, message: Message) -> dict[str, Any]:
    """Return the rows of the decisions that a message is about, and the month of a statement; empty if it is neither.

    Of a statement in several messages it is the last one, which has the buttons.
    """
    for called in (message.user, *(str(block.get("block_id", "")) for block in message.blocks)):
        kind, _, name = called.partition("-")
        if kind == "receipt":
            return {"rows": [int(name)]}
        if kind == "statement":
            mine = (each for each in sent(store, name) if each.entry.who == message.channel)
            return {
                "month": name,
                "rows": [row for each in mine for row in each.entry.data["rows"]],
            }
    return {}
