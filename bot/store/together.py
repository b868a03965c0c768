"""Short writes that come in the same moment, such as two hundred clicks, share a commit.

What a commit costs is the waiting for the disk, which a thread does; a write by itself takes a
fraction of that. Nobody is answered before what he asked for is durable.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar

from bot.store.errors import CouldNotRecordError

logger = logging.getLogger(__name__)

T = TypeVar("T")
AT_ONCE = 20
"""How many share one: some 10 ms of the event loop, of which the commit of all of them is 2."""

BEGIN_AT_ONCE = AT_ONCE
"""How many answers are begun in one turn of the event loop (some 10 ms), so that their writes can share
a commit."""

LONGEST_CALM = 0.25
"""Seconds of real time that what can wait stands back for people, who may come without a pause."""

_Waiting = tuple[Callable[[], Any], asyncio.Future[Any]]
_Outcome = tuple[Any, Exception | None]


class Together:
    """Runs writes in order, those that wait in one commit, each of them whole or not at all.

    Args:
        transaction: Opens a transaction; inside another one it is a part of that.
        synced_later: Transactions inside it do not wait for the disk.
        sync: Makes durable what was committed; may take as long as the disk does, in any thread.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[None]],
        synced_later: Callable[[], AbstractContextManager[None]],
        sync: Callable[[], None],
    ) -> None:
        self._transaction = transaction
        self._synced_later = synced_later
        self._sync = sync
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sync")
        self._done: list[tuple[asyncio.Future[Any], _Outcome]] = []
        self._telling: asyncio.Task[None] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._attended = 0
        self._begun = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._calm = asyncio.Event()
        self._calm.set()
        self._patience: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()

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
        if self._begun < BEGIN_AT_ONCE:
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
        while self._line and self._begun < BEGIN_AT_ONCE:
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
        if not (self._attended or self._waiting or self._done):
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
            works = [work for work, _ in some]
            with self._synced_later():
                outcomes = self._share(works) if len(works) > 1 else None
                if outcomes is None:
                    outcomes = [_outcome(work) for work in works]
            self._done += zip((answer for _, answer in some), outcomes, strict=True)
            if self._telling is None or self._telling.done():
                self._telling = asyncio.create_task(self._tell(), name="together: durable")
            await asyncio.sleep(0)
        self._be_calm()

    def _share(self, works: list[Callable[[], Any]]) -> list[_Outcome] | None:
        """Write all of them in one commit; None: nothing was written, each has to try alone."""
        outcomes = []
        try:
            with self._transaction():
                for work in works:
                    value, error = _outcome(work)
                    if isinstance(error, CouldNotRecordError):
                        raise error  # noqa: TRY301 - it undoes what the others wrote
                    outcomes.append((value, error))
        except Exception:  # noqa: BLE001 - each of them meets it again, alone
            return None
        return outcomes

    async def _tell(self) -> None:
        """Answer those whose writes are committed, once they are durable. More come meanwhile."""
        loop = asyncio.get_running_loop()
        while self._done:
            done, self._done = self._done, []
            try:
                await loop.run_in_executor(self._thread, self._sync)
            except OSError as error:
                logger.exception("could_not_record: the disk did not take what was written")
                lost = CouldNotRecordError(f"could not record this: {error}")
                done = [(answer, (None, outcome[1] or lost)) for answer, outcome in done]
            for answer, outcome in done:
                _settle(answer, *outcome)
        self._be_calm()

    def close(self) -> None:
        """Let the thread end, with what it is doing."""
        self._thread.shutdown()


def _outcome(work: Callable[[], Any]) -> _Outcome:
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
