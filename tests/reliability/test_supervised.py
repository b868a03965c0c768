"""A loop of the bot that breaks is run again; it takes no other loop with it."""

import asyncio
import sqlite3
from contextlib import closing
from itertools import pairwise

import pytest

from bot.store.errors import NOT_ANSWERING, NotAnsweringError
from tests.patient import LONGEST, waits_for_ever
from tests.stage import BOB, CHANNEL


@pytest.fixture
def break_once(stage, monkeypatch):
    """Lets a method raise at its next call, as a database does that cannot be read."""

    def order(target, name, error):
        real = getattr(target, name)
        waiting = [error]

        def broken(*args, **kwargs):
            if waiting:
                raise waiting.pop()
            return real(*args, **kwargs)

        monkeypatch.setattr(target, name, broken)
        return waiting

    return order


async def until_it_waits(stage):
    """Until the loop that broke sleeps on the clock."""
    await stage.until(lambda: stage.bot.health()["status"] == "failed")


async def goes_on(stage):
    stage.clock.advance(seconds=1)
    await stage.until(lambda: stage.bot.health()["status"] == "ready")


async def test_a_runner_that_breaks_is_run_again_and_loses_nothing(stage, break_once, caplog):
    ts = await stage.ask()
    await stage.quiet()
    order = break_once(stage.store.requests, "due", sqlite3.OperationalError("disk I/O error"))

    await stage.press(BOB, ts)
    await until_it_waits(stage)

    assert order == []
    assert stage.orders() == []
    assert "loop_broke" in caplog.text
    assert "check the disk's space, rights and health" in caplog.text
    await goes_on(stage)
    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 1


async def test_a_loop_that_a_database_server_leaves_alone_waits_without_a_trace_in_the_log(
    stage, break_once, caplog
):
    ts = await stage.ask()
    await stage.quiet()
    break_once(stage.store.requests, "due", NotAnsweringError(NOT_ANSWERING))

    await stage.press(BOB, ts)
    await until_it_waits(stage)

    (said,) = [each for each in caplog.records if each.message == "loop_waits"]
    assert (said.loop, said.trouble, said.exc_info) == ("runner", NOT_ANSWERING, None)
    assert "disk" not in caplog.text
    await goes_on(stage)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_a_sender_that_breaks_is_run_again_and_sends_everything_once(stage, break_once):
    ts = await stage.ask()
    await stage.quiet()
    break_once(stage.bot.sender, "_start_lanes", sqlite3.DatabaseError("malformed"))

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")  # the runner works meanwhile
    assert stage.thread(ts) == []
    await until_it_waits(stage)
    await goes_on(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.thread(ts)) == 3


async def test_a_listener_that_breaks_still_hears_what_another_process_writes(
    stage, break_once, tmp_path
):
    ts = await stage.ask()
    await stage.quiet()
    break_once(stage.store, "others_have_written", sqlite3.OperationalError("disk I/O error"))
    stage.clock.advance(seconds=0.25)
    await until_it_waits(stage)
    await goes_on(stage)

    with closing(sqlite3.connect(stage.settings().database_path)) as other, other:
        other.execute(
            "INSERT INTO outbox (request, kind, channel, user, text, blocks, created_at, tries) "
            "VALUES (1, 'reply', ?, '', 'of another process', '[]', '2026-11-21', 0)",
            [CHANNEL],
        )
    other.close()
    for _ in range(3):
        await asyncio.sleep(0)
        stage.clock.advance(seconds=0.25)

    await stage.until_thread(ts, "of another process")


async def test_the_pause_grows_to_a_minute_while_it_breaks_again_and_again(stage, monkeypatch):
    broken = True
    tries = []
    real = stage.store.requests.due

    def due(*args, **how):
        if broken:
            tries.append(stage.clock.now())
            raise sqlite3.OperationalError("disk I/O error")
        return real(*args, **how)

    await stage.quiet()
    monkeypatch.setattr(stage.store.requests, "due", due)
    stage.bot.parts.bells.runner.set()
    for number in range(1, 9):
        await stage.until(lambda number=number: len(tries) >= number)
        await until_it_waits(stage)
        for _ in range(61):
            stage.clock.advance(seconds=1)
            await asyncio.sleep(0)
            if stage.bot.health()["status"] == "ready":
                break

    gaps = [(b - a).total_seconds() for a, b in pairwise(tries)]
    assert gaps[:6] == [1, 2, 4, 8, 16, 32]
    assert set(gaps[6:]) == {60}
    broken = False


async def test_a_bot_whose_loops_are_broken_still_stops_at_once(stage, monkeypatch):
    await stage.quiet()

    def due(*_, **__):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(stage.store.requests, "due", due)
    stage.bot.parts.bells.runner.set()
    await until_it_waits(stage)

    waits_for_ever(monkeypatch)
    async with asyncio.timeout(LONGEST):
        await stage.stop()
