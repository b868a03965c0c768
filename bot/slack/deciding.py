"""The buttons of a card: Approve, Reject, Withdraw, and the two that settle an unknown outcome."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackClientError

from bot.cards.card import APPROVE, RECORD_NOT_SENT, RECORD_SENT, REJECT, WITHDRAW
from bot.domain.authority import Person, Verb
from bot.domain.request import Request
from bot.slack import payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.forms import fields
from bot.slack.forms.reject import REJECT as REJECT_FORM
from bot.slack.forms.reject import reject as reject_form
from bot.store.database import CouldNotRecordError
from bot.workflow.decide import Declined, decide, may_decide_now, settle_by_hand
from bot.workflow.opened import opened
from bot.workflow.parts import Parts

logger = logging.getLogger(__name__)


Act = Callable[[Parts, int | None, Person, str], Request | Declined]
"""What a button does: workflow's parts, the request's number, who pressed, where to answer."""


def _deciding(verb: Verb) -> Act:
    return lambda parts, number, person, channel: decide(
        parts, verb, number, person, answer_in=channel
    )


def _settling(*, accepted: bool) -> Act:
    return lambda parts, number, person, channel: settle_by_hand(
        parts, number, person, accepted=accepted, answer_in=channel
    )


def _may_reject(
    parts: Parts, number: int | None, person: Person, channel: str
) -> Request | Declined:
    return may_decide_now(parts, Verb.REJECT, number, person, answer_in=channel)


BUTTONS: dict[str, Act] = {
    APPROVE: _deciding(Verb.APPROVE),
    WITHDRAW: _deciding(Verb.WITHDRAW),
    RECORD_SENT: _settling(accepted=True),
    RECORD_NOT_SENT: _settling(accepted=False),
}


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the buttons and the form that asks for a reason."""
    for action_id, act in BUTTONS.items():
        app.action(action_id)(_listener(answering, act))

    @app.action(REJECT)
    async def reject(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = payloads.click(body)
        may = await _clicked(answering, ack, click, _may_reject)
        if isinstance(may, Request):
            await _ask_why(answering, click, may)

    @app.view(REJECT_FORM)
    async def rejected(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _rejected(answering, ack, payloads.submission(body))


def _listener(answering: Answering, act: Act) -> Callable[..., Awaitable[None]]:
    async def pressed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _clicked(answering, ack, payloads.click(body), act)

    return pressed


async def _clicked(
    answering: Answering,
    ack: AsyncAck,
    click: payloads.Click,
    act: Act,
) -> Request | Declined | None:
    """Have a click decided and acknowledged; None if it could not be recorded."""
    person = await answering.approver(click.actor, click.request)
    try:
        outcome = act(answering.parts, click.request, person, click.channel)
    except CouldNotRecordError:
        await ack()
        answering.keep(answering.tell_now(click.channel, click.actor, COULD_NOT_RECORD))
        return None
    await ack()
    return outcome


async def _ask_why(answering: Answering, click: payloads.Click, request: Request) -> None:
    operation, body, facts = opened(request)
    view = reject_form(request, operation.title(body, facts))
    try:
        await answering.client.views_open(trigger_id=click.trigger_id, view=view)
    except (SlackClientError, OSError, TimeoutError) as error:
        logger.warning("form_did_not_open", extra={"error": repr(error)})
        words = "Slack did not open the form in time. Nothing was changed; press Reject again."
        await answering.tell_now(click.channel, click.actor, words)


async def _rejected(answering: Answering, ack: AsyncAck, submission: payloads.Submission) -> None:
    reason = str(submission.form.get("reason") or "").strip()
    if not reason:
        await ack(response_action="errors", errors={"reason": "Say why, for whoever asked."})
        return
    number = payloads.request_number(submission.metadata)
    person = await answering.approver(submission.actor, number)
    try:
        outcome = decide(answering.parts, Verb.REJECT, number, person, reason=reason)
    except CouldNotRecordError:
        await ack(response_action="errors", errors={"reason": COULD_NOT_RECORD})
        return
    if isinstance(outcome, Declined):
        view = fields.notice("Nothing was changed", *outcome.why)
        await ack(response_action="update", view=view)
    else:
        await ack()
