"""Whether what is left of a request may still go out: approved, for this tenant, and right to send."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.call import Call
from bot.operations.progress import Reread
from bot.workflow.calling import Calling
from bot.workflow.guard import Guard
from bot.workflow.parts import Working
from bot.zuora.errors import ZuoraRefused

NOT_SAID = "Slack does not say who is in the user groups, so approvals cannot be counted."


async def why_none_any_more(parts: Working, calling: Calling) -> str | None:
    """Return why nothing of it may go out any more; empty: it may; None: Slack cannot be read right now."""
    request = calling.whole_request
    digest = await asyncio.to_thread(parts.tenancy.digest_of, calling.order, request.place)
    if digest != request.digest:
        return "the bot now works for another Zuora tenant"
    revoked = await parts.rules.not_approved_any_more(request, parts.clock.now())
    return revoked if revoked is None else revoked.rstrip(".")


async def read_again(guard: Guard, calling: Calling, calls: Sequence[Call]) -> Mapping[str, Reread]:
    """Return what Zuora shows about each call; if Zuora refuses to be read, that none may go out.

    A mail that may belong to another order proves nothing.

    Raises:
        ZuoraError: Zuora does not answer.
    """
    try:
        found = await calling.order.read_again(calls, calling.zuora)
    except ZuoraRefused as error:
        return dict.fromkeys(
            (call.subject for call in calls),
            Reread(wrong=f"Zuora could not be read again: {error}"),
        )
    anothers = guard.proved_by_no_mail(calls, calling.whole_request)
    return {
        call.subject: replace(found.get(call.subject, Reread()), done=None)
        if call.subject in anothers
        else found.get(call.subject, Reread())
        for call in calls
    }
