"""Reads Slack for the evidence: the channel's messages, page by page, with the bot's own token."""

import asyncio
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.audit.evidence import in_slack
from bot.audit.evidence.in_slack import Card
from bot.cli.clock import SystemClock
from bot.settings import EvidenceSettings
from bot.slack.errors import LIMITED, NO_ANSWER, name_of, seconds_to_wait
from bot.slack.web import SlackWeb

SECONDS = 30
UNSET = "SLACK_BOT_TOKEN is not set, so Slack was not read"


async def read(settings: EvidenceSettings, cards: list[Card]) -> dict[str, Any]:
    """What comparing with Slack gives; what cannot be read is not done."""
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

        async def history(
            channel: str, oldest: str, cursor: str
        ) -> tuple[list[dict[str, Any]], str]:
            while True:
                try:
                    page = await client.conversations_history(
                        channel=channel, oldest=oldest, inclusive=True, limit=in_slack.PAGE,
                        cursor=cursor or None,
                    )  # fmt: skip
                except SlackApiError as error:
                    if name_of(error) not in LIMITED:
                        raise
                    await asyncio.sleep(seconds_to_wait(error))
                else:
                    following = (page.get("response_metadata") or {}).get("next_cursor") or ""
                    return list(page["messages"]), following

        try:
            return await in_slack.compared(cards, settings.slack_api_url, history)
        except NO_ANSWER as error:
            return in_slack.not_read(f"Slack could not be read: {error}")
