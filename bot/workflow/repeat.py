"""Sends calls whose answers were lost again, each under its own key, by which Zuora recognizes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from bot.domain.call import Call
from bot.domain.mailing import NOT_OVER
from bot.domain.next_step import pause
from bot.domain.request import Request
from bot.operations.progress import Reread
from bot.workflow.calling import Calling, answer_entry, settled_entry
from bot.workflow.deadlines import too_late_at, wait_until
from bot.workflow.guard import mailed_since, under_way
from bot.workflow.parts import Working
from bot.workflow.sending import Pass, calling_of
from bot.workflow.settle import settled
from bot.workflow.still_wanted import NOT_SAID, read_again, why_none_any_more
from bot.zuora.errors import ZuoraError


async def repeat(
    parts: Working, request: Request, calls: Sequence[Call], stopping: Callable[[], bool]
) -> None:
    """Send calls again, side by side, and record those that may no longer go out.

    The first try may never have arrived, so the repetition may be what takes effect. Like the first try it needs its
    approvals, and documents that are right to send and that no other request holds. If Zuora shows a mail, the first
    try got through or somebody else mailed the document, so it is not sent again.

    Args:
        parts: The outside.
        request: Whose calls they are.
        calls: Calls whose answers were lost.
        stopping: Returns whether nothing new may begin.
    """
    calling = await calling_of(parts, request)
    try:
        await parts.tenancy.admission.check()  # a token shows which tenant this is
        reread = await read_again(parts.guard, calling, calls)
    except ZuoraError as error:
        _wait(parts, request, str(error))
        return
    for_all = await why_none_any_more(parts, calling)
    if for_all is None:
        _wait(parts, request, NOT_SAID)
    elif why := under_way(parts.store, [call.subject for call in calls], request, NOT_OVER):
        _wait(parts, request, why)
    else:
        done = [settled(call, proof) for call in calls if (proof := reread[call.subject].done)]
        rest = [call for call in calls if not reread[call.subject].done]
        given_up = list(_given_up(parts, calling, rest, for_all, reread))
        if done or given_up:
            with parts.store.transaction():
                parts.store.calls.save(*done, *given_up)
                entries = (*map(settled_entry, done), *map(answer_entry, given_up))
                parts.store.history.append_all(entries, parts.clock.now())
        over = {call.subject for call in given_up}
        if left := [call for call in rest if call.subject not in over]:
            await Pass(parts, calling, left, stopping).run()


def _wait(parts: Working, request: Request, why: str) -> None:
    now, pauses = parts.clock.now(), parts.pauses
    wake_at = now + pause(request.looks, pauses.again or pauses.poll)
    wait_until(parts.store, request, why, now, wake_at)


def _given_up(
    parts: Working,
    calling: Calling,
    calls: Sequence[Call],
    for_all: str,
    reread: Mapping[str, Reread],
) -> Iterator[Call]:
    """Yield the calls that may not go out again: too late, no longer approved, mailed by others, wrong or changed."""
    request = calling.whole_request
    if parts.clock.now() >= too_late_at(request):
        for_all = "it is too long since it was approved"
    since = mailed_since(parts.store, calls, request)
    for call in calls:
        why = for_all or since.get(call.subject) or reread[call.subject].wrong
        if not why and calling.content_of(call) != call.content:
            why = "this version of the bot would send something else"
        if why:
            yield call._replace(no_more=why)
