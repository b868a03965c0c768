"""Short writes that come in the same moment, such as two hundred clicks, share a commit.

What a commit costs is the waiting for the disk; a write by itself takes a fraction of that.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar

from bot.store.errors import CouldNotRecordError

T = TypeVar("T")
AT_ONCE = 8
"""How many share one: some 4 ms of the event loop, of which the commit of all of them is 1. So many
answers are begun in one turn of the event loop too, so that their writes can share it."""

LONGEST_CALM = 0.25
"""Seconds of real time that what can wait stands back for people, who may come without a pause."""

_Waiting = tuple[Callable[[], Any], asyncio.Future[Any]]


class Together:
    """Runs writes in order, those that wait in one commit, each of them whole or not at all.

    Args:
        transaction: Opens a durable transaction; inside another one it is a part of that.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[None]]) -> None:
        self._transaction = transaction
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._attended = 0
        self._begun = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._calm = asyncio.Event()
        self._calm.set()
        self._patience: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._turns = asyncio.Lock()

    @asynccontextmanager
    async def attending(self) -> AsyncIterator[None]:
        """Somebody waits for an answer meanwhile. Of many, some begin in each turn of the event loop."""
        self._attended += 1
        self._be_busy()
        try:
            await self._my_turn()
            yield
        finally:
            self._attended -= 1
            self._be_calm()

    async def _my_turn(self) -> None:
        if self._begun < AT_ONCE:
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
        while self._line and self._begun < AT_ONCE:
            place = self._line.popleft()
            if not place.done():  # else nobody waits for it any more
                self._begin()
                place.set_result(None)

    def _be_busy(self) -> None:
        """Let what can wait stand back from now on, but not for ever."""
        self._calm.clear()
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(LONGEST_CALM, self._let_go_on)

    def _be_calm(self) -> None:
        if not self._attended and not self._waiting:
            self._let_go_on()

    def _let_go_on(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._calm.set()

    async def calm(self) -> None:
        """Wait until nobody waits for an answer or a write: what can wait lets them go first.

        However many come, and however long one of them takes, it waits for a moment only.

        Of many that wait, one goes on in each turn of the event loop, so that none of its turns is
        long, and a click that comes between them need not wait for the others.
        """
        async with self._turn:
            await self._calm.wait()
            await asyncio.sleep(0)

    async def turn(self) -> None:
        """Wait for nobody, but of many that come here at once one goes on in each turn of the event loop."""
        async with self._turns:
            await asyncio.sleep(0)

    async def write(self, work: Callable[[], T]) -> T:
        """Run one write; it is durable when this returns.

        Args:
            work: Reads, decides and writes in transactions of its own, and never awaits. It is run
                a second time where the commit that it shared could not be made.

        Raises:
            CouldNotRecordError: Nothing of it was written.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, answer))
        self._be_busy()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work_off(), name="together")
        return await answer

    async def _work_off(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            some = [each for each in some if not each[1].done()]  # nobody waits for it any more
            if len(some) < 2 or not self._share(some):  # noqa: PLR2004 - two or more share
                for work, answer in some:
                    _settle(answer, *_outcome(work))
            await asyncio.sleep(0)
        self._be_calm()

    def _share(self, some: list[_Waiting]) -> bool:
        """Write all of them in one commit; False: nothing was written, each has to try alone."""
        outcomes = []
        try:
            with self._transaction():
                for work, _ in some:
                    value, error = _outcome(work)
                    if isinstance(error, CouldNotRecordError):
                        raise error  # noqa: TRY301 - it undoes what the others wrote
                    outcomes.append((value, error))
        except Exception:  # noqa: BLE001 - each of them meets it again, alone
            return False
        for (_, answer), outcome in zip(some, outcomes, strict=True):
            _settle(answer, *outcome)
        return True


def _outcome(work: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - whoever asked for the write gets it
        return None, error


def _settle(answer: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)
