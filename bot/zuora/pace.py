"""How many calls go to Zuora at the same time: the width, which all calls share.

`Width` is the rule, a plain state machine. `Pace` is the gate the calls go through.

Zuora allows 40 calls at once per tenant by default (page *Rate limits*; 80 object queries, 200
high-volume) and says so in `Concurrency-Limit-*`, which it refreshes about once a second: the
width begins low and grows by what the answers to reads and mails report as free. If nothing is
reported, the width is found by trying: it doubles each round at first, then grows by half, until a
refusal or those 40. It shrinks by exactly what was refused, and from then on tries one more only
now and then, so that about one call in a hundred is refused.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from bot.domain.clock import Clock
from bot.metrics import ZUORA_LEFT
from bot.zuora.numbers import whole

FIRST_WIDTH: Final = 8
DEFAULT_LIMIT: Final = 40
LONGEST_WAIT_SECONDS: Final = 30.0
_SMALL: Final = 16  # below the smallest limit that Zuora has ever documented (20)
_ROUNDS_BETWEEN_TRIES: Final = 5  # once refused, or past 40: one more call after five full rounds
_ANSWERS_A_LIMIT_HOLDS: Final = 100  # Zuora repeats a limit with each answer to that kind of call


class Width:
    """How many calls may be under way at the same time.

    Args:
        widest: The most, whatever Zuora says.
        first: The first width.
    """

    __slots__ = (
        "_answers", "_credit", "_first", "_limit", "_limits", "_refused_once", "_remaining", "_value", "_widest",
    )  # fmt: skip

    def __init__(self, widest: int = DEFAULT_LIMIT, first: int = FIRST_WIDTH) -> None:
        self._widest = max(1, widest)
        self._first = min(max(1, first), self._widest)
        self._value = float(self._first)
        self._limit: int | None = None
        self._limits: dict[str, tuple[int, int]] = {}  # by the kind of call, until which answer
        self._answers = 0
        self._remaining: int | None = None
        self._refused_once = False
        self._credit = 0.0

    @property
    def calls(self) -> int:
        """Return the width now: at least 1.

        A limit caps it and does not change it, so once a limit that was an error is corrected or no longer repeated, the
        width is what it was.
        """
        return min(int(self._value), self.ceiling)

    @property
    def ceiling(self) -> int:
        """Return the largest possible width: the smallest limit that Zuora has named lately, or `widest`."""
        return min((self._widest, *(limit for limit, _ in self._limits.values())))

    def read(self, headers: Mapping[str, str]) -> None:
        """Take note of an answer's `Concurrency-Limit-*`; a limit that is not repeated for long is forgotten."""
        self._answers += 1
        self._limit = whole(headers.get("Concurrency-Limit-Limit"))
        self._remaining = whole(headers.get("Concurrency-Limit-Remaining"))
        if self._limit is not None and self._limit > 0:
            until = self._answers + _ANSWERS_A_LIMIT_HOLDS
            self._limits[headers.get("Concurrency-Limit-Type", "")] = self._limit, until
        for kind in [kind for kind, (_, until) in self._limits.items() if until < self._answers]:
            del self._limits[kind]

    def went_well(self, *, full: bool, alone: bool = False) -> None:
        """Note that a call was let through.

        Args:
            full: Whether the whole width was in use; else nothing was learned about a larger one.
            alone: Whether no other call was under way. Then the free number is the whole limit: the
                read before a thousand mails shows how many of them may go at once. Object Query
                has a larger limit of its own, which says nothing about mails.
        """
        is_reported = self._remaining is not None and 0 < (self._limit or 0) <= DEFAULT_LIMIT
        if alone and is_reported and not self._refused_once:
            self._value = float(min(max(self._first, self._remaining or 0), self._widest))
            return
        if not full or self._remaining == 0:
            return
        if self._refused_once or (not self._limits and self._value >= DEFAULT_LIMIT):
            self._try_one_more()
        elif self._limits and self._remaining is not None:
            self._widen(self._remaining)
        else:
            self._widen(1.0 if self._value < _SMALL else 0.5)

    def _try_one_more(self) -> None:
        self._credit += 1.0
        if self._credit >= _ROUNDS_BETWEEN_TRIES * self._value:
            self._credit = 0.0
            self._widen(1.0)

    def _widen(self, places: float) -> None:
        self._value = max(self._value, min(self._value + places, float(self.ceiling)))

    def was_refused(self) -> None:
        """Note that a call was one too many."""
        self._refused_once = True
        self._credit = 0.0
        self._value = max(1.0, self.calls - 1.0)


