"""The table of calls to Zuora that have an effect."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from bot.domain.call import Call, Tally, Verdict
from bot.domain.place import entity_part
from bot.store.engine import Database
from bot.store.in_parts import PART
from bot.store.places import ENTITY_OF_PLACE
from bot.store.times import from_text_if_readable, to_text_or_none

_COLUMNS = (
    "request", "subject", "key", "track_id", "tries", "first_sent_at", "sent_at", "answered_at",
    "verdict", "http_status", "zuora_request_id", "words", "retry_at", "began",
    "content", "repeats", "no_more",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM calls"  # noqa: S608 - names of this module alone

_SAVE = (
    f"INSERT INTO calls ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of this module alone
    f"VALUES ({', '.join('?' for _ in _COLUMNS)}) "
    "ON CONFLICT (request, subject) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS if c not in ("request", "subject"))
)

_VERDICTS = frozenset(each.value for each in Verdict)

DAMAGED = "its record is damaged and cannot be read"
"""Why a call is no longer sent again under its key if part of its row cannot be read."""

_LISTED = "(SELECT value FROM json_each(?))"
"""A list of any length in one parameter, because SQLite takes only about 32,000 parameters."""

_SAME_PLACE = (
    f"(? = '' OR (SELECT {ENTITY_OF_PLACE} FROM requests AS of INDEXED BY requests_place "  # noqa: S608 - own words
    "WHERE of.number = calls.request) IN ('', ?))"
)
"""Limits to one entity, because a number means something else in another; a place that is not known may be the same.

