"""People's actions in Slack, and what they see as a result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.copied import copied
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.delivery import Delivered, Delivery, Kind, Retry
from bot.sandbox.slack.errors import NotOnScreenError, SlackError
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.payloads import Payloads
from bot.sandbox.slack.responses import say_back
from bot.sandbox.slack.web_api_files import add
from bot.sandbox.slack.workspace import BOT_USER, Channel, Message, View

LOOK_SECONDS = 2.0
"""Real time for which somebody watches the screen after a command that was only acknowledged."""


@dataclass(frozen=True)
class Ack:
    """The app's answer to one action of a person.

    Attributes:
        ok: the app acknowledged in time.
        status: its HTTP status, 200 for a socket, 0 for no answer.
        text: the text it answered with, or the failure the person sees.
        body: the answer's JSON.
        error: Slack's name for the failure, for example ``operation_timeout``.
    """

    ok: bool
    status: int
    text: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Submission:
    """The result of submitting a modal.

    Attributes:
        errors: texts at input blocks, by block_id, from Slack's client or from the app.
        view: what is on top of the person's screen now.
        error: the failure the person sees when the app gave no usable answer.
    """

    ok: bool
    errors: Mapping[str, str] = field(default_factory=dict)
    view: Mapping[str, Any] | None = None
    error: str | None = None


class Recorder:
    """Remembers the last payload on its way to the app, so that it can be sent again."""

    def __init__(self, route: Delivery) -> None:
        self.route = route
        self.last_payload: Mapping[str, Any] | None = None
        self.last_kind: Kind | None = None

    async def send(
        self, kind: Kind, payload: Mapping[str, Any], retry: Retry | None = None
    ) -> Delivered:
        """Remember a payload and send it on."""
        self.last_payload, self.last_kind = copied(payload), kind
        return await self.route.send(kind, payload, retry)


class People:
    """Everything but modals: commands, shortcuts, talk, home."""

    def __init__(self, core: Core, delivery: Delivery, events: Events) -> None:
        self._core = core
        self._delivery = delivery
        self._events = events
        self._payloads = Payloads(core)

    def _notice(self, user: str, text: str) -> None:
        self._core.workspace.notices[user] = text
        self._core.changes.record([user])

    def seen_channel(self, user: str, channel: str) -> Channel:
        """Return a channel that ``user`` is in.

        Raises:
            NotOnScreenError: there is none.
        """
        found = self._core.workspace.channel(channel)
        if found is None or user not in found.members:
            raise NotOnScreenError(f"{user} is in no channel {channel!r}")
        return found

    def seen_message(self, user: str, channel: str, ts: str) -> Message:
        """Return a message that ``user`` can see.

        Raises:
            NotOnScreenError: there is none.
        """
        place = self.seen_channel(user, channel)
        message = place.message(ts)
        if message is not None:
            return message
        for private in self._core.workspace.ephemerals:
            if (private.ephemeral_to, private.ts, private.deleted) == (user, ts, False):
                return private
        raise NotOnScreenError(f"{user} sees no message {ts} in {channel}")

    async def say(
        self, user: str, channel: str, text: str, thread_ts: str | None = None
    ) -> Message:
        """Post ordinary talk and inform the app if it listens."""
        place = self.seen_channel(user, channel)
        message = Message(self._core.timestamp(), place.id, user, text, thread_ts=thread_ts)
        self._core.post(place, message)
        event = {"user": user, "text": text, "ts": message.ts, "channel": place.id}
        if thread_ts is not None:
            event["thread_ts"] = thread_ts
        if BOT_USER in place.members:
            family = "im" if place.im_user else "channel"
            name = "im" if place.im_user else "channels"
            await self._events.send(
                f"message.{name}", {"type": "message", "channel_type": family, **event}
            )
            if f"<@{BOT_USER}>" in text:
                await self._events.send("app_mention", {"type": "app_mention", **event})
        return message

    async def share(self, user: str, channel: str, name: str, content: bytes) -> Message:
        """Post a file in a channel, or in the bot's direct message, and inform the app if it listens."""
        place = self.seen_channel(user, channel)
        message = Message(self._core.timestamp(), place.id, user, "")
        file = add(self._core, user, name, content, [place.id]).id
        message.files = [file]
        self._core.post(place, message)
        if BOT_USER in place.members:
            event = {"file_id": file, "file": {"id": file}, "user_id": user, "channel_id": place.id}
            await self._events.send("file_shared", {"type": "file_shared", **event})
        return message

    async def slash(self, user: str, channel: str, text: str) -> Ack:
        """Type a slash command, and wait until something appears.

        An app may acknowledge a command and open its form or answer a moment later.
        """
        place = self.seen_channel(user, channel)
        command, _, rest = text.strip().partition(" ")
        self._core.workspace.notices.pop(user, None)
        if command not in {entry["command"] for entry in self._core.commands()}:
            sentence = f"{command} is not a valid command"
            self._notice(user, sentence)
            return Ack(ok=False, status=0, text=sentence)
        payload = self._payloads.slash(user, place, command, rest.strip())
        before = self._seen_by(user)
        delivered = await self._delivery.send("slash_commands", payload)
        if delivered.error is not None:
            return self._failed(user, command, delivered, delivered.error)
        if delivered.body.get("text") or delivered.body.get("blocks"):
            try:
                say_back(self._core, user, place.id, delivered.body)
            except SlackError as refusal:
                return self._failed(user, command, delivered, refusal.code)
        else:
            await self._core.changes.until(lambda: self._seen_by(user) != before, LOOK_SECONDS)
        return self._ack(user, delivered)

    def _seen_by(self, user: str) -> tuple[str, int]:
        """Return the modal on top of somebody's screen, and how many messages only they can see."""
        workspace = self._core.workspace
        views = workspace.views.get(user)
        heard = sum(1 for message in workspace.ephemerals if message.ephemeral_to == user)
        return (views[-1].id if views else "", heard)

    def _failed(self, user: str, command: str, delivered: Delivered, error: str) -> Ack:
        sentence = f"{command} failed with the error {error}"
        self._notice(user, sentence)
        return Ack(
            ok=False, status=delivered.status, text=sentence, body=delivered.body, error=error
        )

    def _ack(self, user: str, delivered: Delivered) -> Ack:
        if delivered.error is not None:
            self._notice(user, f"This did not work: {delivered.error}")
            error = delivered.error
            return Ack(
                ok=False, status=delivered.status, text=error, body=delivered.body, error=error
            )
        text = str(delivered.body.get("text") or "")
        return Ack(ok=True, status=delivered.status, text=text, body=delivered.body)

    async def interact(self, user: str, payload: Mapping[str, Any]) -> Ack:
        """Send an interactive payload whose answer carries nothing for the screen."""
        self._core.workspace.notices.pop(user, None)
        return self._ack(user, await self._delivery.send("interactive", payload))

    def _need_shortcut(self, callback_id: str, kind: str) -> None:
        for entry in self._core.shortcuts():
            if entry["callback_id"] == callback_id and entry["type"] == kind:
                return
        raise NotOnScreenError(f"the manifest has no {kind} shortcut {callback_id!r}")

    async def shortcut(self, user: str, callback_id: str) -> Ack:
        """Use a global shortcut."""
        self._need_shortcut(callback_id, "global")
        return await self.interact(user, self._payloads.shortcut(user, callback_id))

    async def message_shortcut(self, user: str, callback_id: str, channel: str, ts: str) -> Ack:
        """Use a shortcut on a message."""
        self._need_shortcut(callback_id, "message")
        message = self.seen_message(user, channel, ts)
        payload = self._payloads.message_shortcut(user, callback_id, message)
        return await self.interact(user, payload)

    async def open_home(self, user: str) -> Ack:
        """Open the app's home tab."""
        home: View | None = self._core.workspace.homes.get(user)
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": user,
            "channel": self._core.workspace.direct(user).id,
            "tab": "home",
        }
        if home is not None:
            event["view"] = home.payload()
        delivered = await self._events.send("app_home_opened", event)
        if delivered is None:
            return Ack(ok=True, status=0)
        return self._ack(user, delivered)
