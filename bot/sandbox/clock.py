"""The clock that both local servers read; it is passed in when they are started."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

from aiohttp import web


class Clock(Protocol):
    """The sandbox's time."""

    def now(self) -> datetime:
        """Return the time now, aware and in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of this clock have passed."""
        ...


def dated(app: web.Application, clock: Clock, ahead: Callable[[], timedelta]) -> None:
    """Put the server's time into the header `Date` of its answers, as far ahead of the clock as `ahead` returns."""

    async def say(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(clock.now() + ahead(), usegmt=True)

    app.on_response_prepare.append(say)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time now, aware and in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` of real time."""
        await asyncio.sleep(seconds)
