"""What the append-only history records: who did what, when, about which request."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any

from bot.domain.digest import canonical

FIRST_HASH = "0" * 64
"""The hash before the first row."""


@unique
class What(StrEnum):
    """The kinds of history entries."""

    ASKED = "request.asked"
    APPROVED = "request.approved"
    REJECTED = "request.rejected"
    WITHDRAWN = "request.withdrawn"
    EXPIRED = "request.expired"
    STARTED = "request.started"
    STOPPED = "request.stopped"
    DELAYED = "request.delayed"
    PROGRESSED = "request.progressed"
    ENDED = "request.ended"
    SETTLED = "request.settled"
    REFUSED = "refused"
    CALL_SENT = "call.sent"
    CALL_ANSWERED = "call.answered"
    CALL_LOST = "call.lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the history, before it is written.

    Attributes:
        who: Slack user id, or empty for the bot itself.
        data: Everything an auditor wants beside it; canonical JSON in the database.
    """

    what: What
    who: str = ""
    team: str = ""
    request: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def entry_hash(before: str, sequence: int, at: str, entry: Entry) -> str:
    """SHA-256 (hex) that chains an entry to the one before it."""
    row = [
        before, sequence, at, entry.request, entry.what.value, entry.who, entry.team,
        canonical(entry.data),
    ]  # fmt: skip
    return hashlib.sha256(canonical(row).encode()).hexdigest()
