"""`/billemail`: the command, its form, and what becomes of the form."""

import asyncio
import logging
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.cards import blocks, refusals
from bot.cards.card import approvers_in_words
from bot.domain.authority import Person, may_ask
from bot.domain.history import What
from bot.domain.request import Request
from bot.domain.words import Mention, Moment, Part
from bot.operations.catalog import operation_named
from bot.operations.operation import Problems
from bot.slack import forms, payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.store.database import CouldNotRecordError
from bot.workflow.ask import Refused, ask, record_refusal

logger = logging.getLogger(__name__)

SECONDS_FOR_ZUORA = 2.0
"""A form has to be answered within 3 s; a bill run that takes longer to read is read behind it."""

HELP = """*`/billemail`* opens a form to email the invoices and credit memos of a posted bill run.
`/billemail BR-00000001` opens it with that bill run filled in.
`/billemail help` shows this.

What happens then: the bot reads the bill run in Zuora and shows the request in {channel}. One of \
{approvers} approves it, never the person who asked. Then the bot reads the bill run again, sends \
the order to Zuora if nothing has changed, and tells each step in the request's thread."""


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the command and its form."""

    @app.command("/billemail")
    async def billemail(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _command(answering, ack, payloads.command(body))

    @app.view(forms.EMAIL_BILL_RUN)
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _submitted(answering, ack, payloads.submission(body))


async def _command(answering: Answering, ack: AsyncAck, command: payloads.Command) -> None:
    policy = answering.parts.policy
    if command.text.lower() == "help":
        await ack(_help(answering))
        return
    person = await answering.person(command.actor, policy.requesters)
    if refusal := may_ask(person, policy):
        try:
            record_refusal(answering.parts, person, What.REFUSED, refusal, "/billemail")
        except CouldNotRecordError:
            logger.warning("refusal_was_not_recorded")
        await ack(blocks.as_text(refusals.to_ask(refusal, person, policy)))
        return
    form = forms.email_bill_run({"bill_run": command.text}, channel=command.channel)
    try:
        await answering.client.views_open(trigger_id=command.trigger_id, view=form)
    except (SlackClientError, OSError, TimeoutError) as error:
        logger.warning("form_did_not_open", extra={"error": repr(error)})
        await ack("Slack did not open the form in time. Nothing was sent; type the command again.")
    else:
        await ack()


def _help(answering: Answering) -> str:
    return HELP.format(
        channel=f"<#{answering.parts.channel}>",
        approvers=blocks.as_text(approvers_in_words(answering.parts.policy.approvers)),
    )


async def _submitted(answering: Answering, ack: AsyncAck, submission: payloads.Submission) -> None:
    person = await answering.person(submission.actor, answering.parts.policy.requesters)
    work = answering.keep(_ask(answering, submission, person))
    done, _ = await asyncio.wait({work}, timeout=SECONDS_FOR_ZUORA)
    if done:
        await _answer(answering, ack, submission, work.result(), person)
        return
    await ack(
        response_action="update",
        view=forms.notice("Reading Zuora", "This bill run takes a while to read. You can close "
                          "this; the request appears in the channel, or a message says why not."),
    )  # fmt: skip
    answering.keep(_answer_late(answering, submission, work, person))


Outcome = Request | Problems | Refused | CouldNotRecordError


async def _ask(answering: Answering, submission: payloads.Submission, person: Person) -> Outcome:
    operation = operation_named("email_bill_run")
    form_id = f"{submission.actor.team_id}:{submission.view_id}"
    try:
        return await ask(answering.parts, operation, submission.form, person, form_id)
    except CouldNotRecordError as error:
        return error


async def _answer(
    answering: Answering,
    ack: AsyncAck,
    submission: payloads.Submission,
    outcome: Outcome,
    person: Person,
) -> None:
    """Answer in the form itself, while Slack still waits for it."""
    match outcome:
        case Request():
            await ack()
            _tell_where(answering, submission, outcome)
        case Problems(by_field):
            await ack(response_action="errors", errors=dict(by_field))
        case _:
            view = forms.notice("Nothing was saved", *_why_not(answering, outcome, person))
            await ack(response_action="update", view=view)


async def _answer_late(
    answering: Answering,
    submission: payloads.Submission,
    work: asyncio.Task[Outcome],
    person: Person,
) -> None:
    """Answer by changing the view, or privately if it was closed meanwhile; nothing is lost."""
    outcome = await work
    channel = forms.channel_of(submission.metadata)
    match outcome:
        case Request():
            view = forms.notice("Asked for approval", *_asked(outcome))
            words = _asked(outcome)
        case Problems(by_field):
            view = forms.email_bill_run(submission.form, channel=channel, problems=by_field)
            words = ("Nothing was saved. ", " ".join(by_field.values()))
        case _:
            words = _why_not(answering, outcome, person)
            view = forms.notice("Nothing was saved", *words)
    try:
        await answering.client.views_update(view_id=submission.view_id, view=view)
    except (SlackApiError, SlackClientError, OSError, TimeoutError):
        await answering.tell_now(channel or answering.parts.channel, submission.actor, *words)


def _tell_where(answering: Answering, submission: payloads.Submission, request: Request) -> None:
    """Somebody who asked elsewhere does not see the card appear, so say where it is."""
    channel = forms.channel_of(submission.metadata)
    if channel and channel != request.channel:
        try:
            answering.tell(channel, submission.actor, *_asked(request))
        except CouldNotRecordError:
            logger.warning("answer_was_not_recorded")


def _asked(request: Request) -> tuple[Part, ...]:
    return (
        f"{request.name} waits for approval in ",
        Mention(request.channel),
        " until ",
        Moment(request.expires_at),
        ".",
    )


def _why_not(answering: Answering, outcome: Outcome, person: Person) -> tuple[Part, ...]:
    match outcome:
        case Refused(refusal):
            return refusals.to_ask(refusal, person, answering.parts.policy)
        case _:
            return (COULD_NOT_RECORD,)
