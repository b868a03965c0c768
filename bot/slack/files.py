"""Reads a list of numbers from a file that somebody added in Slack.

The token goes only to Slack's own hosts, whatever an address or a redirect says, and no more is read than Slack's own
form takes.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from bot.domain.list_file import ListFile, NotAListError, entries_in
from bot.domain.words import shortened
from bot.slack.errors import NO_ANSWER, NO_CONNECTION, name_of

logger = logging.getLogger(__name__)

SCOPE: Final = "files:read"
MOST_BYTES: Final = 10 * 1024 * 1024
"""The largest file, as large as Slack's form takes (page *File input element*)."""

SECONDS: Final = 60.0
MOST_HOPS: Final = 3
LONGEST_NAME: Final = 60
_ADD_IT_HERE: Final = "save it to your computer and add it from there"
_MODES: Final[Mapping[str, str]] = {
    "tombstone": "was deleted",
    "hidden_by_limit": "is hidden by Slack, which shows older files in a paid plan only",
    "external": f"is kept outside Slack; {_ADD_IT_HERE}",
}
_REFUSALS: Final[Mapping[str, str]] = {
    "file_deleted": "was deleted",
    "file_not_found": "is not shown to the bot: it was deleted, or is in a channel without the bot. Add it to the form",
    "missing_scope": "cannot be read: the Slack app needs the scope files:read, and to be installed again",
}
_NO_PAGE: Final = (
    "cannot be read: Slack gives the bot no file without the scope files:read. Whoever runs Billing "
    "Bot adds it to the Slack app and installs it again"
)
_TOO_LARGE: Final = f"is larger than {MOST_BYTES // 2**20} MB; split it"
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_LATER: Final = "cannot be read just now, because Slack does not answer. Please try again"


class CannotReadFileError(Exception):
    """A file cannot be read; the message is a sentence that names the file."""


async def read_list(client: AsyncWebClient, file_id: str, teams: Collection[str]) -> ListFile:
    """Read what a file lists.

    Args:
        client: With the bot's token.
        file_id: Slack's id of the file.
        teams: The workspaces whose files are read.

    Raises:
        CannotReadFileError: The bot cannot or may not read it.
    """
    try:
        answer = await client.files_info(file=file_id)
    except SlackApiError as error:
        raise CannotReadFileError(f"The file {_REFUSALS.get(name_of(error), _LATER)}.") from error
    except NO_ANSWER as error:
        raise CannotReadFileError(f"The file {_LATER}.") from error
    said = answer.get("file")
    found: Mapping[str, Any] = said if isinstance(said, dict) else {}
    name = shortened(str(found.get("name") or "The file"), LONGEST_NAME)
    if why := _not_read(found, teams):
        raise CannotReadFileError(f"{name} {why}.")
    content = await _downloaded(client, name, str(found.get("url_private_download") or ""))
    try:
        entries = await asyncio.to_thread(entries_in, content)
    except NotAListError as error:
        raise CannotReadFileError(f"{name} {error}.") from error
    if not entries:
        raise CannotReadFileError(f"{name} is empty: it holds no number.")
    return ListFile(name, entries)


def _not_read(found: Mapping[str, Any], teams: Collection[str]) -> str:
    """Return why a file is not read at all; empty if it is."""
    mode = "external" if found.get("is_external") else str(found.get("mode") or "")
    if mode in _MODES:
        return _MODES[mode]
    team, size = str(found.get("user_team") or ""), found.get("size")
    if team and team not in teams:
        return "was added in another workspace; add it to the form yourself"
    if isinstance(size, int) and size > MOST_BYTES:
        return _TOO_LARGE
    return ""


async def _downloaded(client: AsyncWebClient, name: str, address: str) -> bytes:
    """Return the content of a file, using only Slack's hosts."""
    own, place = URL(client.base_url), _address(address)
    for _ in range(MOST_HOPS):
        if not _is_of_slack(place, own):
            logger.warning("file_is_elsewhere", extra={"host": place.host})
            raise CannotReadFileError(f"{name} is kept outside Slack; {_ADD_IT_HERE}.")
        try:
            content, moved = await _got(client, place)
        except NO_CONNECTION as error:
            raise CannotReadFileError(f"{name} {_LATER}.") from error
        except _TooLargeError as error:
            raise CannotReadFileError(f"{name} {_TOO_LARGE}.") from error
        if not moved:
            break
        place = place.join(_address(moved))
    else:
        raise CannotReadFileError(f"{name} {_LATER}.")
    if content[:100].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise CannotReadFileError(f"{name} {_NO_PAGE}.")
    return content


class _TooLargeError(Exception):
    """The file is larger than Slack's own form takes."""


async def _got(client: AsyncWebClient, place: URL) -> tuple[bytes, str]:
    """Return the content at an address, or the address that it redirects to."""
    session = client.session or aiohttp.ClientSession()
    try:
        async with session.get(
            place,
            headers={"Authorization": f"Bearer {client.token}"},
            allow_redirects=False,
            proxy=client.proxy,
            ssl=client.ssl if client.ssl is not None else True,
            timeout=aiohttp.ClientTimeout(total=SECONDS),
        ) as answer:
            if answer.status in _MOVED:
                return b"", answer.headers.get("Location", "")
            answer.raise_for_status()
            content = bytearray()
            async for part in answer.content.iter_chunked(64 * 1024):
                content += part
                if len(content) > MOST_BYTES:
                    raise _TooLargeError
            return bytes(content), ""
    finally:
        if session is not client.session:
            await session.close()


def _address(text: str) -> URL:
    """Return a text as an address; an empty one if it is not an address."""
    try:
        return URL(text)
    except ValueError:
        return URL()


def _is_of_slack(place: URL, own: URL) -> bool:
    """Return whether it is the Web API's own host or a subdomain: `files.slack.com` for `slack.com`."""
    host, of = place.host or "", (own.host or "").removeprefix("www.")
    is_within = host == of or host.endswith(f".{of}")
    return is_within and (place.scheme, place.port) == (own.scheme, own.port)
