"""One call: the request, what a route sees of it, and the answer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox.zuora.errors import refusal
from bot.sandbox.zuora.records import Cause
from bot.sandbox.zuora.tenant import Tenant


@dataclass
class Call:
    """A request received, even if a fault swallowed it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """The parsed JSON or form, or None."""
    time: datetime
    status: int | None = None
    """None as long as nothing was answered."""
    fault: str | None = None
    replayed: bool = False
    raw_path: str = ""
    """The path as it stood in the request line, still encoded."""
    answer: Any = None
    """The JSON that was answered."""


@dataclass(frozen=True)
class Answer:
    """The answer to send; `body` is JSON unless `text` or the bytes of a `file` are given."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    content_type: str = "application/json;charset=utf-8"
    file: bytes | None = None

    def payload(self) -> bytes:
        """Return the body's bytes."""
        if self.file is not None:
            return self.file
        if self.text is not None:
            return self.text.encode()
        return json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Context:
    """The input of a route."""

    tenant: Tenant
    path: str
    keys: tuple[str, ...]
    """The parts of the path that name things, decoded."""
    query: Mapping[str, tuple[str, ...]]
    body: Mapping[str, Any]
    track_id: str | None
    request_id: str

    def key(self) -> str:
        """Return the first key of the path."""
        return self.keys[0]

    def param(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None

    def cause(self) -> Cause:
        """Return this call as the cause of a mail."""
        return Cause(self.track_id, self.request_id, self.path)

    def flag(self, name: str) -> bool:
        """Return a boolean field of the body, false when absent.

        Raises:
            RefusalError: category 20, when it is anything but a JSON boolean.
        """
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            raise refusal(20, f"'{name}' must be true or false.")
        return bool(value)


Handler = Callable[[Context], Any]
"""Returns the JSON of a 200 answer or a whole `Answer`, or raises RefusalError."""


@dataclass(frozen=True)
class Route:
    """A method and a path; `*` stands for a key."""

    method: str
    path: str
    handler: Handler
