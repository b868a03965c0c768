"""The JSON forms in which Slack shows messages, people, channels and files to an app."""

from typing import Any

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.workspace import (
    APP_ID,
    BOT_ID,
    BOT_USER,
    TEAM_ID,
    Channel,
    Message,
    StoredFile,
    User,
)


def file_json(core: Core, stored: StoredFile) -> dict[str, Any]:
    """Return a file as ``files.info`` shows it."""
    place = f"{core.base_url}/files-pri/{stored.team}-{stored.id}/download/file"
    return {
        "id": stored.id,
        "name": stored.name,
        "title": stored.title,
        "size": len(stored.content or b""),
        "mimetype": stored.mimetype,
        "alt_txt": stored.alt,
        "user": stored.owner,
        "user_team": stored.team,
        "mode": stored.mode,
        "is_external": stored.mode == "external",
        "url_private": f"{core.base_url}/sandbox/files/{stored.id}",
        "url_private_download": stored.at or place,
        "permalink": f"{core.base_url}/sandbox/files/{stored.id}",
        "channels": list(stored.channels),
    }


def message_json(core: Core, message: Message, *, metadata: bool = False) -> dict[str, Any]:
    """Return a message as Slack sends it; metadata only when asked for."""
    body: dict[str, Any] = {
        "type": "message",
        "ts": message.ts,
        "user": message.user,
        "team": TEAM_ID,
        "text": message.text,
    }
    if message.user == BOT_USER:
        name = core.workspace.users[BOT_USER].real_name
        body |= {"bot_id": BOT_ID, "app_id": APP_ID}
        body["bot_profile"] = {"id": BOT_ID, "app_id": APP_ID, "name": name, "team_id": TEAM_ID}
    found = _optional(core, message)
    if not metadata:
        del found["metadata"]
    body |= {name: value for name, value in found.items() if value}
    return body | _thread_facts(core, message)


def _optional(core: Core, message: Message) -> dict[str, Any]:
    """Return a message's optional fields; Slack leaves out the empty ones."""
    return {
        "blocks": message.blocks,
        "thread_ts": message.thread_ts,
        "subtype": "thread_broadcast" if message.broadcast else None,
        "edited": message.edited and {"user": message.user, "ts": message.edited},
        "files": [file_json(core, core.workspace.files[f]) for f in message.files],
        "reactions": [
            {"name": name, "users": users, "count": len(users)}
            for name, users in message.reactions.items()
        ],
        "metadata": message.metadata,
    }


def _thread_facts(core: Core, message: Message) -> dict[str, Any]:
    channel = core.workspace.channels[message.channel]
    replies = channel.replies(message.ts) if message.ephemeral_to is None else []
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": people,
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
    }


def user_json(user: User, *, with_address: bool) -> dict[str, Any]:
    """Return a member as ``users.info`` shows it; with the mail address only for the scope ``users:read.email``."""
    address = {"email": user.email} if with_address and user.email else {}
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": user.deleted,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.is_stranger,
        **({"enterprise_user": {"teams": list(user.grid_teams)}} if user.grid_teams else {}),
        "tz": user.tz,
        "tz_offset": user.tz_offset,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.name,
            "title": user.title,
            **address,
        },
    }


def channel_json(channel: Channel) -> dict[str, Any]:
    """Return a channel as ``conversations.info`` shows it."""
    body: dict[str, Any] = {
        "id": channel.id,
        "is_channel": channel.im_user is None,
        "is_im": channel.im_user is not None,
        "is_mpim": False,
        "is_private": channel.is_private or channel.im_user is not None,
        "is_archived": channel.is_archived,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": False,
        "is_read_only": channel.is_read_only,
    }
    if channel.im_user is not None:
        return body | {"user": channel.im_user}
    named = {"name": channel.name, "is_member": BOT_USER in channel.members}
    return body | named | {"num_members": len(channel.members)}
