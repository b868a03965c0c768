"""Messages that come back from an app: slash answers and posts to a response URL."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.slack.arguments import Args, read_args
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.handles import ResponseUrl
from bot.sandbox.slack.web_api_chat import read_blocks
from bot.sandbox.slack.workspace import BOT_USER, Message


def say_back(
    core: Core, user: str, channel: str, body: Mapping[str, Any], thread_ts: str | None = None
) -> Message:
    """Post an app's answer: to ``user`` alone unless ``response_type`` is ``in_channel``.

    Raises:
        SlackError: ``no_text`` or what is wrong with the blocks.
    """
    args = Args(body)
    blocks = read_blocks(args) or []
    if not args.text("text") and not blocks:
        raise SlackError("no_text")
    thread = args.text("thread_ts") or thread_ts
    message = Message(core.timestamp(), channel, BOT_USER, args.text("text"), blocks, thread)
    if args.text("response_type", "ephemeral") != "in_channel":
        message.ephemeral_to = user
    return core.post(core.workspace.channels[channel], message)


def _source(core: Core, url: ResponseUrl) -> Message | None:
    found = (m for m in core.workspace.messages() if m.channel == url.channel)
    return next((m for m in found if m.ts == url.source_ts), None)


def respond(core: Core, token: str, args: Args) -> None:
    """Do what a post to a response URL asks for.

    Raises:
        SlackError: the URL is unknown, expired or used up, or the message is not valid.
    """
    url = core.response_urls.use(token)
    source = _source(core, url)
    if args.flag("delete_original") and source is not None:
        source.deleted = True
        core.touched(source)
    elif args.flag("replace_original") and source is not None:
        blocks = read_blocks(args)
        if not args.text("text") and not blocks:
            raise SlackError("no_text")
        source.text, source.blocks = args.text("text"), blocks or []
        source.edited = core.timestamp()
        core.touched(source)
    elif not args.flag("delete_original"):
        say_back(core, url.user, url.channel, args.values)


async def handle_response(core: Core, request: web.Request) -> web.Response:
    """Answer a post to a response URL."""
    raw = await request.text()
    try:
        args = Args(json.loads(raw)) if raw.lstrip().startswith("{") else await read_args(request)
        respond(core, request.match_info["token"], args)
    except ValueError:
        return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
    except SlackError as refusal:
        status = 404 if refusal.code.endswith("_url") else 400
        return web.json_response(refusal.body(), status=status)
    return web.Response(text="ok")
