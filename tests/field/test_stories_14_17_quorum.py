"""Stories 14 to 17 of docs/stories.md: how many must approve."""

import asyncio

import pytest

from tests.field.listeners import Who, click, dispatch, name_of
from tests.stage import ALICE, BOB, CARLA, MARA

HEAD = 'requesters = ["S0BILLING"]\n'
TWO = HEAD + 'approvers = ["S0CONTROLLERS", "U0MARA"]\n[[rule]]\napprovals = 2\n'
ONE = HEAD + 'approvers = ["S0CONTROLLERS", "U0MARA"]\n'


async def test_story_14_one_person_in_two_groups_counts_once(stage):
    stage.slack.workspace.groups["S0FINANCE"].members.append(BOB)
    approvers = '["S0CONTROLLERS", "S0FINANCE", "U0BOB"]'
    await stage.with_policy(HEAD + f"approvers = {approvers}\n[[rule]]\napprovals = 2\n")
    ts = await stage.ask()

    app = stage.bot.app
    await asyncio.gather(
        *(dispatch(app, click("approve", Who(BOB), name_of(stage))) for _ in range(10))
    )
    await stage.press(BOB, ts)

    await stage.until_private(BOB, "You already approved R-1. One more person must approve.")
    assert stage.request().state == "waiting"
    assert [approval.person for approval in stage.request().approvals] == [BOB]
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_story_15_more_approvals_than_needed_approve_and_do_not_get_stuck(stage):
    await stage.with_policy(TWO)
    members = stage.slack.workspace.groups["S0CONTROLLERS"].members
    ts = await stage.ask()
    await stage.press(BOB, ts)
    members.remove(BOB)
    await stage.pass_time(seconds=60)
    await stage.press(CARLA, ts)  # the first does not count just now
    await stage.quiet()
    assert stage.request().state == "waiting"
    members.append(BOB)
    await stage.pass_time(seconds=60)

    await stage.press(MARA, ts)

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.request().approvals) == 3
    assert len(stage.orders()) == 1


async def test_story_15_several_at_once_where_one_is_needed_are_one_approval(stage):
    await stage.with_policy(ONE)
    ts = await stage.ask()

    app = stage.bot.app
    people = (BOB, CARLA, MARA)
    await asyncio.gather(
        *(dispatch(app, click("approve", Who(who), name_of(stage))) for who in people)
    )

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.request().approvals) == 1
    assert len(stage.orders()) == 1


@pytest.mark.parametrize(("then", "now"), [(TWO, ONE), (ONE, TWO)])
async def test_story_16_the_rule_of_the_asking_and_todays_both_hold(stage, then, now):
    await stage.with_policy(then)
    ts = await stage.ask()
    await stage.with_policy(now)

    await stage.press(BOB, ts)
    await stage.quiet()

    assert stage.request().state == "waiting"
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.request().approvals) == 2


async def test_story_17_what_could_never_be_approved_is_refused_with_the_names(stage):
    stage.slack.workspace.groups["S0CONTROLLERS"].members[:] = [ALICE, BOB]
    await stage.with_policy(HEAD + 'approvers = ["S0CONTROLLERS"]\n[[rule]]\napprovals = 2\n')

    submitted = await stage.fill()

    words = submitted.errors["bill_run"]
    assert "This needs 2 approvals from other people (rule 1 of the policy)" in words
    assert "besides you only U0BOB is listed" in words
    assert stage.store.requests.get(1) is None
