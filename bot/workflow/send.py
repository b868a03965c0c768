"""Sending: what has to be true before a pass over the calls of a request, and after it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.cards.card import card_edit
from bot.domain.call import Call, Verdict
from bot.domain.next_step import pause
from bot.domain.request import Request, State
from bot.domain.tally import Tally
from bot.workflow.begin import facts_as_approved
from bot.workflow.calling import NOT_SENT, answer_entry, settled_entry
from bot.workflow.deadlines import too_late_at, wait_for_zuora
from bot.workflow.ending import go_on
from bot.workflow.one_pass import Pass
from bot.workflow.parts import Parts

JUST_READ = timedelta(minutes=1)
"""Calls that go out so soon after they were planned go by the facts that they were planned with."""


async def send(
    parts: Parts, request: Request, calls: Sequence[Call], stopping: Callable[[], bool]
) -> None:
    """Send calls side by side, as many as Zuora allows.

    Args:
        parts: The outside.
        request: Whose calls they are.
        calls: Calls none of which can have taken effect.
        stopping: Whether nothing new may be begun.
    """
    if await _may_not_send(parts, request, calls):
        return
    request = _goes_on(parts, request)
    await Pass(parts, request, calls, stopping).run()
    _wait_for_the_rest(parts, request.number)


def _goes_on(parts: Parts, request: Request) -> Request:
    """The request, whose card no longer says what it waited for."""
    if not request.result:
        return request
    after = replace(request, result="")
    with parts.store.transaction():
        parts.store.requests.move(request, after)
        parts.store.outbox.add(card_edit(after), parts.clock.now())
    return after


async def _may_not_send(parts: Parts, request: Request, calls: Sequence[Call]) -> bool:
    """Whether it is too late, or what was approved is no longer so. Then that is written.

    Once a call was done, or may have been, the facts have changed by that, and only the time
    counts. Before that they are read again, but where they were read just now.
    """
    now = parts.clock.now()
    if parts.store.calls.tally(request.number).went_out:
        if now >= too_late_at(request):
            _give_up(parts, request, calls, "it could not be sent in time")
            return True
        return False
    just_read = now - request.state_at < JUST_READ and not any(call.tries for call in calls)
    in_time = now < too_late_at(request)
    return not (just_read and in_time) and await facts_as_approved(parts, request) is None


def _wait_for_the_rest(parts: Parts, number: int) -> None:
    """What Zuora did not take is tried again later, up to a limit; not within the same pass."""
    request = parts.store.requests.get(number)
    if request is None or request.state is not State.RUNNING:
        return
    calls = parts.store.calls.of(number)
    busy = [call for call in calls if call.verdict is Verdict.BUSY and call.words != NOT_SENT]
    if not busy:
        return
    now = parts.clock.now()
    retry_at = max((call.retry_at for call in busy if call.retry_at), default=now)
    words = "; ".join(dict.fromkeys(call.words for call in busy))
    done = Tally.of(calls).went_out
    late = max(retry_at, now + pause(request.looks, parts.poll)) > too_late_at(request)
    if done and late:
        still_open = [call for call in calls if call.is_open]
        _give_up(parts, request, still_open, f"Zuora was busy for too long: {words}")
    else:
        so_far = f"{done:,} of {len(calls):,} went out." if done else "Nothing was sent."
        why = f"Zuora is busy: {words}"
        wait = max(retry_at - now, pause(request.looks, parts.poll))
        wait_for_zuora(parts.store, request, why, now, wait, so_far=so_far)


def _give_up(parts: Parts, request: Request, busy: Sequence[Call], words: str) -> None:
    """Some were done and the rest was never taken: that is how it ended."""
    given_up = [call._replace(verdict=Verdict.REJECTED, words=words) for call in busy]
    with parts.store.transaction():
        parts.store.calls.save(*given_up)
        parts.store.history.append_all(map(settled_entry, given_up), parts.clock.now())
        go_on(parts, request, parts.store.calls.of(request.number))


def lose(parts: Parts, request: Request, calls: Sequence[Call]) -> None:
    """Calls that went out before the bot was stopped: nobody knows what became of them."""
    now = parts.clock.now()
    words = "the bot was stopped before the answer came"
    lost = [call._replace(verdict=Verdict.LOST, words=words) for call in calls]
    with parts.store.transaction():
        parts.store.calls.save(*lost)
        parts.store.history.append_all(map(answer_entry, lost), now)
        everything = parts.store.calls.of(request.number)
        if not any(each.is_open for each in everything):
            go_on(parts, request, everything)


def conclude(parts: Parts, request: Request) -> None:
    """Every call has its answer; write how it goes on."""
    with parts.store.transaction():
        go_on(parts, request, parts.store.calls.of(request.number))
