"""Opening a form: who may, what stands in it, and what is said when it does not open.

A command, each button that leads to a form, and the shortcut come through here. The form itself is
one of `bot.slack.forms`; what becomes of it when it is submitted is `bot.slack.asking`.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks, refusals
from bot.cards.buttons import CHANGE
from bot.cards.card import NEXT, OTHERS
from bot.cards.results import AGAIN
from bot.cards.run_card import RUN
from bot.domain.authority import may_ask
from bot.domain.call import Verdict
from bot.domain.key import as_one, as_typed, bill_run_key, is_id
from bot.domain.message import Words
from bot.domain.place import values_of_key
from bot.domain.request import Request, State
from bot.domain.words import Mention, Part, count, shortened, some
from bot.operations.catalog import OPERATIONS, STEPS, opened
from bot.operations.email_documents.reading import MOST_DOCUMENTS
from bot.operations.operation import Progress, Values
from bot.slack import payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.errors import NO_ANSWER
from bot.slack.forms import fields
from bot.slack.forms.ask_form import LEFT_OUT, METADATA_LIMIT, AskForm, Origin, origin_of
from bot.slack.forms.document_fields import LISTS
from bot.slack.forms.email import (
    EmailForm,
    values_for,
    values_for_documents,
    values_for_file,
    values_for_numbers,
    values_for_others,
)
from bot.slack.forms.fields import View, begun
from bot.slack.meaning import known, meant_or_why
from bot.slack.payloads import Actor, Click
from bot.slack.replying import said_if_it_fails, say
from bot.store.database import CouldNotRecordError
from bot.store.store import Store
from bot.workflow.parts import Parts
from bot.workflow.refused import record_refusal

logger = logging.getLogger(__name__)

BEGIN = "home:begin"
"""The button of the home tab."""

SHOWN_LEFT_OUT = 5
LONGEST_NAME = 40
AGAIN_WORDS = "{name} again"
"""What a refusal to ask again is recorded with."""
NOTHING_TO_CHANGE = "This request cannot be opened again. Ask with the command instead."
NOTHING_TO_OPEN = "This button belongs to nothing that the bot knows of. Nothing was done."
NOTHING_REFUSED = "Nothing of this request was refused, so there is nothing to ask for again."

TOO_LATE = "Slack did not open the form in time. Nothing was sent; please try once more."

NO_FILES = (
    "Slack does not let the bot read files: its app needs the scope files:read, and to be installed "
    "again."
)
NO_ONE_FILE = "Use this on a message with one file: CSV or text with the numbers of documents."

NO_OTHERS = (
    "Every document of this request was reached by another one, so there are no others to ask for."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A form that is to be opened.

    Attributes:
        values: What it begins with, by the names of its fields.
        parent: Name of the request that it continues; empty for none.
    """

    form: AskForm
    values: Values
    parent: str = ""


