"""Checks at Slack: tokens, scopes, channels, groups, the clock, other connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from pathlib import Path

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.cli.checks.noticed import Noticed, good, passes, warning, wrong
from bot.domain.policy import Policy, is_group
from bot.domain.words import count
from bot.settings import Settings
from bot.slack import socket_mode
from bot.slack.admission import NotAdmittedError, check_channels, identity_of, socket_address
from bot.slack.errors import NO_ANSWER, name_of
from bot.slack.web import SlackWeb, proxy_for

MANIFEST = Path(socket_mode.__file__).parent / "manifest.yml"
LATER = "try again; https://slack-status.com says whether Slack has trouble"
HELLO_SECONDS = 10.0
ADDRESSES = "users:read.email"
"""The one scope that the bot works without."""


async def look(
    settings: Settings, policy: Policy | None, client: SlackWeb, *, alone: bool
) -> AsyncIterator[Noticed]:
    """Yield every finding at Slack.

    Args:
        settings: The settings.
        policy: The policy whose groups are read; None if it cannot be used.
        client: The client with the bot's token.
        alone: Whether no bot works on the database, so that a new connection takes no clicks away
        from it.
    """
    try:
        identity = await identity_of(client, settings.slack_team_id)
    except NotAdmittedError as error:
        yield wrong("SLACK_BOT_TOKEN", str(error), "Install App, Bot User OAuth Token")
        return
    except NO_ANSWER as error:
        yield passes("Slack", f"does not answer ({_words(error)})", LATER)
        return
    yield good("SLACK_BOT_TOKEN", f"bot {identity.bot_user_id} in workspace {identity.team_id}")
    yield _scopes(identity.scopes)
    yield await _channels(settings, client)
    yield await _history(settings, client)
    members: dict[str, list[str]] = {}
    for group in _groups(policy):
        team = identity.team_id if identity.organization else None
        yield await _group(client, group, team, members)
    for each in _lost_answers(policy, members):
        yield each
    if settings.slack_app_token.get_secret_value():
        yield await _app_token(settings, client, alone=alone)


def _scopes(given: Collection[str]) -> Noticed:
    import yaml  # noqa: PLC0415 - needed once, at a start

    manifest = yaml.safe_load(MANIFEST.read_text())
    needed = set(manifest["oauth_config"]["scopes"]["bot"])
    missing = sorted(needed - set(given))
    if not given:
        return warning(
            "scopes", "Slack does not say which the token has", "compare them with manifest.yml"
        )
    if missing == [ADDRESSES]:
        return warning(
            "scopes", f"missing: {ADDRESSES}: the history has no mail addresses of those who act",
            "add it under OAuth & Permissions and install the app again, or leave it so",
        )  # fmt: skip
    if missing:
        return wrong(
            "scopes", f"missing: {', '.join(missing)}",
            "add them under OAuth & Permissions and install the app again",
        )  # fmt: skip
    return good("scopes", f"all {len(needed)} of the manifest")


async def _channels(settings: Settings, client: SlackWeb) -> Noticed:
    channels = {
        "BILLING_CHANNEL": settings.billing_channel, "AUDIT_CHANNEL": settings.audit_channel,
    }  # fmt: skip
    try:
        shared = settings.allow_shared_channel == "yes"
        await check_channels(client, channels, may_be_shared=shared)
    except NotAdmittedError as error:
        setting, _, why = str(error).partition(": ")
        return wrong(setting, why, "invite the bot there, or name another channel")
    except NO_ANSWER as error:
        return passes("BILLING_CHANNEL", f"Slack does not answer ({_words(error)})", LATER)
    return good(
        "BILLING_CHANNEL", "the bot is in it and may write, and no other company reads there"
    )


async def _history(settings: Settings, client: SlackWeb) -> Noticed:
    try:
        await client.conversations_history(channel=settings.billing_channel, limit=1)
    except NO_ANSWER as error:
        return wrong(
            "history", f"the channel cannot be read ({_words(error)})",
            "add channels:history and groups:history: without them a lost message cannot be found",
        )  # fmt: skip
    return good("history", "the channel can be read")


def _groups(policy: Policy | None) -> Iterable[str]:
    if policy is None:
        return ()
    named = [*policy.requesters, *policy.approvers, *policy.viewers]
    named += [each for tier in policy.tiers for each in tier.rule.approvers]
    return (each for each in dict.fromkeys(named) if is_group(each))


def _lost_answers(policy: Policy | None, members: Mapping[str, list[str]]) -> Iterable[Noticed]:
    """Yield the rules that name just as many people as must approve: nobody else could settle a lost answer."""
    if policy is None:
        return
    for rule in dict.fromkeys(tier.rule for tier in policy.tiers):
        groups = [name for name in rule.approvers if is_group(name)]
        if rule.approvals < 2 or not {*groups} <= {*members}:  # noqa: PLR2004 - one settles alone
            continue
        people = {*rule.approvers} - {*groups} | {who for each in groups for who in members[each]}
        if len(people) <= rule.approvals:
            yield warning(
                rule.name,
                f"needs {rule.approvals} approvals and names {count(len(people), 'person', 'people')}: if an answer of Zuora is lost, "
                "nobody who did not approve can say what Zuora shows",
                "add somebody to its group or list",
            )


async def _group(
    client: SlackWeb, group: str, team: str | None, members: dict[str, list[str]]
) -> Noticed:
    """Return what is wrong with a group; put who is in it into `members`."""
    about = f"group {group}"
    try:
        found = await client.usergroups_users_list(usergroup=group, team_id=team)
    except SlackApiError as error:
        return wrong(
            about, f"cannot be read ({name_of(error)})", "name a user group of this workspace"
        )
    except NO_ANSWER as error:
        return passes(about, f"Slack does not answer ({_words(error)})", LATER)
    members[group] = list(found.get("users") or ())
    number = len(members[group])
    if not number:
        return wrong(
            about, "has nobody in it", "add people to the group: nobody may do what it allows"
        )
    return good(about, count(number, "person", "people"))


async def _app_token(settings: Settings, client: SlackWeb, *, alone: bool) -> Noticed:
    about, token = "SLACK_APP_TOKEN", settings.slack_app_token.get_secret_value()
    try:
        url = await socket_address(client, token)
        if not alone:
            return good(about, "Slack accepts it; a bot is connected with it")
        others = await _other_connections(url)
    except NotAdmittedError as error:
        return wrong(about, str(error), "Basic Information, App-Level Tokens")
    except (*NO_ANSWER, ValueError) as error:
        return passes(about, f"no connection ({_words(error)})", LATER)
    if others:
        return warning(
            about, f"{others} other connections use it, and no bot works on this database",
            "find the other bot: Slack hands each connection some of the clicks",
        )  # fmt: skip
    return good(about, "Slack accepts it, and nobody else is connected with it")


async def _other_connections(url: str) -> int:
    """Connect and disconnect again; return how many other connections Slack counted."""
    async with (
        asyncio.timeout(HELLO_SECONDS),
        aiohttp.ClientSession() as session,
        session.ws_connect(url, proxy=proxy_for(url)) as opened,
    ):
        hello = json.loads((await opened.receive()).data)
        number = hello.get("num_connections")
    return max(0, number - 1) if isinstance(number, int) else 0


def _words(error: BaseException) -> str:
    return name_of(error) if isinstance(error, SlackApiError) else type(error).__name__
