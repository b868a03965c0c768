"""Estimates that Zuora makes in the background, shown on the card and in the thread.

They help approvers to decide. Nothing waits for an estimate, no approval is bound to it, and after
the decision none is shown any more.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from bot.cards import lines
from bot.cards.at_stake import NO_ESTIMATE
from bot.cards.card import card_edit
from bot.domain.history import Entry, What
from bot.domain.request import Request, State
from bot.operations.beginning import Estimated, Foreseen
from bot.operations.catalog import opened
from bot.store.errors import CouldNotRecordError
from bot.store.estimates import Waiting
from bot.workflow.parts import Parts
from bot.workflow.runner import wait_for
from bot.zuora.errors import ZuoraError, ZuoraRefused

logger = logging.getLogger(__name__)

AT_ONCE = 10
LONGEST_REST = 3600.0
LONGEST_PAUSE = timedelta(minutes=5)
PATIENCE = timedelta(hours=2)
"""How long the bot waits for Zuora's estimate after asking for it."""

UNTIL_BEGUN = timedelta(minutes=15)
MAY_PASS = frozenset({None, 30, 50, 70})
"""Categories of Zuora's errors (page *Error codes*): a rule, contention, a limit, or none given."""

AFTER_A_FAULT = 30.0
NOTHING = Foreseen()


def pause(looks: int, first: timedelta) -> timedelta:
    """Return the pause before the next look; each is twice the one before, up to five minutes."""
    return min(LONGEST_PAUSE, first * (1 << min(looks, 16)))


class Estimating:
    """The loop that gets estimates, apart from the runner, so that no request and no click waits for it.

    Its work is in the database, so it continues after a restart.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._wake = parts.bells.estimates
        self.under_way = 0
        """How many estimates are being looked at."""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            now = self._parts.clock.now()
            due = self._parts.store.estimates.due(now, AT_ONCE)
            if due:
                await self._work(due)
            else:
                await self._rest(now)

    async def _work(self, due: list[Waiting]) -> None:
        self.under_way = len(due)
        try:
            well = await asyncio.gather(*(self._one(waiting) for waiting in due))
        finally:
            self.under_way = 0
        if not all(well):
            await self._parts.clock.sleep(AFTER_A_FAULT)

    async def _rest(self, now: datetime) -> None:
        due = self._parts.store.estimates.next_wake()
        seconds = LONGEST_REST if due is None else (due - now).total_seconds()
        await wait_for(self._wake, self._parts.clock.sleep(min(seconds, LONGEST_REST)))

    async def _one(self, waiting: Waiting) -> bool:
        """Take one step of one estimate; return whether it could be recorded. A failure does not stop the others."""
        try:
            await self._look_or_give_up(waiting)
        except CouldNotRecordError:
            return False
        return True

    async def _look_or_give_up(self, waiting: Waiting) -> None:
        """Look at one estimate, and give it up after a fault, because it would fail again and hold up the others."""
        try:
            await self._look(waiting)
        except CouldNotRecordError:
            raise
        except Exception:
            logger.exception("estimate_failed", extra={"request": waiting.request})
            fault = "There is no estimate: the bot failed while asking for one."
            self._end(waiting, Foreseen(fault))

    async def _look(self, waiting: Waiting) -> None:
        """Take one step, and write its result."""
        request = self._parts.store.requests.get(waiting.request)
        if request is None or request.state is not State.WAITING:
            self._end(waiting)
            return
        begun, found = waiting.begun, Foreseen()
        try:
            begun, found = await self._step(request, waiting)
        except ZuoraRefused as error:
            found = Foreseen(self._refused(request, waiting, error))
        except ZuoraError as error:
            logger.info(
                "estimate_waits", extra={"request": request.number, "error": type(error).__name__}
            )
        now = self._parts.clock.now()
        if not found.words and now - request.created_at >= PATIENCE:
            hours = int(PATIENCE.total_seconds()) // 3600
            found = Foreseen(f"Zuora gave no estimate within {hours} hours.")
        if found.words:
            self._end(waiting, found)
            return
        wake_at = now + pause(waiting.looks, self._parts.pauses.poll)
        with self._parts.store.transaction():
            self._parts.store.estimates.later(waiting.request, begun, wake_at)

    def _refused(self, request: Request, waiting: Waiting, error: ZuoraRefused) -> str:
        """Return the words for a refusal; empty while it may still pass.

        A batch has one preview at a time (page *Create a billing preview run*), so after *Change and ask again* Zuora
        may refuse the second one. No page says with which code; missing rights and mistakes have codes of their own.
        """
        may_pass = not waiting.begun and error.category in MAY_PASS
        if may_pass and self._parts.clock.now() - request.created_at < UNTIL_BEGUN:
            return ""
        return f"Zuora gave no estimate: {error}"

    async def _step(self, request: Request, waiting: Waiting) -> tuple[str, Foreseen]:
        """Begin the estimate, or look at it once; return its name in Zuora, and what to show.

        Raises:
            ZuoraError: Zuora could not be read.
        """
        order = opened(request)
        if not isinstance(order, Estimated):
            msg = f"nothing of {order.name} can be estimated"
            raise TypeError(msg)
        zuora = self._parts.tenancy.zuora_in(request.place)
        if waiting.begun:
            return waiting.begun, await order.estimate(waiting.begun, zuora)
        # Zuora keeps a failure under its key for a day, so each try has a new one
        key = f"billing-bot:{request.name}:estimate:{waiting.key}:{waiting.looks}"
        self._record(request, What.ESTIMATE_ASKED, key=key)
        begun = await order.begin_estimate(key, zuora)
        self._record(request, What.ESTIMATE_BEGUN, key=key, preview=begun)
        return begun, Foreseen()

    def _record(self, request: Request, what: What, **data: str) -> None:
        """Record the only order to Zuora that goes out before an approval in the history, like every other."""
        entry = Entry(what=what, request=request.number, data=data)
        with self._parts.store.transaction():
            self._parts.store.record(entry, self._parts.clock.now())

    def _end(self, waiting: Waiting, found: Foreseen = NOTHING) -> None:
        """End the estimate, and show it if the request still waits for a decision."""
        store, now = self._parts.store, self._parts.clock.now()
        with store.transaction():
            request = store.requests.get(waiting.request)
            is_new = store.estimates.end(waiting.request) and bool(found.words)
            if is_new and request is not None and request.state is State.WAITING:
                store.estimates.came_to(request.number, found.amount or NO_ESTIMATE, now)
                store.outbox.add(card_edit(request), now)
                store.outbox.add(lines.reply(request, found.words), now)
        self._parts.bells.sender.set()