Find = Callable[[Answering, Click, Request | None], "Opening | tuple[Part, ...]"]
"""What a button opens, or why nothing; the request is the one that the button names, if any."""


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect every button and shortcut that opens a form, and the choices that change one."""
    buttons: dict[str | re.Pattern[str], tuple[Find, str]] = {
        CHANGE: (_changed_request, AGAIN_WORDS),
        AGAIN: (_what_was_refused, "{name} again, after {request}"),
        OTHERS: (_the_others, "the others of {request}"),
        re.compile(f"^{NEXT}"): (_next_step, "{step}"),
        re.compile(f"^{RUN}"): (_step_of_a_run, "{step}"),
        BEGIN: (_email, "email form"),
    }
    for action_id, (find, wanted) in buttons.items():
        app.action(action_id)(_opens(answering, find, wanted))
    app.shortcut("email_documents")(_opens(answering, _email, "email form"))

    @app.shortcut("email_of_file")
    async def email_of_file(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        pointed = payloads.pointed(body)
        if why := await _of_file(answering, pointed):
            await answering.say(pointed.channel, pointed.actor, *why)

    @app.action(re.compile(f"^{fields.CHANGES_FORM}"))
    async def changed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        await _change(answering, payloads.change(body))


async def open_for_command(
    answering: Answering,
    ack: AsyncAck,
    respond: AsyncRespond,
    command: payloads.Command,
    form: AskForm,
    values: Values,
) -> None:
    """Acknowledge a command and open its form, side by side.

    However long Slack takes to open the form, nobody reads that the command was not answered; that
    the form did not open is said where the command was typed.
    """

    async def opened() -> None:
        opening = Opening(form=form, values=values)
        if why := await _open(answering, command, opening):
            await say(respond, Words(why))

    answering.keep(said_if_it_fails(respond, opened()))
    await ack()


def opens_again(answering: Answering) -> Callable[..., Any]:
    """The listener for *Change and ask again*, wherever it is offered."""
    return _opens(answering, _changed_request, AGAIN_WORDS)


def _opens(answering: Answering, find: Find, wanted: str) -> Callable[..., Any]:
    """A listener for a button; `wanted` is what a refusal is recorded with."""

    async def pressed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = payloads.click(body)
        why = await _pressed(answering, click, find, wanted)
        if why:
            await answering.say(click.channel, click.actor, *why)

    return pressed


async def _pressed(answering: Answering, click: Click, find: Find, wanted: str) -> tuple[Part, ...]:
    """Open what a button leads to; why not, or nothing. Of the click nothing is believed but ids."""
    request = known(answering.parts.store, click.named)
    told = wanted.format(
        name=request.operation if request else "form",
        request=request.name if request else "nothing",
        step=shortened(click.action_id.rpartition(":")[2], LONGEST_NAME),
    )
    if why := await refusal_to_ask(answering, click.actor, told):
        return why
    if find in NAMING:
        _, why = meant_or_why(answering.parts, click.named, click.actor, told)
        if why:
            return why
    found = find(answering, click, request)
    if not isinstance(found, Opening):
        return found
    trouble = await _open(answering, click, found)
    return (trouble,) if trouble else ()


async def refusal_to_ask(answering: Answering, actor: Actor, wanted: str) -> tuple[Part, ...]:
    """Return why this person may not ask, or an empty tuple. A refusal is recorded."""
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
    """Open a form while its trigger lives; why it did not open, or empty."""
    origin = Origin(channel=by.channel, parent=opening.parent)
    try:
        view = drawn(answering.parts, by.actor.user_id, opening.form, opening.values, origin)
        await answering.client.views_open(trigger_id=by.trigger_id, view=begun(view))
    except CouldNotRecordError:
        return COULD_NOT_RECORD
    except NO_ANSWER as error:
        logger.warning("form_did_not_open", extra={"error": repr(error)})
        return TOO_LATE
    return ""


# What a button opens


def _email(answering: Answering, _click: Click, _request: Request | None) -> Opening:
    """The email form, empty."""
    return Opening(form=answering.forms[EmailForm.callback_id], values={})


async def _of_file(answering: Answering, pointed: payloads.Pointed) -> tuple[Part, ...]:
    """The email form for a message's file, which is read when the form is submitted; why it did not open."""
    if why := await refusal_to_ask(answering, pointed.actor, "email form"):
        return why
    form = answering.forms[EmailForm.callback_id]
    if not form.takes_files:
        return (NO_FILES,)
    if len(pointed.files) != 1:
        return (NO_ONE_FILE,)
    opening = Opening(form=form, values=values_for_file(pointed.files[0]))
    trouble = await _open(answering, pointed, opening)
    return (trouble,) if trouble else ()


