"""`/billrun`: asks for a new bill run by form or in one line, or shows a run with what is legal now."""

import difflib
import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks, refusals
from bot.cards.run_card import run_card
from bot.domain.authority import may_ask
from bot.domain.key import bill_run_key, document_key, own_spelling, unquoted
from bot.domain.message import Words
from bot.domain.place import parted
from bot.domain.request import Request
from bot.domain.words import shortened
from bot.operations.catalog import STEPS
from bot.operations.typed import Problems, Values
from bot.slack import payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.asked import asked
from bot.slack.commands.help import what_happens
from bot.slack.forms import numbers
from bot.slack.forms.ask_form import AskForm
from bot.slack.looking import viewer_or_recorded
from bot.slack.naming import NO_VALUES, found_in, which_place
from bot.slack.one_line import is_one_line, read_one_line
from bot.slack.opening import open_for_command, refusal_to_ask
from bot.slack.replying import TypedCommand, reply
from bot.store.errors import CouldNotRecordError
from bot.workflow.ask import Refused, ask
from bot.workflow.ready import Asker
from bot.workflow.tenancy import Tenancy
from bot.zuora.errors import ZuoraError, unanswered, what_next

COMMAND = "/billrun"
STEPS_IN_WORDS = ", ".join(step.button for step in STEPS.values())
HELP = f"""*`/billrun`* opens a form for a new bill run.
`/billrun BR-00000001` shows the state of a bill run, with a button for each thing that can be done \
with it now: {STEPS_IN_WORDS}
`/billrun batch=Batch1,Batch2 target=2026-11-30 name="November"` opens the form filled in; with \
`reason="Month end"` as well it asks right away, without a form.
`/billrun help` shows this.
"""
NEAREST = {
    "help": "help",
    "post": "BR-00000001",
    "cancel": "BR-00000001",
    "email": "BR-00000001",
    "status": "BR-00000001",
    "batch": "batch=Batch1 target=2026-11-30",
    "batches": "batch=Batch1 target=2026-11-30",
    "target": "batch=Batch1 target=2026-11-30",
    "name": 'batch=Batch1 target=2026-11-30 name="November"',
    "account": "account=A00000001 target=2026-11-30",
    "subscription": "subscription=A-S00000001 target=2026-11-30",
}
"""What somebody probably meant by each word, as it must be typed."""

RUN_LIKE = re.compile(r"(?:br)?[\s_-]*(\d{1,12})", re.ASCII | re.IGNORECASE)


