"""The methods named chat.* and reactions.add."""

import json
from typing import Any

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.block_kit import check_blocks, with_block_ids
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.errors import SlackError, with_messages
from bot.sandbox.slack.limits import (
    BLOCKS_CHARACTERS,
    MESSAGE_TEXT,
    METADATA_CHARACTERS,
    UPDATE_TEXT,
)
from bot.sandbox.slack.rendering import message_json
from bot.sandbox.slack.workspace import BOT_USER, Channel, Message

Blocks = list[dict[str, Any]]


def read_blocks(args: Args) -> Blocks | None:
    """Return the call's blocks, checked and each with a block_id; None when none were sent.

    Raises:
        SlackError: ``invalid_blocks_format``, ``invalid_blocks``, ``msg_blocks_too_long``.
    """
    if not args.given("blocks"):
        return None
    blocks = args.data("blocks", "invalid_blocks_format")
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = check_blocks(blocks, "message")
    if problems:
        raise with_messages("invalid_blocks", problems)
    if len(json.dumps(blocks, ensure_ascii=False)) > BLOCKS_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    return with_block_ids(blocks)


def read_metadata(args: Args) -> dict[str, Any] | None:
    """Return the call's metadata.

    Raises:
        SlackError: ``invalid_metadata_format`` or ``metadata_too_large``.
    """
    data = args.data("metadata", "invalid_metadata_format")
    if data is None:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(data.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(data)) > METADATA_CHARACTERS:
        raise SlackError("metadata_too_large")
    return {"event_type": data["event_type"], "event_payload": data["event_payload"]}


def _may_speak(core: Core, channel_id: str) -> None:
    if error := core.faults.silent.get(channel_id):
        raise SlackError(error)


def _closed(channel: Channel) -> str:
    if channel.is_archived:
        return "is_archived"
    return "restricted_action_read_only_channel" if channel.is_read_only else ""


def writable_channel(core: Core, reference: str) -> Channel:
    """Return the channel in which the bot may write.

    Raises:
        SlackError: ``channel_not_found``, ``is_archived``, ``not_in_channel``, or a fault's.
    """
    _may_speak(core, reference)
    user = core.workspace.users.get(reference)
    if user is not None:
        if user.is_bot or user.deleted:
            raise SlackError("channel_not_found" if user.deleted else "cannot_dm_bot")
        return core.workspace.direct(reference)
    channel = core.workspace.channel(reference)
    if channel is None:
        raise SlackError("channel_not_found")
    if why := _closed(channel):
        raise SlackError(why)
    if BOT_USER not in channel.members:
        if channel.is_private:
            raise SlackError("channel_not_found")
        if "chat:write.public" not in core.scopes():
            raise SlackError("not_in_channel")
    return channel


def _thread(channel: Channel, thread_ts: str) -> str | None:
    # Slack takes a ts it does not know and shows the reply nowhere useful; here it is refused,
    # so that the fault is seen.
    if not thread_ts:
        return None
    parent = channel.message(thread_ts)
    if parent is None or parent.is_reply:
        raise SlackError("thread_not_found")
    return thread_ts


def post_message(core: Core, args: Args) -> dict[str, Any]:
    """Answer chat.postMessage."""
    channel = writable_channel(core, args.need("channel"))
    blocks = read_blocks(args)
    text = args.text("text")[:MESSAGE_TEXT]
    if not text and not blocks:
        raise SlackError("no_text")
    metadata = read_metadata(args)
    thread_ts = _thread(channel, args.text("thread_ts"))
    core.rates.check_post(channel.id)
    message = Message(
        core.timestamp(),
        channel.id,
        BOT_USER,
        text,
        blocks or [],
        thread_ts=thread_ts,
        broadcast=thread_ts is not None and args.flag("reply_broadcast"),
        metadata=metadata,
    )
    core.post(channel, message)
    shown = message_json(core, message)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def _own_message(core: Core, args: Args, refusal: str) -> Message:
    channel = core.workspace.channels.get(args.need("channel"))
    if channel is None:
        raise SlackError("channel_not_found")
    _may_speak(core, channel.id)
    message = channel.message(args.need("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.user != BOT_USER:
        raise SlackError(refusal)
    return message


def update_message(core: Core, args: Args) -> dict[str, Any]:
    """Answer chat.update.

    Blocks that are not sent stay as they are; an empty list removes them (the method's page, and
    github.com/slack-go/slack/issues/1214).
    """
    message = _own_message(core, args, "cant_update_message")
    text = args.text("text")
    if len(text) > UPDATE_TEXT:
        raise SlackError("msg_too_long")
    blocks = read_blocks(args)
    metadata = read_metadata(args)
    if not text and blocks is None:
        raise SlackError("no_text")
    if not text and not blocks and not message.text:
        raise SlackError("no_text")
    if args.given("text"):
        message.text = text
    if blocks is not None:
        message.blocks = blocks
    if metadata is not None:
        message.metadata = metadata
    message.edited = core.timestamp()
    core.touched(message)
    shown = message_json(core, message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}


def delete_message(core: Core, args: Args) -> dict[str, Any]:
    """Answer chat.delete."""
    message = _own_message(core, args, "cant_delete_message")
    message.deleted = True
    core.touched(message)
    return {"channel": message.channel, "ts": message.ts}


def post_ephemeral(core: Core, args: Args) -> dict[str, Any]:
    """Answer chat.postEphemeral."""
    channel = writable_channel(core, args.need("channel"))
    user = args.need("user")
    if user not in core.workspace.users:
        raise SlackError("user_not_found")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    blocks = read_blocks(args)
    text = args.text("text")
    if not text and not blocks:
        raise SlackError("no_text")
    thread_ts = args.text("thread_ts") or None
    message = Message(core.timestamp(), channel.id, BOT_USER, text, blocks or [], thread_ts)
    message.ephemeral_to = user
    core.post(channel, message)
    return {"message_ts": message.ts}


def get_permalink(core: Core, args: Args) -> dict[str, Any]:
    """Answer chat.getPermalink."""
    channel = core.workspace.channels.get(args.need("channel"))
    if channel is None:
        raise SlackError("channel_not_found")
    message = channel.message(args.need("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    link = f"https://{core.workspace.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def add_reaction(core: Core, args: Args) -> dict[str, Any]:
    """Answer reactions.add."""
    channel = core.workspace.channels.get(args.need("channel"))
    if channel is None:
        raise SlackError("channel_not_found")
    name = args.need("name").strip(":")
    message = channel.message(args.need("timestamp"))
    if message is None:
        raise SlackError("message_not_found")
    users = message.reactions.setdefault(name, [])
    if BOT_USER in users:
        raise SlackError("already_reacted")
    users.append(BOT_USER)
    core.touched(message)
    return {}
