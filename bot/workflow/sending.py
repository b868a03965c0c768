"""Sending, in order: what must be true before, one pass over the calls, what is left for the next pass.

In a pass many calls are out side by side. Each is saved before it goes out, and again when its answer has come. One
transaction saves the answers that came together and the calls that go out next, so that durability costs little
however many calls there are.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from bot.cards.card import card_edit
from bot.domain.call import NOT_SENT, Call, Verdict
from bot.domain.history import What
from bot.domain.next_step import pause
from bot.domain.request import Request, State
from bot.operations.catalog import opened
from bot.operations.progress import Reread
from bot.store.errors import CouldNotRecordError
from bot.store.in_parts import PART, in_parts
from bot.workflow.begin import facts_as_approved
from bot.workflow.calling import Calling, GoingOut, came_entry, settled_entry
from bot.workflow.deadlines import too_late_at, wait_for_zuora
from bot.workflow.ending import Answered, show_progress
from bot.workflow.parts import Working
from bot.workflow.still_wanted import NOT_SAID, read_again, why_none_any_more
from bot.zuora.errors import ZuoraError

JUST_READ = timedelta(minutes=1)
"""Calls that go out this soon after they were planned rely on the facts read then."""


BUSY_IN_A_ROW = 3
"""After this many calls in a row that Zuora did not take, it counts as down and not just full."""

TRIES_TO_WRITE = 5
LONGEST_REST = timedelta(seconds=5)
"""The longest rest that a pass sits out; as long as the first pause between two passes."""

A_FEW = 4
"""How many calls are saved as sent and go out together.

Calls that go out all at once come back all at once, and each then waits until the others are read, round after round.
And if the process is killed, only a few calls are left that were saved as sent and did not go out.
"""

A_PART = 4
"""Each request has one place in this many of the width to itself, so that a large one does not hold up the others."""

_TOO_MANY = 429
_ALWAYS = datetime.min.replace(tzinfo=UTC)


async def send(
    parts: Working, request: Request, calls: Sequence[Call], stopping: Callable[[], bool]
) -> None:
    """Send all calls of a request that are open, side by side, as many as Zuora allows.

    Args:
        parts: The outside.
        request: Whose calls they are. None of the open ones can have taken effect.
        calls: The open ones, of very many only the first.
        stopping: Whether nothing new may be begun.
    """
    if not await _may_go_out(parts, request, calls):
        return
    request = _goes_on(parts, request)
    still_open = chain.from_iterable(parts.store.calls.open_in_parts(request.number))
    await Pass(parts, await calling_of(parts, request), still_open, stopping).run()
    await _wait_for_the_rest(parts, request.number)


def _goes_on(parts: Working, request: Request) -> Request:
    """Return the request without the words on what it waited for, and edit its card."""
    if not request.result:
        return request
    after = replace(request, result="")
    with parts.store.transaction():
        parts.store.requests.move(request, after)
        parts.store.outbox.add(card_edit(after), parts.clock.now())
    return after


async def _may_go_out(parts: Working, request: Request, calls: Sequence[Call]) -> bool:
    """Return whether what is open is in time and still as approved; record why some or all of it is not.

    Until a call was done, all facts are read again, unless they were just read. A call that was
    done, or may have been, has changed the facts, so each remaining document is then read by
    itself, unless the last call has just gone out.
    """
    now = parts.clock.now()
    calling = await calling_of(parts, request)
    if parts.store.calls.tally(request.number).went_out:
        return await _left(parts, calling)
    just_read = now - request.state_at < JUST_READ and not any(call.tries for call in calls)
    digest = await asyncio.to_thread(parts.tenancy.digest_of, calling.order, request.place)
    here = digest == request.digest
    denied = parts.store.history.approval_is_denied(request.number)
    if just_read and here and not denied and now < too_late_at(request):
        return True
    return await facts_as_approved(parts, request) is not None


async def _left(parts: Working, calling: Calling) -> bool:
    """Return whether calls are left that may still go out; record why the others may not."""
    request, now = calling.whole_request, parts.clock.now()
    if now >= too_late_at(request):
        await _give_up(parts, request, "it could not be sent in time")
        return False
    last = parts.store.calls.last_sent_at(request.number)
    calls: Sequence[Call] = ()
    reread: Mapping[str, Reread] = {}
    try:
        await parts.tenancy.admission.check()
        if last is None or now - last >= JUST_READ:
            calls = await _still_open(parts, request)
            reread = await read_again(parts.guard, calling, calls)
    except ZuoraError as error:
        await _wait_to_go_on(parts, request, str(error))
        return False
    why = await why_none_any_more(parts, calling)
    if why is None:
        await _wait_to_go_on(parts, request, NOT_SAID)
        return False
    if why:
        await _give_up(parts, request, f"it was not sent: {why}")
        return False
    wrong = {
        subject: one.wrong or "it was mailed meanwhile"
        for subject, one in reread.items()
        if one.wrong or one.done
    }
    refused = [call for call in calls if call.subject in wrong]
    over = bool(refused) and len(refused) == len(calls)
    await _refuse(parts, request, refused, wrong, over=over)
    return not over


async def _still_open(parts: Working, request: Request) -> list[Call]:
    """Return all calls of a request that still have to go out, read in parts."""
    found: list[Call] = []
    for part in parts.store.calls.open_in_parts(request.number):
        found += part
        await parts.store.turns.one_by_one()
    return found


async def _wait_to_go_on(
    parts: Working, request: Request, why: str, retry_at: datetime | None = None
) -> None:
    """Try what is left later, not before `retry_at`; give it up if that is too late and some of it was sent."""
    now, tally = parts.clock.now(), parts.store.calls.tally(request.number)
    pausing = pause(request.looks, parts.pauses.poll)
    wait = max(retry_at - now, pausing) if retry_at else pausing
    done = tally.went_out
    if done and now + wait > too_late_at(request):
        await _give_up(parts, request, f"it could not be sent in time: {why.rstrip('.')}")
        return
    so_far = f"{done:,} of {tally.calls:,} went out." if done else "Nothing was sent."
    wait_for_zuora(parts, request, why, wait, so_far=so_far)


async def calling_of(parts: Working, request: Request) -> Calling:
    """Return the `Calling` that makes a request's calls."""
    zuora = parts.tenancy.zuora_in(request.place)
    order = await asyncio.to_thread(opened, request)  # it takes long for many documents
    return Calling(request, order, zuora, parts.clock, parts.new_id)


