"""Asking: turns what was typed into requests with facts, cards and history entries, or into problems to fix."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.authority import Refusal, may_ask
from bot.domain.request import Request
from bot.domain.words import count, listed
from bot.operations.operation import Operation
from bot.operations.stored import Body, Facts
from bot.operations.typed import Problems, Values
from bot.store.turns import let_go_later
from bot.workflow.guard import reach_to_be
from bot.workflow.parts import Parts, Working
from bot.workflow.preparing import prepared
from bot.workflow.ready import Asker, Ready, Texts
from bot.workflow.refused import record_refusal
from bot.workflow.rules import Rules
from bot.workflow.saved import known_by_form, save, typed_again
from bot.zuora.errors import ZuoraContradicts, ZuoraError, unanswered, what_next

REASON_LIMIT = 1000
WantedOrders = Sequence[tuple[Operation, Values]]
"""Operations to ask for, each with what was typed for it, by field name."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a person who may not ask."""

    refusal: Refusal


_Read = tuple[Operation, Body, Values]


async def ask(
    parts: Parts, wanted: WantedOrders, asker: Asker
) -> tuple[Request, ...] | Problems | Refused:
    """Read the form and Zuora, and save the requests with their messages, all of it or nothing.

    Args:
        parts: The outside.
        wanted: What is asked for, each with what was typed, by field name.
        asker: Who asks.

    Raises:
        CouldNotRecordError: Nothing was saved.
    """
    if refusal := may_ask(asker.person, parts.rules.policy):
        names = ", ".join(each.name for each, _ in wanted)
        record_refusal(parts.store, asker.person, refusal, names, parts.clock.now())
        return Refused(refusal)
    if known := known_by_form(parts.store, [each for each, _ in wanted], asker):
        return known
    if asker.parent is not None and parts.store.requests.get(asker.parent) is None:
        asker = replace(asker, parent=None)  # a form may name a request that never was
    place, nowhere = parts.tenancy.places.read(wanted[0][1] if wanted else {})
    asker = replace(asker, place=place)
    bodies, problems = await asyncio.to_thread(_read, wanted, asker.reason)  # a list may be long
    if (
        not problems.by_field
        and not nowhere
        and (again := typed_again(parts, [(each, body) for each, body, _ in bodies], asker))
    ):
        return again
    ready = (
        problems.and_of(Problems(nowhere))  # where it is not known which place, nothing is read
        if nowhere
        else await _with_facts(parts, bodies, problems, place.key)
    )
    if isinstance(ready, Problems):
        return ready
    if impossible := await _nobody_to_approve(parts.rules, ready, asker):
        return impossible
    async with prepared(parts, ready, asker) as written:
        let_go_later(ready, written)
        return save(parts, written, asker)


def _read(wanted: WantedOrders, reason: str) -> tuple[list[_Read], Problems]:
    """Return what was typed as bodies, and everything that is wrong with it by field."""
    problems = Problems({})
    bodies: list[_Read] = []
    for operation, values in wanted:
        body = operation.read(values)
        if isinstance(body, Problems):
            problems = problems.and_of(body)
        else:
            bodies.append((operation, body, values))
    if not reason.strip():
        missing = "Say why, for the person who approves and for the record."
        problems = problems.and_of(Problems({"reason": missing}))
    elif len(reason) > REASON_LIMIT:
        long = f"At most {REASON_LIMIT} characters; these are {len(reason)}."
        problems = problems.and_of(Problems({"reason": long}))
    return bodies, problems


async def _with_facts(
    parts: Working, bodies: Sequence[_Read], problems: Problems, place: str
) -> list[Ready] | Problems:
    """Read Zuora even if something typed is wrong, so that all problems are shown together."""
    ready: list[Ready] = []
    for operation, body, values in bodies:
        one = await _ready(parts, operation, body, values, place)
        if isinstance(one, Problems):
            problems = problems.and_of(one)
        else:
            ready.append(one)
    if problems.others is not None:
        beside = [each.number for one in ready for each in one.mine if each.number]
        problems = problems.and_of(Problems({}, tuple(beside)))
    return problems if problems.by_field else ready


async def _ready(
    parts: Working, operation: Operation, body: Body, values: Values, place: str
) -> Ready | Problems:
    try:
        zuora = parts.tenancy.zuora_in(place).for_a_form()
        facts: Facts | Problems = await operation.look_up(body, zuora)
    except ZuoraError as error:
        words = unanswered(error, f"Nothing was saved. {what_next(error)}")
        if isinstance(error, ZuoraContradicts):
            words = (
                f"{error} Nothing was saved; look in Zuora to see which is right, and try again."
            )
        return Problems({operation.field: words})
    if isinstance(facts, Problems):
        return facts
    order = operation(body, facts)
    mine = await asyncio.to_thread(order.mailings)  # there may be many
    texts = await asyncio.to_thread(Texts.of, order, parts.tenancy, place)
    reach = await reach_to_be(parts.store, mine, place)
    why, others = parts.guard.mailed_lately(order, mine, reach, parts.clock.now())
    return (
        Problems({operation.field: why}, others)
        if why
        else Ready(order, values, texts, mine, reach)
    )


async def _nobody_to_approve(rules: Rules, ready: Sequence[Ready], asker: Asker) -> Problems | None:
    """Refuse a request that can never get its approvals, and name the people, instead of letting it expire."""
    for each in ready:
        about = rules.about(each.order, asker.place, each.reach)
        rule = rules.policy.strictest(about)
        members = await rules.members(rule.approvers)
        if members is None:
            words = (
                "Slack did not say who may approve this, so it cannot be asked for now. "
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
                "Whoever keeps the policy has to name more people"
            )
            by_itself = ", or ask for each kind of document with a form of its own"
            words += f"{by_itself if len(about) > 1 else ''}."
            return Problems({each.order.field: words})
    return None
