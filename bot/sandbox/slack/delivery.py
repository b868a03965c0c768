"""Sending interactions and events to the app, over a socket or by signed HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True)
class Delivered:
    """The app's answer within three seconds.

    Attributes:
        status: the HTTP status; 200 for a socket's acknowledgement, 0 for none.
        body: the answer's JSON; a plain text is ``{"text": …}``.
        error: ``operation_timeout`` or ``dispatch_failed`` when the person sees a failure.
        reason: why, in the words of the retry header of the Events API.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Retry:
    """The number of an event's repetition, and its reason."""

    number: int
    reason: str


class Delivery(Protocol):
    """A way to the app."""

    async def send(
        self, kind: Kind, payload: Mapping[str, Any], retry: Retry | None = None
    ) -> Delivered:
        """Send one payload and wait for its acknowledgement."""
        ...
