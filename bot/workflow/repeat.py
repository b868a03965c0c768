"""Calls whose answers were lost: each sent again under its own key, by which Zuora knows it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bot.cards.card import card_edit
from bot.domain.call import Call
from bot.domain.history import Entry, What
from bot.domain.mailing import NOT_OVER
from bot.domain.next_step import pause
from bot.domain.request import Request
from bot.workflow.call_entries import answer_entry
from bot.workflow.calling import Calling
from bot.workflow.deadlines import too_late_at
from bot.workflow.guard import mailed_since, under_way
from bot.workflow.parts import Parts
from bot.workflow.sending import Pass, calling_of
from bot.zuora.errors import ZuoraError


async def repeat(
    parts: Parts, request: Request, calls: Sequence[Call], stopping: Callable[[], bool]
) -> None:
    """Send calls again, side by side; what of them may not go out any more is written down.

    The first try may never have come, so a repetition may be what takes effect: it needs its
    approvals and free documents as the first try did. Of its facts nothing is read again, because
    the first try may have changed them.

    Args:
        parts: The outside.
        request: Whose calls they are.
        calls: Calls whose answers were lost.
        stopping: Whether nothing new may be begun.
    """
    try:
        await parts.tenancy.zuora.check()  # a token shows which tenant this is
    except ZuoraError as error:
        _wait(parts, request, str(error))
        return
    revoked = await parts.rules.not_approved_any_more(request, parts.clock.now())
    if revoked is None:
        words = "Slack does not say who is in the user groups, so approvals cannot be counted."
        _wait(parts, request, words)
    elif why := under_way(parts.store, [call.subject for call in calls], request, NOT_OVER):
        _wait(parts, request, why)
    else:
        calling = calling_of(parts, request)
        if given_up := list(_given_up(parts, calling, calls, revoked)):
            with parts.store.transaction():
                parts.store.calls.save(*given_up)
                parts.store.history.append_all(map(answer_entry, given_up), parts.clock.now())
            return  # the next step goes on with the others
        await Pass(parts, calling, calls, stopping).run()


def _wait(parts: Parts, request: Request, why: str) -> None:
    now, pauses = parts.clock.now(), parts.pauses
    wake_at = now + pause(request.looks, pauses.again or pauses.poll)
    after = replace(request.waiting_again(wake_at), result=why)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": why, "look": after.looks})
    drawn = [card_edit(after)] if after.result != request.result else []
    with parts.store.transaction():
        parts.store.move(request, after, entry, now, *drawn)


def _given_up(
    parts: Parts, calling: Calling, calls: Sequence[Call], revoked: str
) -> Iterator[Call]:
    """Those that nobody wants any more, that would not be the same call, or that come too late."""
    request, for_all = calling.request, revoked.rstrip(".")
    if parts.clock.now() >= too_late_at(request):
        for_all = "it is too long since it was approved"
    elif parts.tenancy.digest_of(calling.order, request.place) != request.digest:
        for_all = "the bot now works for another Zuora tenant"
    since = mailed_since(parts.store, calls, request)
    for call in calls:
        why = for_all or since.get(call.subject)
        if not why and calling.content_of(call) != call.content:
            why = "this version of the bot would send something else"
        if why:
            yield call._replace(no_more=why)
