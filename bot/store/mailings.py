"""The ledger: what each request can mail, and the one question that is asked of it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from bot.domain.mailing import Effect, Mailing, certainty, is_shown
from bot.domain.place import entity_part
from bot.domain.request import State
from bot.store.alone import Alone
from bot.store.calls import verdict_of
from bot.store.engine import Database, Question, ask
from bot.store.in_parts import PART, in_parts
from bot.store.mailings_bound import BOUND
from bot.store.times import from_text_if_readable

_FOUND = """
WITH found (id) AS (
  SELECT rowid FROM mailings WHERE document_number <> ''
    AND document_number IN (SELECT value FROM json_each(?))
  UNION SELECT rowid FROM mailings WHERE document_id <> ''
    AND document_id IN (SELECT value FROM json_each(?))
  UNION SELECT rowid FROM mailings WHERE document_number = ''
    AND run IN (SELECT value FROM json_each(?)))
SELECT m.request, m.call, m.way, m.document_number, m.shown,
  c.verdict, c.tries, c.sent_at, c.changed, c.recorded_by, c.recorded_note
FROM found CROSS JOIN mailings AS m ON m.rowid = found.id
LEFT JOIN calls AS c ON c.request = m.request AND c.subject = m.call
WHERE m.request <> ? ORDER BY m.request, m.document_number
"""

_OTHERS = """
WITH found (id) AS (
  SELECT m.rowid FROM mailings AS mine
    CROSS JOIN mailings AS m ON m.document_number = mine.document_number
    WHERE mine.request = :request AND m.document_number <> '' AND m.request <> :request
  UNION SELECT m.rowid FROM mailings AS mine CROSS JOIN mailings AS m ON m.document_id = mine.document_id
    WHERE mine.request = :request AND m.document_id <> '' AND m.request <> :request
  UNION SELECT m.rowid
    FROM (SELECT DISTINCT run FROM mailings WHERE request = :request AND run <> '') AS mine
    CROSS JOIN mailings AS m ON m.run = mine.run
    WHERE m.document_number = '' AND m.request <> :request)
"""

_FOUND_OF = f"""{_OTHERS}
SELECT m.request, m.call, m.way, m.document_number, m.shown,
  c.verdict, c.tries, c.sent_at, c.changed, c.recorded_by, c.recorded_note,
  COALESCE((SELECT MAX(shown) FROM mailings AS mine WHERE mine.document_number = m.document_number
    AND mine.document_number <> '' AND mine.request = :request), '')
FROM found CROSS JOIN mailings AS m ON m.rowid = found.id
LEFT JOIN calls AS c ON c.request = m.request AND c.subject = m.call
"""  # noqa: S608 - own words

_WAITING = f"""{_OTHERS}
SELECT DISTINCT r.number, r.channel
FROM found CROSS JOIN mailings AS m ON m.rowid = found.id
CROSS JOIN requests AS r ON r.number = m.request AND r.state = 'waiting' ORDER BY r.number
"""  # noqa: S608 - own words

_WAITING_BESIDE_MANY = """
SELECT r.number, r.channel FROM requests AS r INDEXED BY requests_open
WHERE r.state IN ('waiting', 'approved', 'running', 'unknown') AND r.state = 'waiting' AND r.number <> :request
  AND EXISTS (SELECT 1 FROM mailings AS theirs
    CROSS JOIN mailings AS mine ON mine.document_number = theirs.document_number
    WHERE theirs.request = r.number AND theirs.document_number <> ''
      AND mine.document_number <> '' AND +mine.request = :request)
