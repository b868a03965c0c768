"""The methods about the app itself, people and user groups."""

from collections.abc import Sequence
from typing import Any, TypeVar

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.rendering import user_json
from bot.sandbox.slack.workspace import BOT_ID, BOT_USER, TEAM_ID, UserGroup

LONGEST_PAGE = 1000
T = TypeVar("T")


def page(items: Sequence[T], args: Args, default: int = 100) -> tuple[list[T], str]:
    """Return one page of ``items`` and the cursor of the next (empty at the end).

    Raises:
        SlackError: ``invalid_cursor`` or ``invalid_limit``.
    """
    cursor = args.text("cursor")
    if cursor and not (cursor.startswith("at:") and cursor[3:].isdigit()):
        raise SlackError("invalid_cursor")
    start = int(cursor[3:]) if cursor else 0
    limit = args.number("limit", default)
    if not 0 < limit <= LONGEST_PAGE:
        raise SlackError("invalid_limit")
    end = start + limit
    return list(items[start:end]), f"at:{end}" if end < len(items) else ""


def api_test(_core: Core, args: Args) -> dict[str, Any]:
    """Answer api.test."""
    if args.given("error"):
        raise SlackError(args.text("error"))
    return {"args": dict(args.values)}


def auth_test(core: Core, _args: Args) -> dict[str, Any]:
    """Answer auth.test."""
    organization = core.workspace.enterprise_id
    return {
        "url": f"https://{core.workspace.domain}.slack.com/",
        "team": core.workspace.team_name,
        "user": core.workspace.users[BOT_USER].name,
        "team_id": organization or core.workspace.team_id,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": bool(organization),
        **({"enterprise_id": organization} if organization else {}),
    }


def auth_teams_list(core: Core, args: Args) -> dict[str, Any]:
    """Answer auth.teams.list: the workspaces that a token is for."""
    team = {"id": core.workspace.team_id, "name": core.workspace.team_name}
    found, cursor = page([team], args)
    return {"teams": found, "response_metadata": {"next_cursor": cursor}}


def users_info(core: Core, args: Args) -> dict[str, Any]:
    """Answer users.info."""
    user = core.workspace.users.get(args.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user_json(user, with_address=_may_read_addresses(core))}


def _may_read_addresses(core: Core) -> bool:
    return "users:read.email" in core.scopes()


def users_list(core: Core, args: Args) -> dict[str, Any]:
    """Answer users.list."""
    users, cursor = page(list(core.workspace.users.values()), args)
    members = [user_json(user, with_address=_may_read_addresses(core)) for user in users]
    return {"members": members, "response_metadata": {"next_cursor": cursor}}


def _group_json(group: UserGroup, args: Args) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": group.id,
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "date_delete": 1 if group.disabled else 0,
    }
    if args.flag("include_users"):
        body["users"] = list(group.members)
    if args.flag("include_count"):
        body["user_count"] = len(group.members)
    return body


def usergroups_list(core: Core, args: Args) -> dict[str, Any]:
    """Answer usergroups.list."""
    disabled = args.flag("include_disabled")
    groups = [g for g in core.workspace.groups.values() if disabled or not g.disabled]
    return {"usergroups": [_group_json(group, args) for group in groups]}


def usergroups_users_list(core: Core, args: Args) -> dict[str, Any]:
    """Answer usergroups.users.list."""
    if core.workspace.enterprise_id and args.text("team_id") != core.workspace.team_id:
        raise SlackError("missing_argument" if not args.text("team_id") else "team_not_found")
    group = core.workspace.groups.get(args.need("usergroup"))
    if group is None or (group.disabled and not args.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": list(group.members)}
