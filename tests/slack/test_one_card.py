"""One ask is one card, wherever the answer to it was lost and whatever happens before it is looked for."""

import pytest

from bot.cards.card import card_edit
from tests.slack.test_sender import cards, quiet, seconds
from tests.stage import CHANNEL


async def lost(stage):
    """Ask for a mail whose card is shown, and Slack's answer to it lost."""
    stage.slack.faults.add("chat.postMessage", "lose_answer")
    submitted = await stage.fill()
    assert submitted.ok, submitted.errors
    await stage.until(lambda: len(cards(stage)) == 1)
    await quiet(stage)
    assert stage.request().card_ts is None


@pytest.mark.parametrize("minutes", [-300, -60, -4, 4, 60, 300])
async def test_the_clock_is_set_between_a_lost_answer_and_the_look_for_it(stage, minutes):
    await lost(stage)

    stage.clock.step(minutes=minutes)
    await seconds(stage, 8)

    assert len(cards(stage)) == 1
    assert stage.request().card_ts == cards(stage)[0]


@pytest.mark.parametrize("minutes", [-300, -60, 60, 300])
async def test_the_clock_is_set_while_nothing_runs(stage, minutes):
    await lost(stage)
    await stage.stop()

    stage.clock.step(minutes=minutes)
    await stage.start()
    await seconds(stage, 70)

    assert len(cards(stage)) == 1
    assert stage.request().card_ts == cards(stage)[0]


@pytest.mark.parametrize(
    "error", ["account_inactive", "token_expired", "ratelimited", "fatal_error"]
)
async def test_slack_lets_nobody_look_for_a_while(stage, error):
    await lost(stage)

    stage.slack.faults.add("conversations.history", "error", error=error, times=2)
    for _ in range(12):
        await seconds(stage, 1)
        stage.clock.advance(seconds=60)
    await quiet(stage)

    assert len(cards(stage)) == 1
    assert stage.request().card_ts == cards(stage)[0]


async def test_a_card_that_somebody_deletes_comes_again_once_though_that_answer_is_lost(stage):
    ts = await stage.ask()
    stage.slack.workspace.channel(CHANNEL).message(ts).deleted = True
    stage.slack.faults.add("chat.postMessage", "lose_answer")

    with stage.store.transaction():
        stage.store.outbox.add(card_edit(stage.request()), stage.clock.now())
    stage.bot.parts.bells.ring()
    for _ in range(10):
        await seconds(stage, 1)

    assert len(cards(stage)) == 1
    assert stage.request().card_ts == cards(stage)[0]
