"""Slack's Web API, with a pause for each method that Slack limits, for all callers."""

import json
from contextlib import AsyncExitStack
from http import HTTPStatus
from math import ceil
from typing import Any

import aiohttp
import httpx2
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from bot.domain.clock import Clock, Clocks
from bot.metrics import SLACK_CALLS
from bot.slack.errors import LIMITED, NO_ANSWER, name_of, seconds_to_wait
from bot.zuora.connections import proxy_for as proxy_of_host

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of Slack's longest answer, unpacked. A page of 200 messages with cards has less than 2 MB."""


class ProxyError(Exception):
    """The environment names a proxy that cannot be used; the message says so in a sentence."""


def proxy_for(address: str) -> str | None:
    """Return the proxy for an address, as for Zuora; the SDK itself ignores `NO_PROXY`.

    Raises:
        ProxyError: The proxy cannot be used.
    """
    url = URL(address)
    scheme = {"wss": "https", "ws": "http"}.get(url.scheme, url.scheme)
    try:
        found = proxy_of_host(url.with_scheme(scheme).origin())
    except httpx2.ProxyError as error:
        msg = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names a proxy that does not speak HTTP."
        raise ProxyError(msg) from error
    return str(found) if found else None


class SlackWeb(AsyncWebClient):
    """The SDK's client, which refuses calls to a method that rests, as Slack would.

    Slack limits each method separately (page *Rate limits*), and further calls lengthen the wait.

    Args:
        clock: The time.
        clocks: Notes Slack's time; None if nobody needs it. how: Further arguments of the SDK's
            client.
    """

    def __init__(self, clock: Clock, *, clocks: Clocks | None = None, **how: Any) -> None:
        super().__init__(**how)
        self._clocks = clocks
        self.proxy = proxy_for(self.base_url)
        self._clock = clock
        self._free_at: dict[str, float] = {}

    def rest_of(self, method: str) -> float:
        """Return the seconds until a method may be called again; 0 for now."""
        return max(0.0, self._free_at.get(method, 0.0) - self._clock.monotonic())

    async def api_call(self, api_method: str, **how: Any) -> AsyncSlackResponse:
        """Call a method, unless it rests.

        Raises:
            SlackApiError: Slack says no, or has asked to leave this method alone for now.
        """
        if rest := self.rest_of(api_method):
            raise self._limited(api_method, rest)
        outcome = "ok"
        try:
            answer = await super().api_call(api_method, **how)
        except SlackApiError as error:
            outcome = name_of(error)
            if outcome in LIMITED:
                free_at = self._clock.monotonic() + seconds_to_wait(error)
                self._free_at[api_method] = max(free_at, self._free_at.get(api_method, 0.0))
            raise
        except NO_ANSWER:
            outcome = "no_answer"
            raise
        finally:
            SLACK_CALLS.labels(api_method, outcome).inc()
        if self._clocks is not None:
            self._clocks.read("slack", answer.headers.get("Date"))
        return answer

    async def _request(
        self, *, http_verb: str, api_url: str, req_args: dict[str, Any]
    ) -> dict[str, Any]:
        """Call once. The SDK's own reads answers of any length, and fails in its own code on a page that is not Slack's."""
        async with AsyncExitStack() as stack:
            session = self.session
            if session is None or session.closed:
                timeout = aiohttp.ClientTimeout(total=self.timeout)
                session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            answer = await stack.enter_async_context(
                session.request(http_verb, api_url, allow_redirects=False, **req_args)
            )
            said = _said(answer.status, await _body(answer))
            return {"data": said, "headers": answer.headers, "status_code": answer.status}

    def _limited(self, method: str, rest: float) -> SlackApiError:
        answer = AsyncSlackResponse(
            client=self,
            http_verb="POST",
            api_url=f"{self.base_url}{method}",
            req_args={},
            data={"ok": False, "error": "ratelimited"},
            headers={"Retry-After": str(ceil(rest))},
            status_code=429,
        )
        words = "Slack has asked to leave this method alone for now"
        return SlackApiError(words, answer)  # type: ignore[no-untyped-call]


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Return an answer's body, unpacked; empty if it is longer than Slack's are."""
    found = bytearray()
    async for piece in answer.content.iter_any():
        found += piece
        if len(found) > MOST_BYTES:
            answer.close()
            return b""
    return bytes(found)


def _said(status: int, body: bytes) -> dict[str, Any]:
    """Return what Slack says; for an answer that is not Slack's, as a gateway's page, that Slack does not answer just now."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and (found.get("ok") is True or isinstance(found.get("error"), str)):
        return found
    limited = status == HTTPStatus.TOO_MANY_REQUESTS
    return {"ok": False, "error": "ratelimited" if limited else "service_unavailable"}
