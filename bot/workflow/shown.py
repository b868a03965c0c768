"""Binds what Slack shows: records the hash of each message that was sent for a request."""

from collections import defaultdict
from datetime import UTC, datetime

from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.store.store import Store

AT_ONCE = 200
"""How many messages one transaction binds; the others follow at the next look."""


def bind(store: Store, clock: Clock) -> None:
    """Record in the history what was sent for each request, once the hour in which it was sent is over.

    A card is drawn when it goes out, so its text is known only then. The rows are written by the hour because one for
    each message would double the history.

    Raises:
        CouldNotRecordError: Nothing was written.
    """
    now = clock.now()
    with store.transaction():
        found = store.outbox.unbound(AT_ONCE)
        if not found or _hour(found[0].ended_at) == _hour(now):
            return
        of_request: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for each in found:
            of_request[each.request].append((each.sequence, each.hash))
        store.history.append_all(
            [
                Entry(what=What.SHOWN, request=number, data={"messages": messages})
                for number, messages in sorted(of_request.items())
            ],
            now,
        )
        store.outbox.bound([each.sequence for each in found])


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H")
