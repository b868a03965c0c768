"""The tenant's own future actions, in order of time; nothing runs in the background."""

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

Action = Callable[[datetime], None]


class Agenda:
    """Actions with a due time; each gets the time it was due, not the time it was looked at.

    So the tenant's state depends on stored facts and the clock only, never on how often somebody
    looks.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Action]] = []
        self._order = itertools.count()

    def __reduce__(self) -> tuple[type["Agenda"], tuple[()]]:
        """Leave out future actions when a tenant is kept: they are code, which cannot be kept."""
        return Agenda, ()

    def at(self, when: datetime, action: Action) -> None:
        """Do `action` when the clock reaches `when`."""
        heapq.heappush(self._heap, (when, next(self._order), action))

    def advance(self, now: datetime) -> bool:
        """Do all that is due by `now`, earliest first; return whether anything was."""
        acted = False
        while self._heap and self._heap[0][0] <= now:
            when, _, action = heapq.heappop(self._heap)
            action(when)
            acted = True
        return acted
