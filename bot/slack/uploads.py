"""Sends a large file to Slack in pieces; slack-sdk reads a file whole before it sends it."""

from dataclasses import dataclass
from os import SEEK_END
from typing import IO

import aiohttp
from slack_sdk.errors import SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file for Slack.

    Attributes:
        name: Its name, with the ending.
        title: The words above it.
        content: The open file, sent from its beginning.
        words: The message that announces it.
        alt: A picture in words; None for other files.
    """

    name: str
    title: str
    content: IO[bytes]
    words: str
    alt: str | None = None


async def send_file(client: AsyncWebClient, upload: Upload, *, channel: str) -> None:
    """Upload a file to a channel.

    Source: https://docs.slack.dev/messaging/working-with-files (*Uploading files*).

    Raises:
        SlackClientError, aiohttp.ClientError, OSError, TimeoutError: Slack refused it or could not be reached.
    """
    length = upload.content.seek(0, SEEK_END)
    upload.content.seek(0)
    to = await client.files_getUploadURLExternal(
        filename=upload.name, length=length, alt_txt=upload.alt
    )
    timeout = aiohttp.ClientTimeout(total=client.timeout)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=client.trust_env_in_session) as session,
        session.post(
            str(to["upload_url"]), data=upload.content, proxy=client.proxy, ssl=client.ssl or True
        ) as answer,
    ):
        if not answer.ok:
            raise SlackRequestError(f"Slack did not take the file: HTTP {answer.status}")
    await client.files_completeUploadExternal(
        files=[{"id": str(to["file_id"]), "title": upload.title}], channel_id=channel
    )
