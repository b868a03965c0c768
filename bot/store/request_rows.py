"""Requests as rows of their table, and the hashes by which the history binds them."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, Field

from bot.domain import digest
from bot.domain.history import MAY_NAME
from bot.domain.policy import NOBODY, Rule
from bot.domain.request import Approval, Request, State, UnreadableError
from bot.store.times import (
    WRONG,
    from_text,
    from_text_if_readable,
    from_text_or_none,
    to_text,
    to_text_or_none,
)

logger = logging.getLogger(__name__)

SHOWN_OF_A_RULE = 200
PEOPLE = r"^[USW][A-Z0-9]+(&[USW][A-Z0-9]+)*$"
"""A name of `Rule.approvers`: a person, a group, or several joined."""

COLUMNS = (
    "number", "operation", "subject", "body", "facts", "digest", "tenant", "requester", "team",
    "reason", "rule", "policy_hash", "form", "state", "created_at", "expires_at", "state_at",
    "wake_at", "channel", "card_ts", "decided_by", "decided_at", "decision_reason", "looks",
    "result", "parent", "progress", "progress_ts", "reminded", "typed", "token",
    "place", "place_words",
)  # fmt: skip

KEPT = (
    "number", "operation", "subject", "body", "facts", "digest", "tenant", "requester", "team",
    "reason", "rule", "policy_hash", "form", "created_at", "expires_at",
)  # fmt: skip
"""The columns of a request that never change; the history binds them."""

ALWAYS_AT = ("created_at", "expires_at", "state_at")
SOMETIMES_AT = ("wake_at", "decided_at")
"""The columns that are times; the second kind may be empty."""

PLACES = ("place", "place_words")
"""Bound as well, where there was a choice."""


class Damaged:
    """Logs requests whose row cannot be read, each once a start."""

    def __init__(self) -> None:
        self._logged: set[int] = set()

    def log(self, number: int, error: Exception) -> None:
        """Log why a request cannot be read, if it was not logged yet."""
        if number not in self._logged:
            self._logged.add(number)
            logger.error("request_unreadable", extra={"request": number}, exc_info=error)


def approvals_from_text(text: str) -> tuple[Approval, ...]:
    """Return who has approved, in order."""
    rows = sorted((at, person, team, note or "") for person, team, at, note in json.loads(text))
    return tuple(
        Approval(person=person, team=team, at=from_text(at), note=note)
        for at, person, team, note in rows
    )


def to_row(request: Request) -> dict[str, Any]:
    """Return the values of a request's columns, as the table has them."""
    row: dict[str, Any] = {column: getattr(request, column) for column in COLUMNS}
    row["rule"] = rule_to_text(request.rule)
    row["state"] = request.state.value
    for column in ALWAYS_AT:
        row[column] = to_text(row[column])
    for column in SOMETIMES_AT:
        row[column] = to_text_or_none(row[column])
    return row


def from_row(values: tuple[Any, ...], approved: str = "[]") -> Request:
    """Return a request from the values of its columns and the JSON of who approved it.

    Raises:
        UnreadableError: The row is damaged.
    """
    row = dict(zip(COLUMNS, values, strict=True))
    read_shared(row)
    try:
        for column in SOMETIMES_AT:
            row[column] = from_text_or_none(row[column])
        approvals = approvals_from_text(approved)
    except WRONG as error:
        raise UnreadableError(f"R-{row['number']}") from error
    return Request(**row, approvals=approvals)


def times_mended(values: tuple[Any, ...], now: datetime) -> tuple[Any, ...]:
    """Return the values of a damaged row with `now` for each time that cannot be read, or none where it may be empty.

    A state that cannot be read is an unknown outcome.
    """
    row = dict(zip(COLUMNS, values, strict=True))
    instead = dict.fromkeys(ALWAYS_AT, to_text(now)) | dict.fromkeys(SOMETIMES_AT)
    wrong = {each for each in instead if from_text_if_readable(row[each]) is None}
    if row["state"] not in {*State}:
        instead["state"] = State.UNKNOWN.value
        wrong.add("state")
    return tuple(instead[each] if each in wrong else row[each] for each in COLUMNS)


def read_shared(row: dict[str, Any]) -> None:
    """Read in place the columns of a row that lists show too: rule, state and times.

    Raises:
        UnreadableError: The row is damaged.
    """
    row["rule"] = rule_from_text(row["rule"])
    try:
        row["state"] = State(row["state"])
        for column in ALWAYS_AT:
            row[column] = from_text(row[column])
    except WRONG as error:
        raise UnreadableError(f"R-{row['number']}") from error


def asked_hash(request: Request) -> str:
    """Return the SHA-256 (hex) of what was asked, as the table has it."""
    return asked_hash_of(to_row(request))


def asked_hash_of(row: Mapping[str, Any]) -> str:
    """Return the hash of `asked_hash` for a row of the table."""
    return digest.text_hash(digest.canonical(list(bound_columns(row).values())))


def plain_hash(request: Request) -> str:
    """Return the SHA-256 (hex) of a request without the fields that may name a customer, so that evidence without these proves the rest."""
    row = bound_columns(to_row(request)).items()
    return digest.text_hash(digest.canonical([each for name, each in row if name not in MAY_NAME]))


def bound_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that the history binds; its place only if there was a choice."""
    places = PLACES if row.get("place") else ()
    return {name: row[name] for name in (*KEPT, *places)}


def rule_to_text(rule: Rule) -> str:
    """Return a rule as JSON; spans in seconds."""
    return json.dumps(
        {
            "approvers": rule.approvers,
            "approvals": rule.approvals,
            "expires_after": rule.expires_after.total_seconds(),
            "remind_after": [span.total_seconds() for span in rule.remind_after],
            "type_the_number": rule.type_the_number,
            "name": rule.name,
        }
    )


class _StoredRule(BaseModel, strict=True):
    """A rule as `rule_to_text` writes it, or an older version did; nothing is converted to fit."""

    approvers: tuple[Annotated[str, Field(pattern=PEOPLE)], ...]
    approvals: int = Field(ge=1)
    expires_after: float = Field(gt=0)
    remind_after: tuple[float, ...] = ()
    type_the_number: bool = False
    name: str = "the general rule"


@lru_cache(maxsize=1000)
def rule_from_text(text: str) -> Rule:
    """Read what `rule_to_text` wrote, in any version; anything else becomes `NOBODY`, which is logged once."""
    try:
        found = _StoredRule.model_validate_json(text)
        return Rule(
            approvers=found.approvers,
            approvals=found.approvals,
            expires_after=timedelta(seconds=found.expires_after),
            remind_after=tuple(timedelta(seconds=span) for span in found.remind_after),
            type_the_number=found.type_the_number,
            name=found.name,
        )
    except WRONG:
        logger.exception("rule_unreadable", extra={"rule": text[:SHOWN_OF_A_RULE]})
        return NOBODY
