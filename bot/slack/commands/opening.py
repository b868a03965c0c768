"""Commands that open a form: acknowledged at once, with the form on its way meanwhile."""

from slack_bolt.async_app import AsyncAck, AsyncRespond

from bot.operations.operation import Form
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.asking import open_form
from bot.slack.commands.replying import Reply, tell, told_if_it_fails
from bot.slack.forms.ask_form import AskForm, Origin


async def answer_with_form(
    answering: Answering,
    ack: AsyncAck,
    respond: AsyncRespond,
    command: payloads.Command,
    form: AskForm,
    values: Form,
) -> None:
    """Acknowledge a command and open its form, side by side.

    However long Slack takes to open the form, nobody reads that the command was not answered; that
    the form did not open is said where the command was typed.
    """
    opening = _open(answering, respond, command, form, values)
    answering.keep(told_if_it_fails(respond, opening))
    await ack()


async def _open(
    answering: Answering,
    respond: AsyncRespond,
    command: payloads.Command,
    form: AskForm,
    values: Form,
) -> None:
    origin = Origin(channel=command.channel)
    trouble = await open_form(answering, command.actor, command.trigger_id, form, values, origin)
    if trouble:
        await tell(respond, Reply(trouble))
