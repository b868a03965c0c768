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


def how_slow(seconds: float = 0.3) -> float:
    """Return how much longer than that it takes to get so much of a processor here and now; 1 on an idle machine."""
    begun, used = time.monotonic(), time.process_time()
    while time.process_time() - used < seconds:
        pass
    return max(1.0, (time.monotonic() - begun) / seconds)


class PatientClock:
    """Real time, and slower where the machine is: for what people must do within seconds.

    Attributes:
        slow: How many real seconds one of its seconds takes from now on.
    """

    def __init__(self) -> None:
        self.slow = 1.0
        self._looked, self._now = time.monotonic(), BEGINNING

    def now(self) -> datetime:
        looked = time.monotonic()
        self._now += timedelta(seconds=(looked - self._looked) / self.slow)
        self._looked = looked
        return self._now

    def monotonic(self) -> float:
        return (self.now() - BEGINNING).total_seconds()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.slow)
