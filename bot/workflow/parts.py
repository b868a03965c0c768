"""What the workflow works with; wiring passes it in once."""

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
    """What the loops sleep on; each is rung after a transaction that left its loop work."""

    runner: asyncio.Event = field(default_factory=asyncio.Event)
    sender: asyncio.Event = field(default_factory=asyncio.Event)
    estimates: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Ring all bells: something was written, and nobody here knows what."""
        self.runner.set()
        self.sender.set()
        self.estimates.set()


@dataclass(kw_only=True)
class Standing:
    """Whether it is known that this database is not an older copy.

    Attributes:
        unread: Why Slack could not be compared with it, in a sentence; empty once it was.
        asked_before: The highest number of before this start. Until it is known, requests up to
            this one wait: an older copy might do again what was done.
    """

    unread: str = ""
    asked_before: int = 0

    @property
    def waits_up_to(self) -> int:
        """Return the highest number of the requests that wait."""
        return self.asked_before if self.unread else 0


@dataclass(frozen=True, kw_only=True)
class Looking:
    """What a look needs: the database, the moment, which Zuora, and its places."""

    store: Store
    clock: Clock
    tenancy: Tenancy


@dataclass(frozen=True, kw_only=True)
class Working(Looking):
    """What a step of the workflow needs besides what a look needs.

    Attributes:
        rules: Who has to approve what.
        guard: Keeps a customer from being mailed twice in quick succession.
        new_id: A new random id, for keys.
        pauses: How long Zuora is left alone.
        bells: Of the loops that work on what was written.
    """

    rules: Rules
    guard: Guard
    new_id: Callable[[], str]
    pauses: Pauses
    bells: Bells = field(default_factory=Bells)


@dataclass(frozen=True, kw_only=True)
class Parts(Working):
    """The whole outside: also where requests are shown, and whether the bot may work at all.

    Attributes:
        channel: Slack channel id where requests are shown.
        clocks: How far this machine's clock is from Slack's and Zuora's.
        standing: Whether it is known that the database is no older copy.
    """

    channel: str
    clocks: Clocks
    standing: Standing = field(default_factory=Standing)
