"""Moves finished requests into an archive: a copy of the whole database as it was before they go."""

from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

from bot.domain.history import Entry, Head, What
from bot.store.errors import StoreError
from bot.store.file.archived import Archive
from bot.store.store import Store
from bot.store.times import to_text

YOUNGEST = timedelta(days=31)
"""Requests that ended more recently stay, because people still look at them and Zuora may still change."""


class Archived(NamedTuple):
    """What went into an archive: how many requests, and up to which row of the history."""

    requests: int
    last: int


def archive(store: Store, copy: Path, copied: Head, before: datetime, now: datetime) -> Archived:
    """Remove the requests that ended before a day; a whole copy of the database has them.

    Args:
        store: The database; no other process works on it.
        copy: The copy, already checked.
        copied: Where the copy's history ends.
        before: The first moment of the day; what ended before it goes.
        now: The moment.

    Raises:
        StoreError: Nothing was changed; the message says why.
    """
    with copy.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    with store.transaction():
        if store.history.last() != tuple(copied):
            raise StoreError(
                "Something was recorded while the copy was being made. Nothing was changed."
            )
        leaving = store.archives.leaving(before)
        if leaving is None:
            raise StoreError(nothing_before(before))
        day = before.date().isoformat()
        data = {
            "before": day,
            "file": copy.name,
            "sha256": digest,
            "last": leaving.last.sequence,
            "hash": leaving.last.hash,
            "requests": len(leaving.requests),
            "kept": leaving.kept,
            "stays": leaving.stays,
        }
        row = store.record(Entry(what=What.ARCHIVED, data=data), now)
        made = Archive(
            position=len(store.archives.all()) + 1,
            at=to_text(now),
            before=day,
            file=copy.name,
            sha256=digest,
            last=leaving.last,
            entry=row.sequence,
        )
        store.archives.take(made, leaving.requests)
    return Archived(len(leaving.requests), leaving.last.sequence)


def nothing_before(before: datetime) -> str:
    """Return the sentence for when there is nothing to archive."""
    return f"No request that still has to be archived ended before {before:%Y-%m-%d}. Nothing was changed."
