"""The local Slack: START HERE. One server on 127.0.0.1, and methods to act in it as a person."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from bot.sandbox.clock import Clock, dated
from bot.sandbox.slack.core import ApiCall, Core
from bot.sandbox.slack.delivery import Delivered, Kind, Retry
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.http_delivery import HttpDelivery
from bot.sandbox.slack.page_api import PageApi
from bot.sandbox.slack.people import Ack, People, Recorder, Submission
from bot.sandbox.slack.rates import Rates
from bot.sandbox.slack.rendering import file_json
from bot.sandbox.slack.routes import make_app
from bot.sandbox.slack.screens import Screens
from bot.sandbox.slack.socket_mode import SocketMode
from bot.sandbox.slack.web_api_files import add
from bot.sandbox.slack.workspace import Message, Workspace, sandbox_workspace

BOT_TOKEN: Final = "xoxb-sandbox"
APP_TOKEN: Final = "xapp-sandbox"
SIGNING_SECRET: Final = "sandbox-signing-secret"


class LocalSlack:
    """A Slack workspace with one app, served over real sockets.

    Interactions reach the app over Socket Mode, or as signed HTTP posts when ``request_url`` is
    set. Methods named after a person's action return what that person would see.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing a workspace's owner can set
        self,
        clock: Clock,
        *,
        manifest: Mapping[str, Any],
        workspace: Workspace | None = None,
        bot_token: str = BOT_TOKEN,
        app_token: str = APP_TOKEN,
        signing_secret: str = SIGNING_SECRET,
        request_url: str | None = None,
        enforce_rates: bool = False,
    ) -> None:
        self.workspace = workspace if workspace is not None else sandbox_workspace()
        rates = Rates(clock, enforced=enforce_rates)
        self._core = Core(clock, self.workspace, manifest, bot_token, app_token, rates)
        self._signing_secret = signing_secret
        self.request_url = request_url
        self.sockets = SocketMode(self._core)
        self._recorder = Recorder(self)
        self._events = Events(self._core, self._recorder)
        self._people = People(self._core, self._recorder, self._events)
        self._screens = Screens(self._core, self._recorder, self._people)
        self._page = PageApi(self._core, self._people, self._screens)
        self._core.faults.on_down = self.sockets.abort
        self._runner: web.AppRunner | None = None
        self.clock_ahead = timedelta()

    # the server

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, beside: Iterable[web.RouteDef] = ()
    ) -> None:
        """Begin to listen; port 0 takes a free one. `beside` are more routes of the page."""
        app = make_app(self._core, self.sockets, self._page)
        app.add_routes(beside)
        dated(app, self._core.clock, lambda: self.clock_ahead)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        self._runner = runner
        self._core.base_url = f"http://{host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self._events.stop()
        await self.sockets.close()
        self._page.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def api_url(self) -> str:
        """Return what ``SLACK_API_URL`` must be; ends in ``/api/``."""
        return f"{self._core.base_url}/api/"

    @property
    def page_url(self) -> str:
        """Return where the page is."""
        return f"{self._core.base_url}/"

    @property
    def faults(self) -> Faults:
        """Return the troubles in force."""
        return self._core.faults

    @property
    def calls(self) -> list[ApiCall]:
        """Return every call of the Web API so far."""
        return self._core.calls

    @property
    def ack_seconds(self) -> float:
        """Return how long the app has to acknowledge, in seconds of real time."""
        return self._core.ack_seconds

    @ack_seconds.setter
    def ack_seconds(self, seconds: float) -> None:
        self._core.ack_seconds = seconds

    @property
    def on_shown(self) -> Callable[[str, list[dict[str, Any]]], None]:
        """Return what is called with text and blocks of everything that appears on a screen."""
        return self._core.on_shown

    @on_shown.setter
    def on_shown(self, seen: Callable[[str, list[dict[str, Any]]], None]) -> None:
        self._core.on_shown = seen

    # to the app

    async def send(
        self, kind: Kind, payload: Mapping[str, Any], retry: Retry | None = None
    ) -> Delivered:
        """Send a payload to the app the way it is set up now."""
        if self.faults.down:
            return Delivered(0, error="dispatch_failed", reason="connection_failed")
        if self.request_url is None:
            return await self.sockets.send(kind, payload, retry)
        http = HttpDelivery(self._core, self._signing_secret, self.request_url)
        return await http.send(kind, payload, retry)

    @property
    def last_payload(self) -> Mapping[str, Any] | None:
        """Return the payload that was sent to the app last."""
        return self._recorder.last_payload

    @property
    def last_kind(self) -> Kind | None:
        """Return the kind of ``last_payload``."""
        return self._recorder.last_kind

    async def deliver(self, payload: Mapping[str, Any], kind: Kind) -> Ack:
        """Send a payload once more, exactly as it is."""
        delivered = await self.send(kind, payload)
        text = delivered.error or str(delivered.body.get("text") or "")
        return Ack(delivered.error is None, delivered.status, text, delivered.body, delivered.error)

    # acting as a person

    async def say(
        self, user: str, channel: str, text: str, thread_ts: str | None = None
    ) -> Message:
        """Post ordinary talk."""
        return await self._people.say(user, channel, text, thread_ts)

    def add_file(self, user: str, name: str, content: bytes, *channels: str) -> dict[str, Any]:
        """Add a file, as a form's field takes it, or to channels."""
        return file_json(self._core, add(self._core, user, name, content, list(channels)))

    async def share_file(self, user: str, channel: str, name: str, content: bytes) -> Message:
        """Post a file in a channel."""
        return await self._people.share(user, channel, name, content)

    async def slash(self, user: str, channel: str, text: str) -> Ack:
        """Type a slash command, for example ``/billemail BR-1``."""
        return await self._people.slash(user, channel, text)

    async def click(  # noqa: PLR0913 - what identifies a click, and the two ways to forge one
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: Any = None,
        block_id: str | None = None,
        force: bool = False,
        block: Mapping[str, Any] | None = None,
    ) -> Ack:
        """Use an element of a message as it stands now.

        With ``force`` the click is sent even though the message does not offer it: ``block`` is
        the element as it once was, or ``value`` a forged value.

        Raises:
            NotOnScreenError: the message has no such element (without ``force``).
        """
        if force:
            action = {**(block or {}), "action_id": action_id}
            if value is not None:
                action["value"] = value
            if block_id is not None:
                action["block_id"] = block_id
            return await self._screens.forge(user, channel, ts, action)
        return await self._screens.click(
            user, channel, ts, action_id, value=value, block_id=block_id
        )

    async def choose(
        self, user: str, action_id: str, value: Any = None, *, block_id: str | None = None
    ) -> Ack:
        """Use an element of the open modal, or of the home when no modal is open."""
        return await self._screens.choose(user, action_id, value, block_id)

    async def submit(self, user: str, values: Mapping[str, Any] | None = None) -> Submission:
        """Fill in the modal on top, by block_id or label, and submit it."""
        return await self._screens.submit(user, values or {})

    async def close(self, user: str) -> Ack:
        """Press the close button of the modal on top."""
        return await self._screens.close(user)

    async def shortcut(self, user: str, callback_id: str) -> Ack:
        """Use a global shortcut."""
        return await self._people.shortcut(user, callback_id)

    async def message_shortcut(self, user: str, callback_id: str, channel: str, ts: str) -> Ack:
        """Use a shortcut on a message."""
        return await self._people.message_shortcut(user, callback_id, channel, ts)

    async def open_home(self, user: str) -> Ack:
        """Open the app's home tab."""
        return await self._people.open_home(user)

    # seeing

    def channel_messages(self, channel: str) -> list[Message]:
        """Return the messages of a channel's main view, oldest first."""
        place = self.workspace.channel(channel)
        if place is None:
            return []
        return [m for m in place.messages if not m.deleted and (not m.is_reply or m.broadcast)]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Return the replies below a message, oldest first."""
        place = self.workspace.channel(channel)
        return place.replies(ts) if place is not None else []

    def private(self, user: str, channel: str | None = None) -> list[Message]:
        """Return what only ``user`` can see, oldest first."""
        return [
            m
            for m in self.workspace.ephemerals
            if m.ephemeral_to == user and not m.deleted and channel in (None, m.channel)
        ]

    def view(self, user: str) -> dict[str, Any] | None:
        """Return the modal on top of a person's screen."""
        top = self._screens.top(user)
        return top.payload() if top is not None else None

    def home(self, user: str) -> dict[str, Any] | None:
        """Return a person's home of the app."""
        found = self.workspace.homes.get(user)
        return found.payload() if found is not None else None

    async def until(self, predicate: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait up to ``seconds`` of real time until ``predicate`` holds.

        Raises:
            AssertionError: it did not; the text says what the workspace holds.
        """
        if not await self._core.changes.until(predicate, seconds):
            raise AssertionError(f"not within {seconds} s\n{self._summary()}")

    def _summary(self) -> str:
        lines = ["messages:"]
        lines += [f"  {m.channel} {m.ts} {m.text[:80]!r}" for m in self.workspace.messages()]
        lines.append("views:")
        for view in self.workspace.all_views():
            title = (view.content.get("title") or {}).get("text", "home")
            lines.append(f"  {view.user} {title!r} errors={view.errors}")
        lines.append("last calls:")
        lines += [f"  {c.method} {c.error or 'ok'}" for c in self.calls[-10:]]
        return "\n".join(lines)
