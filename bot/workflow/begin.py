"""Before anything is sent: expiry, the second reading of the facts, and the reasons to stop."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.cards import lines
from bot.cards.card import approvers_in_words, card_edit, change_and_ask_again
from bot.domain.call import Call, track_id
from bot.domain.history import Entry, What
from bot.domain.next_step import PATIENCE, pause
from bot.domain.request import Request, State
from bot.domain.words import Mention, Moment, count, listed
from bot.operations.catalog import opened
from bot.operations.operation import Facts, Order, Problems
from bot.workflow.guard import mailed_lately, mailed_meanwhile, under_way
from bot.workflow.opened import digest_of
from bot.workflow.parts import Parts
from bot.workflow.rules import not_approved_any_more
from bot.zuora.errors import ZuoraError, ZuoraRejected

MOST_MENTIONS = 20
HOURS = int(PATIENCE.total_seconds()) // 3600


def too_late_at(request: Request) -> datetime:
    """When an approved request may no longer be sent."""
    return (request.decided_at or request.created_at) + PATIENCE


def expire(parts: Parts, request: Request) -> None:
    """Nobody decided in time: silence never approves."""
    now = parts.clock.now()
    after = request.moved(State.EXPIRED, now)
    entry = Entry(what=What.EXPIRED, request=request.number)
    told = lines.reply(
        after, f"{request.name} expired; nobody decided in time. Nothing is sent, ",
        Mention(request.requester), ".",
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.move(
            request, after, entry, now, card_edit(after), change_and_ask_again(told, after)
        )


async def remind(parts: Parts, request: Request) -> None:
    """Tell those who may decide and have not; nobody else is pinged."""
    now = parts.clock.now()
    members = await parts.members(request.rule.approvers)
    approved = {approval.person for approval in request.approvals}
    waited_for = sorted((members or set()) - approved - {request.requester})[:MOST_MENTIONS]
    due = sum(1 for span in request.rule.remind_after if request.created_at + span <= now)
    after = replace(request, reminded=due)
    after = replace(after, wake_at=after.waits_until)
    missing = request.rule.approvals - len(approved)
    told = lines.reply(
        after,
        f"{request.name} still waits for {count(missing, 'approval')} and expires ",
        Moment(request.expires_at), ". ", *approvers_in_words(waited_for),
    )  # fmt: skip
    entry = Entry(
        what=What.REMINDED, request=request.number, data={"people": waited_for, "reminder": due}
    )
    with parts.store.transaction():
        parts.store.move(request, after, entry, now, told)


async def begin(parts: Parts, request: Request) -> None:
    """Read the facts again; stop if they are not those that were approved, else plan the calls.

    Where another request has acted on the same thing since, it is left to the next step, which
    reads once more.
    """
    since = parts.clock.now()
    order = await facts_as_approved(parts, request)
    if order is not None:
        await parts.store.turn()  # Zuora's answers to many may come in the same moment
        _start(parts, request, order, since)


async def facts_as_approved(parts: Parts, request: Request) -> Order[Any, Any] | None:
    """The order with the facts of now if they are those that were approved.

    None: it was written why not. Facts that differ, or that cannot be read for good, stop the
    request; while Zuora does not answer it waits.
    """
    if not await _is_still_approved(parts, request):
        return None
    approved = opened(request)
    try:
        facts: Facts | Problems = await approved.look_up(
            approved.body, parts.zuora_in(request.place)
        )
    except ZuoraRejected as error:
        stop(parts, request, f"Zuora could not be read again: {error}")
        return None
    except ZuoraError as error:
        wait_for_zuora(parts, request, f"Zuora could not be read again: {error}")
        return None
    if isinstance(facts, Problems):
        stop(parts, request, " ".join(facts.by_field.values()))
        return None
    now = type(approved)(approved.body, facts)
    changed = approved.differs(facts)
    if not changed and digest_of(parts, now, request.place) != request.digest:
        changed = ["what was approved belongs to another Zuora tenant or another version of it"]
    if changed:
        stop(parts, request, f"It changed since it was asked for: {listed(changed)}.")
        return None
    return now


async def _is_still_approved(parts: Parts, request: Request) -> bool:
    """Whether its approvals count now, by time, rights and rules; if not, it was written why."""
    if parts.clock.now() >= too_late_at(request):
        stop(parts, request, f"It was approved more than {HOURS} hours ago.")
        return False
    why = await not_approved_any_more(parts, request, parts.clock.now())
    if why is None:
        words = "Slack does not say who is in the user groups, so approvals cannot be counted."
        wait_for_zuora(parts, request, words)
    elif why:
        stop(parts, request, why)
    return why == ""


def _start(parts: Parts, request: Request, order: Order[Any, Any], since: datetime) -> None:
    now = parts.clock.now()
    after = request.moved(State.RUNNING, now, wake_at=now)
    entry = Entry(
        what=What.STARTED,
        request=request.number,
        data={"digest": request.digest, "facts": order.facts.model_dump(mode="json")},
    )
    told = lines.reply(
        after,
        "Zuora was read again and nothing has changed. "
        f"The order to {order.effect()} is being sent to Zuora.",
    )
    with parts.store.transaction():
        subjects = order.subjects()
        if parts.store.calls.sent_since(
            subjects, since, not_of=request.number, place=request.place
        ):
            return
        number, place = request.number, request.place
        why = (
            mailed_lately(parts, order, request.subject, number, place)
            or under_way(parts, subjects, number, place)
            or mailed_meanwhile(parts, order, request)
        )
        if not why:
            for subject in subjects:
                parts.store.calls.save(_planned(parts, request, subject))
            parts.store.move(request, after, entry, now, card_edit(after), told)
    if why:
        stop(parts, request, why)


def _planned(parts: Parts, request: Request, subject: str) -> Call:
    return Call(
        request=request.number,
        subject=subject,
        key=new_key(parts, request),
        track_id=track_id(request.number, subject),
    )


def new_key(parts: Parts, request: Request) -> str:
    """An `Idempotency-Key` that was never used before."""
    return f"billing-bot:{request.name}:{parts.new_id()}"


def stop(parts: Parts, request: Request, why: str) -> None:
    """Approved, but nothing was sent and nothing will be."""
    now = parts.clock.now()
    after = request.moved(State.STOPPED, now, result=f"Nothing was sent. {why}")
    entry = Entry(what=What.STOPPED, request=request.number, data={"why": why})
    told = lines.reply(
        after, f"{request.name} stopped; nothing was sent. {why} ", Mention(request.requester),
        " can ask again.",
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.move(
            request, after, entry, now, card_edit(after), change_and_ask_again(told, after)
        )


def wait_for_zuora(
    parts: Parts,
    request: Request,
    why: str,
    *,
    at_least: timedelta = timedelta(0),
    so_far: str = "Nothing was sent.",
) -> None:
    """Zuora may answer later: try again after a pause, up to a limit; `so_far` says what was sent."""
    now = parts.clock.now()
    until = too_late_at(request)
    wake_at = now + max(at_least, pause(request.looks, parts.poll))
    if wake_at > until:
        stop(parts, request, f"{why} It could not be sent within {HOURS} hours of its approval.")
        return
    after = replace(request.waiting_again(wake_at), result=why)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": why, "look": after.looks})
    drawn = [card_edit(after)] if after.result != request.result else []
    told = lines.reply(
        after, f"{why} {so_far} It is tried again until ", Moment(until), "."
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.move(
            request, after, entry, now, *drawn, *([told] if request.looks == 0 else [])
        )
