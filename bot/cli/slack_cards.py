"""Reads channel and threads in Slack for the evidence, page by page, with the bot's token."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.audit.evidence import in_slack
from bot.audit.evidence.in_slack import OwnMessages
from bot.cli.clock import SystemClock
from bot.settings import AloneSettings
from bot.slack.errors import LIMITED, NO_ANSWER, name_of, seconds_to_wait
from bot.slack.web import SlackWeb
from bot.slack.witness import NO_THREAD
from bot.store.file.cards import Cards

SECONDS = 30
UNSET = "SLACK_BOT_TOKEN is not set, so Slack was not read"
ELSEWHERE = (
    "SLACK_BOT_TOKEN is of the workspace {}, and the bot was started in {}, so Slack was not read"
)


async def read(
    settings: AloneSettings, cards: Cards, own: OwnMessages, workspace: str
) -> dict[str, Any]:
    """Return the result of comparing with Slack, or "not compared" if Slack cannot be read.

    Args:
        settings: Slack's address and the token.
        cards: The cards to look for.
        own: The bot's messages in the database.
        workspace: The id of the workspace in which the bot was started last; empty if that is not known.
    """
    token = settings.slack_bot_token.get_secret_value()
    if not token:
        return in_slack.not_read(UNSET)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        client = SlackWeb(
            SystemClock(),
            token=token,
            base_url=settings.slack_api_url,
            session=session,
            retry_handlers=[],
        )

        try:
            here = str((await client.auth_test())["team_id"])
            if workspace and here != workspace:
                return in_slack.not_read(ELSEWHERE.format(here, workspace))
            return await in_slack.compared(cards, settings.slack_api_url, _Pages(client), own)
        except NO_ANSWER as error:
            return in_slack.not_read(f"Slack could not be read: {error}")


class _Pages:
    """Reads pages of messages, with the pauses that Slack asks for."""

    def __init__(self, client: SlackWeb) -> None:
        self._client = client

    async def history(
        self, channel: str, oldest: str, cursor: str
    ) -> tuple[list[dict[str, Any]], str]:
        return await self._page(
            self._client.conversations_history, channel=channel, oldest=oldest, inclusive=True, cursor=cursor
        )  # fmt: skip

    async def replies(self, channel: str, ts: str, cursor: str) -> tuple[list[dict[str, Any]], str]:
        try:
            return await self._page(
                self._client.conversations_replies, channel=channel, ts=ts, cursor=cursor
            )
        except SlackApiError as error:
            if name_of(error) not in NO_THREAD:
                raise
            return [], ""

    async def _page(
        self, method: Callable[..., Awaitable[Any]], *, cursor: str, **words: Any
    ) -> tuple[list[dict[str, Any]], str]:
        while True:
            try:
                page = await method(
                    limit=in_slack.PAGE, cursor=cursor or None, include_all_metadata=True, **words
                )
            except SlackApiError as error:
                if name_of(error) not in LIMITED:
                    raise
                await asyncio.sleep(seconds_to_wait(error))
            else:
                following = (page.get("response_metadata") or {}).get("next_cursor") or ""
                return list(page["messages"]), following
