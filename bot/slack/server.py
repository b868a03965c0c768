"""The web mode: signed HTTP at `/slack/events`, and `/healthz` beside it."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from yarl import URL

from bot.slack.door import Visitor, strangers_go

LARGEST_BODY = 1024 * 1024
TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"
LONGEST_TIME = 12  # digits of seconds since 1970
CERTIFICATE_CHECK = "ssl_check=1"
LONGEST_CHECK = 1000  # characters


def make_server(
    app: AsyncApp,
    signing_secret: str,
    status: Callable[[], str],
    attending: Callable[[], AbstractAsyncContextManager[None]],
) -> web.Application:
    """The aiohttp application.

    Args:
        app: The Bolt app. What it is handed was signed by Slack.
        signing_secret: What Slack signs with.
        status: What `/healthz` says to everybody who asks, and nothing else: `ready`, or why it
            answers 503.
        attending: Entered for every payload; what can wait lets it go first.
    """
    verifier = SignatureVerifier(signing_secret)

    async def events(request: web.Request) -> web.Response:
        # read the body first: a slow client, or one that is not Slack, must not hold up others
        text = await _text(request)
        if _is_certificate_check(text):
            return web.Response()
        if not _is_signed(verifier, request, text):
            return _refused(401)
        if isinstance(request.protocol, Visitor):
            request.protocol.is_known()
        async with attending():
            try:
                body = _payload(text)
            except (ValueError, RecursionError):
                return _refused(400)
            # Bolt's name for a payload that was checked and read before it came to Bolt.
            bolt_request = AsyncBoltRequest(body=body, mode="socket_mode")
            return await to_aiohttp_response(await app.async_dispatch(bolt_request))

    async def healthz(_: web.Request) -> web.Response:
        found = status()
        return web.json_response({"status": found}, status=200 if found == "ready" else 503)

    server = web.Application(middlewares=[strangers_go])
    server.router.add_post("/slack/events", events)
    server.router.add_get("/healthz", healthz)
    return server


async def _text(request: web.Request) -> str:
    """The body.

    Raises:
        HTTPRequestEntityTooLarge: It is longer than `LARGEST_BODY`.
        ConnectionError: It broke off; nobody waits for an answer.
    """
    body = bytearray()
    try:
        async for part in request.content.iter_any():
            body += part
            if len(body) > LARGEST_BODY:
                raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, len(body))
        return body.decode(errors="replace")
    except (ConnectionError, aiohttp.ClientError, web.RequestPayloadError) as error:
        # the request keeps its error, which would keep the request: nothing frees such a circle soon
        error.__traceback__ = None
        body.clear()
        raise ConnectionResetError from None


def _refused(status: int) -> web.Response:
    return web.json_response({"error": "invalid request"}, status=status)


def _is_certificate_check(text: str) -> bool:
    """Whether Slack only looks if the certificate is valid (page *Slash commands*); it does not sign that."""
    is_form = len(text) <= LONGEST_CHECK and not text.startswith("{")
    return is_form and CERTIFICATE_CHECK in text.split("&")


def _is_signed(verifier: SignatureVerifier, request: web.Request, text: str) -> bool:
    """Whether Slack signed this, at most five minutes ago.

    The verifier reads the timestamp as a number before it compares, and compares only ASCII: what it would
    stumble over is refused here.
    """
    timestamp = request.headers.get(TIMESTAMP, "")
    signature = request.headers.get(SIGNATURE, "")
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIME
    return is_number and signature.isascii() and verifier.is_valid(text, timestamp, signature)


def _payload(text: str) -> dict[str, Any]:
    """What Slack says: JSON (events), a form with JSON in it (clicks and forms), or a form (commands).

    A click carries its whole message. yarl takes the form apart in 0.02 ms; Python's own `parse_qsl`, which
    Bolt uses, takes 0.4 ms, a third of what a click costs in all.

    Raises:
        ValueError: It is no JSON.
    """
    if text.startswith("{"):
        found = json.loads(text)
    else:
        form = URL.build(query_string=text, encoded=True).query
        found = json.loads(form["payload"]) if "payload" in form else dict(form)
    return found if isinstance(found, dict) else {}
