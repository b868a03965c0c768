"""The Home tab: what waits for this person, their requests, what runs, what ended; drawn when it is sent."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import blocks
from bot.cards.card import unreadable
from bot.domain.authority import Person, may_ask
from bot.domain.message import Blocks, Message, MessageKind
from bot.domain.request import State
from bot.domain.words import Strong
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.forms.fields import View
from bot.slack.looking import viewer, viewer_or_recorded
from bot.slack.opening import BEGIN
from bot.slack.queue import to_decide
from bot.status import answers, lists
from bot.status.lists import Links, Verdicts
from bot.store.status import Brief
from bot.store.store import Store

TURN = "home:page:"
"""Prefix of the buttons that turn the page; their value is the page."""

MOST_BLOCKS = 90
"""How many blocks a page has; headings and page buttons come on top, and Slack takes 100."""

MOST_LISTED = 200

Make = Callable[[Brief, Verdicts], Blocks]


@dataclass(frozen=True, slots=True)
class Section:
    """One request below a heading: how many blocks it takes, and how to make them."""

    heading: str
    size: int
    number: int
    make: Make


class HomeTab:
    """Draws homes, and remembers who has opened one."""

    def __init__(self, answering: Answering, links: Links) -> None:
        self._answering = answering
        self._links = links

    def register(self, app: AsyncApp) -> None:
        """Connect the event and the buttons of the Home tab itself."""

        @app.event("app_home_opened")
        async def opened(event: dict[str, Any], body: dict[str, Any]) -> None:
            if event.get("tab") == "home":
                team = str(body.get("team_id") or "")
                actor = payloads.Actor(user_id=str(event.get("user") or ""), team_id=team)
                await self._opened(actor, 0)

        @app.action(re.compile(f"^{TURN}"))
        async def turned(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            click = payloads.click(body)
            await self._opened(click.actor, payloads.page_number(click.value))

    async def _opened(self, actor: payloads.Actor, page: int) -> None:
        """Draw it soon, and from now on whenever something changes; for strangers only this once."""
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
        parts.bells.sender.set()

    async def view(self, user: str) -> View:
        """Return one person's home as it must look now."""
        store = self._answering.parts.store
        team, page = store.homes.of(user) or (self._answering.people.team_id, 0)
        actor = payloads.Actor(user_id=user, team_id=team)
        person, why = await viewer(self._answering, actor, decides=True)
        if why:
            return {"type": "home", "blocks": [blocks.paragraph(*why)]}
        begins = may_ask(person, self._answering.parts.rules.policy) is None
        return {"type": "home", "blocks": await self._drawn(person, page, begins=begins)}

    async def _drawn(self, person: Person, page: int, *, begins: bool) -> Blocks:
        """Read and make one page; others get a turn after each entry."""
        parts = self._answering.parts
        entries = _entries(
            parts.store, person, parts.clock.now(), partial(self._to_decide, person), self._line_of
        )
        if not entries:
            return _empty(begins=begins)
        pages = pages_of(entries)
        page = max(0, min(page, len(pages) - 1))
        numbers = [entry.number for entry in pages[page]]
        briefs = {each.number: each for each in parts.store.status.briefs(numbers)}
        verdicts = lists.verdicts_of(parts.store, briefs.values())
        found: Blocks = []
        heading = ""
        for entry in pages[page]:
            if entry.heading != heading:
                heading = entry.heading
                found.append(blocks.header(heading))
            brief = briefs.get(entry.number)
            found += _damaged(entry.number) if brief is None else entry.make(brief, verdicts)
            await asyncio.sleep(0)
        if len(pages) > 1:
            found += _turning(page, len(pages))
        return [*found, _begin_row()] if begins else found

    def _line_of(self, brief: Brief, verdicts: Verdicts) -> Blocks:
        return [blocks.labelled([lists.any_state(self._links, brief, verdicts)])]

    def _to_decide(self, person: Person, brief: Brief, verdicts: Verdicts) -> Blocks:
        """Return the request's card with the buttons that it has in the channel, and a line below them."""
        shown = to_decide(self._answering.parts, self._links, person, brief.number)
        return [*shown, blocks.divider()] if shown else self._line_of(brief, verdicts)


def _damaged(number: int) -> Blocks:
    return [blocks.paragraph(unreadable(number, waits=True))]


def _to(user: str) -> Message:
    return Message(kind=MessageKind.HOME, channel="", user=user, text="", blocks=[])


def _entries(
    store: Store, person: Person, now: datetime, decides: Make, shows: Make
) -> list[Section]:
    """Return everything on the Home tab in order, as numbers only; nothing is read or made yet."""
    may_decide = answers.to_decide(store, person, now, MOST_LISTED)
    own, in_state, last, stateless = store.status.at_home(
        person.user_id, MOST_LISTED, answers.RECENT
    )
    shown = {*may_decide, *own}
    others = [number for number in in_state[State.WAITING] if number not in shown]
    running = [*in_state[State.RUNNING], *in_state[State.APPROVED]]
    listed = [
        Section(f"{heading}: {_counted(numbers)}", size, number, make)
        for heading, size, make, numbers in (
            ("Cannot be read", 1, shows, stateless),
            ("OUTCOME UNKNOWN", 1, shows, in_state[State.UNKNOWN]),
            ("Waiting for you", 5, decides, may_decide),
            ("Your open requests", 1, shows, own),
            ("Waiting for others", 1, shows, others),
            ("Running", 1, shows, running),
        )
        for number in numbers
    ]
    return [*listed, *(Section("Last results", 1, number, shows) for number in last)]


def _counted(numbers: Sequence[int]) -> str:
    return f"{len(numbers)}" if len(numbers) < MOST_LISTED else f"{MOST_LISTED} or more"


def pages_of(entries: Sequence[Section]) -> list[list[Section]]:
    """Return the entries page by page; each heading takes a block too."""
    pages: list[list[Section]] = [[]]
    size, heading = 0, ""
    for entry in entries:
        needed = entry.size + (entry.heading != heading)
        if size + needed > MOST_BLOCKS:
            pages.append([])
            size, needed = 0, entry.size + 1
        pages[-1].append(entry)
        size, heading = size + needed, entry.heading
    return pages


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
