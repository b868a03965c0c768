"""A local Zuora on a clock moved by hand, and a client that knows its token."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from bot.sandbox.zuora import LocalZuora, Timings, World

VERSION = "2025-08-12"
TLS = ssl.create_default_context()  # made once: a new one for each client takes 20 ms


class HandClock:
    """Time that moves only by hand; a sleeper moves it on, once `goes` is set."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
        self.goes = asyncio.Event()
        self.goes.set()

    def now(self) -> datetime:
        return self._now

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        await self.goes.wait()
        self.move(seconds)


class Client:
    """Calls with a bearer and a current version; `http` is the bare client."""

    def __init__(self, http: httpx2.AsyncClient, zuora: LocalZuora) -> None:
        self.http = http
        self.zuora = zuora
        self.token = ""

    async def sign_in(self) -> httpx2.Response:
        form = {
            "client_id": self.zuora.client_id,
            "client_secret": self.zuora.client_secret,
            "grant_type": "client_credentials",
        }
        answer = await self.http.post("/oauth/token", data=form)
        self.token = answer.json().get("access_token", "")
        return answer

    async def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}", "Zuora-Version": VERSION, **named}
        kept = {name: value for name, value in sent.items() if value}
        return await self.http.request(method, path, json=body, headers=kept)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        return await self.call("POST", path, {} if body is None else body, **headers)

    async def put(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        return await self.call("PUT", path, {} if body is None else body, **headers)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def world(clock) -> World:
    world = World(clock.now())
    world.add_account("A00000001", additional_emails="cfo@example.com")
    world.add_account("A00000002", currency="EUR", batch="Batch2")
    world.add_account("A00000003", email=None)
    world.add_bill_run(
        name="November",
        invoices=[("A00000001", "USD", "100.00"), ("A00000002", "EUR", "0.00")],
        credit_memos=[("A00000002", "EUR", "12.50")],
    )
    return world


@pytest.fixture
async def zuora(clock, world) -> AsyncIterator[LocalZuora]:
    server = LocalZuora(clock, world=world, timings=Timings())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(zuora) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(base_url=zuora.base_url, timeout=5.0, verify=TLS) as http:
        client = Client(http, zuora)
        await client.sign_in()
        zuora.calls.clear()
        yield client
