"""The buttons of a card: Approve, Reject, Withdraw, and the two that record the outcome of a lost call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards.at_stake import summary_of
from bot.cards.buttons import (
    APPROVE,
    ASKS_MORE,
    RECORD_NOT_SENT,
    RECORD_SENT,
    REJECT,
    WITHDRAW,
    asked_once_more,
)
from bot.domain.authority import RECORDS, Person, Refusal, Verb, still_counts
from bot.domain.clean import as_key
from bot.domain.named import Named, named
from bot.domain.request import Request, State, UnreadableError
from bot.operations.catalog import can_be_read, opened, short_of
from bot.slack import form_payloads, payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering, not_recorded
from bot.slack.errors import NO_ANSWER
from bot.slack.forms import fields
from bot.slack.forms.decide import DECIDE_FORMS, decide_form
from bot.slack.meaning import stored
from bot.slack.people import SECONDS_TO_ANSWER, People
from bot.store.errors import CouldNotRecordError
from bot.workflow.beside import beside
from bot.workflow.by_hand import records
from bot.workflow.decide import decide, may_decide_now
from bot.workflow.decision import CheckAgain, Decidable, Decided, Decision, Declined
from bot.workflow.parts import Parts
from bot.workflow.rules import Rules

logger = logging.getLogger(__name__)

DecisionOutcome = Decided | Decidable | Declined

Act = Callable[[Parts, Decision], DecisionOutcome | CheckAgain]
"""What a button does after it is known who pressed it."""

BY_SEVERAL = (Verb.APPROVE, *RECORDS)
"""Decisions that count together with those of other people."""

TRIES = 5
"""How many times an approval is checked again because others approve at the same moment."""


ASKING = {
    APPROVE: Verb.APPROVE,
    REJECT: Verb.REJECT,
    WITHDRAW: Verb.WITHDRAW,
    RECORD_SENT: Verb.RECORD_SENT,
    RECORD_NOT_SENT: Verb.RECORD_NOT_SENT,
}
"""*Withdraw* is in the menu; older cards have a button for it."""


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the buttons, and the forms that ask for a reason or a number."""
    for action_id, verb in ASKING.items():
        app.action(action_id)(decides(answering, verb))
    for callback_id, verb in DECIDE_FORMS.items():
        app.view(callback_id)(_submits(answering, verb))


