"""`/billemail`: emails of billing documents."""

import asyncio
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks
from bot.cards.blocks import as_text
from bot.domain.key import tokens
from bot.domain.place import parted
from bot.operations.operation import Values
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.commands.help import what_happens
from bot.slack.forms.email import EmailForm, values_for, values_known
from bot.slack.forms.numbers import MOST_WORDS, unclear_documents
from bot.slack.naming import found_or_none
from bot.slack.opening import open_for_command, refusal_to_ask

SECONDS_TO_OPEN = 1.0
"""Of the three that Slack gives to open a form."""

EMAIL_HELP = """*`/billemail`* opens a form to email the documents of a posted bill run, or invoices, \
debit memos and credit memos by their numbers.
`/billemail BR-00000001` opens it with that bill run filled in.
`/billemail INV00000012 DM00000003` opens it with these documents; up to 500, of any kind.
`/billemail help` shows this.
"""


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the command."""

    @app.command("/billemail")
    async def billemail(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        await _billemail(answering, ack, respond, payloads.command(body))


async def _billemail(
    answering: Answering, ack: AsyncAck, respond: AsyncRespond, command: payloads.Command
) -> None:
    if command.word == "help":
        await ack(EMAIL_HELP + await what_happens(answering, command.actor))
        return
    if why := await refusal_to_ask(answering, command.actor, "/billemail"):
        await ack(as_text(why))
        return
    text, chosen = parted(command.text)
    if nowhere := answering.parts.tenancy.places.unlisted(chosen):
        await ack(blocks.escaped(nowhere))
        return
    form = answering.forms[EmailForm.callback_id]
    values = await _values(answering, text, chosen)
    await open_for_command(answering, ack, respond, command, form, values)


async def _values(answering: Answering, text: str, chosen: Values) -> Values:
    """What the form begins with; Zuora is asked only as long as Slack's trigger surely lives."""
    asked = unclear_documents(text) if len(tokens(text)) <= MOST_WORDS else ()
    if not asked:  # nothing, or a long list, which is no run's number
        return {**values_for(text), **chosen}
    work = answering.keep(found_or_none(answering.parts.tenancy, asked, chosen))
    done, _ = await asyncio.wait({work}, timeout=SECONDS_TO_OPEN)
    found = work.result() if done else None
    return {**(values_for(text) if found is None else values_known(text, found)), **chosen}
