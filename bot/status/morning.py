"""The morning's digest: when it is due, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.cards.headline import HEADLINES
from bot.domain.message import Words
from bot.domain.request import State
from bot.domain.words import Line, Strong, and_more, in_days
from bot.status import lists
from bot.status.lists import SHOWN, Links
from bot.store.store import Store

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
A_DAY = timedelta(days=1)
A_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When the digest is posted.

    Attributes:
        at: Time of day in `zone`; None: never.
        days: Week days, Monday is 0.
    """

    at: time | None
    zone: ZoneInfo
    days: frozenset[int]

    def due_at(self, now: datetime) -> datetime | None:
        """Return when today's digest is due, aware UTC; None on a day without one."""
        return self._due_on(now.astimezone(self.zone).date())

    def _due_on(self, day: date) -> datetime | None:
        if self.at is None or day.weekday() not in self.days:
            return None
        return datetime.combine(day, self.at, self.zone).astimezone(UTC)

    def next_after(self, now: datetime) -> datetime | None:
        """Return when the next digest is due, after now."""
        today = now.astimezone(self.zone).date()
        for days in range(8):  # days of the calendar: one of 23 hours would be leapt over
            due = self._due_on(today + A_DAY * days)
            if due is not None and due > now:
                return due
        return None

    def day(self, now: datetime) -> str:
        """Return today in `zone`, as `2026-11-21`."""
        return now.astimezone(self.zone).date().isoformat()

    def midnight(self, now: datetime, days: int = 0) -> datetime:
        """Return when today begins in `zone`, or the day that many days later (negative: earlier); aware UTC."""
        day = now.astimezone(self.zone).date() + A_DAY * days
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def days_back(self, now: datetime) -> int:
        """Return how many days ago the last day with a digest was: over a weekend, three."""
        today = now.astimezone(self.zone).date().weekday()
        return next((back for back in range(1, 8) if (today - back) % 7 in self.days), 1)


def mornings_digest(store: Store, links: Links, timetable: Timetable, now: datetime) -> Words:
    """Return the morning's digest: unknown outcomes, what expires today, what waits, and the last results."""
    status = store.status
    unknown, waiting = status.in_states((State.UNKNOWN, State.WAITING), SHOWN)
    tonight = timetable.midnight(now, 1)
    expiring = status.expiring(tonight, SHOWN)
    return lists.words(
        "Where billing stands this morning",
        lists.stateless_section(store),
        lists.unknown_section(links, unknown),
        lists.section("Expires today", [lists.waiting(links, each) for each in expiring],
                      status.count_expiring(tonight)),
        lists.waiting_section(links, waiting),
        _results(store, links, timetable, now),
    )  # fmt: skip


def _days_since_the_last(store: Store, timetable: Timetable, now: datetime) -> int:
    """Return how many days ago the last digest was, or if there was none, when it should have been."""
    today = timetable.day(now)
    last = store.mornings.before(today)
    if not last:
        return timetable.days_back(now)
    return (date.fromisoformat(today) - date.fromisoformat(last)).days


def _results(store: Store, links: Links, timetable: Timetable, now: datetime) -> Sequence[Line]:
    back = _days_since_the_last(store, timetable, now)
    first, last = timetable.midnight(now, -back), timetable.midnight(now)
    day = first.astimezone(timetable.zone)
    since = f"{day:%A}" if back < A_WEEK else in_days(day.date())
    when = "Yesterday" if back == 1 else f"Since {since}"
    counted = store.status.counted_between(first, last)
    if not counted:
        return (Line("", (Strong(when), ": no results")),)
    words = ", ".join(
        f"{number:,} {HEADLINES[state].partition('. ')[0].lower()}"
        for state, number in counted.items()
    )
    found = store.status.ended_between(first, last, SHOWN)
    ended = [lists.ended(links, each) for each in found]
    rest = and_more(sum(counted.values()) - len(ended), lists.IN_THE_EXPORT)
    return (Line("", (Strong(when), f": {words}")), *ended, *rest)
