"""What happened, as the history has it: every question that the bot asks it."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from bot.domain.history import SALTS, START, Entry, Head, What
from bot.store.engine import Database, Query, Question, ask
from bot.store.times import LONG_AGO, WRONG, from_text_if_readable, to_text

logger = logging.getLogger(__name__)


class Written(NamedTuple):
    """An entry as the history has it."""

    sequence: int
    at: datetime
    entry: Entry
    hash: str


NEEDED: Mapping[What, Mapping[str, type]] = {
    What.POLICY_CHANGED: {"new": str, "old": str},
    What.POLICY_POSTED: {"change": int},
    What.POLICY_CONFIRMED: {"change": int},
    What.GROUPS: {"groups": dict},
    What.STATEMENT_SENT: {"month": str, "rows": list},
    What.STATEMENT_CONFIRMED: {"month": str},
    What.EXPLANATION: {"number": str, "words": str},
    What.EXPLAINED: {"number": str, "words": str},
    What.SIGNING_KEY: {"public": str},
    What.HEAD: {"sequence": int, "hash": str},
    What.ANCHORED: {"where": str},
}
"""What readers take from an entry about no request; one that lacks it is left out, because it says nothing to them."""


def entry_from_row(row: tuple[Any, ...]) -> Written | None:
    """Return an entry from its columns, whatever of it is damaged, which is logged once; None if it then says nothing.

    One about a request happened, so it stands without its data. A damaged denial stands too: it denies whatever its
    person has decided. A damaged time is `LONG_AGO`.
    """
    sequence, at, request, kind, who, team, data, hashed = row
    what, time = What(kind), from_text_if_readable(at)
    read = _data_from(data)
    if time is None or read is None:
        _log_once(sequence)
    needed = NEEDED.get(what, {}) if request is None else {}
    if any(not isinstance((read or {}).get(name), of) for name, of in needed.items()):
        _log_once(sequence)
        return None
    found = {} if read is None else read
    found.pop(SALTS, None)  # they belong to the row, not to what it says
    if what is What.STATEMENT_DENIED and not isinstance(found.get("rows"), list):
        found.pop("rows", None)
    entry = Entry(what=what, who=who, team=team, request=request, data=found)
    return Written(sequence, time or LONG_AGO, entry, hashed)


def _data_from(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except WRONG:
        return None
    return found if isinstance(found, dict) else None


@lru_cache(maxsize=1000)
def _log_once(sequence: int) -> None:
    logger.error("history_unreadable", extra={"sequence": sequence})


def entries(rows: Iterable[tuple[Any, ...]]) -> list[Written]:
    """Return the entries of these rows, in order, without kinds that only a newer version beside this one knows."""
    found = (entry_from_row(row) for row in rows if row[3] in _KINDS)
    return [each for each in found if each is not None]


_KINDS = frozenset(each.value for each in What)


_FILES = """
WITH starts AS (SELECT sequence, CASE WHEN json_valid(data) THEN json_extract(data, '$.files') END AS files FROM history
  WHERE request IS NULL AND what = 'bot.started')
SELECT
  (SELECT files FROM starts WHERE sequence < (SELECT MIN(sequence) FROM history WHERE request = ?)
    ORDER BY sequence DESC LIMIT 1),
  (SELECT files FROM starts ORDER BY sequence DESC LIMIT 1)
"""
"""The hash of the program's files at the last start before a request was asked for, and at the latest start."""

_OF_THE_STORY = (
    "FROM history WHERE request = ? AND what NOT LIKE 'call.%' AND what <> 'slack.shown'"
)
_STORY = (
    "SELECT sequence, at, request, what, who, team, "
    f"CASE what WHEN 'request.asked' THEN '{{}}' ELSE data END, hash {_OF_THE_STORY} "
    "ORDER BY sequence LIMIT ?"
)
_HOW_MANY = f"SELECT COUNT(*) {_OF_THE_STORY}"

