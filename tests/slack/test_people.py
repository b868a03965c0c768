"""Whom the bot listens to: members of its own workspace, as Slack knows them at this moment."""

import pytest

from bot.domain.words import in_zone
from bot.sandbox.slack.workspace import User
from bot.slack.people import STRANGERS_A_MINUTE, barred, zone_of
from tests.stage import BOB, CARLA, CHANNEL, MARA

OWN, OTHER = "T0SANDBOX", "T0OTHER"


def group(stage):
    return stage.slack.workspace.groups["S0CONTROLLERS"]


def reads(stage, method):
    return len([call for call in stage.slack.calls if call.method == method])


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"deleted": True}, "it is deactivated"),
        ({"is_restricted": True}, "it is a guest"),
        ({"is_ultra_restricted": True}, "it is a guest"),
        ({"is_bot": True}, "it is a bot"),
        ({"is_stranger": True}, "it belongs to another company"),
        ({"team_id": OTHER}, "it belongs to another workspace"),
    ],
)
async def test_an_account_that_is_no_member_of_ours_may_do_nothing(stage, flags, why):
    ts = await stage.ask()
    for name, value in flags.items():
        setattr(stage.slack.workspace.users[BOB], name, value)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, f"This account cannot be used here: {why}.")
    assert stage.request().state == "waiting"
    assert stage.store.history.all()[-1].entry.data["refusal"] == "barred_account"


async def test_a_guest_may_not_ask_either(stage):
    stage.slack.workspace.users["U0ALICE"].is_restricted = True

    ack = await stage.slack.slash("U0ALICE", CHANNEL, "/billemail BR-00000001")

    assert "it is a guest" in ack.text
    assert stage.slack.view("U0ALICE") is None


async def test_a_click_from_another_workspace_does_nothing(stage):
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.until_private(MARA, "You may not decide")
    payload = dict(stage.slack.last_payload)
    payload["user"] = {"id": BOB, "team_id": OTHER}
    payload["team"] = {"id": OTHER}

    await stage.slack.deliver(payload, "interactive")

    await stage.until_private(BOB, "it belongs to another workspace")
    assert stage.request().state == "waiting"


async def test_an_account_that_slack_does_not_know_may_do_nothing(stage):
    ts = await stage.ask()
    stage.slack.faults.add("users.info", "error", error="user_not_found")

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "Slack did not say who you are")
    assert stage.request().state == "waiting"


async def test_many_strangers_who_press_leave_the_accounts_of_approvers_to_be_read(stage):
    """With many members instead of one: Slack reads some 100 accounts a minute."""
    ts = await stage.ask()
    people = [f"U0MEMBER{number:03}" for number in range(STRANGERS_A_MINUTE + 30)]
    for each in people:
        stage.slack.workspace.users[each] = User(each, each.lower(), each.title())
        stage.slack.workspace.channels[CHANNEL].members.append(each)
    before = reads(stage, "users.info")

    for each in people:
        await stage.press(each, ts)

    assert reads(stage, "users.info") - before == STRANGERS_A_MINUTE
    await stage.until_private(people[-1], "Slack did not say who you are, so nothing was done.")
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    stage.clock.advance(minutes=1, seconds=1)
    ack = await stage.slack.slash(people[-1], CHANNEL, "/billemail BR-00000001")
    assert "did not say who you are" not in ack.text
    assert reads(stage, "users.info") - before > STRANGERS_A_MINUTE


GRID = {"enterprise_user": {"teams": [OWN, OTHER]}}


@pytest.mark.parametrize(
    ("account", "team", "may"),
    [
        ({"team_id": OWN}, OWN, True),
        ({"team_id": OWN} | GRID, OWN, True),
        ({"team_id": OTHER} | GRID, OWN, True),
        ({"team_id": OWN} | GRID, OTHER, True),
        ({"team_id": OWN}, OTHER, False),
        ({"team_id": OTHER}, OWN, False),
        ({"team_id": OWN} | GRID, "T0THIRD", False),
        ({"team_id": OTHER, "enterprise_user": {"teams": [OTHER]}}, OTHER, False),
        ({"team_id": OTHER, "enterprise_user": None}, OTHER, False),
        ({"team_id": OWN, "is_restricted": True} | GRID, OWN, False),
        ({"team_id": OWN}, "", False),
        ({}, OWN, False),
        (None, OWN, False),
    ],
)
def test_a_member_of_the_same_organization_is_one_of_ours(account, team, may):
    assert (barred(account, team, OWN) == "") is may


