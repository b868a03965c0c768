"""The fence before each effect: nothing goes out unless it is known that no other process works.

A process that was frozen runs on where it stood, perhaps between a commit and its send, and by then another
one may work. So what is marked as an effect is looked at where its connection stands and its bytes are
written next. On SQLite there is no fence: a frozen process keeps its lock for as long as it lives.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection

FRESH_SECONDS: Final = 10.0
"""A heartbeat that was asked for longer ago than this proves nothing any more."""

_IS_EFFECT: ContextVar[bool] = ContextVar("_IS_EFFECT", default=False)


class FenceShutError(aiohttp.ClientConnectionError):
    """Nothing was sent: the database has not answered lately, so another process may work by now."""


@contextmanager
def effect() -> Iterator[None]:
    """Mark what is sent inside as something that the process which works alone may do."""
    before = _IS_EFFECT.set(True)
    try:
        yield
    finally:
        _IS_EFFECT.reset(before)


def seconds() -> float:
    """Return the seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Fence:
    """Open while the last heartbeat that the database answered is younger than `FRESH_SECONDS`.

    It counts from the moment before the heartbeat was asked for. The database counts the same span from
    the moment it answered, which is later, before it gives the lock to another process.

    Args:
        now: Seconds, for tests to hand in.
    """

    def __init__(self, now: Callable[[], float] = seconds) -> None:
        self._now = now
        self._open_until = float("-inf")

    def answered(self, asked_at: float) -> None:
        """The database has answered a heartbeat that was asked for at `asked_at`."""
        self._open_until = asked_at + FRESH_SECONDS

    def shut(self) -> None:
        """Let nothing out any more."""
        self._open_until = float("-inf")

    @property
    def is_open(self) -> bool:
        """Return whether an effect may go out just now."""
        return self._now() < self._open_until

    def let_out(self) -> None:
        """Look once more, directly before an effect is written to its socket.

        Raises:
            FenceShutError: It may not go out.
        """
        if _IS_EFFECT.get() and not self.is_open:
            msg = "the database has not answered lately, so nothing was sent"
            raise FenceShutError(msg)


def request_class(fence: Fence | None) -> type[aiohttp.ClientRequest]:
    """Return the class of the requests of a session whose effects pass a fence; None: there is none."""
    if fence is None:
        return aiohttp.ClientRequest
    return type("FencedRequest", (_FencedRequest,), {"fence": fence})


class _FencedRequest(aiohttp.ClientRequest):
    """A request that looks at the fence before its head is written, and again before its body is.

    The head of a request with a body is kept back until the body is written, which may be a turn of the
    event loop later.
    """

    fence: Fence

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.fence.let_out()
        return await super().send(conn)

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        try:
            self.fence.let_out()
        except FenceShutError as error:
            protocol: Any = conn.protocol
            protocol.set_exception(error)  # whoever waits for the answer gets it
            return
        await super().write_bytes(writer, conn, content_length)
