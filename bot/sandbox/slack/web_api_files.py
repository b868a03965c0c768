"""The methods named files.*: announce, upload, share."""

import mimetypes
import secrets
from typing import Any

from aiohttp import web

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.rendering import file_json
from bot.sandbox.slack.web_api_chat import writable_channel
from bot.sandbox.slack.workspace import BOT_USER, Message, StoredFile


def get_upload_url(core: Core, args: Args) -> dict[str, Any]:
    """Answer files.getUploadURLExternal."""
    name = args.need("filename")
    length = args.number("length", 0)
    if length <= 0:
        raise SlackError("missing_argument" if not args.given("length") else "invalid_arguments")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    stored = StoredFile(core.new_id("F"), name, name, length, args.text("alt_txt"), kind)
    core.workspace.files[stored.id] = stored
    token = secrets.token_hex(8)
    core.uploads[token] = stored.id
    return {"upload_url": f"{core.base_url}/upload/v1/{token}", "file_id": stored.id}


async def upload(core: Core, request: web.Request) -> web.Response:
    """Take the bytes of an announced file: raw, or as the one part of a form."""
    stored = core.workspace.files.get(core.uploads.get(request.match_info["token"], ""))
    if stored is None:
        return web.Response(status=404, text="no such upload")
    content = await _content(request)
    if len(content) != stored.length:
        return web.Response(status=400, text="the length differs from the one announced")
    stored.content = content
    return web.Response(text=f"OK - {len(content)}")


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    form = await request.post()
    for value in form.values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""


def _announced(core: Core, args: Args) -> list[StoredFile]:
    entries = args.data("files", "invalid_arguments")
    if not isinstance(entries, list) or not entries:
        raise SlackError("invalid_arguments")
    found = []
    for entry in entries:
        stored = core.workspace.files.get(str(entry.get("id")) if isinstance(entry, dict) else "")
        if stored is None or stored.content is None or stored.shared:
            raise SlackError("file_not_found")
        stored.title = str(entry.get("title") or stored.name)
        found.append(stored)
    return found


def complete_upload(core: Core, args: Args) -> dict[str, Any]:
    """Answer files.completeUploadExternal; the files appear in a message of the bot."""
    found = _announced(core, args)
    targets = [args.text("channel_id")] if args.text("channel_id") else args.names("channels")
    channels = [writable_channel(core, target) for target in targets]
    thread_ts = args.text("thread_ts") or None
    for channel in channels:
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        if thread_ts is not None and channel.message(thread_ts) is None:
            raise SlackError("invalid_thread_ts")
    for stored in found:
        stored.shared = True
        stored.channels = [channel.id for channel in channels]
    for channel in channels:
        message = Message(
            core.timestamp(), channel.id, BOT_USER, args.text("initial_comment"), [], thread_ts
        )
        message.files = [stored.id for stored in found]
        core.post(channel, message)
    return {"files": [file_json(core, stored) for stored in found]}


def info(core: Core, args: Args) -> dict[str, Any]:
    """Answer files.info about a file that the bot can see."""
    stored = core.workspace.files.get(args.need("file"))
    if stored is None or not stored.shared or not _is_seen(core, stored):
        raise SlackError("file_not_found")
    if stored.mode == "tombstone":
        raise SlackError("file_deleted")
    return {"file": file_json(core, stored), "comments": []}


def _is_seen(core: Core, stored: StoredFile) -> bool:
    """Return whether the bot sees a file: one that was added to a form, or that is in one of its channels."""
    places = [core.workspace.channels[each] for each in stored.channels]
    return not places or any(BOT_USER in each.members for each in places)


def add(core: Core, user: str, name: str, content: bytes, channels: list[str]) -> StoredFile:
    """Add a file as a person does: to a form, or to channels."""
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    stored = StoredFile(core.new_id("F"), name, name, len(content), "", kind, content, shared=True)
    stored.channels, stored.owner = channels, user
    stored.team = core.workspace.users[user].team_id
    core.workspace.files[stored.id] = stored
    return stored


async def download(core: Core, request: web.Request) -> web.Response:
    """Serve a file to callers with a token that may read it; redirect others to a login page."""
    stored = core.workspace.files.get(request.match_info["name"].rpartition("-")[2])
    known = request.headers.get("Authorization") == f"Bearer {core.bot_token}"
    if not known or "files:read" not in core.scopes():
        return web.Response(status=302, headers={"Location": f"{core.base_url}/login"})
    if stored is None or stored.content is None or stored.mode == "tombstone":
        return web.Response(status=404, text="no such file")
    if stored.moved:
        return web.Response(status=302, headers={"Location": stored.moved})
    return web.Response(body=stored.content, content_type=stored.mimetype)


async def log_in(_request: web.Request) -> web.Response:
    """Show a page where a browser would log in."""
    return web.Response(text="<!DOCTYPE html><title>Log in</title>", content_type="text/html")
