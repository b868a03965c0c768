"""Buttons that open the form of a new request: below a result, and on a run's private card."""

import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards.blocks import shortened
from bot.cards.card import NEXT
from bot.cards.run_card import RUN
from bot.domain.key import bill_run_key
from bot.domain.words import Part
from bot.slack import payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.asking import open_form, refusal_to_ask
from bot.slack.forms.ask_form import Origin
from bot.slack.forms.cancel_bill_run import CancelBillRunForm
from bot.slack.forms.email import EmailForm, values_for
from bot.slack.forms.post_bill_run import PostBillRunForm
from bot.store.database import CouldNotRecordError
from bot.workflow.opened import progress_of

FORM_OF = {
    "post_bill_run": PostBillRunForm.callback_id,
    "email_bill_run": EmailForm.callback_id,
    "cancel_bill_run": CancelBillRunForm.callback_id,
}
LONGEST_NAME = 40
NOTHING_TO_OPEN = "This button belongs to nothing that the bot knows of. Nothing was done."


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the buttons."""

    @app.action(re.compile(f"^{NEXT}"))
    async def next_step(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        press = payloads.press(body)
        await _after_a_request(answering, press, payloads.request_number(press.value))

    @app.action(re.compile(f"^{RUN}"))
    async def run_step(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        press = payloads.press(body)
        operation = press.action_id.removeprefix(RUN)
        await _open(answering, press, operation, bill_run_key(press.value) or "", None)


async def _after_a_request(answering: Answering, press: payloads.Press, number: int | None) -> None:
    """The run is the one that the stored request followed; the button only names the request."""
    request = None if number is None else answering.parts.store.requests.get(number)
    run = progress_of(request).number if request else ""
    await _open(answering, press, press.action_id.removeprefix(NEXT), run, number)


async def _open(
    answering: Answering, press: payloads.Press, operation: str, run: str, parent: int | None
) -> None:
    form = answering.forms.get(FORM_OF.get(operation, ""))
    if why := await refusal_to_ask(answering, press.actor, shortened(operation, LONGEST_NAME)):
        await _tell(answering, press, *why)
    elif form is None or not run:
        await _tell(answering, press, NOTHING_TO_OPEN)
    else:
        origin = Origin(channel=press.channel, parent=parent)
        values = values_for(run) if form.callback_id == EmailForm.callback_id else {"bill_run": run}
        trouble = await open_form(answering, press.actor, press.trigger_id, form, values, origin)
        if trouble:
            await _tell(answering, press, trouble)


async def _tell(answering: Answering, press: payloads.Press, *words: Part) -> None:
    try:
        answering.tell(press.channel, press.actor, *words)
    except CouldNotRecordError:
        await answering.tell_now(press.channel, press.actor, COULD_NOT_RECORD)
