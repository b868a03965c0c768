"""Whether Zuora answers: what the last calls showed, whoever made them."""

from typing import Final

ENOUGH: Final = 2
"""So many calls without a good answer, one after the other, are no accident."""

_FAULT: Final = 500


class Reachability:
    """Counts the calls in a row that were not answered, or answered with a fault of Zuora's own."""

    def __init__(self) -> None:
        self._in_vain = 0
        self._last = ""

    @property
    def trouble(self) -> str:
        """Why Zuora cannot be worked with just now; empty where the last calls show nothing wrong."""
        return self._last if self._in_vain >= ENOUGH else ""

    def shown(self, status: int | None) -> None:
        """Take note of how a call ended.

        Args:
            status: HTTP status; None where no answer came.
        """
        if status is not None and status < _FAULT:
            self._in_vain = 0
            return
        self._in_vain += 1
        answered = (
            "Zuora does not answer" if status is None else f"Zuora answers with HTTP {status}"
        )
        self._last = f"{answered}."
