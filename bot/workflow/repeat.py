"""Calls whose answers were lost: each sent again under its own key, by which Zuora knows it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.cards.card import card_edit
from bot.domain.call import Call
from bot.domain.history import Entry, What
from bot.domain.next_step import pause
from bot.domain.request import Request
from bot.operations.catalog import opened
from bot.operations.operation import Order
from bot.workflow.calling import answer_entry, content_of
from bot.workflow.deadlines import too_late_at
from bot.workflow.guard import under_way
from bot.workflow.one_pass import Pass
from bot.workflow.opened import digest_of
from bot.workflow.parts import Parts
from bot.zuora.errors import ZuoraError


async def repeat(
    parts: Parts, request: Request, calls: Sequence[Call], stopping: Callable[[], bool]
) -> None:
    """Send calls again, side by side; what of them may not go out any more is written down.

    Args:
        parts: The outside.
        request: Whose calls they are.
        calls: Calls whose answers were lost.
        stopping: Whether nothing new may be begun.
    """
    why = await _not_now(parts, request, calls)
    if why:
        _wait(parts, request, why)
        return
    given_up = list(_given_up(parts, request, calls, opened(request)))
    if given_up:
        with parts.store.transaction():
            parts.store.calls.save(*given_up)
            parts.store.history.append_all(map(answer_entry, given_up), parts.clock.now())
        return  # the next step goes on with the others
    await Pass(parts, request, calls, stopping).run()


async def _not_now(parts: Parts, request: Request, calls: Sequence[Call]) -> str:
    """Why it has to wait; empty where it has not. A token tells which tenant this is."""
    try:
        await parts.zuora.check()
    except ZuoraError as error:
        return str(error)
    return under_way(parts, [call.subject for call in calls], request)


def _wait(parts: Parts, request: Request, why: str) -> None:
    now = parts.clock.now()
    wake_at = now + pause(request.looks, parts.again or parts.poll)
    after = replace(request.waiting_again(wake_at), result=why)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": why, "look": after.looks})
    drawn = [card_edit(after)] if after.result != request.result else []
    with parts.store.transaction():
        parts.store.move(request, after, entry, now, *drawn)


def _given_up(
    parts: Parts, request: Request, calls: Sequence[Call], order: Order[Any, Any]
) -> Iterator[Call]:
    """Those that would not be the same call any more, or that come too late."""
    late = parts.clock.now() >= too_late_at(request)
    elsewhere = digest_of(parts, order, request.place) != request.digest
    for call in calls:
        if late:
            yield call._replace(no_more="it is too long since it was approved")
        elif elsewhere:
            yield call._replace(no_more="the bot now works for another Zuora tenant")
        elif content_of(parts, call, order) != call.content:
            yield call._replace(no_more="this version of the bot would send something else")
