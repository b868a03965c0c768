"""Reading a call's arguments: query, form and JSON, mixed as slack_sdk mixes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.slack.errors import SlackError


@dataclass(frozen=True)
class Args:
    """The arguments of one call, however they were sent."""

    values: Mapping[str, Any]

    def text(self, name: str, default: str = "") -> str:
        """Return an argument as text."""
        value = self.values.get(name)
        return default if value is None else str(value)

    def need(self, name: str) -> str:
        """Return an argument that must be there.

        Raises:
            SlackError: ``invalid_arguments`` naming the missing field.
        """
        value = self.text(name)
        if not value:
            raise SlackError(
                "invalid_arguments",
                response_metadata={
                    "messages": [f"[ERROR] missing required field: {name} [json-pointer:/{name}]"]
                },
            )
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return an argument as yes or no; slack_sdk sends 1, 0, true and false."""
        value = self.values.get(name)
        if value is None:
            return default
        return str(value).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        """Return an argument as a whole number."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise SlackError("invalid_arguments") from None

    def given(self, name: str) -> bool:
        """Return whether the argument was sent at all."""
        return self.values.get(name) is not None

    def data(self, name: str, error: str) -> Any:
        """Return an argument that is JSON, sent as a value or as a string of JSON.

        Raises:
            SlackError: ``error`` when the string is no JSON.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error) from None

    def names(self, name: str) -> list[str]:
        """Return a list sent as JSON, as a list or joined by commas."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        text = self.text(name)
        if text.startswith("["):
            return [str(item) for item in self.data(name, "invalid_arguments")]
        return [part.strip() for part in text.split(",") if part.strip()]


async def read_args(request: web.Request) -> Args:
    """Read the arguments of a request.

    Raises:
        SlackError: ``invalid_json`` or ``json_not_object``.
    """
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        raw = await request.text()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        values.update(body)
    elif request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        form = await request.post()
        values.update({key: value for key, value in form.items() if isinstance(value, str)})
    return Args(values)
