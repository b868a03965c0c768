"""How Slack reaches the bot, by Socket Mode or HTTP, and the port for probes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Self

from aiohttp import web as http

from bot.health.figures import Exposition
from bot.health.routes import Front, routes
from bot.health.starting import Starting
from bot.settings import Mode, Settings
from bot.slack.answering import Answering
from bot.slack.door import opened
from bot.slack.listening import (
    Attending,
    Dispatches,
    HandsOver,
    Listening,
    OnItsOwnLoop,
    where_to_listen,
)
from bot.slack.server import make_server
from bot.slack.signatures import Signatures
from bot.slack.socket_mode import SocketMode
from bot.slack.web import SlackWeb
from bot.store.engine import is_postgres
from bot.wiring.running import Bot

EVERYWHERE = "0.0.0.0"  # noqa: S104 - Slack comes from outside; every request is signed


class Doorway(NamedTuple):
    """Which of the two ways Slack reaches the bot; `host` is where the web mode listens."""

    mode: Mode
    host: str


@dataclass
class Connection:
    """How Slack reaches the bot.

    Attributes:
        port: The port of the web mode; 0 for Socket Mode.
        use: Takes secrets that were read again.
        on_refused: What is done when Slack refuses the app-level token at a reconnect.
    """

    port: int
    use: Callable[[Settings], None]
    on_refused: list[Callable[[str], None]] = field(default_factory=list)


@asynccontextmanager
async def listens(settings: Settings) -> AsyncIterator[Listening]:
    """Return where to listen: on a separate event loop if the database is on a server."""
    async with where_to_listen(apart=is_postgres(settings.database_path)) as place:
        yield place


@asynccontextmanager
async def connected(
    bot: Bot, settings: Settings, mode: Mode, *, host: str = EVERYWHERE
) -> AsyncIterator[int]:
    """Connect the bot to Slack in one of its two ways; yield the port (0 for Socket Mode)."""
    starting = Starting(bot.parts.clock)
    async with (
        listens(settings) as place,
        connection_to_slack(bot, settings, Doorway(mode, host), starting, place) as connection,
    ):
        yield connection.port


@asynccontextmanager
async def connection_to_slack(
    bot: Bot, settings: Settings, way: Doorway, starting: Starting, place: Listening
) -> AsyncIterator[Connection]:
    """Connect the bot to Slack in one of its two ways, with secrets that can be replaced."""
    if way.mode == "run":
        async with _socket_mode(bot, settings, starting, place) as connection:
            yield connection
    else:
        async with _http(bot, settings, way.host, place) as connection:
            yield connection


@asynccontextmanager
async def health_port(front: Front, settings: Settings, place: Listening) -> AsyncIterator[None]:
    """Serve `/livez`, `/healthz`, `/readyz` and `/metrics` at a separate port, if one is set."""
    if settings.health_port is None:
        yield
        return
    beside = http.Application()
    beside.add_routes(routes(front, front, place))
    way = opened(beside, settings.health_host, settings.health_port, "HEALTH_PORT")
    async with place.open(way):
        yield


@dataclass(frozen=True, slots=True)
class _Answers:
    """The parts that answer a payload.

    Attributes:
        app: The Bolt app, or the object that hands a payload over to it.
        attending: The context in which a payload is answered.
        use: Takes a bot token that was read again.
    """

    app: Dispatches
    attending: Attending
    use: Callable[[str], None]

    @classmethod
    def at(cls, bot: Bot, settings: Settings, place: Listening) -> Self:
        """Return these parts for one of the two event loops."""
        attending, waits = bot.parts.store.turns.attending, bot.parts.store.waits
        if waits is None or not isinstance(place, OnItsOwnLoop):
            return cls(bot.app, attending, lambda _: None)
        place.waits = waits
        token = settings.slack_bot_token.get_secret_value()
        client = SlackWeb(bot.parts.clock, token=token, base_url=settings.slack_api_url)
        there = Answering(bot.parts, bot.answering.people, client)
        over = HandsOver(place, bot.app, attending, waits, there)
        return cls(over, lambda _: nullcontext(), partial(setattr, client, "token"))


@asynccontextmanager
async def _socket_mode(
    bot: Bot, settings: Settings, starting: Starting, place: Listening
) -> AsyncIterator[Connection]:
    token = settings.slack_app_token.get_secret_value()
    client = SlackWeb(bot.parts.clock, token=token, base_url=settings.slack_api_url)
    acts: list[Callable[[str], None]] = []

    def refused(why: str) -> None:
        for act in acts:
            place.call(act, why)

    answers = _Answers.at(bot, settings, place)
    make = partial(
        SocketMode, bot.app, answers=answers.app, web_client=client, attending=answers.attending, refused=refused
    )  # fmt: skip
    async with place.open(_ended(make)) as handler:
        bot.readiness.connection, bot.readiness.shares_clicks = handler.trouble, True

        def use(again: Settings) -> None:
            handler.use(again.slack_app_token.get_secret_value())
            answers.use(again.slack_bot_token.get_secret_value())

        await starting.reached("Slack", lambda: place.run(handler.open()))
        yield Connection(0, use, acts)


@asynccontextmanager
async def _ended(make: Callable[[], SocketMode]) -> AsyncIterator[SocketMode]:
    """Make a handler, whose tasks run on the current event loop, and close it in the end."""
    handler = make()
    try:
        yield handler
    finally:
        await handler.close_async()


@asynccontextmanager
async def _http(
    bot: Bot, settings: Settings, host: str, place: Listening
) -> AsyncIterator[Connection]:
    signatures = Signatures(settings.slack_signing_secret.get_secret_value())
    exposition = None
    if settings.health_port is None:
        exposition = Exposition(bot.readiness, settings.database_path)
    beside = routes(bot.readiness, exposition, place)
    answers = _Answers.at(bot, settings, place)
    door = make_server(answers.app, signatures, beside, answers.attending)

    def use(again: Settings) -> None:
        signatures.use(again.slack_signing_secret.get_secret_value())
        answers.use(again.slack_bot_token.get_secret_value())

    async with place.open(opened(door, host, settings.port)) as port:
        yield Connection(port, use)
