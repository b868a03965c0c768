"""Slack's Web API, with a pause for each method that Slack limits, for all callers."""

from math import ceil
from typing import Any

import httpx2
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from bot.domain.clock import Clock, Clocks
from bot.metrics import SLACK_CALLS
from bot.slack.errors import LIMITED, NO_ANSWER, name_of, seconds_to_wait
from bot.zuora.connections import proxy_for as proxy_of_host


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
