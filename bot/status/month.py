"""A month's figures, read from the sums of its days, so that a long history does not slow them down."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median

from bot.domain.money import Money
from bot.domain.place import EVERYWHERE, Within
from bot.domain.request import FINAL, Request, State
from bot.status.counting import LIMITS, figure_of
from bot.status.lists import only
from bot.store.figures import Figure
from bot.store.store import Store

AT_ONCE = 10
"""How many requests' figures are written in one transaction."""

SLICE = 500
"""How many requests' figures are read together."""

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
_MONTH = re.compile(r"2[01]\d\d-(?:0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month's figures; requests belong to the UTC day they were asked on.

    Attributes:
        name: `2026-11`.
        requests: How many by state.
        operations: How many succeeded, by operation.
        documents: How many were `posted` and `mailed`.
        unpriced: How many bill runs were mailed only in part, so that their amounts are not known
            and in no sum.
        posted, mailed: Sums per currency.
        days: Sums for the picture: day of the month, `posted` or `mailed`, currency.
        waited: Decisions by class of `LIMITS`.
        places: How many requests for each entity and organization, if there are several.
        to_decision, to_done: Medians in seconds; None if there is none.
        refusals: How many clicks were refused; None if not counted.
        within: ` in entity Europe` for one place; empty for all.
        not_counted: Numbers of requests that are not in the figures, because their row is damaged.
    """

    name: str
    requests: Mapping[State, int]
    operations: Mapping[str, int]
    documents: Mapping[str, int]
    unpriced: int
    posted: tuple[Money, ...]
    mailed: tuple[Money, ...]
    days: Mapping[tuple[int, str, str], Decimal]
    waited: tuple[int, ...]
    to_decision: float | None
    to_done: float | None
    refusals: int | None
    places: Mapping[str, int] = field(default_factory=dict)
    within: str = ""
    not_counted: tuple[int, ...] = ()

    @property
    def asked(self) -> int:
        """Return how many requests there were."""
        return sum(self.requests.values())

    @property
    def still_open(self) -> int:
        """Return how many have no result yet, not counting unknown outcomes."""
        ended = FINAL | {State.UNKNOWN}
        return sum(number for state, number in self.requests.items() if state not in ended)

    def of(self, state: State) -> int:
        """Return how many are in a state."""
        return self.requests.get(state, 0)


def month_named(typed: str, now: datetime) -> str | None:
    """Return the month that somebody typed as `2026-10`, from 2000 to 2199; None if it is not one.

    An empty text is this month; `november` or `nov` is the last November that has begun; `nov 2025` is that of 2025.
    """
    today = now.astimezone(UTC)
    if not typed:
        return today.strftime("%Y-%m")
    word, _, year = typed.strip().lower().partition(" ")
    named = [at for at, name in enumerate(MONTHS, 1) if word in (name.lower(), name[:3].lower())]
    if named and year:
        return month_named(f"{year.strip()}-{named[0]:02}", now)
    if named:
        return f"{today.year - (named[0] > today.month)}-{named[0]:02}"
    return typed.strip() if _MONTH.fullmatch(typed.strip()) else None


def span_of(month: str) -> tuple[datetime, datetime]:
    """Return when the month begins and when the next one does."""
    year, number = int(month[:4]), int(month[5:])
    first = datetime(year, number, 1, tzinfo=UTC)
    return first, first.replace(year=year + number // 12, month=number % 12 + 1)


def month_before(month: str) -> str:
    """Return `2026-10` for `2026-11`."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - (number == 1):04}-{(number - 2) % 12 + 1:02}"


async def catch_up(store: Store) -> set[int]:
    """Count what has moved since the last count; return the numbers of what cannot be read.

    Others get a turn after each request that is read. A request that moves meanwhile is not
    written and stays due, and so does one that cannot be read.

    Raises:
        CouldNotRecordError: Some were not counted yet; they stay due.
    """
    damaged = set[int]()
    while numbers := [*{*store.figures.due(AT_ONCE + len(damaged))} - damaged]:
        ready: list[tuple[Request, Figure]] = []
        for number in numbers:
            request = store.requests.get(number)
            if request is None:
                damaged.add(number)
            else:
                ready.append((request, await figure_of(store, request)))
            await asyncio.sleep(0)
        with store.transaction():
            for request, figure in ready:
                if store.requests.stands(request):
                    store.figures.write(figure)
        await asyncio.sleep(0)
    return damaged


async def read_month(store: Store, name: str, within: Within = EVERYWHERE) -> Month:
    """Return the figures of a month, up to date.

    Raises:
        CouldNotRecordError: What moved last could not be counted.
    """
    damaged = only(store, store.figures.may_belong_to(name, await catch_up(store)), within)
    month = await month_within(store, name, within)
    return replace(month, not_counted=tuple(damaged))


async def month_within(store: Store, name: str, within: Within) -> Month:
    """Return a month's figures as counted, everywhere or in some places."""
    if within.keys is None:
        return month_of(store, name)
    found = [each async for each in _figures_within(store, name, within)]
    return await asyncio.to_thread(_month_within, name, within, found)


async def _figures_within(store: Store, name: str, within: Within) -> AsyncIterator[Figure]:
    """Yield what each of a month's requests in some places counts for; others get their turn in between."""
    first, last = span_of(name)
    after = ("", 0)
    while slice_ := store.figures.asked_in(first, last, after, SLICE):
        after = slice_[-1]
        there = only(store, [number for _, number in slice_], within)
        for each in store.figures.of(there):
            yield each
        await asyncio.sleep(0)


def _month_within(name: str, within: Within, found: Sequence[Figure]) -> Month:
    rows = (
        (each.day, group, key, value)
        for each in found
        for (group, key), value in each.counted.items()
    )
    sums, days = _summed(rows)
    to_decision = [each.to_decision for each in found if each.to_decision is not None]
    to_done = [each.to_done for each in found if each.to_done is not None]
    return replace(
        _month(name, sums, days),
        to_decision=median(to_decision) if to_decision else None,
        to_done=median(to_done) if to_done else None,
        within=within.words,
    )


def month_of(store: Store, name: str) -> Month:
    """Return a month's figures as counted."""
    sums, days = _summed(store.figures.of_days(name))
    return replace(
        _month(name, sums, days),
        to_decision=store.figures.median_to_decision(name, int(sums.get(("decided", ""), 0))),
        to_done=store.figures.median_to_done(name, int(sums.get(("done", ""), 0))),
        refusals=store.figures.refusals(name),
    )


def _summed(
    rows: Iterable[tuple[str, str, str, Decimal]],
) -> tuple[dict[tuple[str, str], Decimal], dict[tuple[int, str, str], Decimal]]:
    """Return sums by name and key, and those of single days."""
    sums: dict[tuple[str, str], Decimal] = {}
    days: dict[tuple[int, str, str], Decimal] = {}
    for day, group, key, value in rows:
        sums[group, key] = sums.get((group, key), Decimal(0)) + value
        if group in ("posted", "mailed") and value:
            at = (int(day[8:]), group, key)
            days[at] = days.get(at, Decimal(0)) + value
    return sums, days


def _month(
    name: str,
    sums: Mapping[tuple[str, str], Decimal],
    days: Mapping[tuple[int, str, str], Decimal],
) -> Month:
    """Return the figures that are sums."""
    number = {key: int(value) for key, value in sums.items() if key[0] not in ("posted", "mailed")}
    return Month(
        name=name,
        requests={State(key): n for (group, key), n in number.items() if group == "requests" and n},
        operations={
            key.removesuffix(":succeeded"): n
            for (group, key), n in number.items()
            if group == "operations" and key.endswith(":succeeded") and n
        },
        documents={key: n for (group, key), n in number.items() if group == "documents"},
        unpriced=sum(n for (group, _), n in number.items() if group == "unpriced"),
        posted=_money(sums, "posted"),
        mailed=_money(sums, "mailed"),
        days=days,
        waited=tuple(number.get(("waited", str(c)), 0) for c in range(len(LIMITS) + 1)),
        to_decision=None,
        to_done=None,
        refusals=None,
        places={key: n for (group, key), n in sorted(number.items()) if group == "places" and n},
    )


def _money(sums: Mapping[tuple[str, str], Decimal], name: str) -> tuple[Money, ...]:
    found = [Money(key, value) for (group, key), value in sums.items() if group == name and value]
    return tuple(sorted(found))
