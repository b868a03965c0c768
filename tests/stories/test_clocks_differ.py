"""The clock is compared with Slack's and Zuora's: at the start, and at each decision (issue of the evidence)."""

from datetime import timedelta

import pytest

from bot.domain.clock import Clocks
from bot.domain.history import What
from bot.domain.request import State
from tests.stage import ALICE, BOB, CARLA, EMAILS, ManualClock


def entries(stage, what):
    return [each.entry for each in stage.store.history.all() if each.entry.what is what]


async def test_a_start_and_a_decision_record_how_far_the_clocks_are_apart(stage):
    stage.slack.clock_ahead = timedelta(seconds=7)
    stage.zuora.clock_ahead = timedelta(seconds=-3)
    await stage.restart()
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    started, approved = entries(stage, What.STARTED_BOT)[-1], entries(stage, What.APPROVED)[-1]

    for entry in (started, approved):
        assert entry.data["clocks_ahead"] == {"slack": 7, "zuora": -3}


@pytest.mark.parametrize("whose", ["slack", "zuora"])
async def test_nothing_is_decided_while_the_clock_is_wrong_and_everything_after_it_was_set(
    stage, whose
):
    ts = await stage.ask()
    getattr(stage, whose).clock_ahead = timedelta(minutes=2)
    stage.clock.step(minutes=3)

    await stage.press(BOB, ts)
    await stage.until_private(BOB, "this machine's clock is wrong")

    assert f"{whose.capitalize()}'s is 120 s ahead" in stage.private(BOB)[-1]
    assert "'s agrees with it" in stage.private(BOB)[-1]
    assert stage.request().state is State.WAITING
    refused = entries(stage, What.REFUSED)[-1]
    assert refused.data["refusal"] == "clocks_differ"
    assert refused.data["clocks_ahead"][whose] == 120

    getattr(stage, whose).clock_ahead = timedelta()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_withdrawing_is_a_decision_too(stage):
    ts = await stage.ask()
    stage.slack.clock_ahead = timedelta(minutes=2)
    stage.clock.step(minutes=3)

    await stage.press(ALICE, ts, "withdraw")

    await stage.until_private(ALICE, "this machine's clock is wrong")
    assert stage.request().state is State.WAITING


def test_a_clock_that_is_set_shows_at_once_and_time_that_passes_does_not():
    clock = ManualClock()
    clocks = Clocks(clock, timedelta(seconds=30))
    clocks.read("slack", "Sat, 21 Nov 2026 10:00:05 GMT")
    assert clocks.ahead() == {"slack": 5}
    clock.advance(hours=5)
    assert clocks.ahead() == {"slack": 5}
    assert not clocks.too_far()
    clock.step(hours=-1)
    assert clocks.ahead() == {"slack": 3605}
    assert clocks.too_far()
    assert clocks.words() == "Slack's is 3605 s ahead"


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sat, 99 Nov 2026 10:00:05 GMT", "0"])
def test_what_is_no_date_says_nothing(date):
    clocks = Clocks(ManualClock())
    clocks.read("zuora", date)
    assert clocks.ahead() == {}


async def test_a_decision_says_who_it_was_as_slack_says_it(stage):
    ts = await stage.ask()
    await stage.reject(BOB, ts, "Not agreed")
    await stage.quiet()

    rejected, asked = entries(stage, What.REJECTED)[-1], entries(stage, What.ASKED)[-1]

    assert rejected.data["person_name"].startswith("Bob")
    assert asked.data["person_name"].startswith("Alice")


@pytest.mark.never_repeated
async def test_what_is_recorded_by_hand_has_rule_groups_and_digest_like_any_decision(stage):
    stage.zuora.faults.add(EMAILS, kind="lose_answer")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: stage.request().state is State.UNKNOWN)
    await stage.slack.until(lambda: "record_sent" in stage.buttons(ts))
    await stage.record(CARLA, ts, "record_sent", "Email history of INV00000001, 11:05")
    await stage.slack.until(lambda: stage.request().state is State.SUCCEEDED)

    (settled,) = entries(stage, What.SETTLED)

    assert settled.who == CARLA
    assert settled.data["note"] == "Email history of INV00000001, 11:05"
    assert settled.data["rule"] == "the general rule"
    assert settled.data["groups"] == ["S0CONTROLLERS"]
    assert settled.data["digest"] == stage.request().digest