def _changed_request(
    answering: Answering, click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """*Change and ask again*: what was typed, as a new request linked to the old."""
    if request is None or not request.typed:
        return (NOTHING_TO_CHANGE,)
    if request.state is State.WAITING and click.actor.user_id != request.requester:
        only = f" can change {request.name} while it waits."
        return ("Only ", Mention(request.requester), only)
    typed = json.loads(request.typed)
    form = answering.forms.get(typed["form"])
    if form is None:
        return (NOTHING_TO_CHANGE,)
    values = {**typed["values"], "reason": request.reason, LEFT_OUT: ""}
    left = _without_what_was_done(answering.parts.store, request)
    return Opening(form=form, values={**values, **left}, parent=request.reference)


def _without_what_was_done(store: Store, request: Request) -> dict[str, Any]:
    """For a list of which some were mailed: the others alone, and a note that says so.

    Nothing for anything else: what was not done at all, or done entirely, is asked for as it was.
    """
    calls = store.calls.of(request.number)
    done = [call.subject for call in calls if call.verdict is Verdict.ACCEPTED]
    rest = tuple(call.subject for call in calls if call.verdict is not Verdict.ACCEPTED)
    if not _mails_each(request) or not done or not rest:
        return {}
    return {
        **dict.fromkeys(LISTS, ""),
        **values_for_documents(_with_kinds(request, rest), json.loads(request.body)),
        LEFT_OUT: f"{count(len(done), 'document')} of {request.name} went out and "
        f"{'is' if len(done) == 1 else 'are'} left out here: {some(done, SHOWN_LEFT_OUT)}.",
    }


def _mails_each(request: Request) -> bool:
    operation = OPERATIONS.get(request.operation)
    return operation is not None and operation.each_mailed


def _with_kinds(request: Request, numbers: Sequence[str]) -> Sequence[str]:
    """Numbers of a request's documents as one types them so that each names its kind.

    Where the facts have moved into an archive, Zuora is asked what they name when the form is submitted.
    """
    try:
        kinds = {each.number: each.kind for each in opened(request).each()}
    except ValidationError:
        return [as_one(number) for number in numbers]
    return [as_typed(kinds[each], each) for each in numbers]


def _what_was_refused(
    answering: Answering, _click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """Below a list of failures: exactly the documents that Zuora refused."""
    calls = answering.parts.store.calls.of(request.number) if request else ()
    refused = tuple(call.subject for call in calls if call.verdict is Verdict.REJECTED)
    if request is None or not _mails_each(request) or not refused:
        return (NOTHING_REFUSED,)
    values = {
        **values_for_documents(_with_kinds(request, refused), json.loads(request.body)),
        **values_of_key(request.place),
    }
    form = answering.forms[EmailForm.callback_id]
    return Opening(form=form, values=values, parent=request.reference)


def _the_others(
    answering: Answering, _click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """Below a request that stopped: exactly the documents that no other request has reached by now."""
    parts = answering.parts
    others = parts.guard.others_of(request, parts.clock.now()) if request else ()
    if request is None or not others:
        return (NO_OTHERS,)
    values = {
        **values_for_numbers(others[:MOST_DOCUMENTS], json.loads(request.body)),
        **values_of_key(request.place),
        "reason": request.reason,
    }
    form = answering.forms[EmailForm.callback_id]
    return Opening(form=form, values=values, parent=request.reference)


def _next_step(
    answering: Answering, click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """Below a result: the run is the one that the stored request followed."""
    run = Progress.of(request).number if request else ""
    parent, place = (request.reference, request.place) if request else ("", "")
    return _about_a_run(answering, click.action_id.removeprefix(NEXT), run, parent, place)


def _step_of_a_run(
    answering: Answering, click: Click, _request: Request | None
) -> Opening | tuple[Part, ...]:
    """On a run's private card: the button names the run."""
    named, _, place = click.value.partition(";")
    run = bill_run_key(named) or (named if is_id(named) else "")
    return _about_a_run(answering, click.action_id.removeprefix(RUN), run, "", place)


def _about_a_run(
    answering: Answering, operation: str, run: str, parent: str, place: str
) -> Opening | tuple[Part, ...]:
    step = STEPS.get(operation)
    if step is None or not run:
        return (NOTHING_TO_OPEN,)
    form = answering.forms[step.form]
    values = values_for(run) if form.callback_id == EmailForm.callback_id else {"bill_run": run}
    return Opening(form=form, values={**values, **values_of_key(place)}, parent=parent)


NAMING: tuple[Find, ...] = (_changed_request, _what_was_refused, _the_others, _next_step)
"""What opens a form for a request that the button has to name."""

# What stands in a form


def drawn(
    parts: Parts,
    user_id: str,
    form: AskForm,
    values: Values,
    origin: Origin,
    problems: Mapping[str, str] | None = None,
) -> View:
    """The form with these values, for one person. What it does not show is kept for it.

    Slack takes 3,000 characters of what a form carries unseen, and 500 numbers are more.

    Raises:
        CouldNotRecordError: It is too long for Slack and could not be written down.
    """
    blocks = form.all_blocks(values)
    kept = form.kept(values, blocks)
    carried = Origin(channel=origin.channel, parent=origin.parent, kept=kept)
    if len(carried.metadata()) > METADATA_LIMIT:
        name = parts.new_id()
        with parts.store.transaction():
            parts.store.drafts.add(name, user_id, kept, parts.clock.now())
        carried = Origin(channel=origin.channel, parent=origin.parent, draft=name)
    return form.view_of(blocks, carried, problems)


def with_others(
    parts: Parts, user_id: str, view: View, values: Values, others: Sequence[str]
) -> View:
    """The form with a button that leads to one for just these documents.

    Raises:
        CouldNotRecordError: They could not be written down.
    """
    name = parts.new_id()
    kept = values_for_others(others[:MOST_DOCUMENTS], values)
    with parts.store.transaction():
        parts.store.drafts.add(name, user_id, kept, parts.clock.now())
    button = blocks.button(
        f"Mail just the other {len(others):,} by number…",
        action_id=f"{fields.CHANGES_FORM}{OTHERS}",
        value=name,
        spoken="Ask for the other documents by number",
    )
    return {**view, "blocks": [blocks.actions(OTHERS, button), *view["blocks"]]}


def values_of(parts: Parts, user_id: str, origin: Origin, shown: Values) -> Values:
    """What a form shows and what was kept for it; what it shows goes first."""
    kept = origin.kept
    if origin.draft:
        kept = parts.store.drafts.get(origin.draft, user_id, parts.clock.now())
    return {**kept, **shown}


async def _change(answering: Answering, change: payloads.Change) -> None:
    """Draw the form anew for what was chosen in it; what was typed stays."""
    origin = origin_of(change.metadata)
    channel = origin.channel or answering.parts.channel
    if why := await refusal_to_ask(answering, change.actor, f"change {change.callback_id}"):
        await answering.say_now(channel, change.actor, *why)
        return
    form = answering.forms.get(change.callback_id)
    if form is None:
        return
    user_id, parts = change.actor.user_id, answering.parts
    try:
        if change.draft:  # a form of its own: Slack keeps what stands in fields that stay
            values: Values = parts.store.drafts.get(change.draft, user_id, parts.clock.now())
            view = drawn(parts, user_id, form, values, origin)
            await answering.client.views_push(trigger_id=change.trigger_id, view=view)
        else:
            values = values_of(parts, user_id, origin, change.values)
            view = drawn(parts, user_id, form, values, origin)
            await answering.client.views_update(view_id=change.view_id, hash=change.hash, view=view)
    except CouldNotRecordError:  # the form stays as it is, with everything in it
        await answering.say_now(channel, change.actor, COULD_NOT_RECORD)
    except NO_ANSWER as error:
        logger.warning("form_did_not_change", extra={"error": repr(error)})
        if change.draft:
            await answering.say_now(channel, change.actor, TOO_LATE)
