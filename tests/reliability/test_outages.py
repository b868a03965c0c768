"""Slack or Zuora or both are away for an hour: all drains in order, each message once, each effect once."""

import asyncio
import re

import pytest

from tests.reliability.truths import check_everything, orders_of, pass_time, rest, took_effect
from tests.stage import ALICE, BOB, CARLA, CHANNEL

RUNS = ("BR-00000001", "BR-00000002", "BR-00000003", "BR-00000004")


@pytest.fixture
async def busy(web_stage):
    """Three requests that wait for approval. Signed HTTP: its clicks survive a cut of the sockets."""
    stage = web_stage
    for run in RUNS[1:]:
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "10.00")])
    for run in RUNS[:3]:
        await stage.ask(text=run)
    await rest(stage)
    return stage


def cards(stage):
    return [message.ts for message in stage.slack.channel_messages(CHANNEL)]


async def all_is_shown(stage):
    """The end of every story here: everything accepted once, shown in order, each once."""
    await pass_time(stage, step=10, minutes=15)
    assert stage.store.outbox.open() == []
    check_everything(stage)
    for number, ts in enumerate(cards(stage), 1):
        assert "Accepted by Zuora" in stage.card(ts)
        assert [took_effect(order) for order in orders_of(stage, number)].count(True) == 1
        said = stage.thread(ts)
        assert "approved R-" in said[0]
        (sending,) = [at for at, text in enumerate(said) if "Nothing has changed in Zuora" in text]
        assert 0 < sending < len(said) - 1
        assert re.search("Zuora accepted|reading Zuora settled it", said[-1])
        assert len(set(said)) == len(said)


async def slack_goes_away_with_work_begun(stage):
    """Zuora's answers come when Slack is away already."""
    first, second, third = cards(stage)
    stage.zuora.faults.add("/v1/bill-runs/*/emails", kind="slow", times=3, seconds=5)
    for ts, person in ((first, BOB), (second, CARLA), (third, BOB)):
        await stage.press(person, ts)
    await stage.until(lambda: len(stage.orders()) == 3)
    stage.slack.faults.down = True
    stage.clock.advance(seconds=5)


@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted in the middle"])
async def test_an_hour_without_slack(busy, restarted):
    stage = busy
    await slack_goes_away_with_work_begun(stage)
    await pass_time(stage, minutes=30)
    assert all(stage.request(number).state == "succeeded" for number in (1, 2, 3))
    assert len({each.message.request for each in stage.store.outbox.open()}) == 3
    if restarted:
        await restarted_without_slack(stage)
    await pass_time(stage, minutes=30)

    stage.slack.faults.down = False

    await all_is_shown(stage)


async def restarted_without_slack(stage):
    """A start waits for Slack, and is ready only when Slack answers. It is let in once."""
    await stage.stop()
    starting = asyncio.create_task(stage.start())
    await asyncio.wait({starting}, timeout=0.2)
    assert not starting.done()
    stage.slack.faults.down = False
    stage.slack.faults.add("chat.*", "drop")
    stage.slack.faults.add("chat.postMessage", "drop", times=10_000)
    stage.slack.faults.add("chat.update", "drop", times=10_000)
    stage.slack.faults.add("conversations.history", "drop", times=10_000)
    stage.slack.faults.add("conversations.replies", "drop", times=10_000)
    await stage.as_time_passes(starting.done, step=5, real=0.02)
    await rest(stage)
    assert stage.store.outbox.open() != []
    stage.slack.faults.clear()
    stage.slack.faults.down = True


@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted in the middle"])
async def test_an_hour_without_zuora(busy, restarted):
    stage = busy
    stage.zuora.faults.down = True
    for ts in cards(stage):
        await stage.press(BOB, ts)
    await rest(stage, push=5)
    for ts in cards(stage):
        assert stage.thread(ts)[0].startswith(f"<@{BOB}> approved")
        assert "Nothing was sent. The bot keeps trying until" in stage.thread(ts)[1]
    await pass_time(stage, step=120, minutes=30)
    assert stage.orders() == []
    if restarted:
        await stage.stop()
        await stage.done_as_time_passes(stage.start(), step=5)  # asks Zuora who we are, in vain
        assert "ready" not in stage.bot.health()["zuora"]
    refused = await stage.fill_as_time_passes(text=RUNS[3], step=5)
    assert "Zuora did not answer (" in refused.errors["bill_run"]
    await pass_time(stage, step=120, minutes=30)
    for ts in cards(stage):  # an hour of tries is shown once, not each time
        assert sum("Nothing was sent" in text for text in stage.thread(ts)) == 1

    stage.zuora.faults.down = False

    await all_is_shown(stage)


@pytest.mark.never_repeated
async def test_zuora_goes_away_in_the_middle_of_an_order(busy):
    stage = busy
    first, second, third = cards(stage)
    stage.zuora.faults.add("/v1/bill-runs/*/emails", kind="lose_answer", times=2)
    await stage.press(BOB, first)
    await stage.until(lambda: stage.request(1).state == "unknown")
    stage.zuora.faults.down = True
    await stage.press(CARLA, second)
    await stage.press(BOB, third)
    await pass_time(stage, step=120, hours=1)
    assert stage.request(1).state == "unknown"
    assert len(stage.orders()) == 1

    stage.zuora.faults.clear()

    await all_is_shown(stage)
    assert any("reading Zuora settled it" in text for text in stage.thread(first))


@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted in the middle"])
async def test_an_hour_without_both(busy, restarted):
    stage = busy
    stage.zuora.faults.down = True
    for ts in cards(stage):
        await stage.press(BOB, ts)
    stage.slack.faults.down = True
    await pass_time(stage, step=120, minutes=30)
    if restarted:
        await stage.stop()
        stage.slack.faults.down = False
        await stage.done_as_time_passes(stage.start(), step=5)
        stage.slack.faults.down = True
    await pass_time(stage, step=120, minutes=30)
    assert stage.orders() == []

    stage.slack.faults.down = False
    stage.zuora.faults.down = False

    await all_is_shown(stage)


async def test_a_click_during_the_outage_of_slack_is_not_taken_and_works_afterwards(busy):
    stage = busy
    stage.slack.faults.down = True
    ack = await stage.slack.click(BOB, CHANNEL, cards(stage)[0], "approve")
    assert not ack.ok
    await pass_time(stage, minutes=60)
    assert stage.request(1).state == "waiting"
    stage.slack.faults.down = False

    for ts in cards(stage):
        await stage.press(BOB, ts)

    await all_is_shown(stage)


async def test_a_request_that_expires_while_slack_is_away_is_shown_as_expired(busy):
    stage = busy
    stage.slack.faults.down = True
    await pass_time(stage, step=3600 * 6, hours=25)  # six minutes each time it is tried again
    assert {stage.request(number).state for number in (1, 2, 3)} == {"expired"}

    stage.slack.faults.down = False
    await pass_time(stage, step=30, minutes=5)

    assert stage.store.outbox.open() == []
    check_everything(stage)
    for ts in cards(stage):
        assert stage.card(ts).startswith("Expired")
        assert [text for text in stage.thread(ts) if "expired" in text] == stage.thread(ts)
        assert ALICE in stage.thread(ts)[-1]
    assert stage.orders() == []
