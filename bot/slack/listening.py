"""A separate event loop that hears Slack, used if the database is on a server.

The loop that works stands still while a server does not answer. Slack's payloads, its answers and the probes do not: a
thread takes them, hands them to the loop that works, and answers itself where the database lets somebody wait for too long.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from threading import Thread
from typing import Any, Protocol, TypeVar

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.awaited import Awaited, making
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.holding import answer_not_recorded
from bot.store.errors import NOT_ANSWERING, NotAnsweringError, NotKnownWhetherRecordedError
from bot.store.waits import Waits

T = TypeVar("T")

GRACE_SECONDS = 0.1
"""How much longer than the database may take the answer of the loop that works is waited for: it knows more."""

LOOK_SECONDS = 0.05
PROBE_SECONDS = 0.5
"""How long a probe waits for the loop that works."""

STANDS_STILL = "event loop stands still"

Attending = Callable[[str], AbstractAsyncContextManager[None]]


class Dispatches(Protocol):
    """What answers Slack's payloads: the Bolt app."""

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Return the answer."""


class Listening(Protocol):
    """The place where Slack's payloads arrive."""

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something there, from the loop that works."""

    def open(self, opened: AbstractAsyncContextManager[T]) -> AbstractAsyncContextManager[T]:
        """Hold something open there, from the loop that works."""

    async def worked(self, work: Callable[[], Awaitable[T]], seconds: float | None = None) -> T:
        """Run something on the loop that works, from there.

        Raises:
            TimeoutError: It has not answered within this many seconds.
        """

    def call(self, act: Callable[[str], None], words: str) -> None:
        """Have the loop that works do something, from there."""

    @property
    def silent_seconds(self) -> float:
        """Return for how long the loop that works has answered no probe."""

    @property
    def why_silent(self) -> str:
        """Return what a probe says meanwhile."""


class OnTheSameLoop:
    """The loop that works listens too: a file answers at once."""

    silent_seconds = 0.0
    why_silent = STANDS_STILL

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it."""
        return await work

    def open(self, opened: AbstractAsyncContextManager[T]) -> AbstractAsyncContextManager[T]:
        """Return it."""
        return opened

    async def worked(self, work: Callable[[], Awaitable[T]], seconds: float | None = None) -> T:
        """Run it; it has no need to wait."""
        del seconds
        return await work()

    def call(self, act: Callable[[str], None], words: str) -> None:
        """Do it."""
        act(words)


class OnItsOwnLoop:
    """A thread whose event loop listens; made on the loop that works."""

    def __init__(self) -> None:
        self._work = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="listens", daemon=True)
        self._silent_since: float | None = None
        self.waits: Waits | None = None
        """How long the database lets the loop that works wait, once there is one."""

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something there, from the loop that works."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    @asynccontextmanager
    async def open(self, opened: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
        """Hold something open there, from the loop that works."""
        found = await self.run(_entered(opened))
        try:
            yield found
        finally:
            await self.run(_left(opened))

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Begin something on the loop that works, from there."""
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._work))

    async def worked(self, work: Callable[[], Awaitable[T]], seconds: float | None = None) -> T:
        """Run something on the loop that works, from there.

        Raises:
            TimeoutError: It has not answered within this many seconds.
        """
        asked_at = time.monotonic()
        try:
            found = await asyncio.wait_for(self.begin(_awaited(work)), seconds)
        except TimeoutError:
            self._silent_since = self._silent_since or asked_at
            raise
        self._silent_since = None
        return found

    @property
    def silent_seconds(self) -> float:
        """Return for how long the loop that works has answered no probe."""
        return 0.0 if self._silent_since is None else time.monotonic() - self._silent_since

    @property
    def why_silent(self) -> str:
        """Return what a probe says meanwhile: the database, where it is that."""
        return NOT_ANSWERING if self.waits is not None and self.waits.is_slow else STANDS_STILL

    def call(self, act: Callable[[str], None], words: str) -> None:
        """Have the loop that works do something, from there."""
        self._work.call_soon_threadsafe(act, words)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def stop(self) -> None:
        """End the work that is still under way there, and the thread."""
        await self.run(_rest_ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


async def _entered(opened: AbstractAsyncContextManager[T]) -> T:
    return await opened.__aenter__()


async def _left(opened: AbstractAsyncContextManager[Any]) -> None:
    await opened.__aexit__(None, None, None)


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


async def _rest_ended() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for each in rest:
        each.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@asynccontextmanager
async def where_to_listen(*, apart: bool) -> AsyncIterator[Listening]:
    """Return where to listen until the block is left: on a separate thread, or here."""
    if not apart:
        yield OnTheSameLoop()
        return
    place = OnItsOwnLoop()
    place.start()
    try:
        yield place
    finally:
        await place.stop()


class HandsOver:
    """Lets the Bolt app answer on the loop that works, and answers without it if the database takes too long.

    What was answered this way is not recorded: the store asks the same `Awaited` directly before it commits.

    Args:
        place: The loop that listens.
        app: The Bolt app.
        attending: Entered on the loop that works for every payload.
        waits: How long the database lets that loop wait.
        answering: Says what has to be said, from here.
    """

    def __init__(
        self,
        place: OnItsOwnLoop,
        app: Dispatches,
        attending: Attending,
        waits: Waits,
        answering: Answering,
    ) -> None:
        self._place = place
        self._app = app
        self._attending = attending
        self._waits = waits
        self._answering = answering

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Return the app's answer, or that it could not be recorded."""
        awaited, waited = Awaited(), self._waits.seconds()
        made = self._place.begin(self._made(req, awaited))
        made.add_done_callback(_heard)
        longest = self._waits.longest
        await asyncio.wait({made}, timeout=longest + GRACE_SECONDS)
        while not made.done() and self._waits.seconds() - waited < longest / 2:
            await asyncio.wait(
                {made}, timeout=LOOK_SECONDS
            )  # it is not the database: Zuora is read
        if made.done():
            return made.result()
        words = f"could not record this: {NOT_ANSWERING}"
        may_stand = awaited.give_up()
        error = NotKnownWhetherRecordedError(words) if may_stand else NotAnsweringError(words)
        return answer_not_recorded(self._answering, req.body, error)

    async def _made(self, req: AsyncBoltRequest, awaited: Awaited) -> BoltResponse:
        with making(awaited):
            async with self._attending(payloads.person_of(req.body)):
                return await self._app.async_dispatch(req)


def _heard(made: asyncio.Future[BoltResponse]) -> None:
    """Look at how it ended, although nobody may wait for it any longer."""
    if not made.cancelled():
        made.exception()
