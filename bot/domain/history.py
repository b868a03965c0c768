"""What the append-only history records: who did what, when, about which request."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

FIRST_HASH = "0" * 64
"""The hash before the first row."""


@unique
class What(StrEnum):
    """The kinds of history entries."""

    NUMBER_KEPT = "number.kept"
    NUMBER_DROPPED = "number.dropped"
    ASKED = "request.asked"
    APPROVED = "request.approved"
    REJECTED = "request.rejected"
    WITHDRAWN = "request.withdrawn"
    EXPIRED = "request.expired"
    REMINDED = "request.reminded"
    STARTED = "request.started"
    STOPPED = "request.stopped"
    DELAYED = "request.delayed"
    PROGRESSED = "request.progressed"
    ENDED = "request.ended"
    RECORDED = "request.recorded"
    SETTLED = "request.settled"
    SHOWN = "slack.shown"
    REFUSED = "refused"
    CALL_SENT = "call.sent"
    CALL_ANSWERED = "call.answered"
    CALL_LOST = "call.lost"
    CALL_SETTLED = "call.settled"
    ESTIMATE_ASKED = "estimate.asked"
    ESTIMATE_BEGUN = "estimate.begun"
    STARTED_BOT = "bot.started"
    POLICY_CHANGED = "policy.changed"
    POLICY_POSTED = "policy.posted"
    POLICY_CONFIRMED = "policy.confirmed"
    GROUPS = "people.groups"
    STATEMENT_SENT = "statement.sent"
    STATEMENT_CONFIRMED = "statement.confirmed"
    STATEMENT_DENIED = "statement.denied"
    EXPLANATION = "exception.written"
    EXPLAINED = "exception.explained"
    KEY_CHANGED = "audit.key_changed"
    HEAD = "audit.head"
    SIGNING_KEY = "audit.signing_key"
    ANCHORED = "audit.anchored"
    HELD = "database.held"
    RESUMED = "database.resumed"
    ARCHIVED = "database.archived"


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


class Row(NamedTuple):
    """A row of the history as the database has it, nothing parsed."""

    sequence: int
    at: str
    request: int | None
    what: str
    who: str
    team: str
    data: str
    before: str
    hash: str


class Head(NamedTuple):
    """Where a chain ends, or ended when it was noted."""

    sequence: int
    hash: str


START = Head(0, FIRST_HASH)


def row_text(  # noqa: PLR0913, PLR0917 - the columns of a row, in their order
    before: str,
    sequence: int,
    at: str,
    request: int | None,
    what: str,
    who: str,
    team: str,
    data: str,
) -> str:
    """Return the text that is hashed: the canonical JSON list of the columns, written directly for speed."""
    number = "null" if request is None else request
    return (
        f"[{quoted(before)},{sequence},{quoted(at)},{number},{quoted(what)},{quoted(who)},"
        f"{quoted(team)},{quoted(data)}]"
    )


def row_hash(text: str, key: bytes) -> str:
    """Return the HMAC-SHA-256 (hex) where there is a key, or else the SHA-256."""
    if key:
        return hmac.digest(key, text.encode(), "sha256").hex()
    return hashlib.sha256(text.encode()).hexdigest()


def hasher(key: bytes) -> Callable[[str], str]:
    """Return a function that hashes like `row_hash` with this key, but prepares the key only once."""
    if not key:
        return lambda text: row_hash(text, key)
    begun = hmac.new(key, digestmod="sha256")

    def hashed(text: str) -> str:
        one = begun.copy()
        one.update(text.encode())
        return one.hexdigest()

    return hashed


def fingerprint(key: bytes) -> str:
    """Return 32 hex digits that identify a key without revealing it; empty for no key."""
    return hmac.digest(key, b"billing-bot audit key", "sha256").hex()[:32] if key else ""
