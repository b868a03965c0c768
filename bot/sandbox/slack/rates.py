"""Rate limits: a tier per method and one message a second per channel."""

import math
from collections import deque

from bot.sandbox.clock import Clock
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.limits import POST_BURST, TIER_CALLS

_MINUTE = 60.0


class Rates:
    """Counts calls by the clock and refuses those that are too many, if ``enforced``."""

    def __init__(self, clock: Clock, *, enforced: bool) -> None:
        self.enforced = enforced
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}

    def check(self, method: str, tier: int | None) -> None:
        """Count a call of ``method``.

        Raises:
            SlackError: ``ratelimited`` with the seconds to wait.
        """
        if not self.enforced or tier is None:
            return
        now = self._clock.now().timestamp()
        recent = self._calls.setdefault(method, deque())
        while recent and recent[0] <= now - _MINUTE:
            recent.popleft()
        if len(recent) >= TIER_CALLS[tier]:
            wait = recent[0] + _MINUTE - now
            raise SlackError("ratelimited", retry_after=max(1, math.ceil(wait)))
        recent.append(now)

    def check_post(self, channel: str) -> None:
        """Count a message to ``channel``: one a second, a short burst saved up.

        Raises:
            SlackError: ``ratelimited`` with the seconds to wait.
        """
        if not self.enforced:
            return
        now = self._clock.now().timestamp()
        left, since = self._posts.get(channel, (float(POST_BURST), now))
        left = min(float(POST_BURST), left + now - since)
        if left < 1:
            self._posts[channel] = (left, now)
            raise SlackError("ratelimited", retry_after=max(1, math.ceil(1 - left)))
        self._posts[channel] = (left - 1, now)
