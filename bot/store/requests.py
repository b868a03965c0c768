"""The table of requests."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from prometheus_client import Counter

from bot.domain.key import plain_subject
from bot.domain.operation import Deed
from bot.domain.place import entity_part, where
from bot.domain.request import APART, Request, UnreadableError
from bot.metrics import MOVES
from bot.store.engine import Database, Question, once_committed
from bot.store.places import ENTITY_OF_PLACE
from bot.store.request_rows import (
    COLUMNS,
    Damaged,
    from_row,
    times_mended,
    to_row,
)
from bot.store.times import from_text_if_readable, to_text, to_text_or_none

OpenAbout = tuple[int, str, str]
"""An open request's number and operation, and one thing that it acts on."""

LOOKED_BACK = 2_000
"""How many requests of a kind, besides the newest, are searched for the last similar one."""

FIRST_LOOKED_AT = 20
"""How many of them are read first: one of these nearly always is, and a server sends all that it is asked for."""

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM requests"  # noqa: S608 - names of this module alone
_LONG = ("body", "facts", "typed")
_SHORT = ", ".join("''" if column in _LONG else column for column in COLUMNS)
_SELECT_SHORT = f"SELECT {_SHORT} FROM requests WHERE number = ?"  # noqa: S608 - as above
_APPROVED_BY = (
    "(SELECT json_group_array(json_array(person, team, at, note)) FROM (SELECT person, team, at, (SELECT CASE WHEN json_valid(data) THEN json_extract(data, '$.note') END FROM history "
    "INDEXED BY history_decisions "
    "WHERE history.at = approvals.at AND history.request = approvals.request AND who = person "
    "AND what IN ('request.approved', 'request.rejected', 'request.recorded', 'request.settled') "
    "AND what = 'request.approved') AS note FROM approvals WHERE request = number) AS noted)"
)
"""Who approved a request; notes are only in the history, found by the index of decisions."""

_SELECT_ONE = f"SELECT {', '.join(COLUMNS)}, {_APPROVED_BY} FROM requests WHERE number = ?"  # noqa: S608 - as above
_SUCCEEDED_BEFORE = (
    "FROM requests INDEXED BY requests_succeeded WHERE state = 'succeeded' AND operation = ? "
    "AND number < ? ORDER BY number DESC"
)
_NEWEST_BEFORE = f"SELECT {', '.join(COLUMNS)}, {_APPROVED_BY} {_SUCCEEDED_BEFORE} LIMIT 1"
_SELECT_TO_JUDGE = f"SELECT {_SHORT}, {_APPROVED_BY} FROM requests WHERE number = ?"  # noqa: S608 - as above

_INSERT = (
    f"INSERT INTO requests ({', '.join(COLUMNS)}, deed) "  # noqa: S608 - names of this module alone
    f"VALUES ({', '.join(':' + column for column in COLUMNS)}, :deed)"
)

_MOVE = """
UPDATE requests SET
  state = :state, state_at = :state_at, wake_at = :wake_at, decided_by = :decided_by,
  decided_at = :decided_at, decision_reason = :decision_reason, looks = :looks, result = :result,
  progress = :progress, reminded = :reminded
WHERE number = :number AND state = :state_before
"""


class RequestMovedError(Exception):
    """The request was no longer in the state in which it was read, because somebody else moved it first."""


@cache
def _moves(operation: str, state: str) -> Counter:
    """Return the counter of the moves of an operation's requests to a state."""
    return MOVES.labels(operation, state)


