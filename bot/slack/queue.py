"""What somebody may approve, one request a page, with the figures and buttons of its card."""

import logging
import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks
from bot.cards.card import in_a_list, in_one_text, unreadable
from bot.domain.authority import Person, Verb, may_decide
from bot.domain.message import Blocks, Words
from bot.domain.place import EVERYWHERE, Within, values_of_key
from bot.domain.request import Request, UnreadableError
from bot.domain.words import Line, Link
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.looking import viewer_or_recorded
from bot.slack.replying import say
from bot.status import answers
from bot.status.lists import Links, only
from bot.store.status import MOST_COUNTED
from bot.workflow.beside import beside
from bot.workflow.parts import Working
from bot.workflow.tenancy import Tenancy

logger = logging.getLogger(__name__)

LONGEST = 12
"""The most digits of a request's number."""

TURN = "queue:"
"""Prefix of the buttons that turn the page; their value is a request's number."""


def register(app: AsyncApp, answering: Answering, links: Links) -> None:
    """Connect the buttons that turn the page."""

    @app.action(re.compile(f"^{TURN}"))
    async def turned(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        await ack()
        click = payloads.click(body)
        person, why = await viewer_or_recorded(answering, click.actor, "queue", decides=True)
        made = (
            Words(blocks.as_text(why))
            if why
            else queue(answering.parts, links, person, *_page(answering.parts.tenancy, click.value))
        )
        await say(respond, made, instead=True)


def _number(value: str) -> int:
    """Return the request's number from a button; 0, which no request has, for any other text."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= LONGEST else 0


def _page(tenancy: Tenancy, value: str) -> tuple[int, Within]:
    """Return what a button turns to: a request's number, and the places that the list covers."""
    number, _, choice = value.partition(";")
    return _number(number), tenancy.places.within(values_of_key(choice))


def queue(
    parts: Working,
    links: Links,
    person: Person,
    number: int = 0,
    within: Within = EVERYWHERE,
) -> Words:
    """Return the page of one request, or of the longest waiting one if that no longer waits."""
    now = parts.clock.now()
    found = only(parts.store, answers.to_decide(parts.store, person, now, MOST_COUNTED), within)
    at = found.index(number) if number in found else 0
    shown = _shown(parts, links, person, found[at]) if found else None
    sure = answers.judged(parts.store, person, now, found)
    listed = answers.waiting_list(parts.store, links, sure, within)
    if shown is None:
        return listed
    of = f"more than {MOST_COUNTED - 1:,}" if len(found) >= MOST_COUNTED else f"{len(found):,}"
    title, place = f"Waiting for you{within.words}", f"{at + 1:,} of {of}"
    page = [blocks.header(title), blocks.context(place), *shown[0]]
    said = [
        f"{blocks.escaped(title)}, {place}",
        *shown[1].split("\n"),
        *listed.text.split("\n")[1:],
    ]
    turns = [
        blocks.button(label, action_id=f"{TURN}{label.lower()}", value=f"{found[to]};{within.choice}".rstrip(";"),
                      spoken=f"{label} request")
        for label, to in (("Previous", at - 1), ("Next", at + 1))
        if 0 <= to < len(found)
    ]  # fmt: skip
    return Words(
        blocks.fitted(said), [*page, *([blocks.actions("queue-pages", *turns)] if turns else [])]
    )


def to_decide(parts: Working, links: Links, person: Person, number: int) -> Blocks:
    """Return the card of a request with its buttons; nothing if the person may not approve it now."""
    found = _shown(parts, links, person, number)
    return found[0] if found else []


def _shown(parts: Working, links: Links, person: Person, number: int) -> tuple[Blocks, str] | None:
    """Return the card of a request, and its text; None if the person may not approve it now.

    One that cannot be read must not keep the others from being shown.
    """
    try:
        found = _to_decide(parts, person, number)
        return None if found is None else (_card(links, *found), in_one_text(*found))
    except UnreadableError:
        logger.exception("request_unreadable", extra={"request": number})
        words = unreadable(number, waits=True)
        return [blocks.paragraph(words)], words


def _to_decide(
    parts: Working, person: Person, number: int
) -> tuple[Request, tuple[Line, ...]] | None:
    """Return a request and what is shown besides it; None if the person may not approve it now.

    Raises:
        UnreadableError: It cannot be read.
    """
    request = parts.store.requests.get(number)
    if request is None:
        raise UnreadableError(number)
    today = parts.rules.today(request)
    if may_decide(Verb.APPROVE, person, request, parts.clock.now(), today) is not None:
        return None
    return request, beside(parts.store, request)


def _card(links: Links, request: Request, also: tuple[Line, ...]) -> Blocks:
    url = links.card(request.channel, request.card_ts)
    return in_a_list(request, also, (Link("open the card", url),) if url else ())
