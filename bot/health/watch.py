"""The looks behind `/healthz` and `/readyz`: at Slack, Zuora, the database, other processes, and this one."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from threading import Event, Thread

from slack_sdk.errors import SlackApiError

from bot.domain.clock import Clocks
from bot.health.health import REFUSES_BOT, Health
from bot.health.processes import Neighbours, Other
from bot.metrics import CLOCK_SKEW, LOOP_DELAY
from bot.slack.errors import LIMITED, NO_ANSWER, NOT_NOW, name_of
from bot.slack.web import SlackWeb
from bot.store.errors import DAMAGED, REPLACED, CouldNotRecordError
from bot.store.measuring import is_damaged, why_not_writable
from bot.workflow.start import policy_read_last
from bot.zuora.errors import ZuoraError

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25
SHARE_OF_CHECKS = 0.01
"""The share of time that may go into reading the whole file again and again, whatever its size."""

ZUORA_LOOKS = 32
"""Zuora is called after this many looks without a good answer to any other call, which is after 5 minutes and 20 seconds.

Each call counts against the tenant's limits, and a sandbox grants some 10,000 a day. A run that is followed is read at least
every five minutes (`pause_between_looks`), so nothing else is asked meanwhile.
"""


class Watch:
    """Looks now and then, in a process that works and in one that stands by.

    Args:
        health: Receives what was found.
        client: Asks Slack, with the bot's token.
        database: The database file.
        processes: Who else works on the file.
        clocks: How far Slack's and Zuora's clocks are from this machine's.
        seconds: Between two looks; 0 for none at all.
    """

    def __init__(
        self,
        health: Health,
        client: SlackWeb,
        database: str,
        processes: Neighbours,
        clocks: Clocks,
        *,
        seconds: float,
    ) -> None:
        self._seconds = seconds
        self._clocks = clocks
        self._health = health
        self._client = client
        self._database = database
        self._processes = processes
        self._clock = health.clock
        self._slack_before = ""
        self.turned_at = self._clock.monotonic()

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return every loop by its name, each to be run until it is cancelled."""
        if not self._seconds:
            return {}
        return {
            "look at slack": lambda: self._again_and_again(self.look_at_slack),
            "look at zuora": lambda: self._again_and_again(self.look_at_zuora),
            "look at the database": lambda: self._again_and_again(self.look_at_database),
            "check the database": self._check_again_and_again,
            "look at others": lambda: self._again_and_again(self.look_at_others),
            "look at the loop": self._measure_delay,
        }

    def stop(self) -> None:
        """Stop: this process ends."""
        self._processes.leave()

    async def _again_and_again(self, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            await look()
            await self._clock.sleep(self._seconds)

    async def look_at_slack(self) -> None:
        """Ask Slack whether it knows the bot's token, compare the clocks, and check the connection."""
        found = await self._asked()
        self._compare_clocks()
        self._health.looks.slack = found
        found = found or self._health.connection()
        self._changed("slack", self._slack_before, found)
        self._slack_before = found

    async def _asked(self) -> str:
        """Return why Slack does not let the bot work; empty if it does."""
        found = ""
        try:
            await self._client.auth_test()
        except SlackApiError as error:
            name = name_of(error)
            found = REFUSES_BOT if name in NOT_NOW else "slack not reachable"
            found = "" if name in LIMITED else found
        except NO_ANSWER:
            found = "slack not reachable"
        return found

    async def look_at_zuora(self) -> None:
        """Have Zuora answer something small; the client itself keeps the result.

        Nothing is asked if a call was answered well in the last five minutes.
        """
        health = self._health
        if health.zuora.unheard_seconds < ZUORA_LOOKS * self._seconds:
            return
        before = health.ready()["zuora"]
        with suppress(ZuoraError):
            await health.zuora.answers()
        now = health.ready()["zuora"]
        self._changed("zuora", before.replace("ready", ""), now.replace("ready", ""))

    async def look_at_database(self) -> None:
        """Try a write that is taken back, in a thread, and check that earlier writes are still there."""
        store = self._health.store
        known = store.history.known
        found = await asyncio.to_thread(why_not_writable, self._database, known)
        if found in (REPLACED, DAMAGED):  # once it is reported, nothing begins any more
            store.distrust(found)
        self._changed("database", self._health.looks.database, found)
        self._health.looks.database = found

    async def _check_again_and_again(self) -> None:
        """Check the file, less often the longer it takes, until it is damaged."""
        took, damaged = 0.0, None
        while not damaged:
            await self._clock.sleep(max(self._seconds, took / SHARE_OF_CHECKS))
            begun = time.monotonic()
            damaged = await self.check_database()
            took = time.monotonic() - begun

    async def check_database(self) -> bool | None:
        """Read the whole file in a thread, and stop all work if it is damaged; None: it could not be read."""
        given_up = Event()
        try:
            damaged = await _unwaited(partial(is_damaged, self._database, given_up.is_set))
        finally:
            given_up.set()
        if damaged:
            self._health.store.distrust(DAMAGED)
            self._changed("database", "", self._health.store.trouble)
        return damaged

    async def look_at_others(self) -> None:
        """Record that this process is alive, and see which others are."""
        looks = self._health.looks
        self.turned_at = self._clock.monotonic()
        try:
            self._processes.write(works=self._health.lock.is_taken)
            others = self._processes.others()
        except OSError as error:
            logger.warning("other_processes_could_not_be_seen", extra={"error": str(error)})
            return
        for each in others:
            if each.is_frozen and each.name not in _frozen(looks.others):
                logger.error(
                    "another_process_does_not_turn: Slack may give it clicks, which are lost; resume "
                    "it or end it",
                    extra={
                        "pid": each.pid,
                        **({"host": each.host} if each.host else {}),
                        "works": each.works,
                        "seconds": int(each.quiet),
                    },
                )
        looks.others = others
        self._compare_policies()

    def _compare_policies(self) -> None:
        """Show where another process has read another policy since: each decides by its own."""
        health = self._health
        with suppress(CouldNotRecordError):
            latest = policy_read_last(health.store)
            differs = bool(health.looks.others) and latest != health.policy()
            if differs and not health.looks.policy:
                logger.error(
                    "policy_differs: another process has read another policy.toml since; put the same file on every "
                    "machine, and send each process SIGHUP",
                    extra={"policy": health.policy()[:12], "latest": latest[:12]},
                )
            health.looks.policy = differs

    async def _measure_delay(self) -> None:
        """Measure the longest delay of the event loop between two looks."""
        loop = asyncio.get_running_loop()
        while True:
            longest, end = 0.0, loop.time() + self._seconds
            while loop.time() < end:
                before = loop.time()
                await asyncio.sleep(TICK_SECONDS)
                longest = max(longest, loop.time() - before - TICK_SECONDS)
            LOOP_DELAY.set(longest)

    def _compare_clocks(self) -> None:
        """Show how far this machine's clock is from the others, and log it if that is too far."""
        for whose, by in self._clocks.ahead().items():
            CLOCK_SKEW.labels(whose).set(-by)
        if self._clocks.too_far():
            logger.warning(
                "clock_is_off: set this machine's clock; beyond 300 s nothing that Slack signs is accepted",
                extra={"clocks": self._clocks.words()},
            )

    @staticmethod
    def _changed(part: str, before: str, now: str) -> None:
        if now and now != before:
            logger.error("not_ready", extra={"part": part, "why": now})
        elif before and not now:
            logger.info("ready_again", extra={"part": part})


def _frozen(others: tuple[Other, ...]) -> set[str]:
    return {each.name for each in others if each.is_frozen}


def _unwaited(work: Callable[[], bool | None]) -> asyncio.Future[bool | None]:
    """Run it in a thread that the end of the process does not wait for, unlike `asyncio.to_thread`."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[bool | None] = loop.create_future()

    def keep(done: Future[bool | None]) -> None:
        if found.done():
            return
        if error := done.exception():
            found.set_exception(error)
        else:
            found.set_result(done.result())

    def run() -> None:
        done = Future[bool | None]()
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(keep, done)

    Thread(target=run, daemon=True).start()
    return found
