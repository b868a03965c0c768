"""The contents of a workspace: people, groups, channels, messages, modals, homes and files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.copied import copied

TEAM_ID = "T0SANDBOX"
APP_ID = "A0SANDBOX"
BOT_ID = "B0BOT"
BOT_USER = "U0BOT"


@dataclass
class User:
    """A member; a test may change any field, and the next look sees it."""

    id: str
    name: str
    real_name: str
    title: str = ""
    avatar_color: str = "#4a5568"
    is_bot: bool = False
    deleted: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    team_id: str = TEAM_ID
    grid_teams: tuple[str, ...] = ()  # the workspaces of an Enterprise Grid organization
    tz: str = "Europe/Berlin"
    tz_offset: int = 3600

    @property
    def email(self) -> str:
        """Return the mail address; a bot has none."""
        return "" if self.is_bot else f"{self.name}@example.com"


@dataclass
class UserGroup:
    """A user group with its members' ids."""

    id: str
    handle: str
    name: str
    members: list[str] = field(default_factory=list)
    disabled: bool = False


@dataclass
class Message:
    """A message as it stands now; ``ephemeral_to`` names its only reader if it has one."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: dict[str, Any] | None = None
    edited: str | None = None
    deleted: bool = False
    ephemeral_to: str | None = None
    files: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    inputs: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Return whether this is a reply in another message's thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class Channel:
    """A channel, or a direct message when ``im_user`` names the person."""

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    im_user: str | None = None
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False  # with another company, by Slack Connect
    is_read_only: bool = False
    _by_ts: dict[str, Message] = field(init=False, repr=False, default_factory=dict)
    _below: dict[str, list[Message]] = field(init=False, repr=False, default_factory=dict)

    def add(self, message: Message) -> None:
        """Put a new message at the end."""
        self.messages.append(message)
        self._by_ts[message.ts] = message
        if message.thread_ts is not None and message.is_reply:
            self._below.setdefault(message.thread_ts, []).append(message)

    def message(self, ts: str) -> Message | None:
        """Return the message with this ``ts``, unless it is gone."""
        found = self._by_ts.get(ts)
        return None if found is None or found.deleted else found

    def replies(self, ts: str) -> list[Message]:
        """Return the replies below ``ts``, oldest first."""
        return [m for m in self._below.get(ts, ()) if not m.deleted]


@dataclass
class View:
    """A modal or a home on one person's screen."""

    id: str
    user: str
    content: dict[str, Any]
    hash: str
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    root_view_id: str = ""
    previous_view_id: str | None = None

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """Return the view's blocks."""
        blocks: list[dict[str, Any]] = self.content["blocks"]
        return blocks

    def payload(self) -> dict[str, Any]:
        """Return the view in the form in which Slack sends it."""
        shown = {
            "id": self.id,
            "team_id": TEAM_ID,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
            "title": None,
            "submit": None,
            "close": None,
            "callback_id": "",
            "external_id": "",
            "private_metadata": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **self.content,
            "hash": self.hash,
            "root_view_id": self.root_view_id or self.id,
            "previous_view_id": self.previous_view_id,
            "state": {"values": self.values},
        }
        return copied(shown)


@dataclass
class StoredFile:
    """A file: announced, then uploaded, then shared.

    Attributes:
        owner: Who added it; the bot if nobody else did.
        team: The workspace of that person.
        mode: Slack's word for where it is: `hosted` by Slack, `external` anywhere else, `tombstone`
            where it was deleted, `hidden_by_limit` where a free plan shows it no more.
        at: The address in `url_private_download`; empty for the real one.
        moved: The address that this one redirects to; empty for none.
    """

    id: str
    name: str
    title: str
    length: int
    alt: str = ""
    mimetype: str = "application/octet-stream"
    content: bytes | None = None
    shared: bool = False
    channels: list[str] = field(default_factory=list)
    owner: str = BOT_USER
    team: str = TEAM_ID
    mode: str = "hosted"
    at: str = ""
    moved: str = ""


@dataclass
class Workspace:
    """The whole workspace; every part may be changed by a test while the server runs."""

    team_id: str = TEAM_ID
    enterprise_id: str = ""  # the Enterprise Grid organization that the app is installed to
    team_name: str = "Sandbox"
    domain: str = "sandbox"
    bot_name: str = "billing_bot"
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    ephemerals: list[Message] = field(default_factory=list)
    views: dict[str, list[View]] = field(default_factory=dict)
    homes: dict[str, View] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    notices: dict[str, str] = field(default_factory=dict)

    def people(self) -> list[User]:
        """Return the members who are people."""
        return [user for user in self.users.values() if not user.is_bot]

    def channel(self, reference: str) -> Channel | None:
        """Find a channel by id, by name or by ``#name``."""
        found = self.channels.get(reference)
        if found is not None:
            return found
        name = reference.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == name and not c.im_user), None)

    def direct(self, user: str) -> Channel:
        """Return the bot's direct message with ``user``, made when it is first needed."""
        for channel in self.channels.values():
            if channel.im_user == user:
                return channel
        made = Channel(f"D{user[1:]}", "directmessage", [user, BOT_USER], im_user=user)
        self.channels[made.id] = made
        return made

    def messages(self) -> Iterator[Message]:
        """Yield every message that is not gone, ephemerals last."""
        for channel in self.channels.values():
            yield from (m for m in channel.messages if not m.deleted)
        yield from (m for m in self.ephemerals if not m.deleted)

    def all_views(self) -> Iterator[View]:
        """Yield every open modal and every published home."""
        for stack in self.views.values():
            yield from stack
        yield from self.homes.values()


def sandbox_workspace() -> Workspace:
    """Return the workspace that the sandbox begins with."""
    people = [
        User("U0ALICE", "alice", "Alice Weber", "Billing operator", "#2b6cb0"),
        User("U0BOB", "bob", "Bob Tanaka", "Controller", "#2f855a"),
        User("U0CARLA", "carla", "Carla Mendes", "Controller", "#b7791f"),
        User("U0MARA", "mara", "Mara Osei", "Finance manager", "#805ad5"),
    ]
    ids = [person.id for person in people]
    bot = User(BOT_USER, "billing_bot", "Billing Bot", is_bot=True, avatar_color="#1a202c")
    groups = [
        UserGroup("S0BILLING", "billing", "Billing", ["U0ALICE"]),
        UserGroup("S0CONTROLLERS", "controllers", "Controllers", ["U0BOB", "U0CARLA"]),
        UserGroup("S0FINANCE", "finance", "Finance", ["U0MARA"]),
    ]
    channels = [
        Channel("C0BILLING", "billing", [*ids, BOT_USER]),
        Channel("C0GENERAL", "general", list(ids)),
    ]
    workspace = Workspace(
        users={user.id: user for user in (*people, bot)},
        groups={group.id: group for group in groups},
        channels={channel.id: channel for channel in channels},
    )
    for person in ids:
        workspace.direct(person)
    return workspace
