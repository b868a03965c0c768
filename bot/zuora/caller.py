"""Sends one call: token, pace, repeats, errors. The only place where bytes go to Zuora.

Reads are repeated here; effects never are, except after a 401, which means "not executed".
"""

import asyncio
import gzip
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

import httpx2
from multidict import CIMultiDict

from bot.domain.clock import Clock
from bot.fence import effect
from bot.metrics import ZUORA_CALLS
from bot.zuora import wire
from bot.zuora.answers import Answer
from bot.zuora.aside import of_a_page
from bot.zuora.bounded import UnreadableAnswer
from bot.zuora.calls import LARGE_PAGE
from bot.zuora.connections import NOTHING_WAS_SENT, Fenced
from bot.zuora.errors import (
    OutcomeUnknown,
    ZuoraBusy,
    ZuoraError,
    ZuoraLockedOut,
    ZuoraRefused,
    ZuoraUnavailable,
)
from bot.zuora.judge import AT_ONCE, AUTHENTICATION, QUICK, judge
from bot.zuora.pace import LONGEST_WAIT_SECONDS, Pace
from bot.zuora.reachability import Reachability
from bot.zuora.tokens import TokenKeeper

logger = logging.getLogger(__name__)

READ_PAUSES: Final = (0.5, 2.0, 6.0)  # seconds between the four tries of a read
VERSION: Final = "2025-08-12"
_NO_HEADERS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerSettings:
    """The settings that are the same for every call.

    Attributes:
        base_url: Zuora's base URL, for example `https://rest.test.zuora.com`.
        version: `Zuora-Version`; 2024-05-20 or later gives errors an HTTP status of their own.
        entity_ids: `Zuora-Entity-Ids`, only with Multi-entity.
        org_ids: `Zuora-Org-Ids`, only with Multi-Org.
        gzip: Whether long bodies are sent compressed (header `Content-Encoding`).
        names: Whether customers' names are read; without them accounts are shown by their numbers.
        connect_seconds: Longest time to connect.
        read_seconds: Longest silence; Zuora itself gives up after 120 s (guide *Requests*). An
            answer that comes in small pieces may take twice that in all.
    """

    base_url: str
    version: str = VERSION
    entity_ids: str = ""
    org_ids: str = ""
    gzip: bool = False
    names: bool = True
    connect_seconds: float = 10.0
    read_seconds: float = 120.0

    def timeout(self) -> httpx2.Timeout:
        """Return how long a call may take to connect and be silent."""
        return httpx2.Timeout(self.read_seconds, connect=self.connect_seconds)


@dataclass(slots=True)
class PageSize:
    """How many rows a page of an object query may have, and whether the tenant has confirmed it."""

    rows: int = LARGE_PAGE
    is_known: bool = False


class Caller:
    """Sends calls and reads answers.

    Args:
        http: The client of `http_client`; its owner closes it.
        clock: For the pauses between tries.
        settings: The settings that are the same for every call.
        tokens: The token.
        pace: The gate.
        reach: Counts whether answers come.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        clock: Clock,
        settings: CallerSettings,
        tokens: TokenKeeper,
        pace: Pace,
        *,
        reach: Reachability,
    ) -> None:
        self._http = http
        self._clock = clock
        self._settings = settings
        self._tokens = tokens
        self._pace = pace
        self._reach = reach
        self._headers = wire.same_headers(
            version=settings.version, entity_ids=settings.entity_ids, org_ids=settings.org_ids
        )
        self._extensions = {"timeout": settings.timeout().as_dict()}
        self._name = secrets.token_hex(4)
        self._reads = 0
        self._in_line = asyncio.Lock()
        self.page_size = PageSize()

    def within(self, entity_ids: str, org_ids: str) -> "Caller":
        """Return this caller for calls to one entity and these organizations; everything else is shared."""
        settings = replace(self._settings, entity_ids=entity_ids, org_ids=org_ids)
        caller = Caller(
            self._http, self._clock, settings, self._tokens, self._pace, reach=self._reach
        )
        caller.page_size = self.page_size
        caller._in_line = self._in_line
        return caller

    @property
    def names_organizations(self) -> bool:
        """Return whether calls carry `Zuora-Org-Ids`."""
        return bool(self._settings.org_ids)

    @property
    def names(self) -> bool:
        """Return whether customers' names are read."""
        return self._settings.names

    async def effect(self, call: wire.HttpCall) -> Answer:
        """Send a call that does something, once.

        Raises:
            ZuoraRefused: A definite no.
            ZuoraBusy: Definitely not done; later perhaps.
            OutcomeUnknown: It may have been done.
        """
        with effect():
            return _or_raise(await self._with_token(call))

    async def read(self, call: wire.HttpCall) -> Answer:
        """Send a call that only reads, up to four times, under its own track id.

        Raises:
            ZuoraRefused: A definite no.
            ZuoraBusy: Zuora asks for a pause that is too long to wait for.
            ZuoraUnavailable: No good answer.
        """
        if not call.track_id:
            self._reads += 1
            call = replace(call, track_id=f"billing-bot.read.{self._name}-{self._reads}")
        async with self._in_line:  # of forty pages one in each turn of the event loop
            await asyncio.sleep(0)
        for pause in READ_PAUSES:
            found = await self._try_read(call)
            wait = _pause_before_next(found, pause)
            if wait is None:
                return _or_raise(found)
            await self._clock.sleep(wait)
        return _or_raise(await self._try_read(call))

    async def _try_read(self, call: wire.HttpCall) -> Answer | ZuoraError:
        try:
            return await self._with_token(call)
        except ZuoraBusy as error:  # no token right now
            limited = error.status == HTTPStatus.TOO_MANY_REQUESTS
            if limited or isinstance(error, ZuoraLockedOut):
                return error
            return ZuoraUnavailable(error.message, status=error.status)

    async def _with_token(self, call: wire.HttpCall) -> Answer | ZuoraError:
        """Try once, and once more after a 401 with a new token; return the answer or the error."""
        token = await self._tokens.token()
        found = await self._once(call, token)
        if _is_about_the_token(found):
            token = await self._tokens.token(refused=token)
            found = await self._once(call, token)
        if _is_about_the_token(found):
            return self._tokens.was_refused(token)
        if found.status is not None:
            self._tokens.was_taken(token)
        return found

    async def _once(self, call: wire.HttpCall, token: str) -> Answer | ZuoraError:
        rest = await self._pace.enter()
        if rest:
            return ZuoraBusy("Zuora asked for a rest; nothing was sent.", retry_after=rest)
        status: int | None = None
        headers: Mapping[str, str] = _NO_HEADERS
        found: Answer | ZuoraError
        wait: float | None = None
        try:
            response = await self._answer(call, token)
            if isinstance(response, ZuoraError):
                found = response
            else:
                status, headers = response.status_code, CIMultiDict(response.headers.multi_items())
                found = await _read(call, status, headers, response.content)
            if isinstance(found, ZuoraBusy):
                wait = found.retry_after
        finally:
            self._pace.leave(status, headers, wait)
        self._reach.shown(status)
        _log(call, found)
        return found

    async def _answer(self, call: wire.HttpCall, token: str) -> httpx2.Response | ZuoraError:
        try:
            return await self._http.send(self._request(call, token))
        except NOTHING_WAS_SENT as error:
            logger.info("zuora_not_reached", extra={"error": str(error)})
            return _not_sent(call, error)
        except httpx2.RequestError as error:
            logger.warning("zuora_answer_lost", extra={"error": str(error)})
            return _lost(call, error)

    def _request(self, call: wire.HttpCall, token: str) -> httpx2.Request:
        """Return a call as httpx2's request, to which its client has nothing to add, so that its headers are made once.

        Raises:
            httpx2.InvalidURL: The address is none.
        """
        content, headers = call.content, self._headers | wire.headers(call, token)
        if self._settings.gzip and len(content) > wire.LONG:
            content = gzip.compress(content)
            headers["Content-Encoding"] = "gzip"
        return httpx2.Request(
            call.method,
            self._settings.base_url + call.target,
            headers=headers,
            stream=httpx2.ByteStream(content),  # aiohttp names its length
            extensions=self._extensions,
        )


