"""A line in the log for everything that Slack sends: who did what, never what they typed."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncBoltRequest

from bot.domain.named import named
from bot.following import following

logger = logging.getLogger(__name__)


async def logged(req: AsyncBoltRequest, next_: Callable[[], Awaitable[None]]) -> None:
    """Log what came, and let the lines that come of it have the number of the request that it names."""
    body = req.body
    what = body.get("command") or body.get("type") or ""
    view, actions = _mapping(body.get("view")), body.get("actions")
    action = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
    user = body.get("user_id") or _mapping(body.get("user")).get("id")
    event = _mapping(body.get("event"))
    meant = named(_value_of(action) or str(view.get("private_metadata") or ""))
    fields = {
        "kind": what,
        "action": action.get("action_id") or body.get("callback_id") or view.get("callback_id"),
        "event_type": event.get("type"),
        "user": user or event.get("user"),
    }
    with following(meant.number if meant else None):
        logger.info("slack_said", extra={name: value for name, value in fields.items() if value})
        await next_()


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _value_of(action: Mapping[str, Any]) -> str:
    """What a button, or an entry of a card's menu such as `withdraw R-17.k3f9…`, names."""
    value = action.get("value") or _mapping(action.get("selected_option")).get("value") or ""
    return str(value).rpartition(" ")[2]
