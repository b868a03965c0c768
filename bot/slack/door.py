"""The web mode's door, which limits strangers in number, bytes and time.

A connection that has not sent a complete request signed by Slack is a stranger. The limits hold for all strangers
together and for each address. If there are too many, the oldest is dropped, so somebody new always gets in; Slack's
own requests are complete within milliseconds. Behind a reverse proxy all come from one address, and the limits for one
address are wide enough for that.
"""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web

SECONDS_TO_SPEAK = 5.0
"""Within how many seconds header and body must arrive; Slack itself waits 3 s for the whole answer."""

MOST_STRANGERS = 512
MOST_OF_ONE = 256
MOST_BYTES = 16 * 1024 * 1024
MOST_BYTES_OF_ONE = 8 * 1024 * 1024
"""The most unread bytes of all strangers, and of one address. A click with its message has about 100 KB, rarely 300."""

DOORS = 2
"""`PORT` and `HEALTH_PORT`; strangers at both together may use half of the files that may be open."""

KEPT_SECONDS = 75.0
"""How many seconds a connection that Slack or a proxy used is kept for the next request."""

SECONDS_TO_CLOSE = 2.0
"""How many seconds the closing door waits for answers that are being made."""

ACCEPTED_AT_ONCE = 16
"""How many connections one turn of the event loop accepts; asyncio would accept all that wait."""

BACKLOG = 1024
"""How many connections may wait to be accepted; one that finds no room tries again after a whole second."""


@dataclass(slots=True)
class _Crowd:
    """Strangers in the order in which they came, and what they have sent."""

    visitors: dict["Visitor", None] = field(default_factory=dict)
    bytes: int = 0

    @property
    def oldest(self) -> "Visitor":
        return next(iter(self.visitors))

    @property
    def heaviest(self) -> "Visitor":
        return max(self.visitors, key=lambda visitor: visitor.unread)


class Door:
    """Counts strangers, and turns away the oldest, or the one with most bytes, if there are too many."""

    def __init__(self) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = MOST_STRANGERS if files < 0 else min(MOST_STRANGERS, files // DOORS // 2)
        self._all = _Crowd()
        self._of: dict[str, _Crowd] = {}

    def enter(self, visitor: "Visitor") -> None:
        """Count a stranger."""
        of_one = self._of.setdefault(visitor.address, _Crowd())
        of_one.visitors[visitor] = self._all.visitors[visitor] = None
        if len(of_one.visitors) > MOST_OF_ONE:
            of_one.oldest.turn_away()
        elif len(self._all.visitors) > self._most:
            self._all.oldest.turn_away()

    def brought(self, visitor: "Visitor", number: int) -> None:
        """Count what a stranger has sent, in bytes."""
        of_one = self._of[visitor.address]
        visitor.unread += number
        of_one.bytes += number
        self._all.bytes += number
        if of_one.bytes > MOST_BYTES_OF_ONE:
            of_one.heaviest.turn_away()
        elif self._all.bytes > MOST_BYTES:
            self._all.heaviest.turn_away()

    def leave(self, visitor: "Visitor") -> None:
        """Stop counting a stranger, who is known now or gone."""
        if visitor not in self._all.visitors:
            return
        of_one = self._of[visitor.address]
        for crowd in (of_one, self._all):
            del crowd.visitors[visitor]
            crowd.bytes -= visitor.unread
        visitor.unread = 0
        if not of_one.visitors:
            del self._of[visitor.address]

    def clear(self) -> None:
        """Turn every stranger away."""
        for visitor in tuple(self._all.visitors):
            visitor.turn_away()


class Visitor(web.RequestHandler):
    """One connection, a stranger until it sends a signed request, and again with the next request."""

    __slots__ = ("_connection", "_door", "_timer", "address", "is_stranger", "unread")

    def __init__(self, door: Door, server: web.Server, **how: Any) -> None:
        super().__init__(server, **how)
        self._door = door
        self._timer: asyncio.TimerHandle | None = None
        self._connection: asyncio.Transport | None = None
        self.is_stranger = True
        self.address = ""
        self.unread = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Do as the base class does, and start the time limit."""
        super().connection_made(transport)
        self._connection = cast("asyncio.Transport", transport)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Do as the base class does, and count the bytes."""
        if data and self._timer is None:
            self._wait()
        if data and self._connection is not None:
            self._door.brought(self, len(data))
        if self._connection is not None:
            super().data_received(data)
            self._forget_where_it_failed()

    def _forget_where_it_failed(self) -> None:
        """Let go of the frames of what could not be read: they hold the bytes, in a circle that nothing frees soon."""
        for message, _ in self._messages:
            error = getattr(message, "exc", None)
            if isinstance(error, Exception):
                error.__traceback__ = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Do as the base class does, and stop the time limit."""
        self._wait_no_more()
        self._connection = None
        super().connection_lost(exc)

    def log_exception(self, *args: Any, **how: Any) -> None:
        """Log as the base class does, except for strangers, who may send what they like."""
        if not self.is_stranger:
            super().log_exception(*args, **how)

    def is_known(self) -> None:
        """Note that a complete request was read and that Slack signed it."""
        self.is_stranger = False
        self._wait_no_more()

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._door.leave(self)

    def turn_away(self) -> None:
        """End the connection at once, and keep nothing of it."""
        self._wait_no_more()
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    def _wait(self) -> None:
        self.is_stranger = True
        self._timer = asyncio.get_running_loop().call_later(SECONDS_TO_SPEAK, self.turn_away)
        self._door.enter(self)


@web.middleware
async def strangers_go(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Keep the connection after a signed request; everybody else gets one answer and is closed."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.force_close()
        raise
    if isinstance(request.protocol, Visitor) and request.protocol.is_stranger:
        response.force_close()
    return response


class PortError(Exception):
    """The port cannot be used; the message says which and why in one sentence."""


def _listening(host: str, port: int, setting: str) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        msg = f"{setting}: the port {port} cannot be used: {error.strerror}."
        raise PortError(msg) from error


@asynccontextmanager
async def opened(
    server: web.Application, host: str, port: int, setting: str = "PORT"
) -> AsyncIterator[int]:
    """Serve the application behind the door until the block ends; yield the port.

    Args:
        server: The application.
        host: The address to listen at.
        port: The port to listen at; 0 for any.
        setting: The setting that names the port.

    Raises:
        PortError: The port cannot be used.
    """
    runner = web.AppRunner(
        server, access_log=None, keepalive_timeout=KEPT_SECONDS, shutdown_timeout=SECONDS_TO_CLOSE
    )
    await runner.setup()
    door = Door()
    loop = asyncio.get_running_loop()

    def visitor() -> Visitor:
        assert runner.server is not None  # noqa: S101 - for the type: it is set up
        return Visitor(
            door, runner.server, loop=loop, access_log=None, keepalive_timeout=KEPT_SECONDS,
            lingering_time=SECONDS_TO_CLOSE,
            auto_decompress=False,  # the bounds count bytes as they come; Slack packs nothing
        )  # fmt: skip

    try:
        with _listening(host, port, setting) as place:
            listening = await loop.create_server(visitor, sock=place, backlog=ACCEPTED_AT_ONCE)
            place.listen(
                BACKLOG
            )  # how many may wait; the line before says how many are taken at once
            try:
                yield place.getsockname()[1]
            finally:
                listening.close()
                door.clear()
    finally:
        await runner.cleanup()
