"""Rows that bear a time before the period: by which clock, why they stand here, and which package has that day."""

import bisect
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from bot.audit.evidence.package import HistoryRow, Package
from bot.audit.evidence.said import moment
from bot.audit.rows import FileRow
from bot.domain.history import What

A_MINUTE = timedelta(minutes=1)
"""The most that a clock may go back unnoticed, as in FORMAT.md."""

NO_ROW = FileRow(0, "", None, "", "", "", "", "", "", masked=False)


class _Start(NamedTuple):
    """A start of the bot: its row, on which machine, and whether no other machine can write to that database."""

    sequence: int
    at: str
    host: str
    is_alone: bool


class Late(NamedTuple):
    """A row with a time before the period, and what is known about that time, in words."""

    row: FileRow
    clock: str
    why: str
    package: str


def late_rows(package: Package) -> Iterator[Late]:
    """Yield the rows of a package that bear a time before its period."""
    start, begun = package.about["start"], _starts(package)
    latest = max(package.rows_before(), key=_time, default=NO_ROW)
    for row in package.history():
        if row.at < start:
            clock = _clock(row, begun)
            yield Late(row, clock, _why(row, latest), f"one whose period has {row.at[:10]}")
        latest = max(latest, row, key=_time)


def of_request(package: Package, history: Iterable[HistoryRow]) -> str:
    """Return which rows of a request bear a time before the period; empty if none does."""
    first, last, start = (package.about[name] for name in ("first", "last", "start"))
    found = [each for each in history if first <= each.sequence <= last and each.at < start]
    if not found:
        return ""
    rows = f"row {found[0].sequence:,} bears"
    if len(found) > 1:
        rows = f"{len(found):,} of its rows ({found[0].sequence:,} to {found[-1].sequence:,}) bear"
    times = dict.fromkeys(moment(each.at) for each in (found[0], found[-1]))
    return f"{rows} a time before the period ({' to '.join(times)})"


def _why(row: FileRow, latest: FileRow) -> str:
    """Return whether the clock had been set back, or nobody had put the day into a package yet."""
    if latest.at and datetime.fromisoformat(row.at) < datetime.fromisoformat(latest.at) - A_MINUTE:
        return (
            f"the clock was set back: the earlier row {latest.sequence:,} bears {moment(latest.at)}"
        )
    return "in its order: no package before this one goes so far"


def _time(row: FileRow) -> str:
    return str(row.at)


def _clock(row: FileRow, begun: Sequence[_Start]) -> str:
    """Return by which machine's clock a row is, in words; none is named that is not certain.

    A start writes policy and groups at its own moment, in rows before its own. With a database on a server any
    process may have written the others, and a database that is held or archived may be on another machine by then.
    """
    place = bisect.bisect(begun, row.sequence - 1, key=lambda each: each.sequence)
    following, before = begun[place : place + 1], begun[:place][-1:]
    by = [each for each in following if (row.request, row.at) == (None, each.at)]
    if not by and not row.what.startswith("database."):
        by = [each for each in before if each.is_alone]
    host = by[0].host if by else ""
    return f"of the machine {host}" if host else "of a machine on which the bot ran"


def _starts(package: Package) -> list[_Start]:
    """Return each start that is known, in their order."""
    rows = chain(package.entries("standing.jsonl"), package.entries("starts.jsonl"))
    found = (
        _Start(each.sequence, each.at, str(each.data.get("host") or ""), _is_alone(each))
        for each in rows
        if each.what == What.STARTED_BOT
    )
    return sorted({*found})


def _is_alone(start: HistoryRow) -> bool:
    settings = start.data.get("settings")
    url = settings.get("DATABASE_URL") if isinstance(settings, dict) else ""
    return str(url).startswith("sqlite:")
