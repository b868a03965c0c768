"""The slash commands: what was typed behind them decides which form opens."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import blocks
from bot.cards.card import approvers_in_words
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.asking import as_answer, open_form, refusal_to_ask
from bot.slack.forms.ask_form import Origin
from bot.slack.forms.catalog import FORMS
from bot.slack.forms.email import EmailForm

EMAIL_HELP = """*`/billemail`* opens a form to email the invoices and credit memos of a posted bill run.
`/billemail BR-00000001` opens it with that bill run filled in.
`/billemail help` shows this.
"""
WHAT_HAPPENS = """
What happens then: the bot reads Zuora and shows the request in {channel}. One of {approvers} \
approves it, never the person who asked. Then the bot reads Zuora again, sends the order if \
nothing has changed, and tells each step in the request's thread."""


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the commands."""

    @app.command("/billemail")
    async def billemail(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _billemail(answering, ack, payloads.command(body))


async def _billemail(answering: Answering, ack: AsyncAck, command: payloads.Command) -> None:
    if command.text.lower() == "help":
        await ack(EMAIL_HELP + what_happens(answering))
        return
    if why := await refusal_to_ask(answering, command.actor, "/billemail"):
        await ack(as_answer(why))
        return
    form = FORMS[EmailForm.callback_id]
    origin = Origin(channel=command.channel)
    trouble = await open_form(
        answering, command.trigger_id, form, {"bill_run": command.text}, origin
    )
    await (ack(trouble) if trouble else ack())


def what_happens(answering: Answering) -> str:
    """What every command's help ends with."""
    return WHAT_HAPPENS.format(
        channel=f"<#{answering.parts.channel}>",
        approvers=blocks.as_text(approvers_in_words(answering.parts.policy.approvers)),
    )
