"""Records that Slack refused somebody's receipt or statement for good, and says so where others read it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from bot.domain.history import Entry, What
from bot.domain.message import Message
from bot.domain.words import Mention, count, some
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
