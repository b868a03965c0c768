"""The methods named conversations.*."""

import math
from typing import Any

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.rendering import channel_json, message_json
from bot.sandbox.slack.web_api import need_scope
from bot.sandbox.slack.web_api_people import page
from bot.sandbox.slack.workspace import BOT_USER, Channel, Message

MOST_IN_A_GROUP = 8
"""How many people a group message can have besides whoever opens it."""


def _channel(core: Core, args: Args, right: str) -> Channel:
    channel = core.workspace.channels.get(args.need("channel"))
    if channel is None or (channel.is_private and BOT_USER not in channel.members):
        raise SlackError("channel_not_found")
    need_scope(core, f"{_family(channel)}:{right}")
    return channel


def _family(channel: Channel) -> str:
    if channel.im_user is not None:
        return "im"
    return "groups" if channel.is_private else "channels"


def info(core: Core, args: Args) -> dict[str, Any]:
    """Answer conversations.info."""
    return {"channel": channel_json(_channel(core, args, "read"))}


def members(core: Core, args: Args) -> dict[str, Any]:
    """Answer conversations.members."""
    channel = _channel(core, args, "read")
    found, cursor = page(channel.members, args)
    return {"members": found, "response_metadata": {"next_cursor": cursor}}


def _within(message: Message, args: Args) -> bool:
    if args.flag("inclusive") and message.ts in (args.text("oldest"), args.text("latest")):
        return True
    after, before = _bound(args, "oldest", 0.0), _bound(args, "latest", math.inf)
    return after < float(message.ts) < before


def _bound(args: Args, name: str, default: float) -> float:
    try:
        return float(args.text(name) or default)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _answer(core: Core, args: Args, messages: list[Message]) -> dict[str, Any]:
    found, cursor = page(messages, args)
    metadata = args.flag("include_all_metadata")
    return {
        "messages": [message_json(core, message, metadata=metadata) for message in found],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def history(core: Core, args: Args) -> dict[str, Any]:
    """Answer conversations.history: newest first, replies only when broadcast."""
    channel = _channel(core, args, "history")
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    shown = [m for m in channel.messages if not m.deleted and (not m.is_reply or m.broadcast)]
    return _answer(core, args, [m for m in reversed(shown) if _within(m, args)])


def replies(core: Core, args: Args) -> dict[str, Any]:
    """Answer conversations.replies: the parent, then its replies, oldest first."""
    channel = _channel(core, args, "history")
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    ts = args.need("ts")
    message = channel.message(ts)
    if message is None:
        raise SlackError("thread_not_found")
    if message.is_reply:
        return _answer(core, args, [message])
    below = [reply for reply in channel.replies(ts) if _within(reply, args)]
    return _answer(core, args, [message, *below])


def open_direct(core: Core, args: Args) -> dict[str, Any]:
    """Answer conversations.open for one person."""
    users = args.names("users")
    if args.text("channel"):
        channel = core.workspace.channels.get(args.text("channel"))
        if channel is None or channel.im_user is None:
            raise SlackError("channel_not_found")
    elif not users:
        raise SlackError("users_list_not_supplied")
    elif len(users) > 1:
        raise SlackError(
            "not_enough_users" if len(users) > MOST_IN_A_GROUP else "method_not_supported_for_mpim"
        )
    elif users[0] not in core.workspace.users or core.workspace.users[users[0]].is_bot:
        raise SlackError("user_not_found")
    else:
        channel = core.workspace.direct(users[0])
    full = args.flag("return_im")
    return {"channel": channel_json(channel) if full else {"id": channel.id}}
