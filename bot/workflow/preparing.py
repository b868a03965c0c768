"""Writes the parts of a large request before the request itself, in short transactions.

`bot.store.preparing` says why, and what keeps the parts from counting too early.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.clock import Clock
from bot.operations.catalog import opened_of
from bot.store.errors import CouldNotRecordError
from bot.store.in_parts import PART, in_parts
from bot.store.preparing import KeptNumber
from bot.store.requests import OpenAbout
from bot.store.store import Store
from bot.workflow.guard import Reach, look_for_others, reach_to_be
from bot.workflow.parts import Parts
from bot.workflow.ready import Asker, Ready

LEFT_OVER = timedelta(hours=1)
"""Parts older than this are left over from a process that ended before it saved the request."""

EVER = datetime.max.replace(tzinfo=UTC)
ENDED = "its process ended before it was saved"
STOPPED = "it was stopped before it was saved"
NOT_SAVED = "it was not saved"


@asynccontextmanager
async def prepared(
    parts: Parts, ready: Sequence[Ready], asker: Asker
) -> AsyncIterator[list[Ready]]:
    """Write the parts of large requests; at the end delete those of requests that were not saved.

    Args:
        parts: The outside.
        ready: What is about to be saved.
        asker: Who asks, and where in the tenant it acts.

    Raises:
        CouldNotRecordError: Nothing was written.
    """
    async with AsyncExitStack() as kept:
        yield [await kept.enter_async_context(_prepared(parts, each, asker)) for each in ready]


@asynccontextmanager
async def _prepared(parts: Parts, ready: Ready, asker: Asker) -> AsyncIterator[Ready]:
    """Yield the order unchanged; if it is large, with a number under which all its parts are written."""
    if len(ready.mine) <= PART:
        yield ready
        return
    store, why = parts.store, NOT_SAVED
    with store.transaction():
        number = store.requests.next_number()
        entry = store.preparing.begin(number, parts.clock.now(), asker.person, ready.order.name)
    try:
        yield await _written(parts.store, ready, asker.place.key, KeptNumber(number, entry, 0, 0))
    except asyncio.CancelledError:
        why = STOPPED
        raise
    finally:
        await _drop(store, number, parts.clock, why)


async def drop_left_over(store: Store, clock: Clock, before: datetime = EVER) -> None:
    """Drop the numbers that were kept before a moment for requests that will never be saved.

    At a start these are all of them; if another process is just writing one, its request must be asked for again.
    """
    for number in store.preparing.begun_before(before):
        await _drop(store, number, clock, ENDED)


async def _written(store: Store, ready: Ready, place: str, kept: KeptNumber) -> Ready:
    """Write the parts under the number, and return the order with what is known of others by then."""
    number, mine = kept.number, ready.mine
    rows, subjects, packed = 0, ready.texts.subjects, ready.texts.packed
    for at, part in enumerate(in_parts(max(len(mine), len(subjects), PART * len(packed)))):
        await store.turns.one_by_one()
        with store.transaction():
            rows += store.mailings.add(number, mine[part])
            store.requests.add_subjects(number, subjects[part])
            store.requests.add_facts(number, packed[at : at + 1], at)
    since = store.history.last().sequence
    await look_for_others(store, number)
    alone = store.mailings.alone.is_alone(number)
    reach = Reach(ready.reach.mails, ()) if alone else await reach_to_be(store, mine, place)
    about = await _open_about(store, ready.order.subjects(), place)
    texts = ready.texts
    if texts.packed:  # its card needs it, in the transaction that saves it
        await asyncio.to_thread(opened_of, ready.order.name, texts.body, texts.facts, texts.packed)
    kept = kept._replace(mailings=rows, parts=len(packed))
    return replace(ready, kept=kept, reach=reach, open_about=about, since=since)


async def _open_about(store: Store, subjects: Sequence[str], place: str) -> list[OpenAbout]:
    """Return which open requests act on the same; of very many things asked in parts."""
    found: list[OpenAbout] = []
    for part in in_parts(len(subjects)):
        found += store.requests.open_about(subjects[part], place)
        await store.turns.one_by_one()
    return found


async def _drop(store: Store, number: int, clock: Clock, why: str) -> None:
    """Delete what was written for a request, unless the request was saved."""
    with suppress(CouldNotRecordError):  # it is tried again when it counts as left over
        while store.preparing.stands(number):
            with store.transaction():
                store.preparing.drop_part(number, clock.now(), why)
            await store.turns.one_by_one()
