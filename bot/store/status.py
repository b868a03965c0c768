"""Reads for managers what waits, runs, is unknown or has ended, each by an index and with a limit."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bot.domain.call import Verdict
from bot.domain.policy import Rule
from bot.domain.request import Request, State, UnreadableError
from bot.store.calls import held_back_of
from bot.store.engine import Database, Question, ask, ask_at_once
from bot.store.past import DENIED, Written, by_request
from bot.store.request_rows import Damaged, read_shared, rule_from_text
from bot.store.times import to_text

_ENDED = "state IN ('rejected', 'withdrawn', 'expired', 'stopped', 'succeeded', 'failed')"

_NO_STATE = (
    "SELECT number FROM requests INDEXED BY requests_of_no_state WHERE state NOT IN "
    "('waiting', 'approved', 'running', 'unknown', 'rejected', 'withdrawn', 'expired', 'stopped', 'succeeded', 'failed') "
    "ORDER BY number DESC LIMIT ?"
)

_OPEN = "state IN ('waiting', 'approved', 'running', 'unknown')"

_BY_END = (
    "INDEXED BY requests_ended"  # otherwise the planner chooses an index that has to sort all rows
)

_COLUMNS = (
    "number", "operation", "subject", "requester", "state", "created_at", "expires_at", "state_at",
    "channel", "card_ts", "rule", "progress", "place_words",
)  # fmt: skip

_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM requests "  # noqa: S608 - names of this module alone

_IN_STATE = "WHERE state = ? ORDER BY state_at LIMIT ? OFFSET ?"
_NUMBERS = "SELECT number FROM requests WHERE state = ? ORDER BY state_at LIMIT ?"
_COUNT = "SELECT COUNT(*) FROM (SELECT 1 FROM requests WHERE state = ? LIMIT ?) AS found"
_OF = "SELECT number FROM requests WHERE requester = ? ORDER BY number DESC LIMIT ?"
_LAST = f"SELECT number FROM requests {_BY_END} WHERE {_ENDED} ORDER BY state_at DESC LIMIT ?"  # noqa: S608 - own words
_OPEN_OF = (
    "SELECT number FROM requests INDEXED BY requests_open_of WHERE requester = ? "  # noqa: S608 - own words
    f"AND {_OPEN} ORDER BY number DESC LIMIT ?"
)
_VERDICTS = (
    "SELECT COALESCE(verdict, CASE WHEN tries > 0 THEN 'sent' ELSE 'planned' END), COUNT(*) "
    "FROM calls WHERE request = ? GROUP BY 1"
)

OPEN_STATES = (State.WAITING, State.APPROVED, State.RUNNING, State.UNKNOWN)

MOST_COUNTED = 1000
"""A count stops here and says *more than*, so that counting never takes long."""

_TO_DECIDE = """
FROM requests INDEXED BY requests_to_decide
WHERE state = 'waiting' AND rule = ? AND requester <> ? AND (expires_at > ? OR length(expires_at) <> 32) AND NOT EXISTS (
  SELECT 1 FROM approvals WHERE approvals.request = requests.number AND approvals.person = ?)
"""

_RULES = """
WITH RECURSIVE texts (rule) AS (
  SELECT * FROM (SELECT rule FROM requests INDEXED BY requests_rules WHERE state = 'waiting' ORDER BY rule LIMIT 1) AS first
  UNION ALL
  SELECT (SELECT rule FROM requests INDEXED BY requests_rules
          WHERE state = 'waiting' AND rule > texts.rule ORDER BY rule LIMIT 1)
  FROM texts WHERE texts.rule IS NOT NULL)
SELECT rule FROM texts WHERE rule IS NOT NULL ORDER BY 1
"""  # from one rule to the next, however many requests wait under each


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A request without its facts: what a line of a list needs.

    Attributes:
        denied_by: Slack ids of the people who say that a decision about it in their name was not theirs.
    """

    number: int
    operation: str
    subject: str
    requester: str
    state: State
    created_at: datetime
    expires_at: datetime
    state_at: datetime
    channel: str
    card_ts: str | None
    rule: Rule
    progress: str
    place_words: str
    denied_by: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request, denied: Sequence[Written]) -> "Brief":
        """Return what a line needs of a request that was read already, with those of its decisions that are denied."""
        columns = {column: getattr(request, column) for column in _COLUMNS}
        return cls(**columns, denied_by=_people(denied))

    @property
    def name(self) -> str:
        """Return `R-17`."""
        return f"R-{self.number}"


class AtHome(NamedTuple):
    """Numbers of requests.

    Attributes:
        own: Somebody's requests that have not ended, the newest first.
        in_state: All that have not ended, the longest in their state first.
        ended: The last results, the newest first.
        stateless: Those whose state is damaged.
    """

    own: list[int]
    in_state: dict[State, list[int]]
    ended: list[int]
    stateless: list[int]


