"""`/sandbox/panel`: what the page shows besides Slack, and its switches."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.sandbox.panel import records
from bot.sandbox.panel.clock import MovableClock
from bot.sandbox.panel.stories import STORIES
from bot.sandbox.panel.teller import DisturbedError, Scene, Teller, why_stopped
from bot.sandbox.panel.troubles import Troubles
from bot.sandbox.slack.errors import NotOnScreenError
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora.server import LocalZuora

PAUSE_SECONDS = 2.0
LONGEST_MOVE = timedelta(days=40)


@dataclass(frozen=True)
class PolicyChoice:
    """The policies that a person can choose from, and the function that puts one in force.

    Attributes:
        labels: The words on the page by the policy's name.
        chosen: Name of the one in force.
        choose: Restarts the bot with another one.
    """

    labels: Mapping[str, str]
    chosen: Callable[[], str]
    choose: Callable[[str], Awaitable[None]]


class Panel:
    """The panel of one sandbox: one story plays at a time, and anybody may take it over."""

    def __init__(
        self, slack: LocalSlack, zuora: LocalZuora, clock: MovableClock, policy: PolicyChoice
    ) -> None:
        self._slack = slack
        self._zuora = zuora
        self._clock = clock
        self._policy = policy
        self._troubles = Troubles(slack, zuora)
        self._scene: Scene | None = None
        self._playing: asyncio.Task[None] | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/sandbox/panel", self._state),
            web.post("/sandbox/panel", self._act),
            web.get("/sandbox/panel/records/{number:.+}", self._record),
        ]

    async def stop(self) -> None:
        """End the story that plays, if one does."""
        task, self._playing = self._playing, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._scene is not None:
            self._scene = replace(self._scene, over=True)

    async def _state(self, _request: web.Request) -> web.Response:
        state = {
            "zuora": records.did(self._zuora),
            "troubles": [
                {
                    "name": each.name,
                    "side": each.side,
                    "label": each.label,
                    "means": each.means,
                    "on": self._troubles.is_on(each.name),
                }
                for each in self._troubles.all
            ],
            "now": self._clock.now().isoformat(),
            "ahead": self._clock.ahead.total_seconds(),
            "policies": [
                {"name": name, "label": label, "on": name == self._policy.chosen()}
                for name, label in self._policy.labels.items()
            ],
            "stories": [
                {"name": name, "label": story.label, "shows": story.shows}
                for name, story in STORIES.items()
            ],
            "scene": self._scene.as_json() if self._scene is not None else None,
        }
        return web.json_response(state)

    async def _record(self, request: web.Request) -> web.Response:
        found = records.record(self._zuora, request.match_info["number"])
        if found is None:
            raise web.HTTPNotFound(text="the local Zuora has no such record")
        return web.json_response(found)

    async def _act(self, request: web.Request) -> web.Response:
        # A page of another site cannot send this content type without asking first (CORS).
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send application/json")
        try:
            await self._do(await request.json())
        except (json.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError) as wrong:
            return web.json_response({"ok": False, "error": str(wrong)}, status=400)
        return web.json_response({"ok": True})

    async def _do(self, asked: Mapping[str, Any]) -> None:
        match asked:
            case {"do": "trouble", "name": str(name), "on": bool(on)}:
                self._troubles.turn(name, on=on)
            case {"do": "move", "seconds": int() | float() as seconds}:
                self._clock.move(min(timedelta(seconds=seconds), LONGEST_MOVE))
            case {"do": "policy", "name": str(name)} if name in self._policy.labels:
                await self._break_off("The story stopped here: the policy was changed, after:")
                await self._policy.choose(name)
            case {"do": "story", "name": str(name)} if name in STORIES:
                await self.stop()
                if self._playing is None:  # two windows may have pressed at once
                    self._play(name, float(asked.get("pause", PAUSE_SECONDS)))
            case {"do": "take_over"}:
                await self._break_off("The page is yours now. The story was at:")
            case _:
                raise ValueError(f"unknown action: {asked}")

    async def _break_off(self, why: str) -> None:
        """End the story that plays, if one does, and show why before the last sentence of it."""
        was = self._scene
        await self.stop()
        if was is not None and not was.over:
            self._scene = replace(was, caption=f"{why} {was.caption}", over=True)

    def _play(self, name: str, pause: float) -> None:
        teller = Teller(
            name, self._slack, self._zuora, self._clock, self._troubles, self._show, pause
        )
        self._playing = asyncio.create_task(self._played(teller), name=f"story {name}")

    async def _played(self, teller: Teller) -> None:
        for user in list(self._slack.workspace.views):
            with contextlib.suppress(NotOnScreenError):
                await self._slack.close(user)  # a form left open would hide the story's own
        try:
            await STORIES[teller.name].play(teller)
        except (AssertionError, DisturbedError, NotOnScreenError) as stopped:
            if self._scene is not None:
                why = why_stopped(teller, stopped)
                self._scene = replace(self._scene, caption=f"The story stopped here: {why}")
        finally:
            teller.tidy()
            if self._scene is not None:
                self._scene = replace(self._scene, over=True)

    def _show(self, scene: Scene) -> None:
        self._scene = scene
