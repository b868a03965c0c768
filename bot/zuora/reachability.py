"""Whether Zuora answers, judged by everybody's last calls."""

import math
from typing import Final

from bot.domain.clock import Clock

ENOUGH: Final = 2
"""This many calls in a row without a good answer are no coincidence."""

_FAULT: Final = 500


class Reachability:
    """Counts the calls in a row that got no answer, or an answer that shows a fault of Zuora's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered_at = -math.inf
        self._in_vain = 0
        self._last = ""

    @property
    def trouble(self) -> str:
        """Return why Zuora cannot be used right now; empty if the last calls show nothing wrong."""
        return self._last if self._in_vain >= ENOUGH else ""

    @property
    def unheard_seconds(self) -> float:
        """Return how long there was no good answer from Zuora; infinite if the last call went wrong."""
        return math.inf if self._in_vain else self._clock.monotonic() - self._answered_at

    def shown(self, status: int | None) -> None:
        """Note how a call ended.

        Args:
            status: HTTP status; None if no answer came.
        """
        if status is not None and status < _FAULT:
            self._in_vain, self._answered_at = 0, self._clock.monotonic()
            return
        self._in_vain += 1
        answered = (
            "Zuora does not answer" if status is None else f"Zuora answers with HTTP {status}"
        )
        self._last = f"{answered}."
