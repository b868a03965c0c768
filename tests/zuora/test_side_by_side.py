"""Many reads of which each is needed: in order, and given up together."""

import asyncio

import pytest

from bot.zuora.errors import ZuoraUnavailable
from bot.zuora.paging import all_or_none


def reads(number, wrong=()):
    """This many reads that return their number; those in `wrong` fail. And which began and ended."""
    began, ended = [], []

    async def read(which):
        began.append(which)
        await asyncio.sleep(0)
        if which in wrong:
            raise ZuoraUnavailable(f"{which} failed")
        for _ in range(20):
            await asyncio.sleep(0)
        ended.append(which)
        return which

    return [lambda which=which: read(which) for which in range(number)], began, ended


async def test_all_come_back_in_order():
    made, _, _ = reads(100)

    assert await all_or_none(made) == list(range(100))


async def test_while_the_first_fails_no_other_begins():
    made, began, _ = reads(100, wrong=(0,))

    with pytest.raises(ZuoraUnavailable, match="0 failed"):
        await all_or_none(made)
    assert began == [0]


async def test_at_the_first_error_the_others_are_ended_and_none_is_left_running():
    made, began, ended = reads(100, wrong=(30,))
    running = len(asyncio.all_tasks())

    with pytest.raises(ZuoraUnavailable, match="30 failed"):
        await all_or_none(made)
    assert len(began) < 50
    assert ended == [0]
    assert len(asyncio.all_tasks()) == running


async def test_a_caller_that_gives_up_leaves_nothing_running():
    made, _, ended = reads(10)
    running = len(asyncio.all_tasks())
    work = asyncio.ensure_future(all_or_none(made))
    for _ in range(25):
        await asyncio.sleep(0)

    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert ended == [0]
    assert len(asyncio.all_tasks()) == running
