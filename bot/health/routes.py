"""`/livez`, `/healthz`, `/readyz` and `/metrics` over HTTP."""

from collections.abc import Mapping

from aiohttp import web
from prometheus_client import generate_latest

from bot.health.figures import CONTENT_TYPE, Exposition
from bot.health.health import FOR_A_PERSON, READY, Health
from bot.health.starting import Starting
from bot.metrics import REGISTRY


def routes(health: "Health | Front", exposition: "Exposition | Front | None") -> list[web.RouteDef]:
    """Return the routes.

    Args:
        health: How the bot is.
        exposition: The text of `/metrics`; None: `/metrics` is served at another port.
    """

    async def livez(_: web.Request) -> web.Response:
        return _said({"status": health.alive()})

    async def healthz(_: web.Request) -> web.Response:
        status = health.healthy()
        can_be_read = (
            status == READY or status in FOR_A_PERSON
        )  # otherwise the status is the reason
        why = health.standstill if can_be_read else ""
        return _said({"status": status, **({"held": why} if why else {})})

    async def readyz(_: web.Request) -> web.Response:
        return _said(health.ready())

    found = [
        web.get("/livez", livez),
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
    ]
    if exposition is not None:

        async def metrics(_: web.Request) -> web.Response:
            return web.Response(
                body=await exposition.text(), headers={"Content-Type": CONTENT_TYPE}
            )

        found.append(web.get("/metrics", metrics))
    return found


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
