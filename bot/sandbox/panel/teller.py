"""The steps of a story: acts as a person, slowly enough to watch, and waits for the result."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from bot.sandbox.panel.clock import MovableClock
from bot.sandbox.panel.troubles import Troubles
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import Message
from bot.sandbox.zuora.server import LocalZuora

CHANNEL = "C0BILLING"
ALICE, BOB, CARLA = "U0ALICE", "U0BOB", "U0CARLA"
TO_TYPE = re.compile("Type (.+) to confirm")
MORE_NEEDED = "more approval"
"""What the thread says if the policy asks for another person."""
STILL_SECONDS = 1.5
AMOUNTS = ("1250.00", "880.50", "4100.00", "312.40")


@dataclass(frozen=True)
class Scene:
    """What the page shows of a story at one moment.

    Attributes:
        story: The story's name.
        caption: What happens now, in one sentence.
        actor: The person whose screen is shown.
        thread: `ts` of the card whose thread is open, if one is.
        over: Whether the story has ended, by itself or because somebody took over.
    """

    story: str
    caption: str
    actor: str
    thread: str | None = None
    over: bool = False

    def as_json(self) -> Mapping[str, Any]:
        """Return it for the page."""
        return asdict(self)


class DisturbedError(Exception):
    """Somebody did something by hand, and the story cannot go on; the text is a clause that says what."""


@dataclass
class Teller:
    """Plays one story on one sandbox.

    Attributes:
        pause: Real seconds between two steps.
        show: Is called with each scene.
        turned: The switches that the story itself has turned, and whether it turned them on.
    """

    name: str
    slack: LocalSlack
    zuora: LocalZuora
    clock: MovableClock
    troubles: Troubles
    show: Callable[[Scene], None]
    pause: float
    turned: dict[str, bool] = field(default_factory=dict)

    async def step(self, actor: str, caption: str, *, thread: str | None = None) -> None:
        """Show what comes next, and leave time to read it.

        Raises:
            DisturbedError: A switch that the story has turned was turned back by hand.
        """
        self._undisturbed()
        self.show(Scene(self.name, caption, actor, thread))
        await asyncio.sleep(self.pause)
        self._undisturbed()

    def turn(self, trouble: str, *, on: bool) -> None:
        """Switch a trouble on or off as a part of the story."""
        self.troubles.turn(trouble, on=on)
        self.turned[trouble] = on

    def _undisturbed(self) -> None:
        for each in self.troubles.all:
            if self.turned.get(each.name, is_on := self.troubles.is_on(each.name)) != is_on:
                how = "on" if is_on else "off"
                raise DisturbedError(f"{each.in_words} was switched {how} by hand")

    def tidy(self) -> None:
        """Switch off what the story has switched on."""
        for trouble in self.turned:
            self.troubles.turn(trouble, on=False)

    def new_run(self, *, posted: bool = True) -> str:
        """Make a bill run of four invoices that nobody has touched; return its number."""
        world = self.zuora.world
        accounts = [each for each in world.accounts.values() if each.bill_to.work_email]
        lines = [
            (account.number, account.currency, amount)
            for account, amount in zip(accounts, AMOUNTS, strict=False)
        ]
        now = self.clock.now()
        run = world.add_bill_run(
            name="From a story",
            status="Posted" if posted else "Completed",
            invoices=lines,
            created_at=now - timedelta(hours=1),
            target_date=now.date(),
            invoice_date=now.date(),
        )
        return run.number

    def new_charges(self, batch: str) -> None:
        """Have customers of a batch order something, so that there is something to bill every time."""
        world = self.zuora.world
        accounts = [each for each in world.accounts.values() if each.batch == batch]
        for account, amount in zip(accounts, AMOUNTS, strict=False):
            world.add_subscription(account.number, amount)

    async def ask(self, command: str, reason: str) -> str:
        """Have Alice type a command, fill in the form and submit it; return the card's `ts`."""
        cards = len(self.slack.channel_messages(CHANNEL))
        await self.step(ALICE, f"Alice types {command}")
        await self.slack.slash(ALICE, CHANNEL, command)
        await self.slack.until(lambda: self.slack.view(ALICE) is not None)
        return await self.submit(reason, cards)

    async def submit(self, reason: str, cards: int) -> str:
        """Have Alice give a reason in the open form and submit it; return the new card's `ts`.

        Raises:
            DisturbedError: The form is no longer there.
        """
        await self.step(ALICE, "A form opens. Alice says why and submits it")
        self._need_form(ALICE)
        submitted = await self.slack.submit(ALICE, {"reason": reason})
        if not submitted.ok:
            why = " ".join(submitted.errors.values()) or submitted.error
            raise AssertionError(f"the form was refused. {why}")
        return await self.new_card(cards)

    async def new_card(self, cards: int) -> str:
        """Wait for a card after this many messages in the channel; return its `ts`."""
        await self.slack.until(lambda: len(self.slack.channel_messages(CHANNEL)) > cards)
        return self.slack.channel_messages(CHANNEL)[-1].ts

    async def press(self, actor: str, ts: str, words: str, caption: str) -> None:
        """Have somebody press the button whose label begins like this, on a message that they see."""
        await self.step(actor, caption)
        action_id, block_id = self._button(actor, ts, words)
        await self.slack.click(actor, CHANNEL, ts, action_id, block_id=block_id)

    async def approve(self, ts: str, caption: str) -> None:
        """Have as many controllers approve a card as the policy requires; each types what the form asks for."""
        for actor, words in (
            (BOB, caption),
            (CARLA, "The policy asks for two: Carla approves too"),
        ):
            await self.press(actor, ts, "Approve", words)
            await self.slack.until(partial(self._answered, actor, ts))
            if (form := self.slack.view(actor)) is not None:
                await self.step(actor, "A form asks once more; whoever approves types what it says")
                self._need_form(actor)
                await self.slack.submit(actor, _typed(form))
                await self.slack.until(partial(self._has_approved, actor, ts))
            if MORE_NEEDED not in self._approved(actor, ts):
                return

    async def orders(self, number: int, paths: str = "/emails") -> None:
        """Wait until this many orders have reached Zuora on paths with this end."""
        await self.slack.until(lambda: len(self.ordered(paths)) >= number)

    async def said(self, ts: str, words: str) -> None:
        """Wait until a card's thread says this.

        Raises:
            DisturbedError: A switch that the story has turned was turned back by hand, so it may never come.
        """

        def is_said() -> bool:
            self._undisturbed()
            return any(words in reply.text for reply in self.slack.thread(CHANNEL, ts))

        await self.slack.until(is_said)

    def ordered(self, paths: str = "/emails") -> list[str]:
        """Return the paths of the orders that reached Zuora, each as often as it came."""
        return [
            call.path
            for call in self.zuora.calls
            if call.method in {"POST", "PUT"} and call.path.endswith(paths)
        ]

    async def ended(self, ts: str) -> None:
        """Wait until a card no longer offers a decision and its thread has been still for a while."""
        clock = asyncio.get_running_loop().time
        replies, since = -1, clock()

        def still() -> bool:
            nonlocal replies, since
            if replies != (replies := len(self.slack.thread(CHANNEL, ts))):
                since = clock()
            return not self._has_button(ts, "reject") and clock() - since >= STILL_SECONDS

        await self.slack.until(still, seconds=60)

    def move(self, **span: float) -> None:
        """Move the clock of the whole sandbox ahead."""
        self.clock.move(timedelta(**span))

    def _answered(self, actor: str, ts: str) -> bool:
        return self._has_approved(actor, ts) or self.slack.view(actor) is not None

    def _has_approved(self, actor: str, ts: str) -> bool:
        return bool(self._approved(actor, ts))

    def _approved(self, actor: str, ts: str) -> str:
        """Return the line of a card's thread that says that somebody approved it; empty until it is there."""
        said = f"<@{actor}> approved "
        lines = (reply.text for reply in self.slack.thread(CHANNEL, ts))
        return next((text for text in lines if text.startswith(said)), "")

    def _has_button(self, ts: str, action_id: str) -> bool:
        return any(
            element.get("action_id") == action_id
            for message in self.slack.channel_messages(CHANNEL)
            if message.ts == ts
            for element in _elements(message)
        )

    def _button(self, actor: str, ts: str, words: str) -> tuple[str, str | None]:
        seen = [*self.slack.channel_messages(CHANNEL), *self.slack.private(actor, CHANNEL)]
        for message in seen:
            for block in message.blocks if message.ts == ts else ():
                for element in block.get("elements", ()):
                    is_button = element.get("type") == "button"
                    if is_button and element["text"]["text"].startswith(words):
                        return element["action_id"], block.get("block_id")
        raise DisturbedError(
            f"{self._name(actor)} has no button “{words}” any more; somebody decided by hand"
        )

    def _need_form(self, actor: str) -> None:
        if self.slack.view(actor) is None:
            raise DisturbedError(f"{self._name(actor)}'s form was closed or submitted by hand")

    def _name(self, user: str) -> str:
        """Return the first name, as the captions have it."""
        return self.slack.workspace.users[user].real_name.split()[0]


def why_stopped(teller: Teller, stopped: Exception) -> str:
    """Return what somebody did by hand, or else which trouble is on (the usual reason), and what to do."""
    on = [
        each.in_words
        for each in teller.troubles.all
        if teller.troubles.is_on(each.name) and not teller.turned.get(each.name)
    ]
    if on and not isinstance(stopped, DisturbedError):
        return f"{' and '.join(on)} is switched on. Switch it off and press the story again"
    words = str(stopped).partition("\n")[0].removesuffix(".")
    if words.startswith("not within"):
        words = "nothing came of this step within a minute"
    return f"{words}. Press the story again to start over"


def _typed(form: Mapping[str, Any]) -> dict[str, str]:
    """Return what a form asks to be typed, from the field's label: `Type BR-00000001 to confirm`."""
    labels = {
        each.get("block_id"): each.get("label", {}).get("text", "") for each in form["blocks"]
    }
    found = TO_TYPE.search(labels.get("typed", ""))
    return {"typed": found[1]} if found else {}


def _elements(message: Message) -> Iterator[Mapping[str, Any]]:
    for block in message.blocks:
        elements = block.get("elements", ())
        yield from (each for each in elements if isinstance(each, Mapping))
