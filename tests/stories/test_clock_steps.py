"""The time of day is set while the bot works, on and back: no pause is longer or shorter for that."""

import itertools

import pytest

from tests.stage import BOB, CHANNEL, EMAILS

STEPS = pytest.mark.parametrize("minutes", [-10, 10, -600, 600])
TOKEN = "/oauth/token"


@STEPS
async def test_a_message_that_slack_asked_to_wait_for_goes_out_in_time(stage, minutes):
    ts = await stage.ask()
    stage.slack.faults.add("chat.postMessage", "ratelimited", times=1, retry_after=30)
    await stage.press(BOB, ts)
    await stage.slack.until(
        lambda: any(call.method == "chat.postMessage" and not call.ok for call in stage.slack.calls)
    )
    await stage.until(lambda: any(each.wake_at for each in stage.store.outbox.open()))

    stage.clock.step(minutes=minutes)
    began = stage.clock.monotonic()
    await stage.as_time_passes(lambda: not stage.store.outbox.open(), step=1)

    assert stage.thread(ts)
    assert 29 <= stage.clock.monotonic() - began <= 45


@STEPS
async def test_a_message_whose_answer_was_lost_is_looked_for_and_said_once(stage, minutes):
    ts = await stage.ask()
    stage.slack.faults.add("chat.postMessage", "lose_answer", times=1)
    await stage.press(BOB, ts)
    await stage.until(
        lambda: any(each.tries and each.wake_at for each in stage.store.outbox.open())
    )

    stage.clock.step(minutes=minutes)
    began = stage.clock.monotonic()
    await stage.as_time_passes(lambda: not stage.store.outbox.open(), step=0.5)

    assert stage.clock.monotonic() - began <= 30
    said = stage.thread(ts)
    assert len(said) == len(set(said))


@pytest.mark.parametrize("minutes", [-600, -10, 10, 40])  # later the local Zuora lets nobody in
async def test_a_token_lives_as_long_as_zuora_said(stage, minutes):
    await stage.fill()
    before = sum(call.path == TOKEN for call in stage.zuora.calls)
    stage.clock.step(minutes=minutes)

    assert (await stage.fill()).ok
    assert sum(call.path == TOKEN for call in stage.zuora.calls) == before
    stage.clock.advance(hours=1)
    assert (await stage.fill()).ok
    assert sum(call.path == TOKEN for call in stage.zuora.calls) == before + 1


@STEPS
async def test_a_token_that_cannot_be_had_is_asked_for_again_after_its_pause(stage, minutes):
    stage.zuora.faults.add("/object-query/*", kind="unauthorized")
    stage.zuora.faults.add(TOKEN, kind="unauthorized", times=1)
    await stage.fill()
    assert stage.bot.health()["zuora"] != "ready"

    stage.clock.step(minutes=minutes)
    began = stage.clock.monotonic()
    loops = len(stage.clock._sleepers)
    while stage.bot.health()["zuora"] != "ready":
        stage.clock.advance(seconds=1)  # no second passes while an answer comes over a real socket
        await stage.until(lambda: not any(event.is_set() for _, event in stage.clock._sleepers))
        await stage.until(
            lambda: len(stage.clock._sleepers) >= loops or stage.bot.health()["zuora"] == "ready"
        )

    assert stage.clock.monotonic() - began <= 31


@STEPS
async def test_an_order_that_zuora_asked_to_wait_for_goes_out_in_time(stage, minutes):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="too_many", times=1, retry_after=30)
    await stage.press(BOB, ts)
    await stage.until(lambda: any(each.retry_at for each in stage.store.calls.of(1)))
    await stage.until(lambda: stage.request().wake_at > stage.clock.now())

    stage.clock.step(minutes=minutes)
    began = stage.clock.monotonic()
    await stage.as_time_passes(lambda: stage.request().state == "succeeded", step=1, real=0.02)

    assert stage.clock.monotonic() - began <= 60


@STEPS
async def test_a_loop_that_breaks_again_and_again_waits_longer_each_time(
    stage, minutes, monkeypatch
):
    """However the clock is set, a loop that broke after a moment has not held for five minutes."""
    begun = []

    def broken(*_, **__):
        begun.append(stage.clock.monotonic())
        stage.clock.step(minutes=minutes)
        raise OSError("disk I/O error")

    monkeypatch.setattr(stage.store, "others_have_written", broken)
    await stage.as_time_passes(lambda: len(begun) >= 4, step=0.25)

    pauses = [after - before for before, after in itertools.pairwise(begun)]
    assert pauses[1] > pauses[0]
    assert pauses[2] > pauses[1]
    assert stage.slack.channel_messages(CHANNEL) == []
