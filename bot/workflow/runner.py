"""The one loop that carries requests out: takes what is due, asks what comes next, and has it done."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import next_step as steps
from bot.domain.call import Call
from bot.domain.request import Request, State, UnreadableError
from bot.following import following
from bot.operations.catalog import OPERATIONS
from bot.store.errors import CouldNotRecordError
from bot.store.requests import RequestMovedError
from bot.workflow import begin, deadlines, ending, follow, left, reminders, repeat, sending, settle
from bot.workflow.parts import Parts

logger = logging.getLogger(__name__)

AT_ONCE = 200
"""How many requests are worked on side by side."""

AFTER_A_FAULT = timedelta(seconds=30)
UNTIL_MENDED = timedelta(minutes=1)
"""Until the next look at a request that cannot be read, which somebody may have mended meanwhile."""

LONGEST_REST = 15.0
"""The most seconds between two turns, so that it can be seen that the loop is alive."""


EVERY_VERSION_KNOWS = (steps.Expire, steps.Remind, steps.Lose, steps.Rest)
"""Steps for which nobody has to know what a request is about."""

ONCE_TOO_LATE = (steps.Begin, steps.Conclude)
"""Steps that another version beside this one takes, until nothing more may be sent."""


class Runner:
    """Carries requests through to their end. Nothing else makes calls to Zuora that have an effect.

    A request is held while it is worked on, so this process never works on it twice at once; the work lock keeps
    other processes away. Nothing that the runner holds in memory is needed after a restart.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._held: dict[int, asyncio.Task[None]] = {}
        self._sending: set[int] = set()
        self._left: dict[int, datetime] = {}
        """Requests that this version cannot carry on, and when to look at them again."""
        self._wake = parts.bells.runner
        self._stopping = False
        self.handover: steps.Handover | None = None
        """Set if this process took over from another one on PostgreSQL; see `Handover`."""
        self.turned_at = parts.clock.monotonic()

    async def run(self) -> None:
        """Work until `stop` is called."""
        while not self._stopping:
            self._wake.clear()
            self.turned_at = self._parts.clock.monotonic()
            now = self._parts.clock.now()  # once: what is due between two readings would be lost
            self._start_due(now)
            await self._rest(now)

    async def stop(self, patience: float = 8.0) -> None:
        """Take no new work, and let calls that are out get their answers. Reading may be cut short.

        Args:
            patience: How many seconds of real time to wait for the answers.
        """
        self._stopping = True
        self._wake.set()
        for number, task in self._held.items():
            if number not in self._sending:
                task.cancel()
        if self._held:
            _, late = await asyncio.wait(self._held.values(), timeout=patience)
            for task in late:
                task.cancel()

    @property
    def under_way(self) -> int:
        """Return how many requests are being worked on."""
        return len(self._held)

    def _start_due(self, now: datetime) -> None:
        store, behind = self._parts.store, self._parts.standing.waits_up_to
        others = len(self._held) + len(self._left)
        for number in store.requests.due(now, AT_ONCE + others, behind=behind):
            if (
                number not in self._held
                and len(self._held) < AT_ONCE
                and not self._leaves(number, now)
            ):
                task = asyncio.create_task(self._work(number), name=f"R-{number}")
                self._held[number] = task

    def _leaves(self, number: int, now: datetime) -> bool:
        until = self._left.get(number)
        return until is not None and now < until

    async def _rest(self, now: datetime) -> None:
        due = self._parts.store.requests.next_wake_after(now)
        seconds = LONGEST_REST if due is None else (due - now).total_seconds()
        await wait_for(self._wake, self._parts.clock.sleep(min(seconds, LONGEST_REST)))

    async def _work(self, number: int) -> None:
        try:
            with following(number):
                await self._steps_or_leave(number)
        except RequestMovedError:
            logger.info("request_moved_meanwhile", extra={"request": number})
        except CouldNotRecordError:
            await self._parts.clock.sleep(AFTER_A_FAULT.total_seconds())
        except Exception:
            logger.exception("step_failed", extra={"request": number})
            await self._parts.clock.sleep(AFTER_A_FAULT.total_seconds())
        finally:
            del self._held[number]
            self._wake.set()

    async def _steps_or_leave(self, number: int) -> None:
        try:
            await self._steps(number)
        except UnreadableError:
            await self._leave(number)

    async def _leave(self, number: int) -> None:
        """Leave a request to the version of the bot that can read it; that is logged once, and said if it is under way."""
        soon = self._parts.clock.now() + UNTIL_MENDED
        request = self._parts.store.requests.without_documents(number)
        if request is None:
            self._left[number] = soon
            left.say_damaged(self._parts.store, number, self._parts.clock.now())
            self._parts.bells.sender.set()
            return
        if number not in self._left:
            logger.error(
                "request_unreadable: this version leaves it alone",
                extra={"request": number, "operation": request.operation},
                exc_info=request.operation in OPERATIONS,
            )
        until = {
            State.APPROVED: deadlines.too_late_at(request),
            State.UNKNOWN: request.next_reminder_at,
        }
        self._left[number] = until.get(request.state) or soon
        if request.state is State.RUNNING:
            self._left[number] = await left.leave(self._parts, request) or soon
            self._parts.bells.sender.set()

    async def _steps(self, number: int) -> None:
        parts = self._parts
        while not self._stopping:
            await parts.store.turns.after_people()
            request = parts.store.requests.get(number)
            now = parts.clock.now()
            if request is None:
                raise UnreadableError(number)
            if request.wake_at is None or request.wake_at > now:
                return
            calls = await self._calls_of(request)
            step = steps.next_step(
                request,
                calls,
                now,
                follows=request.operation in OPERATIONS and OPERATIONS[request.operation].follows,
                again=parts.pauses.again,
                handover=self.handover,
            )
            _refuse_what_only_another_version_knows(request, step, now)
            await self._do(request, step, calls)
            parts.bells.sender.set()
            if isinstance(step, steps.Rest):
                return

    async def _calls_of(self, request: Request) -> tuple[Call, ...]:
        """Return its calls in brief; none before it begins. Nobody changes them while it is held."""
        if request.state in (State.WAITING, State.APPROVED):
            return ()
        found: list[Call] = []
        for part in self._parts.store.calls.in_brief(request.number):
            found += part
            await self._parts.store.turns.one_by_one()
        return tuple(found)

    async def _do(self, request: Request, step: steps.Step, every: tuple[Call, ...]) -> None:
        parts = self._parts
        match step:
            case steps.Remind():
                await reminders.remind(parts, request)
            case steps.Begin():
                await begin.begin(parts, request)
            case steps.Send(calls) | steps.Repeat(calls):
                await self._send(request, step, calls)
            case steps.Follow():
                await follow.follow(parts, request)
            case steps.Settle(calls):
                await settle.settle(parts, request, calls, every)
            case steps.Expire() | steps.Conclude() | steps.Lose() | steps.LeaveToPeople():
                await self._write(request, step, every)
            case steps.Rest(until):
                self._rest_until(request, until)
            case _:
                assert_never(step)

    async def _write(
        self,
        request: Request,
        step: steps.Expire | steps.Conclude | steps.Lose | steps.LeaveToPeople,
        every: tuple[Call, ...],
    ) -> None:
        """Take a step that only writes to the database."""
        store, pauses, now = self._parts.store, self._parts.pauses, self._parts.clock.now()
        match step:
            case steps.Expire():
                deadlines.expire(store, request, now)
            case steps.Conclude():
                await ending.conclude(store, request, every, pauses, now)
            case steps.Lose(calls):
                ending.lose(store, request, calls, pauses, now)
            case steps.LeaveToPeople():
                settle.leave_to_people(store, request, now)

    def _rest_until(self, request: Request, until: datetime | None) -> None:
        """Save that nothing is due before `until`, so that nothing looks earlier."""
        if request.wake_at != until:
            with self._parts.store.transaction():
                self._parts.store.requests.move(request, replace(request, wake_at=until))

    async def _send(
        self, request: Request, step: steps.Send | steps.Repeat, calls: tuple[Call, ...]
    ) -> None:
        go = sending.send if isinstance(step, steps.Send) else repeat.repeat
        self._sending.add(request.number)
        try:
            await go(self._parts, request, calls, lambda: self._stopping)
        finally:
            self._sending.discard(request.number)


def _refuse_what_only_another_version_knows(
    request: Request, step: steps.Step, now: datetime
) -> None:
    """Refuse every step with an operation that this version does not know, except those that end or remind.

    Raises:
        UnreadableError: The step takes the operation itself.
    """
    if request.operation in OPERATIONS or isinstance(step, EVERY_VERSION_KNOWS):
        return
    if not isinstance(step, ONCE_TOO_LATE) or now < deadlines.too_late_at(request):
        msg = f"this version knows no operation {request.operation}"
        raise UnreadableError(msg)


async def wait_for(event: asyncio.Event, other: Awaitable[None]) -> None:
    """Wait until the event is set or the other thing is done, whichever comes first."""
    tasks = {asyncio.ensure_future(event.wait()), asyncio.ensure_future(other)}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
