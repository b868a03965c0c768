"""The append-only history: each row holds the hash of the row before it."""

import logging
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from bot.domain.history import (
    FIRST_HASH,
    START,
    Entry,
    Head,
    What,
    fingerprint,
    row_hash,
    row_text,
    stored,
)  # fmt: skip
from bot.store.committed import once_committed
from bot.store.engine import Database
from bot.store.errors import REPLACED, CouldNotRecordError, StoreError
from bot.store.times import to_text
from bot.store.written import Written, entry_from_row

logger = logging.getLogger(__name__)

_FILES = """
WITH starts AS (SELECT sequence, json_extract(data, '$.files') AS files FROM history
  WHERE request IS NULL AND what = 'bot.started')
SELECT
  (SELECT files FROM starts WHERE sequence < (SELECT MIN(sequence) FROM history WHERE request = ?)
    ORDER BY sequence DESC LIMIT 1),
  (SELECT files FROM starts ORDER BY sequence DESC LIMIT 1)
"""
"""The hash of the program's files at the last start before a request was asked for, and at the latest start."""

MOST = 2**62
"""More rows than a history can have."""


def is_another(head: Head, last: int, there: str | None) -> bool:
    """Return whether a history ends before a row or has another one in its place; a row may also be archived.

    Args:
        head: The row.
        last: The last sequence of the history.
        there: The hash of the row with that sequence; None if there is no such row.
    """
    return last < head.sequence or (there is not None and there != head.hash)


_LAST = """
SELECT (SELECT value FROM meta WHERE name = 'audit_key'), last.sequence, last.hash,
  (SELECT hash FROM history WHERE sequence = ?)
FROM (SELECT 1 AS one) AS one LEFT JOIN
  (SELECT sequence, hash FROM history ORDER BY sequence DESC LIMIT 1) AS last ON one = 1
"""

_APPEND = (
    "INSERT INTO history (sequence, at, request, what, who, team, data, before, hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_OTHER_KEY = (
    "The history is written with an AUDIT_KEY, and this process has {which}. Set the key that it "
    "was begun with; without it nothing can be recorded, so nothing would be done."
)


