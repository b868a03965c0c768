"""Asking: what was typed becomes a request with facts, a card and a history entry, or messages."""

from dataclasses import dataclass
from typing import Any

from bot.cards import lines
from bot.cards.card import card
from bot.domain.authority import Person, Refusal, may_ask
from bot.domain.digest import canonical, digest
from bot.domain.history import Entry, What
from bot.domain.message import Kind
from bot.domain.request import Request, State
from bot.operations.operation import Body, Facts, Form, Operation, Problems
from bot.workflow.parts import Parts
from bot.zuora.errors import ZuoraError

REASON_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Refused:
    """The person may not ask."""

    refusal: Refusal


async def ask(
    parts: Parts, operation: Operation[Any, Any], form: Form, person: Person, form_id: str
) -> Request | Problems | Refused:
    """Read the form, read Zuora, save the request and what is to be told.

    Args:
        parts: The outside.
        operation: What is asked for.
        form: What was typed, by field name; `reason` is common to all operations.
        person: Who asks, as read from Slack just now.
        form_id: Names this form: submitted twice, it is one request.

    Raises:
        CouldNotRecordError: Nothing was saved.
    """
    if refusal := may_ask(person, parts.policy):
        record_refusal(parts, person, What.REFUSED, refusal, operation.name)
        return Refused(refusal)
    if (known := parts.store.requests.by_form(form_id)) is not None:
        return known
    body = _read(operation, form)
    if isinstance(body, Problems):
        return body
    facts = await _facts(parts, operation, body)
    if isinstance(facts, Problems):
        return facts
    return _save(parts, operation, body, facts, form, person, form_id)


def _read(operation: Operation[Any, Any], form: Form) -> Body | Problems:
    """Everything that is wrong with what was typed, all at once."""
    body = operation.read(form)
    problems = dict(body.by_field) if isinstance(body, Problems) else {}
    reason = str(form.get("reason") or "").strip()
    if not reason:
        problems["reason"] = "Say why, for the person who approves and for the record."
    elif len(reason) > REASON_LIMIT:
        problems["reason"] = f"At most {REASON_LIMIT} characters; these are {len(reason)}."
    return Problems(problems) if problems else body


async def _facts(parts: Parts, operation: Operation[Any, Any], body: Body) -> Facts | Problems:
    try:
        facts: Facts | Problems = await operation.facts(body, parts.zuora)
    except ZuoraError as error:
        field = next(iter(operation.body_type.model_fields))
        return Problems({field: f"Zuora could not be read: {error}. Nothing was saved; try again."})
    return facts


def _save(  # noqa: PLR0913 - everything that a request is made of
    parts: Parts,
    operation: Operation[Any, Any],
    body: Body,
    facts: Facts,
    form: Form,
    person: Person,
    form_id: str,
) -> Request:
    now = parts.clock.now()
    rule = parts.policy.rule()
    subject = operation.subject(body, facts)
    with parts.store.transaction():
        if (known := parts.store.requests.by_form(form_id)) is not None:
            return known  # the second of two submissions that were under way together
        others = parts.store.requests.open_about(subject, operation.name)
        request = Request(
            number=parts.store.requests.next_number(),
            operation=operation.name,
            subject=subject,
            body=canonical(body.model_dump()),
            facts=facts.model_dump_json(),
            digest=digest(
                operation=operation.name,
                tenant=parts.tenant_id,
                body=body.model_dump(),
                facts=operation.material(body, facts),
            ),
            tenant=parts.tenant,
            requester=person.user_id,
            team=person.team_id,
            reason=str(form["reason"]).strip(),
            rule=rule,
            policy_hash=parts.policy.hash,
            form=form_id,
            state=State.WAITING,
            created_at=now,
            expires_at=now + rule.expires_after,
            state_at=now,
            wake_at=now + rule.expires_after,
            channel=parts.channel,
        )
        parts.store.requests.add(request)
        entry = Entry(
            what=What.ASKED,
            who=person.user_id,
            team=person.team_id,
            request=request.number,
            data={
                "operation": request.operation,
                "subject": subject,
                "digest": request.digest,
                "reason": request.reason,
                "policy": request.policy_hash,
            },
        )
        messages = [card(request, Kind.CARD)]
        if others:
            names = ", ".join(other.name for other in others)
            messages.append(lines.reply(request, f"Also open about {subject}: {names}."))
        parts.store.record(entry, now, *messages)
    parts.wake_sender()
    parts.wake_runner()
    return request


def record_refusal(
    parts: Parts,
    person: Person,
    what: What,
    refusal: Refusal,
    wanted: str,
    request: int | None = None,
) -> None:
    """Write a refusal into the history.

    Raises:
        CouldNotRecordError: It was not written.
    """
    entry = Entry(
        what=what,
        who=person.user_id,
        team=person.team_id,
        request=request,
        data={"wanted": wanted, "refusal": refusal.value},
    )
    with parts.store.transaction():
        parts.store.record(entry, parts.clock.now())
