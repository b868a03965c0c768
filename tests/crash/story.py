"""The story: thirty requests under way while the process dies and is started again and again."""

import asyncio
import contextlib
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.cli.sandbox import APP_TOKEN, BOT_TOKEN, MANIFEST, SIGNING_SECRET
from bot.sandbox.slack.handles import Triggers
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora import LocalZuora, World
from tests.crash.clock import FastClock, PatientClock, how_slow
from tests.crash.people import CHANNEL, CONTROLLERS, REQUESTERS, People, hire, until
from tests.crash.plan import POLICY, Wanted, plan
from tests.crash.process import Launcher, Life
from tests.crash.reckoning import Reckoning, reckon

SPEED = 20.0
SECONDS_A_MESSAGE = 0.2  # so that the one channel of thirty requests does not hold them up
ACK_SECONDS = 1.0  # people give up sooner than Slack does, so that the test is short
LONGEST_ACK_SECONDS = 3.0  # where a start was slow
"""A story that begins on a slow machine is slower as a whole. Were people alone to wait so long, what they ask for again would
come too late on its clock to be heard as the same (`bot.domain.repeated`)."""

LONGEST_LIFE = 1.2
QUICK_START = 0.4
LONGEST_SLOW = 5.0
"""So many times as long as on an idle machine a story, and a life after it has connected, takes at most."""

FARTHEST_POINT = 400
A_NEW_ONE = (0.02, 0.1, 0.5)
"""Chances to die at a point at which nobody has died: the lower, the later in the process's life."""

REST_SECONDS = 900.0
ALL_ASKED_AFTER = 0.7  # of all kills
UNFINISHED = """
SELECT (SELECT COUNT(*) FROM outbox WHERE ended_at IS NULL) + (
  SELECT COUNT(*) FROM requests WHERE state IN ('waiting', 'approved', 'running')
  OR (state = 'unknown' AND looks <= 12))
"""
"""Of unknown outcome is at rest once people are asked to look; they are reminded without end."""


@dataclass
class Outcome:
    """The result of a story."""

    kills: int = 0
    by_signal: int = 0
    reckoning: Reckoning = field(default_factory=Reckoning)
    pressed: int = 0
    unanswered: int = 0
    seconds: float = 0.0


