"""Opens forms for commands, buttons and shortcuts: checks who may, fills in first values, says why one did not open.

The forms themselves are in `bot.slack.forms`; `bot.slack.asking` handles what is submitted.
"""

import logging
import re
from collections.abc import Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import refusals
from bot.cards.below import NEXT, OTHERS
from bot.cards.buttons import AGAIN, CHANGE
from bot.cards.run_card import RUN
from bot.domain.authority import may_ask
from bot.domain.message import Words
from bot.domain.words import Part, shortened
from bot.operations.typed import Values
from bot.slack import form_payloads, payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.drawing import Drawing
from bot.slack.errors import NO_ANSWER
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm, Origin, origin_of
from bot.slack.forms.catalog import Forms
from bot.slack.forms.email import EmailForm
from bot.slack.forms.email_values import values_for_file
from bot.slack.forms.fields import begun
from bot.slack.meaning import known, meant_or_why
from bot.slack.payloads import Actor, Click
from bot.slack.replying import TypedCommand, said_if_it_fails, say
from bot.slack.what_opens import (
    NAMING,
    Find,
    Opening,
    changed_request,
    email_form,
    form_for_file,
    next_step,
    step_of_a_run,
    the_others,
    what_was_refused,
)
from bot.store.errors import CouldNotRecordError
from bot.workflow.refused import record_refusal

logger = logging.getLogger(__name__)

BEGIN = "home:begin"
"""The button of the Home tab that opens the email form."""

OF_A_FILE = "file:email"
"""The button below the answer to a file that was sent to the bot; its value is Slack's id of the file."""

LONGEST_NAME = 40
AGAIN_WORDS = "{name} again"
"""What a refusal to ask again records as wanted."""

TOO_LATE = "Slack did not open the form in time. Nothing was sent; please try again."

NO_FILES = (
    "Slack does not let the bot read files: its app needs the scope files:read, and to be installed "
    "again."
)
NO_ONE_FILE = "Use this on a message with one file: CSV or text with the numbers of documents."


