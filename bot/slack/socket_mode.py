"""The run mode: Socket Mode, Slack's payloads over a WebSocket that the bot opens."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient


class SocketMode(AsyncSocketModeHandler):
    """Bolt's handler; while it answers somebody, what can wait lets it go first.

    Args:
        app: The Bolt app.
        app_token: Slack's app-level token (`xapp-`).
        web_client: Asks Slack for the WebSocket's address.
        attending: Entered for every payload, until it is acknowledged.
    """

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        *,
        web_client: AsyncWebClient,
        attending: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._attending = attending
        super().__init__(app, app_token, web_client=web_client)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """As Bolt does."""
        async with self._attending():
            await super().handle(client, req)
