"""Writes of the same moment share a commit, and each of them is whole or not at all."""

import asyncio
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.history import Entry, What
from bot.store.errors import CouldNotRecordError, ForbiddenByDatabaseError
from bot.store.together import AT_ONCE
from bot.store.turns import let_go_later
from tests.patient import LONG, LONGEST

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture
def commits(store):
    found = []
    store._database.conn.set_trace_callback(
        lambda sql: found.append(sql) if sql == "COMMIT" else None
    )
    return found


def writing(store, reason, fault=None):
    def work():
        with store.transaction():
            store.record(Entry(what=What.REFUSED, data={"reason": reason}), NOW)
            if fault is not None:
                raise fault
        return reason

    return work


def reasons(store):
    return [written.entry.data["reason"] for written in store.history.all()]


async def test_writes_of_the_same_moment_share_a_commit_in_their_order(store, commits):
    works = [writing(store, str(number)) for number in range(AT_ONCE)]

    answers = await asyncio.gather(*(store.together.write(work) for work in works))

    assert answers == [str(number) for number in range(AT_ONCE)]
    assert reasons(store) == answers
    assert len(commits) == 1


async def test_no_more_than_so_many_share_one(store, commits):
    works = [writing(store, str(number)) for number in range(2 * AT_ONCE + 1)]

    await asyncio.gather(*(store.together.write(work) for work in works))

    assert len(commits) == 3


async def test_one_that_fails_undoes_itself_alone(store, commits):
    wrong = ValueError("wrong")
    answers = await asyncio.gather(
        store.together.write(writing(store, "a")),
        store.together.write(writing(store, "b", wrong)),
        store.together.write(writing(store, "c")),
        return_exceptions=True,
    )

    assert list(answers) == ["a", wrong, "c"]
    assert reasons(store) == ["a", "c"]
    assert len(commits) == 1


async def test_writes_that_share_a_commit_take_no_savepoints_until_one_fails(store):
    statements: list[str] = []
    store._database.conn.set_trace_callback(statements.append)

    await asyncio.gather(*(store.together.write(writing(store, each)) for each in "ab"))

    assert "SAVEPOINT part" not in statements

    def refused():
        with suppress(ForbiddenByDatabaseError), store.transaction():
            store.record(Entry(what=What.REFUSED, data={"reason": "undone"}), NOW)
            store._database.execute("DELETE FROM history")
        return "it said why"

    answers = await asyncio.gather(
        store.together.write(writing(store, "c")),
        store.together.write(refused),
        store.together.write(writing(store, "d")),
    )

    assert list(answers) == ["c", "it said why", "d"]
    assert reasons(store) == ["a", "b", "c", "d"]
    assert "SAVEPOINT part" in statements


async def test_one_that_cannot_be_recorded_leaves_the_others_theirs(store):
    full = CouldNotRecordError("full")
    answers = await asyncio.gather(
        store.together.write(writing(store, "a")),
        store.together.write(writing(store, "b", full)),
        store.together.write(writing(store, "c")),
        return_exceptions=True,
    )

    assert list(answers) == ["a", full, "c"]
    assert reasons(store) == ["a", "c"]


async def test_what_can_wait_waits_until_no_write_waits(store):
    works = [writing(store, str(number)) for number in range(3 * AT_ONCE)]
    written = asyncio.gather(*(store.together.write(work) for work in works))
    await asyncio.sleep(0)

    await store.turns.after_people()

    assert len(reasons(store)) == 3 * AT_ONCE
    await written


async def test_what_can_wait_waits_until_everybody_has_an_answer(store):
    order = []

    async def answering(name):
        async with store.turns.attending():
            for _ in range(3):
                await asyncio.sleep(0)
            order.append(name)

    async def what_can_wait():
        await store.turns.after_people()
        order.append("work")

    await asyncio.gather(answering("one"), what_can_wait(), answering("two"))

    assert order == ["one", "two", "work"]


async def test_of_many_who_come_at_once_some_begin_in_each_turn_and_nobody_is_left_out(store):
    begun = []

    async def answering(number):
        async with store.turns.attending():
            begun.append(number)

    tasks = [asyncio.create_task(answering(number)) for number in range(2 * AT_ONCE + 1)]
    grown = []
    for _ in range(4):
        await asyncio.sleep(0)
        grown.append(len(begun))
    await asyncio.gather(*tasks)

    assert grown[0] == AT_ONCE
    assert sorted(begun) == list(range(2 * AT_ONCE + 1))


async def test_an_answer_that_fails_holds_up_nothing_that_waits(store):
    with pytest.raises(ValueError, match="fault"):
        async with store.turns.attending():
            raise ValueError("fault")

    await asyncio.wait_for(store.turns.after_people(), LONGEST)


async def test_what_can_wait_is_not_kept_waiting_by_people_who_come_without_a_pause(store):
    async def person():
        async with store.turns.attending():
            await asyncio.sleep(0.05)

    async def people():
        while True:
            tasks.add(asyncio.create_task(person()))
            await asyncio.sleep(0.01)

    tasks = set[asyncio.Task[Any]]()
    coming = asyncio.create_task(people())
    await asyncio.sleep(0.02)
    try:
        for _ in range(3):
            await asyncio.wait_for(store.turns.after_people(), LONGEST)
    finally:
        coming.cancel()
        await asyncio.gather(coming, *tasks, return_exceptions=True)


async def test_of_many_that_wait_none_waits_long_for_somebody_whose_answer_hangs(store):
    hangs = asyncio.Event()

    async def person():
        async with store.turns.attending():
            await hangs.wait()

    task = asyncio.create_task(person())
    await asyncio.sleep(0)

    # a quarter of a second each, one after the other, is 25
    await asyncio.wait_for(asyncio.gather(*(store.turns.after_people() for _ in range(100))), LONG)

    hangs.set()
    await task
    assert store.turns._patience is None


async def test_of_one_person_some_answers_are_made_at_a_time_and_nobody_waits_behind_them(store):
    under_way, most = set(), []
    leave = asyncio.Event()

    async def presses(number):
        async with store.turns.attending("U0MARA"):
            under_way.add(number)
            most.append(len(under_way))
            await leave.wait()
            under_way.discard(number)

    async def other():
        async with store.turns.attending("U0BOB"):
            assert len(under_way) == AT_ONCE

    endless = [asyncio.create_task(presses(number)) for number in range(20)]
    await asyncio.sleep(0.01)
    await asyncio.wait_for(other(), LONGEST)
    leave.set()
    await asyncio.gather(*endless)

    assert (max(most), len(most)) == (AT_ONCE, 20)


async def test_what_is_let_go_of_later_outlives_the_turn_of_the_event_loop_and_nothing_more():
    held = {"documents"}
    lives = weakref.ref(held)

    let_go_later(held)
    del held
    assert lives() is not None

    async with asyncio.timeout(LONGEST):
        while lives() is not None:  # noqa: ASYNC110 - nothing else says so
            await asyncio.sleep(0.01)