def _measure(headers: Mapping[str, str]) -> None:
    """Show in `/metrics` how much is left, as Zuora says."""
    for limit, name in (
        ("concurrency", "Concurrency-Limit-Remaining"),
        ("rate", "RateLimit-Remaining"),
    ):
        left = whole(headers.get(name))
        if left is not None:
            ZUORA_LEFT.labels(limit).set(left)


class Pace:
    """The gate: `await enter()`, one call, `leave(...)`.

    Args:
        clock: For pauses that Zuora asks for.
        width: The rule.
        longest_wait_seconds: `enter` does not wait for a longer pause but returns its seconds.
    """

    __slots__ = ("_clock", "_longest", "_out", "_paused_until", "_waiting", "_width")

    def __init__(
        self,
        clock: Clock,
        width: Width | None = None,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self._clock = clock
        self._width = width or Width()
        self._longest = longest_wait_seconds
        self._out = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until: float | None = None  # on the monotonic clock

    @property
    def width(self) -> int:
        """Return how many calls may be under way right now."""
        return self._width.calls

    @property
    def at_the_gate(self) -> int:
        """Return how many calls are under way or wait for their turn."""
        return self._out + len(self._waiting)

    async def enter(self) -> float:
        """Wait for a place.

        Returns:
            0 if a place was taken; else the seconds that Zuora wants everybody to wait, and no
            place.
        """
        if self._out < self._width.calls and not self._waiting:
            self._out += 1
        else:
            await self._stand_in_line()
        return await self._rest() if self._paused_until is not None else 0.0

    def leave(self, status: int | None, headers: Mapping[str, str], rest: float | None) -> None:
        """Give the place back, and note what the answer shows.

        Args:
            status: HTTP status; None if no answer came.
            headers: Response headers.
            rest: Seconds Zuora asked for with a 429.
        """
        full, alone = self._out >= self._width.calls, self._out == 1
        _measure(headers)
        self._width.read(headers)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._refused(headers, rest)
        elif status is not None:
            self._width.went_well(full=full, alone=alone)
        self._give_back()

    def _refused(self, headers: Mapping[str, str], rest: float | None) -> None:
        """Handle a refusal: one place less if there were too many at once; a pause for all if too many in all."""
        spent = whole(headers.get("RateLimit-Remaining")) == 0
        alone = self._width.calls == 1
        if not spent:
            self._width.was_refused()
        if rest and (spent or alone):
            until = self._clock.monotonic() + rest
            self._paused_until = max(until, self._paused_until or until)

    async def _stand_in_line(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._give_back()
            elif place in self._waiting:  # otherwise it was already passed over
                self._waiting.remove(place)
            raise

    async def _rest(self) -> float:
        """Wait for the pause to end and keep the place; give the place back if the pause is too long."""
        while self._paused_until is not None:
            left = self._paused_until - self._clock.monotonic()
            if left <= 0:
                self._paused_until = None
            elif left > self._longest:
                self._give_back()
                return left
            else:
                try:
                    await self._clock.sleep(left)
                except asyncio.CancelledError:
                    self._give_back()
                    raise
        return 0.0

    def _give_back(self) -> None:
        self._out -= 1
        while self._waiting and self._out < self._width.calls:
            place = self._waiting.popleft()
            if not place.done():
                self._out += 1
                place.set_result(None)
