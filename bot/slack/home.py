"""The home tab: what waits for me, my requests, what runs, what ended; drawn when it is sent."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import blocks
from bot.cards.card import APPROVE, REJECT, card
from bot.domain.authority import Person, may_ask
from bot.domain.message import Blocks, Kind, Message
from bot.domain.request import State
from bot.domain.words import Line, Strong
from bot.reports.status import answers, lists
from bot.reports.status.lists import Links
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.asking import open_form, refusal_to_ask
from bot.slack.forms.ask_form import Origin
from bot.slack.forms.catalog import FORMS
from bot.slack.forms.email import EmailForm
from bot.slack.looking import viewer, viewer_or_recorded
from bot.store.status import Brief
from bot.store.store import Store

BEGIN = "home:begin"
TURN = "home:page:"
"""Prefix of the buttons that turn the page; their value is the page."""

MOST_BLOCKS = 90
"""Of the 100 blocks that Slack takes; headings and the buttons to turn pages come on top."""

MOST_LISTED = 200
View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands below a heading: how many blocks it takes, and how to make them."""

    heading: str
    size: int
    make: Callable[[], Blocks]


class Homes:
    """Draws homes, and remembers who has opened one."""

    def __init__(self, answering: Answering, links: Links) -> None:
        self._answering = answering
        self.links = links

    def register(self, app: AsyncApp) -> None:
        """Connect the event and the buttons of the home itself."""

        @app.event("app_home_opened")
        async def opened(event: dict[str, Any], body: dict[str, Any]) -> None:
            if event.get("tab") == "home":
                team = str(body.get("team_id") or "")
                actor = payloads.Actor(user_id=str(event.get("user") or ""), team_id=team)
                await self._opened(actor, 0)

        @app.action(re.compile(f"^{TURN}"))
        async def turned(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            press = payloads.press(body)
            await self._opened(press.actor, payloads.request_number(press.value) or 0)

        @app.action(BEGIN)
        async def begin(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            press = payloads.press(body)
            await begin_email(self._answering, press.actor, press.trigger_id)

    async def _opened(self, actor: payloads.Actor, page: int) -> None:
        """Draw it soon, and from now on whenever something changes; strangers see it once."""
        _, why = await viewer_or_recorded(self._answering, actor, "home tab")
        parts = self._answering.parts
        if not actor.user_id:
            return
        with parts.store.transaction():
            if why:
                parts.store.homes.forget(actor.user_id)
            else:
                parts.store.homes.opened(actor.user_id, actor.team_id, page)
            parts.store.outbox.add(_to(actor.user_id), parts.clock.now())
        parts.wake_sender()

    async def view(self, user: str) -> View:
        """The home of one person as it has to look now."""
        store = self._answering.parts.store
        team, page = store.homes.of(user) or (self._answering.people.team_id, 0)
        actor = payloads.Actor(user_id=user, team_id=team)
        person, why = await viewer(self._answering, actor)
        if why:
            return {"type": "home", "blocks": [blocks.paragraph(*why)]}
        found = await _entries(store, self.links, person)
        begins = may_ask(person, self._answering.parts.policy) is None
        return {"type": "home", "blocks": _drawn(found, page, begins=begins)}


async def begin_email(answering: Answering, actor: payloads.Actor, trigger_id: str) -> None:
    """Open the email form; why not is told in a direct message."""
    why = await refusal_to_ask(answering, actor, "email form")
    if not why:
        origin = Origin(channel=actor.user_id)
        trouble = await open_form(answering, trigger_id, FORMS[EmailForm.callback_id], {}, origin)
        why = (trouble,) if trouble else ()
    if why:
        await answering.tell_now(actor.user_id, actor, *why)


def _to(user: str) -> Message:
    return Message(kind=Kind.HOME, channel="", user=user, text="", blocks=[])


async def _entries(store: Store, links: Links, person: Person) -> list[Entry]:
    """Everything that the home has, in order, not made yet."""
    status = store.status
    decide = await answers.to_decide(store, person, MOST_LISTED)
    mine = status.open_of(person.user_id, MOST_LISTED)
    unknown = status.in_state(State.UNKNOWN, MOST_LISTED)
    running = [
        *status.in_state(State.RUNNING, MOST_LISTED), *status.in_state(State.APPROVED, MOST_LISTED)
    ]  # fmt: skip
    found = [Entry("OUTCOME UNKNOWN", 1, _one(lists.unknown(links, each))) for each in unknown]
    found += [
        Entry("Waiting for you", 2, _to_decide(store, lists.waiting(links, each), each.number))
        for each in decide
    ]
    for heading, briefs in (
        ("Your open requests", mine),
        ("Running", running),
        ("Last results", status.ended(answers.RECENT)),
    ):
        found += [
            Entry(heading, 1, _line_of(store, links, each))
            for each in briefs
        ]  # fmt: skip
    return found


def _one(line: Line) -> Callable[[], Blocks]:
    return lambda: [blocks.labelled([line])]


def _line_of(store: Store, links: Links, brief: Brief) -> Callable[[], Blocks]:
    return lambda: [blocks.labelled([lists.any_state(links, brief, store.status.verdicts)])]


def _to_decide(store: Store, line: Line, number: int) -> Callable[[], Blocks]:
    """A line with the card's own two buttons, which behave as they do there."""

    def made() -> Blocks:
        request = store.requests.get(number)
        if request is None or request.state is not State.WAITING:
            return [blocks.labelled([line])]
        (row,) = [b for b in card(request).blocks if b.get("block_id") == f"decide-{number}"]
        both = [each for each in row["elements"] if each["action_id"] in (APPROVE, REJECT)]
        return [blocks.labelled([line]), {**row, "elements": both}]

    return made


def pages_of(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries page by page; a heading takes a block too."""
    pages: list[list[Entry]] = [[]]
    size, heading = 0, ""
    for entry in entries:
        needed = entry.size + (entry.heading != heading)
        if size + needed > MOST_BLOCKS:
            pages.append([])
            size, needed = 0, entry.size + 1
        pages[-1].append(entry)
        size, heading = size + needed, entry.heading
    return pages


def _drawn(entries: Sequence[Entry], page: int, *, begins: bool) -> Blocks:
    if not entries:
        return _empty(begins=begins)
    pages = pages_of(entries)
    page = max(0, min(page, len(pages) - 1))
    found: Blocks = []
    heading = ""
    for entry in pages[page]:
        if entry.heading != heading:
            heading = entry.heading
            found.append(blocks.header(heading))
        found += entry.make()
    if len(pages) > 1:
        found += _turning(page, len(pages))
    return [*found, _begin_row()] if begins else found


def _turning(page: int, of: int) -> Blocks:
    buttons = [
        blocks.button(label, action_id=f"{TURN}{name}", value=str(to), spoken=f"{label} page")
        for name, label, to in (("previous", "Previous", page - 1), ("next", "Next", page + 1))
        if 0 <= to < of
    ]
    return [blocks.context(f"Page {page + 1} of {of}"), blocks.actions("home-pages", *buttons)]


def _empty(*, begins: bool) -> Blocks:
    nothing = blocks.paragraph(Strong("Nothing here yet."), " No request waits, runs or has ended.")
    return [nothing, _begin_row()] if begins else [nothing]


def _begin_row() -> blocks.Block:
    return blocks.actions(
        "home-begin",
        blocks.button("Email documents…", action_id=BEGIN, value="email", style="primary",
                      spoken="Email billing documents"),
    )  # fmt: skip