class Pass:
    """Sends calls, as many at once as Zuora allows, until none is left or none can go out.

    A call that Zuora refused as one too many (429) goes to the end of the line, once others were accepted; then Zuora
    is only full. Before that, and for calls that Zuora did not take for other reasons, the next pass reads the facts
    again first.

    Args:
        parts: The outside.
        calling: Makes the calls of the request.
        calls: Calls that cannot have taken effect, or calls whose answers were lost; each is read when its turn comes.
        stopping: Whether nothing new may be begun.
    """

    def __init__(
        self,
        parts: Working,
        calling: Calling,
        calls: Iterable[Call],
        stopping: Callable[[], bool],
    ) -> None:
        self._parts = parts
        self._calling = calling
        self._request = calling.whole_request
        self._too_late_at = too_late_at(calling.whole_request)
        self._unread = iter(calls)
        self._line = deque(islice(self._unread, A_FEW))  # empty only if none is left
        self._again = deque[Call]()  # rested, after those that were not tried yet
        self._resting: list[Call] = []
        self._stopping = stopping
        self._ready: deque[GoingOut] = deque()  # written down as sent
        self._out: set[asyncio.Task[None]] = set()
        self._answered: list[Call] = []
        self._bell = asyncio.Event()
        self._busy = 0
        self._some_accepted = False
        self._left = False
        self._denied = False
        self._denials_read = 0  # up to this row of the history
        self._progress_at: datetime | None = None

    async def run(self) -> None:
        """Send all of them.

        Raises:
            CouldNotRecordError: The database could not be written for too long.
        """
        try:
            while await self._turn():
                pass
        finally:  # cut short: what is still out is found unanswered after the restart
            for task in self._out:
                task.cancel()
            self._take_back()
            if self._answered:
                with suppress(CouldNotRecordError):
                    self._keep_answers()

    async def _turn(self) -> bool:
        """Save what came back and what goes out next, send that, and wait; return False at the end."""
        self._bell.clear()
        came = list(self._answered)
        for call in came:
            self._note(call)
        now = self._parts.clock.now()
        sending = [self._calling.going_out(call, now) for call in self._next(now)]
        if came or sending:
            await self._write(came, sending)
        del self._answered[: len(came)]  # not before they are written
        self._ready += [] if self._denied else sending  # then none of these was saved as sent
        self._let_go(self._places)
        if len(sending) == A_FEW:  # there may be room for more, once these have begun
            await asyncio.sleep(0)
            return True
        if self._out or self._answered:
            await self._bell.wait()
            return True
        return await self._rest()

    @property
    def _places(self) -> int:
        """Return how many may go out now: what is free of the shared width, or at least this request's part of it.

        Calls of that part may have to wait at the client's gate, where requests take turns.
        """
        zuora, out = self._parts.tenancy.zuora, len(self._out)
        width = zuora.width
        part = max(1, width // A_PART)
        return max(width - max(zuora.under_way, out), part - out, 0)

    def _let_go(self, places: int) -> None:
        """Send as much of what is ready as there is room for; take it all back if nothing may go out any more."""
        if self._ready and not self._may_begin:
            self._take_back()
            self._bell.set()
        now = self._parts.clock.now()
        for _ in range(min(places, len(self._ready))):
            call, prepared = self._ready.popleft()
            one = GoingOut(call._replace(sent_at=now), prepared)
            self._out.add(asyncio.create_task(self._send(one)))

    def _take_back(self) -> None:
        """Take back the calls that were saved as sent but did not go out; they may go out another time."""
        self._answered += [call.taken_back() for call, _ in self._ready]
        self._ready.clear()

    async def _send(self, one: GoingOut) -> None:
        me = asyncio.current_task()
        try:
            answered = await self._calling.make(one)
            self._answered.append(answered)
            self._out -= {me}
            if answered.verdict is not Verdict.BUSY:  # otherwise the turn decides about the others
                self._let_go(self._places)  # before the turn: what is ready waits for nothing else
        finally:
            self._out -= {me}
            self._bell.set()

    def _note(self, call: Call) -> None:
        """Note what an answer means for the calls that are left."""
        if call.words == NOT_SENT:
            self._left = True
            return
        if call.verdict is not Verdict.BUSY:
            self._busy = 0
            self._some_accepted |= call.verdict is Verdict.ACCEPTED
            return
        self._busy += 1
        if call.http_status == _TOO_MANY:
            self._resting.append(call)
        else:
            self._left = True

    @property
    def _may_begin(self) -> bool:
        in_time = self._parts.clock.now() < self._too_late_at
        return in_time and self._busy < BUSY_IN_A_ROW and not (self._stopping() or self._denied)

    def _next(self, now: datetime) -> list[Call]:
        """Return the calls that go out now, as many as there is room for, refused ones last."""
        if not self._may_begin:
            return []
        if self._some_accepted:
            self._again += [call for call in self._resting if _rested_at(call) <= now]
            self._resting = [call for call in self._resting if _rested_at(call) > now]
        room = self._places - len(self._ready)
        going: list[Call] = []
        for line in (self._line, self._again):
            while line and len(going) < min(room, A_FEW):
                going.append(line.popleft())
        self._line += islice(self._unread, A_FEW - len(self._line))
        return going

    async def _rest(self) -> bool:
        """Sit out a short rest that Zuora asked for, if nothing else can be done; return False if the pass has ended."""
        now = self._parts.clock.now()
        until = min(map(_rested_at, self._resting), default=None)
        if until is None or not self._some_accepted or not self._may_begin:
            return False
        if until - now > LONGEST_REST or max(now, until) >= self._too_late_at:
            return False
        await self._parts.clock.sleep(min(1.0, max(0.0, (until - now).total_seconds())))
        return True

    async def _write(self, answered: Sequence[Call], sending: Sequence[GoingOut]) -> None:
        """Save the answers and the calls that go out next; after the last answer, also how the request continues.

        It tries several times, because an answer must not be lost to a database that is locked for a moment.
        """
        write = partial(self._write_once, answered, sending)
        for tries_left in reversed(range(TRIES_TO_WRITE if answered else 1)):
            try:
                saved = await self._parts.store.together.write(write)
            except CouldNotRecordError:
                if not tries_left:
                    raise
                await self._parts.clock.sleep(1.0)
            else:
                self._denied, self._denials_read = saved.denied, saved.denials_read
                self._progress_at = saved.progress_at
                if saved.has_news:
                    self._parts.bells.sender.set()
                return

    def _write_once(self, answered: Sequence[Call], sending: Sequence[GoingOut]) -> "_Saved":
        """Save them in one transaction; return what to keep once that is durable.

        Once somebody has denied an approval, no further call is saved as sent: in the history none comes after the
        denial, whichever process wrote that. The next step then gives up what is left.
        """
        store, now = self._parts.store, self._parts.clock.now()
        with store.transaction():
            denied, denials_read = self._look_for_denials()
            sending = [] if denied else sending
            store.calls.save(*answered, *(one.call for one in sending))
            sent = [one.sent_entry() for one in sending]
            store.history.append_all([*map(came_entry, answered), *sent], now)
            has_news, progress_at = False, self._progress_at
            if answered and len(answered) == len(self._answered) and self._was_last(sending):
                has_news = self._conclude()
            elif answered and (progress_at is None or now >= progress_at):
                has_news, progress_at = True, show_progress(store, self._request, now)
        return _Saved(has_news, denied, denials_read, progress_at)

    def _look_for_denials(self) -> tuple[bool, int]:
        """Return whether an approval of the request is denied, and up to which row that is known; older ones are not read."""
        history = self._parts.store.history
        said = history.since(self._denials_read, What.STATEMENT_DENIED)
        if not said:
            return self._denied, self._denials_read
        denied = self._denied or history.approval_is_denied(self._request.number)
        return denied, said[-1].sequence

    def _keep_answers(self) -> None:
        """Save the answers that are not saved yet; another step decides how the request continues."""
        store = self._parts.store
        with store.transaction():
            mine = {call.subject: call for call in self._answered}
            stand = store.calls.about(self._request.number, list(mine))
            came = [mine[subject] for subject, call in stand.items() if call.is_under_way]
            store.calls.save(*came)
            store.history.append_all(map(came_entry, came), self._parts.clock.now())

    def _was_last(self, sending: Sequence[GoingOut]) -> bool:
        return not (
            sending
            or self._ready
            or self._out
            or self._line
            or self._again
            or self._resting
            or self._left
        )

    def _conclude(self) -> bool:
        """Write how the request continues if all its calls have answers; return whether it did.

        With very many calls the next step does that, which reads them in parts.
        """
        store, pauses = self._parts.store, self._parts.pauses
        if store.calls.tally(self._request.number).calls > PART:
            return False
        request = store.requests.get(self._request.number)
        calls = store.calls.of(self._request.number)
        if request is None or request.state is not State.RUNNING:
            return False
        if any(call.is_under_way or call.is_open for call in calls):
            return False
        Answered(store, request, calls, self._parts.clock.now()).go_on(pauses, self._calling.order)
        return True


class _Saved(NamedTuple):
    """What a write found; kept only when it is durable, because until then it may be undone and run again.

    Attributes:
        has_news: Whether there is something to show people.
        denied: Whether an approval of the request is denied.
        denials_read: The row of the history up to which denials were read.
        progress_at: When progress is due again.
    """

    has_news: bool
    denied: bool
    denials_read: int
    progress_at: datetime | None


def _rested_at(call: Call) -> datetime:
    """Return when a refused call may be tried again."""
    return call.retry_at or _ALWAYS


async def _wait_for_the_rest(parts: Working, number: int) -> None:
    """Try the calls that Zuora did not take again in a later pass, up to a limit."""
    request = parts.store.requests.get(number)
    if request is None or request.state is not State.RUNNING:
        return
    busy = [call for call in parts.store.calls.busy(number) if call.words != NOT_SENT]
    if not busy:
        return
    retry_at = max((call.retry_at for call in busy if call.retry_at), default=None)
    words = "; ".join(dict.fromkeys(call.words for call in busy))
    await _wait_to_go_on(parts, request, f"Zuora is busy: {words}", retry_at)


async def _give_up(parts: Working, request: Request, words: str) -> None:
    """End the request with what was done, without the calls that are left."""
    calls = await _still_open(parts, request)
    why = dict.fromkeys((call.subject for call in calls), words)
    await _refuse(parts, request, calls, why, over=True)


async def _refuse(
    parts: Working, request: Request, calls: Sequence[Call], why: Mapping[str, str], *, over: bool
) -> None:
    """Record that calls will not go out, each with why; `over` says that no other call is left.

    Very many are recorded in parts; the next step then ends the request.
    """
    store, now = parts.store, parts.clock.now()
    for part in in_parts(len(calls)):
        refused = [
            call._replace(verdict=Verdict.REFUSED, words=why[call.subject]) for call in calls[part]
        ]
        with store.transaction():
            store.calls.save(*refused)
            store.history.append_all(map(settled_entry, refused), now)
            if over and store.calls.tally(request.number).calls <= PART:
                Answered(store, request, store.calls.of(request.number), now).go_on(parts.pauses)
        await store.turns.one_by_one()
