"""Every Web API method that the local Slack knows, with its scope and its tier.

Scopes from each method's page on docs.slack.dev; tiers from its rate-limit line.
"""

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bot.sandbox.slack import (
    web_api_chat,
    web_api_conversations,
    web_api_files,
    web_api_people,
    web_api_views,
)
from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.web_api import Method
from bot.sandbox.slack.workspace import APP_ID


def _connections_open(core: Core, _args: Args) -> dict[str, Any]:
    ticket = secrets.token_hex(16)
    core.tickets.add(ticket)
    socket = core.base_url.replace("http", "ws", 1)
    return {"url": f"{socket}/link/?ticket={ticket}&app_id={APP_ID}"}


_WRITE = ("chat:write",)

METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "api.test": Method(web_api_people.api_test, tier=4, token="none"),
        "auth.test": Method(web_api_people.auth_test, tier=None, token="any"),
        "auth.teams.list": Method(web_api_people.auth_teams_list, tier=2),
        "apps.connections.open": Method(_connections_open, tier=None, token="app"),
        "chat.postMessage": Method(web_api_chat.post_message, _WRITE, tier=None),
        "chat.update": Method(web_api_chat.update_message, _WRITE),
        "chat.delete": Method(web_api_chat.delete_message, _WRITE),
        "chat.postEphemeral": Method(web_api_chat.post_ephemeral, _WRITE, tier=4),
        "chat.getPermalink": Method(web_api_chat.get_permalink, tier=None),
        "reactions.add": Method(web_api_chat.add_reaction, ("reactions:write",)),
        "views.open": Method(web_api_views.open_view, tier=4),
        "views.update": Method(web_api_views.update_view, tier=4),
        "views.push": Method(web_api_views.push_view, tier=4),
        "views.publish": Method(web_api_views.publish_view, tier=4),
        "users.info": Method(web_api_people.users_info, ("users:read",), tier=4),
        "users.list": Method(web_api_people.users_list, ("users:read",), tier=2),
        "usergroups.list": Method(web_api_people.usergroups_list, ("usergroups:read",), tier=2),
        "usergroups.users.list": Method(
            web_api_people.usergroups_users_list, ("usergroups:read",), tier=2
        ),
        "conversations.info": Method(web_api_conversations.info),
        "conversations.members": Method(web_api_conversations.members, tier=4),
        "conversations.history": Method(web_api_conversations.history),
        "conversations.replies": Method(web_api_conversations.replies),
        "conversations.open": Method(web_api_conversations.open_direct, ("im:write",)),
        "files.getUploadURLExternal": Method(
            web_api_files.get_upload_url, ("files:write",), tier=4
        ),
        "files.completeUploadExternal": Method(
            web_api_files.complete_upload, ("files:write",), tier=4
        ),
        "files.info": Method(web_api_files.info, ("files:read",), tier=4),
    }
)
