"""Faults on demand, as of networks, gateways and Zuora itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from bot.sandbox.zuora.calls import Answer
from bot.sandbox.zuora.errors import CONCURRENCY_MESSAGE, Reason, envelope

FaultKind = Literal[
    "status",
    "lose_answer",
    "drop",
    "hang",
    "slow",
    "http200_failure",
    "unauthorized",
    "too_many",
    "conflict",
]
AFTER_EFFECT = frozenset({"lose_answer", "hang", "slow"})
"""Kinds that let the call take effect; the others come before it."""


@dataclass
class Fault:
    """A fault that waits for calls.

    `details` by kind: status takes `status`, `body` (JSON), `text` (HTML), `headers` and `stored`;
    slow takes `seconds`; any takes `lost` (true: its answer is lost on the way); http200_failure takes `category` and `message`; too_many takes
    `retry_after` (seconds; without it there is no such header) and `rate` (true: the per-minute wording).
    """

    path: str
    method: str
    kind: FaultKind
    times: int | None
    after: int
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def loses_the_answer(self) -> bool:
        """Return whether the connection breaks before the answer."""
        return self.kind in {"lose_answer", "hang"} or bool(self.details.get("lost"))

    def takes(self, method: str, path: str) -> bool:
        """Return whether a call is this fault's, and count it."""
        if self.times == 0 or self.method not in {"*", method} or not fnmatchcase(path, self.path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults in force, first added first used."""

    def __init__(self) -> None:
        self.down = False
        """True: every connection is dropped right away."""
        self.waiting: list[Fault] = []

    def add(
        self,
        path: str = "*",
        *,
        method: str = "*",
        kind: FaultKind,
        times: int | None = 1,
        after: int = 0,
        **details: Any,
    ) -> Fault:
        """Have the next `times` calls (None: all) to a path glob fail, past the first `after`."""
        if kind not in get_args(FaultKind):
            raise ValueError(f"unknown kind of fault: {kind}")
        fault = Fault(path, method, kind, times, after, details)
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Take all faults away."""
        self.down = False
        self.waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for a call, if one waits for it."""
        return next((fault for fault in self.waiting if fault.takes(method, path)), None)


def answer_of(fault: Fault, request_id: str) -> Answer:
    """Return the answer of a fault that comes before the effect."""
    details = fault.details
    match fault.kind:
        case "unauthorized":
            return Answer(401, {"message": "Authentication error"})
        case "too_many":
            return _too_many(details)
        case "conflict":
            reason = Reason(50, "The object is locked by another operation. Try again later.")
            return Answer(409, envelope([reason], request_id))
        case "http200_failure":
            reason = Reason(
                details.get("category", 60), details.get("message", "Operation failed.")
            )
            return Answer(200, envelope([reason], request_id))
        case _:
            return _status(details)


def _too_many(details: Mapping[str, Any]) -> Answer:
    retry_after = details.get("retry_after")
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if details.get("rate"):
        seconds = retry_after or 60
        text = f"API Rate limit exceeded for the minute, retry after {seconds} seconds"
        return Answer(429, {"reasons": [{"code": 70, "message": text}]}, headers)
    reason = Reason(70, CONCURRENCY_MESSAGE)
    return Answer(429, {"success": False, "reasons": [reason.as_json()]}, headers)


def _status(details: Mapping[str, Any]) -> Answer:
    status = details.get("status", 500)
    headers = details.get("headers") or {}
    if "text" in details:
        return Answer(status, None, headers, details["text"], "text/html")
    if "body" in details:
        return Answer(status, details["body"], headers)
    if status in {502, 503, 504}:
        page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        return Answer(status, None, headers, page, "text/html")
    body = {"reasons": [{"code": "SystemError", "message": "internal server error"}]}
    return Answer(status, body, headers)


def is_stored(fault: Fault, answer: Answer) -> bool:
    """Return whether the service, not a gateway before it, gave a fault's answer.

    Only the service keeps answers under an Idempotency-Key; `stored` in the details
    decides if it is given, since the guides do not say which errors are kept.
    """
    given = fault.details.get("stored")
    if given is not None:
        return bool(given)
    if fault.kind == "http200_failure":
        return True
    return fault.kind == "status" and answer.text is None and answer.status not in {401, 409, 429}
