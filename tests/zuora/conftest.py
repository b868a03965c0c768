"""The real client against a local Zuora, over sockets, on a clock that only moves by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from bot.sandbox.zuora import LocalZuora, World
from bot.zuora.client import CallerSettings, Login, TenantSettings, ZuoraClient, http_client


class HandClock:
    """Sleeping takes no time: it moves the clock and lets others run."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
        self.passed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(seconds)
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.passed += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def local(clock: HandClock) -> AsyncIterator[LocalZuora]:
    zuora = LocalZuora(clock, world=World(clock.now()))
    await zuora.start()
    yield zuora
    await zuora.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as client:
        yield client


Make = Callable[..., ZuoraClient]


def _from(kind: Any, given: dict[str, Any]) -> Any:
    """Take out of what is given what this group has."""
    return kind(**{each.name: given.pop(each.name) for each in fields(kind) if each.name in given})


@pytest.fixture
def make(local: LocalZuora, http: httpx2.AsyncClient, clock: HandClock) -> Make:
    def build(**settings: object) -> ZuoraClient:
        given: dict[str, Any] = {
            "base_url": local.base_url,
            "client_id": local.client_id,
            "client_secret": local.client_secret,
            **settings,
        }
        groups = [_from(kind, given) for kind in (CallerSettings, Login, TenantSettings)]
        assert not given, f"no part of the client takes {list(given)}"
        return ZuoraClient(http, clock, *groups)

    return build


@pytest.fixture
def zuora(make: Make) -> ZuoraClient:
    return make()
