"""Records who is in the policy's groups, at a start and whenever that changes."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.store.errors import CouldNotRecordError
from bot.store.store import Store

logger = logging.getLogger(__name__)

LOOK_SECONDS = 300.0

MembersOfGroups = Mapping[str, list[str] | None]


class Groups:
    """Reads the groups every five minutes; a row records who joined and who left.

    Args:
        store: The store.
        clock: The time.
        read: Returns who is in each group; None for a group that Slack does not list now.
    """

    def __init__(
        self, store: Store, clock: Clock, read: Callable[[], Awaitable[MembersOfGroups]]
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._read = read

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            try:
                self.compare(await self._read())
            except CouldNotRecordError:
                logger.warning("groups_were_not_recorded")

    def compare(self, found: MembersOfGroups) -> None:
        """Record who is in the groups if that has changed; a group that is not known counts as unchanged.

        Raises:
            CouldNotRecordError: It was not written.
        """
        with self._store.transaction():
            note(self._store, found, self._clock.now())


def note(store: Store, found: MembersOfGroups, now: datetime, *, listed: bool = False) -> None:
    """Record who is in the groups if the last row differs. Runs inside a transaction.

    Args:
        store: The store.
        found: Who is in each group; None for a group that is not known.
        now: The moment.
        listed: Whether only groups that the last row names are looked at, also those of which it did not know who is in them.
    """
    known = {name: members for name, members in found.items() if members is not None}
    if not known:
        return
    latest = store.history.last_of(What.GROUPS)
    before: MembersOfGroups = latest.entry.data["groups"] if latest else {}
    if listed:
        known = {name: members for name, members in known.items() if name in before}
    changed = {
        name: {
            "came": sorted({*members} - {*(before.get(name) or ())}),
            "went": sorted({*(before.get(name) or ())} - {*members}),
        }
        for name, members in known.items()
        if members != before.get(name)
    }
    if not changed:
        return
    data = {"groups": {**before, **known}, "changed": changed}
    store.record(Entry(what=What.GROUPS, data=data), now)