class Requests:
    """Adds, reads and moves requests. Every call belongs inside the caller's transaction."""

    def __init__(self, database: Database, damaged: Damaged) -> None:
        self._database = database
        self._damaged = damaged

    def next_number(self) -> int:
        """Return the number of the next request; only safe inside a transaction."""
        (number,) = self._database.execute(
            "SELECT MAX(number) + 1 FROM (SELECT COALESCE(MAX(number), 0) AS number FROM requests "
            "UNION ALL SELECT MAX(last_number) FROM copies "
            "UNION ALL SELECT COALESCE(MAX(number), 0) FROM preparing "
            "UNION ALL SELECT COALESCE((SELECT CAST(json_extract(data, '$.number') AS INTEGER) FROM history "
            "WHERE request IS NULL AND what = 'number.kept' AND CASE WHEN json_valid(data) THEN 1 ELSE 0 END = 1 ORDER BY sequence DESC LIMIT 1), 0)) AS taken"
        ).fetchone()
        return int(number)

    def newest(self) -> int:
        """Return the number of the newest request; 0 if nothing was ever asked for."""
        (number,) = self._database.execute(
            "SELECT MAX(number) FROM (SELECT COALESCE(MAX(number), 0) AS number FROM requests "
            "UNION ALL SELECT MAX(last_number) FROM copies) AS taken"
        ).fetchone()
        return int(number)

    def add(self, request: Request, deed: Deed, subjects: Collection[str] = ()) -> None:
        """Save a new request.

        Args:
            request: As asked for.
            deed: What it does in Zuora; the database has a rule for what mails.
            subjects: Everything that it acts on, under each name by which it may be looked for; if
                empty, only its subject.
        """
        self._database.execute(_INSERT, {**to_row(request), "deed": deed.value})
        self.add_facts(request.number, request.packed)
        self.add_subjects(request.number, subjects or [request.subject])
        self._came_to(request)

    def add_facts(self, number: int, packed: Sequence[bytes], first: int = 0) -> None:
        """Write parts of a request's facts, numbered from `first`; the request exists, or its number is kept for it."""
        self._database.executemany(
            "INSERT INTO facts_in_parts (request, part, packed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            ((number, first + place, part) for place, part in enumerate(packed)),
        )

    def add_subjects(self, number: int, subjects: Collection[str]) -> None:
        """Write what a request acts on; the request exists, or its number is kept for it."""
        self._database.executemany(
            "INSERT INTO request_subjects (subject, request) VALUES (?, ?) ON CONFLICT DO NOTHING",
            ((subject, number) for subject in subjects),
        )

    def _came_to(self, request: Request) -> None:
        """Count a move in the metrics once it is committed."""
        once_committed(self._database, _moves(request.operation, request.state.value).inc)

    def get(self, number: int) -> Request | None:
        """Return the request with that number; None if there is none, or if its row is damaged, which is logged once."""
        row = self._database.execute(_SELECT_ONE, [number]).fetchone()
        return None if row is None else self._with_approvals(row)

    def _with_approvals(self, row: tuple[Any, ...]) -> Request | None:
        return self._from_row(row[:-1], row[-1])

    def get_mended(self, number: int, now: datetime) -> Request:
        """Return a request whose row is damaged, so that it can be ended: `now` stands for a time that cannot be read.

        Raises:
            UnreadableError: Something else of it is damaged.
        """
        row = self._database.execute(_SELECT_SHORT, [number]).fetchone()
        return from_row(times_mended(row, now))

    def without_documents(self, number: int) -> Request | None:
        """Return the request with that number for a look at it: without body, facts, what was typed, and approvals.

        For a long list these take most of the time.
        """
        row = self._database.execute(_SELECT_SHORT, [number]).fetchone()
        return None if row is None else self._read(row)

    def to_judge(self, numbers: Sequence[int]) -> list[Request]:
        """Return requests as `without_documents` does, but with their approvals: what authority is judged by."""
        found = self._database.at_once(*((_SELECT_TO_JUDGE, [number]) for number in numbers))
        read = [self._read(row[:-1], row[-1]) for rows in found for row in rows]
        return [each for each in read if each is not None]

    def is_there(self, number: int) -> bool:
        """Return whether there is a request with that number."""
        row = self._database.execute("SELECT 1 FROM requests WHERE number = ?", [number]).fetchone()
        return row is not None

    def last_like(self, request: Request, *, same_subject: bool) -> Question[Request | None]:
        """Ask for the newest earlier request of the same operation, place and tenant that succeeded.

        Places and subjects are compared in one form, because older versions wrote them differently.

        Args:
            request: The request that it must resemble.
            same_subject: Whether it must act on the same subject (True) or on another one (False).
        """
        mine = where(request.place, request.place_words, request.tenant)
        subject = plain_subject(request.subject)

        def is_like(other: str, *there: str) -> bool:
            return where(*there) == mine and (plain_subject(other) == subject) is same_subject

        def found(rows: list[Any]) -> Request | None:
            for row in rows:
                newest = self._with_approvals(row)
                if newest is None:
                    continue
                if is_like(newest.subject, newest.place, newest.place_words, newest.tenant):
                    return newest
                for number, *about in self._succeeded_before(newest):
                    if is_like(*about):
                        return self.get(number)
            return None

        return Question((_NEWEST_BEFORE, [request.operation, request.number]), found)

    def _succeeded_before(self, request: Request) -> Iterator[tuple[Any, ...]]:
        """Yield number, subject and place of the last of its kind, the newest first."""
        behind = request.number
        for many in (FIRST_LOOKED_AT, LOOKED_BACK - FIRST_LOOKED_AT):
            rows = self._database.execute(
                f"SELECT number, subject, place, place_words, tenant {_SUCCEEDED_BEFORE} LIMIT ?",
                [request.operation, behind, many],
            ).fetchall()
            yield from rows
            if len(rows) < many:
                return
            behind = rows[-1][0]

    def by_form(self, form: str) -> Request | None:
        """Return the request that this form made, if it was submitted before."""
        row = self._database.execute(f"{_SELECT} WHERE form = ?", [form]).fetchone()
        return None if row is None else self._from_row(row)

    def move(self, before: Request, after: Request) -> None:
        """Write the request's next state: one conditional update that must hit exactly one row.

        Raises:
            RequestMovedError: It is no longer in the state of `before`.
        """
        cursor = self._database.execute(
            _MOVE,
            {
                "number": after.number,
                "state_before": before.state.value,
                "state": after.state.value,
                "state_at": to_text(after.state_at),
                "wake_at": to_text_or_none(after.wake_at),
                "decided_by": after.decided_by,
                "decided_at": to_text_or_none(after.decided_at),
                "decision_reason": after.decision_reason,
                "looks": after.looks,
                "result": after.result,
                "progress": after.progress,
                "reminded": after.reminded,
            },
        )
        if cursor.rowcount != 1:
            raise RequestMovedError(before.name)
        if after.state is not before.state:
            self._came_to(after)

    def set_card(self, number: int, ts: str) -> None:
        """Remember where the card is (Slack's `ts` of the message)."""
        self._database.execute("UPDATE requests SET card_ts = ? WHERE number = ?", [ts, number])

    def set_progress_message(self, number: int, ts: str) -> None:
        """Remember where the progress is shown (Slack's `ts` of the message)."""
        self._database.execute("UPDATE requests SET progress_ts = ? WHERE number = ?", [ts, number])

    def due(self, now: datetime, limit: int, *, behind: int = 0) -> list[int]:
        """Return the numbers of the requests whose time has come, the longest due first.

        Args:
            now: The moment.
            limit: How many at most.
            behind: Only numbers above this one.
        """
        rows = self._database.execute(
            "SELECT number FROM requests WHERE wake_at <= ? AND number > ? ORDER BY wake_at LIMIT ?",
            [to_text(now), behind, limit],
        )
        return [row[0] for row in rows]

    def next_wake_after(self, now: datetime) -> datetime | None:
        """Return when the next request becomes due, after now."""
        (at,) = self._database.execute(
            "SELECT MIN(wake_at) FROM requests WHERE wake_at > ?", [to_text(now)]
        ).fetchone()
        return from_text_if_readable(at)

    def open_about(self, subjects: Collection[str], place: str = "") -> list[OpenAbout]:
        """Return number, operation and subject of each open request that acts on one of these, in that order.

        Only requests of the same place count, or of one that is not known. It reads only index entries, however many
        requests are open.
        """
        return self._database.execute(
            "SELECT r.number, r.operation, s.subject FROM json_each(?) AS wanted "  # noqa: S608 - own words
            "CROSS JOIN request_subjects AS s ON s.subject = wanted.value "
            "CROSS JOIN requests AS r INDEXED BY requests_open ON r.number = s.request "
            "AND r.state IN ('waiting', 'approved', 'running', 'unknown') "
            f"AND ({ENTITY_OF_PLACE} IN ('', ?) OR ? = '') GROUP BY r.number, s.subject ORDER BY r.number, s.subject",
            [json.dumps(list(subjects)), entity_part(place), entity_part(place)],
        ).fetchall()

    def still_open(self, found: Sequence[OpenAbout]) -> list[OpenAbout]:
        """Return those of `open_about` whose requests have not ended meanwhile."""
        rows = self._database.execute(
            "SELECT number FROM requests INDEXED BY requests_open "
            "WHERE state IN ('waiting', 'approved', 'running', 'unknown') "
            "AND number IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
            [json.dumps(sorted({number for number, _, _ in found}))],
        )
        numbers = {number for (number,) in rows}
        return [each for each in found if each[0] in numbers]

    def open_of(self, operation: str, place: str) -> list[int]:
        """Return the numbers of one operation's requests that have not ended, in order.

        Only requests of the same place count, or of one that is not known.
        """
        rows = self._database.execute(
            "SELECT number FROM requests INDEXED BY requests_open WHERE state IN "  # noqa: S608 - own words
            "('waiting', 'approved', 'running', 'unknown') AND operation = ? "
            f"AND ({ENTITY_OF_PLACE} IN ('', ?) OR ? = '') ORDER BY number",
            [operation, entity_part(place), entity_part(place)],
        )
        return [number for (number,) in rows]

    def waiting_to_bill_beside(self, request: Request) -> list[tuple[int, str]]:
        """Return number and channel of the other waiting requests that bill in the same place.

        Empty if the request itself creates no bill run; then the others, of which there can be many, are
        not read.
        """
        entity = entity_part(request.place)
        return self._database.execute(
            "SELECT number, channel FROM "  # noqa: S608 - own words
            "(SELECT number AS mine, operation AS same FROM requests WHERE number = ? AND deed = 'created') AS asked "
            "CROSS JOIN requests ON operation = same AND number <> mine WHERE state = 'waiting' AND deed = 'created' "
            f"AND ({ENTITY_OF_PLACE} IN ('', ?) OR ? = '') ORDER BY number",
            [request.number, entity, entity],
        ).fetchall()

    def open_by(self, person: str, since: datetime) -> list[Request]:
        """Return a person's requests since a moment that have not ended."""
        rows = self._database.execute(
            f"{_SELECT} INDEXED BY requests_created WHERE requester = ? AND created_at >= ? "
            "AND state IN ('waiting', 'approved', 'running', 'unknown') ORDER BY number",
            [person, to_text(since)],
        )
        read = map(self._from_row, rows.fetchall())
        return [each for each in read if each is not None]

    def _read(self, row: tuple[Any, ...], approved: str = "[]") -> Request | None:
        """Return a request of the table; None if its row is damaged, so that this keeps nobody from all others."""
        try:
            return from_row(row, approved)
        except UnreadableError as error:
            self._damaged.log(row[0], error)
            return None

    def _from_row(self, row: tuple[Any, ...], approved: str = "[]") -> Request | None:
        """Return what `_read` does, with the parts of its facts if there are any."""
        request = self._read(row, approved)
        if request is None or not request.facts.startswith(APART):
            return request
        parts = self._database.execute(
            "SELECT packed FROM facts_in_parts WHERE request = ? ORDER BY part", [request.number]
        )
        return replace(request, packed=tuple(packed for (packed,) in parts))

    def continuing(self, number: int) -> list[int]:
        """Return the numbers of the requests that continue one, in order."""
        rows = self._database.execute(
            "SELECT number FROM requests INDEXED BY requests_parent WHERE parent = ? ORDER BY number",
            [number],
        )
        return [found for (found,) in rows]

    def stands(self, request: Request) -> bool:
        """Return whether a request has not moved since it was read."""
        row = self._database.execute(
            "SELECT state, state_at, progress FROM requests WHERE number = ?", [request.number]
        ).fetchone()
        return bool(row == (request.state.value, to_text(request.state_at), request.progress))

    def approve(self, request: Request, person: str, team: str, now: datetime) -> None:
        """Record one person's approval of exactly what the request says."""
        self._database.execute(
            "INSERT INTO approvals (request, person, team, at, digest) VALUES (?, ?, ?, ?, ?)",
            [request.number, person, team, to_text(now), request.digest],
        )
