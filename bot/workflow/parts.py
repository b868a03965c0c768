"""What the workflow needs from outside; wiring passes it in once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.clock import Clock, Clocks
from bot.domain.next_step import Pauses
from bot.store.store import Store
from bot.workflow.guard import Guard
from bot.workflow.rules import Rules
from bot.workflow.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Bells:
    """The events that wake the loops; each is set after a transaction that left its loop something to do."""

    runner: asyncio.Event = field(default_factory=asyncio.Event)
    sender: asyncio.Event = field(default_factory=asyncio.Event)
    estimates: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Wake all loops, because another process has written something."""
        self.runner.set()
        self.sender.set()
        self.estimates.set()


@dataclass(kw_only=True)
class Standing:
    """Whether it is known that this database is not an older copy.

    Attributes:
        unread: A sentence on why Slack could not be compared with it; empty once it was.
        asked_before: The highest number from before this start. Requests up to it wait while
            `unread` is set, because an older copy could do again what was done.
    """

    unread: str = ""
    asked_before: int = 0

    @property
    def waits_up_to(self) -> int:
        """Return the highest number of the requests that wait."""
        return self.asked_before if self.unread else 0


@dataclass(frozen=True, kw_only=True)
class Looking:
    """What code needs that only reads: the database, the clock, which Zuora, and its places."""

    store: Store
    clock: Clock
    tenancy: Tenancy


@dataclass(frozen=True, kw_only=True)
class Working(Looking):
    """What a step of the workflow needs besides that.

    Attributes:
        rules: Who has to approve what.
        guard: Keeps a customer from being mailed twice in quick succession.
        new_id: Returns a new random id, for keys.
        pauses: The first pauses between calls to Zuora.
        bells: Wakes the loops that work on what was written.
    """

    rules: Rules
    guard: Guard
    new_id: Callable[[], str]
    pauses: Pauses
    bells: Bells = field(default_factory=Bells)


@dataclass(frozen=True, kw_only=True)
class Parts(Working):
    """Everything from outside, also where requests are shown and whether the bot may work at all.

    Attributes:
        channel: Slack channel id where requests are shown.
        audit_channel: That of the audit channel; empty for none.
        clocks: How far this machine's clock is from Slack's and Zuora's.
        standing: Whether it is known that the database is no older copy.
    """

    channel: str
    clocks: Clocks
    audit_channel: str = ""
    standing: Standing = field(default_factory=Standing)
