"""The run mode: Socket Mode, Slack's payloads over a WebSocket that the bot opens."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.metrics import ACKS, SLACK_CONNECTIONS
from bot.slack import payloads
from bot.slack.admission import NotAdmittedError, socket_address
from bot.slack.errors import LIMITED, NO_ANSWER, NO_CONNECTION, name_of, seconds_to_wait
from bot.slack.listening import Attending, Dispatches
from bot.slack.web import SlackWeb, proxy_for

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 20.0
"""The most that opening a WebSocket takes; aiohttp itself would wait for five minutes."""

RECONNECT_SECONDS = 1.0
SHORT_SECONDS = 10.0
"""A connection that ends within so many seconds is followed by a pause, which doubles each time: Slack ends the eleventh
connection of an app at once, and would be asked for others without end."""

LONGEST_RECONNECT_SECONDS = 30.0
SECONDS_TO_CLOSE = 2.0
"""How many seconds the end waits for answers that are being made."""

TURNS_TO_HAND_OVER = 10
"""After so many turns of the event loop the SDK has handed over what it has read: a task takes it from a queue and starts another."""

MISSED_PINGS = 4
"""After this many unanswered pings the SDK considers a connection dead."""


class _Handshakes:
    """What the SDK's client needs of a session: it opens WebSockets, each within a time limit.

    An address is good for one try. After a failed try the SDK would use the same address for ever, so
    it is made to ask for another.
    """

    def __init__(self, client: SocketModeClient) -> None:
        self._client = client
        self._session = client.aiohttp_client_session
        self._opened_at = -SHORT_SECONDS
        self._pause = RECONNECT_SECONDS

    @property
    def closed(self) -> bool:
        """Whether the session is closed."""
        return self._session.closed

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def after_a_short_one(self) -> None:
        """Wait if the last connection was short."""
        if time.monotonic() - self._opened_at >= SHORT_SECONDS:
            self._pause = RECONNECT_SECONDS
            return
        logger.warning("slack_ended_the_connection_at_once", extra={"pause": self._pause})
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_RECONNECT_SECONDS)
        await asyncio.sleep(pause)

    async def ws_connect(self, address: str, **how: Any) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket within the time limit, through the proxy that is right for this address."""
        self._client.wss_uri = None
        how["proxy"] = proxy_for(address)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                opened: aiohttp.ClientWebSocketResponse = await self._session.ws_connect(
                    address, **how
                )
        except TimeoutError:
            logger.warning("slack_handshake_given_up", extra={"seconds": HANDSHAKE_SECONDS})
            raise
        except NO_CONNECTION as error:
            logger.warning("slack_handshake_failed", extra={"error": type(error).__name__})
            raise
        self._opened_at = time.monotonic()
        SLACK_CONNECTIONS.inc()
        logger.info("slack_connected")
        return opened


class SocketMode(AsyncSocketModeHandler):
    """Bolt's handler; while it answers somebody, work that can wait lets it go first.

    Args:
        app: The Bolt app.
        answers: What answers a payload: the app, or what hands it over to the app.
        web_client: Asks Slack for the WebSocket's address, with the app-level token (`xapp-`).
        attending: Entered for every payload with whose it is, until it is acknowledged.
        refused: Called with the reason when Slack refuses the app-level token of a bot that was connected.
    """

    def __init__(
        self,
        app: AsyncApp,
        *,
        answers: Dispatches,
        web_client: SlackWeb,
        attending: Attending,
        refused: Callable[[str], None],
    ) -> None:
        self._attending = attending
        self._refused = refused
        self._answering = 0
        self._answered = asyncio.Event()
        self._answered.set()
        super().__init__(app, web_client.token, web_client=web_client)
        self.app = answers  # type: ignore[assignment] # Bolt's handler asks it for answers, and nothing else
        self._handshakes = _Handshakes(self.client)
        self.client.aiohttp_client_session = self._handshakes  # type: ignore[assignment]
        self.client.issue_new_wss_url = self._new_address  # type: ignore[method-assign]

    def use(self, app_token: str) -> None:
        """Connect with another app-level token from the next time on."""
        self.app_token = self.client.app_token = app_token

    async def _new_address(self) -> str:
        """Return an address for a reconnect; a token that is refused now will be refused later too."""
        await self._handshakes.after_a_short_one()
        try:
            return await socket_address(self.client.web_client, self.client.app_token)
        except NotAdmittedError as error:
            self._refused(str(error))
            raise
        except NO_ANSWER as error:
            name, pause = type(error).__name__, RECONNECT_SECONDS
            if isinstance(error, SlackApiError):
                name = name_of(error)
                pause = seconds_to_wait(error) if name in LIMITED else pause
            logger.warning("slack_not_connected", extra={"error": name})
            await asyncio.sleep(pause)
            raise

    async def open(self) -> None:
        """Connect.

        Raises:
            NotAdmittedError: The app-level token is not valid; the SDK would try for ever.
            SlackClientError: Slack does not answer.
        """
        self.client.wss_uri = await socket_address(self.client.web_client, self.app_token)
        await self.connect_async()  # type: ignore[no-untyped-call]

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Answer as Bolt does, with the time measured."""
        self._answering += 1
        self._answered.clear()
        try:
            with ACKS.time():
                async with self._attending(payloads.person_of(req.payload)):
                    await super().handle(client, req)
        finally:
            self._answering -= 1
            if not self._answering:
                self._answered.set()

    async def close_async(self) -> None:
        """Answer what has come, and close the connection; what comes after that Slack shows as not answered."""
        for _ in range(TURNS_TO_HAND_OVER):
            await asyncio.sleep(0)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), SECONDS_TO_CLOSE)
        await super().close_async()  # type: ignore[no-untyped-call]

    def trouble(self) -> str:
        """Say why Slack's payloads do not come, for everybody; empty while they do."""
        client = self.client
        session = client.current_session
        closed = client.closed or client.stale or session is None or session.closed
        heard = client.last_ping_pong_time
        deaf = heard is not None and time.time() - heard >= MISSED_PINGS * client.ping_interval
        return "slack not connected" if closed or deaf else ""
