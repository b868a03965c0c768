"""Whether Zuora answers: what the last calls showed, whoever made them."""

import math
from typing import Final

from bot.domain.clock import Clock

ENOUGH: Final = 2
"""So many calls without a good answer, one after the other, are no accident."""

_FAULT: Final = 500


class Reachability:
    """Counts the calls in a row that were not answered, or answered with a fault of Zuora's own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered_at = -math.inf
        self._in_vain = 0
        self._last = ""

    @property
    def trouble(self) -> str:
        """Return why Zuora cannot be worked with just now; empty where the last calls show nothing wrong."""
        return self._last if self._in_vain >= ENOUGH else ""

    @property
    def unheard_seconds(self) -> float:
        """For how long nothing good was heard of Zuora; without an end where the last call went wrong."""
        return math.inf if self._in_vain else self._clock.monotonic() - self._answered_at

    def shown(self, status: int | None) -> None:
        """Take note of how a call ended.

        Args:
            status: HTTP status; None where no answer came.
        """
        if status is not None and status < _FAULT:
            self._in_vain, self._answered_at = 0, self._clock.monotonic()
            return
        self._in_vain += 1
        answered = (
            "Zuora does not answer" if status is None else f"Zuora answers with HTTP {status}"
        )
        self._last = f"{answered}."
