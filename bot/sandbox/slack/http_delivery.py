"""Signed HTTP requests to the app's Request URL."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.delivery import Delivered, Kind, Retry


def sign(secret: str, timestamp: str, body: str) -> str:
    """Return the ``v0`` signature of a body (docs.slack.dev/authentication/verifying-requests)."""
    base = f"v0:{timestamp}:{body}".encode()
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class HttpDelivery:
    """Posts payloads to ``url`` as Slack does."""

    def __init__(self, core: Core, secret: str, url: str) -> None:
        self._core = core
        self._secret = secret
        self.url = url

    async def send(
        self, kind: Kind, payload: Mapping[str, Any], retry: Retry | None = None
    ) -> Delivered:
        """Post one payload and wait up to three seconds for the answer."""
        body, content_type = encoded(kind, payload)
        # Bolt compares this with the machine's own clock, so the sandbox's clock cannot be used.
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._secret, timestamp, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        if retry is not None:
            headers["X-Slack-Retry-Num"] = str(retry.number)
            headers["X-Slack-Retry-Reason"] = retry.reason
        timeout = aiohttp.ClientTimeout(total=self._core.ack_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self.url, data=body.encode(), headers=headers) as answer,
            ):
                return _read(answer.status, answer.content_type, await answer.text())
        except TimeoutError:
            return Delivered(0, error="operation_timeout", reason="http_timeout")
        except aiohttp.ClientError:
            return Delivered(0, error="dispatch_failed", reason="connection_failed")


def encoded(kind: Kind, payload: Mapping[str, Any]) -> tuple[str, str]:
    """Return the body of a payload, and its content type."""
    form = "application/x-www-form-urlencoded"
    match kind:
        case "slash_commands":
            return urlencode(dict(payload)), form
        case "interactive":
            return urlencode({"payload": json.dumps(payload)}), form
        case "events_api":
            return json.dumps(payload), "application/json"


def _read(status: int, content_type: str, text: str) -> Delivered:
    body: Mapping[str, Any] = {"text": text} if text else {}
    if content_type == "application/json" and text:
        try:
            data = json.loads(text)
        except ValueError:
            return Delivered(status, error="dispatch_failed", reason="http_error")
        body = data if isinstance(data, dict) else {}
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Delivered(status, body, error="dispatch_failed", reason="http_error")
    return Delivered(status, body)
