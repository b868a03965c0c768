"""Answers a file that somebody sends the bot in a direct message: says what it lists, with a button for the form.

The event `file_shared` needs only the scope `files:read` and names only a file, so the bot does not see what people
write to it (page *file_shared event*).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.cards import blocks, lines
from bot.domain.message import Blocks
from bot.domain.words import Break, Part, count, one_below_the_other
from bot.operations.email_documents.reading import too_many
from bot.operations.typed import Problems, Values
from bot.slack import payloads
from bot.slack.answering import SECONDS_FOR_ZUORA, Answering, not_recorded
from bot.slack.asking import LONGEST_LIST
from bot.slack.files import CannotReadFileError, read_list
from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.catalog import Forms
from bot.slack.forms.document_fields import FILE, LISTED, NOTE, typed_documents
from bot.slack.forms.email import EmailForm
from bot.slack.forms.email_values import values_for_file
from bot.slack.naming import with_kinds
from bot.slack.opening import NO_FILES, OF_A_FILE, refusal_to_ask
from bot.slack.payloads import Actor
from bot.store.errors import CouldNotRecordError


def register(app: AsyncApp, answering: Answering, forms: Forms) -> None:
    """Connect the event. A file in a channel is read from its message's menu instead."""

    @app.event("file_shared")
    async def shared(body: dict[str, Any]) -> None:
        if sent := payloads.sent_file(body):
            answering.keep(_answered(answering, forms[EmailForm.callback_id], *sent))


async def _answered(answering: Answering, form: AskForm, actor: Actor, file: str) -> None:
    """Say what a file lists, and offer the form for it if nothing is wrong with it."""
    if why := await refusal_to_ask(answering, actor, "email form"):
        await _say(answering, actor, *why)
        return
    if not form.takes_files:
        await _say(answering, actor, NO_FILES)
        return
    try:
        listed = await read_list(answering.client, file, {actor.team_id, answering.people.team_id})
    except CannotReadFileError as error:
        await _say(answering, actor, str(error))
        return
    lines_ = count(len(listed.entries), "line")
    found = await _known_in_time(
        answering, actor, form, {**values_for_file(file), LISTED: listed},
        f"{listed.name}: {lines_} with numbers. Zuora is being asked about them.",
    )  # fmt: skip
    if not isinstance(found, Problems) and LISTED in found:  # more than can be asked about
        found = Problems({FILE: too_many(len(listed.entries))})
    if isinstance(found, Problems) and (FILE in found.by_field or found.by_line):
        wrong = one_below_the_other(found.by_line or (found.by_field[FILE],), LONGEST_LIST)
        again = "Nothing was asked for. Correct the file and send it again."
        await _say(answering, actor, again, Break(), *wrong)
        return
    button = blocks.button(
        "Email these…", action_id=OF_A_FILE, value=file, style="primary",
        spoken=f"Open the form to email the documents of {listed.name}",
    )  # fmt: skip
    words = _read(listed.name, lines_, found)
    await _say(answering, actor, words, also=[blocks.actions("sent-file", button)])


def _read(name: str, lines_: str, found: Values | Problems) -> str:
    """Return how many documents a file names, or why Zuora could not be asked about them."""
    if isinstance(found, Problems):
        why = " ".join(found.by_field.values()).replace("Nothing was saved. ", "")
        return f"{name}: {lines_} with numbers, not looked up yet. {why}"
    number = len(set(typed_documents(found).split("\n")))
    note = f" {found[NOTE]}" if found.get(NOTE) else ""
    return f"{name}: {count(number, 'document')} in Zuora, nothing is asked for yet.{note}"


async def _known_in_time(
    answering: Answering, actor: Actor, form: AskForm, values: Values, meanwhile: str
) -> Values | Problems:
    """Return what Zuora knows about the numbers; if that takes longer, say meanwhile what is being done."""
    work: Coroutine[Any, Any, Values | Problems] = with_kinds(answering.parts.tenancy, form, values)
    task = answering.keep(work)
    done, _ = await asyncio.wait({task}, timeout=SECONDS_FOR_ZUORA)
    if not done:
        await _say(answering, actor, meanwhile)
    return await task


async def _say(
    answering: Answering, actor: Actor, *words: Part, also: Blocks | None = None
) -> None:
    """Answer in the direct message through the outbox, or directly if that cannot be written."""
    if not actor.user_id:
        return  # Slack did not say who sent it
    message = lines.private(actor.user_id, actor.user_id, *words)
    message = replace(message, blocks=[*message.blocks, *(also or [])])
    try:
        with answering.parts.store.transaction():
            answering.parts.store.outbox.add(message, answering.parts.clock.now())
    except CouldNotRecordError as error:
        await answering.say_now(actor.user_id, actor, not_recorded(error))
    else:
        answering.parts.bells.sender.set()
