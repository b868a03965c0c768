"""*Details* and a card's menu, for what is needed less often than Approve and Reject."""

import logging
import re
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards.buttons import CHANGE, DETAILS, MORE, NOTE, WITHDRAW
from bot.cards.card import unreadable
from bot.cards.details import PAGE, TURN, Page, details
from bot.domain.authority import Verb
from bot.domain.named import named
from bot.domain.request import Request, State
from bot.operations.catalog import can_be_read, opened
from bot.slack import form_payloads, payloads
from bot.slack.answering import Answering
from bot.slack.deciding import decides
from bot.slack.errors import NO_ANSWER
from bot.slack.forms import fields
from bot.slack.forms.catalog import Forms
from bot.slack.looking import viewer_or_recorded
from bot.slack.meaning import meant_or_why
from bot.slack.opening import opens_again
from bot.status.answers import archived
from bot.status.lists import Links
from bot.store.store import Store
from bot.workflow.beside import beside

logger = logging.getLogger(__name__)

DID_NOT_OPEN = "Slack did not open the details in time. Please press again."


def register(app: AsyncApp, answering: Answering, forms: Forms, links: Links) -> None:
    """Connect the menu and the button.

    Args:
        app: The Bolt app.
        answering: What every listener shares.
        forms: The forms that *Change and ask again* can open.
        links: Makes addresses of records in Zuora.
    """
    chosen = {
        WITHDRAW: decides(answering, Verb.WITHDRAW),
        NOTE: decides(answering, Verb.APPROVE, with_a_note=True),
        CHANGE: opens_again(answering, forms),
    }

    @app.action(MORE)
    async def more(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = payloads.click(body)
        if pressed := chosen.get(click.chosen):
            await pressed(ack, body)
            return
        await ack()
        _, why = meant_or_why(answering.parts, None, click.actor, "menu")
        await answering.say(click.channel, click.actor, *why)

    @app.action(DETAILS)
    async def shown(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        await _show(answering, payloads.click(body), links.record)

    @app.action(re.compile(f"^{TURN}"))
    async def turned(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = payloads.click(body)
        name, _, first = click.value.partition(" ")
        click = replace(click, named=named(name))
        page = payloads.page_number(first)
        await _show(answering, click, links.record, page, form_payloads.view_id(body))


async def _show(
    answering: Answering, click: payloads.Click, link: str, first: int = 0, view_id: str = ""
) -> None:
    """Open the view for those who may look, or turn its page; show everybody else why not."""
    _, why = await viewer_or_recorded(answering, click.actor, "details")
    request = None
    if not why:
        request, why = meant_or_why(answering.parts, click.named, click.actor, "details")
    if request is None:
        await answering.say_now(click.channel, click.actor, *why)
        return
    if archive := answering.parts.store.archives.of(request.number):
        words = f"{request.name} is archived: {archived(archive)}."
        await answering.say_now(click.channel, click.actor, words)
        return
    if not can_be_read(request):
        words = unreadable(request.number, waits=request.state is State.WAITING)
        await answering.say_now(click.channel, click.actor, words)
        return
    also = beside(answering.parts.store, request)
    shown = details(request, also, _page(answering.parts.store, request, first, link))
    view = fields.shown(f"Details of {request.name}", shown)
    try:
        if view_id:
            await answering.client.views_update(view_id=view_id, view=view)
        else:
            await answering.client.views_open(trigger_id=click.trigger_id, view=view)
    except NO_ANSWER as error:
        logger.warning("details_did_not_open", extra={"error": repr(error)})
        await answering.say_now(click.channel, click.actor, DID_NOT_OPEN)


def _page(store: Store, request: Request, first: int, link: str) -> Page:
    """Return the page of documents that begins at a position; the first page if that position has none."""
    documents, of = store.listed.page(request.number, first, PAGE)
    if first and not documents:
        first = 0
        documents, of = store.listed.page(request.number, first, PAGE)
    return Page(
        documents=documents,
        first=first,
        of=of,
        total=opened(request).documents() or of,
        link=link,
    )
