"""Finds out whether a message whose answer was lost is in Slack after all."""

import logging
from datetime import timedelta

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.clock import Clock
from bot.domain.message import MessageKind
from bot.slack.errors import LIMITED, NOT_NOW, PASSING, name_of
from bot.store.outgoing import Outgoing
from bot.store.store import Store
from bot.store.times import LONG_AGO

logger = logging.getLogger(__name__)

THREAD = frozenset(
    {MessageKind.REPLY, MessageKind.REMINDER, MessageKind.PROGRESS, MessageKind.FILE}
)
"""Messages that belong in the thread of a card."""

FAR_BACK = timedelta(days=1)
"""How far before it was written to look if no message of the channel is known yet."""


class Landed:
    """Looks for messages by their metadata, and for files by their names."""

    def __init__(self, store: Store, client: AsyncWebClient, clock: Clock) -> None:
        self._store = store
        self._client = client
        self._clock = clock

    async def ts_of(self, outgoing: Outgoing) -> str | None:
        """Return the `ts` of a lost message if Slack shows it; None if not, or if Slack does not let the bot look.

        A message that is shown twice does less harm than one that is never shown: without a card a request cannot be
        decided, while either of two cards decides it once.
        """
        try:
            return await self._find(outgoing)
        except SlackApiError as error:
            name = name_of(error)
            if name in LIMITED | PASSING | NOT_NOW:
                raise
            logger.error("slack_lets_nobody_look", extra={"error": name})  # noqa: TRY400 - it is named
            return None

    async def _find(self, outgoing: Outgoing) -> str | None:
        """Return the `ts` of a message that may have landed although its answer was lost."""
        message = outgoing.message
        tried_at = outgoing.tried_at or self._clock.now()
        first = min(tried_at, outgoing.created_at or LONG_AGO)
        oldest = outgoing.after_ts or str((first - FAR_BACK).timestamp())
        card_ts = self._card_ts(outgoing) if message.kind in THREAD else None
        database = self._store.copies.id
        cursor: str | None = None
        while True:
            if card_ts is not None:
                page = await self._client.conversations_replies(
                    channel=message.channel, ts=card_ts, include_all_metadata=True, cursor=cursor,
                    limit=200,
                )  # fmt: skip
            else:
                page = await self._client.conversations_history(
                    channel=message.channel, oldest=oldest, include_all_metadata=True,
                    cursor=cursor, limit=200,
                )  # fmt: skip
            for each in page["messages"]:
                payload = (each.get("metadata") or {}).get("event_payload") or {}
                names = {file.get("name") for file in each.get("files") or ()}
                ours = payload.get("database", database) == database  # older versions do not say
                same = ours and payload.get("sequence") == outgoing.sequence
                if same or outgoing.file_name in names:
                    return str(each["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None

    def _card_ts(self, outgoing: Outgoing) -> str | None:
        number = outgoing.message.request
        request = None if number is None else self._store.requests.get(number)
        return None if request is None else request.card_ts
