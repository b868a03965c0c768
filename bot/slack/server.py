"""The web mode: signed HTTP at `/slack/events`, and `/healthz` beside it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

LARGEST_BODY = 1024 * 1024
TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"
LONGEST_TIME = 12  # digits of seconds since 1970


def make_server(
    app: AsyncApp,
    health: Callable[[], dict[str, str]],
    attending: Callable[[], AbstractAsyncContextManager[None]],
) -> web.Application:
    """The aiohttp application.

    Args:
        app: The Bolt app, which checks the signature.
        health: What `/healthz` tells; `status` is `ready` or it answers 503.
        attending: Entered for every payload; what can wait lets it go first.
    """

    async def events(request: web.Request) -> web.Response:
        # Bolt reads the timestamp as a number before it checks the signature, and compares only
        # ASCII signatures; what it would stumble over is refused here.
        timestamp = request.headers.get(TIMESTAMP, "")
        is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIME
        if not (is_number and request.headers.get(SIGNATURE, "").isascii()):
            return web.json_response({"error": "invalid request"}, status=401)
        await request.read()  # nobody is attended to who takes long to say what it is about
        async with attending():
            bolt_request = await to_bolt_request(request)
            return await to_aiohttp_response(await app.async_dispatch(bolt_request))

    async def healthz(_: web.Request) -> web.Response:
        told = health()
        return web.json_response(told, status=200 if told["status"] == "ready" else 503)

    server = web.Application(client_max_size=LARGEST_BODY)
    server.router.add_post("/slack/events", events)
    server.router.add_get("/healthz", healthz)
    return server
