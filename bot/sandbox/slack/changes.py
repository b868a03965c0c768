"""Counters and wake-ups for everybody who watches the workspace."""

import asyncio
from collections.abc import Callable, Iterable

_POLL_SECONDS = 0.02  # a predicate may also look at things that the workspace does not know


class Changes:
    """Counts the changes that each person can see and wakes those who wait."""

    def __init__(self) -> None:
        self._all = 0
        self._own: dict[str, int] = {}
        self._waiters: set[asyncio.Event] = set()

    def record(self, people: Iterable[str] | None = None) -> None:
        """Record a change visible to ``people`` (everybody when None)."""
        if people is None:
            self._all += 1
        else:
            for person in people:
                self._own[person] = self._own.get(person, 0) + 1
        self.wake()

    def wake(self) -> None:
        """Wake every waiter without counting a visible change."""
        for waiter in self._waiters:
            waiter.set()

    def seq(self, person: str) -> int:
        """Return the number of changes that ``person`` could see so far."""
        return self._all + self._own.get(person, 0)

    async def after(self, person: str, seq: int) -> int:
        """Wait until ``person`` has seen more than ``seq`` changes; return the new number."""
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            while self.seq(person) <= seq:
                waiter.clear()
                await waiter.wait()
        finally:
            self._waiters.discard(waiter)
        return self.seq(person)

    async def until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Wait up to ``seconds`` of real time for ``predicate``; return whether it came true."""
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        try:
            while not predicate():
                if loop.time() >= end:
                    return False
                waiter.clear()
                try:
                    await asyncio.wait_for(waiter.wait(), _POLL_SECONDS)
                except TimeoutError:
                    continue
        finally:
            self._waiters.discard(waiter)
        return True