def register(app: AsyncApp, answering: Answering, forms: Forms) -> None:
    """Connect every button and shortcut that opens a form, and the choices that change one."""
    buttons: dict[str | re.Pattern[str], tuple[Find, str]] = {
        CHANGE: (changed_request, AGAIN_WORDS),
        AGAIN: (what_was_refused, "{name} again, after {request}"),
        OTHERS: (the_others, "the others of {request}"),
        re.compile(f"^{NEXT}"): (next_step, "{step}"),
        re.compile(f"^{RUN}"): (step_of_a_run, "{step}"),
        BEGIN: (email_form, "email form"),
        OF_A_FILE: (form_for_file, "email form"),
    }
    for action_id, (find, wanted) in buttons.items():
        app.action(action_id)(_opens(answering, forms, find, wanted))
    app.shortcut("email_documents")(_opens(answering, forms, email_form, "email form"))

    @app.shortcut("email_of_file")
    async def email_of_file(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        pointed = payloads.pointed(body)
        if why := await _of_file(answering, forms, pointed):
            await answering.say(pointed.channel, pointed.actor, *why)

    @app.action(re.compile(f"^{fields.CHANGES_FORM}"))
    async def changed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        await _change(answering, forms, form_payloads.change(body))


async def open_for_command(
    answering: Answering, typed: TypedCommand, form: AskForm, values: Values
) -> None:
    """Acknowledge a command and open its form at the same time.

    So a slow form never makes Slack say that the command was not answered. If the form does not
    open, the person is shown why where the command was typed.
    """

    async def opened() -> None:
        opening = Opening(form=form, values=values)
        if why := await _open(answering, typed.command, opening):
            await say(typed.respond, Words(why))

    answering.keep(said_if_it_fails(typed.respond, opened()))
    await typed.ack()


def opens_again(answering: Answering, forms: Forms) -> Callable[..., Any]:
    """Return the listener for *Change and ask again*, wherever it is offered."""
    return _opens(answering, forms, changed_request, AGAIN_WORDS)


def _opens(answering: Answering, forms: Forms, find: Find, wanted: str) -> Callable[..., Any]:
    """Return a listener for a button; `wanted` is what a refusal records as wanted."""

    async def pressed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = payloads.click(body)
        why = await _pressed(answering, forms, click, find, wanted)
        if why:
            await answering.say(click.channel, click.actor, *why)

    return pressed


async def _pressed(
    answering: Answering, forms: Forms, click: Click, find: Find, wanted: str
) -> tuple[Part, ...]:
    """Open what a button leads to; return why not, or nothing. Only the click's ids are believed."""
    request = known(answering.parts.store, click.named)
    advice = wanted.format(
        name=request.operation if request else "form",
        request=request.name if request else "nothing",
        step=shortened(click.action_id.rpartition(":")[2], LONGEST_NAME),
    )
    if why := await refusal_to_ask(answering, click.actor, advice):
        return why
    if find in NAMING:
        _, why = meant_or_why(answering.parts, click.named, click.actor, advice)
        if why:
            return why
    found = find(forms, answering.parts, click, request)
    if not isinstance(found, Opening):
        return found
    trouble = await _open(answering, click, found)
    return (trouble,) if trouble else ()


async def refusal_to_ask(answering: Answering, actor: Actor, wanted: str) -> tuple[Part, ...]:
    """Return why this person may not ask, and record the refusal; an empty tuple if they may."""
    policy = answering.parts.rules.policy
    person = await answering.people.person(actor, policy.requesters)
    refusal = may_ask(person, policy)
    if refusal is None:
        return ()
    try:
        parts = answering.parts
        record_refusal(parts.store, person, refusal, wanted, parts.clock.now())
    except CouldNotRecordError:
        logger.warning("refusal_was_not_recorded")
    return refusals.to_ask(refusal, person, policy)


async def _open(
    answering: Answering, by: Click | payloads.Command | payloads.Pointed, opening: Opening
) -> str:
    """Open a form while its trigger is valid; return why it did not open, or nothing."""
    origin = Origin(channel=by.channel, parent=opening.parent)
    try:
        drawing = Drawing.by(answering.parts, by.actor.user_id)
        view = drawing.drawn(opening.form, opening.values, origin)
        await answering.client.views_open(trigger_id=by.trigger_id, view=begun(view))
    except CouldNotRecordError:
        return COULD_NOT_RECORD
    except NO_ANSWER as error:
        logger.warning("form_did_not_open", extra={"error": repr(error)})
        return TOO_LATE
    return ""


async def _of_file(
    answering: Answering, forms: Forms, pointed: payloads.Pointed
) -> tuple[Part, ...]:
    """Open the email form for a message's file, which is read on submission; return why it did not open."""
    if why := await refusal_to_ask(answering, pointed.actor, "email form"):
        return why
    form = forms[EmailForm.callback_id]
    if not form.takes_files:
        return (NO_FILES,)
    if len(pointed.files) != 1:
        return (NO_ONE_FILE,)
    opening = Opening(form=form, values=values_for_file(pointed.files[0]))
    trouble = await _open(answering, pointed, opening)
    return (trouble,) if trouble else ()


async def _change(answering: Answering, forms: Forms, change: form_payloads.Change) -> None:
    """Draw the form again for what was chosen in it; what was typed stays."""
    origin = origin_of(change.metadata)
    channel = origin.channel or answering.parts.channel
    if why := await refusal_to_ask(answering, change.actor, f"change {change.callback_id}"):
        await answering.say_now(channel, change.actor, *why)
        return
    form = forms.get(change.callback_id)
    if form is None:
        return
    drawing = Drawing.by(answering.parts, change.actor.user_id)
    try:
        if change.draft:  # a form of its own: Slack keeps what is in fields that stay
            view = drawing.drawn(form, drawing.kept(change.draft), origin)
            await answering.client.views_push(trigger_id=change.trigger_id, view=view)
        else:
            view = drawing.drawn(form, drawing.values_of(origin, change.values), origin)
            await answering.client.views_update(view_id=change.view_id, hash=change.hash, view=view)
    except CouldNotRecordError:  # the form stays as it is, with everything in it
        await answering.say_now(channel, change.actor, COULD_NOT_RECORD)
    except NO_ANSWER as error:
        logger.warning("form_did_not_change", extra={"error": repr(error)})
        if change.draft:
            await answering.say_now(channel, change.actor, TOO_LATE)
