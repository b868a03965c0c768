"""What `/livez`, `/healthz` and `/readyz` report: each part in a few words that name nothing and nobody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.clock import Clock
from bot.health.processes import Other
from bot.store.errors import LOCKED_BY_OTHERS, CouldNotRecordError
from bot.store.lock import Lock
from bot.store.store import Store
from bot.workflow.parts import Standing
from bot.zuora.client import ZuoraClient

READY = "ready"
TURNED_SECONDS = 60.0
"""A loop of the working process that has not turned for this many seconds hangs."""

HELD, LOGIN_FAILED = "held", "zuora login failed"
REFUSES_BOT, REFUSES_MESSAGES = "slack refuses the bot", "slack refuses messages"
NOT_CHECKED = "database file cannot be checked"
FOR_A_PERSON = frozenset({HELD, LOGIN_FAILED, NOT_CHECKED, REFUSES_BOT, REFUSES_MESSAGES})
"""What only a person can end, besides a database that cannot be written to; the rest are outages."""

OLD = timedelta(minutes=1)
"""A message that has waited this long to be sent is old."""


@dataclass(kw_only=True)
class Looks:
    """What the last looks at the outside found (`bot.health.watch`); empty: nothing wrong.

    Attributes:
        slack: What is wrong with Slack's answer to the bot's token.
        database: What is wrong with a write to the database that is taken back.
        others: The other processes on the same database.
        policy: Whether one of them has read another policy since this one did.
    """

    slack: str = ""
    database: str = ""
    others: tuple[Other, ...] = ()
    policy: bool = False


@dataclass(kw_only=True)
class Loops:
    """The loops of the working process.

    Attributes:
        ended: Returns whether the work has ended, which it never should.
        broken: Returns the names of the loops that broke and wait for their next try.
        turned_at: Returns when each loop last turned, on the monotonic clock; empty until this
            process works.
        under_way: Returns how much each loop is working on: requests, messages' lanes, estimates.
    """

    ended: Callable[[], bool]
    broken: Callable[[], tuple[str, ...]]
    turned_at: Callable[[], Mapping[str, float]]
    under_way: Callable[[], Mapping[str, int]]


@dataclass(kw_only=True)
class Health:
    """How the bot is.

    Attributes:
        last_backup: Returns when the timer last copied the database; None: never.
        connection: Returns why Slack's payloads do not come; set by the code that connects the bot.
        shares_clicks: Whether Slack hands each process some of the clicks, as in Socket Mode.
    """

    store: Store
    zuora: ZuoraClient
    clock: Clock
    lock: Lock
    standing: Standing
    loops: Loops
    policy: Callable[[], str]
    last_backup: Callable[[], datetime | None]
    looks: Looks = field(default_factory=Looks)
    connection: Callable[[], str] = lambda: ""
    shares_clicks: bool = False

    def alive(self) -> str:
        """Return what `/livez` reports: `ready`, or `failed` if only a restart helps."""
        now = self.clock.monotonic()
        hangs = any(now - at > TURNED_SECONDS for at in self.loops.turned_at().values())
        return "failed" if hangs or self.loops.ended() else READY

    def healthy(self) -> str:
        """Return what `/healthz` reports: `ready`, or what does not work until a person fixes it.

        A restart would not help: if the file was deleted, it would begin an empty database.
        """
        if self.alive() != READY:
            return self.alive()
        parts = (self._work(), self._zuora(), self._slack())
        database = self._database()  # after those that read it, and may find it damaged
        if database not in (READY, LOCKED_BY_OTHERS):
            return database
        return next((words for words in parts if words in FOR_A_PERSON), READY)

    def ready(self) -> dict[str, str]:
        """Return what `/readyz` reports: each part by name, and in `status` `ready` or the first problem."""
        parts = {
            "work": self._work(),
            "database": self._database(),
            "zuora": self._zuora(),
            "slack": self._slack(),
            "outbox": self._outbox(),
            "others": self._others(),
        }
        wrong = [words for words in parts.values() if words not in FINE]
        return {"status": wrong[0] if wrong else READY, **parts}

    def _work(self) -> str:
        held = self.held
        if self.store.trouble:
            return READY  # reported under its own name
        if self.loops.ended() or self.loops.broken() or self.alive() != READY:
            return "failed"
        if held:
            return HELD
        if self.standing.unread:
            return "waits until slack can be read"
        if self.store.cannot_be_checked:
            return NOT_CHECKED
        return WORKS if self.lock.is_taken else STANDS_BY

    @property
    def held(self) -> str:
        """Return why the database is held, or that it cannot be read; empty if neither."""
        try:
            return self.store.copies.held
        except CouldNotRecordError:
            return self.store.trouble or "database not readable"

    @property
    def standstill(self) -> str:
        """Return in a sentence why nothing, or not everything, is carried out; empty while everything is."""
        return self.held or self.standing.unread or self._unchecked

    @property
    def _unchecked(self) -> str:
        words = "The database file cannot be read to its end, so nothing is sent to Zuora."
        return words if self.store.cannot_be_checked else ""

    def _database(self) -> str:
        return self.store.trouble or self.looks.database or READY

    def _zuora(self) -> str:
        if self.zuora.locks_out:
            return LOGIN_FAILED
        if self.zuora.trouble or self.zuora.unreachable:
            return "zuora not reachable"
        return READY

    def _slack(self) -> str:
        if found := self.looks.slack or self.connection():
            return found
        try:
            return REFUSES_MESSAGES if self.store.outbox.refusals() else READY
        except CouldNotRecordError:
            return "not known"

    def _outbox(self) -> str:
        now = self.clock.now()
        try:
            since = self.store.outbox.waits_since(now)
        except CouldNotRecordError:
            return "not known"
        return "messages wait to be sent" if since is not None and now - since > OLD else READY

    def _others(self) -> str:
        frozen = [each for each in self.looks.others if each.is_frozen]
        if any(each.works for each in frozen):
            return "the process that works does not answer"
        if frozen and self.shares_clicks:
            return "another process does not answer"
        if self.looks.policy:
            return "another process has another policy"
        return "none" if not self.looks.others else "there are others"


WORKS, STANDS_BY = "works", "stands by"
FINE = frozenset({READY, WORKS, STANDS_BY, "none", "there are others"})
