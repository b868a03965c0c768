"""Answers one person where they acted, or directly if the bot cannot answer there."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import ANYWHERE, name_of


async def say_privately(
    client: AsyncWebClient, channel: str, user: str, **words: Any
) -> str | None:
    """Send it so that only this person sees it; return its `ts` if it went directly.

    Raises:
        SlackApiError: Slack refused it, in the channel for a reason that is not the channel's, or directly.
    """
    if channel != user:  # a click on the home tab comes from no channel
        try:
            await client.chat_postEphemeral(channel=channel, user=user, **words)
        except SlackApiError as error:
            if name_of(error) in ANYWHERE:
                raise
        else:
            return None
    return str((await client.chat_postMessage(channel=user, **words))["ts"])
