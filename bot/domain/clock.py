"""Time, handed in: tests move it, and nothing asks the machine."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The present, and waiting."""

    def now(self) -> datetime:
        """The moment, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that nobody sets: for how long something lasts, never for when."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""
        ...
