"""The story on PostgreSQL: three replicas, of which one after the other is killed, frozen or cut off."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bot.fence import FRESH_SECONDS
from bot.store.moving import copy
from tests.crash.people import A_MOMENT, WAITING, People, until
from tests.crash.plan import Fate, Wanted
from tests.crash.process import Launcher, Life
from tests.crash.story import REST_SECONDS, SECONDS_A_MESSAGE, Story
from tests.postgres_tcp import TcpServer, Way, is_still

REPLICAS = 3
SPEED = 10.0
"""The clock of the bot against the machine's; what PostgreSQL and the fence count are real seconds."""

BETWEEN_SECONDS = 1.0
CARD_LOOKS = 250  # of a moment each
FORM_SECONDS = 60.0
"""Longer than a replica stands still, and than what it reads then takes."""
LONGER_THAN_ALL = (FRESH_SECONDS + 1.0, FRESH_SECONDS + 6.0)
"""How long a replica stands still, or is cut off: its session has ended by then."""

KILLED = (137, -signal.SIGKILL)
LOST, PASSES = 80, 75
FREEZES, FREEZES_AT = 0.4, 0.008
"""Chance of a life to freeze before or after something goes out or is committed, and at each of these."""


class Insisting(People):
    """Who sees after a while that the card still waits presses again, and that a form is read for ever asks again.

    A click may be acknowledged and answered that it could not be recorded: a server was away, or another
    process held its lock. And where the server was away when the form was handed in, nobody knows of it
    once the process has died that read it.
    """

    async def _answered_later(self, person: str, wanted: Wanted, before: int) -> bool:
        try:
            async with asyncio.timeout(FORM_SECONDS):
                return await super()._answered_later(person, wanted, before)
        except TimeoutError:
            return False

    async def decide(self, person: str, wanted: Wanted, requester: str) -> None:
        message = await self.card(wanted)
        while message and WAITING in message.text and wanted.fate is not Fate.EXPIRE:
            await super().decide(person, wanted, requester)
            for _ in range(CARD_LOOKS):
                if WAITING not in message.text:
                    return
                await asyncio.sleep(A_MOMENT)


@dataclass
class Replica:
    """One of them: its supervisor starts it again whenever it ends.

    Attributes:
        well: Whether nothing was done to it that lasts.
    """

    launcher: Launcher
    way: Way
    life: Life | None = None
    well: bool = True
    ends: Counter[int] = field(default_factory=Counter)


