"""The people of the story: they ask and decide, and press again what was not answered."""

import asyncio
from collections.abc import Callable
from typing import Any

from bot.cards.buttons import MORE, WITHDRAW
from bot.sandbox.slack.errors import NotOnScreenError
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import Message, User
from tests.crash.plan import Fate, Wanted

CHANNEL = "C0BILLING"
CONTROLLERS = ("U0BOB", "U0CARLA")
REQUESTERS = tuple(f"U0OPERATOR{each}" for each in range(5))
WAITING = "· waiting for "
REFUSED, MAILS_AGAIN = "Ask again after", "Mails again"
"""At the form of a document that was just mailed; on the card of one that Zuora shows as mailed."""

A_MOMENT = 0.02
ASK_AGAIN = "please ask again"
"""Privately, where the bot died while it read Zuora for a form."""


def headline(message: Message) -> str:
    """The first line of a card: what is asked for; the others may name other things too."""
    return message.text.split("\n")[0]


def hire(slack: LocalSlack) -> None:
    """More people who ask, so that many requests are under way at once."""
    workspace = slack.workspace
    for person in REQUESTERS:
        workspace.users[person] = User(person, person.lower(), person)
        workspace.channels[CHANNEL].members.append(person)
        workspace.groups["S0BILLING"].members.append(person)
        workspace.direct(person)


async def until(predicate: Callable[[], bool]) -> None:
    """Wait as people do: by looking again and again."""
    while not predicate():  # noqa: ASYNC110 - what is looked at is changed by another process
        await asyncio.sleep(A_MOMENT)


