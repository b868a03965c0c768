"""`/livez`, `/healthz`, `/readyz` and `/metrics` over HTTP."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import generate_latest

from bot.health.figures import CONTENT_TYPE, Exposition
from bot.health.health import FOR_A_PERSON, READY, TURNED_SECONDS, Health
from bot.health.starting import Starting
from bot.metrics import REGISTRY
from bot.slack.listening import PROBE_SECONDS, Listening

LIVEZ = "/livez"


def routes(
    health: "Health | Front", exposition: "Exposition | Front | None", place: Listening
) -> list[web.RouteDef]:
    """Return the routes.

    Args:
        health: How the bot is.
        exposition: The text of `/metrics`; None: `/metrics` is served at another port.
        place: Where they are answered; how the bot is, the loop that works knows.
    """

    async def livez() -> Mapping[str, str]:
        return {"status": health.alive()}

    async def healthz() -> Mapping[str, str]:
        status = health.healthy()
        can_be_read = (
            status == READY or status in FOR_A_PERSON
        )  # otherwise the status is the reason
        why = health.standstill if can_be_read else ""
        return {"status": status, **({"held": why} if why else {})}

    async def readyz() -> Mapping[str, str]:
        return health.ready()

    found = [
        _probe(place, LIVEZ, livez),
        _probe(place, "/healthz", healthz),
        _probe(place, "/readyz", readyz),
    ]
    if exposition is not None:

        async def metrics(_: web.Request) -> web.Response:
            text = await place.worked(exposition.text)
            return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

        found.append(web.get("/metrics", metrics))
    return found


def _probe(
    place: Listening, path: str, ask: Callable[[], Awaitable[Mapping[str, str]]]
) -> web.RouteDef:
    """Return the route of a probe; while the loop that works is silent, it says why, and after a minute that it failed."""

    async def said(_: web.Request) -> web.Response:
        try:
            found = await place.worked(ask, PROBE_SECONDS)
        except TimeoutError:
            silent = READY if path == LIVEZ else place.why_silent
            hangs = place.silent_seconds > TURNED_SECONDS
            found = {"status": "failed" if hangs else silent}
        return _said(found)

    return web.get(path, said)


class Front:
    """What the health port answers, also while the bot is still starting."""

    def __init__(self, starting: Starting) -> None:
        self._starting = starting
        self.health: Health | None = None
        self.exposition: Exposition | None = None

    def alive(self) -> str:
        """Return the bot's answer; a start that waits is alive."""
        return READY if self.health is None else self.health.alive()

    def healthy(self) -> str:
        """Return the bot's answer; a start that waits continues by itself."""
        return READY if self.health is None else self.health.healthy()

    @property
    def standstill(self) -> str:
        """Return the bot's answer."""
        return "" if self.health is None else self.health.standstill

    def ready(self) -> Mapping[str, str]:
        """Return the bot's answer; before there is a bot, what the start waits for."""
        if self.health is not None:
            return self.health.ready()
        waits_for = self._starting.waits_for
        return {"status": f"waits for {waits_for}" if waits_for else "starts"}

    async def text(self) -> bytes:
        """Return the bot's metrics; before there is a bot, what was counted so far."""
        return (
            generate_latest(REGISTRY) if self.exposition is None else await self.exposition.text()
        )


def _said(found: Mapping[str, str]) -> web.Response:
    return web.json_response(found, status=200 if found["status"] == READY else 503)
