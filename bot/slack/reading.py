"""Shows a person the progress of reading Zuora for a form, and lets them stop it."""

import asyncio
from typing import Any, TypeVar

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards.blocks import button
from bot.slack import form_payloads
from bot.slack.answering import Answering
from bot.slack.errors import NO_ANSWER
from bot.slack.forms import fields
from bot.slack.looking import viewer_or_recorded
from bot.zuora.progress import HowFar

T = TypeVar("T")
STOP = "stop-reading"
TITLE = "Reading Zuora"
SECONDS_BETWEEN = 3.0
"""Seconds between two updates of a view; Slack takes some twenty a minute."""


class Readings:
    """The readings under way, each by the view that waits for it."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def register(self, app: AsyncApp) -> None:
        """Connect the button that stops a reading."""

        @app.action(STOP)
        async def stopped(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            await self._stop(form_payloads.change(body))

    async def _stop(self, change: form_payloads.Change) -> None:
        _, why = await viewer_or_recorded(self._answering, change.actor, "stop reading")
        if why:
            await self._answering.say_now(change.actor.user_id, change.actor, *why)
        elif task := self._tasks.get(change.view_id):
            task.cancel()
        else:
            words = (
                "Nothing is being read any more. If no card with your request has appeared in the "
                "channel, please ask again."
            )
            await self._show(change.view_id, fields.notice(TITLE, words))

    async def ended(self, view_id: str, task: asyncio.Task[T], progress: HowFar) -> T | None:
        """Show the progress of a reading until it ends, and return what it found; None if it was stopped."""
        self._tasks[view_id] = task
        shown, open_ = view(progress), True
        while not (await asyncio.wait({task}, timeout=SECONDS_BETWEEN))[0]:
            if open_ and (now := view(progress)) != shown:
                shown, open_ = now, await self._show(view_id, now)
        del self._tasks[view_id]
        return None if task.cancelled() else task.result()

    async def _show(self, view_id: str, shown: fields.View) -> bool:
        try:
            await self._answering.client.views_update(view_id=view_id, view=shown)
        except NO_ANSWER:  # most likely the view was closed
            return False
        return True


def view(progress: HowFar) -> fields.View:
    """Return the progress of a reading, with a button that stops it."""
    words = (
        "This takes a while. You can close this: the request appears in the channel, or a message "
        "says why not."
    )
    if progress.of:
        words = f"{min(progress.read, progress.of):,} of {progress.of:,} documents so far. {words}"
    shown = fields.notice(TITLE, words)
    stop = {
        "type": "actions",
        "block_id": "reading",
        "elements": [button("Stop reading", action_id=STOP, value="reading")],
    }
    return {**shown, "blocks": [*shown["blocks"], stop]}
