"""What the append-only history records: who did what, when, about which request.

A row's hash binds what may name a customer or hold an address by a commitment: a hash of the value with a salt that the
row keeps. So evidence can leave such a value out: the row's hash still fits, and nobody can guess the value.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple, Self

from bot.domain.digest import canonical

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
    STATEMENT_REFUSED = "statement.refused"
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
        data: Everything else an auditor needs; canonical JSON in the database.
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

SEALED = (
    "request.", "call.", "refused", "statement.", "exception.", "estimate.", "policy.confirmed",
)  # fmt: skip
"""How the kinds begin whose rows may hold a customer's text or a person's name; all other rows are about the bot itself."""

OPEN = frozenset(
    {
        "about", "accepted", "address", "again_under_its_key", "base", "body_sha256", "card", "change", "clocks_ahead",
        "compared", "conditions", "count", "digest", "facts_sha256", "groups", "http_status", "kept", "key", "mailings",
        "members", "method", "missing", "needed", "new", "number", "operation", "parent", "plain", "policy", "record", "refusal", "rule", "run",
        "state", "status", "subject", "track_id", "try", "verdict", "wanted", "zuora_request_id",
    }
)  # fmt: skip
"""The fields of a row's data that are never left out, because the control needs them; every other field has a salt."""

MAY_NAME = ("body", "facts", "reason")
"""The columns of a request that can hold a customer's name or an address."""

A_PIECE = 1 << 20
"""How many characters of a long value are hashed at a time, so that there are no copies of the whole value."""

SALTS = "salts"
HAS_SALTS = f'"{SALTS}":{{'
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Sealed(NamedTuple):
    """A field's value that was written and hashed before its row, because a long one would take long in a transaction."""

    text: str
    salt: str
    commitment: str

    @classmethod
    def of(cls, value: Any, salt: str) -> Self:
        """Write a value, and hash it with its salt."""
        text = canonical(value)
        return cls(text, salt, _committed(salt, text))


def stored(entry: Entry, salt: Callable[[], str]) -> tuple[str, str]:
    """Write an entry's data, with a salt for each field that may have to be left out later.

    Returns:
        The text to store, and what a row's hash binds of it: `bound`, without reading it again.
    """
    names = (name for name, value in entry.data.items() if value and name not in OPEN)
    made = {
        name: value if isinstance(value := entry.data[name], Sealed) else Sealed.of(value, salt())
        for name in (names if entry.what.startswith(SEALED) else ())
    }
    if not made:
        data = canonical(entry.data)
        return data, quoted(data)
    salts = _together({name: quoted(one.salt) for name, one in made.items()})
    sealed = _together({name: quoted(one.commitment) for name, one in made.items()})
    shown = {name: canonical(value) for name, value in entry.data.items() if name not in made}
    all_of_it = shown | {name: one.text for name, one in made.items()} | {SALTS: salts}
    return _together(all_of_it), f"{quoted(_together(shown))},{sealed}"


def _together(texts: Mapping[str, str]) -> str:
    """Return the canonical text of an object whose values are written already; a long one is copied once only."""
    pieces: list[str] = []
    for name in sorted(texts):
        pieces += (",", quoted(name), ":", texts[name])
    return "".join(["{", *pieces[1:], "}"])


def bound(data: str) -> str:
    """Return what a row's hash binds of its stored data, as JSON.

    Without salts, or if it is not canonical, that is the text itself, so that no two texts have one hash. With salts it
    is the text of the fields without a salt, and the commitments of the others.
    """
    found = (_object_of(data) if HAS_SALTS in data else {}) or {}
    salts = found.get(SALTS)
    if not salts or _ENCODER.encode(found) != data:
        return quoted(data)
    sealed = {name: commitment(salt, found.pop(name, None)) for name, salt in salts.items()}
    found.pop(SALTS)
    return f"{quoted(_ENCODER.encode(found))},{_ENCODER.encode(sealed)}"


def _object_of(data: str) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_unreadable(at: str, data: str) -> bool:
    """Return whether a row is damaged: its data is no object, or its time is none."""
    try:
        return _object_of(data) is None or datetime.fromisoformat(at).tzinfo is None
    except ValueError:
        return True


def whole(row: Row, near: str, *, hide: bool = False) -> Row:
    """Return a row that can be read; of a damaged one, what stood there is named in `damaged`, and it gets a time.

    Args:
        row: As the database has it.
        near: The time of a row near it.
        hide: Whether only the hash of what stood there is named, because it may hold a customer's name.
    """
    if not is_unreadable(row.at, row.data):
        return row
    stood = hashlib.sha256(row.data.encode()).hexdigest() if hide else row.data
    data = _ENCODER.encode({"damaged": {"at": row.at, "data": stood}})
    return row._replace(at=near if is_unreadable(row.at, "{}") else row.at, data=data)


def commitment(salt: str, value: Any) -> str:
    """Return the SHA-256 (hex) of a value with its salt."""
    return _committed(salt, _ENCODER.encode(value))


def _committed(salt: str, text: str) -> str:
    hashed = hashlib.sha256(f"[{quoted(salt)},".encode())
    for at in range(0, len(text), A_PIECE):
        hashed.update(text[at : at + A_PIECE].encode())
    hashed.update(b"]")
    return hashed.hexdigest()


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
    """Return the text that is hashed: the canonical JSON list of the columns, with what is `bound` of the data."""
    number = "null" if request is None else request
    return (
        f"[{quoted(before)},{sequence},{quoted(at)},{number},{quoted(what)},{quoted(who)},"
        f"{quoted(team)},{data}]"
    )


def row_hash(text: str, key: bytes) -> str:
    """Return the HMAC-SHA-256 (hex) where there is a key, or else the SHA-256."""
    if key:
        return hmac.digest(key, text.encode(), "sha256").hex()
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(key: bytes) -> str:
    """Return 32 hex digits that identify a key without revealing it; empty for no key."""
    return hmac.digest(key, b"billing-bot audit key", "sha256").hex()[:32] if key else ""
