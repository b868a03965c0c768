"""Lets short writes that come at the same moment, such as two hundred clicks, share a commit.

A commit mostly waits for the disk; the write itself takes a fraction of that.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar

from bot.store.errors import CouldNotRecordError, NotKnownWhetherRecordedError, OneFailedError
from bot.store.turns import Turns

T = TypeVar("T")
AT_ONCE = 16
"""How many writes share a commit: some 8 ms of the event loop, with 1 ms for the commit.

As many answers are begun in one turn of the event loop, so that their writes can share it.
"""

_Opens = Callable[[], AbstractContextManager[None]]
_Waiting = tuple[Callable[[], Any], asyncio.Future[Any]]


class Together:
    """Runs writes in order. Those that wait share a commit, each of them whole or not at all.

    Args:
        transaction: Opens a durable transaction; inside another one it is a part of that.
        several: The same for writes that are undone together, which costs less; it says if one of them failed.
        turns: Makes other work stand back while a write waits.
    """

    def __init__(self, transaction: _Opens, several: _Opens, turns: Turns) -> None:
        self._transaction = transaction
        self._several = several
        self._turns = turns
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def write(self, work: Callable[[], T]) -> T:
        """Run one write; it is durable when this returns.

        Args:
            work: Reads, decides and writes in its own transactions, and never awaits. It is run
                again if one that shares its commit failed, or if that commit could not be made. So it
                returns what it found, and changes nothing but the database.

        Raises:
            CouldNotRecordError: Nothing of it was written.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        # each in its caller's context: the number in its log lines, and whether somebody still waits
        self._waiting.append((partial(copy_context().run, work), answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work_off(), name="together", context=Context())
        self._turns.come()
        try:
            return await answer
        finally:
            self._turns.go()

    async def _work_off(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            some = [each for each in some if not each[1].done()]  # nobody waits for it any more
            if len(some) <= 1 or not self._share(some, self._several):
                for work, answer in some:
                    _settle(answer, *_outcome(work))
            await asyncio.sleep(0)

    def _share(self, some: list[_Waiting], opened: _Opens) -> bool:
        """Write all of them in one commit; return False if nothing was written and each must try alone.

        If one of `several` fails, all are run again as parts that can be undone one by one. If it is not known whether
        they were written, none is tried again.
        """
        outcomes = []
        try:
            with opened():
                for work, _ in some:
                    value, error = _outcome(work)
                    if isinstance(error, CouldNotRecordError):
                        raise error  # noqa: TRY301 - it undoes what the others wrote
                    outcomes.append((value, error))
        except NotKnownWhetherRecordedError as error:
            for _, answer in some:
                _settle(answer, None, error)
            return True
        except OneFailedError:
            return self._share(some, self._transaction)
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
