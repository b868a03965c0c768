"""Decides who goes first: people before everything else, and only a few of many in each turn of the event loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from weakref import WeakValueDictionary

LONGEST_STANDING_BACK = 0.25
"""How many seconds of real time other work stands back at most for people who come without a pause."""


A_MOMENT = 0.1
"""Seconds in which whoever came during a long transaction gets an answer."""


def let_go_later(*held: object) -> None:
    """Keep something for a moment longer: letting go of 50,000 documents holds the event loop as long as saving them."""
    asyncio.get_running_loop().call_later(A_MOMENT, _nothing, *held)


def _nothing(*_held: object) -> None:
    """Do nothing."""


class Turns:
    """Lets other work stand back for people and for writes that somebody waits for.

    Args:
        at_once: How many answers begin in one turn of the event loop, so that their writes can share a commit, and
            how many answers to one person are made at a time, so that somebody who presses very fast delays nobody else.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waited_for = 0
        self._begun = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._nobody_waits = asyncio.Event()
        self._nobody_waits.set()
        self._patience: asyncio.TimerHandle | None = None
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._behind_people = asyncio.Lock()
        self._in_line = asyncio.Lock()

    def come(self) -> None:
        """Note that somebody waits from now on, so that other work stands back for a while."""
        self._waited_for += 1
        self._nobody_waits.clear()
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(LONGEST_STANDING_BACK, self._let_go_on)

    def go(self) -> None:
        """Note that somebody has what they waited for."""
        self._waited_for -= 1
        if not self._waited_for:
            self._let_go_on()

    @asynccontextmanager
    async def attending(self, person: str = "") -> AsyncIterator[None]:
        """Note for the block that somebody waits for an answer.

        Only a few answers begin in each turn of the event loop, and only a few to one person are made at a time, so that
        nobody waits behind somebody who presses without end.

        Args:
            person: Who waits; empty if that is not known.
        """
        self.come()
        try:
            async with self._places_of(person):
                await self._my_turn()
                yield
        finally:
            self.go()

    def _places_of(self, person: str) -> AbstractAsyncContextManager[object]:
        if not person:
            return nullcontext()
        return self._places.setdefault(person, asyncio.Semaphore(self._at_once))

    async def _my_turn(self) -> None:
        if self._begun < self._at_once:
            self._begin()
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        await place

    def _begin(self) -> None:
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._begun += 1

    def _next_turn(self) -> None:
        self._begun = 0
        while self._line and self._begun < self._at_once:
            place = self._line.popleft()
            if not place.done():  # otherwise nobody waits for it any more
                self._begin()
                place.set_result(None)

    def _let_go_on(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._nobody_waits.set()

    async def after_people(self) -> None:
        """Wait until nobody waits for an answer or a write, but only for a moment, however many come.

        If many wait here, one continues in each turn of the event loop, so that no turn is long
        and a click that comes in between need not wait for the others.
        """
        async with self._behind_people:
            await self._nobody_waits.wait()
            await asyncio.sleep(0)

    async def one_by_one(self) -> None:
        """Wait for nobody, but of many that come here together let one go on in each turn of the event loop."""
        async with self._in_line:
            await asyncio.sleep(0)
