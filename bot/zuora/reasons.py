"""Zuora's reasons for a refusal, read from each of their shapes. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

# Codes in words, of the older actions (guide *Error handling*) and of the 500 example in Zuora's
# OpenAPI document, with the category that means the same.
_WORDS: Final[dict[str, int]] = {
    "SystemError": 60,
    "UNKNOWN_ERROR": 60,
    "SERVER_UNAVAILABLE": 61,
    "TRANSACTION_TERMINATED": 61,
    "LOCK_COMPETITION": 50,
    "REQUEST_EXCEEDED_LIMIT": 70,
    "REQUEST_EXCEEDED_RATE": 70,
    "INVALID_SESSION": 11,
    "PERMISSION_DENIED": 10,
    "CANNOT_DELETE": 30,
    "INVALID_ID": 40,
    "INVALID_FIELD": 20,
    "INVALID_TYPE": 20,
    "INVALID_VALUE": 20,
    "MALFORMED_QUERY": 20,
    "MISSING_REQUIRED_VALUE": 22,
}

OUTAGES: Final = (60, 61, 99)
"""Categories that mean that Zuora itself broke down: it may have done something before."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: Zuora's code as text, and its message."""

    code: str
    message: str

    @property
    def category(self) -> int | None:
        """Return the last two digits of a number, or what a code in words stands for."""
        if self.code.isascii() and self.code.isdigit():
            return int(self.code[-2:])
        return _WORDS.get(self.code)


def reasons_of(data: Any) -> tuple[Reason, ...]:
    """Return all reasons in an answer; none if it is no refusal.

    Shapes: `reasons[{code,message}]`; `Errors[{Code,Message}]` of the older actions;
    `{code,message}` and `{message}` of the gateway; `{faultcode,faultstring}` of queries;
    `{error,error_description}` of the token call.
    """
    return tuple(_reasons(data))


def _reasons(data: Any) -> Iterator[Reason]:
    if isinstance(data, list):
        rows = [row for row in data if isinstance(row, dict) and _no(row)]
        for row in rows:
            yield from _reasons(row)
        return
    if not isinstance(data, dict):
        return
    found = [
        reason
        for name in ("reasons", "Errors", "errors")
        for row in _rows(data.get(name))
        for reason in _single(row)
    ]
    if not found and not _yes(data):
        found = list(_single(data))
    yield from found


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _single(row: dict[str, Any]) -> Iterator[Reason]:
    code = _first(row, "code", "Code", "faultcode", "error").removeprefix("fns:")
    message = _first(row, "message", "Message", "faultstring", "error_description")
    if (code or message) and "id" not in row:
        yield Reason(code, message)


def _first(row: dict[str, Any], *names: str) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value).strip()
    return ""


def _yes(data: dict[str, Any]) -> bool:
    return data.get("success") is True or data.get("Success") is True


def _no(data: dict[str, Any]) -> bool:
    return data.get("success") is False or data.get("Success") is False
