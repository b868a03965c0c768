"""Socket Mode's server: hello, envelopes, acknowledgements, disconnects."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.delivery import Delivered, Kind, Retry
from bot.sandbox.slack.limits import SOCKETS
from bot.sandbox.slack.workspace import APP_ID

_DEBUG = {"host": "applink-sandbox", "build_number": 1, "approximate_connection_time": 18060}


_HANG_SECONDS = 3600.0


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


@dataclass(eq=False)
class Connection:
    """One socket of the app."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None

    async def say(self, message: Mapping[str, Any]) -> bool:
        """Send JSON; return False if the socket is gone."""
        try:
            await self.socket.send_str(json.dumps(message))
        except (ConnectionError, RuntimeError):
            return False
        return True


class SocketMode:
    """The sockets of the app; each envelope goes to one of them, in turn."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._connections: list[Connection] = []
        self._turn = 0
        self._waiting: dict[str, asyncio.Future[Mapping[str, Any]]] = {}

    @property
    def connections(self) -> int:
        """Return how many sockets are open."""
        return len(self._connections)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket from hello to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._core.tickets:
            return web.Response(status=404, text="unknown or used ticket")
        self._core.tickets.discard(ticket)
        fault = self._core.faults.take("websocket")
        if fault is not None and fault.kind == "hang":  # taken, and never answered
            await self._core.changes.until(lambda: _gone(request), _HANG_SECONDS)
            return web.Response(status=503)
        socket = web.WebSocketResponse(heartbeat=10.0, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request.transport)
        if len(self._connections) >= SOCKETS:
            await connection.say(self._disconnect_message("too_many_websockets"))
            await socket.close()
            return socket
        self._connections.append(connection)
        await connection.say(self._hello())
        self._core.changes.wake()
        try:
            await self._listen(connection)
        finally:
            with contextlib.suppress(ValueError):
                self._connections.remove(connection)
            self._core.changes.wake()
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type != WSMsgType.TEXT:
                continue
            try:
                data = json.loads(message.data)
            except ValueError:
                continue
            if not isinstance(data, dict):
                continue
            waiting = self._waiting.pop(str(data.get("envelope_id")), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(data.get("payload") or {})

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {**_DEBUG, "started": self._core.clock.now().isoformat()},
        }

    def _disconnect_message(self, reason: str) -> dict[str, Any]:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": _DEBUG["host"]}}

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every socket to reconnect: ``warning``, ``refresh_requested``, ``link_disabled``."""
        for connection in list(self._connections):
            await connection.say(self._disconnect_message(reason))

    async def close(self) -> None:
        """Close every socket in order."""
        for connection in list(self._connections):
            await connection.socket.close()

    def abort(self) -> None:
        """Cut every socket as a lost network does."""
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.abort()
        self._connections.clear()

    async def send(
        self, kind: Kind, payload: Mapping[str, Any], retry: Retry | None = None
    ) -> Delivered:
        """Send one envelope to the next socket and wait up to three seconds for its ack."""
        envelope: dict[str, Any] = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope["retry_attempt"] = retry.number if retry else 0
            envelope["retry_reason"] = retry.reason if retry else ""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = waiting
        try:
            if not await self._say_in_turn(envelope):
                return Delivered(0, error="dispatch_failed", reason="connection_failed")
            answer = await asyncio.wait_for(waiting, self._core.ack_seconds)
        except TimeoutError:
            return Delivered(0, error="operation_timeout", reason="timeout")
        finally:
            self._waiting.pop(envelope["envelope_id"], None)
        return Delivered(200, answer)

    async def _say_in_turn(self, envelope: Mapping[str, Any]) -> bool:
        while self._connections:
            self._turn += 1
            connection = self._connections[self._turn % len(self._connections)]
            if await connection.say(envelope):
                return True
            if connection in self._connections:
                self._connections.remove(connection)
        return False