# What was read holds for a minute


async def test_who_was_in_the_group_a_minute_ago_is_asked_for_again(stage):
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.until_private(MARA, "You may not decide")
    group(stage).members.append(MARA)
    before = reads(stage, "usergroups.users.list")

    await stage.pass_time(seconds=59)
    await stage.press(MARA, ts)
    await stage.quiet()
    assert stage.request().state == "waiting"
    assert reads(stage, "usergroups.users.list") == before

    await stage.pass_time(seconds=1)
    await stage.press(MARA, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert reads(stage, "usergroups.users.list") == before + 1


async def test_who_left_a_minute_ago_is_let_in_no_longer(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts, "reject")
    stage.slack.workspace.users[BOB].deleted = True
    group(stage).members.remove(CARLA)
    await stage.pass_time(seconds=60)

    await stage.press(BOB, ts)
    await stage.press(CARLA, ts)

    await stage.until_private(BOB, "it is deactivated")
    await stage.until_private(CARLA, "You may not decide")
    assert stage.request().state == "waiting"


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("error", {"error": "plan_upgrade_required"}),
        ("error", {"error": "no_such_subteam"}),
        ("ratelimited", {}),
        ("status", {"code": 503}),
        ("drop", {}),
    ],
)
async def test_a_group_that_cannot_be_read_lets_nobody_in(stage, kind, how):
    ts = await stage.ask()
    stage.slack.faults.add("usergroups.users.list", kind, times=2, **how)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "Slack did not say who is in the user group")
    assert stage.request().state == "waiting"
    refused = stage.store.history.all()[-1].entry
    assert refused.data["refusal"] == "group_unreadable"


async def test_what_was_read_before_does_not_help_when_it_is_old_and_cannot_be_read_anew(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts, "reject")  # the group is read, and known to hold BOB
    await stage.pass_time(seconds=60)
    stage.slack.faults.add("usergroups.users.list", "status", code=500)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "Slack did not say who is in the user group")
    assert stage.request().state == "waiting"


async def test_a_group_that_slack_is_too_slow_to_name_lets_nobody_in(stage, monkeypatch):
    ts = await stage.ask()
    stage.slack.faults.add("usergroups.users.list", "slow", seconds=30)
    monkeypatch.setattr("bot.slack.people.SECONDS_TO_ANSWER", 1.0)  # enough for who BOB is

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "Slack did not say who is in the user group")
    assert stage.request().state == "waiting"
    stage.clock.advance(seconds=30)


async def test_a_new_colleague_may_as_soon_as_the_group_says_so(stage):
    stage.slack.workspace.users["U0NEW"] = User("U0NEW", "new", "New Colleague")
    stage.slack.workspace.channels[CHANNEL].members.append("U0NEW")
    group(stage).members.append("U0NEW")
    ts = await stage.ask()

    await stage.press("U0NEW", ts)

    await stage.until_card(ts, "Accepted by Zuora")
    assert stage.request().decided_by == "U0NEW"


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        ({"tz": "America/New_York", "tz_offset": -18000}, "21 Nov 2026 06:00 EST"),
        ({"tz": "Asia/Dubai", "tz_offset": 14400}, "21 Nov 2026 15:00 UTC+04"),
        ({"tz": "Mars/Olympus", "tz_offset": 19800}, "21 Nov 2026 16:30 UTC+05:30"),
        ({"tz": "../../etc/passwd", "tz_offset": "x"}, "21 Nov 2026 11:00 UTC"),
        ({"tz": None, "tz_offset": 10**9}, "21 Nov 2026 11:00 UTC"),
        ({}, "21 Nov 2026 11:00 UTC"),
    ],
)
async def test_a_time_at_a_field_is_in_the_zone_of_whoever_typed(account, shown):
    assert (
        in_zone("Ask again after 21 Nov 2026 11:00 UTC, or now.", zone_of(account))
        == f"Ask again after {shown}, or now."
    )