_HAS_ROWS = "json_valid(said.data) AND instr(said.data, '\"rows\":[') > 0"
_ROWS = f"json_each(CASE WHEN {_HAS_ROWS} THEN json_extract(said.data, '$.rows') END) AS one"
_ROW = (
    "CASE WHEN LENGTH(one.value) BETWEEN 1 AND 18 AND TRIM(one.value, '0123456789') = '' "
    "THEN CAST(one.value AS INTEGER) END"
)
"""The number of a row that was denied; NULL if it is none, which PostgreSQL would refuse to read."""
_DENIED = (
    "SELECT DISTINCT h.sequence, h.at, h.request, h.what, h.who, h.team, h.data, h.hash "  # noqa: S608 - own words
    f"FROM history AS said, {_ROWS} CROSS JOIN history AS h ON h.sequence = {_ROW} "
    "WHERE said.request IS NULL AND said.what = 'statement.denied' "
    "UNION SELECT h.sequence, h.at, h.request, h.what, h.who, h.team, h.data, h.hash "
    "FROM history AS said CROSS JOIN history AS h ON h.who = said.who AND h.sequence < said.sequence "
    "AND h.what IN ('request.approved', 'request.rejected', 'request.recorded', 'request.settled') "
    "WHERE said.request IS NULL AND said.what = 'statement.denied' "
    f"AND NOT ({_HAS_ROWS} AND NOT EXISTS (SELECT 1 FROM {_ROWS} WHERE {_ROW} IS NULL)) ORDER BY 1"
)
DENIED: Query = (_DENIED, ())
"""The decisions that people have denied, in order; where nobody can read which, all that they had made by then."""

MOST = 2**62
"""More rows than a history can have."""


