"""The shortcut "Status of this" on a message."""

import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks
from bot.domain.message import Words
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.looking import viewer_or_recorded
from bot.slack.replying import say
from bot.status import answers
from bot.status.lists import Links

NUMBERS = re.compile(
    r"\b(?:R-\d{1,12}|BR-\d{1,12}|(?:INV|CM|DM)-?\d{1,20})\b", re.ASCII | re.IGNORECASE
)
NOTHING_THERE = (
    "This message is no card of a request, and I find no number in it: of a request (R-17), a bill "
    "run (BR-00000001) or a document (INV00000012, DM…, CM…)."
)


def register(app: AsyncApp, answering: Answering, links: Links) -> None:
    """Connect the shortcut."""

    @app.shortcut("status_of_this")
    async def status_of_this(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        await ack()
        await say(respond, await _status_of(answering, links, payloads.pointed(body)))


async def _status_of(answering: Answering, links: Links, pointed: payloads.Pointed) -> Words:
    """By the message's place if it is a card or stands in a card's thread, else by its text."""
    _, why = await viewer_or_recorded(answering, pointed.actor, "status of this")
    if why:
        return Words(blocks.as_text(why))
    store = answering.parts.store
    for ts in (pointed.ts, pointed.thread_ts):
        number = store.status.with_card(pointed.channel, ts) if ts else None
        if number is not None:
            return answers.story(store, links, number)
    found = NUMBERS.search(pointed.text)
    if found is None:
        return Words(NOTHING_THERE)
    named = found[0].upper()
    if named.startswith("R-"):
        return answers.story(store, links, int(named[2:]))
    return answers.about(store, links, named)
