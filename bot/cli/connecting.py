"""How Slack reaches the bot, by Socket Mode or HTTP, and the port for probes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web as http

from bot.health.figures import Exposition
from bot.health.routes import Front, routes
from bot.health.starting import Starting
from bot.settings import Mode, Settings
from bot.slack.door import opened
from bot.slack.server import make_server
from bot.slack.signatures import Signatures
from bot.slack.socket_mode import SocketMode
from bot.slack.web import SlackWeb
from bot.wiring.running import Bot

EVERYWHERE = "0.0.0.0"  # noqa: S104 - Slack comes from outside; every request is signed


@dataclass
class Connection:
    """How Slack reaches the bot.

    Attributes:
        port: Of the web mode; 0 for Socket Mode.
        use: Takes secrets that were read again.
    """

    port: int
    use: Callable[[Settings], None]
    on_refused: list[Callable[[str], None]] = field(default_factory=list)

    def when_refused(self, act: Callable[[str], None]) -> None:
        """Act when Slack refuses the app-level token at a reconnect."""
        self.on_refused.append(act)


@asynccontextmanager
async def connected(
    bot: Bot, settings: Settings, mode: Mode, *, host: str = EVERYWHERE
) -> AsyncIterator[int]:
    """Connect the bot to Slack in one of its two ways; yields the port (0 for Socket Mode)."""
    async with connection_to_slack(
        bot, settings, mode, host=host, starting=Starting(bot.parts.clock)
    ) as connection:
        yield connection.port


@asynccontextmanager
async def connection_to_slack(
    bot: Bot, settings: Settings, mode: Mode, *, host: str, starting: Starting
) -> AsyncIterator[Connection]:
    """Connect the bot to Slack in one of its two ways, with what may change meanwhile."""
    if mode == "run":
        async with _socket_mode(bot, settings, starting) as connection:
            yield connection
    else:
        async with _http(bot, settings, host) as connection:
            yield connection


@asynccontextmanager
async def health_port(front: Front, settings: Settings) -> AsyncIterator[None]:
    """Serve `/livez`, `/healthz`, `/readyz` and `/metrics` at a port of their own, where one is set."""
    if settings.health_port is None:
        yield
        return
    beside = http.Application()
    beside.add_routes(routes(front, front))
    async with opened(beside, settings.health_host, settings.health_port, "HEALTH_PORT"):
        yield


@asynccontextmanager
async def _socket_mode(
    bot: Bot, settings: Settings, starting: Starting
) -> AsyncIterator[Connection]:
    token = settings.slack_app_token.get_secret_value()
    client = SlackWeb(bot.parts.clock, token=token, base_url=settings.slack_api_url)
    acts: list[Callable[[str], None]] = []

    def refused(why: str) -> None:
        for act in acts:
            act(why)

    attending = bot.parts.store.turns.attending
    handler = SocketMode(bot.app, token, web_client=client, attending=attending, refused=refused)
    bot.readiness.connection, bot.readiness.shares_clicks = handler.trouble, True

    def use(again: Settings) -> None:
        handler.use(again.slack_app_token.get_secret_value())

    try:
        await starting.reached("Slack", handler.open)
        yield Connection(0, use, acts)
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def _http(bot: Bot, settings: Settings, host: str) -> AsyncIterator[Connection]:
    signatures = Signatures(settings.slack_signing_secret.get_secret_value())
    exposition = None
    if settings.health_port is None:
        exposition = Exposition(bot.readiness, settings.database_path)
    beside = routes(bot.readiness, exposition)
    door = make_server(bot.app, signatures, beside, bot.parts.store.turns.attending)

    def use(again: Settings) -> None:
        signatures.use(again.slack_signing_secret.get_secret_value())

    async with opened(door, host, settings.port) as port:
        yield Connection(port, use)
