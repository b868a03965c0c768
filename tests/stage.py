"""The stage that every story is played on: local Slack, local Zuora, the real bot, a real file."""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from bot.audit.finding import Finding
from bot.audit.verify import verify_database
from bot.cards.blocks import literal
from bot.cli.sandbox import (
    APP_TOKEN,
    BOT_TOKEN,
    MANIFEST,
    SIGNING_SECRET,
    running,
    sandbox_settings,
)
from bot.domain.history import What
from bot.domain.request import Request
from bot.domain.words import named
from bot.sandbox.slack.people import Ack
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora import LocalZuora, World
from bot.settings import Mode, Settings
from bot.store.moving import copy
from bot.wiring.build import Tuning
from bot.wiring.running import Bot
from bot.zuora.environments import OWN_SANDBOX
from tests.every_message import Reader
from tests.fresh import fresh
from tests.patient import LONGEST
from tests.postgres import ON_POSTGRES, copy_of, fresh_database, works_there

SLACK_APP = yaml.safe_load(MANIFEST.read_text())
CHANNEL = "C0BILLING"
ALICE, BOB, CARLA, MARA = "U0ALICE", "U0BOB", "U0CARLA", "U0MARA"
START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
EMAILS = "/v1/bill-runs/*/emails"
ACK_SECONDS = 30.0
"""Real seconds within which a click must be acknowledged. Slack gives three; here both servers work in the bot's own
process, on a machine that others use too. Whoever forgets to acknowledge is found all the same."""

A_GLANCE = 0.0005
"""Processor seconds that a millisecond of mere waiting takes."""
LONGEST_WORK = 2.0
"""Real seconds after which the clock goes on all the same, for what asks again and again until its time has come."""

TICKS_OF_A_SERVER_THAT_HANGS = 50
"""Milliseconds of mere waiting after which nobody waits for its answer any longer."""


class ManualClock:
    """A clock that stands still until a test moves it; sleepers wake when their time has come.

    The time of day can be set by itself (`step`), as somebody does who puts a machine's clock right.
    """

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._passed = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.on_move: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._passed + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    def wakes_somebody_in(self, seconds: float) -> bool:
        """Whether somebody sleeps for exactly so long from now."""
        return any(due == self._passed + seconds for due, _ in self._sleepers)

    def advance(self, **span: float) -> None:
        self._now += timedelta(**span)
        self._passed += timedelta(**span).total_seconds()
        for due, event in self._sleepers:
            if due <= self._passed:
                event.set()
        self.on_move()  # whoever was about to sleep would oversleep by the span

    def step(self, **span: float) -> None:
        """Set the time of day, and let no time pass."""
        self._now += timedelta(**span)
        self.on_move()


async def nothing_happens(ticks: int, stop: Callable[[], bool] = lambda: False) -> None:
    """Return once this process has nothing to do but wait, or `stop` holds: so many milliseconds with no work in them.

    Work is what takes processor time, so a busy machine makes it longer and not wrong: a clock that is pushed
    while a try is under way makes the next one due before the first has ended, and so for ever.
    """
    quiet, end = 0, asyncio.get_running_loop().time() + LONGEST_WORK
    while quiet < ticks and not stop() and asyncio.get_running_loop().time() < end:
        used = time.process_time()
        await asyncio.sleep(0.001)
        quiet = quiet + 1 if time.process_time() - used < A_GLANCE else 0


