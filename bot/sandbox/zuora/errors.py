"""How Zuora refuses: categories, their HTTP status, and the bodies of each part of the API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_IS_DATE = re.compile(r"\d{4}-\d\d-\d\d")
HTTP_BY_CATEGORY = {
    10: 403, 11: 401, 20: 400, 21: 400, 22: 400, 23: 400, 27: 400, 30: 400, 40: 404,
    45: 415, 50: 409, 60: 500, 61: 500, 70: 429, 90: 400, 99: 500,
}  # fmt: skip
"""HTTP status by the last two digits of a code, from Zuora-Version 2024-05-20 (API upgrades)."""

CONCURRENCY_MESSAGE = (
    "The total number of concurrent requests has exceeded the limit allowed by the system. "
    "Please resubmit your request later."
)


@dataclass(frozen=True)
class Reason:
    """One reason for a refusal; the code sent is 50000000 plus the category."""

    category: int
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the reason as an answer carries it."""
        return {"code": 50_000_000 + self.category, "message": self.message}


class RefusalError(Exception):
    """A call that Zuora refuses, with all reasons together."""

    def __init__(self, *reasons: Reason, http: int | None = None) -> None:
        super().__init__("; ".join(reason.message for reason in reasons))
        self.reasons: Sequence[Reason] = reasons
        self.http = http

    def status(self) -> int:
        """Return the HTTP status for a client of a current version."""
        return self.http or HTTP_BY_CATEGORY[self.reasons[0].category]


def refusal(category: int, message: str, http: int | None = None) -> RefusalError:
    """Return a refusal with a single reason."""
    return RefusalError(Reason(category, message), http=http)


def not_found(key: str) -> RefusalError:
    """Return the refusal for a key that names nothing."""
    return refusal(40, f"Cannot find entity by key: '{key}'.")


def envelope(reasons: Sequence[Reason], request_id: str) -> dict[str, Any]:
    """Return the body of a refused /v1 call."""
    return {
        "success": False,
        "processId": request_id.replace("-", "")[:16].upper(),
        "reasons": [reason.as_json() for reason in reasons],
        "requestId": request_id,
    }


def errors_say_their_status(version: str) -> bool:
    """Return whether `version` answers errors with their own HTTP status rather than with 200.

    Numbered versions and dates before 2024-05-20 answer 200 with success false (API upgrades).
    """
    return _IS_DATE.fullmatch(version) is not None and version >= "2024-05-20"


def answer_to(
    refused: RefusalError, path: str, version: str, request_id: str
) -> tuple[int, dict[str, Any]]:
    """Return HTTP status and body of a refusal, in the form of the part of the API that was called."""
    if path.startswith("/object-query"):
        body = envelope(refused.reasons, request_id)
        return refused.status(), {"reasons": body["reasons"], "requestId": request_id}
    if path.startswith("/settings"):
        first = refused.reasons[0]
        return refused.status(), {"code": first.as_json()["code"], "message": first.message}
    if path.startswith("/v1/action"):
        rows = [{"Code": "INVALID_VALUE", "Message": reason.message} for reason in refused.reasons]
        return refused.status(), {"Success": False, "Errors": rows}
    status = refused.status() if errors_say_their_status(version) else 200
    return status, envelope(refused.reasons, request_id)