An index holds the place. Reading it from the request's row would read the whole row, whose facts can be long.
"""

_OTHERS_AT_WORK = (
    "SELECT EXISTS (SELECT 1 FROM requests WHERE state IN ('running', 'unknown') AND number <> ?)"
)


_PLAIN = (
    "verdict IS NOT NULL AND verdict = 'accepted' AND words = '' AND repeats = 0 AND began = ''"
)
_PLANNED = "verdict IS NULL AND tries = 0"
_OPEN = f"(verdict = 'busy' OR {_PLANNED})"
_OUT = "verdict IS NULL AND tries > 0"
_LOST = "verdict NOT IN ('accepted', 'rejected', 'busy')"
"""As `verdict_of` says of a verdict that is damaged or that only a newer version knows."""


def held_back_of(database: Database, request: int) -> int:
    """Return how many calls of a request the bot gave up, as `Call.is_held_back` says."""
    (number,) = database.execute(
        "SELECT COUNT(*) FROM calls WHERE request = ? AND verdict = 'rejected' "
        "AND repeats = 0 AND (tries = 0 OR retry_at IS NOT NULL)",
        [request],
    ).fetchone()
    return int(number)


class Calls:
    """Saves and reads calls; inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_lost(self, request: int) -> int:
        """Return the history's sequence when an answer to the request was last lost."""
        (sequence,) = self._database.execute(
            f"SELECT COALESCE(MAX(changed), 0) FROM calls WHERE request = ? AND {_LOST}",  # noqa: S608 - own words
            [request],
        ).fetchone()
        return int(sequence)

    def save(self, *calls: Call) -> None:
        """Save these calls as they are now, in this order."""
        self._database.executemany(_SAVE, map(_to_row, calls))

    def count(self, request: int) -> int:
        """Return how many calls a request has, by an index alone."""
        (number,) = self._database.execute(
            "SELECT COUNT(*) FROM calls WHERE request = ?", [request]
        ).fetchone()
        return int(number)

    def tally(self, request: int) -> Tally:
        """Return how many calls of a request have which answer, without reading them all."""
        rows = self._database.execute(
            "SELECT verdict, COUNT(*), MIN(first_sent_at) FROM calls WHERE request = ? "
            "GROUP BY verdict",
            [request],
        ).fetchall()
        number = Counter[Verdict | None]()
        for verdict, many, _ in rows:
            number[verdict_of(verdict)] += many
        held_back = held_back_of(self._database, request) if number[Verdict.REFUSED] else 0
        return Tally(
            calls=sum(number.values()),
            accepted=number[Verdict.ACCEPTED],
            refused=number[Verdict.REFUSED] - held_back,
            held_back=held_back,
            lost=number[Verdict.LOST],
            began_at=from_text_if_readable(min((at for _, _, at in rows if at), default=None)),
        )

    def of(self, request: int) -> tuple[Call, ...]:
        """Return all calls of a request, ordered by subject."""
        rows = self._database.execute(f"{_SELECT} WHERE request = ? ORDER BY subject", [request])
        return tuple(_from_row(row) for row in rows)

    def about(self, request: int, subjects: Sequence[str]) -> dict[str, Call]:
        """Return those calls of a request that are about some subjects, by subject."""
        rows = self._database.execute(
            f"{_SELECT} WHERE request = ? AND subject IN {_LISTED}",
            [request, json.dumps(list(subjects))],
        )
        return {call.subject: call for call in map(_from_row, rows)}

    def in_brief(self, request: int) -> Iterator[list[Call]]:
        """Yield all calls of a request, as far as what comes next depends on them.

        Those that were simply accepted stand as one and the same call without a subject, as often as there are; of those
        that still wait for their first try only the first are there. So 50,000 take next to no memory. Complete only if
        nobody changes them meanwhile.
        """
        accepted, first = self._database.execute(
            f"SELECT COUNT(*), MIN(first_sent_at) FROM calls WHERE request = ? AND {_PLAIN}",  # noqa: S608 - own words
            [request],
        ).fetchone()
        at = from_text_if_readable(first)
        one = Call(
            request=request, subject="", key="", track_id="", tries=1, first_sent_at=at, sent_at=at,
            verdict=Verdict.ACCEPTED,
        )  # fmt: skip
        yield [one] * accepted
        yield self._where(request, f"NOT ({_PLAIN}) AND NOT ({_PLANNED})")
        yield self._where(request, f"{_PLANNED}", most=PART)

    def open_in_parts(self, request: int) -> Iterator[list[Call]]:
        """Yield the calls of a request that still have to go out, in short parts; each part is read when it is needed."""
        behind = ""
        while found := self._where(request, _OPEN, behind, most=PART):
            yield found
            behind = found[-1].subject

    def lost(self, request: int) -> list[Call]:
        """Return a request's calls that went out and whose outcome is not known."""
        return self._where(request, f"({_LOST} OR {_OUT})")

    def out(self, request: int) -> list[Call]:
        """Return a request's calls that went out and have no answer yet."""
        return self._where(request, _OUT)

    def last_sent_at(self, request: int) -> datetime | None:
        """Return when the latest call of a request went out."""
        (at,) = self._database.execute(
            "SELECT MAX(sent_at) FROM calls WHERE request = ?", [request]
        ).fetchone()
        return from_text_if_readable(at)

    def _where(
        self, request: int, which: str, behind: str = "", most: int | None = None
    ) -> list[Call]:
        """Return a request's calls for which a condition holds, ordered by subject, from behind one of them."""
        limit = "" if most is None else f" LIMIT {most}"
        rows = self._database.execute(
            f"{_SELECT} WHERE request = ? AND subject > ? AND {which} ORDER BY subject{limit}",
            [request, behind],
        )
        return [_from_row(row) for row in rows]

    def verdicts(self, request: int) -> dict[str, str | None]:
        """Return the verdict of each call of a request by its subject, ordered by subject."""
        return dict(
            self._database.execute(
                "SELECT subject, verdict FROM calls WHERE request = ? ORDER BY subject", [request]
            ).fetchall()
        )

    def busy(self, request: int) -> tuple[Call, ...]:
        """Return a request's calls that Zuora did not take and that may be tried again, ordered by subject."""
        return tuple(self._where(request, "verdict = 'busy'"))

    def forget_planned(self, request: int) -> None:
        """Delete the calls of a request that has not begun; none of them went out."""
        self._database.execute(
            "DELETE FROM calls WHERE request = ? AND tries = 0 AND EXISTS "
            "(SELECT 1 FROM requests WHERE number = calls.request AND state = 'approved')",
            [request],
        )

    def outstanding_about(
        self, subjects: Sequence[str], *, not_of: int, place: str = ""
    ) -> Call | None:
        """Return another request's unfinished call about one of these; None if there is none.

        Unfinished means planned, out, to be repeated, or lost and still being looked for.
        """
        (at_work,) = self._database.execute(_OTHERS_AT_WORK, [not_of]).fetchone()
        if not at_work:  # most often nobody is, and there may be 50,000 of these
            return None
        names = ", ".join(f"calls.{column}" for column in _COLUMNS)
        row = self._database.execute(
            f"SELECT {names} FROM calls CROSS JOIN requests INDEXED BY requests_brief "  # noqa: S608 - own names
            "ON requests.number = calls.request "
            f"WHERE calls.subject IN {_LISTED} AND calls.request <> ? "
            "AND (calls.verdict IS NULL OR calls.verdict NOT IN ('accepted', 'rejected')) "
            f"AND {_SAME_PLACE} AND (requests.state = 'running' "
            "OR requests.state = 'unknown' AND requests.wake_at IS NOT NULL) ORDER BY calls.request, calls.subject LIMIT 1",
            [json.dumps(list(subjects)), not_of, entity_part(place), entity_part(place)],
        ).fetchone()
        return None if row is None else _from_row(row)

    def sent_since(
        self, subjects: Sequence[str], since: datetime, *, not_of: int, place: str = ""
    ) -> bool:
        """Return whether another request's call about one of these went out after a moment."""
        row = self._database.execute(
            f"SELECT 1 FROM calls WHERE calls.subject IN {_LISTED} "  # noqa: S608 - own words
            "AND calls.sent_at > ? AND calls.request <> ? "
            f"AND {_SAME_PLACE} LIMIT 1",
            [
                json.dumps(list(subjects)),
                to_text_or_none(since),
                not_of,
                entity_part(place),
                entity_part(place),
            ],
        ).fetchone()
        return row is not None


