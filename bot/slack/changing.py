"""*Change and ask again*: the form opens with what was typed, as a new request linked to the old."""

import json
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards.card import CHANGE
from bot.domain.request import Request, State
from bot.domain.words import Mention, Part
from bot.slack import payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.asking import open_form, refusal_to_ask
from bot.slack.forms.ask_form import Origin
from bot.store.database import CouldNotRecordError

NOTHING_TO_CHANGE = "This request cannot be opened again. Ask with the command instead."


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the button."""

    @app.action(CHANGE)
    async def change(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = payloads.click(body)
        if why := await _change(answering, click):
            try:
                answering.tell(click.channel, click.actor, *why)
            except CouldNotRecordError:
                await answering.tell_now(click.channel, click.actor, COULD_NOT_RECORD)


async def _change(answering: Answering, click: payloads.Click) -> tuple[Part, ...]:
    """Open the form; why not, or nothing."""
    request = None if click.request is None else answering.parts.store.requests.get(click.request)
    name = request.operation if request else "change"
    if why := await refusal_to_ask(answering, click.actor, f"{name} again"):
        return why
    if request is None or not request.typed:
        return (NOTHING_TO_CHANGE,)
    if request.state is State.WAITING and click.actor.user_id != request.requester:
        only = f" can change {request.name} while it waits."
        return ("Only ", Mention(request.requester), only)
    return await _open(answering, click, request)


async def _open(answering: Answering, click: payloads.Click, request: Request) -> tuple[Part, ...]:
    typed = json.loads(request.typed)
    form = answering.forms.get(typed["form"])
    if form is None:
        return (NOTHING_TO_CHANGE,)
    values = {**typed["values"], "reason": request.reason}
    origin = Origin(channel=click.channel, parent=request.number)
    trouble = await open_form(answering, click.actor, click.trigger_id, form, values, origin)
    return (trouble,) if trouble else ()