class InState(NamedTuple):
    """Requests in one state, the longest in it first.

    Attributes:
        briefs: The first of them.
        damaged: The numbers of those that would be among the first, but whose row is damaged.
        number: How many there are, at most `MOST_COUNTED`.
    """

    briefs: list[Brief]
    damaged: list[int]
    number: int

    @classmethod
    def of(cls, first: Sequence[int], briefs: list[Brief], number: int) -> "InState":
        """Return what could be read of the first, and the numbers of what could not."""
        return cls(briefs, not_read(first, briefs), number)


def not_read(numbers: Sequence[int], briefs: Sequence[Brief]) -> list[int]:
    """Return those of these requests that could not be read."""
    read = {each.number for each in briefs}
    return [number for number in numbers if number not in read]


class Status:
    """Reads only. Lists have a limit; counts stop at `MOST_COUNTED`.

    Lists of numbers are read from indexes, without the requests; `briefs` then reads those that are shown.
    """

    def __init__(self, database: Database, damaged: Damaged) -> None:
        self._database = database
        self._damaged = damaged

    def in_states(self, states: Sequence[State], limit: int) -> list[InState]:
        """Return the requests in each state."""
        listed = [(f"{_SELECT}{_IN_STATE}", [state.value, limit, 0]) for state in states]
        counted = [(_COUNT, [state.value, MOST_COUNTED]) for state in states]
        *found, denied_rows = self._database.at_once(*listed, *counted, DENIED)
        denied = by_request(denied_rows)
        return [
            InState.of(_first(rows), self._read(rows, denied), int(number))
            for rows, ((number,),) in zip(found[: len(states)], found[len(states) :], strict=True)
        ]

    def numbers_in_state(self, state: State, limit: int) -> list[int]:
        """Return the numbers of requests in one state, the longest in it first."""
        return self._numbers(_NUMBERS, state.value, limit)

    def briefs(self, numbers: Sequence[int]) -> list[Brief]:
        """Return these requests, in the order of the numbers."""
        if not numbers:
            return []
        found = self._briefs(
            "WHERE number IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
            json.dumps(list(numbers)),
        )
        by_number = {each.number: each for each in found}
        return [by_number[number] for number in numbers if number in by_number]

    def places(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return where in the tenant these requests act, as `Place.key`, by number."""
        rows = self._database.execute(
            "SELECT number, place FROM requests INDEXED BY requests_place "
            "WHERE number IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
            [json.dumps(list(numbers))],
        )
        return dict(rows.fetchall())

    def rules_waiting(self) -> dict[str, Rule]:
        """Return the rules that requests wait under, by the text that they are kept as."""
        return {text: rule_from_text(text) for (text,) in self._database.execute(_RULES)}

    def to_decide(
        self, person: str, rules: Collection[str], now: datetime, limit: int
    ) -> list[int]:
        """Return requests under these rules that wait for somebody, the longest waiting first.

        Left out are those that the person asked for or has approved, and those that have expired.

        Args:
            person: Slack user id.
            rules: Texts of rules, as `rules_waiting` has them.
            now: The moment.
            limit: How many at most.
        """
        sql, at = f"SELECT state_at, number {_TO_DECIDE} ORDER BY state_at LIMIT ?", to_text(now)
        found = self._database.at_once(
            *((sql, [rule, person, at, person, limit]) for rule in rules)
        )
        return [number for _, number in sorted(row for rows in found for row in rows)[:limit]]

    def ended(self, limit: int) -> list[int]:
        """Return the numbers of the last results, the newest first."""
        return self._numbers(_LAST, limit)

    def ended_between(self, first: datetime, last: datetime, limit: int) -> list[Brief]:
        """Return the results of a span of time, in order."""
        return self._briefs(
            f"{_BY_END} WHERE {_ENDED} AND state_at >= ? AND state_at < ? "
            "ORDER BY state_at LIMIT ?",
            to_text(first), to_text(last), limit,
        )  # fmt: skip

    def counted_between(self, first: datetime, last: datetime) -> dict[State, int]:
        """Return how many ended how in a span of time."""
        rows = self._database.execute(
            f"SELECT state, COUNT(*) FROM requests {_BY_END} WHERE {_ENDED} "  # noqa: S608 - own words
            "AND state_at >= ? AND state_at < ? GROUP BY state",
            [to_text(first), to_text(last)],
        )
        return {State(state): number for state, number in rows}

    def expiring(self, before: datetime, limit: int) -> list[Brief]:
        """Return waiting requests that expire before a moment, the first to expire first."""
        return self._briefs("WHERE state = 'waiting' AND expires_at < ? ORDER BY expires_at LIMIT ?",
                            to_text(before), limit)  # fmt: skip

    def count_expiring(self, before: datetime) -> int:
        """Return how many `expiring` would have, at most `MOST_COUNTED`."""
        return self._one("SELECT COUNT(*) FROM (SELECT 1 FROM requests WHERE state = 'waiting' "
                         "AND expires_at < ? LIMIT ?) AS found", to_text(before), MOST_COUNTED)  # fmt: skip

    def own(self, person: str, limit: int, last: int) -> tuple[list[int], list[int]]:
        """Return the numbers of somebody's requests that have not ended, and of all their last ones, the newest first."""
        opened, latest = self._database.at_once((_OPEN_OF, [person, limit]), (_OF, [person, last]))
        return _first(opened), _first(latest)

    def at_home(self, person: str, limit: int, last: int) -> AtHome:
        """Return what everybody's Home tab lists, and somebody's own."""
        own, ended, stateless, *states = self._database.at_once(
            (_OPEN_OF, [person, limit]),
            (_LAST, [last]),
            (_NO_STATE, [limit]),
            *((_NUMBERS, [state.value, limit]) for state in OPEN_STATES),
        )
        return AtHome(
            _first(own),
            dict(zip(OPEN_STATES, map(_first, states), strict=True)),
            _first(ended),
            _first(stateless),
        )

    def stateless(self, limit: int) -> list[int]:
        """Return the numbers of requests whose state is damaged, the newest first; no list of a state has them."""
        return self._numbers(_NO_STATE, limit)

    def about(self, subject: str, limit: int) -> list[int]:
        """Return the numbers of the requests that act on a bill run or a document, or created it, newest first.

        A document is also found through its run: by requests that could mail it with the run, and by requests about
        the run that another request has read it in.
        """
        found = self._database.execute(
            "SELECT number FROM ("
            " SELECT * FROM (SELECT request AS number FROM request_subjects WHERE subject = :subject"
            "  ORDER BY request DESC LIMIT :most) AS acting"
            " UNION SELECT * FROM (SELECT number FROM requests INDEXED BY requests_run"
            "  WHERE progress <> '' AND json_extract(progress, '$.number') = :subject"
            "  ORDER BY number DESC LIMIT :most) AS making"
            " UNION SELECT * FROM (SELECT request FROM mailings"
            "  WHERE document_number = :subject AND document_number <> '' ORDER BY request DESC LIMIT :most) AS mailing"
            " UNION SELECT * FROM (SELECT request FROM request_subjects WHERE subject IN"
            "  (SELECT run FROM mailings WHERE document_number = :subject AND document_number <> ''"
            "   AND run <> '') ORDER BY request DESC LIMIT :most) AS acting_on_its_run"
            ") AS found ORDER BY number DESC LIMIT :most",
            {"subject": subject, "most": limit},
        )
        return [number for (number,) in found]

    def with_card(self, channel: str, ts: str) -> int | None:
        """Return the number of the request whose card a message is."""
        row = self._database.execute(
            "SELECT number FROM requests WHERE card_ts = ? AND channel = ?", [ts, channel]
        ).fetchone()
        return None if row is None else int(row[0])

    def verdicts(self, request: int) -> dict[str, int]:
        """Return how many of a request's calls have which verdict; `sent` and `planned` without one.

        Those that the bot gave up count as `held back`, and not as refused.
        """
        return ask(self._database, self.whose_verdicts(request))

    def whose_verdicts(self, request: int) -> Question[dict[str, int]]:
        """Ask for the `verdicts` of a request."""
        return Question(
            (_VERDICTS, [request]), lambda rows: self._without_held_back(request, dict(rows))
        )

    def verdicts_of(self, requests: Sequence[int]) -> dict[int, dict[str, int]]:
        """Return the `verdicts` of each of these requests."""
        found = ask_at_once(self._database, *map(self.whose_verdicts, requests))
        return dict(zip(requests, found, strict=True))

    def _without_held_back(self, request: int, found: dict[str, int]) -> dict[str, int]:
        if refused := found.get(Verdict.REFUSED, 0):
            held_back = held_back_of(self._database, request)
            found |= {Verdict.REFUSED: refused - held_back, "held back": held_back}
        return found

    def _briefs(self, where: str, *values: Any) -> list[Brief]:
        rows, denied_rows = self._database.at_once((f"{_SELECT}{where}", values), DENIED)
        denied = by_request(denied_rows)
        return self._read(rows, denied)

    def _read(
        self, rows: Sequence[tuple[Any, ...]], denied: Mapping[int | None, Sequence[Written]]
    ) -> list[Brief]:
        """Return the requests of these rows, without those whose row is damaged."""
        found = []
        for row in rows:
            try:
                found.append(_brief(row, denied))
            except UnreadableError as error:
                self._damaged.log(row[0], error)
        return found

    def _numbers(self, sql: str, *values: Any) -> list[int]:
        return [number for (number,) in self._database.execute(sql, list(values))]

    def _one(self, sql: str, *values: Any) -> int:
        return int(self._database.execute(sql, list(values)).fetchone()[0])


def _first(rows: Sequence[tuple[Any, ...]]) -> list[int]:
    return [row[0] for row in rows]


def _brief(values: tuple[Any, ...], denied: Mapping[int | None, Sequence[Written]]) -> Brief:
    row = dict(zip(_COLUMNS, values, strict=True))
    read_shared(row)
    return Brief(**row, denied_by=_people(denied.get(row["number"], ())))


def _people(denied: Sequence[Written]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.entry.who for each in denied))
