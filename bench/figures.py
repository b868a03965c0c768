"""What a part measures, as values: rounds, medians, spreads, ratios."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PARTS = (
    "clicks", "decisions", "mailing", "start", "reads", "ledger", "memory", "following", "verifying", "big",
)  # fmt: skip
"""Everything that is measured, in the order of the table; each is a module of this folder."""

SECTIONS = ("run-2500", "run-20000", "run-50000", "list-2500", "list-20000", "list-50000", "views")
"""What the part *big* is made of, where not all of it is measured: a run of so many documents, or so many by number."""

PAUSES = "pauses"
"""What the rows on pauses of the event loop are kept under, whatever part was running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        part: Name of the part that measured it.
        what: What was measured.
        ours: The figure itself, with its unit.
        against: What it is compared with, and that figure.
        rounds: The ratio of each round; empty if there is nothing to compare with.
        goal: The goal in words; empty for none.
        most: The ratio that may not be exceeded.
        least: The ratio that must be reached.
        met: Whether the goal is met where it is no ratio.
        note: What a reader has to know beside it.
    """

    part: str
    what: str
    ours: str
    against: str = ""
    rounds: tuple[float, ...] = ()
    goal: str = ""
    most: float | None = None
    least: float | None = None
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of the rounds."""
        return statistics.median(self.rounds) if self.rounds else None

    @property
    def spread(self) -> str:
        """The smallest and the largest of the rounds."""
        return f"{min(self.rounds):.2f} to {max(self.rounds):.2f}" if self.rounds else ""

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or empty if there is no goal."""
        ratio = self.ratio
        if self.met is not None:
            return "met" if self.met else "missed"
        if ratio is None or (self.most is None and self.least is None):
            return ""
        missed = (self.most is not None and ratio > self.most) or (
            self.least is not None and ratio < self.least
        )
        return "missed" if missed else "met"


@dataclass(slots=True)
class Options:
    """Sizes of everything; `--small` makes them small."""

    small: bool = False
    rounds: int = 5
    clicks_at_rest: int = 200
    clicks_at_once: int = 200
    decisions: int = 400
    mails: int = 1000
    open_requests: int = 10_000
    history: int = 1_000_000
    requests: int = 100_000
    followed: int = 500
    rest_seconds: float = 60.0
    only: tuple[str, ...] = ()
    """Of the part *big*, some of `SECTIONS`; empty: all."""

    pauses: dict[str, float] = field(default_factory=dict)
    """Longest pause of the bot's event loop, in milliseconds, by part."""
    pauses_of_empty: dict[str, float] = field(default_factory=dict)
    """The same of the empty Bolt app on the same clicks; it has nothing to do after them."""

    def paused(self, what: str, ours: float, empty: float | None = None) -> None:
        """Note pauses in milliseconds, of the bot and of the empty app; the longest one stands."""
        self.pauses[what] = max(ours, self.pauses.get(what, 0.0))
        if empty is not None:
            self.pauses_of_empty[what] = max(empty, self.pauses_of_empty.get(what, 0.0))

    @classmethod
    def of_size(cls, *, small: bool, rounds: int | None, only: tuple[str, ...] = ()) -> "Options":
        """The sizes of a real run, or small ones that only show that the parts work; `only` some sections."""
        if not small:
            return cls(rounds=rounds or 5, only=only)
        return cls(
            small=True, only=only, rounds=rounds or 2, clicks_at_rest=15, clicks_at_once=40, decisions=60,
            mails=200, open_requests=500, history=20_000, requests=5_000, followed=30,
            rest_seconds=8.0,
        )  # fmt: skip


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent of them lie (nearest rank)."""
    ordered = sorted(values)
    rank = max(0, min(len(ordered) - 1, round(percent / 100 * len(ordered) + 0.5) - 1))
    return ordered[rank]


def as_row(found: dict[str, Any]) -> Row:
    """A row that was kept as JSON."""
    return Row(**{**found, "rounds": tuple(found["rounds"])})


def ms(seconds: float) -> str:
    """`1.23 ms`."""
    return f"{seconds * 1000:.2f} ms"