def _to_row(call: Call) -> tuple[Any, ...]:
    return (
        call.request, call.subject, call.key, call.track_id, call.tries,
        to_text_or_none(call.first_sent_at), to_text_or_none(call.sent_at),
        to_text_or_none(call.answered_at), None if call.verdict is None else call.verdict.value,
        call.http_status, call.zuora_request_id, call.words, to_text_or_none(call.retry_at),
        call.began, call.content, call.repeats, call.no_more,
    )  # fmt: skip


def verdict_of(text: str | None) -> Verdict | None:
    """Return a stored verdict; one that cannot be read may be anything, so its call counts as lost."""
    if text is None:
        return None
    return Verdict(text) if text in _VERDICTS else Verdict.LOST


def _from_row(row: tuple[Any, ...]) -> Call:
    """Return a call; a time that cannot be read is not known, and the call is then not sent again under its key."""
    (
        request, subject, key, track_id, tries, first_sent_at, sent_at, answered_at,
        verdict, http_status, zuora_request_id, words, retry_at, began, content, repeats, no_more,
    ) = row  # fmt: skip
    stored = (first_sent_at, sent_at, answered_at, retry_at)
    times = tuple(map(from_text_if_readable, stored))
    if times.count(None) != stored.count(None) or (verdict and verdict not in _VERDICTS):
        no_more = no_more or DAMAGED
    return Call(
        request=request,
        subject=subject,
        key=key,
        track_id=track_id,
        tries=tries,
        first_sent_at=times[0],
        sent_at=times[1],
        answered_at=times[2],
        verdict=verdict_of(verdict),
        http_status=http_status,
        zuora_request_id=zuora_request_id,
        words=words,
        retry_at=times[3],
        began=began,
        content=content,
        repeats=repeats,
        no_more=no_more,
    )
