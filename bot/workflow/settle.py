"""Settles calls whose answer was lost, only by reading Zuora."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards import lines
from bot.cards.card import card_edit
from bot.domain.call import Call, Verdict
from bot.domain.history import Entry, What
from bot.domain.next_step import conclusion, pause
from bot.domain.request import Request, State
from bot.domain.words import Mention
from bot.operations.catalog import opened
from bot.operations.progress import Settlement
from bot.store.store import Store
from bot.workflow.calling import settled_entry
from bot.workflow.ending import tally
from bot.workflow.parts import Working
from bot.zuora.errors import ZuoraError, ZuoraRefused

LOST_AND_FOUND = "Some answers were lost or unclear, and reading Zuora settled them."
UNREAD = 5
"""Added to the looks for the pause after Zuora could not be read, which makes it a minute or more."""


async def settle(
    parts: Working, request: Request, calls: tuple[Call, ...], every: Sequence[Call]
) -> None:
    """Look in Zuora for what happened to the lost calls.

    Args:
        parts: The outside.
        request: Its outcome is unknown.
        calls: Its lost calls.
        every: All its calls in brief.
    """
    order = opened(request)
    found: dict[str, Settlement] = {}
    unread = False
    anothers = parts.guard.proved_by_no_mail(calls, request)
    for call in calls:
        if call.subject in anothers:
            continue
        try:
            settlement = await order.settle(call, parts.tenancy.zuora_in(request.place))
        except ZuoraRefused:
            settlement = None
        except ZuoraError:
            settlement, unread = None, True
        if settlement is not None:
            found[call.subject] = settlement
    known = [settled(call, found[call.subject]) for call in calls if call.subject in found]
    now_known = {call.subject: call for call in known}
    every = [now_known.get(call.subject, call) for call in every]
    if len(known) == len(calls):
        seen = "; ".join(dict.fromkeys(settlement.words for settlement in found.values()))
        _write(parts, request, known, every, seen)
    else:
        _look_later(parts, request, known, every, unread=unread)


def settled(call: Call, settlement: Settlement) -> Call:
    """Return the call with what reading Zuora has proved."""
    return call._replace(
        verdict=Verdict.ACCEPTED if settlement.accepted else Verdict.REFUSED,
        words=settlement.words,
        began=settlement.progress.model_dump_json() if settlement.progress else "",
    )


def _save(store: Store, known: Sequence[Call], now: datetime) -> None:
    """Save what reading Zuora proved about single calls, each with its history entry."""
    store.calls.save(*known)
    store.history.append_all(map(settled_entry, known), now)


def _write(
    parts: Working, request: Request, known: list[Call], calls: Sequence[Call], seen: str
) -> None:
    order, store, now = opened(request), parts.store, parts.clock.now()
    with store.transaction():
        _save(store, known, now)
        state = conclusion(calls)
        result = f"The outcome was unknown; reading Zuora settled it: {seen}."
        if len(calls) > 1:
            result = f"{order.result(calls)} {LOST_AND_FOUND}"
        if order.follows and state is State.SUCCEEDED:
            after = replace(
                request.moved(State.RUNNING, now, wake_at=now, result=result),
                progress=known[0].began,
            )
        else:
            after = replace(request.moved(state, now, result=result), progress=tally(calls))
        entry = Entry(
            what=What.SETTLED,
            request=request.number,
            data={"state": after.state.value, "by": "reading Zuora", "seen": seen},
        )
        reply = lines.reply(after, f"{request.name}: {result} ", Mention(request.requester))
        store.move(request, after, entry, now, card_edit(after), reply)


def _look_later(
    parts: Working, request: Request, known: list[Call], calls: Sequence[Call], *, unread: bool
) -> None:
    """Look again after a pause; if Zuora could not be read, that does not count as a look."""
    store, poll, now = parts.store, parts.pauses.poll, parts.clock.now()
    if unread:
        wake_at = now + pause(request.looks + UNREAD, poll)
        after = replace(request, wake_at=wake_at)
    else:
        after = request.waiting_again(now + pause(request.looks + 1, poll))
    data = (
        {"look": after.looks, "why": "Zuora could not be read"} if unread else {"look": after.looks}
    )
    entry = Entry(what=What.DELAYED, request=request.number, data=data)
    with store.transaction():
        _save(store, known, now)
        after = replace(after, progress=tally(calls))
        left = sum(1 for call in calls if call.is_lost)
        seen = f"Zuora shows {len(known):,} of the mails whose answer was lost; {left:,} {'is' if left == 1 else 'are'} left."
        messages = [card_edit(after), lines.reply(after, seen)] if known else []
        store.move(request, after, entry, now, *messages)


def leave_to_people(store: Store, request: Request, now: datetime) -> None:
    """Leave the outcome to people because reading proved nothing, and say so once in the thread."""
    after = request.waiting_again(request.next_reminder_at or now)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": "not provable"})
    reply = lines.reply(
        after,
        f"Reading Zuora proved nothing about {request.name}, and nothing more is sent. "
        "A person has to look there and record what is seen with the buttons on the card. ",
        Mention(request.requester), " ", Mention(request.decided_by or request.requester),
    )  # fmt: skip
    with store.transaction():
        store.move(request, after, entry, now, reply)
