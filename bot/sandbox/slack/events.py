"""The Events API: sends events to the app, and repeats those that were not acknowledged."""

import asyncio
from typing import Any

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.delivery import Delivered, Delivery, Retry
from bot.sandbox.slack.limits import EVENT_RETRY_SECONDS
from bot.sandbox.slack.workspace import APP_ID, BOT_USER


class Events:
    """Sends the events that the manifest subscribes to."""

    def __init__(self, core: Core, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, name: str, event: dict[str, Any]) -> Delivered | None:
        """Send an event; return None if the manifest does not subscribe to ``name``.

        A failed delivery is repeated at once, after one minute and after five, by the clock.
        """
        if name not in self._core.events():
            return None
        payload = {
            "token": "sandbox-verification-token",
            "team_id": self._core.workspace.team_id,
            "api_app_id": APP_ID,
            "event": {**event, "event_ts": self._core.timestamp()},
            "type": "event_callback",
            "event_id": self._core.new_id("Ev"),
            "event_time": int(self._core.clock.now().timestamp()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self._core.workspace.team_id,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        first = await self._delivery.send("events_api", payload)
        if first.error is not None:
            task = asyncio.create_task(self._again(payload, first.reason))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return first

    async def _again(self, payload: dict[str, Any], reason: str) -> None:
        for number, seconds in enumerate(EVENT_RETRY_SECONDS, start=1):
            if seconds:
                await self._core.clock.sleep(seconds)
            answer = await self._delivery.send("events_api", payload, Retry(number, reason))
            if answer.error is None:
                return
            reason = answer.reason

    async def stop(self) -> None:
        """Give up every repetition that still waits."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
