"""Compares the database with the bot's own messages in Slack, which are newer than any backup."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.clock import Clock
from bot.domain.copies import Shown, latest, why_held
from bot.domain.history import Entry, What
from bot.slack.errors import NO_ANSWER, name_of
from bot.store.store import Store
from bot.workflow.parts import Standing

logger = logging.getLogger(__name__)

EVENT_TYPE = "billing_bot_message"
"""The metadata of every message that the bot posts."""

PAGE = 200
MOST_PAGES = 50
"""How many pages of the channel are read: 10,000 messages back from now."""

PAGES_WITHOUT_A_MARK = 20
"""The same where nothing says how far back: 4,000 messages. Slack allows some 50 such calls a minute."""

MARK = 16
"""How many digits of a row's hash messages carry; enough to distinguish it from another row with its number."""

NO_THREAD = frozenset({"thread_not_found", "message_not_found"})
"""Errors that mean that somebody deleted the card, so its thread proves nothing."""

UNREAD = (
    "Slack cannot be read ({error}), so it is not known whether this database is an older copy. What "
    "was asked for before this start waits until it can be read; the bot needs to be in {channel}, "
    "with the scopes channels:history and groups:history."
)


NOT_COMPARED = "Slack cannot be read, so it is not known whether this database, which has no rows yet, lost the rows that it had"

IN_PART = "the channel has more messages than are read; whether an older one shows a row that this database lacks is not known"


class ReadBack(NamedTuple):
    """What was read of the channel.

    Attributes:
        shown: What the bot's messages say.
        messages: How many messages of the channel were looked at, whoever wrote them.
        oldest: Slack's `ts` of the oldest of them; empty for none.
        is_enough: Whether all was read that can matter.
    """

    shown: list[Shown]
    messages: int
    oldest: str
    is_enough: bool


class Witness:
    """Compares what Slack shows with what the database holds, once Slack can be read.

    It must be created before a start writes anything, because only what the database held before that counts.

    Args:
        store: The store.
        client: Asks Slack.
        clock: The time.
        channel: Slack channel id where requests are shown.
    """

    def __init__(self, store: Store, client: AsyncWebClient, clock: Clock, channel: str) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._channel = channel
        self._head, _ = store.history.last()
        asked_before = store.requests.next_number() - 1
        self.standing = Standing(unread="not read yet", asked_before=asked_before)

    async def look_anew(self) -> None:
        """Look once more after the server behind the database may have changed.

        Raises:
            CouldNotRecordError: The database cannot be read, or what was found could not be written.
        """
        self._head, _ = self._store.history.last()
        self.standing.asked_before = self._store.requests.next_number() - 1
        self.standing.unread = "not read yet"
        await self.look()

    async def look(self) -> None:
        """Read Slack and record whether the database is held; note why if Slack cannot be read.

        Raises:
            CouldNotRecordError: It could not be recorded.
        """
        copies, standing = self._store.copies, self.standing
        if copies.held:
            standing.unread = ""
            return
        try:
            found = await read(self._client, self._store, self._channel)
        except NO_ANSWER as error:
            name = name_of(error) if isinstance(error, SlackApiError) else repr(error)
            if not self._head:  # nothing was asked for before a first start, so nothing has to wait
                logger.warning("slack_not_compared: %s", NOT_COMPARED, extra={"error": name})
                standing.unread = ""
                return
            standing.unread = UNREAD.format(error=name, channel=self._channel)
            logger.error("slack_could_not_be_read: %s", standing.unread)  # noqa: TRY400 - it is named
            return
        _say_how_far(found)
        shown = found.shown
        own = copies.own(self._channel, self._head, {each.history for each in shown})
        why, now = why_held(own, shown), self._clock.now()
        with self._store.transaction():
            if why:
                copies.hold(why, now)
                self._store.record(Entry(what=What.HELD, data={"why": why}), now)
            elif shown and self._head:  # a new database has not posted yet
                copies.compared(latest(shown), now)
        if why:
            logger.error("database_is_held: %s", why)
        standing.unread = ""

    async def say(self) -> None:
        """Say in the channel, without the outbox, why nothing or not everything is carried out."""
        text = self._store.copies.held or self.standing.unread
        try:
            await self._client.chat_postMessage(channel=self._channel, text=text)
        except NO_ANSWER as error:
            logger.error("hold_was_not_said", extra={"error": repr(error)})  # noqa: TRY400 - it is named


