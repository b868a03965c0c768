"""Archives: which requests are in which file, and the one statement that moves them there."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from bot.domain.history import Head
from bot.store.engine import Database, Question, ask
from bot.store.file.archived import STAYS, Archive, archives, kept_hash, staying_hash
from bot.store.times import to_text

_LAST = """
SELECT sequence, hash FROM history WHERE sequence = (SELECT MAX(sequence) FROM history WHERE at < ?)
"""
_AT_THEIR_END = """
SELECT number FROM requests WHERE state IN
  ('rejected', 'withdrawn', 'expired', 'stopped', 'succeeded', 'failed')
  AND number NOT IN (SELECT request FROM archived)
  AND number NOT IN (SELECT request FROM history WHERE request IS NOT NULL AND sequence > ?)
  AND number NOT IN (SELECT request FROM outbox WHERE request IS NOT NULL AND ended_at IS NULL)
  AND number NOT IN (SELECT request FROM outbox WHERE request IS NOT NULL AND unbound = 1)
  AND number NOT IN (
    SELECT decided.request FROM history AS decided JOIN outbox AS receipt
    ON receipt.text = 'row-' || decided.sequence || '-' || SUBSTR(decided.hash, 1, 16)
    WHERE decided.request IS NOT NULL AND receipt.ended_at IS NULL)
  AND number NOT IN (SELECT request FROM estimates)
  AND number NOT IN (SELECT request FROM figures_due)
  AND number NOT IN (
    SELECT parent FROM requests AS later WHERE parent IS NOT NULL
    AND later.state IN ('waiting', 'approved', 'running', 'unknown'))
ORDER BY number
"""
"""Requests that ended and whose messages the history has bound by then.

Messages of a year's last hour are bound in the next year, so their request goes into the next archive. So does a request
of which a receipt was not sent yet: until then the receipt is only the name of its row, and its words are drawn from both.
"""

_GO = (
    "DELETE FROM history WHERE sequence <= :last AND sequence NOT IN "  # noqa: S608 - own words
    f"(SELECT sequence FROM ({STAYS}) AS stays)"
)
_MESSAGES_GO = """
DELETE FROM outbox WHERE ended_at IS NOT NULL
  AND (request IN (SELECT request FROM archived) OR request IS NULL AND ended_at < :before)
  AND sequence NOT IN (
    SELECT MAX(said.sequence) FROM outbox AS said JOIN (
      SELECT channel, MAX(ts) AS ts FROM outbox WHERE ts IS NOT NULL GROUP BY channel) AS latest
    ON said.channel = latest.channel AND said.ts = latest.ts GROUP BY said.channel)
"""
"""The latest message of each channel stays, because it reveals an older copy of the database."""


class Leaving(NamedTuple):
    """What an archive is about to take.

    Attributes:
        last: The last row of the history that may go.
        requests: Numbers of the requests that go.
        kept: Hash of what stays of these requests.
        stays: Hash of the list of rows, up to the last one, that stay.
    """

    last: Head
    requests: list[int]
    kept: str
    stays: str


class Archives:
    """Reads what was archived, and archives; writing belongs inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Archive]:
        """Return every archive, in order."""
        return archives(self._database)

    def of(self, request: int) -> Archive | None:
        """Return the archive that a request is in, if any."""
        return ask(self._database, self.which(request))

    def which(self, request: int) -> Question[Archive | None]:
        """Ask for the archive that a request is in, if any."""

        def found(rows: list[Any]) -> Archive | None:
            positions = {position for (position,) in rows}
            return next(each for each in self.all() if each.position in positions) if rows else None

        return Question(("SELECT archive FROM archived WHERE request = ?", [request]), found)

    def asked_between(self, first: datetime, last: datetime) -> list[str]:
        """Return the names of files with requests that were asked for in a span of time."""
        if not self.all():  # a file of an earlier version may not even have the tables
            return []
        rows = self._database.execute(
            "SELECT DISTINCT file FROM requests JOIN archived ON archived.request = number "
            "JOIN archives ON position = archive WHERE created_at >= ? AND created_at < ?",
            [to_text(first), to_text(last)],
        )
        return [file for (file,) in rows]

    def leaving(self, before: datetime) -> Leaving | None:
        """Return what can be archived from before a moment; None if there is nothing new."""
        row = self._database.execute(_LAST, [to_text(before)]).fetchone()
        done = self.all()
        if row is None or (done and row[0] <= done[-1].last.sequence):
            return None
        last = Head(*row)
        found = [number for (number,) in self._database.execute(_AT_THEIR_END, [last.sequence])]
        if not found:
            return None
        before_now = [
            number for (number,) in self._database.execute("SELECT request FROM archived")
        ]
        values = {"last": last.sequence, "requests": json.dumps([*before_now, *found])}
        staying = staying_hash(self._database.execute(STAYS, values))
        return Leaving(last, found, kept_hash(self._database, found), staying)

    def take(self, archive: Archive, requests: list[int]) -> None:
        """Remove what an archive now has, after the history has recorded the archive.

        Raises:
            CouldNotRecordError: Nothing was removed.
        """
        self._database.execute(
            "INSERT INTO archives (position, at, before, file, sha256, last, last_hash, entry) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [*archive[:5], *archive.last, archive.entry],
        )
        self._database.executemany(
            "INSERT INTO archived (request, archive) VALUES (?, ?)",
            ((number, archive.position) for number in requests),
        )
        every = [number for (number,) in self._database.execute("SELECT request FROM archived")]
        values = {"last": archive.last.sequence, "requests": json.dumps(every)}
        self._database.execute(_GO, values)
        self._database.execute(_MESSAGES_GO, {"before": archive.before})
        for table in (
            "listed",
            "estimated",
            "facts_in_parts",
        ):  # what was read about the same documents
            self._database.execute(
                f"DELETE FROM {table} WHERE request IN (SELECT request FROM archived)"  # noqa: S608 - own names
            )
        self._database.execute(
            "UPDATE requests SET facts = '', typed = '' WHERE facts <> '' "
            "AND number IN (SELECT request FROM archived)"
        )

    def shrink(self) -> None:
        """Give the space back to the disk; outside a transaction, with nobody else on the file."""
        self._database.execute("VACUUM")
