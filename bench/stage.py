"""Where everything is measured: local Slack and Zuora here, every measured program in its process."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from bot.cli.clock import SystemClock
from bot.cli.sandbox import (
    APP_TOKEN,
    BOT_TOKEN,
    MANIFEST,
    SIGNING_SECRET,
    sandbox_settings,
)
from bot.domain.authority import Person, Verb
from bot.domain.named import named
from bot.operations.catalog import OPERATIONS, can_be_read
from bot.sandbox.slack.delivery import Delivered, Kind, Retry
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import TEAM_ID
from bot.sandbox.zuora.server import LocalZuora
from bot.settings import Mode, Settings
from bot.slack.forms.ask_form import Origin
from bot.slack.forms.catalog import FORMS
from bot.slack.forms.email import EmailForm
from bot.slack.forms.email_values import values_for
from bot.wiring.build import Tuning, build
from bot.wiring.running import Bot
from bot.workflow.ask import ask
from bot.workflow.decision import Decision
from bot.workflow.ready import Asker

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".bench"
CHANNEL = "C0BILLING"
ALICE, BOB, MARA = "U0ALICE", "U0BOB", "U0MARA"
START_SECONDS = 60.0


class TimedSlack(LocalSlack):
    """Notes how long the app took to acknowledge what was sent to it."""

    acks: list[float]

    async def send(
        self, kind: Kind, payload: Mapping[str, Any], retry: Retry | None = None
    ) -> Delivered:
        """As the local Slack does; seconds from the sending to the acknowledgement."""
        started = time.perf_counter()
        delivered = await super().send(kind, payload, retry)
        self.acks.append(time.perf_counter() - started)
        if delivered.error:
            raise RuntimeError(f"not acknowledged: {delivered.error} {delivered.reason}")
        return delivered

    def taken(self) -> list[float]:
        """What was noted since it was last asked."""
        found, self.acks = self.acks, []
        return found


def make_slack() -> TimedSlack:
    """A local Slack, not started."""
    slack = TimedSlack(
        SystemClock(),
        manifest=yaml.safe_load(MANIFEST.read_text()),
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
    )
    slack.ack_seconds = 30.0
    slack.acks = []
    return slack


@dataclass(kw_only=True)
class Program:
    """A program in a separate process."""

    process: asyncio.subprocess.Process
    ready: int = 0

    async def report(self) -> dict[str, Any]:
        """Its memory, its processor time, and its longest pause since it was last asked."""
        assert self.process.stdin is not None  # noqa: S101 - it was started with a pipe
        self.process.stdin.write(b"report\n")
        return await self.line()

    async def line(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self.process.stdout is not None  # noqa: S101 - it was started with a pipe
        line = await asyncio.wait_for(self.process.stdout.readline(), 600)
        if not line:
            raise RuntimeError("a measured program ended; what it said stands above")
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def program(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    python: str = sys.executable,
    root: Path = ROOT,
) -> AsyncIterator[Program]:
    """Start a module of this folder, of this version or another's `root`; stop it at the end."""
    process = await asyncio.create_subprocess_exec(
        python, "-m", module, *arguments, cwd=root, env={**os.environ, **env},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    started = Program(process=process)
    try:
        started.ready = (await asyncio.wait_for(started.line(), START_SECONDS))["ready"]
        yield started
    finally:
        if process.stdin is not None and process.returncode is None:
            process.stdin.write(b"stop\n")
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


def environment_of(settings: Settings) -> dict[str, str]:
    """Settings as the environment in which a process reads them."""
    found = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None:  # it is not set
            continue
        found[name.upper()] = (
            value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        )
    return found


@dataclass(kw_only=True)
class Place:
    """A local Slack, a local Zuora and a folder for one bot."""

    folder: Path
    slack: TimedSlack
    zuora: LocalZuora
    mode: Mode
    changes: dict[str, Any]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """For a bot that belongs here."""
        settings = sandbox_settings(self.slack, self.zuora, self.folder, self.mode)
        return settings.model_copy(update=self.changes)

    @property
    def database(self) -> Path:
        """The bot's file."""
        return Path(self.settings.database_path)

    @asynccontextmanager
    async def the_bot(self, root: Path = ROOT) -> AsyncIterator[Program]:
        """The bot of this version or another's `root`, running in a separate process."""
        env = environment_of(self.settings)
        async with program("bench.the_bot", self.mode, env=env, root=root) as started:
            if self.mode == "web":
                self.slack.request_url = f"http://127.0.0.1:{started.ready}/slack/events"
            yield started

    @asynccontextmanager
    async def hands(self) -> AsyncIterator[Bot]:
        """The bot's parts in this process, not at work: to ask for many things quickly."""
        bot = await build(self.settings, SystemClock(), Tuning(seconds_a_message=0.0))
        try:
            yield bot
        finally:
            await bot.stop()


@asynccontextmanager
async def place(mode: Mode = "run", **changes: Any) -> AsyncIterator[Place]:
    """Servers and a folder for one bot; the folder is gone afterwards."""
    clock = SystemClock()
    zuora, slack = LocalZuora(clock), make_slack()
    await zuora.start()
    await slack.start()
    try:
        with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
            yield Place(folder=Path(folder), slack=slack, zuora=zuora, mode=mode, changes=changes)
    finally:
        await slack.stop()
        await zuora.stop()


@asynccontextmanager
async def empty_app(mode: Mode, slack: TimedSlack) -> AsyncIterator[Program]:
    """The empty Bolt app on its own local Slack, in a separate process."""
    env = {
        "BENCH_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": slack.api_url,
        "BENCH_VIEW": json.dumps(
            FORMS[EmailForm.callback_id].view(values_for("BR-00000001"), Origin(channel=CHANNEL))
        ),
    }
    async with program("bench.an_empty_app", mode, env=env) as started:
        if mode == "web":
            slack.request_url = f"http://127.0.0.1:{started.ready}/slack/events"
        yield started


async def ask_for(bot: Bot, runs: list[str], operation: str = "email_bill_run") -> list[int]:
    """Ask for an operation on each of these runs, as the form does; the requests' numbers."""
    numbers = []
    person = Person(user_id=ALICE, team_id=TEAM_ID, memberships={"S0BILLING": True})
    for run in runs:
        asker = Asker(person=person, form_id=f"bench:{operation}:{run}", reason="Month end")
        found = await ask(bot.parts, [(OPERATIONS[operation], {"bill_run": run})], asker)
        if not isinstance(found, tuple):
            raise TypeError(f"{run} could not be asked for: {found}")
        numbers += [request.number for request in found]
    return numbers


def approval_of(bot: Bot, number: int) -> Decision:
    """What a click on *Approve* becomes before the transaction that decides.

    Raises:
        LookupError: There is no such request.
    """
    request = bot.parts.store.requests.get(number)
    if request is None:
        raise LookupError(number)
    return Decision(
        verb=Verb.APPROVE,
        name=named(request.reference),
        person=Person(user_id=BOB, team_id=TEAM_ID, memberships={"S0CONTROLLERS": True}),
        readable=can_be_read(request),
    )


def add_runs(zuora: LocalZuora, first: int, count: int, status: str = "Posted") -> list[str]:
    """Bill runs with two invoices each; their numbers."""
    names = [f"BR-{number:08}" for number in range(first, first + count)]
    for name in names:
        zuora.world.add_bill_run(
            name, status=status,
            invoices=[("A00000001", "USD", "125.00"), ("A00000002", "EUR", "80.00")],
        )  # fmt: skip
    return names
