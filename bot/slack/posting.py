"""Sends one message of the outbox to Slack: posts, edits, shows it to one person, uploads, or draws a home."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.cards import blocks
from bot.domain.message import File, Message, MessageKind
from bot.slack.errors import GONE, name_of
from bot.slack.landed import THREAD, Landed
from bot.slack.privately import say_privately
from bot.slack.web import SlackWeb
from bot.slack.witness import metadata
from bot.store.outgoing import Outgoing
from bot.store.store import Store

logger = logging.getLogger(__name__)

Draw = Callable[[str], Awaitable[dict[str, Any]]]
"""Returns the home of one person as it looks now."""


class Posting:
    """Sends one message by the method for its kind.

    Args:
        store, client: What it reads from and sends with.
        draw_home: Draws a home when it goes out.
        landed: Looks for a message that may be in Slack already.
    """

    def __init__(self, store: Store, client: SlackWeb, draw_home: Draw, landed: Landed) -> None:
        self._store = store
        self._client = client
        self._draw_home = draw_home
        self._landed = landed

    async def send(self, outgoing: Outgoing) -> str | None:
        """Send it; return the `ts` of the message that shows it, if Slack names one.

        Raises:
            SlackApiError: Slack refused it.
        """
        message = outgoing.message
        if message.kind is MessageKind.HOME:
            view = await self._draw_home(message.user) if not message.text else _in_short(message)
            await self._client.views_publish(user_id=message.user, view=view)
            return None
        words: dict[str, Any] = {"text": message.text, "blocks": message.blocks or None}
        number = message.request
        request = None if number is None else self._store.requests.get(number)
        card_ts = request.card_ts if request else None
        progress_ts = request.progress_ts if request else None
        match message.kind:
            case MessageKind.PRIVATE:
                return await say_privately(self._client, message.channel, message.user, **words)
            case MessageKind.UPDATE if card_ts:
                return await self._edit(outgoing, card_ts, words, thread_ts=None)
            case MessageKind.PROGRESS if progress_ts:
                return await self._edit(outgoing, progress_ts, words, thread_ts=card_ts)
            case MessageKind.FILE if message.file is not None:
                await self._upload(outgoing, message.file, card_ts)
                return None
            case kind:
                thread_ts = card_ts if kind in THREAD else None
                return await self._post(outgoing, words, thread_ts=thread_ts)

    async def _upload(self, outgoing: Outgoing, file: File, thread_ts: str | None) -> None:
        """Upload a file into the thread; its name identifies it, because it has no metadata."""
        await self._client.files_upload_v2(
            channel=outgoing.message.channel,
            thread_ts=thread_ts,
            filename=outgoing.file_name,
            title=file.title,
            content=file.content,
            initial_comment=outgoing.message.text,
        )

    async def _post(
        self, outgoing: Outgoing, words: dict[str, Any], *, thread_ts: str | None = None
    ) -> str:
        message = outgoing.message
        answer = await self._client.chat_postMessage(
            channel=message.channel,
            thread_ts=thread_ts,
            unfurl_links=False,
            unfurl_media=False,
            metadata=metadata(self._store, message.request, outgoing.sequence),
            **words,
        )
        return str(answer["ts"])

    async def _edit(
        self, outgoing: Outgoing, ts: str, words: dict[str, Any], *, thread_ts: str | None
    ) -> str:
        try:
            await self._client.chat_update(
                channel=outgoing.message.channel,
                ts=ts,
                metadata=metadata(self._store, outgoing.message.request, outgoing.sequence),
                text=words["text"],
                blocks=outgoing.message.blocks,  # Slack keeps the old blocks where none are given
            )
        except SlackApiError as error:
            if name_of(error) not in GONE:
                raise
            logger.warning("message_is_gone", extra={"request": outgoing.message.request})
            anew = await self._landed.ts_of(outgoing) if outgoing.tries else None
            return anew or await self._post(outgoing, words, thread_ts=thread_ts)
        return ts


def _in_short(message: Message) -> dict[str, Any]:
    """Return a home of one sentence, for use after Slack refused the one that was drawn."""
    return {"type": "home", "blocks": [blocks.paragraph(message.text)]}