def register(app: AsyncApp, answering: Answering, form: AskForm) -> None:
    """Connect the command."""

    @app.command("/billrun")
    async def billrun(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        await _billrun(answering, form, TypedCommand(payloads.command(body), ack, respond))


async def _billrun(answering: Answering, form: AskForm, typed: TypedCommand) -> None:
    command, ack = typed.command, typed.ack
    chosen: Values
    text, chosen = parted(command.text)
    if is_one_line(text):  # which says itself where the request waits
        text, chosen = command.text, NO_VALUES
    if command.word == "help":
        await ack(HELP + await what_happens(answering, command.actor))
        return
    if text and not is_one_line(text):
        await _show(answering, typed, text, chosen)
        return
    refusal = await refusal_to_ask(answering, command.actor, COMMAND)
    if why := blocks.as_text(refusal or (answering.parts.tenancy.places.unlisted(chosen),)):
        await ack(why)
    elif text:
        await _read_line(answering, form, typed)
    else:
        await open_for_command(answering, typed, form, chosen)


async def _show(answering: Answering, typed: TypedCommand, text: str, chosen: Values) -> None:
    """Show a run to those who may look; only those who may ask get buttons."""
    tenancy = answering.parts.tenancy
    person, why = await viewer_or_recorded(answering, typed.command.actor, COMMAND)
    if said := blocks.as_text(why or (tenancy.places.unlisted(chosen),)):
        await typed.ack(said)
        return
    steps = may_ask(person, answering.parts.rules.policy) is None
    work = _look_up(tenancy, text, chosen, steps=steps)
    shown = blocks.escaped(shortened(text, 60))
    await reply(answering, typed, work, f"Looking for {shown} in Zuora…")


async def _look_up(tenancy: Tenancy, text: str, chosen: Values, *, steps: bool) -> Words:
    """Return the card of the run with this number or id, or say what else has that number."""
    try:
        keys = numbers.unclear(text)
        found = await found_in(tenancy, chosen, lambda zuora: zuora.what_are(keys))
    except ZuoraError as error:
        return Words(blocks.escaped(unanswered(error)))
    there = [
        (place, each)
        for place, each in found
        if "bill_run" in (*(named.kind for named in each.of(text)), *each.not_read)
    ] or [(place, each) for place, each in found if each.of(text)]
    if not there:
        known = numbers.unknown([shortened(unquoted(text))], found[0][1])
        return Words(f"{blocks.escaped(known)} {nearest(text)}".strip())
    if len(there) > 1:
        return Words(blocks.escaped(which_place(text, COMMAND, there)))
    place, named = there[0]
    number, why = numbers.number_of("bill_run", text, named)
    if why:
        return Words(blocks.escaped(why))
    key = number or own_spelling(unquoted(text))
    return await _look(tenancy, key, place.values, steps=steps)


async def _look(tenancy: Tenancy, key: str, chosen: Values, *, steps: bool) -> Words:
    """Return the run's private card, or why there is none."""
    try:
        found = await found_in(tenancy, chosen, lambda zuora: zuora.run_with_documents(key))
    except ZuoraError as error:
        return Words(blocks.escaped(unanswered(error, what_next(error))))
    if not found:
        return Words(blocks.escaped(f"Zuora knows no bill run {key}."))
    if len(found) > 1:
        return Words(blocks.escaped(which_place(key, COMMAND, found)))
    place, (run, documents) = found[0]
    return run_card(tenancy.words_with(place.words), run, documents, place.key, steps=steps)


async def _read_line(answering: Answering, form: AskForm, typed: TypedCommand) -> None:
    command = typed.command
    read = read_one_line(
        command.text, answering.parts.tenancy.zuora.highest_batch, answering.parts.tenancy.places
    )
    if isinstance(read, Problems):
        await typed.ack(blocks.escaped(_all(read)))
    elif read.get("reason"):
        work = _ask(answering, form, command, read)
        await reply(answering, typed, work, "Reading Zuora…")
    else:
        await open_for_command(answering, typed, form, read)


async def _ask(
    answering: Answering, form: AskForm, command: payloads.Command, values: Values
) -> Words:
    """Ask without a form; return where the requests wait, or everything that is wrong."""
    wanted = form.wanted(values)
    if isinstance(wanted, Problems):
        return Words(blocks.escaped(_all(wanted)))
    policy = answering.parts.rules.policy
    person = await answering.people.person(command.actor, policy.requesters)
    asker = Asker(
        form_name=form.callback_id,
        person=person,
        form_id=f"{command.actor.team_id}:{command.trigger_id}",
        reason=str(values["reason"]),
        once=True,
    )
    try:
        outcome = await ask(answering.parts, wanted, asker)
    except CouldNotRecordError:
        return Words(COULD_NOT_RECORD)
    match outcome:
        case Problems():
            return Words(blocks.escaped(_all(outcome.in_zone(person.zone))))
        case Refused(refusal):
            return Words(blocks.as_text(refusals.to_ask(refusal, person, policy)))
        case _ if outcome[0].form != asker.form_id:
            return Words(already(outcome[0]))
        case _:
            return Words(blocks.as_text(asked(outcome)))


def already(request: Request) -> str:
    """Return that the same line was typed a moment ago, so no second request was made."""
    return (
        f"{request.name} of a moment ago already waits for exactly this, so no second request was "
        f"made. To ask for it twice, type `{COMMAND}` without `reason=` and submit the form."
    )


def nearest(text: str) -> str:
    """Return `Did you mean …?` for an unknown word; empty for a plain number."""
    if bill_run_key(text) or document_key(text):
        return ""
    word = text.split(maxsplit=1)[0].lower()
    if number := RUN_LIKE.fullmatch(text):
        meant = f"BR-{number[1].zfill(8)}"
    else:
        stem = re.split(r"[=:]", word)[0]
        near = difflib.get_close_matches(stem, NEAREST, n=1, cutoff=0.5)
        meant = NEAREST[near[0]] if near else "help"
    return f"Did you mean `{COMMAND} {meant}`?"


def _all(problems: Problems) -> str:
    return "\n".join(["Nothing was saved.", *problems.by_field.values()])
