"""Pages that come together are read one after the other, so that a click gets in between."""

import asyncio
import threading
from functools import partial

import pytest

from bot.zuora.aside import A_PAGE, MANY, SHORT, aside, of_a_page


class Reading:
    """Notes what is read, in which turn of the event loop, and by which thread."""

    def __init__(self):
        self.turn = 0
        self.read = []
        self.by = []

    async def count_turns(self):
        while True:
            await asyncio.sleep(0)
            self.turn += 1

    def __call__(self, page, *_more):
        self.read.append((page if isinstance(page, str) else len(page), self.turn))
        self.by.append(threading.current_thread())
        return page

    @property
    def names(self):
        return [name for name, _ in self.read]


@pytest.fixture
async def reading():
    found = Reading()
    turns = asyncio.create_task(found.count_turns())
    yield found
    turns.cancel()


def new(reading, name, *, is_short=True):
    return asyncio.ensure_future(of_a_page(partial(reading, name), is_short=is_short))


async def test_of_many_pages_that_come_together_one_is_read_in_each_turn_of_the_event_loop(reading):
    pages = [f"page {number}" for number in range(40)]

    assert await asyncio.gather(*(new(reading, each) for each in pages)) == pages

    turns = [turn for _, turn in reading.read]
    assert reading.names == pages
    assert len(set(turns)) == 40
    assert set(reading.by) == {threading.main_thread()}


async def test_a_page_that_was_begun_is_finished_before_more_than_one_other_is_read(reading):
    async def whole(name):
        await new(reading, name)
        await aside(reading, name * MANY)

    await asyncio.gather(*(whole(name) for name in "abcdef"))

    unfinished = [
        sum(len(name) == 1 for name in reading.names[:at])
        - sum(len(name) == MANY for name in reading.names[:at])
        for at in range(1, 13)
    ]
    assert max(unfinished) == 2


async def test_a_page_for_which_nobody_waits_any_more_holds_up_no_other_one(reading):
    first, second, third = (new(reading, name) for name in ("first", "second", "third"))
    await asyncio.sleep(0)

    second.cancel()
    await first
    await third

    assert reading.names == ["first", "third"]


async def test_whoever_gives_up_in_the_moment_of_their_turn_passes_it_on(reading):
    loop = asyncio.get_running_loop()

    def first():
        # before the turn is passed on in the next turn of the loop, and before the second one wakes in the one after it
        loop.call_soon(loop.call_soon, second.cancel)

    begun = asyncio.ensure_future(of_a_page(first, is_short=True))
    second, third = new(reading, "second"), new(reading, "third")

    assert await third == "third"
    assert reading.names == ["third"]
    assert second.cancelled()
    await begun


async def test_a_page_that_cannot_be_read_holds_up_no_other_one(reading):
    def broken():
        raise ValueError("no page")

    wrong = asyncio.ensure_future(of_a_page(broken, is_short=True))
    right = new(reading, "right")

    with pytest.raises(ValueError, match="no page"):
        await wrong
    assert await right == "right"


async def test_long_ones_are_read_in_a_thread_and_still_one_after_the_other(reading):
    await asyncio.gather(
        new(reading, "long page", is_short=False),
        aside(reading, range(SHORT + 1)),
        aside(reading, range(A_PAGE + 1)),
        aside(reading, range(SHORT)),
    )

    in_the_loop = [
        name
        for name, by in zip(reading.names, reading.by, strict=True)
        if by is threading.main_thread()
    ]
    assert in_the_loop == [SHORT]
    assert sorted(map(str, reading.names)) == sorted(
        ["long page", str(SHORT + 1), str(A_PAGE + 1), str(SHORT)]
    )


async def test_a_few_documents_wait_for_nobody(reading):
    waiting = new(reading, "a page")
    assert await aside(reading, range(MANY - 1)) == range(MANY - 1)
    assert reading.names == [MANY - 1]

    await waiting
