"""`billing-bot run` and `billing-bot web`: the bot with real tokens."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import click
from slack_sdk.errors import SlackClientError

from bot.cli.clock import SystemClock
from bot.cli.exits import WRONG_SETTINGS
from bot.cli.logs import log_to_stderr
from bot.health.figures import Exposition
from bot.health.routes import routes, server
from bot.policy.file import PolicyError
from bot.settings import Mode, Settings, SettingsError, read_settings
from bot.slack.admission import NotAdmittedError
from bot.slack.door import PortError, opened
from bot.slack.server import make_server
from bot.slack.signatures import Signatures
from bot.slack.socket_mode import SocketMode
from bot.slack.web import ProxyError, SlackWeb
from bot.store.database import StoreError
from bot.wiring.build import build
from bot.wiring.running import Bot
from bot.wiring.starting import CannotStartError

logger = logging.getLogger(__name__)

WRONG = (
    SettingsError, PolicyError, StoreError, CannotStartError, NotAdmittedError, PortError, ProxyError,
)  # fmt: skip
"""What does not let the bot start: each says it in a sentence that names the setting."""

EVERYWHERE = "0.0.0.0"  # noqa: S104 - Slack comes from outside; every request is signed


@click.command()
def run() -> None:
    """Run with Socket Mode: no public address needed."""
    _serve("run")


@click.command()
def web() -> None:
    """Run with signed HTTP at /slack/events, /healthz beside it, on PORT."""
    _serve("web")


def _serve(mode: Mode) -> None:
    log_to_stderr()
    try:
        asyncio.run(_until_stopped(read_settings(mode), mode))
    except WRONG as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_SETTINGS)
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        click.echo(f"Slack rejected the bot's token: {error}", err=True)
        sys.exit(WRONG_SETTINGS)


async def _until_stopped(settings: Settings, mode: Mode) -> None:
    """Serve until a signal comes; one that comes before the bot is ready breaks the start off."""
    stopped, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(_serving(settings, mode, stopped, ready))

    def stop() -> None:
        stopped.set()
        if not ready.is_set():
            serving.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        logger.info("stopped before it was ready")


async def _serving(
    settings: Settings, mode: Mode, stopped: asyncio.Event, ready: asyncio.Event
) -> None:
    bot = await build(settings, SystemClock())
    try:
        async with connected(bot, settings, mode):
            bot.start()
            collect_less()
            ready.set()
            logger.info("ready")
            await stopped.wait()
            logger.info("stopping")
            await bot.finish()
    finally:
        await bot.stop()


NEW_OBJECTS = 10_000
"""So many more of them, and the garbage collector looks for cycles among them."""


def collect_less() -> None:
    """Let the garbage collector look at less, and less often, once the bot has started.

    A full collection looks at every object there is, which holds the event loop for some 50 ms.
    Without the modules, their classes and functions there is hardly anything left to look at.

    New objects it looks through, by default, whenever there are some hundreds more. Two hundred clicks at
    once make as many again and again, and hardly any of them is garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


@asynccontextmanager
async def connected(
    bot: Bot, settings: Settings, mode: Mode, *, host: str = EVERYWHERE
) -> AsyncIterator[int]:
    """The bot connected to Slack in one of its two ways; yields the port (0 for Socket Mode)."""
    async with AsyncExitStack() as stack:
        if settings.health_port is not None:
            await stack.enter_async_context(_health_port(bot, settings))
        if mode == "run":
            await stack.enter_async_context(_socket_mode(bot, settings))
            yield 0
        else:
            yield await stack.enter_async_context(_http(bot, settings, host))


@asynccontextmanager
async def _health_port(bot: Bot, settings: Settings) -> AsyncIterator[None]:
    """`/healthz`, `/readyz` and `/metrics` at a port of their own."""
    beside = server(bot.readiness, Exposition(bot.readiness, settings.database_path))
    async with opened(beside, settings.health_host, settings.health_port or 0, "HEALTH_PORT"):
        yield


@asynccontextmanager
async def _socket_mode(bot: Bot, settings: Settings) -> AsyncIterator[None]:
    token = settings.slack_app_token.get_secret_value()
    client = SlackWeb(bot.parts.clock, token=token, base_url=settings.slack_api_url)
    attending = bot.parts.store.turns.attending
    handler = SocketMode(bot.app, token, web_client=client, attending=attending)
    bot.readiness.connection, bot.readiness.shares_clicks = handler.trouble, True
    try:
        await handler.open()
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def _http(bot: Bot, settings: Settings, host: str) -> AsyncIterator[int]:
    signatures = Signatures(settings.slack_signing_secret.get_secret_value())
    exposition = None
    if settings.health_port is None:
        exposition = Exposition(bot.readiness, settings.database_path)
    beside = routes(bot.readiness, exposition)
    door = make_server(bot.app, signatures, beside, bot.parts.store.turns.attending)
    async with opened(door, host, settings.port) as port:
        yield port
