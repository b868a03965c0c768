"""The Web API's front: tokens, scopes, rate limits, trouble on request, then the method."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web

from bot.sandbox.slack.arguments import Args, read_args
from bot.sandbox.slack.core import ApiCall, Core
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.faults import Fault

_HANG_SECONDS: Final = 3600.0  # far beyond any caller's patience
Handler = Callable[[Core, Args], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """A method: its handler, its scopes (one is enough), its tier and its kind of token."""

    handler: Handler
    scopes: tuple[str, ...] = ()
    tier: int | None = 3
    token: Literal["bot", "app", "any", "none"] = "bot"


def need_scope(core: Core, *scopes: str) -> None:
    """Check that the manifest asks for one of ``scopes``.

    Raises:
        SlackError: ``missing_scope`` with ``needed`` and ``provided``.
    """
    provided = core.scopes()
    if scopes and not set(scopes) & set(provided):
        raise SlackError("missing_scope", needed=scopes[0], provided=",".join(provided))


class WebApi:
    """Answers ``/api/<method>``."""

    def __init__(self, core: Core, methods: Mapping[str, Method]) -> None:
        self._core = core
        self._methods = methods

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call and record it."""
        name = request.match_info["method"]
        args: Args = Args({})
        fault = self._core.faults.take(name)
        try:
            args = await read_args(request)
            await self._before(fault, request)
            body = self._answer(name, args, request)
        except SlackError as refusal:
            self._record(name, args, refusal.code)
            return _response(refusal.body(), self._core, refusal.retry_after)
        except web.HTTPException as trouble:
            self._record(name, args, f"http_{trouble.status}")
            return web.Response(status=trouble.status, text=trouble.text)
        except ConnectionAbortedError:
            self._record(name, args, "dropped")
            raise
        self._record(name, args, None)
        if fault is not None and fault.kind == "lose_answer":
            raise ConnectionAbortedError
        if fault is not None and fault.kind == "page":
            kind = fault.content_type
            return web.Response(status=fault.code, text=fault.text, content_type=kind)
        return _response({"ok": True, **body}, self._core, None)

    async def _before(self, fault: Fault | None, request: web.Request) -> None:
        if fault is None:
            return
        if fault.kind == "slow":
            await self._core.clock.sleep(fault.seconds)
        elif fault.kind == "hang":
            await self._core.changes.until(lambda: _gone(request), _HANG_SECONDS)
            raise ConnectionAbortedError
        else:
            _raise(fault)

    def _answer(self, name: str, args: Args, request: web.Request) -> dict[str, Any]:
        method = self._methods.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        if method.token != "none":
            self._check_token(method, args, request)
        if method.token == "bot":
            need_scope(self._core, *method.scopes)
        self._core.rates.check(name, method.tier)
        return method.handler(self._core, args)

    def _check_token(self, method: Method, args: Args, request: web.Request) -> None:
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ").strip() or args.text("token")
        if not token:
            raise SlackError("not_authed")
        if token not in (self._core.bot_token, self._core.app_token):
            raise SlackError("invalid_auth")
        kind = "bot" if token == self._core.bot_token else "app"
        if method.token not in ("any", kind):
            raise SlackError("not_allowed_token_type")

    def _record(self, name: str, args: Args, error: str | None) -> None:
        values = {key: value for key, value in args.values.items() if key != "token"}
        call = ApiCall(name, values, error is None, error, self._core.clock.now())
        self._core.calls.append(call)
        self._core.changes.wake()


def _raise(fault: Fault) -> None:
    """Fail right away, as the fault says; a lost answer is lost later."""
    match fault.kind:
        case "ratelimited":
            raise SlackError("ratelimited", retry_after=fault.retry_after)
        case "error":
            raise SlackError(fault.error)
        case "status":
            raise _status(fault.code)
        case "drop":
            raise ConnectionAbortedError
        case "slow" | "hang" | "lose_answer" | "page":
            return


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _status(code: int) -> web.HTTPException:
    class Trouble(web.HTTPException):
        status_code = code

    return Trouble(text="the server has trouble")


def _response(body: dict[str, Any], core: Core, retry_after: int | None) -> web.Response:
    headers = {"X-OAuth-Scopes": ",".join(core.scopes())}
    status = 200
    if retry_after is not None:
        status = 429
        headers["Retry-After"] = str(retry_after)
    return web.Response(
        text=json.dumps(body), content_type="application/json", status=status, headers=headers
    )
