"""Beginning: reads the facts again before anything is sent, and plans the calls or stops the request."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.cards import lines
from bot.cards.card import card_edit
from bot.domain.digest import text_hash
from bot.domain.history import Entry, What
from bot.domain.next_step import pause
from bot.domain.request import Request, State, UnreadableError
from bot.domain.words import doing, listed
from bot.operations.catalog import opened
from bot.operations.operation import Order
from bot.operations.run_documents import SINGLE
from bot.operations.stored import Facts
from bot.operations.typed import Problems
from bot.store.errors import CouldNotRecordError
from bot.store.in_parts import PART, in_parts
from bot.store.mailings_bound import RowsHash
from bot.store.requests import RequestMovedError
from bot.store.turns import let_go_later
from bot.workflow.calling import planned
from bot.workflow.deadlines import HOURS, stop, too_late_at, wait_for_zuora
from bot.workflow.guard import look_for_others
from bot.workflow.parts import Working
from bot.workflow.policy_changes import unconfirmed
from bot.zuora.errors import ZuoraContradicts, ZuoraError, ZuoraRefused

logger = logging.getLogger(__name__)

UNREADABLE = (
    "What was approved cannot be read: another version of Billing Bot wrote it, or its record is damaged. Whoever runs "
    "Billing Bot sees why in its log."
)
UPDATED = (
    "Billing Bot was updated after this was asked for and reads Zuora differently now, so what was approved cannot be "
    "compared with what Zuora shows. "
)
NOTHING_ELSE = "Nothing else is known to have changed."
NOT_KNOWN_WHERE = "Whether it was asked for in another Zuora tenant is not known."
ELSEWHERE = "what was approved belongs to another Zuora tenant or another version of it"


async def begin(parts: Working, request: Request) -> None:
    """Read the facts again; plan the calls if they are those that were approved, else stop.

    If another request has acted on the same thing meanwhile, nothing is done; the next step reads once more.
    """
    since = parts.clock.now(), parts.store.history.last().sequence
    order = await facts_as_approved(parts, request)
    if order is not None:
        # Zuora's answers to many may arrive in the same moment
        await parts.store.turns.one_by_one()
        subjects = await asyncio.to_thread(order.subjects)
        await _planned(parts, request, subjects)
        bound = {
            **await asyncio.to_thread(_facts_now, request, order),
            "mailings": await _mailings_hash(parts, request, order),
        }
        await look_for_others(parts.store, request.number)
        let_go_later(order)
        _start(parts, request, order, subjects, since, bound)


async def _mailings_hash(parts: Working, request: Request, order: Order[Any, Any]) -> str:
    """Return the hash over everything that the request can mail, read in parts; nothing changes these rows now."""
    store, hashing = parts.store, RowsHash()
    # an older version saved it
    if not store.mailings.has(request.number) and (mine := order.mailings()):
        with store.transaction():
            store.mailings.add(request.number, mine)
    for part in store.mailings.bound_in_parts(request.number):
        hashing.add(part)
        if len(part) == PART:
            await store.turns.one_by_one()
    return hashing.done()


async def _planned(parts: Working, request: Request, subjects: Sequence[str]) -> None:
    """Plan many calls in short transactions before the request begins; until then they mean nothing."""
    if len(subjects) <= PART:
        return
    store = parts.store
    with store.transaction():
        # left by a process that ended before the request began
        store.calls.forget_planned(request.number)
    for part in in_parts(len(subjects)):
        await store.turns.one_by_one()
        with store.transaction():
            _plan(parts, request, subjects[part])


def _plan(parts: Working, request: Request, subjects: Sequence[str]) -> None:
    """Plan these calls; inside a transaction.

    Raises:
        RequestMovedError: The request is no longer approved.
    """
    if not parts.store.requests.stands(request):
        raise RequestMovedError(request.name)
    parts.store.calls.save(*(planned(request, each, parts.new_id()) for each in subjects))


async def facts_as_approved(parts: Working, request: Request) -> Order[Any, Any] | None:
    """Return the order with today's facts if they are those that were approved.

    Returns None if not; the reason is then recorded. The request stops if facts differ or Zuora refuses to show
    them, and it waits while Zuora does not answer.
    """
    approved = await _still_approved(parts, request)
    if approved is None:
        return None
    try:
        await parts.tenancy.admission.check()
        zuora = parts.tenancy.zuora_in(request.place)
        facts: Facts | Problems = await approved.look_up(
            approved.body, zuora.for_sending(must_know=approved.saw_mail_history())
        )
    except ZuoraRefused as error:
        again = "" if isinstance(error, ZuoraContradicts) else "Zuora could not be read again: "
        stop(parts.store, request, f"{again}{error}", parts.clock.now())
        return None
    except ZuoraError as error:
        _wait(parts, request, f"Zuora could not be read again: {error}")
        return None
    if isinstance(facts, Problems):
        stop(parts.store, request, " ".join(facts.by_field.values()), parts.clock.now())
        return None
    now = type(approved)(approved.body, facts)
    why = await _why_not_as_approved(parts, request, approved, now)
    if why:
        _stop_for_others(parts, request, why)
        return None
    return now


async def _still_approved(parts: Working, request: Request) -> Order[Any, Any] | None:
    """Return the order as it was approved; None if its approvals do not count now or nobody can read it, which is recorded."""
    if not await _is_still_approved(parts, request):
        return None
    try:
        return await asyncio.to_thread(opened, request)  # it takes long for many documents
    except UnreadableError:
        if request.looks == 0:
            logger.exception("request_unreadable", extra={"request": request.number})
        _wait(parts, request, UNREADABLE)
        return None


async def _why_not_as_approved(
    parts: Working, request: Request, approved: Order[Any, Any], now: Order[Any, Any]
) -> str:
    """Return a sentence on what differs from what was approved; empty if nothing does."""
    changed = await asyncio.to_thread(approved.differs, now.facts)
    digest = await asyncio.to_thread(parts.tenancy.digest_of, now, request.place)
    is_the_same = digest == request.digest
    if not changed and is_the_same:
        return ""
    asked_in = parts.store.history.tenant_of(request.number)
    if asked_in not in {"", parts.tenancy.bound_to(request.place)}:
        return f"Something has changed since it was asked for: {listed([ELSEWHERE, *changed])}."
    if set(changed) <= {SINGLE} and parts.store.history.is_of_other_files(request.number):
        return UPDATED + (NOTHING_ELSE if asked_in else NOT_KNOWN_WHERE)
    return f"Something has changed since it was asked for: {listed(changed or [ELSEWHERE])}."


async def _is_still_approved(parts: Working, request: Request) -> bool:
    """Return whether its approvals count now, by time, rights and rules; if not, record why."""
    now = parts.clock.now()
    if now >= too_late_at(request):
        stop(parts.store, request, f"It was approved more than {HOURS} hours ago.", now)
        return False
    change = _unconfirmed(parts, request)
    if change:
        words = (
            f"The policy was changed (row {change} of the history), and nobody has confirmed that yet: "
            "approvers have the button in a direct message."
        )
        _wait(parts, request, words)
        return False
    why = await parts.rules.not_approved_any_more(request, now)
    if why is None:
        words = "Slack does not say who is in the user groups, so approvals cannot be counted."
        _wait(parts, request, words)
    elif why:
        stop(parts.store, request, why, parts.clock.now())
    return why == ""


def _unconfirmed(parts: Working, request: Request) -> int:
    """Return the row of the unconfirmed change of the policy for which a request waits; 0 for none."""
    return unconfirmed(parts.store, request.policy_hash) if parts.rules.must_confirm else 0


def _wait(parts: Working, request: Request, why: str) -> None:
    wait = pause(request.looks, parts.pauses.poll)
    wait_for_zuora(parts, request, why, wait)


def _stop_for_others(parts: Working, request: Request, why: str) -> None:
    """Stop the request; if others reached only some of its documents, offer the rest."""
    now = parts.clock.now()
    stop(parts.store, request, why, now, others=len(parts.guard.others_of(request, now)))


def _facts_now(request: Request, order: Order[Any, Any]) -> dict[str, Any]:
    """Return today's facts, or only their hash if they are exactly the request's own."""
    facts = order.facts_with_checks()
    if facts.to_store()[0] == request.facts:  # with the hash of what stands apart
        return {"facts_sha256": text_hash(request.facts)}
    return {"facts": facts.model_dump(mode="json")}


def _another_has_sent(
    parts: Working, request: Request, subjects: Sequence[str], since: datetime, sequence: int
) -> bool:
    """Return whether another request's call about one of these went out since then, which is also a row of the history."""
    number, store = request.number, parts.store
    return store.history.has_called_since(sequence, not_of=number) and store.calls.sent_since(
        subjects, since, not_of=number, place=request.place
    )


def _start(
    parts: Working,
    request: Request,
    order: Order[Any, Any],
    subjects: Sequence[str],
    since: tuple[datetime, int],
    bound: Mapping[str, Any],
) -> None:
    now = parts.clock.now()
    after = request.moved(State.RUNNING, now, wake_at=now)
    entry = Entry(
        what=What.STARTED,
        request=request.number,
        data={"digest": request.digest, **bound},
    )
    reply = lines.reply(
        after,
        f"Nothing has changed in Zuora. {doing(order.effect())}.",
    )
    with parts.store.transaction():
        if _another_has_sent(parts, request, subjects, *since) or _unconfirmed(parts, request):
            return
        why = parts.guard.why_not_begin(order, subjects, request, now)
        if not why:
            if len(subjects) <= PART:
                _plan(parts, request, subjects)
            elif parts.store.calls.count(request.number) != len(subjects):
                raise CouldNotRecordError("could not record this: not every call was planned")
            parts.store.move(request, after, entry, now, card_edit(after), reply)
    if why:
        _stop_for_others(parts, request, why)