class Past:
    """Reads the history; inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> Head:
        """Return sequence and hash of the last row; `START` for an empty history."""
        row = self._database.execute(
            "SELECT sequence, hash FROM history ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return Head(row[0], row[1]) if row else START

    def last_of(self, what: What) -> Written | None:
        """Return the latest entry of a kind that belongs to no request, and that can be read."""
        row = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "WHERE request IS NULL AND what = ? ORDER BY sequence DESC LIMIT 1",
            [what.value],
        ).fetchone()
        if row is None or (latest := entry_from_row(row)) is not None:
            return None if row is None else latest
        return next(reversed(self.since(0, what)), None)

    def last_row_of(self, what: What) -> int:
        """Return the latest row of a kind that belongs to no request, whether it can be read or not; 0 if there is none."""
        (sequence,) = self._database.execute(
            "SELECT COALESCE(MAX(sequence), 0) FROM history WHERE request IS NULL AND what = ?",
            [what.value],
        ).fetchone()
        return int(sequence)

    def at_the_latest(self, written: Written, now: datetime) -> datetime:
        """Return when an entry was written, at the latest: if its time is damaged, the time of the next row, or now."""
        if written.at != LONG_AGO:
            return written.at
        following = self.row(written.sequence + 1)
        return now if following is None or following.at == LONG_AGO else following.at

    def is_of_other_files(self, request: int) -> bool:
        """Return whether a request was asked for while the bot had other program files than at its latest start.

        If no row says so, they count as other files, because an older version did not record them.
        """
        (asked_with, now) = self._database.execute(_FILES, [request]).fetchone()
        return asked_with is None or asked_with != now

    def was_refused(self, request: int, refusal: str) -> bool:
        """Return whether the history has a refusal of this kind about a request."""
        (found,) = self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM history WHERE request = ? AND what = 'refused' "
            "AND CASE WHEN json_valid(data) THEN json_extract(data, '$.refusal') END = ?)",
            [request, refusal],
        ).fetchone()
        return bool(found)

    def tenant_of(self, request: int) -> str:
        """Return which Zuora a request was asked for, as its approval is bound to it; empty if an older version did not record it."""
        found = self._database.execute(
            "SELECT CASE WHEN json_valid(data) THEN json_extract(json_extract(data, '$.bound'), '$.tenant') END "
            "FROM history WHERE request = ? AND what = 'request.asked'",
            [request],
        ).fetchone()
        return str((found and found[0]) or "")

    def has_happened_since(self, sequence: int) -> bool:
        """Return whether there is a row after this one that is not about the history itself."""
        (found,) = self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM history WHERE sequence > ? "
            "AND substr(what, 1, 6) <> 'audit.')",
            [sequence],
        ).fetchone()
        return bool(found)

    def has_called_since(self, sequence: int, *, not_of: int) -> bool:
        """Return whether after this row another request's call went out or came back."""
        (found,) = self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM history WHERE sequence > ? "
            "AND substr(what, 1, 5) = 'call.' AND COALESCE(request, 0) <> ?)",
            [sequence, not_of],
        ).fetchone()
        return bool(found)

    def since(self, sequence: int, what: What) -> list[Written]:
        """Return the entries of a kind after a row that belong to no request."""
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "WHERE request IS NULL AND what = ? AND sequence > ? ORDER BY sequence",
            [what.value, sequence],
        )
        return entries(rows)

    def decisions(
        self,
        start: datetime,
        end: datetime,
        after: Written | None,
        limit: int,
        *,
        behind: int = MOST,
    ) -> list[Written]:
        """Return what people approved, rejected or recorded by hand from `start` to before `end`, in parts.

        Args:
            start: The beginning of the span.
            end: The first moment after it.
            after: The last one of the part before; None for the first part.
            limit: How many at most.
            behind: Rows after this one count even if their time is before `start`.
        """
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "WHERE (at >= ? OR sequence > ?) AND at < ? AND (at, sequence) > (?, ?) AND who <> '' AND request IS NOT NULL "
            "AND what IN ('request.approved', 'request.rejected', 'request.recorded', 'request.settled') "
            "ORDER BY at, sequence LIMIT ?",
            [
                to_text(start), behind, to_text(end), *((to_text(after.at), after.sequence) if after else ("", 0)),
                limit,
            ],
        )  # fmt: skip
        return entries(rows)

    def row(self, sequence: int) -> Written | None:
        """Return the row with this number, if the database holds it."""
        found = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history WHERE sequence = ?",
            [sequence],
        ).fetchone()
        return next(iter(entries([found])), None) if found else None

    def denied(self) -> frozenset[int]:
        """Return the rows of decisions that people have denied: made in their names, but not by them."""
        said = [each.entry.data.get("rows") for each in self.since(0, What.STATEMENT_DENIED)]
        listed = {row for rows in said if isinstance(rows, list) for row in rows}
        if all(isinstance(rows, list) for rows in said):
            return frozenset(listed)
        return frozenset(listed | {row[0] for row in self._database.at_once(DENIED)[0]})

    def approval_is_denied(self, request: int) -> bool:
        """Return whether an approval of a request is denied."""
        found = self.denied_decisions(request)
        return any(each.entry.what is What.APPROVED for each in found)

    def denied_decisions(self, request: int) -> list[Written]:
        """Return the decisions about a request that are denied, in order."""
        return ask(self._database, self.whether_denied(request))

    @staticmethod
    def whether_denied(request: int) -> Question[list[Written]]:
        """Ask for the decisions about a request that are denied, in order."""
        return Question(DENIED, lambda rows: by_request(rows).get(request, []))

    def denied_by_request(self) -> dict[int | None, list[Written]]:
        """Return the decisions that are denied, in order, by the request that they are about."""
        return by_request(self._database.at_once(DENIED)[0])

    def of(self, request: int) -> list[Written]:
        """Return everything that happened to a request, in order."""
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "WHERE request = ? ORDER BY sequence",
            [request],
        )
        return entries(rows)

    def names(self, request: int) -> dict[str, str]:
        """Return the recorded names of the people who acted on a request, by Slack id."""
        rows = self._database.execute(
            "SELECT who, CASE WHEN json_valid(data) THEN json_extract(data, '$.person_name') END FROM history "
            "WHERE request = ? AND what NOT LIKE 'call.%' ORDER BY sequence",
            [request],
        )
        return {who: name for who, name in rows if name}

    def story(self, request: int, limit: int, reason: str) -> Question[tuple[list[Written], int]]:
        """Ask what happened to a request, without single calls and messages, and how much more there is.

        Args:
            request: Its number.
            limit: How many entries at most.
            reason: The request's; nothing else of its first entry is read, because that may name 50,000 documents.
        """

        def told(rows: list[Any]) -> tuple[list[Written], int]:
            number = len(rows)
            if number == limit:  # only then there may be more
                ((number,),) = self._database.execute(_HOW_MANY, [request])
            found = entries(rows)
            shown = [
                each._replace(entry=replace(each.entry, data={"reason": reason}))
                if each.entry.what is What.ASKED
                else each
                for each in found
            ]
            return shown, number - len(rows)

        return Question((_STORY, [request, limit]), told)

    def all(self) -> list[Written]:
        """Return the whole history, in order."""
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "ORDER BY sequence"
        )
        return entries(rows)


def by_request(rows: Sequence[tuple[Any, ...]]) -> dict[int | None, list[Written]]:
    """Return entries from their columns, in the same order, by the request that they are about."""
    found: dict[int | None, list[Written]] = {}
    for written in entries(rows):
        found.setdefault(written.entry.request, []).append(written)
    return found
