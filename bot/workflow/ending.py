"""How a request goes on once all its calls have their answer; inside a transaction of the caller."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.cards import lines, results
from bot.cards.card import card_edit, change_and_ask_again
from bot.domain.call import Call, Verdict
from bot.domain.history import Entry, What
from bot.domain.message import Message
from bot.domain.next_step import conclusion
from bot.domain.request import Request, State
from bot.domain.tally import Tally
from bot.domain.words import Mention, Part
from bot.operations.catalog import opened, operation_named
from bot.operations.operation import Order, Progress
from bot.workflow.parts import Parts

PROGRESS_GAP = timedelta(seconds=3)
"""The progress message is edited at most so often."""


def go_on(
    parts: Parts, request: Request, calls: Sequence[Call], order: Order[Any, Any] | None = None
) -> None:
    """Write how a request goes on whose calls all have their answer; inside a transaction.

    It ended, or its outcome is unknown, or what an accepted call began is now followed.

    Args:
        parts: The outside.
        request: As it stands in the database.
        calls: All of its calls.
        order: The request opened, where that was done already; to open hundreds of documents takes milliseconds.
    """
    operation = operation_named(request.operation)
    state = conclusion(calls)
    if state is State.UNKNOWN:
        _unknown(parts, request, calls)
    elif operation.follows and state is State.SUCCEEDED:
        _follow_from_now(parts, request, calls, order or opened(request))
    else:
        _end(parts, request, state, calls, order or opened(request))


def _follow_from_now(
    parts: Parts, request: Request, calls: Sequence[Call], order: Order[Any, Any]
) -> None:
    now = parts.clock.now()
    accepted = order.accepted()
    after = replace(
        request, progress=calls[0].began, result=accepted, wake_at=now + parts.poll, looks=0
    )
    entry = Entry(what=What.PROGRESSED, request=request.number, data={"result": accepted})
    parts.store.move(request, after, entry, now, card_edit(after), lines.reply(after, accepted))


def _end(
    parts: Parts, request: Request, state: State, calls: Sequence[Call], order: Order[Any, Any]
) -> None:
    """Write how it ended, to everybody; inside a transaction."""
    now = parts.clock.now()
    result = order.result(calls)
    after = replace(request.moved(state, now, result=result), progress=tally(calls))
    entry = Entry(
        what=What.ENDED, request=request.number, data={"state": state.value, "result": result}
    )
    told = lines.reply(after, result, " ", Mention(request.requester))
    if state is State.FAILED and len(calls) == 1:  # of many, the list of failures has the button
        told = change_and_ask_again(told, after)
    _move(parts, request, after, entry, calls, told)


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
    _move(parts, request, after, entry, calls, lines.reply(after, *told))


def _move(
    parts: Parts,
    before: Request,
    after: Request,
    entry: Entry,
    calls: Sequence[Call],
    told: Message,
) -> None:
    """Write the end, with the progress as it then stands and what failed."""
    now = parts.clock.now()
    failures = results.failures(after, calls)
    if len(calls) == 1:
        parts.store.move(before, after, entry, now, card_edit(after), told)
        return
    progress = results.progress(after, Tally.of(calls), now)
    waits, told_at = parts.store.outbox.progress_told(after.number)
    if told_at is None and not waits:
        parts.store.move(before, after, entry, now, progress, card_edit(after), told, *failures)
        return
    parts.store.move(before, after, entry, now, card_edit(after), told, *failures)
    # the last of its lane, so that nothing waits with it
    soonest = now if told_at is None else max(now, told_at + PROGRESS_GAP)
    parts.store.outbox.add(progress, now, not_before=soonest)


def tell_progress(parts: Parts, request: Request) -> datetime:
    """Tell how far it got, if the last time is long enough ago; when to look again."""
    now = parts.clock.now()
    waits, told_at = parts.store.outbox.progress_told(request.number)
    if waits:
        return now + PROGRESS_GAP / 3
    if told_at is not None and now - told_at < PROGRESS_GAP:
        return told_at + PROGRESS_GAP
    tally_now = parts.store.calls.tally(request.number)
    if tally_now.calls > 1:
        parts.store.outbox.add(results.progress(request, tally_now, now), now)
    return now + PROGRESS_GAP
