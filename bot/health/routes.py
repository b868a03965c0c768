"""`/healthz`, `/readyz` and `/metrics` over HTTP."""

from collections.abc import Mapping

from aiohttp import web

from bot.health.figures import CONTENT_TYPE, Exposition
from bot.health.health import READY, Health


def routes(health: Health, exposition: Exposition | None) -> list[web.RouteDef]:
    """The routes.

    Args:
        health: How the bot is.
        exposition: The text of `/metrics`; None: that is asked for at another port.
    """

    async def healthz(_: web.Request) -> web.Response:
        return _said({"status": health.alive()})

    async def readyz(_: web.Request) -> web.Response:
        return _said(health.ready())

    found = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
    if exposition is not None:

        async def metrics(_: web.Request) -> web.Response:
            return web.Response(
                body=await exposition.text(), headers={"Content-Type": CONTENT_TYPE}
            )

        found.append(web.get("/metrics", metrics))
    return found


def server(health: Health, exposition: Exposition) -> web.Application:
    """An application of these alone, for a port of its own."""
    application = web.Application()
    application.add_routes(routes(health, exposition))
    return application


def _said(found: Mapping[str, str]) -> web.Response:
    return web.json_response(found, status=200 if found["status"] == READY else 503)
