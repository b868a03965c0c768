"""Stories 36 to 44 of docs/stories.md: time, crashes and outages."""

import asyncio
import sqlite3

import pytest

from bot.domain.history import What
from tests.field.listeners import Who, click, dispatch, name_of
from tests.slack.test_sender import pass_time
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS

SORRY = "I could not record this, so nothing was done."


async def test_story_36_a_click_after_expiry_is_refused_though_nobody_swept(stage):
    await stage.ask()
    await stage.quiet()
    stage.bot._worker.cancel()  # no sweeper runs
    stage.clock.advance(hours=24, seconds=1)

    await dispatch(stage.bot.app, click("approve", Who(BOB), name_of(stage)))

    refused = stage.store.history.all()[-1].entry
    assert (refused.who, refused.data["refusal"]) == (BOB, "expired")
    assert stage.request().state == "waiting"


async def test_story_36_a_clock_that_steps_back_brings_nothing_back(stage):
    ts = await stage.ask()
    await stage.pass_time(hours=24)
    await stage.until_card(ts, "Expired")

    stage.clock.step(hours=-3)
    await stage.slack.click(BOB, CHANNEL, ts, "approve", value="1", force=True)

    await stage.until_private(BOB, "R-1 expired")
    assert stage.request().state == "expired"
    assert stage.orders() == []


async def test_story_37_silence_never_approves(stage):
    await stage.with_policy(
        'requesters = ["S0BILLING"]\napprovers = ["S0CONTROLLERS"]\n'
        '[[rule]]\nremind_after = ["1h"]\n'
    )
    ts = await stage.ask()

    for _ in range(5):
        await stage.pass_time(hours=6)
    await stage.restart()
    await stage.pass_time(hours=400)

    assert stage.happened() == [What.ASKED, What.REMINDED, What.EXPIRED]
    assert "Expired" in stage.card(ts)
    assert stage.orders() == []


async def died_with_the_call_under_way(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="hang")
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)
    stage.bot.runner._held[1].cancel()
    return ts


@pytest.mark.never_repeated
@pytest.mark.parametrize("point", ["after the decision", "while reading", "after the claim"])
async def test_story_38_a_stop_at_any_point_ends_in_done_once_or_unknown_and_loud(stage, point):
    ts = await stage.ask()
    await stage.quiet()
    if point == "after the decision":
        stage.bot._worker.cancel()
        await dispatch(stage.bot.app, click("approve", Who(BOB), name_of(stage)))
    elif point == "while reading":
        stage.zuora.faults.add("/object-query/*", kind="hang")
        before = len(stage.zuora.calls)
        await stage.press(BOB, ts)
        await stage.until(lambda: len(stage.zuora.calls) > before)
        stage.bot.runner._held[1].cancel()
    else:
        stage.zuora.faults.add(EMAILS, kind="hang")
        await stage.press(BOB, ts)
        await stage.until(lambda: len(stage.orders()) == 1)
        stage.bot.runner._held[1].cancel()

    await stage.restart()

    unknown = point == "after the claim"
    await stage.until_card(ts, "OUTCOME UNKNOWN" if unknown else "Accepted by Zuora")
    assert len(stage.orders()) == 1
    assert not unknown or any("R-1: we don't know whether" in line for line in stage.thread(ts))


async def test_story_39_buttons_posted_before_a_restart_work_with_their_first_click(stage):
    ts = await stage.ask()
    await stage.quiet()
    await stage.restart()

    ack = await stage.slack.click(BOB, CHANNEL, ts, "approve")

    assert ack.ok
    await stage.until_card(ts, "Accepted by Zuora")
    assert stage.happened().count(What.APPROVED) == 1


@pytest.mark.never_repeated
@pytest.mark.parametrize("found_by", ["a restart", "the running bot"])
async def test_story_40_a_request_left_running_is_found(stage, found_by):
    ts = await died_with_the_call_under_way(stage)

    if found_by == "a restart":
        await stage.restart()

    await stage.until_card(ts, "OUTCOME UNKNOWN")
    assert len(stage.orders()) == 1


