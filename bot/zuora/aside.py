"""Reads pages one after the other, and does what takes long in a thread, so that the event loop answers clicks meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Concatenate, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
MANY: Final = 45
"""About a small page, which is read in some 2 ms; forty may come at once."""

SHORT: Final = 200
"""Documents that are read in some 5 ms, a turn of the event loop. Counting 50,000 takes more than a second."""

A_PAGE: Final = 2_000
"""The number of rows on the longest page."""

_BEGUN, _NEW = 0, 1


class _Line:
    """Lets one page at a time be worked on, each in a turn of its own, and one that was begun before the next is read.

    No thread does it as long as it is short. Python runs one thread at a time, and a thread that calls the operating system
    goes to the end of the line: beside a thread that reads pages, the event loop waits a millisecond after each of its own
    calls, of which it makes a hundred when forty pages come. A page that was read, but not yet cut down to the fields of the
    documents, takes many times their memory.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._is_busy = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, rank: int) -> AsyncIterator[None]:
        """Wait for everything of a lower rank, and for what came before it."""
        if self._is_busy:
            await self._place(rank)
        self._is_busy = True
        try:
            yield
        finally:  # what else comes in this turn of the event loop is done in turns of its own
            asyncio.get_running_loop().call_soon(self._pass_on)

    async def _place(self, rank: int) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (rank, next(self._numbers), place))
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was its turn already
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Let the next one go on."""
        while self._waiting:
            *_, place = heappop(self._waiting)
            if not place.done():  # otherwise nobody waits for it any more
                place.set_result(None)
                return
        self._is_busy = False


_LINES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]] = WeakKeyDictionary()


def _turn(rank: int) -> AbstractAsyncContextManager[None]:
    return _LINES.setdefault(asyncio.get_running_loop(), _Line()).turn(rank)


async def aside(
    work: Callable[Concatenate[Sequence[S], P], T],
    documents: Sequence[S],
    *more: P.args,
    **named: P.kwargs,
) -> T:
    """Return what `work` makes of the documents; it must touch nothing but its arguments."""
    if len(documents) < MANY:
        return work(documents, *more, **named)
    if len(documents) > A_PAGE:
        return await asyncio.to_thread(work, documents, *more, **named)
    async with _turn(_BEGUN):
        return await _done(
            partial(work, documents, *more, **named), is_short=len(documents) <= SHORT
        )


async def of_a_page(work: Callable[[], T], *, is_short: bool) -> T:
    """Return what `work` makes of a page that has just come, behind those that came before it."""
    async with _turn(_NEW):
        return await _done(work, is_short=is_short)


async def _done(work: Callable[[], T], *, is_short: bool) -> T:
    return work() if is_short else await asyncio.to_thread(work)
