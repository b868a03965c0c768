"""Writing what a large request consists of before the request itself, in short transactions.

See `bot.store.preparing`, which says why, and what keeps it from counting before its time.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from bot.store.errors import CouldNotRecordError
from bot.store.preparing import PART, KeptNumber
from bot.store.preparing import parts as in_parts
from bot.store.store import Store
from bot.workflow.beside import subjects_of
from bot.workflow.guard import reach_to_be
from bot.workflow.parts import Parts
from bot.workflow.saved import Ready

LEFT_OVER = timedelta(hours=1)
"""After so long nobody is still writing: a process has ended before its request was saved."""


@asynccontextmanager
async def prepared(parts: Parts, ready: Sequence[Ready], place: str) -> AsyncIterator[list[Ready]]:
    """Write what the large ones consist of; what is not saved meanwhile is deleted again.

    Args:
        parts: The outside.
        ready: What is about to be saved.
        place: Where in the tenant it acts, as `Place.key`.

    Raises:
        CouldNotRecordError: Nothing was written.
    """
    written: list[int] = []
    try:
        yield [await _prepared(parts, each, place, written) for each in ready]
    finally:
        for number in written:
            await _drop(parts.store, number)


async def _prepared(parts: Parts, ready: Ready, place: str, written: list[int]) -> Ready:
    """Return the same, where it is large with a number of its own and everything written under that."""
    store, mine = parts.store, ready.mine
    if len(mine) <= PART:
        return ready
    for number in store.preparing.begun_before(parts.clock.now() - LEFT_OVER):
        await _drop(store, number)
    with store.transaction():
        number = store.requests.next_number()
        store.preparing.begin(number, parts.clock.now())
    written.append(number)
    rows, subjects = 0, subjects_of(ready.order)
    for part in in_parts(max(len(mine), len(subjects))):
        await store.turns.one_by_one()
        with store.transaction():
            rows += store.mailings.add(number, mine[part])
            store.requests.add_subjects(number, subjects[part])
    newest = store.requests.newest()
    reach = await reach_to_be(store, mine, place)
    return replace(ready, kept=KeptNumber(number, rows), reach=reach, newest=newest)


async def _drop(store: Store, number: int) -> None:
    """Delete what was written for a request that was not saved; nothing where it was."""
    with suppress(CouldNotRecordError):  # the next one that is prepared tries again
        while store.preparing.stands(number):
            with store.transaction():
                store.preparing.drop_part(number)
            await store.turns.one_by_one()
