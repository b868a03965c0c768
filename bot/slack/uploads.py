"""Sends a large file to Slack in pieces; slack-sdk reads a file whole before it sends it."""

from os import SEEK_END
from typing import IO

import aiohttp
from slack_sdk.errors import SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient


async def send_file(
    client: AsyncWebClient,
    file: IO[bytes],
    *,
    channel: str,
    name: str,
    title: str,
    alt: str | None = None,
) -> None:
    """Upload an open file to a channel, from its beginning; `alt` is a picture in words.

    Source: https://docs.slack.dev/messaging/working-with-files (*Uploading files*).

    Raises:
        SlackClientError, aiohttp.ClientError, OSError, TimeoutError: Slack refused it or could not be reached.
    """
    length = file.seek(0, SEEK_END)
    file.seek(0)
    to = await client.files_getUploadURLExternal(filename=name, length=length, alt_txt=alt)
    timeout = aiohttp.ClientTimeout(total=client.timeout)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=client.trust_env_in_session) as session,
        session.post(
            str(to["upload_url"]), data=file, proxy=client.proxy, ssl=client.ssl or True
        ) as answer,
    ):
        if not answer.ok:
            raise SlackRequestError(f"Slack did not take the file: HTTP {answer.status}")
    await client.files_completeUploadExternal(
        files=[{"id": str(to["file_id"]), "title": title}], channel_id=channel
    )