ORDER BY r.number
"""

MANY = 1_000
"""From this many documents on, it is quicker to go through the documents of the waiting requests."""

_ROW = tuple[Any, ...]


class Mailings:
    """Saves and looks up what can reach which document; inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.alone = Alone(database)

    def add(self, request: int, mailings: Sequence[Mailing]) -> int:
        """Write what a request can mail, and return how much of that is new; existing rows stay."""
        self.alone.forget(request)
        return self._database.executemany(
            "INSERT INTO mailings (request, call, way, document_number, document_id, account, run, "
            "shown) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            ((request, *each) for each in mailings),
        )

    def bound_in_parts(self, request: int) -> Iterator[list[_ROW]]:
        """Yield in short parts what the history binds of everything that a request can mail.

        So nothing can be attributed to the request later. These rows never change.
        """
        return self._in_parts(request, BOUND)

    def _in_parts(self, request: int, columns: str) -> Iterator[list[_ROW]]:
        """Yield some columns of its rows, in the order of call and number."""
        behind: tuple[str, ...] = ("", "")
        first = ">="
        while True:
            rows = self._database.execute(
                f"SELECT {columns}, call, document_number FROM mailings "  # noqa: S608 - own names
                f"WHERE request = ? AND (call, document_number) {first} (?, ?) "
                "ORDER BY call, document_number LIMIT ?",
                [request, *behind, PART],
            ).fetchall()
            yield [row[:-2] for row in rows]
            if len(rows) < PART:
                return
            behind, first = rows[-1][-2:], ">"

    def look_for_others(self, request: int) -> Iterator[None]:
        """Look in parts for requests that share any of it; if there is none, remember that until another one comes."""
        if self.alone.is_alone(request):
            return
        sequence, every_run = self.alone.last(), set[str]()
        for part in self._in_parts(request, "document_number, document_id, run"):
            runs = {run for _, _, run in part}
            if self._found((each[0] for each in part), (each[1] for each in part), runs, request):
                return
            every_run |= runs
            yield
        self.alone.found_alone(request, sequence, every_run)

    def has(self, request: int) -> bool:
        """Return whether it is known what a request can mail."""
        found = self._database.execute(
            "SELECT 1 FROM mailings WHERE request = ? LIMIT 1", [request]
        )
        return found.fetchone() is not None

    def of(self, request: int) -> tuple[Mailing, ...]:
        """Return what a request can mail."""
        rows = self._database.execute(
            "SELECT call, way, document_number, document_id, account, run, shown FROM mailings "
            "WHERE request = ? ORDER BY document_number",
            [request],
        )
        return tuple(Mailing(*row) for row in rows)

    def effects(self, mine: Sequence[Mailing], *, not_of: int, place: str = "") -> list[Effect]:
        """Return what other requests did, may have done, or are about to do to the same documents.

        Args:
            mine: The documents, with the mail dates that Zuora shows now.
            not_of: The request that asks; 0 for one that is not made yet.
            place: Where in the tenant, as `Place.key`; empty for anywhere.
        """
        return merged(self.effects_in_parts(mine, not_of=not_of, place=place))

    def effects_in_parts(
        self, mine: Sequence[Mailing], *, not_of: int, place: str
    ) -> Iterator[list[Effect]]:
        """Yield the effects in short parts, to be joined by `merged`."""
        for part in in_parts(len(mine)):
            yield self._effects(mine[part], not_of, place)

    def effects_of(self, request: int, place: str) -> list[Effect]:
        """Return the effects on what a stored request can mail, with the mail dates from when it was asked for."""
        return ask(self._database, self.what_others_do(request, place))

    def what_others_do(self, request: int, place: str) -> Question[list[Effect]]:
        """Ask for the `effects_of` a request."""
        return self.alone.look(request).then(
            lambda is_alone: [] if is_alone else self._looked_up(request, place)
        )

    def _looked_up(self, request: int, place: str) -> list[Effect]:
        sequence = self.alone.last()
        rows = self._database.execute(_FOUND_OF, {"request": request}).fetchall()
        if not rows:
            self.alone.found_alone(request, sequence, self._runs_of(request))
        return merged([self._meaning(rows, place)])

    def _runs_of(self, request: int) -> set[str]:
        rows = self._database.execute(
            "SELECT DISTINCT run FROM mailings WHERE request = ?", [request]
        )
        return {run for (run,) in rows}

    def waiting_beside(self, request: int) -> list[tuple[int, str]]:
        """Return number and channel of the waiting requests that can mail some of the same documents."""
        if self.alone.is_alone(request):
            return []
        (mine,) = self._database.execute(
            "SELECT COUNT(*) FROM mailings WHERE request = ?", [request]
        ).fetchone()
        statement = _WAITING if mine < MANY else _WAITING_BESIDE_MANY
        return self._database.execute(statement, {"request": request}).fetchall()

    def by_order(self, request: int) -> bool:
        """Return whether calls of a request are orders to mail."""
        found = self._database.execute(
            "SELECT 1 FROM mailings WHERE request = ? AND way IN ('run', 'document') LIMIT 1",
            [request],
        )
        return found.fetchone() is not None

    def _effects(self, mine: Sequence[Mailing], not_of: int, place: str) -> list[Effect]:
        shown = {each.number: each.shown for each in mine}
        rows = self._found(
            (each.number for each in mine), (each.id for each in mine), {each.run for each in mine}, not_of
        )  # fmt: skip
        return self._meaning([(*row, shown.get(row[3], "")) for row in rows], place)

    def _found(
        self, numbers: Iterable[str], ids: Iterable[str], runs: Iterable[str], not_of: int
    ) -> list[_ROW]:
        """Return the rows of other requests about one of these, the empty ones left out."""
        names = [json.dumps(list(filter(None, each))) for each in (numbers, ids, runs)]
        return self._database.execute(_FOUND, [*names, not_of]).fetchall()

    def _meaning(self, rows: Sequence[_ROW], place: str) -> list[Effect]:
        """Return the effects that rows of the ledger mean, with their calls and the mail date shown now."""
        requests = {number: self._request(number) for number in {row[0] for row in rows}}
        found, entity = [], entity_part(place)
        for (
            number,
            call,
            way,
            document,
            before,
            verdict,
            tries,
            sent_at,
            changed,
            by,
            note,
            now,
        ) in rows:
            if (its := requests[number]) is None:  # being prepared, and not asked for yet
                continue
            state, state_at, where, forgotten = its
            said = verdict_of(verdict)
            how = certainty(state, way, said, tries, by or "", forgotten=forgotten)
            if how is None or (entity and entity_part(where) not in ("", entity)):
                continue
            by_state = forgotten or way in ("posting", "auto")
            at = state_at if by_state else from_text_if_readable(sent_at)
            seen = is_shown(before, now)
            found.append(
                Effect(
                    number, call, way, document, how, at, changed or 0, seen, by or "", note or ""
                )
            )
        return found

    def asked(self, request: int) -> int:
        """Return the history's sequence when a request was asked for."""
        (sequence,) = self._database.execute(
            "SELECT COALESCE(MIN(sequence), 0) FROM history WHERE request = ?", [request]
        ).fetchone()
        return int(sequence)

    def recorded(self, request: int, subjects: Sequence[str], person: str, note: str) -> None:
        """Save who recorded the outcome of these calls by hand, and the person's note."""
        self._database.executemany(
            "UPDATE calls SET recorded_by = ?, recorded_note = ? WHERE request = ? AND subject = ?",
            ((person, note, request, subject) for subject in subjects),
        )

    def _request(self, number: int) -> tuple[State, datetime | None, str, bool] | None:
        """Return a request's state, its time, its place, and whether it says to look first.

        It is read once for each request, because the row is long. None: the request is only being prepared. If its state
        is damaged, it may have mailed.
        """
        row = self._database.execute(
            "SELECT state, state_at, place, CASE WHEN json_valid(progress) "
            "THEN CAST(json_extract(progress, '$.look_first') AS INTEGER) END FROM requests WHERE number = ?",
            [number],
        ).fetchone()
        if row is None:
            return None
        state, at, place, forgotten = row
        known = State(state) if state in {*State} else State.UNKNOWN
        return known, from_text_if_readable(at), place, bool(forgotten)


def merged(found: Iterable[Sequence[Effect]]) -> list[Effect]:
    """Return the parts of one answer as a whole, each effect once, ordered by request and document."""
    once = dict.fromkeys(effect for part in found for effect in part)
    return sorted(once, key=lambda each: (each.request, each.number))
