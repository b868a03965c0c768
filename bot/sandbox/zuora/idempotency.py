"""Idempotency-Key: repeats the stored answer (Idempotent requests)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.zuora.calls import Answer
from bot.sandbox.zuora.errors import refusal
from bot.sandbox.zuora.options import Knobs

LONGEST_KEY = 255


@dataclass
class Kept:
    """A key in use; `answer` is None while the first request is in progress."""

    method: str
    path: str
    body: bytes
    created: datetime
    answer: Answer | None = None


class IdempotencyStore:
    """The keys of one tenant, each kept for a day from the moment it was first seen."""

    def __init__(self) -> None:
        self._entries: dict[str, Kept] = {}

    def look(
        self, key: str, request: tuple[str, str, bytes], now: datetime, knobs: Knobs
    ) -> Answer | None:
        """Return the stored answer, or None after opening the key for a first request.

        `request` is method, path with query, and body.

        Raises:
            RefusalError: 400 for a key over 255 characters, 409 while the first request is in
                progress, 422 for another method or address (or body, where the knob says so).
        """
        if len(key) > LONGEST_KEY:
            raise refusal(20, f"The Idempotency-Key header has more than {LONGEST_KEY} characters.")
        method, path, body = request
        entry = self._entries.get(key)
        if entry is None or now - entry.created >= timedelta(hours=knobs.idempotency_hours):
            self._entries[key] = Kept(method, path, body, now)
            return None
        if (entry.method, entry.path) != (method, path):
            raise refusal(30, "The Idempotency-Key was used for another request.", http=422)
        if knobs.idempotency_body_mismatch == "reject" and entry.body != body:
            raise refusal(30, "The Idempotency-Key was used with another body.", http=422)
        if entry.answer is None:
            raise refusal(50, "A request with this Idempotency-Key is in progress.")
        return entry.answer

    def store(self, key: str, answer: Answer) -> None:
        """Keep the answer to the first request, a success or a failure alike."""
        if key in self._entries:
            self._entries[key].answer = answer

    def release(self, key: str) -> None:
        """Forget a key whose request never reached the service."""
        self._entries.pop(key, None)
