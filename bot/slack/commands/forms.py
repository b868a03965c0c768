"""Commands that open a form with what was typed filled in: `/billemail`, and any command that a form names."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks
from bot.cards.blocks import as_text
from bot.domain.place import parted
from bot.operations.asking import SlashCommand
from bot.operations.typed import Values
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.commands.help import what_happens
from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.catalog import Forms
from bot.slack.naming import found_or_none
from bot.slack.opening import open_for_command, refusal_to_ask
from bot.slack.replying import TypedCommand

SECONDS_TO_OPEN = 1.0
"""How long asking Zuora may take, of the 3 s within which Slack lets a form open."""


def register(app: AsyncApp, answering: Answering, catalog: Forms) -> None:
    """Connect each form that a command opens."""
    for form in catalog.values():
        if form.command:
            app.command(form.command.name)(_opens(answering, form, form.command))


def _opens(
    answering: Answering, form: AskForm, named: SlashCommand
) -> Callable[..., Awaitable[None]]:
    async def opens(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        command = payloads.command(body)
        if command.word == "help":
            await ack(named.help + await what_happens(answering, command.actor))
            return
        if why := await refusal_to_ask(answering, command.actor, named.name):
            await ack(as_text(why))
            return
        text, chosen = parted(command.text)
        if nowhere := answering.parts.tenancy.places.unlisted(chosen):
            await ack(blocks.escaped(nowhere))
            return
        values = await _values(answering, form, text, chosen)
        await open_for_command(answering, TypedCommand(command, ack, respond), form, values)

    return opens


async def _values(answering: Answering, form: AskForm, text: str, chosen: Values) -> Values:
    """Return the form's first values; Zuora may answer only while Slack's trigger is certainly valid."""
    asked = form.unclear_behind_command(text)
    if not asked:
        return {**form.begins_with(text, None), **chosen}
    work = answering.keep(found_or_none(answering.parts.tenancy, asked, chosen))
    done, _ = await asyncio.wait({work}, timeout=SECONDS_TO_OPEN)
    return {**form.begins_with(text, work.result() if done else None), **chosen}
