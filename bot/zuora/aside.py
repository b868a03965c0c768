"""Does slow work on many documents in a thread, so that the event loop answers clicks meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import count
from queue import PriorityQueue
from threading import Lock, Thread
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
MANY: Final = 45
"""About a small page, which is read in some 5 ms; forty may come at once. Counting 50,000 documents
takes more than a second."""

A_PAGE: Final = 2_000
"""The number of rows on the longest page."""

_BEGUN, _NEW = 0, 1


class _TurnsOfPages:
    """One thread for pages, which finishes a page that was begun before it reads the next one.

    Python runs one thread at a time, and a thread that calls the operating system goes to the end of the line. With forty
    pages in six threads the event loop waited for six turns at each of its own calls, a quarter of a second in all. And a
    page that was read, but not yet cut down to the fields of the documents, takes many times their memory.
    """

    def __init__(self) -> None:
        self._line: PriorityQueue[tuple[int, int, Future[Any], Callable[[], Any]]] = PriorityQueue()
        self._numbers = count()
        self._starting = Lock()
        self._is_started = False

    def submit(self, rank: int, work: Callable[[], T]) -> Future[T]:
        """Have something done behind everything of a lower rank, and behind what came before it."""
        with self._starting:
            if not self._is_started:
                Thread(target=self._run, name="pages", daemon=True).start()
                self._is_started = True
        future: Future[T] = Future()
        self._line.put((rank, next(self._numbers), future, work))
        return future

    def _run(self) -> None:
        while True:
            self._do(*self._line.get()[2:])

    @staticmethod
    def _do(future: Future[Any], work: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            future.set_exception(error)


_PAGES: Final = _TurnsOfPages()


async def aside(
    work: Callable[Concatenate[Sequence[S], P], T],
    documents: Sequence[S],
    *more: P.args,
    **named: P.kwargs,
) -> T:
    """Return what `work` makes of the documents; it must touch nothing but its arguments."""
    if len(documents) < MANY:
        return work(documents, *more, **named)
    if len(documents) <= A_PAGE:
        job = partial(work, documents, *more, **named)
        return await asyncio.wrap_future(_PAGES.submit(_BEGUN, job))
    return await asyncio.to_thread(work, documents, *more, **named)


async def of_a_page(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what `work` makes of a page that has just come, behind those that came before it."""
    return await asyncio.wrap_future(_PAGES.submit(_NEW, partial(work, *arguments, **named)))
