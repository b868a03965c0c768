"""What no test can wait for in real time: a loop that hangs, a message that waits, figures of a moment."""

import asyncio
import logging
from dataclasses import replace

import pytest

from bot.domain.history import Entry, What
from bot.domain.request import State
from bot.health.figures import Exposition
from bot.metrics import REGISTRY
from bot.store.errors import CouldNotRecordError
from bot.store.lock import WorkLock
from bot.store.private import beside
from bot.wiring.running import HEAR_OTHERS_SECONDS
from tests.stage import ALICE, BOB, nothing_happens


async def test_a_loop_that_has_not_turned_for_a_minute_is_not_alive(stage, monkeypatch):
    hangs = asyncio.Event()

    async def hang(*_):
        hangs.set()
        await asyncio.Event().wait()

    await stage.quiet()
    monkeypatch.setattr(stage.bot.runner, "_rest", hang)
    stage.bot.parts.bells.runner.set()
    await stage.until(hangs.is_set)
    assert stage.bot.readiness.alive() == "ready"

    stage.clock.advance(seconds=61)

    await stage.until(lambda: stage.bot.readiness.alive() == "failed")
    await nothing_happens(20)
    assert stage.bot.readiness.alive() == "failed"
    assert stage.bot.health()["status"] == "failed"


async def test_a_process_that_stands_by_and_does_not_turn_is_not_alive(stage, monkeypatch):
    async def hang(*_):
        await asyncio.Event().wait()

    await stage.stop()
    another = WorkLock(beside(stage.settings().database_path, ".lock"))
    assert another.take()
    await stage.start()
    stage.clock.advance(seconds=61)
    await stage.until(lambda: stage.bot.readiness.alive() == "ready")
    assert stage.bot.readiness.ready()["work"] == "stands by"

    monkeypatch.setattr(stage.clock, "sleep", hang)
    stage.clock.advance(seconds=1)
    await nothing_happens(20)
    stage.clock.advance(seconds=61)
    await nothing_happens(20)

    assert stage.bot.readiness.alive() == "failed"
    another.release()


async def test_a_process_whose_look_for_a_lost_lock_hangs_is_not_alive(stage, monkeypatch):
    async def hang(*_):
        await asyncio.Event().wait()

    await stage.quiet()
    before = stage.clock.sleep

    async def sleep(seconds):
        await (hang() if seconds == HEAR_OTHERS_SECONDS else before(seconds))

    monkeypatch.setattr(stage.clock, "sleep", sleep)
    for _ in range(5):
        stage.clock.advance(seconds=16)
        await nothing_happens(5)

    assert stage.bot.readiness.alive() == "failed"


async def test_loops_that_have_nothing_to_do_turn_all_the_same(stage):
    await stage.quiet()
    for _ in range(20):
        stage.clock.advance(seconds=16)
        await nothing_happens(5)

    assert stage.bot.readiness.alive() == "ready"


async def test_zuora_is_called_every_five_minutes_where_nobody_else_calls_it(stage):
    """Each look counts against the tenant's limits."""
    stage.tuning = replace(stage.tuning, look_seconds=10.0)
    await stage.restart()
    await stage.as_time_passes(lambda: bool(looks(stage)), step=1)
    begun, before = stage.clock.monotonic(), len(looks(stage))

    await stage.as_time_passes(lambda: stage.clock.monotonic() - begun >= 1900, step=30)
    assert 3 <= len(looks(stage)) - before <= 6  # answers take some of the time that passes here

    stage.zuora.faults.down = True
    await stage.as_time_passes(lambda: stage.bot.readiness.ready()["zuora"] != "ready", step=30)
    stage.zuora.faults.down = False
    await stage.as_time_passes(lambda: stage.bot.readiness.ready()["zuora"] == "ready", step=1)


async def test_zuora_is_not_called_beside_the_looks_at_a_run(stage):
    """They come at least every five minutes, and show whether Zuora answers."""
    stage.tuning = replace(stage.tuning, look_seconds=10.0)
    await stage.restart()
    stage.zuora.timings = replace(stage.zuora.timings, posting=4 * 3600.0)
    stage.zuora.world.add_bill_run("BR-00000002", status="Completed")
    ts = await stage.ask_step("post_bill_run", "BR-00000002")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    await stage.as_time_passes(lambda: stage.request().looks > 11, step=30)
    begun, before, at_run = stage.clock.monotonic(), len(looks(stage)), stage.request().looks

    await stage.as_time_passes(lambda: stage.clock.monotonic() - begun >= 1000, step=15)
    assert stage.request().looks - at_run >= 3
    assert len(looks(stage)) == before

    stage.zuora.faults.down = True
    await stage.as_time_passes(lambda: stage.bot.readiness.ready()["zuora"] != "ready", step=30)


def looks(stage):
    return [call for call in stage.zuora.calls if call.path == "/object-query/billing-runs"]


async def test_a_message_that_waits_for_a_minute_is_seen(stage):
    stage.slack.faults.add("chat.postMessage", "ratelimited", times=1, retry_after=300)
    assert (await stage.fill()).ok
    await stage.until(lambda: not stage.slack.faults._list)
    await stage.quiet()
    assert stage.bot.health()["status"] == "ready"

    stage.clock.advance(seconds=61)

    await stage.until(lambda: stage.bot.health()["status"] not in ("ready", "failed"))
    assert stage.bot.readiness.ready()["outbox"] == "messages wait to be sent"
    assert stage.bot.health()["status"] == "messages wait to be sent"
    stage.clock.advance(seconds=300)
    await stage.as_time_passes(lambda: stage.bot.health()["status"] == "ready")


async def test_no_label_of_any_metric_says_whose_it_is(stage):
    ts = await stage.ask()
    await stage.press("U0BOB", ts)
    await stage.until_card(ts, "Accepted by Zuora")

    text = (await Exposition(stage.bot.readiness, stage.settings().database_path).text()).decode()

    assert 'route="/v1/bill-runs/*/emails"' in text
    for said in ("BR-0", "A0000", "INV", "R-1", ALICE, "@", stage.zuora.client_secret):
        assert said not in text


async def test_what_a_transaction_undoes_is_neither_counted_nor_logged(stage, caplog):
    caplog.set_level(logging.INFO, "bot.store.history")
    await stage.ask()
    request, now = stage.request(), stage.clock.now()
    after = request.decided(State.WITHDRAWN, ALICE, now, wake_at=None)
    entry = Entry(what=What.WITHDRAWN, request=1, who=ALICE)
    counted = {"operation": "email_bill_run", "state": "withdrawn"}
    name = "billing_bot_request_moves_total"
    before = REGISTRY.get_sample_value(name, counted) or 0

    stage.store._database.execute(
        "CREATE TEMP TRIGGER no_more AFTER UPDATE ON requests BEGIN SELECT RAISE(ABORT, 'no'); END"
    )

    def withdraw():
        with stage.store.transaction():
            stage.store.record(entry, now)
            stage.store.requests.move(request, after)

    with pytest.raises(CouldNotRecordError):
        withdraw()
    stage.store._database.execute("DROP TRIGGER no_more")

    assert "request.withdrawn" not in caplog.text
    assert (REGISTRY.get_sample_value(name, counted) or 0) == before
    withdraw()
    assert "request.withdrawn" in caplog.text
    assert REGISTRY.get_sample_value(name, counted) == before + 1
