"""What is saved of what was asked for: the request with its facts, its card and its history entry."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.cards import lines, results
from bot.cards.card import card, card_edit
from bot.domain.authority import Person
from bot.domain.digest import canonical, text_hash
from bot.domain.history import Entry, What
from bot.domain.message import Message, MessageKind
from bot.domain.named import new_token
from bot.domain.operation import Deed
from bot.domain.place import NOWHERE, Place
from bot.domain.repeated import SOON, Typed, still_waiting
from bot.domain.request import Request, State
from bot.domain.words import Mention, listed
from bot.operations.beginning import Estimated
from bot.operations.operation import Body, Operation, Order
from bot.operations.typed import Values
from bot.store.requests import asked_hash
from bot.store.store import Store
from bot.workflow.beside import also_open, beside, mailed_by_the_bot, redrawn, subjects_of
from bot.workflow.guard import reach_to_be
from bot.workflow.parts import Looking, Parts


def _nothing(_saved: tuple[Request, ...]) -> None:
    """Nothing more is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, with which form.

    Attributes:
        person: As read from Slack just now.
        form_id: Names the form: submitted twice, it makes its requests once.
        reason: Why, as typed.
        parent: Number of the request that this one continues. If that still waits and is of the
            same person, it is withdrawn: what is changed has to be approved anew.
        form_name: Which form it was, so that it can be opened again with what was typed.
        once: Whether the same order of a short while ago that still waits is this one, because
            nothing else shows that it was typed again.
        place: Where in the tenant it acts; read from the form.
        once_saved: Done in the transaction that saves it.
    """

    person: Person
    form_id: str
    reason: str
    parent: int | None = None
    form_name: str = ""
    once: bool = False
    place: Place = NOWHERE
    once_saved: Callable[[tuple[Request, ...]], None] = _nothing


@dataclass(frozen=True, slots=True)
class Ready:
    """One order, and what was typed for it."""

    order: Order[Any, Any]
    values: Values


def known_by_form(
    store: Store, operations: Sequence[Operation], asker: Asker
) -> tuple[Request, ...]:
    """The requests that this form has made before, if it was submitted before."""
    found = [
        store.requests.by_form(_form_id(asker, operation, len(operations)))
        for operation in operations
    ]
    return tuple(request for request in found if request is not None)


def typed_again(
    parts: Looking, bodies: Sequence[tuple[Operation, Body]], asker: Asker
) -> tuple[Request, ...]:
    """The request that this line has made before, where a line is all there is to go by."""
    if not asker.once:
        return ()
    now, person = parts.clock.now(), asker.person.user_id
    open_ = parts.store.requests.open_by(person, now - SOON)
    found = []
    for operation, body in bodies:
        typed = Typed(
            operation=operation.name,
            body=canonical(body.model_dump()),
            requester=person,
            tenant=parts.tenancy.words_with(asker.place.words),
        )
        found.append(still_waiting(typed, open_, now))
    return tuple(each for each in found if each is not None)


def _form_id(asker: Asker, operation: Operation, of: int) -> str:
    return asker.form_id if of == 1 else f"{asker.form_id}#{operation.name}"


def save(parts: Parts, ready: Sequence[Ready], asker: Asker) -> tuple[Request, ...]:
    """Save requests with their cards, and whatever else their being asked for changes: all or nothing."""
    with parts.store.transaction():
        operations = [type(each.order) for each in ready]
        if known := known_by_form(parts.store, operations, asker):
            return known  # the second of two submissions that were under way together
        bodies = [(type(each.order), each.order.body) for each in ready]
        if again := typed_again(parts, bodies, asker):
            return again
        saved = tuple(_save_one(parts, each, asker, len(ready)) for each in ready)
        _withdraw_parent(parts.store, asker, saved, parts.clock.now())
        asker.once_saved(saved)
    parts.bells.sender.set()
    parts.bells.runner.set()
    parts.bells.estimates.set()
    return saved


def _save_one(parts: Parts, ready: Ready, asker: Asker, of: int) -> Request:
    now = parts.clock.now()
    order = ready.order
    reach = reach_to_be(parts.store, order, asker.place.key)
    about = parts.rules.about(order, asker.place, reach)
    rule = parts.rules.policy.strictest(about)
    request = Request(
        number=parts.store.requests.next_number(),
        operation=order.name,
        subject=order.subject(),
        body=canonical(order.body.model_dump()),
        facts=order.facts_with_checks().model_dump_json(),
        digest=parts.tenancy.digest_of(order, asker.place.key),
        tenant=parts.tenancy.words_with(asker.place.words),
        place=asker.place.key,
        place_words=asker.place.words,
        requester=asker.person.user_id,
        team=asker.person.team_id,
        reason=asker.reason.strip(),
        rule=rule,
        policy_hash=parts.rules.policy.hash,
        form=_form_id(asker, type(order), of),
        token=new_token(parts.new_id(), parts.store.copies.id),
        state=State.WAITING,
        created_at=now,
        expires_at=now + rule.expires_after,
        state_at=now,
        wake_at=now + min(rule.expires_after, *rule.remind_after[:1] or (rule.expires_after,)),
        channel=parts.channel,
        parent=asker.parent,
        typed=json.dumps({"form": asker.form_name, "values": dict(ready.values)}),
    )
    parts.store.requests.add(request, order.deed, subjects_of(order))
    parts.store.mailings.add(request.number, reach.mine)
    parts.store.listed.add(request.number, order.listed())
    shown = card(request, MessageKind.CARD, beside(parts.store, request, reach))
    messages = [shown, *results.tables(request, order.tables())]
    replaced = _parent_to_withdraw(parts.store, asker)
    messages += also_open(
        parts.store,
        request,
        order,
        reach.others,
        without=replaced.number if replaced is not None else None,
    )
    if order.deed is Deed.MAILED:
        messages += mailed_by_the_bot(request, reach.others)
    messages += redrawn(parts.store, request, order, reach.others)
    why = {
        **parts.rules.policy.why(about),
        **asker.person.called,
        "bound": parts.tenancy.bound_beside(order, asker.place.key),
    }
    parts.store.record(_asked_entry(request, shown, why), now, *messages)
    if isinstance(order, Estimated) and order.foresees():
        parts.store.estimates.add(request.number, parts.new_id(), now)
    return request


def _parent_to_withdraw(store: Store, asker: Asker) -> Request | None:
    parent = None if asker.parent is None else store.requests.get(asker.parent)
    if parent is None or parent.state is not State.WAITING:
        return None
    return parent if parent.requester == asker.person.user_id else None


def _withdraw_parent(store: Store, asker: Asker, saved: tuple[Request, ...], now: datetime) -> None:
    """What was changed and asked again waits no longer, and its approvals are void."""
    parent = _parent_to_withdraw(store, asker)
    if parent is None:
        return
    person = asker.person
    reason = f"changed and asked again as {listed([each.name for each in saved])}"
    after = parent.decided(State.WITHDRAWN, person.user_id, now, reason=reason, wake_at=None)
    entry = Entry(
        what=What.WITHDRAWN,
        who=person.user_id,
        team=person.team_id,
        request=parent.number,
        data={"reason": reason, "digest": parent.digest, "policy": parent.policy_hash},
    )
    told = lines.reply(after, Mention(person.user_id), f" {reason}. Approvals of this are void.")
    store.move(parent, after, entry, now, card_edit(after), told)


def _asked_entry(request: Request, shown: Message, why: Mapping[str, Any]) -> Entry:
    """What was asked, and why under this rule; it binds the stored request and the card as shown."""
    return Entry(
        what=What.ASKED,
        who=request.requester,
        team=request.team,
        request=request.number,
        data={
            "operation": request.operation,
            "subject": request.subject,
            "digest": request.digest,
            "reason": request.reason,
            "policy": request.policy_hash,
            "rule": request.rule.name,
            **why,
            "parent": request.parent,
            "record": asked_hash(request),
            "card": {"text": text_hash(shown.text), "blocks": text_hash(json.dumps(shown.blocks))},
        },
    )
