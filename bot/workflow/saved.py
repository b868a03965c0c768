"""Saves requests with their facts, cards and history entries."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.cards import lines, results
from bot.cards.buttons import NOT_DONE
from bot.cards.card import card, card_edit
from bot.domain.digest import canonical, text_hash
from bot.domain.history import Entry, What
from bot.domain.message import Message, MessageKind
from bot.domain.named import new_token
from bot.domain.operation import Deed
from bot.domain.repeated import SOON, Typed, still_waiting
from bot.domain.request import Request, State
from bot.domain.words import Mention, listed
from bot.operations.beginning import Estimated
from bot.operations.operation import Operation
from bot.operations.stored import Body
from bot.store.request_rows import asked_hash, plain_hash
from bot.store.store import Store
from bot.workflow.beside import also_open, beside, mailed_by_the_bot, redrawn
from bot.workflow.groups import MembersOfGroups
from bot.workflow.groups import note as note_groups
from bot.workflow.parts import Looking, Parts
from bot.workflow.ready import Asker, Ready


def known_by_form(
    store: Store, operations: Sequence[Operation], asker: Asker
) -> tuple[Request, ...]:
    """Return the requests that this form already made, if it was submitted before."""
    found = [
        store.requests.by_form(_form_id(asker, operation, len(operations)))
        for operation in operations
    ]
    return tuple(request for request in found if request is not None)


def typed_again(
    parts: Looking, bodies: Sequence[tuple[Operation, Body]], asker: Asker
) -> tuple[Request, ...]:
    """Return the request that this typed line already made; empty for a form, which has an id."""
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
    """Save requests with their cards, and everything else that their asking changes, all or nothing."""
    with parts.store.transaction():
        operations = [type(each.order) for each in ready]
        if known := known_by_form(parts.store, operations, asker):
            return known  # the second of two submissions that were under way together
        bodies = [(type(each.order), each.order.body) for each in ready]
        if again := typed_again(parts, bodies, asker):
            return again
        _note_groups(parts, asker)
        saved = tuple(_save_one(parts, each, asker, len(ready)) for each in ready)
        _continue_parent(parts.store, asker, saved, parts.clock.now())
        asker.once_saved(saved)
    parts.bells.sender.set()
    parts.bells.runner.set()
    parts.bells.estimates.set()
    return saved


def _note_groups(parts: Parts, asker: Asker) -> None:
    """Record who is in the group that the person asks by, if the history does not say yet that they are in it.

    Who was read minutes ago is not recorded for its own sake: the groups themselves are looked at every five minutes.
    """
    person, latest = asker.person, parts.store.history.last_of(What.GROUPS)
    listed: MembersOfGroups = latest.entry.data["groups"] if latest else {}
    new = {
        name: sorted(person.members[name])
        for name in _asks_by(asker)
        if name in person.members and person.user_id not in (listed.get(name) or ())
    }
    note_groups(parts.store, new, parts.clock.now(), listed=True)


def _asks_by(asker: Asker) -> list[str]:
    return sorted(name for name, is_in in asker.person.memberships.items() if is_in)


def _save_one(parts: Parts, ready: Ready, asker: Asker, of: int) -> Request:
    now = parts.clock.now()
    order = ready.order
    reach = ready.reach_now(parts.store, asker.place.key)
    about = parts.rules.about(order, asker.place, reach)
    rule = parts.rules.policy.strictest(about)
    request = Request(
        number=ready.kept.number if ready.kept else parts.store.requests.next_number(),
        operation=order.name,
        subject=order.subject(),
        body=ready.texts.body,
        facts=ready.texts.facts,
        packed=ready.texts.packed,
        digest=ready.texts.digest,
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
    _add(parts.store, request, ready)
    parts.store.listed.add(request.number, ready.texts.listed)
    replaced = _parent_to_withdraw(parts.store, asker)
    without = None if replaced is None else replaced.number
    shown = card(request, MessageKind.CARD, beside(parts.store, request, reach, without))
    messages = [shown, *results.tables(request, order.tables())]
    messages += also_open(
        request, ready.open_now(parts.store, asker.place.key), reach.others, without=without
    )
    if order.deed is Deed.MAILED:
        messages += mailed_by_the_bot(request, reach.others)
    messages += redrawn(parts.store, request, order, reach.others)
    why = {
        **parts.rules.policy.why(about),
        **asker.person.called,
        "groups": _asks_by(asker),
        "bound": ready.texts.bound,
        **({"kept": ready.kept.entry} if ready.kept else {}),
    }
    parts.store.record(_asked_entry(request, shown, why), now, *messages)
    if isinstance(order, Estimated) and order.foresees():
        parts.store.estimates.add(request.number, parts.new_id(), now)
    return request


def _add(store: Store, request: Request, ready: Ready) -> None:
    """Add the request, with its parts unless those were written before."""
    subjects = ready.texts.subjects
    if ready.kept is None:
        store.requests.add(request, ready.order.deed, subjects)
        store.mailings.add(request.number, ready.mine)
        return
    store.preparing.check(ready.kept)
    store.requests.add(request, ready.order.deed, subjects[:1])


def _parent_to_withdraw(store: Store, asker: Asker) -> Request | None:
    parent = None if asker.parent is None else store.requests.get(asker.parent)
    if parent is None or parent.state is not State.WAITING:
        return None
    return parent if parent.requester == asker.person.user_id else None


def _continue_parent(store: Store, asker: Asker, saved: tuple[Request, ...], now: datetime) -> None:
    """Withdraw the request that was changed and asked again, or have the card of one that ended name the new one.

    The approvals of what is withdrawn no longer count.
    """
    parent = _parent_to_withdraw(store, asker)
    if parent is None:
        before = None if asker.parent is None else store.requests.get(asker.parent)
        if before is not None and before.state in NOT_DONE and not before.is_archived:
            store.outbox.add(card_edit(before), now)  # which no longer offers to ask again
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
    reply = lines.reply(
        after, Mention(person.user_id), f" {reason}. Its approvals no longer count."
    )
    store.move(parent, after, entry, now, card_edit(after), reply)


def _asked_entry(request: Request, shown: Message, why: Mapping[str, Any]) -> Entry:
    """Return the history entry of the asking, with why this rule applies; it binds the stored request and its card."""
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
            "settled_by_another": True,
            "parent": request.parent,
            "record": asked_hash(request),
            "plain": plain_hash(request),
            "card": {"text": text_hash(shown.text), "blocks": text_hash(json.dumps(shown.blocks))},
        },
    )