def decides(
    answering: Answering, verb: Verb, *, with_a_note: bool = False
) -> Callable[..., Awaitable[None]]:
    """Return a listener that decides at once, or opens the form for what must be read or typed first.

    *Approve* decides at once where Slack has asked before it sent the click: its label does not end with dots then,
    on a card of any age. Where Slack does not say the label, the form opens. Whether the number must be typed is read
    from the database.
    """

    async def pressed(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = payloads.click(body)
        has_asked = bool(click.label) and not click.label.endswith(ASKS_MORE)
        confirmed = verb is Verb.APPROVE and not with_a_note and has_asked

        def act_on(request: Request | None) -> Act:
            typed = request is not None and _is_typed(answering.parts.rules, request)
            return decide if confirmed and not typed else may_decide_now

        outcome = await _clicked(answering, ack, click, verb, act_on)
        if isinstance(outcome, Decidable):
            await _ask_more(answering, click, verb, outcome.whole_request)

    return pressed


def _is_typed(rules: Rules, request: Request) -> bool:
    """Return whether the number must be typed, by the request's own rule or by today's."""
    return request.rule.type_the_number or rules.today(request).type_the_number


def _submits(answering: Answering, verb: Verb) -> Callable[..., Awaitable[None]]:
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _submitted(answering, ack, verb, form_payloads.submission(body))

    return submitted


async def _clicked(
    answering: Answering,
    ack: AsyncAck,
    click: payloads.Click,
    verb: Verb,
    act_on: Callable[[Request | None], Act],
) -> DecisionOutcome | None:
    """Decide and acknowledge a click; None if it could not be recorded."""
    asked = _Asked(verb=verb, actor=click.actor, name=click.named, answer_in=click.channel)
    try:
        request = stored(answering.parts.store, click.named)
        outcome = await _decided(answering, act_on(request), asked, request)
    except CouldNotRecordError as error:
        await _could_not_record(answering, ack, click, error)
        return None
    await ack()
    return outcome


async def _could_not_record(
    answering: Answering, ack: AsyncAck, click: payloads.Click, error: CouldNotRecordError
) -> None:
    await ack()
    answering.keep(answering.say_now(click.channel, click.actor, not_recorded(error)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What somebody asks for, as Slack sent it; see `Decision`."""

    verb: Verb
    actor: payloads.Actor
    name: Named | None
    reason: str = ""
    typed: str = ""
    answer_in: str = ""


async def _decided(
    answering: Answering, act: Act, asked: _Asked, request: Request | None
) -> DecisionOutcome:
    """Read who acts and whether earlier approvals still count, and then decide.

    Args:
        answering: The listeners' side of the bot.
        act: Carries the decision out.
        asked: Who decides what.
        request: The request as read before the transaction, which reads it again.
    """
    people, rules = answering.people, answering.parts.rules
    clocks = answering.parts.clocks
    for _ in range(TRIES):
        wrong = await _wrong_clocks(answering)  # which reads them again where they seem to be
        decision = Decision(
            verb=asked.verb,
            name=asked.name,
            person=await _approver(people, rules, asked.actor, request),
            reason=asked.reason,
            typed=asked.typed,
            readable=asked.verb is Verb.APPROVE and await _is_readable(request),
            standing=await _standing(answering, request) if asked.verb in BY_SEVERAL else {},
            gone=await _gone(rules, request) if asked.verb in RECORDS else frozenset(),
            answer_in=asked.answer_in,
            clocks_ahead=clocks.ahead(),
            clocks_wrong=wrong,
        )
        outcome = await answering.parts.store.together.write(
            partial(act, answering.parts, decision)
        )
        if not isinstance(outcome, CheckAgain):
            return outcome
        request = stored(answering.parts.store, asked.name)
    return Declined(None, ("Somebody else is deciding right now. Please press again.",))


async def _wrong_clocks(answering: Answering) -> str:
    """Return how far apart the clocks are if that is too far, after asking Slack and Zuora for the time; else empty."""
    clocks = answering.parts.clocks
    if clocks.too_far():
        asking = (answering.client.auth_test(), answering.parts.tenancy.zuora.says_the_time())
        both = asyncio.gather(*asking, return_exceptions=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(both, SECONDS_TO_ANSWER)
    return clocks.words() if clocks.too_far() else ""


async def _approver(
    people: People, rules: Rules, actor: payloads.Actor, request: Request | None
) -> Person:
    """Return who acts on a request, with the groups that its own rule and today's rule name."""
    if request is None:
        return await people.person(actor, ())
    today = rules.today(request)
    return await people.person(actor, (*request.rule.approvers, *today.approvers))


async def _standing(answering: Answering, request: Request | None) -> dict[str, Refusal | None]:
    """Return for everybody who approved it or recorded its outcome why that no longer counts; None: it counts."""
    if request is None:
        return {}
    people, rules = answering.people, answering.parts.rules
    before = [(each.person, each.team) for each in request.approvals]
    if request.state is State.UNKNOWN:
        recorded = records(answering.parts.store, request).values()
        before = [(each.person, each.team) for each in recorded]
    found: dict[str, Refusal | None] = {}
    for user_id, team_id in before:
        actor = payloads.Actor(user_id=user_id, team_id=team_id)
        person = await _approver(people, rules, actor, request)
        found[user_id] = still_counts(person, request, rules.today(request))
    return found


async def _is_readable(request: Request | None) -> bool:
    """Return whether its order can be opened, which takes long for many documents."""
    if request is None:
        return False
    return await asyncio.to_thread(can_be_read, request) if request.packed else can_be_read(request)


async def _gone(rules: Rules, request: Request | None) -> frozenset[str]:
    return frozenset() if request is None else await rules.gone(request)


async def _ask_more(
    answering: Answering, click: payloads.Click, verb: Verb, request: Request
) -> None:
    try:
        order = opened(request)
        title = order.title()
        summary = summary_of(request, order, beside(answering.parts.store, request))
        words = asked_once_more(request, order, summary)
    except UnreadableError:  # which may still be rejected or withdrawn
        title, words = f"{short_of(request.operation)} {request.subject}", ""
    typing = _is_typed(answering.parts.rules, request)
    view = decide_form(verb, request, title, words, typing=typing)
    try:
        await answering.client.views_open(trigger_id=click.trigger_id, view=fields.begun(view))
    except NO_ANSWER as error:
        logger.warning("form_did_not_open", extra={"error": repr(error)})
        words = "Slack did not open the form in time. Nothing was changed; please press again."
        await answering.say_now(click.channel, click.actor, words)


async def _submitted(
    answering: Answering, ack: AsyncAck, verb: Verb, submission: form_payloads.Submission
) -> None:
    asked = _Asked(
        verb=verb,
        actor=submission.actor,
        name=named(submission.metadata),
        reason=str(submission.values.get("reason") or "").strip(),
        typed=as_key(str(submission.values.get("typed") or "")),
    )
    try:
        request = stored(answering.parts.store, asked.name)
        problems = _problems(answering.parts.rules, asked, request)
        # a stranger learns nothing about what was typed
        outcome = await _decided(answering, may_decide_now if problems else decide, asked, request)
    except CouldNotRecordError as error:
        words = not_recorded(error)
        title = "Nothing was changed" if words == COULD_NOT_RECORD else "Not known"
        await ack(response_action="update", view=fields.notice(title, words))
        return
    if isinstance(outcome, Decidable):
        await ack(response_action="errors", errors=problems)
    elif isinstance(outcome, Declined):
        view = fields.notice("Nothing was changed", *outcome.why)
        await ack(response_action="update", view=view)
    else:
        await ack()


def _problems(rules: Rules, asked: _Asked, request: Request | None) -> dict[str, str]:
    if asked.verb is Verb.REJECT and not asked.reason:
        return {"reason": "Say why, for whoever asked."}
    if asked.verb in RECORDS and not asked.reason:
        return {"reason": "Write what you saw in Zuora, and where."}
    types = asked.verb in BY_SEVERAL and request and _is_typed(rules, request)
    if types and request and asked.typed.upper() != request.confirmation:
        to = "approve" if asked.verb is Verb.APPROVE else "record this for"
        return {"typed": f"Type {request.confirmation} to {to} {request.name}."}
    return {}
