"""Reads Slack: whether the cards of a period are still there, with their threads and the text that was sent.

The metadata of each message names its entry in the outbox, and the number and hash of the
history's last row at that time (`slack.witness.metadata`). So Slack is a witness of the history
too.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any, NamedTuple, Protocol

from bot.store.file.cards import Card, Cards

PAGE = 200
MOST_PAGES = 5000
MOST_THREADS = 500
"""Each thread takes a call to Slack, so only the newest are read; for the others replies are counted."""


class Sent(NamedTuple):
    """The last message sent with a `ts`: its place in the outbox, text, and blocks as JSON."""

    sequence: int
    text: str
    blocks: str


class Slack(Protocol):
    """Reads pages of messages, each with the cursor of the next one; empty for the last."""

    async def history(
        self, channel: str, oldest: str, cursor: str
    ) -> tuple[list[dict[str, Any]], str]:
        """Return a page of a channel."""
        ...

    async def replies(self, channel: str, ts: str, cursor: str) -> tuple[list[dict[str, Any]], str]:
        """Return a page of a thread; empty if there is no thread."""
        ...


class OwnMessages(Protocol):
    """What the database knows about the bot's messages."""

    def sent(self, request: int) -> Mapping[str, Sent]:
        """Return the messages of a request that are in Slack, by their `ts`."""
        ...

    def has_card(self, request: int, ts: str) -> bool:
        """Return whether the database has a request whose card has this `ts`."""
        ...

    def hash_of(self, row: int) -> str:
        """Return the hash of a row of the history; empty if the row is missing."""
        ...

    def is_later(self, number: int, database: object) -> bool:
        """Return whether the database that was read, and no other, sent a message after the reading."""
        ...


def not_read(why: str) -> dict[str, Any]:
    """Return the result "Slack was not read", and why; it never gives a green light."""
    return {
        "status": "not done",
        "why": why,
        "address": "",
        "cards": 0,
        "missing": [],
        "threads": [],
        "threads_read": 0,
        "changed": [],
    }


async def compared(cards: Cards, address: str, slack: Slack, own: OwnMessages) -> dict[str, Any]:
    """Return which cards are in Slack, which threads lack messages, and which texts differ from what was sent."""
    changed: list[dict[str, Any]] = []
    for channel, oldest in cards.channels():
        async for message in _pages_of_channel(slack, channel, oldest):
            if card := cards.at(channel, str(message.get("ts"))):
                cards.stands(card, int(message.get("reply_count") or 0))
                changed += _differences(card.request, message, own.sent(card.request), own)
            else:
                changed += _unknown(message, own)
    short = {each.request for each in cards.short()}
    with_threads = cards.threads(MOST_THREADS)
    for card in with_threads:
        replies = {str(each.get("ts")): each for each in await _thread(slack, card)}
        sent = own.sent(card.request)
        short |= {card.request} if sent.keys() - replies.keys() - {card.ts} else set()
        for ts, message in replies.items():
            if ts != card.ts:
                changed += _differences(card.request, message, sent, own)
    return {
        "status": "done",
        "why": "",
        "address": address,
        "cards": cards.there(),
        "missing": [f"R-{each.request}" for each in cards.missing()],
        "threads": [f"R-{number}" for number in sorted(short)],
        "threads_read": len(with_threads),
        "changed": changed,
    }


async def _pages_of_channel(slack: Slack, channel: str, oldest: str) -> Any:
    cursor = ""
    for _ in range(MOST_PAGES):
        messages, cursor = await slack.history(channel, oldest, cursor)
        for message in messages:
            yield message
        if not cursor:
            return


async def _thread(slack: Slack, card: Card) -> list[dict[str, Any]]:
    found, cursor = [], ""
    for _ in range(MOST_PAGES):
        messages, cursor = await slack.replies(card.channel, card.ts, cursor)
        found += messages
        if not cursor:
            break
    return found


def _differences(
    request: int, message: Mapping[str, Any], sent: Mapping[str, Sent], own: OwnMessages
) -> Iterator[dict[str, Any]]:
    """Yield how a message in Slack differs from the one that the database has for its `ts`."""
    mine, ts = sent.get(str(message.get("ts"))), str(message.get("ts"))
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    number, row, mark = (payload.get(name) for name in ("sequence", "history", "mark"))
    if isinstance(number, int) and own.is_later(number, payload.get("database")):
        return
    about = {"request": f"R-{request}", "ts": ts}
    if isinstance(row, int) and isinstance(mark, str):
        known = own.hash_of(row)
        if known and not known.startswith(mark):
            yield {**about, "what": f"names row {row} of the history with another hash than it has"}
    if mine is None:
        if payload:
            yield {**about, "what": "is the bot's, but the database did not send it"}
    elif isinstance(number, int) and number != mine.sequence:
        yield {**about, "what": "is not what was sent last"}
    elif words_of(message) != words_of({"text": mine.text, "blocks": json.loads(mine.blocks)}):
        yield {**about, "what": "differs from what was sent"}


def _unknown(message: Mapping[str, Any], own: OwnMessages) -> Iterator[dict[str, Any]]:
    """Yield a difference if a message is a card that the database does not have, or has under another `ts`."""
    payload, ts = (message.get("metadata") or {}).get("event_payload") or {}, str(message.get("ts"))
    request, number = payload.get("request"), payload.get("sequence")
    if not isinstance(request, int) or not isinstance(number, int):
        return
    if own.is_later(number, payload.get("database")):
        return
    if not own.has_card(request, ts):
        what = "is a card of a request that the database does not have, or has with another card"
        yield {"request": f"R-{request}", "ts": ts, "what": what}


_LINK = re.compile(r"<((?:https?|mailto):[^|>]*)(?:\|[^>]*)?>")
_NAMED = re.compile(r"<([@#!][^|>]*)\|[^>]*>")
_EMOJI = re.compile(r":[a-z][a-z0-9_+-]*:")


def words_of(message: Mapping[str, Any]) -> list[str]:
    """Return the words of a message's text and blocks, without what Slack itself changes.

    Slack changes signs for emoji, links that it recognises, names beside ids, entities and white space.
    """
    return [
        _plain(each) for each in (str(message.get("text") or ""), *_texts(message.get("blocks")))
    ]


def _texts(value: Any) -> Iterator[str]:
    """Yield every `text` in the blocks, in order."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, str):
            yield text
        for name in ("text", "fields", "elements", "accessory", "rows", "title"):
            if not isinstance(value.get(name), str):
                yield from _texts(value.get(name))


def _plain(text: str) -> str:
    text = unescape(_NAMED.sub(r"<\1>", _LINK.sub(r"\1", text)))
    text = "".join(
        each for each in _EMOJI.sub("", text) if unicodedata.category(each) not in _MARKS
    )
    return " ".join(text.split())


_MARKS = frozenset({"So", "Mn", "Cf", "Sk"})
"""Unicode's categories for emoji, their variants and invisible characters."""
