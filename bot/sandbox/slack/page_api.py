"""The page's side: its files, its state, its changes, and what a person does in it."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.errors import NotOnScreenError
from bot.sandbox.slack.people import Ack, People, Submission
from bot.sandbox.slack.rendering import file_json
from bot.sandbox.slack.screen_state import state_for
from bot.sandbox.slack.screens import Screens
from bot.sandbox.slack.web_api_files import add

PAGE: Final = Path(__file__).resolve().parent.parent / "page"
_KEEP_ALIVE_SECONDS: Final = 15.0


class PageApi:
    """Handlers for everything that is not Slack's own."""

    def __init__(self, core: Core, people: People, screens: Screens) -> None:
        self._core = core
        self._people = people
        self._screens = screens
        self._streams: set[asyncio.Task[Any]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", self._index),
            web.get("/page/{name}", self._page_file),
            web.get("/sandbox/state", self._state),
            web.get("/sandbox/events", self._events),
            web.post("/sandbox/act", self._act),
            web.get("/sandbox/files/{id}", self._file),
            web.post("/sandbox/add-file", self._add_file),
            web.post("/sandbox/faults", self._faults),
            web.get("/sandbox/calls", self._calls),
        ]

    def stop(self) -> None:
        """End every stream of changes."""
        for task in self._streams:
            task.cancel()

    async def _index(self, _request: web.Request) -> web.StreamResponse:
        return _static("index.html")

    async def _page_file(self, request: web.Request) -> web.StreamResponse:
        return _static(request.match_info["name"])

    def _as(self, name: Any) -> str:
        user = self._core.workspace.users.get(str(name))
        if user is None or user.is_bot:
            raise web.HTTPNotFound(text="no such person")
        return user.id

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(state_for(self._core, self._as(request.query.get("as"))))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        person = self._as(request.query.get("as"))
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        try:
            await self._stream(response, person)
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            if task is not None:
                self._streams.discard(task)
        return response

    async def _stream(self, response: web.StreamResponse, person: str) -> None:
        seq = self._core.changes.seq(person)
        await response.write(f'data: {{"seq": {seq}}}\n\n'.encode())
        while True:
            try:
                waiting = self._core.changes.after(person, seq)
                seq = await asyncio.wait_for(waiting, _KEEP_ALIVE_SECONDS)
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            await response.write(f'data: {{"seq": {seq}}}\n\n'.encode())

    async def _file(self, request: web.Request) -> web.Response:
        stored = self._core.workspace.files.get(request.match_info["id"])
        if stored is None or stored.content is None:
            raise web.HTTPNotFound(text="no such file")
        return web.Response(
            body=stored.content,
            content_type=stored.mimetype,
            headers={
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            },
        )

    async def _add_file(self, request: web.Request) -> web.Response:
        """Take a file for a form, as the person adds it there."""
        # As in `_object`: a page of another site cannot send this content type unasked.
        if request.content_type != "application/octet-stream":
            raise web.HTTPUnsupportedMediaType(text="send application/octet-stream")
        person, name = self._as(request.query.get("as")), request.query.get("name") or "file"
        stored = add(self._core, person, name, await request.read(), [])
        return web.json_response(file_json(self._core, stored))

    async def _act(self, request: web.Request) -> web.Response:
        data = await _object(request)
        person = self._as(data.get("as"))
        try:
            result = await self._do(person, data)
        except NotOnScreenError as missing:
            gone = {"ok": False, "error": "not_on_screen", "errors": {}, "missing": str(missing)}
            return web.json_response(gone)
        except KeyError as missing:
            return web.json_response(
                {"ok": False, "error": f"missing {missing}", "errors": {}}, status=400
            )
        return web.json_response(_outcome(result))

    async def _do(self, person: str, data: Mapping[str, Any]) -> Ack | Submission | None:
        match data.get("kind"):
            case "message":
                thread = data.get("thread_ts")
                await self._people.say(person, data["channel"], str(data["text"]), thread)
                return None
            case "slash":
                return await self._people.slash(person, data["channel"], str(data["text"]))
            case "click" | "choose" if data.get("ts"):
                return await self._in_message(person, data)
            case "click" | "choose":
                action = (data["action_id"], data.get("value"), data.get("block_id"))
                return await self._screens.choose(person, *action)
            case "submit":
                return await self._screens.submit(person, data.get("values") or {})
            case _:
                return await self._do_elsewhere(person, data)

    async def _in_message(self, person: str, data: Mapping[str, Any]) -> Ack:
        """Use an element of a message as the person's screen shows it: it may have changed just now.

        A person who confirms a button while somebody else decides still presses that button.
        """
        where = (person, data["channel"], data["ts"])
        value, block_id = data.get("value"), data.get("block_id")
        try:
            return await self._screens.click(
                *where, data["action_id"], value=value, block_id=block_id
            )
        except NotOnScreenError:
            self._people.seen_message(*where)
            if data["kind"] != "click":
                raise
        shown = value if isinstance(value, dict) else {"value": value}
        old = {"action_id": data["action_id"], "block_id": block_id or "", **shown}
        return await self._screens.forge(*where, old)

    async def _do_elsewhere(self, person: str, data: Mapping[str, Any]) -> Ack | None:
        match data.get("kind"):
            case "close":
                return await self._screens.close(person)
            case "shortcut":
                return await self._people.shortcut(person, data["callback_id"])
            case "message_shortcut":
                where = (data["channel"], data["ts"])
                return await self._people.message_shortcut(person, data["callback_id"], *where)
            case "home":
                return await self._people.open_home(person)
            case other:
                raise NotOnScreenError(f"unknown action: {other!r}")

    async def _faults(self, request: web.Request) -> web.Response:
        data = await _object(request)
        faults = self._core.faults
        try:
            if data.get("clear"):
                faults.clear()
            if "down" in data:
                faults.down = bool(data["down"])
            if "method" in data:
                how = {
                    k: v for k, v in data.items() if k not in {"method", "kind", "clear", "down"}
                }
                faults.add(data["method"], data["kind"], **how)
        except (KeyError, TypeError, ValueError) as wrong:
            return web.json_response({"ok": False, "error": str(wrong)}, status=400)
        return web.json_response({"ok": True})

    async def _calls(self, _request: web.Request) -> web.Response:
        calls = [
            {
                "method": call.method,
                "args": dict(call.args),
                "ok": call.ok,
                "error": call.error,
                "time": call.time.isoformat(),
            }
            for call in list(self._core.calls)
        ]
        return web.json_response({"calls": calls})


def _outcome(result: Ack | Submission | None) -> dict[str, Any]:
    match result:
        case None:
            return {"ok": True, "error": None, "errors": {}}
        case Ack():
            error = None if result.ok else result.error or result.text
            return {"ok": result.ok, "error": error, "errors": {}}
        case Submission():
            return {"ok": result.ok, "error": result.error, "errors": dict(result.errors)}


async def _object(request: web.Request) -> dict[str, Any]:
    # A page of another site cannot send this content type without asking first (CORS).
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json")
    data: Any = None
    with contextlib.suppress(json.JSONDecodeError):
        data = await request.json()
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="send a JSON object")
    return data


def _static(name: str) -> web.StreamResponse:
    path = PAGE / name
    if path.parent != PAGE or not path.is_file():
        raise web.HTTPNotFound(text="no such file of the page")
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})