class Replicated(Story):
    """Everything that the story has, and three replicas in place of one process.

    Args:
        folder: For the logs.
        points: Where the points are remembered.
        server: A separate server: it is restarted in the middle.
        seed: Decides the order of the requests and what happens to whom.
        seconds: How long something happens each second.
    """

    def __init__(
        self, folder: Path, points: Path, server: TcpServer, *, seed: int, seconds: float
    ) -> None:
        super().__init__(folder, points, seed=seed, kills=int(seconds), speed=SPEED)
        self.people = Insisting(self.slack)
        self.server = server
        self.name = server.new_database()
        self.done = Counter[str]()
        self.restarts = 0
        self.replicas: list[Replica] = []
        self._luck = random.Random(seed)  # noqa: S311 - no secret
        self._mending: set[asyncio.Task[None]] = set()
        self._over = False

    @property
    def _is_ending(self) -> bool:
        """Whether nobody starts the processes again."""
        return self._over

    @asynccontextmanager
    async def servers(self) -> AsyncIterator[None]:
        """Slack, Zuora, and a launcher and a way for each replica."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(super().servers())
            for number in range(REPLICAS):
                folder = self.folder / f"replica-{number}"
                folder.mkdir()
                launcher = Launcher(folder, self._clock, seconds_a_message=SECONDS_A_MESSAGE)
                await launcher.open()
                stack.push_async_callback(launcher.close)
                way = Way(self.server)
                await way.open()
                stack.push_async_callback(way.close)
                self.replicas.append(Replica(launcher, way))
            yield

    async def _lives(self, people: "asyncio.Future[Any]") -> None:
        keeping = [asyncio.create_task(self._keep(each)) for each in self.replicas]
        try:
            await self._trouble_them(people)
            await self._to_rest(people, keeping)
        finally:
            self._over = True
            for each in (*keeping, *self._mending):
                each.cancel()
            await asyncio.gather(*keeping, *self._mending, return_exceptions=True)
        copy(self.server.url(self.name), str(self.database))

    async def _keep(self, replica: Replica) -> None:
        """A supervisor: it starts the process again, whatever ended it."""
        while not self._is_ending:
            death: dict[str, Any] = {}
            if self._luck.random() < FREEZES:
                seed = self._luck.getrandbits(32)
                death = {"at_a_new_one": FREEZES_AT, "freezes": True, "seed": seed}
            url = self.server.url(self.name, replica.way.port)
            replica.life = await replica.launcher.start(
                {**self._environment(), "DATABASE_URL": url}, self.points, **death
            )
            status: int | None = None
            while status is None:
                status = await replica.life.ended(0.1)
                if status is None and replica.well and is_still(replica.life.pid):
                    self.done["frozen between two steps"] += 1
                    self._later_mended(replica)
            replica.ends[status] += 1
            expected = (*KILLED, LOST, PASSES)
            assert status in expected or self._is_ending, f"exit {status}\n{self._log()}"

    async def _trouble_them(self, people: "asyncio.Future[Any]") -> None:
        begun = time.monotonic()
        await until(lambda: all(each.life for each in self.replicas))
        await until(lambda: self.slack.sockets.connections > 0)
        self.be_patient((time.monotonic() - begun) / REPLICAS)  # they start at the same time
        end, halfway = time.monotonic() + self.kills, self.kills / 2
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(BETWEEN_SECONDS)
            if people.done():
                people.result()
            if left < halfway and not self.restarts:
                self.restarts += 1
                await asyncio.to_thread(self.server.stop)
                await asyncio.to_thread(self.server.start)
            well = [each for each in self.replicas if each.well and each.life]
            if well:
                self._trouble_one(self._luck.choice(well), alone=len(well) == 1)
            self.outcome.kills = int(self.kills - left)

    def _trouble_one(self, replica: Replica, *, alone: bool) -> None:
        """Kill it, or have it stand still, or cut it off; the last one that is well is only killed."""
        how = "killed" if alone else self._luck.choice(["killed", "frozen", "cut off"])
        assert replica.life
        self.done[how] += 1
        if how == "cut off":
            replica.way.cut()
            self._later_mended(replica)
            return
        number = signal.SIGKILL if how == "killed" else signal.SIGSTOP
        with contextlib.suppress(ProcessLookupError):
            if not replica.life.is_over:
                os.kill(replica.life.pid, number)
        if how == "frozen":
            self._later_mended(replica)

    def _later_mended(self, replica: Replica) -> None:
        replica.well = False
        task = asyncio.create_task(self._mended(replica, self._luck.uniform(*LONGER_THAN_ALL)))
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)

    async def _mended(self, replica: Replica, seconds: float) -> None:
        await asyncio.sleep(seconds)
        replica.way.mend()
        with contextlib.suppress(ProcessLookupError):
            if replica.life and not replica.life.is_over:
                os.kill(replica.life.pid, signal.SIGCONT)
        replica.well = True

    async def _to_rest(
        self, people: "asyncio.Future[Any]", keeping: list["asyncio.Task[None]"]
    ) -> None:
        """Let everything be repaired, and wait until nothing is left to do; then end them in order."""
        end = time.monotonic() + REST_SECONDS
        while not self._is_over(people) or self._mending:
            assert time.monotonic() < end, f"no rest: {self._left()}\n{self._log()}"
            for each in keeping:
                if each.done():
                    each.result()
            if people.done():
                people.result()
            await asyncio.sleep(0.1)
        self._over = True
        for replica in self.replicas:
            if replica.life and not replica.life.is_over:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(replica.life.pid, signal.SIGTERM)
        await asyncio.gather(*keeping)

    def _left(self) -> list[Any]:
        waiting = [name for name, task in self._tasks.items() if not task.done()]
        return [waiting, self._read("SELECT number, state, result FROM requests ORDER BY number")]

    def _read(self, sql: str) -> list[Any]:
        with psycopg.connect(self.server.url(self.name), autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def _log(self) -> str:
        return "\n".join(
            f"{each.launcher.log}\n" + "\n".join(each.launcher.log.read_text().splitlines()[-40:])
            for each in self.replicas
            if each.launcher.log.exists()
        )
