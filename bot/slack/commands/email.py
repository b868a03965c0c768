"""`/billemail`: emails of billing documents."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards.blocks import as_text
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.commands.help import what_happens
from bot.slack.forms.email import EmailForm, values_for
from bot.slack.opening import open_for_command, refusal_to_ask

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
    if command.text.lower() == "help":
        await ack(EMAIL_HELP + what_happens(answering))
        return
    if why := await refusal_to_ask(answering, command.actor, "/billemail"):
        await ack(as_text(why))
        return
    form = answering.forms[EmailForm.callback_id]
    await open_for_command(answering, ack, respond, command, form, values_for(command.text))
