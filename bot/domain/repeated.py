"""An order that was typed again because its answer did not come. No I/O.

A form has an id, so it asks once. A typed line has none, and people who see *operation_timeout*
type it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.request import Request, State

SOON = timedelta(minutes=10)
"""For this long a line that is typed again counts as the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody asks for: `body` is canonical JSON, `tenant` is as on the card and includes the place."""

    operation: str
    body: str
    requester: str
    tenant: str


def still_waiting(typed: Typed, known: Iterable[Request], now: datetime) -> Request | None:
    """Return the request for exactly this that the same person made a moment ago, if it still waits."""
    for request in known:
        same = typed == Typed(
            operation=request.operation,
            body=request.body,
            requester=request.requester,
            tenant=request.tenant,
        )
        if same and request.state is State.WAITING and now - request.created_at <= SOON:
            return request
    return None
