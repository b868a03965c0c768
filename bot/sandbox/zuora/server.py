"""The local Zuora: a server on 127.0.0.1 that answers like Zuora's REST API."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from bot.sandbox.clock import Clock, dated
from bot.sandbox.zuora.calls import Answer, Call
from bot.sandbox.zuora.control import PREFIX, Control
from bot.sandbox.zuora.exchange import Exchange
from bot.sandbox.zuora.faults import Faults
from bot.sandbox.zuora.options import Knobs, Timings
from bot.sandbox.zuora.records import Mail
from bot.sandbox.zuora.sandbox_world import sandbox_world
from bot.sandbox.zuora.service import Service
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.tokens import Tokens
from bot.sandbox.zuora.world import World

CLIENT_ID = "3d6f0a52-7c1b-4e0e-9a55-0f5c2b7d9e10"
CLIENT_SECRET = "local=zuora=secret"
SHORT = 1000
"""Bytes up to which an answer is not compressed (gzip guide)."""

_POLL = 0.01


class LocalZuora:
    """A tenant of Zuora on a local port; without a world it has the one that newcomers find.

    The state follows from what is stored and from the clock; nothing runs in the background, so a
    clock moved by hand simply works.
    """

    def __init__(  # noqa: PLR0913 - what a tenant is made of, all but the clock optional
        self,
        clock: Clock,
        *,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        tenant: str = "12270",
        timings: Timings = Timings(),  # noqa: B008 - frozen
        knobs: Knobs = Knobs(),  # noqa: B008 - frozen
        world: World | None = None,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.faults = Faults()
        self.calls: list[Call] = []
        self.base_url = ""
        self.port = 0
        self.tenant = Tenant(tenant, world or sandbox_world(clock.now()), clock, timings, knobs)
        self._service = Service(self.tenant, Tokens(client_id, client_secret, tenant))
        self._control = Control(self.tenant, self.faults, self.calls)
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self.clock_ahead = timedelta()

    @property
    def world(self) -> World:
        """Return the tenant's data, as it is at this moment."""
        self.tenant.advance()
        return self.tenant.world

    def add_entity(self, entity_id: str) -> World:
        """Make an entity with data of its own (Multi-entity); return them."""
        whole = self.tenant
        world = World(whole.now())
        whole.entities[entity_id] = Tenant(
            whole.number, world, whole.clock, whole.timings, whole.knobs
        )
        return world

    @property
    def mails(self) -> list[Mail]:
        """Return every mail sent to a customer up to this moment."""
        return self.world.mails

    @property
    def knobs(self) -> Knobs:
        """Return the settings; assign `dataclasses.replace(zuora.knobs, …)` to change some."""
        return self.tenant.knobs

    @knobs.setter
    def knobs(self, knobs: Knobs) -> None:
        self.tenant.knobs = knobs

    @property
    def timings(self) -> Timings:
        """Return the durations; assign others for work that begins from then on."""
        return self.tenant.timings

    @timings.setter
    def timings(self, timings: Timings) -> None:
        self.tenant.timings = timings

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one, and `base_url` shows which."""
        app = web.Application()
        dated(app, self.tenant.clock, lambda: self.clock_ahead)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._stopping.clear()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0]
        self.port = bound[1]
        self.base_url = f"http://{host}:{self.port}"

    async def stop(self) -> None:
        """End all connections, those that hang too; data, keys and tokens stay for a new start."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def until(self, predicate: Callable[[], bool], seconds: float = 60.0) -> None:
        """Return once a predicate holds; it is checked at every call and when the clock moves.

        Args:
            predicate: looked at with the tenant's state brought up to the clock.
            seconds: real seconds to wait at most.

        Raises:
            AssertionError: it did not hold in time; the text says what there is instead.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            self.tenant.advance()
            if predicate():
                return
            if loop.time() >= end:
                raise AssertionError(self._description(seconds))
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _POLL)

    def _description(self, seconds: float) -> str:
        runs = ", ".join(f"{run.number} {run.status}" for run in self.world.bill_runs.values())
        calls = "; ".join(f"{c.method} {c.path} {c.status or c.fault}" for c in self.calls[-8:])
        mails = len(self.world.mails)
        return (
            f"not within {seconds} s. Runs: {runs or 'none'}. Mails: {mails}. "
            f"Calls: {len(self.calls)}, the last: {calls or 'none'}"
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path.startswith(PREFIX):
            made = self._control.answer(request.method, request.path, request.content_type, body)
            self._changed.set()
            return _response(made, request)
        call = self._record(request, body)
        try:
            return await self._serve(request, call, body)
        finally:
            self._changed.set()

    def _record(self, request: web.Request, body: bytes) -> Call:
        parsed: Any = None
        if request.content_type == "application/x-www-form-urlencoded":
            parsed = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        elif body:
            with contextlib.suppress(ValueError, RecursionError):
                parsed = json.loads(body)
        call = Call(
            method=request.method,
            path=request.path,
            query=request.query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=parsed,
            time=self.tenant.now(),
            raw_path=request.raw_path.partition("?")[0],
        )
        self.calls.append(call)
        return call

    async def _serve(self, request: web.Request, call: Call, body: bytes) -> web.StreamResponse:
        if self.faults.down:
            call.fault = "down"
            return _drop(request)
        fault = self.faults.take(call.method, call.path)
        call.fault = fault.kind if fault else None
        if fault is not None and fault.kind == "drop":
            return _drop(request)
        query: dict[str, tuple[str, ...]] = {}
        raw_query = request.rel_url.raw_query_string
        for name, value in parse_qsl(raw_query, keep_blank_values=True):
            query[name] = (*query.get(name, ()), value)
        raw_path = request.raw_path
        answer = await self._service.answer(Exchange(call, raw_path, body, query, fault))
        self._changed.set()
        if fault is not None and fault.kind == "hang":
            await self._stopping.wait()
        if fault is not None and fault.loses_the_answer:
            return _drop(request)
        call.status, call.answer = answer.status, answer.body
        return _response(answer, request)


def _drop(request: web.Request) -> web.Response:
    """Cut the connection; the response returned never leaves."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _response(answer: Answer, request: web.Request) -> web.Response:
    """Return the response, gzipped when asked for and longer than `SHORT`."""
    payload = answer.payload()
    headers = {**answer.headers, "Content-Type": answer.content_type}
    if len(payload) > SHORT and "gzip" in request.headers.get("Accept-Encoding", "").lower():
        quickly = 1  # it goes no further than this machine
        payload = gzip.compress(payload, quickly, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return web.Response(status=answer.status, body=payload, headers=headers)
