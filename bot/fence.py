"""The fence before each effect: nothing goes out unless it is known that no other process works.

A frozen process continues where it stopped, perhaps between a commit and the send, and by then
another one may work. So effects are marked, and each is checked just before its bytes are written.
On SQLite there is no fence: a frozen process keeps its lock for as long as it lives.
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
"""The age from which a heartbeat proves nothing any more, counted from when it was asked for."""

_IS_EFFECT: ContextVar[bool] = ContextVar("_IS_EFFECT", default=False)


class FenceShutError(aiohttp.ClientConnectionError):
    """Nothing was sent: the database has not answered lately, so another process may work by now."""


@contextmanager
def effect() -> Iterator[None]:
    """Mark calls inside as effects, which only the working process may have."""
    before = _IS_EFFECT.set(True)
    try:
        yield
    finally:
        _IS_EFFECT.reset(before)


def seconds() -> float:
    """Return the seconds of a clock that cannot be changed, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Fence:
    """Open while the last heartbeat that the database answered is younger than `FRESH_SECONDS`.

    It counts from the moment before the heartbeat was asked for. The database counts the same span from
    the moment it answered, which is later, before it gives the lock to another process.

    Args:
        now: Returns the seconds; tests pass their own.
    """

    def __init__(self, now: Callable[[], float] = seconds) -> None:
        self._now = now
        self._open_until = float("-inf")

    def answered(self, asked_at: float) -> None:
        """Note that the database answered a heartbeat that was asked for at `asked_at`."""
        self._open_until = asked_at + FRESH_SECONDS

    def shut(self) -> None:
        """Let no effect out any more."""
        self._open_until = float("-inf")

    @property
    def is_open(self) -> bool:
        """Return whether an effect may go out right now."""
        return self._now() < self._open_until

    def let_out(self) -> None:
        """Check once more, directly before an effect is written to its socket.

        Raises:
            FenceShutError: It may not go out.
        """
        if _IS_EFFECT.get() and not self.is_open:
            msg = "the database has not answered lately, so nothing was sent"
            raise FenceShutError(msg)


def request_class(fence: Fence | None) -> type[aiohttp.ClientRequest]:
    """Return the request class for a session whose effects pass a fence; without a fence, the usual one."""
    if fence is None:
        return aiohttp.ClientRequest
    return type("FencedRequest", (_FencedRequest,), {"fence": fence})


class _FencedRequest(aiohttp.ClientRequest):
    """A request that checks the fence before its head is written, and again before its body is.

    The head is held back until the body is written, which may be a turn of the event loop later.
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
            protocol.set_exception(error)  # the caller that waits for the answer gets it
            return
        await super().write_bytes(writer, conn, content_length)