async def test_story_41_the_card_says_done_only_when_zuora_did(stage):
    stage.zuora.world.add_bill_run(
        "BR-00000002", status="Completed", invoices=[("A00000001", "USD", "1.00")]
    )
    ts = await stage.ask_step("post_bill_run", "BR-00000002")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    said = [str(call.args) for call in stage.slack.calls if call.method == "chat.update"]
    assert not any("Posted bill run" in each or "is Posted" in each for each in said)

    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Posted bill run")


async def test_story_41_the_card_says_failed_when_it_failed(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="http200_failure", category=30, message="Not active.")

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Failed")
    assert "Accepted" not in stage.card(ts)
    assert "Not active." in stage.thread(ts)[-1]


@pytest.mark.parametrize(
    "error", ["message_not_found", "cant_update_message", "edit_window_closed"]
)
async def test_story_42_a_card_that_cannot_be_edited_does_not_undo_the_decision(stage, error):
    ts = await stage.ask()
    await stage.quiet()
    stage.slack.faults.add("chat.update", "error", error=error, times=50)

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")
    for _ in range(10):
        await stage.pass_time(minutes=1)

    assert len(stage.orders()) == 1
    tries = [call for call in stage.slack.calls if call.method == "chat.update"]
    assert len(tries) <= 6
    cards = [message.text for message in stage.slack.channel_messages(CHANNEL)]
    assert len(cards) > 1
    assert "Accepted by Zuora" in cards[-1]
    assert stage.store.outbox.open() == []


async def test_story_42_a_card_whose_every_text_is_refused_does_not_undo_the_decision(stage):
    """Edits wait then, seldom tried, and the people of the request are written to directly."""
    ts = await stage.ask()
    await stage.quiet()
    stage.slack.faults.add("chat.update", "error", error="msg_too_long", times=1000)

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")
    for _ in range(10):
        await stage.pass_time(minutes=1)

    assert len(stage.orders()) == 1
    assert len([call for call in stage.slack.calls if call.method == "chat.update"]) <= 16
    said = [message.text for message in stage.slack.channel_messages(f"D{ALICE[1:]}")]
    assert any("has ended" in text for text in said)


async def test_story_43_what_was_said_while_slack_was_away_arrives_in_order_each_once(stage):
    stage.mode = "web"
    await stage.restart()
    ts = await stage.ask()
    await stage.quiet()
    stage.zuora.faults.add(EMAILS, kind="slow", seconds=30)
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)
    stage.slack.faults.down = True
    stage.clock.advance(seconds=30)
    await stage.until(lambda: stage.request().state == "succeeded")
    for _ in range(6):
        await pass_time(stage, minutes=10)

    stage.slack.faults.down = False
    for _ in range(10):
        await pass_time(stage, minutes=1)

    said = stage.thread(ts)
    steps = ("approved R-1", "Nothing has changed in Zuora", "Zuora accepted")
    found = [next(s for s in steps if s in text) for text in said if any(s in text for s in steps)]
    assert found == list(steps)
    assert len(set(said)) == len(said)
    assert "Accepted by Zuora" in stage.card(ts)


def read_only(stage):
    stage.store._database.execute("PRAGMA query_only = ON")
    return lambda: stage.store._database.execute("PRAGMA query_only = OFF")


def locked(stage):
    stage.store._database.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(stage.settings().database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def end():
        other.execute("ROLLBACK")
        other.close()

    return end


@pytest.mark.parametrize("trouble", [read_only, locked])
async def test_story_44_a_click_that_cannot_be_written_down_is_answered_and_does_nothing(
    stage, trouble
):
    ts = await stage.ask()
    await stage.quiet()
    end = trouble(stage)

    ack = await stage.slack.click(BOB, CHANNEL, ts, "approve")

    assert ack.ok
    await stage.until_private(BOB, SORRY)
    end()
    await asyncio.sleep(0)
    assert stage.request().state == "waiting"
    assert stage.orders() == []
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")
