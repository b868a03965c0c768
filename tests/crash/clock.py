"""The machine's clock, running faster: so that the bot's own pauses do not make the test long."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

BEGINNING = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class FastClock:
    """Real time, `speed` times as fast; the same in every process that has the same `begun`.

    Args:
        begun: The machine's monotonic time, in seconds, at which this clock stood at `BEGINNING`.
        speed: How many of its seconds pass in one real second.
    """

    def __init__(self, begun: float, speed: float) -> None:
        self.begun = begun
        self.speed = speed

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=(time.monotonic() - self.begun) * self.speed)

    def monotonic(self) -> float:
        return (time.monotonic() - self.begun) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)
