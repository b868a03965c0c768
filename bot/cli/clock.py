"""The real time."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the current time, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of a clock that cannot be changed."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)
