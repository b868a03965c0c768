"""What a command promised when it was acknowledged is kept, or the person who typed it reads why not."""

import logging

import pytest

from bot.slack.replying import FAULT
from tests.stage import ALICE, BOB, CARLA, CHANNEL


async def test_a_file_that_cannot_be_made_is_said_to_who_asked_for_it(stage):
    await stage.ask()
    stage.store._database.execute("ALTER TABLE calls RENAME TO gone")

    ack = await stage.slack.slash(CARLA, CHANNEL, "/billstatus export month")
    assert "is being made" in ack.text

    await stage.until_private(CARLA, "could not be made")


async def test_a_fault_while_a_form_is_on_its_way_is_said_to_who_typed_the_command(stage, caplog):
    caplog.set_level(logging.CRITICAL)
    stage.bot.answering.client = None  # whatever it is that nobody thought of

    ack = await stage.slack.slash(ALICE, CHANNEL, "/billrun")

    assert ack.ok
    await stage.until_private(ALICE, FAULT)


@pytest.mark.parametrize("button", ["reject", "withdraw"])
async def test_a_fault_after_a_click_was_acknowledged_is_said_to_who_clicked(
    stage, monkeypatch, button
):
    ts = await stage.ask()
    await stage.quiet()
    user = BOB if button == "reject" else ALICE
    monkeypatch.delattr("bot.slack.deciding.decide_form")  # whatever it is that nobody thought of

    assert (await stage.press(user, ts, button)).ok

    await stage.until_private(user, "Something went wrong in Billing Bot")
