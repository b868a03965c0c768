"""Sending: each call's key, try and time are saved before it goes out, and its answer after it.

Many calls go out side by side. What is about to go out, and what came back together, is written in
one transaction each time, so that durability costs little however many there are.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.cards import lines, results
from bot.cards.card import card_edit
from bot.domain.call import Call, Verdict
from bot.domain.history import Entry, What
from bot.domain.next_step import conclusion, pause
from bot.domain.request import Request, State
from bot.domain.words import Mention, Part
from bot.operations.operation import Progress
from bot.store.database import CouldNotRecordError
from bot.workflow.begin import facts_as_approved, new_key, too_late_at, wait_for_zuora
from bot.workflow.opened import Opened, opened
from bot.workflow.parts import Parts
from bot.zuora.answers import Answer
from bot.zuora.errors import OutcomeUnknown, ZuoraBusy, ZuoraError, ZuoraRejected

logger = logging.getLogger(__name__)

PROGRESS_GAP = timedelta(seconds=3)
BUSY_IN_A_ROW = 3
"""So many calls that Zuora did not take, with no answer between: it is down, not just full."""

TRIES_TO_WRITE = 5


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
    if any(call.tries for call in calls) and await _may_not_repeat(parts, request, calls):
        return
    under_way: set[asyncio.Task[Call]] = set()
    try:
        await _send_all(parts, request, deque(calls), under_way, stopping)
    finally:  # cut short: what is still out is found unanswered after the restart
        for task in under_way:
            task.cancel()
    _wait_for_the_rest(parts, request.number)


async def _send_all(
    parts: Parts,
    request: Request,
    outstanding: deque[Call],
    under_way: set[asyncio.Task[Call]],
    stopping: Callable[[], bool],
) -> None:
    what = opened(request)  # once: the facts of many documents are long
    busy: list[Call] = []
    while under_way or (outstanding and not stopping() and len(busy) < BUSY_IN_A_ROW):
        if not stopping() and len(busy) < BUSY_IN_A_ROW:
            room = max(0, parts.zuora.width - len(under_way))
            starting = [outstanding.popleft() for _ in range(min(room, len(outstanding)))]
            under_way |= {
                asyncio.create_task(_send_one(parts, request, call, what))
                for call in _write_sending(parts, request, starting)
            }
        done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        under_way -= done
        answered = [task.result() for task in done]
        now_busy = [call for call in answered if call.verdict is Verdict.BUSY]
        busy = busy + now_busy if len(now_busy) == len(answered) else now_busy
        await _write_answers(parts, request, answered)


async def _may_not_repeat(parts: Parts, request: Request, calls: Sequence[Call]) -> bool:
    """Before a repetition: whether it is too late, or what was approved is no longer so.

    Then that is written. Once some calls were done, the facts have changed by what was done, and
    only the time counts.
    """
    done = any(call.verdict is Verdict.ACCEPTED for call in parts.store.calls.of(request.number))
    if not done:
        return await facts_as_approved(parts, request) is None
    if parts.clock.now() >= too_late_at(request):
        _give_up(parts, request, calls, "it could not be sent in time")
        return True
    return False


def _write_sending(parts: Parts, request: Request, calls: Sequence[Call]) -> list[Call]:
    now = parts.clock.now()
    sending = [call.sending(now) for call in calls]
    if sending:
        with parts.store.transaction():
            for call in sending:
                parts.store.calls.save(call)
                parts.store.record(_sent_entry(request, call), now)
    return sending


def _sent_entry(request: Request, call: Call) -> Entry:
    data = {
        "subject": call.subject, "key": call.key, "track_id": call.track_id, "try": call.tries,
    }  # fmt: skip
    return Entry(what=What.CALL_SENT, request=request.number, data=data)


async def _send_one(parts: Parts, request: Request, call: Call, what: Opened) -> Call:
    """Make one call, once; the call as it then stands."""
    operation, body, facts = what
    try:
        answer = await operation.act(body, facts, call, parts.zuora)
    except ZuoraRejected as error:
        return _with_error(call, Verdict.REJECTED, error)
    except ZuoraBusy as error:
        return _busy(parts, request, call, error)
    except OutcomeUnknown as error:
        return _with_error(call, Verdict.LOST, error)
    except Exception:
        logger.exception("call_ended_in_a_fault", extra={"request": request.number})
        words = "the bot had a fault while the call was out"
        return replace(call, verdict=Verdict.LOST, words=words)
    return _accepted(parts, call, answer, operation.begun(body, facts, answer))


def _accepted(parts: Parts, call: Call, answer: Answer, progress: Progress) -> Call:
    return replace(
        call,
        verdict=Verdict.ACCEPTED,
        answered_at=parts.clock.now(),
        http_status=answer.http_status,
        zuora_request_id=answer.zuora_request_id or "",
        began=progress.model_dump_json() if progress.run_id else "",
    )


def _with_error(call: Call, verdict: Verdict, error: ZuoraError) -> Call:
    return replace(
        call,
        verdict=verdict,
        http_status=error.status,
        zuora_request_id=error.zuora_request_id or "",
        words=" ".join(error.words) or str(error),
    )


def _busy(parts: Parts, request: Request, call: Call, error: ZuoraBusy) -> Call:
    """Not done, and to be tried again: under a new key if Zuora would only repeat its failure."""
    if error.new_key_needed:
        call = call.with_new_key(new_key(parts, request))
    retry_at = parts.clock.now() + timedelta(seconds=error.retry_after or 0)
    return replace(_with_error(call, Verdict.BUSY, error), retry_at=retry_at)


async def _write_answers(parts: Parts, request: Request, answered: Sequence[Call]) -> None:
    """Write what came of calls; if they were the last, also how the request goes on.

    An answer that came must not be lost to a database that is locked for a moment.
    """
    for tries_left in reversed(range(TRIES_TO_WRITE)):
        try:
            _write_answers_once(parts, request.number, answered)
        except CouldNotRecordError:
            if not tries_left:
                raise
            await parts.clock.sleep(1.0)
        else:
            parts.wake_sender()
            return


def _write_answers_once(parts: Parts, number: int, answered: Sequence[Call]) -> None:
    now = parts.clock.now()
    with parts.store.transaction():
        for call in answered:
            parts.store.calls.save(call)
            parts.store.record(answer_entry(call), now)
        request = parts.store.requests.get(number)
        calls = parts.store.calls.of(number)
        if request is None or request.state is not State.RUNNING:
            return
        if any(call.is_under_way or call.is_open for call in calls):
            _tell_progress(parts, request, calls)
        else:
            go_on(parts, request, calls)


def _tell_progress(parts: Parts, request: Request, calls: Sequence[Call]) -> None:
    """One message with a bar and figures, edited at most every 3 s."""
    now = parts.clock.now()
    waits, told_at = parts.store.outbox.progress_told(request.number)
    if len(calls) > 1 and not waits and (told_at is None or now - told_at >= PROGRESS_GAP):
        parts.store.outbox.add(results.progress(request, calls, now), now)


def _wait_for_the_rest(parts: Parts, number: int) -> None:
    """What Zuora did not take is tried again later, up to a limit; not within the same pass."""
    request = parts.store.requests.get(number)
    calls = parts.store.calls.of(number)
    busy = [call for call in calls if call.verdict is Verdict.BUSY]
    if request is None or request.state is not State.RUNNING or not busy:
        return
    now = parts.clock.now()
    retry_at = max((call.retry_at for call in busy if call.retry_at), default=now)
    words = "; ".join(dict.fromkeys(call.words for call in busy))
    done = sum(1 for call in calls if call.verdict in (Verdict.ACCEPTED, Verdict.LOST))
    late = max(retry_at, now + pause(request.looks, parts.poll)) > too_late_at(request)
    if done and late:
        still_open = [call for call in calls if call.is_open]
        _give_up(parts, request, still_open, f"Zuora was busy for too long: {words}")
    else:
        so_far = f"{done:,} of {len(calls):,} went out." if done else "Nothing was sent."
        why = f"Zuora is busy: {words}"
        wait_for_zuora(parts, request, why, at_least=retry_at - now, so_far=so_far)


def _give_up(parts: Parts, request: Request, busy: Sequence[Call], words: str) -> None:
    """Some were done and the rest was never taken: that is how it ended."""
    with parts.store.transaction():
        for call in busy:
            parts.store.calls.save(replace(call, verdict=Verdict.REJECTED, words=words))
        go_on(parts, request, parts.store.calls.of(request.number))


def answer_entry(call: Call) -> Entry:
    """The history entry of what came of a call."""
    lost = call.verdict is Verdict.LOST
    return Entry(
        what=What.CALL_LOST if lost else What.CALL_ANSWERED,
        request=call.request,
        data={
            "subject": call.subject,
            "key": call.key,
            "track_id": call.track_id,
            "verdict": call.verdict.value if call.verdict else "",
            "http_status": call.http_status,
            "zuora_request_id": call.zuora_request_id,
            "words": call.words,
        },
    )


def lose(parts: Parts, request: Request, calls: Sequence[Call]) -> None:
    """Calls that went out before the bot was stopped: nobody knows what became of them."""
    now = parts.clock.now()
    words = "the bot was stopped before the answer came"
    with parts.store.transaction():
        for call in calls:
            lost = replace(call, verdict=Verdict.LOST, words=words)
            parts.store.calls.save(lost)
            parts.store.record(answer_entry(lost), now)
        everything = parts.store.calls.of(request.number)
        if not any(each.is_open for each in everything):
            go_on(parts, request, everything)


def conclude(parts: Parts, request: Request) -> None:
    """Every call has its answer; write how it goes on."""
    with parts.store.transaction():
        go_on(parts, request, parts.store.calls.of(request.number))


def go_on(parts: Parts, request: Request, calls: Sequence[Call]) -> None:
    """Write how a request goes on whose calls all have their answer; inside a transaction.

    It ended, or its outcome is unknown, or what an accepted call began is now followed.
    """
    operation, _, _ = opened(request)
    state = conclusion(calls)
    if state is State.UNKNOWN:
        _unknown(parts, request, calls)
    elif operation.follows and state is State.SUCCEEDED:
        _follow_from_now(parts, request, calls)
    else:
        end(parts, request, state, calls)


def _follow_from_now(parts: Parts, request: Request, calls: Sequence[Call]) -> None:
    now = parts.clock.now()
    operation, body, facts = opened(request)
    accepted = operation.accepted(body, facts, now)
    after = replace(
        request, progress=calls[0].began, result=accepted, wake_at=now + parts.poll, looks=0
    )
    entry = Entry(what=What.PROGRESSED, request=request.number, data={"result": accepted})
    parts.store.move(request, after, entry, now, card_edit(after), lines.reply(after, accepted))


def end(parts: Parts, request: Request, state: State, calls: Sequence[Call]) -> None:
    """Write how it ended, to everybody; inside a transaction."""
    now = parts.clock.now()
    operation, body, facts = opened(request)
    result = operation.result(body, facts, calls, now)
    after = replace(request.moved(state, now, result=result), progress=tally(calls))
    entry = Entry(
        what=What.ENDED, request=request.number, data={"state": state.value, "result": result}
    )
    parts.store.move(
        request, after, entry, now,
        *([results.progress(after, calls, now)] if len(calls) > 1 else []),
        card_edit(after),
        lines.reply(after, result, " ", Mention(request.requester)),
        *results.failures(after, calls),
    )  # fmt: skip


def tally(calls: Sequence[Call]) -> str:
    """How many of many calls failed or were lost, for the card; empty for a single call."""
    if len(calls) == 1:
        return ""
    failed = sum(1 for call in calls if call.verdict is Verdict.REJECTED)
    lost = sum(1 for call in calls if call.is_lost)
    return Progress(calls=len(calls), failed=failed, lost=lost).model_dump_json()


def _unknown(parts: Parts, request: Request, calls: Sequence[Call]) -> None:
    now = parts.clock.now()
    lost = [call for call in calls if call.verdict is Verdict.LOST]
    words = "; ".join(dict.fromkeys(call.words for call in lost))
    which = "" if len(calls) == 1 else f" of {len(lost)} of {len(calls)} calls"
    result = (
        f"It went out to Zuora and the answer{which} was lost ({words.rstrip('.')}), so it may or "
        "may not have been done. It is not sent again."
    )
    after = replace(
        request.moved(State.UNKNOWN, now, wake_at=now + parts.poll, result=result),
        progress=tally(calls),
    )
    entry = Entry(
        what=What.ENDED, request=request.number, data={"state": "unknown", "result": result}
    )
    loudly = (
        f"OUTCOME UNKNOWN of {request.name}. {result} The bot looks in Zuora for a sign of it. A "
        f"person can look there too, at {request.subject} and its email history, and record with "
        "the buttons on the card what is seen. "
    )
    told: tuple[Part, ...] = (
        loudly,
        Mention(request.requester), " ", Mention(request.decided_by or request.requester),
    )  # fmt: skip
    parts.store.move(
        request, after, entry, now,
        *([results.progress(after, calls, now)] if len(calls) > 1 else []),
        card_edit(after), lines.reply(after, *told), *results.failures(after, calls),
    )  # fmt: skip
