"""Binds what Slack shows: the history gets the hash of each message of a request that was sent."""

from collections import defaultdict
from datetime import UTC, datetime

from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.store.store import Store

AT_ONCE = 200
"""Messages in one transaction; the others follow at the next look."""


def bind(store: Store, clock: Clock) -> None:
    """Write into the history what was sent for each request, once the hour in which it was sent is over.

    A card is drawn anew when it goes out, so what it says is known only then. By the hour, because a row for
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
