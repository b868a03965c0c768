"""What the database holds right now, for `/metrics`; the same on either engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.store.engine import Rows
from bot.store.times import from_text_or_long_ago

_OPEN = "state IN ('waiting', 'approved', 'running', 'unknown')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the database holds right now.

    Attributes:
        open: How many requests have not ended, by operation and state.
        waiting_since: When the oldest request that waits for approval was asked for.
        unsent_since: Since when the oldest unsent message has waited.
        unsent: How many messages wait to be sent.
        size: Bytes of the database; `log` those of its write-ahead log, 0 on a server.
    """

    open: Mapping[tuple[str, str], int]
    waiting_since: datetime | None
    unsent_since: datetime | None
    unsent: int
    size: int
    log: int


def measured(execute: Callable[[str], Rows], *, size: int, log: int) -> Measures:
    """Read the figures on an open connection."""
    counted = execute(
        f"SELECT operation, state, COUNT(*) FROM requests WHERE {_OPEN} GROUP BY 1, 2"  # noqa: S608 - own words
    ).fetchall()
    (waiting,) = execute("SELECT MIN(created_at) FROM requests WHERE state = 'waiting'").fetchone()
    unsent, since = execute(
        "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE ended_at IS NULL"
    ).fetchone()
    return Measures(
        open={(operation, state): number for operation, state, number in counted},
        waiting_since=None if waiting is None else from_text_or_long_ago(waiting),
        unsent_since=None if since is None else from_text_or_long_ago(since),
        unsent=unsent,
        size=size,
        log=log,
    )