class People:
    """Everybody in the channel.

    Attributes:
        accepted: What a form was submitted for and answered: it must not get lost.
        pressed: The commands, clicks and forms that were sent to the bot.
        unanswered: Those of them that got no answer and were pressed again.
        late: Forms that were answered by a text on how it goes on.
        refused: What was not asked for, because another request had just mailed it.
    """

    def __init__(self, slack: LocalSlack) -> None:
        self.slack = slack
        self.accepted: list[Wanted] = []
        self.pressed = 0
        self.unanswered = 0
        self.late = 0
        self.refused: list[Wanted] = []
        self._screen = {person: asyncio.Lock() for person in (*REQUESTERS, *CONTROLLERS)}

    # asking

    async def ask(self, person: str, wanted: Wanted) -> None:
        """Ask for it as often as it takes until the form is answered; then the card must come."""
        async with self._screen[person]:
            while not await self._asked(person, wanted):
                if wanted in self.refused:
                    return
                await self._bot_is_there()
            self.accepted.append(wanted)
        await self.card(wanted)

    async def _asked(self, person: str, wanted: Wanted) -> bool:
        """One attempt: whether the form was answered with a yes, or an earlier one had counted."""
        slack = self.slack
        if self.find(wanted) is not None:
            return True
        await self._close_what_is_open(person)
        ack = await self._answered(slack.slash(person, CHANNEL, wanted.command))
        if wanted.step:
            if not ack.ok:
                return False
            shown = next(m for m in reversed(slack.private(person, CHANNEL)))
            try:
                await self._answered(slack.click(person, CHANNEL, shown.ts, wanted.step))
            except NotOnScreenError:  # the private card shows something else: try once more
                return False
            await self._seen(lambda: slack.view(person) is not None)
        return await self._submitted(person, wanted)

    async def _submitted(self, person: str, wanted: Wanted) -> bool:
        """Submit the form that is open until it is answered; whether with a yes."""
        slack, before = self.slack, self._asked_to_ask_again(person)
        while (view := slack.view(person)) is not None:
            if not view["submit"]:
                return await self._answered_later(person, wanted, before)
            if wanted.first_word not in str(view):  # an earlier command's, which Slack opened late
                return False
            before = self._asked_to_ask_again(person)  # the next start may say so at once
            form = await self._answered(slack.submit(person, {"reason": "Month end"}))
            if form.ok and form.view is None:
                return True
            if wanted.rival and REFUSED in str((form.errors, form.view)):
                self.refused.append(wanted)
                return False
            if form.errors:  # Zuora could not be read, for one
                assert "could not be read" in str(form.errors), form
                continue  # the same form again: what it was first submitted for may be saved meanwhile
            await self._bot_is_there()
        return False

    async def _answered_later(self, person: str, wanted: Wanted, before: int) -> bool:
        """The form says that Zuora is still being read: wait for the card, or to be asked to ask again.

        Whoever asks anew before that may have asked twice. `before` is how often that was asked by the time the form
        was submitted.
        """
        self.late += 1
        while self._asked_to_ask_again(person) == before:
            view = self.slack.view(person) or {}
            if wanted.rival and REFUSED in str(view):
                self.refused.append(wanted)
                return False
            if "Asked for approval" in str(view) or self.find(wanted) is not None:
                return True
            if view.get("submit"):  # it came back with what is wrong
                return False
            await asyncio.sleep(A_MOMENT)
        return False

    def _asked_to_ask_again(self, person: str) -> int:
        return sum(ASK_AGAIN in each.text for each in self.slack.private(person, CHANNEL))

    async def said_to(self, person: str, wanted: Wanted) -> str:
        """What the form says to whoever asks for it once more; empty if it said nothing."""
        await self._close_what_is_open(person)
        await self._answered(self.slack.slash(person, CHANNEL, wanted.command))
        if (self.slack.view(person) or {}).get("submit"):
            form = await self._answered(self.slack.submit(person, {"reason": "After the copy"}))
            return str(form.errors or form.view or ("yes" if form.ok else ""))
        return ""

    async def _close_what_is_open(self, person: str) -> None:
        while self.slack.view(person) is not None:
            await self.slack.close(person)

    def find(self, wanted: Wanted) -> Message | None:
        """The card of a request, if it is in the channel."""
        for message in self.slack.channel_messages(CHANNEL):
            if wanted.subject.lower() in headline(message).lower():
                return message
        return None

    async def card(self, wanted: Wanted) -> Message | None:
        """The card of a request, as soon as it is in the channel; None if it was refused."""
        await until(lambda: self.find(wanted) is not None or wanted in self.refused)
        return self.find(wanted)

    # deciding

    async def decide(self, person: str, wanted: Wanted, requester: str) -> None:
        """Press until it is answered, as `wanted.fate` says."""
        message = await self.card(wanted)
        if message is None:
            return
        match wanted.fate:
            case Fate.APPROVE if wanted.rival and MAILS_AGAIN in message.text:
                await self._with_a_form(person, message, "reject", {"reason": "Mailed already."})
            case Fate.APPROVE if _asks_in_a_form(message):
                await self._with_a_form(person, message, "approve", {})
            case Fate.APPROVE:
                await self._approve(person, message)
            case Fate.REJECT:
                await self._with_a_form(person, message, "reject", {"reason": "Wrong totals."})
            case Fate.WITHDRAW:
                await self._with_a_form(requester, message, "withdraw", {})
            case Fate.EXPIRE:
                pass

    async def _approve(self, person: str, message: Message) -> None:
        """Every third approval is pressed by two controllers at the same moment."""
        two = int(message.ts[-1]) % 3 == 0
        while WAITING in message.text:
            both = CONTROLLERS if two else (person,)
            acks = await asyncio.gather(*(self._press(each, message, "approve") for each in both))
            if any(acks):
                return
            await self._bot_is_there()

    async def _with_a_form(
        self, person: str, message: Message, button: str, values: dict[str, Any]
    ) -> None:
        async with self._screen[person]:
            while WAITING in message.text:
                await self._close_what_is_open(person)
                await self._press(person, message, button)
                while (self.slack.view(person) or {}).get("submit"):
                    form = await self._answered(self.slack.submit(person, values))
                    if form.ok:
                        await self._close_what_is_open(person)
                        return
                    await self._bot_is_there()
                await self._bot_is_there()
            await self._close_what_is_open(person)

    async def _press(self, person: str, message: Message, button: str) -> bool:
        try:
            click = self._in_the_menu if button == WITHDRAW else self.slack.click
            return bool((await self._answered(click(person, CHANNEL, message.ts, button))).ok)
        except NotOnScreenError:  # an earlier press counted, and the card has changed
            return True

    async def _in_the_menu(self, person: str, channel: str, ts: str, chosen: str) -> Any:
        message = self.slack.workspace.channels[channel].message(ts)
        entries = [
            option["value"]
            for block in (message.blocks if message else ())
            for element in block.get("elements", ())
            for option in element.get("options", ())
            if option["value"].startswith(f"{chosen} ")
        ]
        if not entries:
            raise NotOnScreenError(f"the menu has no {chosen}")
        return await self.slack.click(person, channel, ts, MORE, value=entries[0])

    # waiting

    async def _answered(self, act: Any) -> Any:
        self.pressed += 1
        answer = await act
        if not answer.ok and getattr(answer, "error", None):
            self.unanswered += 1
        return answer

    async def _bot_is_there(self) -> None:
        await asyncio.sleep(A_MOMENT)
        await until(lambda: self.slack.sockets.connections > 0)

    async def _seen(self, shown: Callable[[], bool]) -> None:
        """Look at the screen for a moment; what does not appear may have got lost."""
        for _ in range(10):
            if shown():
                return
            await asyncio.sleep(A_MOMENT)


def _asks_in_a_form(message: Message) -> bool:
    """Whether Approve opens a form: what it asks is too long for Slack's question."""
    return any(
        element.get("action_id") == "approve" and "confirm" not in element
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    )
