"""Following: looks at what an accepted call started in Zuora until that ends."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cards import lines
from bot.cards.below import next_steps
from bot.cards.card import card_edit
from bot.domain.history import Entry, What
from bot.domain.next_step import pause_between_looks
from bot.domain.request import Request, State
from bot.domain.words import Mention
from bot.operations.beginning import Followed
from bot.operations.catalog import opened
from bot.operations.progress import Progress
from bot.store.store import Store
from bot.workflow.parts import Working
from bot.zuora.errors import ZuoraError, ZuoraLockedOut, ZuoraRefused

LONGEST_PAUSE = timedelta(hours=1)
"""The longest pause before looking at something scheduled for later, because it may be canceled or deleted."""


async def follow(parts: Working, request: Request) -> None:
    """Look once, and write a line in the thread if the state has changed; end the request if the run has ended."""
    order = opened(request)
    if not isinstance(order, Followed):
        msg = f"nothing of {order.name} can be looked at"
        raise TypeError(msg)
    before = Progress.of(request)
    readable = before.model_copy(update={"unread": ""})
    try:
        progress = await order.look(readable, parts.tenancy.zuora_in(request.place))
    except (
        ZuoraRefused,
        ZuoraLockedOut,
    ) as error:  # otherwise it would stay the same for ever, and nobody would know
        progress = before.model_copy(update={"words": "", "unread": str(error)})
    except ZuoraError:
        progress = before.model_copy(update={"words": ""})  # the next look shows it
    if progress.ended:
        _end(parts.store, request, progress, parts.clock.now())
    else:
        _go_on(parts, request, before, progress)


def _go_on(parts: Working, request: Request, before: Progress, progress: Progress) -> None:
    now = parts.clock.now()
    changed = progress.status != before.status or progress.unread != before.unread
    is_named = (progress.run_id, progress.number) != (before.run_id, before.number)
    looks = 0 if changed else request.looks + 1
    wake_at = now + pause_between_looks(looks, parts.pauses.poll)
    after = replace(
        request,
        progress=progress.model_copy(update={"words": ""}).model_dump_json(),
        looks=looks,
        wake_at=max(wake_at, min(progress.not_before or wake_at, now + LONGEST_PAUSE)),
    )
    entry = Entry(
        what=What.PROGRESSED,
        request=request.number,
        data={"status": progress.status, "look": looks, **progress.named_run()},
    )
    with parts.store.transaction():
        if changed:
            reply = lines.reply(after, _what_is_new(before, progress))
            parts.store.move(request, after, entry, now, card_edit(after), reply)
            return
        parts.store.requests.move(request, after)
        if is_named:  # otherwise nothing happened, and there is nothing to record
            parts.store.history.append(entry, now)


def _what_is_new(before: Progress, progress: Progress) -> str:
    if progress.unread:
        return f"{progress.number} cannot be read: {progress.unread} The bot keeps trying."
    if before.unread and not progress.words:
        return f"{progress.number} can be read again: it is {progress.status}."
    return progress.words


def _end(store: Store, request: Request, progress: Progress, now: datetime) -> None:
    state = State.SUCCEEDED if progress.ended == "succeeded" else State.FAILED
    after = replace(
        request.moved(state, now, result=progress.result), progress=progress.model_dump_json()
    )
    entry = Entry(
        what=What.ENDED,
        request=request.number,
        data={
            "state": state.value,
            "result": progress.result,
            "status": progress.status,
            **progress.named_run(),
        },
    )
    reply = lines.reply(after, progress.result, " ", Mention(request.requester))
    with store.transaction():
        store.move(
            request,
            after,
            entry,
            now,
            card_edit(after),
            next_steps(reply, after, progress.next_steps),
        )
