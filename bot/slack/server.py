"""The web mode: signed HTTP at `/slack/events`, and the other routes on its port."""

import json
from collections.abc import Iterable
from typing import Any

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.request.async_request import AsyncBoltRequest
from yarl import URL

from bot.metrics import ACKS
from bot.slack import payloads
from bot.slack.door import Visitor, strangers_go
from bot.slack.listening import Attending, Dispatches
from bot.slack.signatures import Signatures

LARGEST_BODY = 1024 * 1024
CERTIFICATE_CHECK = "ssl_check=1"
LONGEST_CHECK = 1000  # characters


def make_server(
    app: Dispatches,
    signatures: Signatures,
    beside: Iterable[web.RouteDef],
    attending: Attending,
) -> web.Application:
    """Return the aiohttp application.

    Args:
        app: The Bolt app. It gets only what Slack signed.
        signatures: Checks Slack's signatures.
        beside: The other routes on this port.
        attending: Entered with the person for every payload, so that other work stands back.
    """

    async def events(request: web.Request) -> web.Response:
        # read the body first: a slow client, or one that is not Slack, must not hold up others
        text = await _text(request)
        if _is_certificate_check(text):
            return web.Response()
        if not signatures.are_good(request.headers, text):
            return _refused(401)
        if isinstance(request.protocol, Visitor):
            request.protocol.is_known()
        with ACKS.time():
            try:
                body = _payload(text)
            except (ValueError, RecursionError):
                return _refused(400)
            async with attending(payloads.person_of(body)):
                # Bolt's name for a payload that was checked and read before it came to Bolt.
                bolt_request = AsyncBoltRequest(body=body, mode="socket_mode")
                return await to_aiohttp_response(await app.async_dispatch(bolt_request))

    server = web.Application(middlewares=[strangers_go])
    server.router.add_post("/slack/events", events)
    server.add_routes(beside)
    return server


async def _text(request: web.Request) -> str:
    """Return the body.

    Raises:
        HTTPRequestEntityTooLarge: It is longer than `LARGEST_BODY`.
        ConnectionError: The connection broke off, so nobody waits for an answer.
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
    """Return whether this is Slack's unsigned check of the certificate (page *Slash commands*)."""
    is_form = len(text) <= LONGEST_CHECK and not text.startswith("{")
    return is_form and CERTIFICATE_CHECK in text.split("&")


def _payload(text: str) -> dict[str, Any]:
    """Return what Slack says: JSON (events), a form with JSON in it (clicks and forms), or a form (commands).

    A click carries its whole message. yarl parses the form in 0.02 ms; Python's own `parse_qsl`,
    which Bolt uses, takes 0.4 ms, a third of a whole click.

    Raises:
        ValueError: It is no JSON.
    """
    if text.startswith("{"):
        found = json.loads(text)
    else:
        form = URL.build(query_string=text, encoded=True).query
        found = json.loads(form["payload"]) if "payload" in form else dict(form)
    return found if isinstance(found, dict) else {}