class Stage:
    """Everything a story needs. `start` and `stop` start and stop the bot, the servers stay."""

    def __init__(self, folder: Path, mode: Mode, now: datetime = START) -> None:
        self.folder = folder
        self.mode: Mode = mode
        self.clock = ManualClock(now)
        self.zuora = LocalZuora(self.clock, world=World(self.clock.now()))
        self.slack = LocalSlack(
            self.clock,
            manifest=SLACK_APP,
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            signing_secret=SIGNING_SECRET,
        )
        self.slack.ack_seconds = ACK_SECONDS
        self.reader = Reader(self._customers)
        self.slack.on_shown = self.reader.read
        self.bot: Bot | None = None
        self.policy = ""
        self.changes: dict[str, Any] = {}
        self.address = ""
        self.tuning = Tuning(
            seconds_a_message=0.0, zuora_read_seconds=30.0, look_seconds=0.0, where=OWN_SANDBOX
        )
        self._bot_stack = AsyncExitStack()

    async def open(self) -> None:
        """Start the servers, and lay a new database there unless one is."""
        file = self.folder / "billing-bot.db"
        if ON_POSTGRES:
            self.address = self.address or fresh_database()
        elif not file.exists():
            fresh(file)
        await self.zuora.start()
        await self.slack.start()

    async def close(self) -> None:
        await self.stop()
        await self.slack.stop()
        await self.zuora.stop()

    def _customers(self) -> set[str]:
        accounts = self.zuora.world.accounts.values()
        return {
            name
            for account in accounts
            for name in (account.name, literal(named(account.name)), account.number)
        }

    def settings(self) -> Settings:
        settings = sandbox_settings(self.slack, self.zuora, self.folder, self.mode)
        if self.policy:
            Path(settings.policy_file).write_text(self.policy)
        where = {"database_url": self.address} if self.address else {}
        return settings.model_copy(update={**where, **self.changes})

    async def start(self) -> None:
        self.bot = await self._bot_stack.enter_async_context(
            running(self.settings(), self.clock, self.tuning, self.slack, self.mode)
        )
        self.clock.on_move = self._wake

    async def stop(self) -> None:
        await self._bot_stack.aclose()
        self.bot = None

    async def gone(self) -> None:
        """Return once a server, too, knows that the bot was stopped."""
        await self.until(lambda: not (self.address and works_there(self.address)))

    def _wake(self) -> None:
        if self.bot is not None:
            self.bot.parts.bells.ring()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def with_policy(self, policy: str) -> None:
        """Start anew with another policy file."""
        self.policy = policy
        await self.restart()

    async def taken_over(self) -> None:
        """On a server let the time pass in which a successor leaves alone what another process has sent."""
        if self.address:
            await self.pass_time(minutes=3)

    def keep_the_database(self) -> Callable[[], None]:
        """Copy it as it is, while the bot is stopped; what this returns puts the copy back in its place."""
        if self.address:
            kept = copy_of(self.address)

            def fail_over() -> None:
                self.address = copy_of(kept)

            return fail_over
        files = {file: file.read_bytes() for file in self.folder.glob("billing-bot.db*")}

        def put_back() -> None:
            for file in self.folder.glob("billing-bot.db*"):
                file.unlink()
            for file, content in files.items():
                file.write_bytes(content)

        return put_back

    def file(self) -> Path:
        """The database as a file; of a server's, a copy as it is now."""
        if not self.address:
            return self.folder / "billing-bot.db"
        path = self.folder / f"copied-{secrets.token_hex(4)}.db"
        copy(self.address, str(path))
        return path

    def findings(self) -> tuple[Finding, ...]:
        """What `billing-bot verify` says is wrong with the database as it is now."""
        return verify_database(self.file(), key="").findings

    def lose_the_database(self) -> None:
        """Put it away, while the bot is stopped: the next start begins another one."""
        if self.address:
            self.address = fresh_database()
        for file in self.folder.glob("billing-bot.db*"):
            file.rename(file.with_name(f"old-{file.name}"))

    # What people do

    async def open_form(self, user: str = ALICE, text: str = "BR-00000001") -> None:
        """Type a command, or what stands behind `/billemail`, which opens the form."""
        command = text if text.startswith("/") else f"/billemail {text}"
        ack = await self.slack.slash(user, CHANNEL, command)
        assert ack.ok, ack
        assert self.slack.view(user) is not None, ack.text

    async def fill(self, user: str = ALICE, text: str = "BR-00000001", **values: Any):
        """Type the command and submit the form; returns what the form answered."""
        await self.open_form(user, text)
        return await self.slack.submit(user, {"reason": "Month end", **values})

    async def fill_as_time_passes(
        self, user: str = ALICE, text: str = "BR-00000001", step: float = 1.0
    ):
        """As `fill`, while the clock goes on; not before the form is open, for triggers run out."""
        await self.open_form(user, text)
        submitting = self.slack.submit(user, {"reason": "Month end"})
        return await self.done_as_time_passes(submitting, step)

    async def ask(self, user: str = ALICE, text: str = "BR-00000001", **values: Any) -> str:
        """Ask for a mail; returns the `ts` of the card."""
        before = len(self.slack.channel_messages(CHANNEL))
        submitted = await self.fill(user, text, **values)
        assert submitted.ok, submitted.errors
        return await self._new_card(before)

    async def _new_card(self, before: int) -> str:
        """Return the `ts` of the newest card once the bot knows it too, which it never does if Slack's answer is lost."""
        await self.slack.until(lambda: len(self.slack.channel_messages(CHANNEL)) > before)
        ts = self.slack.channel_messages(CHANNEL)[-1].ts
        await nothing_happens(
            TICKS_OF_A_SERVER_THAT_HANGS,
            stop=lambda: self.store.status.with_card(CHANNEL, ts) is not None,
        )
        return ts

    async def show(self, run: str, user: str = ALICE) -> Any:
        """Look at a bill run; returns its private card."""
        ack = await self.slack.slash(user, CHANNEL, f"/billrun {run}")
        assert ack.ok, ack
        return self.slack.private(user, CHANNEL)[-1]

    async def fill_step(self, operation: str, run: str, user: str = ALICE, **values: Any):
        """Open an operation's form from a run's private card, whatever its state, and submit it."""
        shown = await self.show(run, user)
        button = {"type": "button", "value": run}
        await self.slack.click(
            user, CHANNEL, shown.ts, f"run:{operation}", force=True, block=button
        )
        assert self.slack.view(user) is not None, self.private(user)
        return await self.slack.submit(user, {"reason": "Month end", **values})

    async def ask_step(self, operation: str, run: str, user: str = ALICE, **values: Any) -> str:
        """Ask for an operation on a run; returns the `ts` of the card."""
        before = len(self.slack.channel_messages(CHANNEL))
        submitted = await self.fill_step(operation, run, user, **values)
        assert submitted.ok, submitted.errors
        return await self._new_card(before)

    async def press(self, user: str, ts: str, button: str = "approve") -> Ack:
        """Press a button of a card, or choose an entry of its menu."""
        if button in ("withdraw", "change", "note"):
            value = next(each for each in self.menu(ts) if each.startswith(f"{button} "))
            return await self.slack.click(user, CHANNEL, ts, "more", value=value)
        return await self.slack.click(user, CHANNEL, ts, button)

    async def reject(self, user: str, ts: str, reason: str) -> Any:
        await self.press(user, ts, "reject")
        return await self.slack.submit(user, {"reason": reason})

    async def record(
        self, user: str, ts: str, button: str, note: str = "Email history, 11:05", **more: Any
    ) -> Any:
        """Press one of the two buttons of an unknown outcome, and write what was seen."""
        await self.press(user, ts, button)
        assert self.slack.view(user) is not None, self.private(user)
        return await self.slack.submit(user, {"reason": note, **more})

    async def withdraw(self, user: str, ts: str, reason: str = "") -> Any:
        await self.press(user, ts, "withdraw")
        return await self.slack.submit(user, {"reason": reason} if reason else {})

    # What is seen

    def card(self, ts: str) -> str:
        return next(m.text for m in self.slack.channel_messages(CHANNEL) if m.ts == ts)

    async def details(self, ts: str, user: str = ALICE) -> str:
        """Press *Details* on a card; what the view says, a line for each labelled one."""
        await self.press(user, ts, "details")
        view = self.slack.view(user)
        assert view is not None, self.private(user)
        await self.slack.close(user)
        return _as_text(view["blocks"])

    def buttons(self, ts: str) -> list[str]:
        message = next(m for m in self.slack.channel_messages(CHANNEL) if m.ts == ts)
        return [
            element["action_id"]
            for block in message.blocks
            for element in block.get("elements", [])
            if element.get("type") == "button"
        ]

    def menu(self, ts: str) -> list[str]:
        """The values of the entries of a card's menu."""
        message = next(m for m in self.slack.channel_messages(CHANNEL) if m.ts == ts)
        return [
            option["value"]
            for block in message.blocks
            for element in block.get("elements", [])
            for option in element.get("options", [])
        ]

    def thread(self, ts: str) -> list[str]:
        return [reply.text for reply in self.slack.thread(CHANNEL, ts)]

    def private(self, user: str) -> list[str]:
        return [message.text for message in self.slack.private(user, CHANNEL)]

    async def until_thread(self, ts: str, words: str) -> None:
        await self.slack.until(lambda: any(words in text for text in self.thread(ts)))

    async def until_private(self, user: str, words: str) -> None:
        await self.slack.until(lambda: any(words in text for text in self.private(user)))

    async def until_card(self, ts: str, words: str) -> None:
        await self.slack.until(lambda: words in self.card(ts))
        await self.quiet()

    def orders(self) -> list[Any]:
        """Every order to mail a bill run that reached Zuora, answered or not."""
        return [
            call for call in self.zuora.calls
            if call.method == "POST" and call.path.endswith("/emails")
        ]  # fmt: skip

    def puts(self, end: str) -> list[Any]:
        """Every PUT whose path has this end that reached Zuora, answered or not."""
        return [
            call for call in self.zuora.calls
            if call.method == "PUT" and call.path.endswith(f"/{end}")
        ]  # fmt: skip

    @property
    def store(self):
        assert self.bot is not None
        return self.bot.parts.store

    def request(self, number: int = 1) -> Request:
        request = self.store.requests.get(number)
        assert request is not None
        return request

    def happened(self, number: int = 1) -> list[What]:
        """What became of a request; that its messages were bound by the hour is nothing of that."""
        kinds = [written.entry.what for written in self.store.history.of(number)]
        return [kind for kind in kinds if kind is not What.SHOWN]

    async def quiet(self) -> None:
        """Return once the bot has nothing under way that needs no clock, and asks neither Slack nor Zuora anything."""
        while True:
            asked = self._asked()
            await self.until(lambda: not self._works())
            await nothing_happens(TICKS_OF_A_SERVER_THAT_HANGS, stop=lambda: not self._asks())
            await nothing_happens(1)  # each loop gets to where it sleeps on the clock
            if asked == self._asked() and not self._works():
                return

    def _works(self) -> bool:
        assert self.bot is not None
        bot = self.bot
        return bool(
            bot.runner.under_way or bot.sender.under_way or bot.estimates.under_way or self._due()
        )

    def _asked(self) -> int:
        """How many requests both servers have got so far."""
        return sum(server.requests_count for server in self._listening())

    def _asks(self) -> bool:
        """Whether one of them is answering; Slack's sockets stay open."""
        answering = [
            handler._current_request
            for server in self._listening()
            for handler in server.connections
        ]
        return any(each is not None and each.path != "/link/" for each in answering)

    def _listening(self) -> list[web.Server]:
        runners = (self.slack._runner, self.zuora._runner)
        return [each.server for each in runners if each is not None and each.server is not None]

    def _due(self) -> bool:
        now = self.clock.now()
        if self.store.estimates.due(now, 1):
            return True
        return bool(self.store.requests.due(now, 1)) or any(
            wake_at is None or wake_at <= now for _, wake_at in self.store.outbox.heads()
        )

    async def until(self, predicate: Callable[[], bool], seconds: float = LONGEST) -> None:
        """Return once a predicate over the bot's own state holds."""
        end = asyncio.get_running_loop().time() + seconds
        while not predicate():
            assert asyncio.get_running_loop().time() < end, "it did not come to hold"
            await asyncio.sleep(0.002)

    async def as_time_passes(
        self,
        until: Callable[[], bool],
        step: float = 1.0,
        real: float = 0.002,
        seconds: float = LONGEST,
    ) -> None:
        """Let the clock go on until something holds, for what rests on the clock meanwhile.

        One move would be too early for a rest that has not begun by then.

        Args:
            step: Seconds of the clock each time.
            real: Real seconds from one time to the next, in which nothing happens.
            seconds: Real time that it may take altogether.
        """
        end = asyncio.get_running_loop().time() + seconds
        while not until():
            assert asyncio.get_running_loop().time() < end, "it did not come to hold"
            await nothing_happens(round(real * 1000), until)
            if not until():
                self.clock.advance(seconds=step)

    async def done_as_time_passes(
        self, work: Coroutine[Any, Any, Any], step: float = 1.0, seconds: float = LONGEST
    ) -> Any:
        """Return the result of something that may rest on the clock."""
        task = asyncio.create_task(work)
        await asyncio.wait({task}, timeout=0.1)  # most of it does not
        await self.as_time_passes(task.done, step, real=0.02, seconds=seconds)
        return task.result()

    async def pass_time(self, **span: float) -> None:
        """Move the clock, and let the bot do what has become due."""
        await self.quiet()
        self.clock.advance(**span)
        await self.quiet()


def _as_text(blocks: list[dict[str, Any]]) -> str:
    """Blocks as lines of text; the label of a line ends with a colon, as in a card's text."""
    found: list[str] = []
    for block in blocks:
        for section in block.get("elements", []) if block["type"] == "rich_text" else [block]:
            parts = section.get("elements") or [section.get("text") or {}]
            words = [str(part.get("text", part.get("fallback", ""))) for part in parts]
            label = bool((parts[0].get("style") or {}).get("bold")) and len(words) > 1
            said = "".join(words[1:]).strip() if label else "".join(words).strip()
            found.append(f"{words[0]}: {said}" if label else said)
    return "\n".join(found)
