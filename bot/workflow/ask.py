"""Asking: what was typed becomes requests with facts, a card and a history entry, or messages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.cards import lines, results
from bot.cards.card import card, card_edit
from bot.domain.authority import Person, Refusal, may_ask
from bot.domain.digest import canonical, text_hash
from bot.domain.history import Entry, What
from bot.domain.message import Kind, Message
from bot.domain.named import new_token
from bot.domain.operation import Deed
from bot.domain.place import NOWHERE, Place
from bot.domain.repeated import SOON, Typed, still_waiting
from bot.domain.request import Request, State
from bot.domain.words import Mention, count, listed
from bot.operations.operation import Body, Estimated, Facts, Form, Operation, Order, Problems
from bot.store.requests import asked_hash
from bot.workflow.beside import also_open, beside, mailed_by_the_bot, redrawn, subjects_of
from bot.workflow.parts import Parts
from bot.zuora.errors import ZuoraContradicts, ZuoraError, ZuoraRejected, unanswered

REASON_LIMIT = 1000
Wanted = Sequence[tuple[Operation, Form]]
"""Operations to ask for, each with what was typed for it, by field name."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The person may not ask."""

    refusal: Refusal


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
            nothing else tells that it was typed again.
        place: Where in the tenant it acts; read from the form.
    """

    person: Person
    form_id: str
    reason: str
    parent: int | None = None
    form_name: str = ""
    once: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class _Ready:
    """One order, and what was typed for it."""

    order: Order[Any, Any]
    form: Form


_Read = tuple[Operation, Body, Form]


async def ask(
    parts: Parts, wanted: Wanted, asker: Asker
) -> tuple[Request, ...] | Problems | Refused:
    """Read the form, read Zuora, save the requests and what is to be told: all of it or nothing.

    Args:
        parts: The outside.
        wanted: What is asked for, each with what was typed, by field name.
        asker: Who asks.

    Raises:
        CouldNotRecordError: Nothing was saved.
    """
    if refusal := may_ask(asker.person, parts.rules.policy):
        record_refusal(parts, asker.person, refusal, ", ".join(each.name for each, _ in wanted))
        return Refused(refusal)
    if known := _known(parts, wanted, asker):
        return known
    if asker.parent is not None and parts.store.requests.get(asker.parent) is None:
        asker = replace(asker, parent=None)  # a form may name a request that never was
    place, nowhere = parts.tenancy.places.read(wanted[0][1] if wanted else {})
    asker = replace(asker, place=place)
    bodies, problems = _read(wanted, asker.reason)
    if not problems and not nowhere and (again := _typed_again(parts, bodies, asker)):
        return again
    ready = (
        Problems({**problems, **nowhere})  # nothing is read where it is not known where
        if nowhere
        else await _with_facts(parts, bodies, problems, place.key)
    )
    if isinstance(ready, Problems):
        return ready
    if impossible := await _nobody_to_approve(parts, ready, asker):
        return impossible
    return _save(parts, ready, asker)


def _known(parts: Parts, wanted: Wanted, asker: Asker) -> tuple[Request, ...]:
    """The requests that this form has made before, if it was submitted before."""
    found = [
        parts.store.requests.by_form(_form_id(asker, operation, len(wanted)))
        for operation, _ in wanted
    ]
    return tuple(request for request in found if request is not None)


def _typed_again(parts: Parts, bodies: Sequence[_Read], asker: Asker) -> tuple[Request, ...]:
    """The request that this line has made before, where a line is all there is to tell by."""
    if not asker.once:
        return ()
    now, person = parts.clock.now(), asker.person.user_id
    open_ = parts.store.requests.open_by(person, now - SOON)
    found = []
    for operation, body, _ in bodies:
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


def _read(wanted: Wanted, reason: str) -> tuple[list[_Read], dict[str, str]]:
    """What was typed as bodies, and everything that is wrong with it by field."""
    problems: dict[str, str] = {}
    bodies: list[_Read] = []
    for operation, form in wanted:
        body = operation.read(form)
        if isinstance(body, Problems):
            _add(problems, body)
        else:
            bodies.append((operation, body, form))
    if not reason.strip():
        problems["reason"] = "Say why, for the person who approves and for the record."
    elif len(reason) > REASON_LIMIT:
        problems["reason"] = f"At most {REASON_LIMIT} characters; these are {len(reason)}."
    return bodies, problems


def _add(problems: dict[str, str], found: Problems) -> None:
    """Two operations of one form have the same fields: both messages stand there, each once."""
    for name, words in found.by_field.items():
        told = problems.get(name, "")
        if words not in told:
            problems[name] = f"{told} {words}".lstrip()


async def _with_facts(
    parts: Parts, bodies: Sequence[_Read], wrong: Mapping[str, str], place: str
) -> list[_Ready] | Problems:
    """Read Zuora also where something typed is wrong, so that all of it is told at once."""
    problems = dict(wrong)
    ready: list[_Ready] = []
    for operation, body, form in bodies:
        order = await _order(parts, operation, body, place)
        if isinstance(order, Problems):
            _add(problems, order)
        else:
            ready.append(_Ready(order, form))
    return Problems(problems) if problems else ready


async def _order(
    parts: Parts, operation: Operation, body: Body, place: str
) -> Order[Any, Any] | Problems:
    try:
        facts: Facts | Problems = await operation.look_up(body, parts.tenancy.zuora_in(place))
    except ZuoraError as error:
        then = "Please try again."
        if isinstance(error, ZuoraRejected):
            then = "It would be refused again until somebody puts that right in Zuora."
        words = unanswered(error, f"Nothing was saved. {then}")
        if isinstance(error, ZuoraContradicts):
            words = f"{error} Nothing was saved; look in Zuora which is right, and try again."
        return Problems({operation.field: words})
    if isinstance(facts, Problems):
        return facts
    order = operation(body, facts)
    why = parts.guard.mailed_lately(order, place, parts.clock.now())
    return Problems({operation.field: why}) if why else order


async def _nobody_to_approve(
    parts: Parts, ready: Sequence[_Ready], asker: Asker
) -> Problems | None:
    """A request that could never be approved is refused now, with the names, not left to expire."""
    for each in ready:
        rule = parts.rules.policy.rule(parts.rules.about(each.order, asker.place))
        members = await parts.rules.members(rule.approvers)
        if members is None:
            words = (
                "Slack did not tell me who may approve this, so it cannot be asked for now. "
                "Nothing was saved; try again in a minute."
            )
            return Problems({each.order.field: words})
        others = sorted(members - {asker.person.user_id})
        if len(others) < rule.approvals:
            names = f"only {', '.join(others)} is listed" if others else "nobody else is listed"
            if len(others) > 1:
                names = f"only {listed(others)} are listed"
            words = (
                f"This needs {count(rule.approvals, 'approval')} from other people ({rule.name} of "
                f"the policy), and besides you {names}. "
                "Whoever keeps the policy has to name more people."
            )
            return Problems({each.order.field: words})
    return None


def _save(parts: Parts, ready: Sequence[_Ready], asker: Asker) -> tuple[Request, ...]:
    with parts.store.transaction():
        wanted: Wanted = [(type(each.order), {}) for each in ready]
        if known := _known(parts, wanted, asker):
            return known  # the second of two submissions that were under way together
        bodies = [(type(each.order), each.order.body, each.form) for each in ready]
        if again := _typed_again(parts, bodies, asker):
            return again
        saved = tuple(_save_one(parts, each, asker, len(ready)) for each in ready)
        _withdraw_parent(parts, asker, saved)
    parts.wake_sender()
    parts.wake_runner()
    parts.wake_estimates()
    return saved


def _save_one(parts: Parts, ready: _Ready, asker: Asker, of: int) -> Request:
    now = parts.clock.now()
    order = ready.order
    about = parts.rules.about(order, asker.place)
    rule = parts.rules.policy.rule(about)
    request = Request(
        number=parts.store.requests.next_number(),
        operation=order.name,
        subject=order.subject(),
        body=canonical(order.body.model_dump()),
        facts=order.facts.model_dump_json(),
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
        typed=json.dumps({"form": asker.form_name, "values": dict(ready.form)}),
    )
    parts.store.requests.add(request, subjects_of(order))
    parts.store.mailings.add(request.number, order.mailings())
    shown = card(request, Kind.CARD, beside(parts.store, request))
    messages = [shown, *results.tables(request, order.tables())]
    replaced = _parent_to_withdraw(parts, asker)
    messages += also_open(
        parts.store, request, order, without=replaced.number if replaced is not None else None
    )
    if order.deed is Deed.MAILED:
        messages += mailed_by_the_bot(parts.store, request, order)
    messages += redrawn(parts.store, request, order)
    why = {"conditions": parts.rules.policy.conditions(about), "compared": about.compared}
    parts.store.record(_asked_entry(request, shown, why), now, *messages)
    if isinstance(order, Estimated) and order.foresees():
        parts.store.estimates.add(request.number, parts.new_id(), now)
    return request


def _parent_to_withdraw(parts: Parts, asker: Asker) -> Request | None:
    parent = None if asker.parent is None else parts.store.requests.get(asker.parent)
    if parent is None or parent.state is not State.WAITING:
        return None
    return parent if parent.requester == asker.person.user_id else None


def _withdraw_parent(parts: Parts, asker: Asker, saved: tuple[Request, ...]) -> None:
    """What was changed and asked again waits no longer, and its approvals are void."""
    parent = _parent_to_withdraw(parts, asker)
    if parent is None:
        return
    person = asker.person
    now = parts.clock.now()
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
    parts.store.move(parent, after, entry, now, card_edit(after), told)


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


def record_refusal(parts: Parts, person: Person, refusal: Refusal, wanted: str) -> None:
    """Write into the history that somebody may not ask.

    Raises:
        CouldNotRecordError: It was not written.
    """
    entry = Entry(
        what=What.REFUSED,
        who=person.user_id,
        team=person.team_id,
        data={"wanted": wanted, "refusal": refusal.value},
    )
    with parts.store.transaction():
        parts.store.refuse(entry, parts.clock.now())
