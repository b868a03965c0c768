"""Rights and rules are those of now, and fail closed."""

import pytest

from bot.zuora.environments import environment
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA

BOTH = f'requesters = ["{ALICE}"]\napprovers = ["{BOB}", "{CARLA}"]\n'
CARLA_ALONE = f'requesters = ["{ALICE}"]\napprovers = ["{CARLA}"]\n'
BOB_ALONE = f'requesters = ["{ALICE}"]\napprovers = ["{BOB}"]\n'
TWO = f'{BOTH}[[rule]]\nsends = true\napprovals = 2\napprovers = ["{BOB}", "{CARLA}"]\n'


@pytest.mark.parametrize("button", ["approve", "reject"])
async def test_who_was_taken_out_of_the_policy_decides_nothing_any_more(stage, button):
    await stage.with_policy(BOTH)
    ts = await stage.ask()
    await stage.with_policy(CARLA_ALONE)

    await stage.press(BOB, ts, button)

    await stage.until_private(BOB, "You may not decide R-1")
    assert stage.request().state == "waiting"
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_who_came_into_the_policy_since_does_not_decide_what_was_asked_before(stage):
    await stage.with_policy(CARLA_ALONE)
    ts = await stage.ask()
    await stage.with_policy(BOTH)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "You may not decide R-1")
    assert stage.request().state == "waiting"


@pytest.mark.never_repeated
async def test_who_was_taken_out_settles_nothing_any_more(stage):
    await stage.with_policy(BOTH)
    stage.zuora.faults.add(EMAILS, kind="lose_answer")
    ts = await stage.ask()
    await stage.press(CARLA, ts)
    await stage.slack.until(lambda: stage.request().state == "unknown")
    await stage.quiet()
    await stage.with_policy(CARLA_ALONE)

    await stage.slack.click(BOB, CHANNEL, ts, "record_not_sent", value="1", force=True)

    await stage.until_private(BOB, "You may not decide R-1")
    assert stage.request().state in ("unknown", "succeeded")
    assert len(stage.orders()) == 1


async def test_the_approval_of_somebody_taken_out_is_not_counted(stage):
    await stage.with_policy(TWO)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "waiting for one more approval")
    await stage.with_policy(
        f'{CARLA_ALONE}[[rule]]\nsends = true\napprovals = 2\napprovers = ["{MARA}", "{CARLA}"]\n',
    )

    await stage.press(CARLA, ts)
    await stage.quiet()

    assert stage.request().state == "waiting"
    assert stage.orders() == []


async def test_what_was_approved_by_somebody_taken_out_is_not_sent(stage):
    await stage.with_policy(BOTH)
    ts = await stage.ask()
    stage.zuora.faults.add("*", kind="status", status=503, times=None)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: any("keeps trying" in line for line in stage.thread(ts)))
    stage.zuora.faults.clear()
    await stage.with_policy(CARLA_ALONE)

    await stage.pass_time(seconds=120)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert "It needs 1 approval from people who may approve it today" in stage.card(ts)
    assert stage.orders() == []


@pytest.mark.parametrize("flag", ["deleted", "is_restricted", "is_ultra_restricted"])
@pytest.mark.parametrize("policy", [BOTH, ""], ids=["named", "in a group"])
async def test_who_was_deactivated_or_made_a_guest_since_has_approved_nothing(stage, policy, flag):
    if policy:
        await stage.with_policy(policy)
    ts = await stage.ask()
    stage.zuora.faults.add("*", kind="status", status=503, times=None)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: any("keeps trying" in line for line in stage.thread(ts)))
    setattr(stage.slack.workspace.users[BOB], flag, True)
    passed = stage.clock.monotonic() + 61
    await stage.as_time_passes(lambda: stage.clock.monotonic() > passed)
    stage.zuora.faults.clear()

    await stage.as_time_passes(lambda: stage.request().state != "approved", step=5)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert "It needs 1 approval from people who may approve it today" in stage.card(ts)
    assert stage.orders() == []


async def test_while_slack_does_not_say_whose_account_it_is_nothing_is_sent(stage):
    await stage.with_policy(BOTH)
    ts = await stage.ask()
    stage.zuora.faults.add("*", kind="status", status=503, times=None)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: any("keeps trying" in line for line in stage.thread(ts)))
    stage.slack.faults.add("users.info", "error", error="internal_error", times=9_999)
    passed = stage.clock.monotonic() + 61
    await stage.as_time_passes(lambda: stage.clock.monotonic() > passed)
    stage.zuora.faults.clear()

    await stage.as_time_passes(lambda: "approvals cannot be counted" in stage.card(ts), step=5)
    assert stage.orders() == []
    stage.slack.faults.clear()
    await stage.as_time_passes(lambda: stage.request().state == "succeeded", step=5)


async def test_who_left_the_group_since_has_approved_nothing(stage):
    ts = await stage.ask()
    stage.zuora.faults.add("*", kind="status", status=503, times=None)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: any("keeps trying" in line for line in stage.thread(ts)))
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    passed = stage.clock.monotonic() + 61
    await stage.as_time_passes(lambda: stage.clock.monotonic() > passed)
    stage.zuora.faults.clear()

    await stage.as_time_passes(lambda: stage.request().state == "stopped")

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert stage.orders() == []


async def test_a_rule_of_today_that_wants_more_holds_for_what_was_asked_before(stage):
    await stage.with_policy(BOTH)
    ts = await stage.ask()
    await stage.with_policy(TWO)

    await stage.press(BOB, ts)
    await stage.until_thread(ts, "1 more approval needed")
    assert stage.request().state == "waiting"
    await stage.press(CARLA, ts)

    await stage.until_card(ts, "Accepted by Zuora")


@pytest.mark.parametrize("minutes", [-10, 10, -600])
async def test_a_clock_that_steps_prolongs_no_trust_in_a_group(stage, minutes):
    ts = await stage.ask()
    await stage.slack.click(BOB, CHANNEL, ts, "record_sent", value="1", force=True)
    await stage.until_private(BOB, "R-1 already has a result")
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    stage.clock.step(minutes=minutes)
    await stage.pass_time(seconds=61)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "You may not decide R-1")
    assert stage.request().state == "waiting"


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_clock_that_steps_holds_no_card_back(stage, minutes):
    stage.tuning.seconds_a_message = 1.0
    await stage.restart()
    await stage.fill()
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 1)
    stage.clock.step(minutes=minutes)
    stage.zuora.world.add_bill_run("BR-00000002", name="Two", invoices=[("A1", "USD", "1.00")])

    assert (await stage.fill(text="BR-00000002")).ok
    await stage.as_time_passes(lambda: len(stage.slack.channel_messages(CHANNEL)) == 2, step=0.1)

    assert stage.clock.monotonic() < 60


async def test_what_was_approved_for_one_tenant_is_not_carried_out_in_another(stage):
    ts = await stage.ask()
    stage.zuora._service.tokens._tenant = "99999"
    await stage.restart()

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert "another Zuora tenant" in stage.card(ts)
    assert stage.orders() == []


async def test_a_tenant_that_is_not_known_counts_as_production(stage):
    stage.tuning.where = environment(stage.zuora.base_url)
    await stage.with_policy(
        f'{BOTH}[[rule]]\ntenants = ["production"]\napprovals = 2\n'
        f'approvers = ["{BOB}", "{CARLA}"]\n',
    )
    ts = await stage.ask()

    await stage.press(BOB, ts)
    await stage.until_thread(ts, "1 more approval needed")

    assert "UNKNOWN ENVIRONMENT · this machine" in stage.card(ts)
    assert stage.request().state == "waiting"
