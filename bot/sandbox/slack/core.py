"""What all parts of the local Slack share: the workspace, the clock, ids, calls and changes."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox.clock import Clock
from bot.sandbox.slack.changes import Changes
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.handles import ResponseUrls, Triggers
from bot.sandbox.slack.limits import ACK_SECONDS
from bot.sandbox.slack.rates import Rates
from bot.sandbox.slack.workspace import Channel, Message, View, Workspace


@dataclass(frozen=True)
class ApiCall:
    """One call of the Web API as it was answered; ``error`` is Slack's error string."""

    method: str
    args: Mapping[str, Any]
    ok: bool
    error: str | None
    time: datetime


@dataclass
class Core:
    """The state behind the server. One event loop uses it; nothing in it waits."""

    clock: Clock
    workspace: Workspace
    manifest: Mapping[str, Any]
    bot_token: str
    app_token: str
    rates: Rates
    base_url: str = ""
    faults: Faults = field(default_factory=Faults)
    changes: Changes = field(default_factory=Changes)
    calls: list[ApiCall] = field(default_factory=list)
    tickets: set[str] = field(default_factory=set)
    uploads: dict[str, str] = field(default_factory=dict)
    last_ts: int = 0
    next_id: int = 0
    ack_seconds: float = ACK_SECONDS
    on_shown: Callable[[str, list[dict[str, Any]]], None] = lambda _text, _blocks: None

    def __post_init__(self) -> None:
        """Make the parts that need the clock."""
        self.triggers = Triggers(self.clock)
        self.response_urls = ResponseUrls(self.clock)

    def timestamp(self) -> str:
        """Return a message ``ts``: seconds and microseconds, never the same twice."""
        micros = int(self.clock.now().timestamp() * 1_000_000)
        self.last_ts = max(self.last_ts + 1, micros)
        return f"{self.last_ts // 1_000_000}.{self.last_ts % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """Return a new id such as ``V0000000001``."""
        self.next_id += 1
        return f"{prefix}{self.next_id:010d}"

    def new_hash(self) -> str:
        """Return a new hash for a view."""
        return f"{self.timestamp()}.{secrets.token_hex(4)}"

    def scopes(self) -> list[str]:
        """Return the bot scopes that the manifest asks for."""
        scopes = self.manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])
        return [str(scope) for scope in scopes]

    def commands(self) -> list[dict[str, Any]]:
        """Return the manifest's slash commands."""
        return list(self.manifest.get("features", {}).get("slash_commands") or [])

    def shortcuts(self) -> list[dict[str, Any]]:
        """Return the manifest's shortcuts."""
        return list(self.manifest.get("features", {}).get("shortcuts") or [])

    def events(self) -> list[str]:
        """Return the bot events that the manifest subscribes to."""
        settings = self.manifest.get("settings", {})
        return list((settings.get("event_subscriptions") or {}).get("bot_events") or [])

    def post(self, channel: Channel, message: Message) -> Message:
        """Put a new message into a channel, or on one person's screen if it is ephemeral."""
        self.on_shown(message.text, message.blocks)
        if message.ephemeral_to is not None:
            self.workspace.ephemerals.append(message)
            self.changes.record([message.ephemeral_to])
        else:
            channel.add(message)
            self.changes.record(channel.members)
        return message

    def touched(self, message: Message) -> None:
        """Wake those who can see ``message``, because it changed."""
        self.on_shown(message.text, message.blocks)
        channel = self.workspace.channels[message.channel]
        seen_by = channel.members if message.ephemeral_to is None else [message.ephemeral_to]
        self.changes.record(seen_by)

    def find_view(self, view_id: str = "", external_id: str = "") -> View | None:
        """Find an open modal or a home by its id or the app's own id."""
        for view in self.workspace.all_views():
            if view_id and view.id == view_id:
                return view
            if external_id and view.content.get("external_id") == external_id:
                return view
        return None
