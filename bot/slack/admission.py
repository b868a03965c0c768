"""What Slack must allow before the bot starts; a refusal names the setting to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import LIMITED, NOT_NOW, PASSING, name_of

CONNECTIONS = "connections:write"
WRONG_TOKEN = NOT_NOW | {"not_allowed_token_type"}
_BOT_TOKEN = "SLACK_BOT_TOKEN: Slack refuses it; it is the Bot User OAuth Token (xoxb-…)"  # noqa: S105 - words


class NotAdmittedError(Exception):
    """Slack does not allow what the settings require; the message names the setting in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot is, as `auth.test` said at the start, and the scopes of its token."""

    team_id: str
    bot_user_id: str
    bot_id: str
    team_url: str = ""
    organization: str = ""
    scopes: frozenset[str] = frozenset()


async def identity_of(client: AsyncWebClient, team: str) -> Identity:
    """Ask Slack who the bot is.

    Args:
        client: With the bot's token.
        team: `SLACK_TEAM_ID`, the workspace, which the token of a whole organization does not name.

    Raises:
        NotAdmittedError: The token is not valid, or not for this workspace.
        SlackClientError: Slack does not answer.
    """
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        raise _named(_BOT_TOKEN, error) from error
    if not (answer.get("team_id") and answer.get("user_id")):
        msg = "auth.test does not say whose token it is (team_id and user_id are missing)"
        raise SlackClientError(msg)
    organization = ""
    if answer.get("is_enterprise_install"):
        organization = str(answer.get("enterprise_id") or answer["team_id"])
        await _check_workspace(client, team)
    elif team and team != answer["team_id"]:
        msg = f"SLACK_TEAM_ID: the token of SLACK_BOT_TOKEN is for the workspace {answer['team_id']}, not {team}."
        raise NotAdmittedError(msg)
    return Identity(
        team_id=team or answer["team_id"],
        bot_user_id=answer["user_id"],
        bot_id=answer.get("bot_id") or "",
        team_url=answer.get("url") or "",
        organization=organization,
        scopes=scopes_of(answer.headers),
    )


def scopes_of(headers: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of the token that made a call; none if Slack does not say."""
    said = next((headers[name] for name in headers if name.lower() == "x-oauth-scopes"), "")
    return frozenset(each.strip() for each in str(said).split(",")) - {""}


async def _check_workspace(client: AsyncWebClient, team: str) -> None:
    """Require that the bot's workspace is named if the token is for a whole organization."""
    if not team:
        msg = (
            "SLACK_TEAM_ID is missing: the token of SLACK_BOT_TOKEN is for a whole Enterprise Grid organization, so "
            "the id of the workspace (T…) has to be named."
        )
        raise NotAdmittedError(msg)
    teams: list[str] = []
    cursor: str | None = None
    while True:
        try:
            page = await client.auth_teams_list(cursor=cursor, limit=100)
        except SlackApiError as error:
            raise _named("SLACK_TEAM_ID: Slack does not say which workspaces", error) from error
        teams += [str(each.get("id")) for each in page.get("teams") or ()]
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
    if team not in teams:
        msg = f"SLACK_TEAM_ID: the app is not approved for the workspace {team}; it is for {', '.join(teams) or 'none'}."
        raise NotAdmittedError(msg)


async def check_channels(
    client: AsyncWebClient, channels: Mapping[str, str], *, may_be_shared: bool
) -> None:
    """Check that the bot may write in each channel, and that no other company reads there.

    Args:
        client: With the bot's token.
        channels: Ids by the settings that name them; an empty one is left out.
        may_be_shared: `ALLOW_SHARED_CHANNEL`.

    Raises:
        NotAdmittedError: The bot may not write in one of them, or another company may read there.
        SlackClientError: Slack does not answer.
    """
    for setting, channel in channels.items():
        if not channel:
            continue
        try:
            answer = await client.conversations_info(channel=channel)
        except SlackApiError as error:
            if name_of(error) == "missing_scope" and may_be_shared:
                continue
            if name_of(error) in WRONG_TOKEN:
                raise _named(_BOT_TOKEN, error) from error
            raise _named(f"{setting}: {_UNSEEN.format(channel=channel)}", error) from error
        if why := _why_not(answer.get("channel") or {}, may_be_shared=may_be_shared):
            msg = f"{setting}: the channel {channel} {why}."
            raise NotAdmittedError(msg)


_UNSEEN = (
    "Slack does not show the channel {channel} to the bot, which has to be invited there and to have the scopes "
    "channels:read and groups:read"
)
_FLAWS = (
    ("is_archived", "is archived: nothing can be written there"),
    ("is_read_only", "is read-only for the bot: nothing can be written there"),
    ("is_thread_only", "takes replies only: the bot cannot write a card there"),
    ("is_non_threadable", "takes no replies: the bot cannot show there how a request goes on"),
)
_SHARED = (
    "is shared with another company (Slack Connect), which would read every request; take another one, or set "
    "ALLOW_SHARED_CHANNEL=yes"
)


def _why_not(channel: Mapping[str, Any], *, may_be_shared: bool) -> str:
    for flag, why in _FLAWS:
        if channel.get(flag):
            return why
    if channel.get("is_member") is False:
        return "does not have the bot in it: type /invite @billing_bot there"
    shared = channel.get("is_ext_shared") or channel.get("is_pending_ext_shared")
    return _SHARED if shared and not may_be_shared else ""


async def socket_address(client: AsyncWebClient, app_token: str) -> str:
    """Ask Slack for the address of a WebSocket, as Socket Mode begins.

    Raises:
        NotAdmittedError: The app-level token is not valid.
        SlackClientError: Slack does not answer.
    """
    try:
        answer = await client.apps_connections_open(app_token=app_token)
    except SlackApiError as error:
        words = f"SLACK_APP_TOKEN: Slack refuses it; it is an app-level token (xapp-…) with the scope {CONNECTIONS}"
        raise _named(words, error) from error
    return str(answer["url"])


def _named(words: str, error: SlackApiError) -> Exception:
    """Return the sentence as an error, or the error itself if it says nothing about the settings."""
    name = name_of(error)
    return error if name in PASSING | LIMITED else NotAdmittedError(f"{words} ({name}).")
