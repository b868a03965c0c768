"""Reminders: of what waits for an approval, once by default, and of what nobody knows, until it is settled."""

from datetime import timedelta

import pytest

from bot.domain.history import What
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA

THREE = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS", "U0MARA"]
viewers = ["S0FINANCE"]
"""
NOBODY_KNOWS = "nobody knows whether this was sent"


async def unknown(stage):
    """A bill run's mail whose answer was lost, and that Zuora shows nothing of; the card's `ts`."""
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    return ts


def reminders(stage, ts, words):
    return [each for each in stage.slack.thread(CHANNEL, ts) if words in each.text]


async def pass_hours(stage, hours, minutes=10):
    """Let the looks at Zuora, which come every ten minutes at the most, come one by one."""
    for _ in range(hours * 60 // minutes):
        await stage.pass_time(minutes=minutes)


# What waits


async def test_without_a_word_in_the_policy_there_is_one_reminder_after_four_hours(stage):
    ts = await stage.ask()

    await stage.pass_time(hours=3, minutes=59)
    assert reminders(stage, ts, "still waits") == []
    await stage.pass_time(minutes=1)
    (reminder,) = reminders(stage, ts, "still waits")
    assert {who for who in (ALICE, BOB, CARLA, MARA) if f"<@{who}>" in reminder.text} == {
        BOB,
        CARLA,
    }
    assert "Email 5 documents of bill run BR-00000001" in reminder.text
    assert "350.50" in reminder.text
    shown = str(reminder.blocks)
    assert "BR-00000001" in shown
    assert "350.50" in shown
    assert "'approve'" in shown
    await stage.pass_time(hours=19)
    assert len(reminders(stage, ts, "still waits")) == 1


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ("", [4]),
        ("remind_after = []\n", []),
        ('remind_after = ["2h", "6h", "30h"]\n', [2, 6]),
    ],
)
async def test_the_policy_says_it_for_every_rule_at_once(stage, said, hours):
    await stage.with_policy(said + THREE)
    ts = await stage.ask()

    seen = []
    for hour in range(1, 24):
        before = len(reminders(stage, ts, "still waits"))
        await stage.pass_time(hours=1)
        seen += [hour] * (len(reminders(stage, ts, "still waits")) - before)

    assert seen == hours


async def test_a_short_life_is_reminded_of_at_its_half(stage):
    await stage.with_policy(f'{THREE}\n[[rule]]\nexpires_after = "2h"\n')
    ts = await stage.ask()

    await stage.pass_time(minutes=59)
    assert reminders(stage, ts, "still waits") == []
    await stage.pass_time(minutes=1)

    assert len(reminders(stage, ts, "still waits")) == 1


async def test_where_slack_does_not_say_who_is_in_a_group_the_group_is_reminded(stage):
    ts = await stage.ask()
    stage.slack.faults.add("usergroups.users.list", kind="error", error="missing_scope", times=99)

    await stage.pass_time(hours=4)

    (reminder,) = reminders(stage, ts, "still waits")
    assert "<!subteam^S0CONTROLLERS>" in reminder.text


async def test_a_reminder_that_slack_did_not_take_is_left_out_once_it_is_decided(stage):
    ts = await stage.ask()
    await stage.quiet()
    stage.slack.faults.add("chat.postMessage", kind="ratelimited", retry_after=30, times=1)
    await stage.pass_time(hours=4)
    assert What.REMINDED in stage.happened()
    assert reminders(stage, ts, "still waits") == []

    await stage.reject(CARLA, ts, "Not this one")
    for _ in range(5):
        await stage.pass_time(minutes=1)

    assert "Rejected" in stage.card(ts)
    assert reminders(stage, ts, "still waits") == []


# What is unknown


@pytest.mark.never_repeated
async def test_an_unknown_outcome_is_reminded_of_until_somebody_has_settled_it(stage):
    ts = await unknown(stage)

    seen = []
    for hour in range(1, 79):
        before = len(reminders(stage, ts, NOBODY_KNOWS))
        await pass_hours(stage, 1, minutes=10 if hour < 3 else 60)
        seen += [hour] * (len(reminders(stage, ts, NOBODY_KNOWS)) - before)
    assert seen == [1, 5, 29, 53, 77]
    assert len(reminders(stage, ts, "A person has to look there")) == 1
    await stage.record(CARLA, ts, "record_not_sent")
    await stage.until_card(ts, "did not go through")
    await stage.pass_time(days=2)

    assert len(reminders(stage, ts, NOBODY_KNOWS)) == 5
    assert stage.happened().count(What.REMINDED) == 5
    assert len(stage.orders()) == 1


@pytest.mark.never_repeated
async def test_those_are_reminded_who_may_record_with_what_the_card_shows(stage):
    ts = await unknown(stage)
    await stage.with_policy('requesters = ["S0BILLING"]\napprovers = ["U0CARLA", "U0MARA"]\n')

    await pass_hours(stage, 1)

    (reminder,) = reminders(stage, ts, NOBODY_KNOWS)
    assert {who for who in (ALICE, BOB, CARLA, MARA) if f"<@{who}>" in reminder.text} == {CARLA}
    shown = str(reminder.blocks)
    assert "OUTCOME UNKNOWN" in shown
    assert "350.50" in shown
    assert "Month end" in shown
    assert "BR-00000001's email history" in reminder.text
    assert "'record_sent'" in shown


@pytest.mark.never_repeated
async def test_where_two_have_to_record_it_whoever_can_no_more_is_not_reminded(stage):
    """Carla has, and Bob approved it too: now somebody who did not approve must."""
    await stage.with_policy(f"{THREE}\n[[rule]]\napprovals = 2\n")
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="drop")
    await stage.press(BOB, ts)
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    await stage.record(CARLA, ts, "record_sent")
    await stage.until_thread(ts, "when 1 more person")

    await pass_hours(stage, 1)

    (reminder,) = reminders(stage, ts, NOBODY_KNOWS)
    assert {who for who in (ALICE, BOB, CARLA, MARA) if f"<@{who}>" in reminder.text} == {MARA}


@pytest.mark.never_repeated
async def test_the_buttons_of_a_reminder_record_too(stage):
    ts = await unknown(stage)
    await pass_hours(stage, 2)
    (reminder,) = reminders(stage, ts, NOBODY_KNOWS)

    await stage.slack.click(CARLA, CHANNEL, reminder.ts, "record_not_sent")
    await stage.slack.submit(CARLA, {"reason": "Email history, 12:05"})

    await stage.until_card(ts, "did not go through")


@pytest.mark.never_repeated
async def test_reminders_that_a_stop_of_a_week_has_missed_are_one_and_then_it_is_each_day_again(
    stage,
):
    ts = await unknown(stage)
    await stage.quiet()
    await stage.stop()
    stage.clock.advance(days=7)

    await stage.start()
    await stage.until_thread(ts, NOBODY_KNOWS)
    await pass_hours(stage, 2)
    assert len(reminders(stage, ts, NOBODY_KNOWS)) == 1
    await stage.restart()
    await stage.quiet()
    assert len(reminders(stage, ts, NOBODY_KNOWS)) == 1
    await pass_hours(stage, 24, minutes=60)

    assert len(reminders(stage, ts, NOBODY_KNOWS)) == 2


@pytest.mark.never_repeated
async def test_reminders_that_slack_did_not_take_for_days_are_one(stage):
    ts = await unknown(stage)
    await pass_hours(stage, 3)
    stage.slack.faults.add("chat.postMessage", kind="error", error="internal_error", times=10_000)
    await pass_hours(stage, 80, minutes=60)
    assert stage.happened().count(What.REMINDED) >= 4
    assert len(reminders(stage, ts, NOBODY_KNOWS)) == 1

    stage.slack.faults.clear()
    await pass_hours(stage, 1, minutes=1)

    assert len(reminders(stage, ts, NOBODY_KNOWS)) == 2


@pytest.mark.never_repeated
async def test_zuora_that_cannot_be_read_does_not_keep_people_from_being_reminded(stage):
    ts = await unknown(stage)
    stage.zuora.faults.down = True

    await stage.as_time_passes(lambda: len(reminders(stage, ts, NOBODY_KNOWS)) == 2, step=60)

    assert timedelta(hours=5) <= stage.clock.now() - stage.request().state_at < timedelta(hours=6)
