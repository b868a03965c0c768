"""A local Slack on a free port, a real Bolt app against it in either mode, and a clock to turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack

MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Billing Bot"},
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "billing_bot"},
        "slash_commands": [{"command": "/billemail", "description": "Mail a bill run"}],
        "shortcuts": [
            {"name": "New", "type": "global", "callback_id": "new_request"},
            {"name": "Look", "type": "message", "callback_id": "look"},
        ],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "chat:write",
                "commands",
                "users:read",
                "usergroups:read",
                "channels:read",
                "channels:history",
                "im:write",
                "im:history",
                "files:write",
                "files:read",
                "reactions:write",
            ]
        }
    },
    "settings": {"event_subscriptions": {"bot_events": ["app_home_opened", "app_mention"]}},
}


class TurnedClock:
    """A clock that stands still until a test turns it."""

    def __init__(self):
        self.time = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
        self._sleepers = []

    def now(self):
        return self.time

    async def sleep(self, seconds):
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.time + timedelta(seconds=seconds), woken))
        await woken

    @property
    def sleeping(self):
        return [until for until, woken in self._sleepers if not woken.done()]

    def turn(self, seconds):
        self.time += timedelta(seconds=seconds)
        for until, woken in self._sleepers:
            if until <= self.time and not woken.done():
                woken.set_result(None)


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
async def slack(clock) -> AsyncIterator[LocalSlack]:
    server = LocalSlack(clock, manifest=MANIFEST)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(slack):
    return AsyncWebClient(token="xoxb-sandbox", base_url=slack.api_url, retry_handlers=[])


@contextlib.asynccontextmanager
async def over_socket(slack, app):
    """Connect a Bolt app by Socket Mode."""
    web_client = AsyncWebClient(token="xapp-sandbox", base_url=slack.api_url)
    handler = AsyncSocketModeHandler(app, "xapp-sandbox", web_client=web_client)
    await handler.connect_async()
    await slack.until(lambda: slack.sockets.connections == 1)
    try:
        yield handler
    finally:
        await handler.client.disconnect()
        await handler.close_async()


@contextlib.asynccontextmanager
async def over_http(slack, app):
    """Serve a Bolt app's Request URL."""
    runner = web.AppRunner(app.server(port=0).web_app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield runner
    finally:
        await runner.cleanup()


@pytest.fixture
def app(client):
    return AsyncApp(client=client, signing_secret="sandbox-signing-secret")


@pytest.fixture(params=["socket", "http"])
async def connected(request, slack, app):
    """The app, connected in each of the two modes."""
    way = over_socket if request.param == "socket" else over_http
    async with way(slack, app):
        yield app
