"""Texts that the report and the workbook share: sums, conditions, days, and the meaning of "out of hours"."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from html import unescape
from typing import Any

from bot.audit.evidence.package import HistoryRow, Package
from bot.audit.rows import Json
from bot.domain.money import Money
from bot.domain.words import count, listed

EARLY, LATE = 7, 20
SATURDAY = 5
OUT_OF_HOURS = f"on Saturday or Sunday, or before {EARLY:02}:00, or from {LATE:02}:00 on, in UTC"
"""When a decision counts as made out of hours."""

NAMES = {
    "sends": "can mail customers",
}
"""Names in the history that are shown to people in other words."""

LONGEST = 30
"""The most digits before or after the point of an amount; a longer number is shown unchanged."""


def is_out_of_hours(at: str) -> bool:
    """Return whether a moment of the history (UTC) is out of hours."""
    moment = datetime.fromisoformat(at)
    return moment.weekday() >= SATURDAY or not EARLY <= moment.hour < LATE


def moment(text: str) -> str:
    """Return a time of the history to the second, in UTC."""
    return f"{text[:10]} {text[11:19]} UTC" if text else ""


def happened(exception: Json) -> str:
    """Return when something was done outside the bot, as far as Zuora says."""
    at = str(exception.get("at") or exception.get("last_emailed_at") or "")
    is_moment = at[:1].isdigit()
    return moment(datetime.fromisoformat(at).astimezone(UTC).isoformat()) if is_moment else at


def person(row: HistoryRow) -> str:
    """Return who did something: the name at that moment and the Slack id."""
    name = row.data.get("person_name")
    return f"{name} ({row.who})" if name else row.who or "the bot"


def confirmed_by(package: Package, change: int) -> str:
    """Return who confirmed a change of the policy, and when: `by Bob Tanaka (U0BOB) on 2026-11-21 10:00 UTC`; or that nobody has."""
    changes = package.changes
    confirmed = changes.confirmed()
    if change not in confirmed:
        some = listed([package.named(who) for who in sorted(changes.agreed(change))])
        return f"not confirmed{f'; not enough: {some}' if some else ''}"
    if not confirmed[change]:
        return (
            "not needed: it changes nothing" if changes.changes[change].get("old") else "not needed"
        )
    counting = changes.counting(change, confirmed[change] + 1)
    said = [each for each in counting if each.base == counting[-1].base]
    said = said if said[-1].needed > 1 else said[-1:]
    return listed(
        [f"by {package.named(each.who)} on {moment(changes.at[each.row])}" for each in said]
    )


def denial(row: HistoryRow) -> str:
    """Return what somebody said was not theirs: `the decision about R-4 (row 26)`."""
    about = row.data.get("request") or row.data.get("month", "")
    what = (
        "the statement for"
        if "month" in row.data
        else "the decision about"
        if about
        else "a decision"
    )
    rows = listed([str(each) for each in row.data.get("rows", ())])
    named = f" (row {rows})" if rows and "month" not in row.data else ""
    return f"{what} {about}".strip() + named


def in_words(values: Json) -> str:
    """Return values with their names, as in a sentence; amounts as on a card, lists with spaces between."""
    said = {name: " ".join(_flat(name, value)) or "none" for name, value in values.items()}
    return ", ".join(f"{_called(name)} {value}" for name, value in said.items())


def _called(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def _flat(name: str, value: Any) -> Iterator[str]:
    """Yield the words of a value; `amounts` and `above` hold currencies, each with its amount."""
    if name in {"amounts", "above"} and isinstance(value, list | dict):
        pairs = value.items() if isinstance(value, dict) else value
        yield listed([_amount(*pair) for pair in pairs]) or "none"
    elif isinstance(value, dict):
        for each, inner in value.items():
            yield from (_called(each), *_flat(each, inner))
    elif isinstance(value, list):
        for each in value:
            yield from _flat("", each)
    elif isinstance(value, bool):
        yield ("no", "yes")[value]
    else:
        yield "not known" if value is None else str(value)


def _amount(currency: str, text: str) -> str:
    """Return `EUR -2.50` as on a card; anything but an amount unchanged."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return f"{currency} {text}"
    is_plain = amount.is_finite() and abs(amount.adjusted()) < LONGEST
    return str(Money(currency, amount)) if is_plain else f"{currency} {text}"


def days_in_words(about: Json, active: Iterable[str]) -> str:
    """Return the days (UTC) of a period on which nothing was recorded.

    Args:
        about: The package's `start`, `end` and `made_at`; days after `made_at` are not known.
        active: The days on which something was recorded, like `2026-11-21`.
    """
    first = date.fromisoformat(about["start"][:10])
    end = datetime.fromisoformat(about["end"]) - timedelta(microseconds=1)
    last = min(end.date(), date.fromisoformat(about["made_at"][:10]))
    days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
    known = {*active}
    without = [day for day in days if day.isoformat() not in known]
    words = (
        f"Something was recorded on {len(days) - len(without):,} of {count(len(days), 'day')} (UTC)"
    )
    if not without:
        return f"{words}."
    return f"{words}. Without a request, a decision, a call or a start are {listed([*_stretches(without)])}."


def _stretches(days: Iterable[date]) -> Iterator[str]:
    """Yield `2026-11-01 to 2026-11-20` for days that follow one another."""
    found: list[list[date]] = []
    for day in days:
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1].append(day)
        else:
            found.append([day])
    for each in found:
        yield f"{each[0]} to {each[-1]}" if len(each) > 1 else f"{each[0]}"


_DATE, _NAMED, _ID = (
    re.compile(pattern)
    for pattern in (
        r"<!date\^[^|>]*\|([^>]*)>",
        r"<[^|>]*\|([^>]*)>",
        r"<(?:[@#]|!subteam\^)([^>]*)>",
    )
)


def as_shown(text: str, named: Callable[[str], str] = str) -> str:
    """Return a card's text as it was shown, without Slack's marks for times, links and people; `named` gives an id its name."""
    for pattern in (_DATE, _NAMED):
        text = pattern.sub(r"\1", text)
    text = _ID.sub(lambda found: named(found[1]), text)
    return unescape(text).replace("\u2060", "")


class Messages:
    """Counts the numbers of messages; all messages to Slack share one numbering."""

    def __init__(self) -> None:
        self._first, self._last, self._number = 0, 0, 0

    def take(self, packet: Json) -> None:
        """Take in the messages of a request."""
        for each in packet["messages"]:
            number = each["sequence"]
            self._first = min(self._first or number, number)
            self._last = max(self._last, number)
            self._number += 1

    @property
    def words(self) -> str:
        """Return how many numbers belong to these requests, and what the others are."""
        if not self._number:
            return "None is about a request of this package."
        others = self._last - self._first + 1 - self._number
        said = f"All that the bot writes in Slack is numbered together. Of the numbers {self._first:,} to {self._last:,}, {self._number:,} "
        said += "are of messages about the requests of this package, which requests.jsonl holds."
        if not others:
            return said
        return (
            f"{said} The other {others:,} belong to none of them: they are of messages about no request (digests, notices, home tabs, "
            "answers to one person), or about a request that no row of the period is about."
        )
