"""The append-only history: each row holds the hash of the row before it."""

import logging
import secrets
from collections.abc import Iterable
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
from bot.store.contents import is_another
from bot.store.engine import Database, once_committed
from bot.store.errors import REPLACED, CouldNotRecordError, StoreError
from bot.store.past import Past
from bot.store.times import to_text

logger = logging.getLogger(__name__)


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


class History(Past):
    """Appends, and answers the questions of `Past`; inside the caller's transaction.

    Args:
        database: The open database.
        key: `AUDIT_KEY`. It takes effect with `begin_key`; from then on every row needs it.
    """

    def __init__(self, database: Database, key: bytes = b"") -> None:
        super().__init__(database)
        self._key = key
        self._fingerprint = fingerprint(key)
        self.known = START

    def know_last(self) -> None:
        """Remember the last row of the database when it is opened."""
        self.known = self.last()

    def append(self, entry: Entry, now: datetime) -> Head:
        """Write the next entry of the chain; return which row it is.

        Raises:
            CouldNotRecordError: The chain needs another key than this process has.
        """
        return self.append_all([entry], now)

    def append_all(self, entries: Iterable[Entry], now: datetime) -> Head:
        """Write the next entries of the chain, all at this moment; return the last row.

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
        rows, written = [], list(entries)
        for entry in written:
            sequence += 1
            (data, bound), what = stored(entry, new_salt), entry.what.value
            text = row_text(before, sequence, at, entry.request, what, entry.who, entry.team, bound)
            hashed = row_hash(text, key)
            rows.append(
                (sequence, at, entry.request, what, entry.who, entry.team, data, before, hashed)
            )
            before = hashed
        self._database.executemany(_APPEND, rows)
        head = Head(sequence, before)
        once_committed(self._database, partial(self._committed, head, written))
        return head

    def _committed(self, head: Head, written: Iterable[Entry]) -> None:
        self.known = head
        for entry in written:
            _log(entry)

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


def new_salt() -> str:
    """Return a salt that nobody can guess."""
    return secrets.token_hex(16)


LOGGED = ("state", "verdict")
"""The parts of an entry's data that a log may show: nothing that a person typed or Zuora said."""


def _log(entry: Entry) -> None:
    """Log an entry: single calls only for debugging, an unknown outcome as a warning."""
    level = logging.DEBUG if entry.what.startswith("call.") else logging.INFO
    level = logging.WARNING if entry.data.get("state") == "unknown" else level
    if not logger.isEnabledFor(level):
        return
    name = {} if entry.request is None else {"request": f"R-{entry.request}"}
    who = {"who": entry.who} if entry.who else {}
    shown = {key: entry.data[key] for key in LOGGED if key in entry.data}
    logger.log(level, entry.what.value, extra={**name, **who, **shown})
