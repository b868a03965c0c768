"""Rate and concurrency limits, and the headers that show them (rate limits guide)."""

from collections import deque
from datetime import datetime, timedelta

from bot.sandbox.zuora.calls import Answer
from bot.sandbox.zuora.errors import CONCURRENCY_MESSAGE, Reason
from bot.sandbox.zuora.options import Knobs


class Limits:
    """Calls of the last minute and calls in flight, by class."""

    def __init__(self) -> None:
        self._minute: deque[datetime] = deque()
        self.in_flight = {"Default": 0, "Object Query": 0}

    @staticmethod
    def group(path: str) -> str:
        """Return the concurrency class of a path."""
        return "Object Query" if path.startswith("/object-query") else "Default"

    @staticmethod
    def allowed(group: str, knobs: Knobs) -> int:
        """Return how many calls of a class may be in flight."""
        default = group == "Default"
        return knobs.concurrency_limit if default else knobs.object_query_concurrency_limit

    def enter(self, path: str, now: datetime, knobs: Knobs) -> Answer | None:
        """Count a call in; return a refusal when it is one too many, which counts as well."""
        while self._minute and now - self._minute[0] >= timedelta(minutes=1):
            self._minute.popleft()
        self._minute.append(now)
        group = self.group(path)
        self.in_flight[group] += 1
        if len(self._minute) > knobs.calls_per_minute:
            wait = self._reset(now)
            text = f"API Rate limit exceeded for the minute, retry after {wait} seconds"
            return Answer(429, {"reasons": [{"code": 70, "message": text}]})
        if self.in_flight[group] > self.allowed(group, knobs):
            reasons = [Reason(70, CONCURRENCY_MESSAGE).as_json()]
            return Answer(429, {"success": False, "reasons": reasons}, {"Retry-After": "120"})
        return None

    def leave(self, path: str) -> None:
        """Count a call out."""
        self.in_flight[self.group(path)] -= 1

    def _reset(self, now: datetime) -> int:
        first = self._minute[0] if self._minute else now
        return max(1, round(60 - (now - first).total_seconds()))

    def headers(self, path: str, now: datetime, knobs: Knobs) -> dict[str, str]:
        """Return the limit headers of an answer."""
        if not knobs.rate_headers:
            return {}
        group = self.group(path)
        allowed, minute = self.allowed(group, knobs), knobs.calls_per_minute
        return {
            "ratelimit-limit": f"2250000, {minute};w=60, 2250000;w=3600, 27000000;w=86400",
            "ratelimit-remaining": str(max(0, minute - len(self._minute))),
            "ratelimit-reset": str(self._reset(now)),
            "Concurrency-Limit-Type": group,
            "Concurrency-Limit-Limit": str(allowed),
            "Concurrency-Limit-Remaining": str(max(0, allowed - self.in_flight[group])),
        }
