"""A running bot: what it starts, stops and reports."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.next_step import Handover
from bot.domain.policy import Policy
from bot.health.first_check import FirstCheck
from bot.health.health import Health, Loops
from bot.health.watch import Watch
from bot.settings import Settings
from bot.slack.answering import Answering
from bot.slack.sender import Sender
from bot.slack.web import SlackWeb
from bot.slack.witness import Witness
from bot.store.checkpoints import checkpoint
from bot.store.errors import CouldNotRecordError
from bot.store.lock import Lock
from bot.workflow.backups import Backups
from bot.workflow.estimates import Estimating
from bot.workflow.parts import Parts
from bot.workflow.refused import write_counts
from bot.workflow.runner import Runner
from bot.workflow.start import record_policy
from bot.workflow.supervised import Supervised
from bot.zuora.errors import ZuoraError

logger = logging.getLogger(__name__)

LOCK_PAUSE_SECONDS = 0.5
HEAR_OTHERS_SECONDS = 0.25
CHECKPOINT_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 30.0
LET_IN_SECONDS = 30.0
LAST_ANSWERS_SECONDS = 2.0
ANOTHER_TURN = "the database holds another turn of work than the one that this process began"


class Bot:
    """A running bot: takes clicks at once, and works as soon as it holds the work lock."""

    def __init__(  # noqa: PLR0913 - the parts
        self,
        *,
        parts: Parts,
        app: AsyncApp,
        answering: Answering,
        sender: Sender,
        lock: Lock,
        patience: timedelta | None,
        slack: SlackWeb,
        close: Callable[[], Awaitable[None]],
        loops: Mapping[str, Callable[[], Awaitable[None]]],
        witness: Witness,
        backups: Backups,
        watch: Callable[[Health], Watch],
    ) -> None:
        self.parts = parts
        self.app = app
        self.runner = Runner(parts)
        self.sender = sender
        self.estimates = Estimating(parts)
        self.answering = answering
        self.backups = backups
        self._lock = lock
        self._patience = patience
        self.slack = slack
        self._close = close
        self._loops = loops
        self._witness = witness
        self._supervised = Supervised(parts.clock)
        self._worker: asyncio.Task[None] | None = None
        self.readiness = Health(
            store=parts.store,
            zuora=parts.tenancy.zuora,
            clock=parts.clock,
            lock=lock,
            standing=parts.standing,
            loops=Loops(
                ended=lambda: self._worker is not None and self._worker.done(),
                broken=lambda: self._supervised.broken,
                turned_at=self._turned_at,
                under_way=self._under_way,
            ),
            policy=lambda: parts.rules.policy.hash,
            last_backup=lambda: backups.last,
        )
        self.watch = watch(self.readiness)
        self._check = FirstCheck(parts.store, self.watch, parts.clock)
        self._looking: asyncio.Future[Any] | None = None
        self._is_finished = False
        self._is_working = False
        self.has_lost_its_lock = False
        self._turned: dict[str, float] = {}

    def start(self) -> None:
        """Begin to work; unfinished requests continue by themselves."""
        self._worker = asyncio.create_task(self._work(), name="worker")
        loops = {
            **self.watch.loops(),
            "mind the lock": self._mind_the_lock,
            "check the file": self._check.run,
        }
        looking = (self._supervised.run(*named) for named in loops.items())
        self._looking = asyncio.gather(*looking)

    def follow(self, settings: Settings, policy: Policy) -> None:
        """Continue with another policy and other secrets.

        Raises:
            CouldNotRecordError: Nothing was changed.
        """
        store = self.parts.store
        with store.transaction():
            record_policy(store, policy, self.parts.clock.now())
        self.parts.rules.policy = policy
        self.slack.token = settings.slack_bot_token.get_secret_value()
        self.parts.tenancy.zuora.use(
            settings.zuora_client_id, settings.zuora_client_secret.get_secret_value()
        )
        self.parts.bells.ring()

    async def finish(self) -> None:
        """Take no new work and reach the next safe point; people who act now read that they should try again in a minute.

        This comes before the connection to Slack is closed, so that somebody who holds a
        connection open does not delay the end of the work.
        """
        if not self._is_finished:
            self._is_finished = self.answering.is_ending = True
            await asyncio.gather(self.answering.drain(), self.runner.stop(), self.sender.stop())

    async def stop(self) -> None:
        """Finish, and close everything."""
        await self.finish()
        await self.answering.drain(patience=LAST_ANSWERS_SECONDS)  # for those who came since
        for task in (self._worker, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.watch.stop()
        self._lock.release()
        await self._close()

    def health(self) -> dict[str, str]:
        """Return how the bot is, with more detail than `/readyz` shows to everybody; `status` is the same."""
        return {
            "status": self.readiness.ready()["status"],
            "slack": self._refusals(),
            "database": self.parts.store.trouble
            or self.readiness.held
            or self.parts.standing.unread
            or "ready",
            "zuora": self.parts.tenancy.zuora.trouble or "ready",
        }

    def _turned_at(self) -> dict[str, float]:
        """Return when each loop last turned, for the loops that turn every minute whatever Slack and Zuora do."""
        if self._is_finished:
            return {}
        found = dict(self._turned)
        if self._looking is not None and self.watch.loops():
            found["look at others"] = self.watch.turned_at
        if self._is_working:
            found["sender"] = self.sender.turned_at
        if self._is_working and self._check.is_passed:
            found["runner"] = self.runner.turned_at
        return found

    def _under_way(self) -> dict[str, int]:
        """Return how much each loop is working on."""
        return {
            "runner": self.runner.under_way,
            "sender": self.sender.under_way,
            "estimates": self.estimates.under_way,
        }

    def _turns(self, loop: str) -> None:
        self._turned[loop] = self.parts.clock.monotonic()

    def _refusals(self) -> str:
        try:
            found = self.parts.store.outbox.refusals()
        except CouldNotRecordError:
            return "not known: the database cannot be read"
        return "; ".join(f"{channel}: {error}" for channel, error in found) or "ready"

    async def _work(self) -> None:
        """Wait for the lock that lets one process at a time run and send, then do so."""
        run = self._supervised.run
        await run("lock", self._take_the_lock)
        await run("take over", self._take_over)
        if self.parts.store.copies.held:
            await self._witness.say()
            await run("checkpoints", self._checkpoints)
        logger.info("work_lock_acquired")
        self._is_working = True
        await asyncio.gather(
            run("witness", self._compare_until_read),
            run("runner", partial(self._check.before, self.runner.run)),
            run("sender", self.sender.run),
            run("estimates", partial(self._check.before, self.estimates.run)),
            run("listener", self._hear_others),
            run("checkpoints", self._checkpoints),
            *(run(name, loop) for name, loop in self._loops.items()),
            run("backups", self.backups.run),
            run("zuora", self._notice_the_login),
            run("refusals", partial(write_counts, self.parts.store, self.parts.clock)),
        )

    async def _take_the_lock(self) -> None:
        if not self._lock.take():
            logger.info("stands_by: another process works; this one takes clicks, and takes over")
        while not self._lock.take():
            self._turns("lock")
            await self.parts.clock.sleep(LOCK_PAUSE_SECONDS)
        self._turned.pop("lock", None)

    async def _take_over(self) -> None:
        """Keep the process that worked before from writing, and give its calls time to end."""
        if self._lock.began_anew:
            await self._witness.look_anew()
        self.parts.store.begin_turn(self._lock.holder)
        if self._patience is not None:
            now = self.parts.clock.now()
            self.runner.handover = Handover(now, self._patience)
            self.sender.handover_at = now

    async def _compare_until_read(self) -> None:
        """Compare Slack with the database, again and again until Slack can be read."""
        standing = self.parts.standing
        if standing.unread:
            await self._witness.say()
        while standing.unread:
            await self.parts.clock.sleep(LOOK_AGAIN_SECONDS)
            await self._witness.look()
            if self.parts.store.copies.held:
                await self._witness.say()
                await asyncio.gather(self.runner.stop(), self.sender.stop())
        self.parts.bells.runner.set()

    async def _checkpoints(self) -> None:
        """Move the database's log into its file, in a thread."""
        checkpoints = self.parts.store.checkpoints
        if checkpoints is None:  # a server makes its own
            return
        checkpoints.take_over()
        while True:
            await self.parts.clock.sleep(CHECKPOINT_SECONDS)
            if checkpoints.due:
                await asyncio.to_thread(checkpoint, checkpoints.begin())

    async def _notice_the_login(self) -> None:
        """While Zuora refuses the bot's login, ask now and then, to notice when it accepts it."""
        zuora = self.parts.tenancy.zuora
        while True:
            await self.parts.clock.sleep(LET_IN_SECONDS)
            if zuora.trouble:
                with suppress(ZuoraError):
                    await zuora.check()

    async def _mind_the_lock(self) -> None:
        """End this process once another may work; this one writes nothing more, and its supervisor restarts it."""
        store = self.parts.store
        while not (self._lock.is_lost or store.has_lost_its_turn):
            await self.parts.clock.sleep(HEAR_OTHERS_SECONDS)
        logger.critical(
            "work_lock_lost: %s. Another process may work by now, so this one ends; its supervisor starts it again",
            self._lock.why_lost or ANOTHER_TURN,
        )
        self.has_lost_its_lock = True
        signal.raise_signal(signal.SIGTERM)

    async def _hear_others(self) -> None:
        """Notice what other processes on the same database write; they take clicks too; this one carries them out."""
        while True:
            self._turns("listener")
            await self.parts.clock.sleep(HEAR_OTHERS_SECONDS)
            if self.parts.store.others_have_written():
                self.parts.bells.ring()
