"""The shortcut "Status of this" on a message."""

import re
from collections.abc import Sequence
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks
from bot.domain.key import own_spelling, unquoted
from bot.domain.mentioned import mentioned
from bot.domain.message import Words
from bot.domain.words import some
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.commands.status import COMMAND, look_up
from bot.slack.looking import viewer_or_recorded
from bot.slack.naming import NO_VALUES, found_in
from bot.slack.replying import say
from bot.status import answers
from bot.status.lists import Links
from bot.workflow.parts import Looking
from bot.zuora.errors import ZuoraError, unanswered
from bot.zuora.named import KINDS

REQUEST = re.compile(r"\bR-(\d{1,12})\b", re.ASCII | re.IGNORECASE)
SHOWN = 5
NOTHING_THERE = (
    "This message is not a request's card, and it names no request (R-17), bill run or document that "
    "Zuora knows."
)


def register(app: AsyncApp, answering: Answering, links: Links) -> None:
    """Connect the shortcut."""

    @app.shortcut("status_of_this")
    async def status_of_this(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        await ack()
        await say(respond, await _status_of(answering, links, payloads.pointed(body)))


async def _status_of(answering: Answering, links: Links, pointed: payloads.Pointed) -> Words:
    """Answer for the request whose card or thread the message is in, else for the first number in its text."""
    _, why = await viewer_or_recorded(answering, pointed.actor, "status of this")
    if why:
        return Words(blocks.as_text(why))
    store = answering.parts.store
    for ts in (pointed.ts, pointed.thread_ts):
        number = store.status.with_card(pointed.channel, ts) if ts else None
        if number is not None:
            return answers.story(store, links, number)
    named = [int(each[1]) for each in REQUEST.finditer(pointed.text)]
    request = next((number for number in named if store.requests.get(number) is not None), None)
    if request is not None:
        return answers.story(store, links, request)
    answer = await _of_a_number(answering.parts, links, mentioned(pointed.text))
    return answer or (answers.story(store, links, named[0]) if named else Words(NOTHING_THERE))


async def _of_a_number(parts: Looking, links: Links, asked: Sequence[str]) -> Words | None:
    """Answer as `/billstatus` does for the first of these that is a number; None if none is.

    If Zuora cannot be asked, it is the first that a request is about.
    """
    if not asked:
        return None
    try:
        read = await found_in(parts.tenancy, NO_VALUES, lambda zuora: zuora.what_are(asked))
    except ZuoraError as error:
        kept = (each for each in asked if parts.store.status.about(own_spelling(unquoted(each)), 1))
        first = next(kept, None)
        return await look_up(parts, links, first, NO_VALUES) if first else Words(unanswered(error))
    named = {typed: found.of(typed) for typed in asked for _, found in read if found.of(typed)}
    ours = [typed for typed, its in named.items() if {each.kind for each in its} & set(KINDS)]
    if not named:
        return None
    first, *more = ours or named
    answer = await look_up(parts, links, first, NO_VALUES)
    others = {each.number for typed in more for each in named[typed]}
    others -= {each.number for each in named[first]}
    if not others:
        return answer
    also = f"It names {some(sorted(others), SHOWN)} as well; `{COMMAND}` with a number shows each."
    shown = [*answer.blocks, blocks.context(also)] if answer.blocks else answer.blocks
    return Words(f"{answer.text}\n{blocks.escaped(also)}", shown)
