"""Slack's Web API: a method that Slack limits rests, for whoever would call it next."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.clock import Clock
from bot.slack.errors import LIMITED, name_of, seconds_to_wait


class SlackWeb(AsyncWebClient):
    """The SDK's client; a call to a method that rests is refused here, as Slack would.

    Slack limits each method by itself (page *Rate limits*), and who goes on calling waits longer.

    Args:
        clock: The time.
        how: What the SDK's client takes.
    """

    def __init__(self, clock: Clock, **how: Any) -> None:
        super().__init__(**how)
        self._clock = clock
        self._free_at: dict[str, float] = {}

    def rest_of(self, method: str) -> float:
        """Seconds until a method may be called again; 0 for now."""
        return max(0.0, self._free_at.get(method, 0.0) - self._clock.monotonic())

    async def api_call(self, api_method: str, **how: Any) -> AsyncSlackResponse:
        """Call a method, unless it rests.

        Raises:
            SlackApiError: Slack says no, or has asked to leave this method alone for now.
        """
        if rest := self.rest_of(api_method):
            raise self._limited(api_method, rest)
        try:
            return await super().api_call(api_method, **how)
        except SlackApiError as error:
            if name_of(error) in LIMITED:
                free_at = self._clock.monotonic() + seconds_to_wait(error)
                self._free_at[api_method] = max(free_at, self._free_at.get(api_method, 0.0))
            raise

    def _limited(self, method: str, rest: float) -> SlackApiError:
        answer = AsyncSlackResponse(
            client=self,
            http_verb="POST",
            api_url=f"{self.base_url}{method}",
            req_args={},
            data={"ok": False, "error": "ratelimited"},
            headers={"Retry-After": str(rest)},
            status_code=429,
        )
        words = "Slack has asked to leave this method alone for now"
        return SlackApiError(words, answer)  # type: ignore[no-untyped-call]
