"""Routes requests to their handlers, and cuts connections while Slack is down."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.methods import METHODS
from bot.sandbox.slack.page_api import PageApi
from bot.sandbox.slack.responses import handle_response
from bot.sandbox.slack.socket_mode import SocketMode
from bot.sandbox.slack.web_api import WebApi
from bot.sandbox.slack.web_api_files import download, log_in, upload

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LARGEST_REQUEST: Final = 64 * 1024 * 1024


def make_app(core: Core, sockets: SocketMode, page: PageApi) -> web.Application:
    """Return the web application of the local Slack."""
    app = web.Application(middlewares=[_reachable(core)], client_max_size=_LARGEST_REQUEST)
    api = WebApi(core, METHODS)

    async def take_upload(request: web.Request) -> web.StreamResponse:
        return await upload(core, request)

    async def give_file(request: web.Request) -> web.StreamResponse:
        return await download(core, request)

    async def take_response(request: web.Request) -> web.StreamResponse:
        return await handle_response(core, request)

    app.router.add_route("*", "/api/{method}", api.handle)
    app.router.add_get("/link/", sockets.handle)
    app.router.add_post("/upload/v1/{token}", take_upload)
    app.router.add_get("/files-pri/{name}/download/file", give_file)
    app.router.add_get("/login", log_in)
    for path in ("commands", "actions", "app"):
        app.router.add_post(f"/{path}/{{team}}/{{token}}", take_response)
    app.add_routes(page.routes())
    return app


def _reachable(core: Core) -> Middleware:
    @web.middleware
    async def reach(request: web.Request, handler: Handler) -> web.StreamResponse:
        ours = request.path == "/" or request.path.startswith(("/sandbox/", "/page/"))
        if ours or not core.faults.down:
            try:
                return await handler(request)
            except ConnectionAbortedError:
                pass  # a cut on request: the connection is ended below
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    return reach
