"""The service behind the socket: from a request to an answer, in Zuora's order."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl

from bot.sandbox.zuora.calls import Answer
from bot.sandbox.zuora.errors import RefusalError
from bot.sandbox.zuora.exchange import NO_ROUTE, NOT_SIGNED_IN, Exchange
from bot.sandbox.zuora.faults import AFTER_EFFECT, Fault, answer_of, is_stored
from bot.sandbox.zuora.idempotency import IdempotencyStore
from bot.sandbox.zuora.limits import Limits
from bot.sandbox.zuora.router import Found, candidates
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.tokens import Tokens

TOKEN_PATH = "/oauth/token"


def latency_of(path: str, table: Mapping[str, float]) -> float:
    """Return the real seconds that a path takes: those of the longest matching glob."""
    globs = [glob for glob in table if fnmatchcase(path, glob)]
    return table[max(globs, key=len)] if globs else 0.0


class Service:
    """Gateway and API of one tenant."""

    def __init__(self, tenant: Tenant, tokens: Tokens) -> None:
        self.tenant = tenant
        self.tokens = tokens
        self.limits = Limits()
        self.idempotency = IdempotencyStore()

    async def answer(self, exchange: Exchange) -> Answer:
        """Return the answer; effects have happened by then."""
        self.tenant.advance()
        path, now, knobs = exchange.call.path, self.tenant.now(), self.tenant.knobs
        if path == TOKEN_PATH:
            await self._take_time(exchange)
            return self._token(exchange)
        found = candidates(exchange.raw_path.partition("?")[0])
        if not found:
            return NO_ROUTE
        refused = self.limits.enter(path, now, knobs)
        try:
            answer = refused or await self._behind_gateway(exchange, found)
        finally:
            headers = self.limits.headers(path, now, knobs)
            self.limits.leave(path)
        return replace(answer, headers={**headers, **exchange.own_headers(), **answer.headers})

    def _token(self, exchange: Exchange) -> Answer:
        if (early := self._early(exchange)) is not None:
            return early[1]
        if exchange.call.method != "POST":
            return NO_ROUTE
        form = dict(parse_qsl(exchange.body.decode(errors="replace")))
        return self.tokens.issue(form, self.tenant)

    def _early(self, exchange: Exchange) -> tuple[Fault, Answer] | None:
        fault = exchange.fault
        if fault is None or fault.kind in AFTER_EFFECT:
            return None
        if fault.kind == "unauthorized":
            self.tokens.revoke(exchange.header("Authorization"))
        return fault, answer_of(fault, exchange.request_id)

    async def _behind_gateway(self, exchange: Exchange, found: list[Found]) -> Answer:
        early = self._early(exchange)
        if early is not None and not is_stored(*early):
            return early[1]
        if not self.tokens.accepts(exchange.header("Authorization"), self.tenant.now()):
            return NOT_SIGNED_IN
        fitting = [entry for entry in found if entry.route.method == exchange.call.method]
        try:
            exchange.check_headers(bool(fitting))
            self.tenant.check_orgs(exchange.header("Zuora-Org-Ids"))
            entity = self.tenant.entity(exchange.header("Zuora-Entity-Ids"))
            context = exchange.context(entity, fitting[0])
            key = exchange.key() if self.tenant.knobs.keeps_keys else None
            if key is not None:
                request = (exchange.call.method, exchange.raw_path, exchange.body)
                now, knobs = self.tenant.now(), self.tenant.knobs
                stored = self.idempotency.look(key, request, now, knobs)
                if stored is not None:
                    exchange.call.replayed = True
                    return stored
        except RefusalError as refused:
            return exchange.refuse(refused, self.tenant)
        handler = fitting[0].route.handler
        return await self._execute(exchange, key, lambda: handler(context), early)

    async def _execute(
        self,
        exchange: Exchange,
        key: str | None,
        handle: Callable[[], object],
        early: tuple[Fault, Answer] | None,
    ) -> Answer:
        """Run the route and keep its answer under the key; free the key if it breaks."""
        answer: Answer | None = None
        try:
            if seconds := latency_of(exchange.call.path, self.tenant.knobs.latency):
                await asyncio.sleep(seconds)
                self.tenant.advance()
            answer = early[1] if early else self._handled(exchange, handle)
            answer = replace(answer, headers={**exchange.own_headers(), **answer.headers})
            self.tenant.advance()
            await self._take_time(exchange)
        finally:
            if key is not None and answer is not None:
                self.idempotency.store(key, answer)
            elif key is not None:
                self.idempotency.release(key)
        return answer

    async def _take_time(self, exchange: Exchange) -> None:
        """Wait if a fault makes this answer slow."""
        if exchange.fault is not None and exchange.fault.kind == "slow":
            await self.tenant.clock.sleep(exchange.fault.details.get("seconds", 30.0))

    def _handled(self, exchange: Exchange, handle: Callable[[], object]) -> Answer:
        try:
            made = handle()
            return made if isinstance(made, Answer) else Answer(200, made, exchange.own_headers())
        except RefusalError as refused:
            return exchange.refuse(refused, self.tenant)
