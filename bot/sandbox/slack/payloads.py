"""The payloads of interactions, in the shapes of docs.slack.dev/reference/interaction-payloads."""

from html import escape
from typing import Any

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.inputs import initial_values
from bot.sandbox.slack.rendering import message_json
from bot.sandbox.slack.workspace import APP_ID, TEAM_ID, Channel, Message, View

_TOKEN = "sandbox-verification-token"


class Payloads:
    """Builds payloads; each gets its own trigger and, where Slack gives one, a response URL."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def _frame(self, kind: str, user: str) -> dict[str, Any]:
        person = self._core.workspace.users[user]
        team = {"id": TEAM_ID, "domain": self._core.workspace.domain}
        return {
            "type": kind,
            "token": _TOKEN,
            "team": team,
            "user": {
                "id": user,
                "username": person.name,
                "name": person.name,
                "team_id": person.team_id,
            },
            "api_app_id": APP_ID,
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _response_url(self, path: str, token: str) -> str:
        return f"{self._core.base_url}/{path}/{TEAM_ID}/{token}"

    def slash(self, user: str, channel: Channel, command: str, text: str) -> dict[str, str]:
        """Return the form fields of a slash command; `&`, `<` and `>` come as entities."""
        core = self._core
        token = core.response_urls.issue(user, channel.id)
        return {
            "token": _TOKEN,
            "team_id": TEAM_ID,
            "team_domain": core.workspace.domain,
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": user,
            "user_name": core.workspace.users[user].name,
            "command": command,
            "text": escape(text, quote=False),
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self._response_url("commands", token),
            "trigger_id": core.triggers.issue(user),
        }

    def message_action(self, user: str, message: Message, action: dict[str, Any]) -> dict[str, Any]:
        """Return block_actions for an element of a message."""
        core = self._core
        token = core.response_urls.issue(user, message.channel, message.ts, message.thread_ts)
        channel = core.workspace.channels[message.channel]
        container: dict[str, Any] = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.ephemeral_to is not None,
        }
        if message.thread_ts is not None:
            container["thread_ts"] = message.thread_ts
        body = self._frame("block_actions", user) | {
            "container": container,
            "trigger_id": core.triggers.issue(user),
            "channel": {"id": channel.id, "name": channel.name},
            "state": {"values": initial_values(message.blocks, message.inputs)},
            "response_url": self._response_url("actions", token),
            "actions": [action],
        }
        if message.ephemeral_to is None:
            body["message"] = message_json(core, message)
        return body

    def view_action(self, user: str, view: View, action: dict[str, Any]) -> dict[str, Any]:
        """Return block_actions for an element of a modal or a home."""
        modal = view.content["type"] == "modal"
        return self._frame("block_actions", user) | {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self._core.triggers.issue(user, in_modal=modal),
            "view": view.payload(),
            "actions": [action],
        }

    def submission(self, user: str, view: View) -> dict[str, Any]:
        """Return view_submission."""
        return self._frame("view_submission", user) | {
            "trigger_id": self._core.triggers.issue(user, in_modal=True),
            "view": view.payload(),
            "response_urls": [],
        }

    def closed(self, user: str, view: View, *, cleared: bool) -> dict[str, Any]:
        """Return view_closed."""
        body = {"view": view.payload(), "is_cleared": cleared}
        return self._frame("view_closed", user) | body

    def shortcut(self, user: str, callback_id: str) -> dict[str, Any]:
        """Return the payload of a global shortcut."""
        return self._frame("shortcut", user) | {
            "callback_id": callback_id,
            "action_ts": self._core.timestamp(),
            "trigger_id": self._core.triggers.issue(user),
        }

    def message_shortcut(self, user: str, callback_id: str, message: Message) -> dict[str, Any]:
        """Return the payload of a shortcut used on a message."""
        core = self._core
        channel = core.workspace.channels[message.channel]
        token = core.response_urls.issue(user, channel.id, message.ts, message.thread_ts)
        return self._frame("message_action", user) | {
            "callback_id": callback_id,
            "action_ts": core.timestamp(),
            "trigger_id": core.triggers.issue(user),
            "channel": {"id": channel.id, "name": channel.name},
            "message_ts": message.ts,
            "message": message_json(core, message),
            "response_url": self._response_url("app", token),
        }
