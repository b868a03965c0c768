"""The clock that the local Zuora lives by; it is handed in and never the machine's own."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the tenant sees it."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` have passed on this clock."""
        ...
