"""How long a database on a server has let the event loop wait, for another thread to look at."""

import time

SLOW_SECONDS = 0.05
"""An answer that took longer counts: two hundred clicks at once wait for many quick ones, which is no fault."""


class Waits:
    """Adds up how long slow answers took; written by the event loop's thread, read by any.

    Args:
        longest: Seconds that a server may take.
    """

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self._slow = 0.0
        self._since: float | None = None

    def began(self, at: float) -> None:
        """Note that the server was asked, in seconds of the monotonic clock."""
        self._since = at

    def ended(self, at: float) -> None:
        """Note that it has answered, or that nobody waits for that any longer."""
        took = 0.0 if self._since is None else at - self._since
        self._since = None
        if took > SLOW_SECONDS:
            self._slow += took

    def seconds(self) -> float:
        """Return what all slow answers took so far, the one that is waited for included."""
        return self._slow + self._going_on()

    @property
    def is_slow(self) -> bool:
        """Return whether an answer is overdue right now."""
        return self._going_on() > 0.0

    def _going_on(self) -> float:
        since = self._since
        waited = 0.0 if since is None else time.monotonic() - since
        return waited if waited > SLOW_SECONDS else 0.0