class History:
    """Appends and reads; inside the caller's transaction.

    Args:
        database: The open database.
        key: `AUDIT_KEY`. It takes effect with `begin_key`; from then on every row needs it.
    """

    def __init__(self, database: Database, key: bytes = b"") -> None:
        self._database = database
        self._key = key
        self._fingerprint = fingerprint(key)
        self.known = START

    def know_last(self) -> None:
        """Remember the last row of the database when it is opened."""
        self.known = self.last()

    def append(self, entry: Entry, now: datetime) -> None:
        """Write the next entry of the chain.

        Raises:
            CouldNotRecordError: The chain needs another key than this process has.
        """
        self.append_all([entry], now)

    def append_all(self, entries: Iterable[Entry], now: datetime) -> None:
        """Write the next entries of the chain, all at this moment.

        The last row is read each time, by its index, because another process may have written it
        or begun the key. The last row that this process knows must still be there, because
        somebody may have put other content into the same file.

        Raises:
            CouldNotRecordError: The chain needs another key than this process has, or it is another
                chain.
        """
        begun, last, last_hash, known = self._database.execute(
            _LAST, [self.known.sequence]
        ).fetchone()
        if is_another(self.known, last or 0, known):
            self._database.distrust(REPLACED)
            raise CouldNotRecordError(f"could not record this: {REPLACED}")
        if begun and begun != self._fingerprint:
            raise CouldNotRecordError(self._other_key())
        before, sequence = (FIRST_HASH, 0) if last is None else (last_hash, last)
        at, key = to_text(now), self._key if begun else b""
        rows = []
        for entry in entries:
            sequence += 1
            (data, bound), what = stored(entry, _salt), entry.what.value
            text = row_text(before, sequence, at, entry.request, what, entry.who, entry.team, bound)
            hashed = row_hash(text, key)
            rows.append(
                (sequence, at, entry.request, what, entry.who, entry.team, data, before, hashed)
            )
            before = hashed
            once_committed(self._database, partial(_log, entry))
        self._database.executemany(_APPEND, rows)
        once_committed(self._database, partial(self._know, Head(sequence, before)))

    def _know(self, head: Head) -> None:
        self.known = head

    def begin_key(self, now: datetime) -> None:
        """Make the chain an HMAC with this process's key from now on; once, inside a transaction.

        The entry that records this is the first one made with the key, and binds all rows before it.

        Raises:
            StoreError: The history was begun with another key, or no key is set now.
        """
        row = self._database.execute("SELECT value FROM meta WHERE name = 'audit_key'").fetchone()
        if row is not None and row[0] != self._fingerprint:
            raise StoreError(self._other_key())
        if row is None and self._key:
            self._database.execute(
                "INSERT INTO meta (name, value) VALUES ('audit_key', ?)", [self._fingerprint]
            )
            self.append(Entry(what=What.KEY_CHANGED, data={"key": self._fingerprint}), now)

    def _other_key(self) -> str:
        return _OTHER_KEY.format(which="another one" if self._key else "none")

    def last(self) -> Head:
        """Return sequence and hash of the last row; `START` for an empty history."""
        row = self._database.execute(
            "SELECT sequence, hash FROM history ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return Head(row[0], row[1]) if row else START

    def last_of(self, what: What) -> Written | None:
        """Return the latest entry of a kind that belongs to no request."""
        row = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "WHERE request IS NULL AND what = ? ORDER BY sequence DESC LIMIT 1",
            [what.value],
        ).fetchone()
        return None if row is None else entry_from_row(row)

    def is_of_other_files(self, request: int) -> bool:
        """Return whether a request was asked for while the bot had other program files than at its latest start.

        If no row says so, they count as other files, because an older version did not record them.
        """
        (asked_with, now) = self._database.execute(_FILES, [request]).fetchone()
        return asked_with is None or asked_with != now

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
        return [entry_from_row(row) for row in rows]

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
        return [entry_from_row(row) for row in rows]

    def row(self, sequence: int) -> Written | None:
        """Return the row with this number, if the database holds it."""
        found = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history WHERE sequence = ?",
            [sequence],
        ).fetchone()
        return entry_from_row(found) if found else None

    def newest(self) -> Written | None:
        """Return the last row; None for an empty history."""
        found = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return entry_from_row(found) if found else None

    def denied(self) -> frozenset[int]:
        """Return the rows of decisions that people have denied: made in their names, but not by them."""
        said = self.since(0, What.STATEMENT_DENIED)
        return frozenset(row for each in said for row in each.entry.data.get("rows", ()))

    def approval_is_denied(self, request: int) -> bool:
        """Return whether an approval of a request is denied."""
        found = self.denied_decisions(request)
        return any(each.entry.what is What.APPROVED for each in found)

    def denied_decisions(self, request: int) -> list[Written]:
        """Return the decisions about a request that are denied, in order."""
        return self.denied_by_request().get(request, [])

    def denied_by_request(self) -> dict[int | None, list[Written]]:
        """Return the decisions that are denied, in order, by the request that they are about."""
        found: dict[int | None, list[Written]] = {}
        for row in map(self.row, sorted(self.denied())):
            if row is not None:
                found.setdefault(row.entry.request, []).append(row)
        return found

    def of(self, request: int) -> list[Written]:
        """Return everything that happened to a request, in order."""
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "WHERE request = ? ORDER BY sequence",
            [request],
        )
        return [entry_from_row(row) for row in rows]

    def names(self, request: int) -> dict[str, str]:
        """Return the recorded names of the people who acted on a request, by Slack id."""
        rows = self._database.execute(
            "SELECT who, json_extract(data, '$.person_name') FROM history WHERE request = ? "
            "AND what NOT LIKE 'call.%' AND json_extract(data, '$.person_name') <> '' ORDER BY sequence",
            [request],
        )
        return dict(rows)

    def story(self, request: int, limit: int, reason: str) -> tuple[list[Written], int]:
        """Return what happened to a request, without single calls and messages, and how much more there is.

        Args:
            request: Its number.
            limit: How many entries at most.
            reason: The request's; nothing else of its first entry is read, because that may name 50,000 documents.
        """
        where = "WHERE request = ? AND what NOT LIKE 'call.%' AND what <> 'slack.shown'"
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, "  # noqa: S608 - own words
            "CASE what WHEN 'request.asked' THEN '{}' ELSE data END, hash FROM history "
            f"{where} ORDER BY sequence LIMIT ?",
            [request, limit],
        ).fetchall()
        number = len(rows)
        if number == limit:  # only then there may be more
            (number,) = self._database.execute(
                f"SELECT COUNT(*) FROM history {where}",  # noqa: S608 - own words
                [request],
            ).fetchone()
        found = [entry_from_row(row) for row in rows]
        shown = [
            each._replace(entry=replace(each.entry, data={"reason": reason}))
            if each.entry.what is What.ASKED
            else each
            for each in found
        ]
        return shown, number - len(rows)

    def all(self) -> list[Written]:
        """Return the whole history, in order."""
        rows = self._database.execute(
            "SELECT sequence, at, request, what, who, team, data, hash FROM history "
            "ORDER BY sequence"
        )
        return [entry_from_row(row) for row in rows]


def _salt() -> str:
    return secrets.token_hex(16)


LOGGED = ("state", "verdict")
"""The parts of an entry's data that a log may show: nothing that a person typed or Zuora said."""


def _log(entry: Entry) -> None:
    """Log an entry: single calls only for debugging, an unknown outcome as a warning."""
    name = {} if entry.request is None else {"request": f"R-{entry.request}"}
    who = {"who": entry.who} if entry.who else {}
    shown = {key: entry.data[key] for key in LOGGED if key in entry.data}
    level = logging.DEBUG if entry.what.value.startswith("call.") else logging.INFO
    level = logging.WARNING if shown.get("state") == "unknown" else level
    logger.log(level, entry.what.value, extra={**name, **who, **shown})