async def _read(
    call: wire.HttpCall, status: int, headers: Mapping[str, str], content: bytes
) -> Answer | ZuoraError:
    """Return what an answer means; long ones are read one after the other."""
    if len(content) <= AT_ONCE:
        return _judged(call, status, headers, content)
    job = partial(_judged, call, status, headers, content)
    return await of_a_page(job, is_short=len(content) <= QUICK)


def _judged(
    call: wire.HttpCall, status: int, headers: Mapping[str, str], content: bytes
) -> Answer | ZuoraError:
    """Return a file as it came; judge any other answer as usual."""
    if call.is_file and status == HTTPStatus.OK and not _is_json(headers):
        return Answer(status, headers.get("Zuora-Request-Id", "")[:64], content, len(content))
    return judge(status, headers, content, effect=call.effect, repeat=call.repeat)


def _is_about_the_token(found: Answer | ZuoraError) -> bool:
    """Return whether Zuora refused the token, before it looked at the call."""
    return isinstance(found, ZuoraRefused) and found.category == AUTHENTICATION


def _is_json(headers: Mapping[str, str]) -> bool:
    return "json" in headers.get("Content-Type", "").lower()


def _or_raise(found: Answer | ZuoraError) -> Answer:
    if isinstance(found, ZuoraError):
        raise found
    return found


def _pause_before_next(found: Answer | ZuoraError, pause: float) -> float | None:
    """Return the seconds until the next try of a read; None if there is no next try."""
    if isinstance(found, ZuoraUnavailable):
        return pause
    if not isinstance(found, ZuoraBusy) or isinstance(found, ZuoraLockedOut):
        return None
    if found.retry_after is None:
        return pause
    return found.retry_after if found.retry_after <= LONGEST_WAIT_SECONDS else None


def _not_sent(call: wire.HttpCall, error: Exception) -> ZuoraError:
    message = "Zuora cannot be reached; nothing was sent."
    if isinstance(error, Fenced):
        message = "The bot's own database does not answer; nothing was sent."
    return ZuoraBusy(message) if call.effect else ZuoraUnavailable(message)


def _lost(call: wire.HttpCall, error: httpx2.RequestError) -> ZuoraError:
    why = "the connection broke before Zuora answered"
    if isinstance(error, UnreadableAnswer):
        why = str(error)
    elif isinstance(error, httpx2.TimeoutException):
        why = "Zuora did not answer in time"
    if call.effect:
        return OutcomeUnknown(f"{why}.")
    return ZuoraUnavailable(f"{why[:1].upper()}{why[1:]}.")


def _log(call: wire.HttpCall, found: Answer | ZuoraError) -> None:
    """Count it, and log method, route and ids; a successful read is logged for debugging only."""
    outcome = "ok" if isinstance(found, Answer) else type(found).__name__
    ZUORA_CALLS.labels(call.method, call.route, outcome).inc()
    logger.log(
        logging.DEBUG if isinstance(found, Answer) and not call.effect else logging.INFO,
        "zuora_call",
        extra={
            "method": call.method,
            "route": call.route,
            "status": found.status,
            "outcome": outcome,
            "track_id": call.track_id,
            "zuora_request_id": found.zuora_request_id,
        },
    )
