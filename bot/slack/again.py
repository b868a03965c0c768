"""The button below a list of failures: it opens the form for exactly what Zuora refused."""

import json
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards.results import AGAIN
from bot.domain.call import Verdict
from bot.domain.key import DocumentKind
from bot.domain.request import Request
from bot.domain.words import Part
from bot.slack import payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.asking import open_form, refusal_to_ask
from bot.slack.forms.ask_form import Origin
from bot.slack.forms.email import OPERATION_OF, EmailForm, values_for_documents
from bot.store.database import CouldNotRecordError

KIND_OF: dict[str, DocumentKind] = {name: kind for kind, name in OPERATION_OF.items()}
NOTHING_REFUSED = "Nothing of this request was refused, so there is nothing to ask for again."


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the button."""

    @app.action(AGAIN)
    async def again(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        await _again(answering, payloads.click(body))


async def _again(answering: Answering, click: payloads.Click) -> None:
    """What the form begins with comes from the database; the button only names the request."""
    store = answering.parts.store
    request = None if click.request is None else store.requests.get(click.request)
    wanted = f"{request.operation} again, after {request.name}" if request else "again"
    if why := await refusal_to_ask(answering, click.actor, wanted):
        await _tell(answering, click, *why)
        return
    kind = KIND_OF.get(request.operation) if request else None
    refused = _refused(answering, request) if request else ()
    if request is None or kind is None or not refused:
        await _tell(answering, click, NOTHING_REFUSED)
        return
    values = values_for_documents(kind, refused, json.loads(request.body))
    origin = Origin(channel=click.channel, parent=request.number)
    form = answering.forms[EmailForm.callback_id]
    trouble = await open_form(answering, click.actor, click.trigger_id, form, values, origin)
    if trouble:
        await _tell(answering, click, trouble)


def _refused(answering: Answering, request: Request) -> tuple[str, ...]:
    calls = answering.parts.store.calls.of(request.number)
    return tuple(call.subject for call in calls if call.verdict is Verdict.REJECTED)


async def _tell(answering: Answering, click: payloads.Click, *words: Part) -> None:
    try:
        answering.tell(click.channel, click.actor, *words)
    except CouldNotRecordError:
        await answering.tell_now(click.channel, click.actor, COULD_NOT_RECORD)
