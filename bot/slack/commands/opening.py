"""Commands that open a form: acknowledged at once, with the form on its way meanwhile."""

import logging

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.errors import SlackClientError

from bot.operations.operation import Form
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.asking import open_form
from bot.slack.forms.ask_form import AskForm, Origin

logger = logging.getLogger(__name__)


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
    answering.keep(_open(answering, respond, command, form, values))
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
    if not trouble:
        return
    try:
        await respond(text=trouble, response_type="ephemeral")
    except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError):
        logger.exception("answer_could_not_be_sent")
