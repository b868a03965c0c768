"""One request on its way through the service, with the checks before a route sees it. No I/O."""

import json
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from bot.sandbox.zuora.calls import Answer, Call, Context
from bot.sandbox.zuora.errors import RefusalError, answer_to, refusal
from bot.sandbox.zuora.faults import Fault
from bot.sandbox.zuora.router import Found
from bot.sandbox.zuora.tenant import Tenant

LONGEST_TRACK_ID = 64
NO_ROUTE = Answer(404, {"message": "no Route matched with those values"})
NOT_SIGNED_IN = Answer(401, {"message": "Authentication error"})


@dataclass(frozen=True)
class Exchange:
    """A request with its raw parts."""

    call: Call
    raw_path: str
    """Path and query, still encoded."""
    body: bytes
    query: dict[str, tuple[str, ...]]
    fault: Fault | None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str | None:
        """Return a header, or None."""
        return self.call.headers.get(name.lower())

    def key(self) -> str | None:
        """Return the Idempotency-Key, or None."""
        return self.header("Idempotency-Key")

    def own_headers(self) -> dict[str, str]:
        """Return the headers of an answer that identify its request."""
        track = self.header("Zuora-Track-Id")
        return {"Zuora-Request-Id": self.request_id, **({"Zuora-Track-Id": track} if track else {})}

    def refuse(self, refused: RefusalError, tenant: Tenant) -> Answer:
        """Return the answer for a refusal, in the version that the request asks for."""
        version = self.header("Zuora-Version") or tenant.knobs.default_version
        status, body = answer_to(refused, self.call.path, version, self.request_id)
        headers = {"Retry-After": "120"} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
        return Answer(status, body, {**self.own_headers(), **headers})

    def context(self, tenant: Tenant, found: Found) -> Context:
        """Return what the route sees.

        Raises:
            RefusalError: category 45 without a JSON body where one is due, 90 for unreadable JSON.
        """
        body: dict[str, Any] = self._read_body() if self.call.method in {"POST", "PUT"} else {}
        track = self.header("Zuora-Track-Id")
        return Context(tenant, self.call.path, found.keys, self.query, body, track, self.request_id)

    def _read_body(self) -> dict[str, Any]:
        kind = (self.header("Content-Type") or "").partition(";")[0].strip().lower()
        if kind != "application/json" or not self.body:
            raise refusal(45, "Content type is not supported: a JSON body is required.")
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            raise refusal(90, "The request body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise refusal(90, "The request body must be a JSON object.")
        return body

    def check_headers(self, allowed: bool) -> None:  # noqa: FBT001 - one fact, named by its type
        """Refuse a request whose headers are wrong.

        Raises:
            RefusalError: 405 for a method that the path has not, 400 for an Idempotency-Key outside
                POST and PATCH, 400 for a track id that is too long or has forbidden characters.
        """
        method = self.call.method
        if not allowed:
            raise refusal(45, f"Request method '{method}' not supported", http=405)
        if self.key() is not None and method not in {"POST", "PATCH"}:
            text = f"Request method '{method}' not supported with Idempotency-Key header"
            raise refusal(20, text)
        track = self.header("Zuora-Track-Id") or ""
        if len(track) > LONGEST_TRACK_ID or not track.isascii() or set(track) & set(":;\"'"):
            raise refusal(20, "The Zuora-Track-Id header is invalid.")
