"""The steps of a story: acts as a person, slowly enough to watch, and waits for the result."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from bot.sandbox.panel.clock import MovableClock
from bot.sandbox.panel.troubles import Troubles
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import Message
from bot.sandbox.zuora.server import LocalZuora

CHANNEL = "C0BILLING"
ALICE, BOB = "U0ALICE", "U0BOB"
STILL_SECONDS = 1.5
AMOUNTS = ("1250.00", "880.50", "4100.00", "312.40")


@dataclass(frozen=True)
class Scene:
    """What the page shows of a story at one moment.

    Attributes:
        story: The story's name.
        caption: What happens now, in one sentence.
        actor: Through whose eyes it is seen.
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


@dataclass
class Teller:
    """Plays one story on one sandbox.

    Attributes:
        pause: Real seconds between two steps.
        show: Is called with each scene.
    """

    name: str
    slack: LocalSlack
    zuora: LocalZuora
    clock: MovableClock
    troubles: Troubles
    show: Callable[[Scene], None]
    pause: float

    async def step(self, actor: str, caption: str, *, thread: str | None = None) -> None:
        """Show what comes next, and leave time to read it."""
        self.show(Scene(self.name, caption, actor, thread))
        await asyncio.sleep(self.pause)

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

    async def ask(self, command: str, reason: str) -> str:
        """Have Alice type a command, fill in the form and submit it; return the card's `ts`."""
        cards = len(self.slack.channel_messages(CHANNEL))
        await self.step(ALICE, f"Alice types {command}")
        await self.slack.slash(ALICE, CHANNEL, command)
        await self.slack.until(lambda: self.slack.view(ALICE) is not None)
        return await self.submit(reason, cards)

    async def submit(self, reason: str, cards: int) -> str:
        """Have Alice give a reason in the open form and submit it; return the new card's `ts`."""
        await self.step(ALICE, "A form opens. Alice says why and submits it")
        submitted = await self.slack.submit(ALICE, {"reason": reason})
        if not submitted.ok:
            raise AssertionError(f"the form was refused: {submitted.errors or submitted.error}")
        return await self.new_card(cards)

    async def new_card(self, cards: int) -> str:
        """Wait for a card beyond this many messages in the channel; return its `ts`."""
        await self.slack.until(lambda: len(self.slack.channel_messages(CHANNEL)) > cards)
        return self.slack.channel_messages(CHANNEL)[-1].ts

    async def press(self, actor: str, ts: str, words: str, caption: str) -> None:
        """Have somebody press the button whose label begins like this, on a message that they see."""
        await self.step(actor, caption)
        action_id, block_id = self._button(actor, ts, words)
        await self.slack.click(actor, CHANNEL, ts, action_id, block_id=block_id)

    async def orders(self, number: int, paths: str = "/emails") -> None:
        """Wait until this many orders have reached Zuora on paths with that end."""
        await self.slack.until(lambda: len(self.ordered(paths)) >= number)

    def ordered(self, paths: str = "/emails") -> list[str]:
        """Return the paths of the orders that reached Zuora, each as often as it came."""
        return [
            call.path
            for call in self.zuora.calls
            if call.method in {"POST", "PUT"} and call.path.endswith(paths)
        ]

    async def ended(self, ts: str) -> None:
        """Wait until a card no longer offers an approval and its thread has been still for a while."""
        clock = asyncio.get_running_loop().time
        replies, since = -1, clock()

        def still() -> bool:
            nonlocal replies, since
            if replies != (replies := len(self.slack.thread(CHANNEL, ts))):
                since = clock()
            return not self._has_button(ts, "approve") and clock() - since >= STILL_SECONDS

        await self.slack.until(still, seconds=60)

    def move(self, **span: float) -> None:
        """Move the clock of the whole sandbox ahead."""
        self.clock.move(timedelta(**span))

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
        raise AssertionError(f"there is no button “{words}” to press")


def _elements(message: Message) -> Iterator[Mapping[str, Any]]:
    for block in message.blocks:
        elements = block.get("elements", ())
        yield from (each for each in elements if isinstance(each, Mapping))