class Story:
    """Thirty requests and their people, with a bot that is killed `kills` times.

    Args:
        folder: For the database and the log.
        points: Where the points are remembered, over all stories.
        seed: Decides the order of the requests and the moments of the deaths.
        kills: How often.
        thorough: Rather look for points at which nobody has died yet than die anywhere.
        speed: How many seconds of the story's clock pass in a real one.
    """

    def __init__(
        self,
        folder: Path,
        points: Path,
        *,
        seed: int,
        kills: int,
        thorough: bool = False,
        speed: float = SPEED,
    ) -> None:
        self.folder = folder
        self.points = points
        self.kills = kills
        self.outcome = Outcome()
        self._weights = (8, 1, 1) if thorough else (5, 3, 2)
        self._new = (0.2, 1.0, 1.0) if thorough else A_NEW_ONE
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        # the whole story is so much slower then
        self._slow = min(LONGEST_SLOW, how_slow()) if kills else 1.0
        self._clock = clock = FastClock(time.monotonic(), speed / self._slow)
        self.zuora = LocalZuora(clock, world=World(clock.now()))
        self.slack = LocalSlack(
            clock,
            manifest=yaml.safe_load(MANIFEST.read_text()),
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            signing_secret=SIGNING_SECRET,
        )
        self.slack.ack_seconds = ACK_SECONDS * self._slow
        self._patience = PatientClock()
        self.slack._core.triggers = Triggers(self._patience)  # three real seconds, as in Slack
        self._trouble()
        hire(self.slack)
        self.plan = plan(self.zuora.world, self._chance)
        self.people = People(self.slack)
        self.launcher = Launcher(folder, clock, seconds_a_message=SECONDS_A_MESSAGE)
        self.database = folder / "billing-bot.db"

    async def play(self) -> Outcome:
        """Play it to its end and compare what was done and shown with what was asked."""
        begun = time.monotonic()
        async with self.servers():
            self._tasks = {
                name: asyncio.create_task(doing) for name, doing in self._people().items()
            }
            people = asyncio.gather(*self._tasks.values())
            try:
                await self._lives(people)
            finally:
                people.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await people
        self.outcome.pressed, self.outcome.unanswered = self.people.pressed, self.people.unanswered
        self.outcome.seconds = time.monotonic() - begun
        self.outcome.reckoning = reckon(
            self.database,
            self.slack,
            self.zuora,
            self.plan,
            self.people.accepted,
            self.people.refused,
        )
        return self.outcome

    @asynccontextmanager
    async def servers(self) -> AsyncIterator[None]:
        """Slack, Zuora and the launcher, until the block is left."""
        async with contextlib.AsyncExitStack() as stack:
            await self.zuora.start()
            stack.push_async_callback(self.zuora.stop)
            await self.slack.start()
            stack.push_async_callback(self.slack.stop)
            await self.launcher.open()
            stack.push_async_callback(self.launcher.close)
            yield

    def _trouble(self) -> None:
        """A little of what breaks anyway: calls refused for now, answers of both lost."""
        self.zuora.faults.add("/v1/*/*/emails", kind="too_many", retry_after=5, after=3, times=3)
        self.zuora.faults.add("/v1/*/*/emails", kind="lose_answer", after=8, times=3)
        self.zuora.faults.add("/v1/*/*/emails", kind="drop", after=12, times=2)
        self.slack.faults.add("chat.postMessage", "lose_answer", after=20, times=2)
        self.slack.faults.add("chat.postMessage", "ratelimited", after=30, times=2)
        self.slack.faults.add("chat.update", "lose_answer", after=10, times=2)

    # people

    def _people(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Everybody's part, by a name to find it by."""
        asking = {REQUESTERS[each]: self._asks(each) for each in range(len(REQUESTERS))}
        deciding = {
            wanted.subject: self._decides(place, wanted, self._chance.uniform(0.0, 0.3))
            for place, wanted in enumerate(self.plan)
        }
        return {**asking, **deciding}

    async def _asks(self, who: int) -> None:
        """One person's requests, one after the other, spread over the deaths."""
        step = len(REQUESTERS)
        for place in range(who, len(self.plan), step):
            due = place * self.kills * ALL_ASKED_AFTER / len(self.plan)
            await until(lambda due=due: self.outcome.kills >= due)  # type: ignore[misc]
            await self.people.ask(REQUESTERS[who], self.plan[place])

    async def _decides(self, place: int, wanted: Wanted, hesitates: float) -> None:
        await self.people.card(wanted)
        await asyncio.sleep(hesitates)
        controller = CONTROLLERS[place % len(CONTROLLERS)]
        await self.people.decide(controller, wanted, REQUESTERS[place % len(REQUESTERS)])

    # the process

    async def start(self, **death: Any) -> Life:
        """Start the process; `death` as in `points.Points`."""
        return await self.launcher.start(self._environment(), self.points, **death)

    def states(self) -> dict[int, str]:
        """Every request's number and state, read from the file."""
        return dict(self._read("SELECT number, state FROM requests"))

    async def _lives(self, people: "asyncio.Future[Any]") -> None:
        while self.outcome.kills < self.kills:
            await self._one_life()
            if people.done() and people.exception():
                break
        life = await self.start()
        end = time.monotonic() + REST_SECONDS
        while not self._is_over(people) and time.monotonic() < end:
            assert not life.is_over, self._log()
            if people.done():
                people.result()
            await asyncio.sleep(0.05)
        status = await life.end(signal.SIGTERM)
        assert status == 0, f"exit {status}\n{self._log()}"
        still = [name for name, task in self._tasks.items() if not task.done()]
        assert not still, f"still wait: {still}\n{self._log()}"

    def _is_over(self, people: "asyncio.Future[Any]") -> bool:
        """Everybody has done what they wanted, the bot is there and has nothing left to do."""
        return people.done() and self._is_there() and self._at_rest()

    def _is_there(self) -> bool:
        """Whether the process has connected; one that only begins does not know SIGTERM yet."""
        return bool(self.slack.sockets.connections)

    async def _one_life(self) -> None:
        """Start the process and have it die: at a new point, at the n-th, or by a signal."""
        how = self._chance.choices(["new", "at", "signal"], self._weights)[0]
        death: dict[str, Any] = {}
        seconds = LONGEST_LIFE
        if how == "new":
            chance = self._chance.choice(self._new)
            death = {"at_a_new_one": chance, "seed": self._chance.getrandbits(32)}
        elif how == "at":
            death = {"at": self._chance.randint(1, FARTHEST_POINT)}
        else:
            seconds = self._chance.uniform(0.02, LONGEST_LIFE)
        life = await self.start(**death)
        if how != "signal":
            seconds = await self._slowly(life, seconds)
        status = await life.ended(seconds)
        if status is None:
            status = await self._killed(life)
        assert status in (137, -signal.SIGKILL), f"exit {status}\n{self._log()}"
        self.outcome.kills += 1

    async def _slowly(self, life: Life, seconds: float) -> float:
        """So many seconds after it has connected; more where the machine is busy, and people are more patient then."""
        begun = time.monotonic()
        await until(lambda: life.is_over or bool(self.slack.sockets.connections))
        self.be_patient(time.monotonic() - begun)
        return seconds * min(self.slow, LONGEST_SLOW)

    @property
    def slow(self) -> float:
        """How many times as long as on an idle machine the last start took."""
        return self._patience.slow

    def be_patient(self, seconds: float) -> None:
        """Let people wait as much longer than on an idle machine as the start that took so long did."""
        self._patience.slow = slow = max(1.0, seconds / QUICK_START)
        self.slack.ack_seconds = min(LONGEST_ACK_SECONDS * self._slow, ACK_SECONDS * slow)

    async def _killed(self, life: Life) -> int:
        status = await life.end()
        self.outcome.by_signal += status == -signal.SIGKILL
        return status

    def _at_rest(self) -> bool:
        ((unfinished,),) = self._read(UNFINISHED)
        return not unfinished

    def _read(self, sql: str) -> list[Any]:
        with contextlib.closing(
            sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        ) as connection:
            return connection.execute(sql).fetchall()

    def _environment(self) -> dict[str, str]:
        policy = self.folder / "policy.toml"
        policy.write_text(POLICY)
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": self.slack.api_url,
            "BILLING_CHANNEL": CHANNEL,
            "ZUORA_BASE_URL": self.zuora.base_url,
            "ZUORA_CLIENT_ID": self.zuora.client_id,
            "ZUORA_CLIENT_SECRET": self.zuora.client_secret,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "POLICY_FILE": str(policy),
            "POLL_SECONDS": "0.03",
        }

    def _log(self) -> str:
        return "\n".join(self.launcher.log.read_text().splitlines()[-40:])