def _say_how_far(found: ReadBack) -> None:
    how_far = {"messages": found.messages, "back_to": _moment(found.oldest)}
    if found.is_enough:
        logger.info("slack_compared", extra=how_far)
    else:
        logger.warning("slack_compared_in_part: %s", IN_PART, extra=how_far)


def _moment(ts: str) -> str:
    """Return Slack's `ts` as a time that people read; any other text as it is."""
    try:
        return datetime.fromtimestamp(int(ts.partition(".")[0]), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ts


async def read(client: AsyncWebClient, store: Store, channel: str) -> ReadBack:
    """Return what the bot's messages in the channel say, and those in the threads of open requests.

    It reads back to the oldest open card, and to the message up to which Slack was last found to show nothing newer; where
    the database knows of no message, to one that it sent, because its rows may have been lost. The list of a channel shows no replies, so threads are read separately, except for waiting requests: their cards are
    edited when somebody decides.

    Raises:
        SlackClientError, aiohttp.ClientError, OSError, TimeoutError: Slack cannot be read.
    """
    cards = store.copies.open_cards()
    back_to = [each for each in (store.copies.since(channel), *(ts for _, ts in cards)) if each]
    found = await _channel(client, channel, min(back_to, default=""), store.copies.ids)
    for state, ts in cards:
        if state != "waiting":
            found.shown.extend(await _thread(client, channel, ts))
    return found


async def _channel(
    client: AsyncWebClient, channel: str, back_to: str, own: Collection[str]
) -> ReadBack:
    shown: list[Shown] = []
    oldest, messages = "", 0
    cursor: str | None = None
    for _ in range(MOST_PAGES if back_to else PAGES_WITHOUT_A_MARK):
        page = await client.conversations_history(
            channel=channel, include_all_metadata=True, cursor=cursor, limit=PAGE
        )
        shown += shown_in(page["messages"])
        messages += len(page["messages"])
        oldest = min((str(each.get("ts") or "") for each in page["messages"]), default=oldest)
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        is_back = oldest <= back_to if back_to else any(each.database in own for each in shown)
        if not cursor or is_back:
            return ReadBack(shown, messages, oldest, is_enough=True)
    return ReadBack(shown, messages, oldest, is_enough=False)


async def _thread(client: AsyncWebClient, channel: str, ts: str) -> list[Shown]:
    found: list[Shown] = []
    cursor: str | None = None
    while True:
        try:
            page = await client.conversations_replies(
                channel=channel, ts=ts, include_all_metadata=True, cursor=cursor, limit=PAGE
            )
        except SlackApiError as error:
            if name_of(error) in NO_THREAD:
                return found
            raise
        found += shown_in(page["messages"])
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return found


def metadata(store: Store, request: int | None, sequence: int) -> dict[str, Any]:
    """Return a message's metadata: what it is about, and which database sent it at which row of its history."""
    head, hashed = store.history.last()
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {
            "request": request,
            "sequence": sequence,
            "database": store.copies.id,
            "history": head,
            "mark": hashed[:MARK],
        },
    }


def shown_in(messages: Sequence[Mapping[str, Any]]) -> Iterator[Shown]:
    """Yield what the bot's messages among these say; other messages, and those of older versions, say nothing."""
    for message in messages:
        found = message.get("metadata") or {}
        payload = found.get("event_payload") or {}
        database, history = payload.get("database"), payload.get("history")
        mark = payload.get("mark")
        if found.get("event_type") != EVENT_TYPE or not isinstance(database, str):
            continue
        request = payload.get("request")
        yield Shown(
            ts=str(message.get("ts") or ""),
            database=database,
            history=history if type(history) is int else 0,
            mark=mark if isinstance(mark, str) else "",
            request=request if type(request) is int else 0,
        )
