"""Everything one person can see, as JSON for the page."""

from typing import Any

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.workspace import BOT_USER, Channel, Message, StoredFile, View


def state_for(core: Core, person: str) -> dict[str, Any]:
    """Return the page's state as ``person`` sees it."""
    space = core.workspace
    seen = [c for c in space.channels.values() if person in c.members or _public(c)]
    views = [_view(view) for view in space.views.get(person, [])]
    home = space.homes.get(person)
    return {
        "me": person,
        "bot": {"id": BOT_USER, "name": space.users[BOT_USER].real_name},
        "people": [
            {
                "id": user.id,
                "name": user.name,
                "real_name": user.real_name,
                "title": user.title,
                "avatar_color": user.avatar_color,
            }
            for user in space.people()
        ],
        "channels": [_channel(core, channel, person) for channel in seen],
        "groups": [
            {"id": g.id, "handle": g.handle, "members": list(g.members)}
            for g in space.groups.values()
        ],
        "commands": [
            {
                "command": entry["command"],
                "description": entry.get("description", ""),
                "usage_hint": entry.get("usage_hint", ""),
            }
            for entry in core.commands()
        ],
        "shortcuts": [
            {"type": s["type"], "callback_id": s["callback_id"], "name": s["name"]}
            for s in core.shortcuts()
        ],
        "messages": {c.id: _messages(core, c, person) for c in seen if person in c.members},
        "views": views,
        "home": _view(home) if home is not None else None,
        "notice": space.notices.get(person),
        "seq": core.changes.seq(person),
    }


def _public(channel: Channel) -> bool:
    return channel.im_user is None and not channel.is_private


def _channel(core: Core, channel: Channel, person: str) -> dict[str, Any]:
    direct = channel.im_user is not None
    bot_name = core.workspace.users[BOT_USER].real_name
    return {
        "id": channel.id,
        "name": bot_name if direct else channel.name,
        "member": person in channel.members,
        "is_im": direct,
        "bot_member": BOT_USER in channel.members,
    }


def _view(view: View) -> dict[str, Any]:
    return view.payload() | {"errors": dict(view.errors)}


def _messages(core: Core, channel: Channel, person: str) -> list[dict[str, Any]]:
    private = [
        m
        for m in core.workspace.ephemerals
        if m.channel == channel.id and m.ephemeral_to == person and not m.deleted
    ]
    # A deleted message with replies stays as a tombstone, as in Slack.
    public = [m for m in channel.messages if not m.deleted or channel.replies(m.ts)]
    known = sorted((*public, *private), key=lambda message: float(message.ts))
    threads = {m.ts for m in known if not m.is_reply}
    shown = []
    for message in known:
        if message.is_reply and message.thread_ts in threads and not message.broadcast:
            continue
        below = [m for m in known if m.is_reply and m.thread_ts == message.ts]
        replies = [_message(core, reply) for reply in below]
        shown.append(_message(core, message) | {"replies": replies, "reply_count": len(replies)})
    return shown


def _message(core: Core, message: Message) -> dict[str, Any]:
    user = core.workspace.users[message.user]
    gone = message.deleted
    return {
        "ts": message.ts,
        "user": message.user,
        "username": user.real_name,
        "is_bot": user.is_bot,
        "text": "This message was deleted." if gone else message.text,
        "blocks": [] if gone else message.blocks,
        "edited": message.edited is not None,
        "deleted": gone,
        "thread_ts": message.thread_ts,
        "reply_count": 0,
        "replies": [],
        "ephemeral": message.ephemeral_to is not None,
        "files": [_file(core.workspace.files[f]) for f in message.files],
        "reactions": [{"name": n, "users": users} for n, users in message.reactions.items()],
        "metadata_hidden": message.metadata is not None,
        "inputs": message.inputs,
    }


def _file(stored: StoredFile) -> dict[str, Any]:
    return {
        "id": stored.id,
        "title": stored.title,
        "name": stored.name,
        "url": f"/sandbox/files/{stored.id}",
        "mimetype": stored.mimetype,
        "alt": stored.alt,
    }
