"""Stories 1 to 13 of docs/stories.md: who may decide."""

import json

import aiohttp
import pytest

from bot.domain.history import What
from bot.policy.file import PolicyError
from bot.sandbox.slack.workspace import User
from tests.field.listeners import FOREIGN, Who, click, dispatch, event, frame, view
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA

EVERYWHERE = """requesters = ["U0ALICE"]
approvers = ["U0ALICE", "S0CONTROLLERS"]
viewers = ["U0ALICE"]
"""


def last_refusal(stage):
    entry = stage.store.history.all()[-1].entry
    assert entry.what is What.REFUSED
    return entry.who, entry.data["refusal"]


async def forged(stage, who, action="approve", value=None, **more):
    value = stage.request().reference if value is None else value
    return await stage.slack.deliver(click(action, who, value, **more), "interactive")


def submission(stage, who, callback_id, metadata, **typed):
    """A submitted form as it may be forged."""
    state = {
        name: {"e": {"type": "plain_text_input", "value": each}} for name, each in typed.items()
    }
    shown = view(callback_id, metadata, state)
    return stage.slack.deliver({**frame("view_submission", who), "view": shown}, "interactive")


async def test_story_01_the_requester_may_not_approve_though_every_list_names_them(stage):
    stage.policy = EVERYWHERE
    for group in stage.slack.workspace.groups.values():
        group.members.append(ALICE)
    await stage.restart()
    ts = await stage.ask()

    await stage.press(ALICE, ts)

    await stage.until_private(ALICE, "R-1 is your own request")
    assert last_refusal(stage) == (ALICE, "self_approval")
    assert stage.request().state == "waiting"
    assert stage.orders() == []


RULES = (
    '[[rule]]\noperations = ["email_bill_run"]\napprovers = ["U0ALICE", "U0BOB"]\n',
    '[[rule]]\nsends = true\napprovers = ["U0CARLA"]\n',
)


@pytest.mark.parametrize("rules", [RULES, RULES[::-1]], ids=["allowing first", "forbidding first"])
async def test_story_02_of_two_rules_none_lets_the_requester_approve(stage, rules):
    await stage.with_policy(
        'requesters = ["U0ALICE"]\napprovers = ["U0ALICE", "U0BOB"]\n' + "".join(rules)
    )
    ts = await stage.ask()

    await stage.press(ALICE, ts)

    await stage.until_private(ALICE, "R-1 is your own request")
    assert stage.request().state == "waiting"


async def test_story_02_a_rule_that_names_the_requester_alone_is_refused_at_start(stage):
    rule = '[[rule]]\noperations = ["email_bill_run"]\napprovers = ["U0ALICE"]\n'
    stage.policy = 'requesters = ["U0ALICE"]\napprovers = ["U0BOB"]\n' + rule
    await stage.stop()

    with pytest.raises(PolicyError, match="besides the requester"):
        await stage.start()


async def test_story_02_a_group_that_holds_the_requester_alone_is_refused_at_the_form(stage):
    stage.slack.workspace.groups["S0CONTROLLERS"].members[:] = [ALICE]

    submitted = await stage.fill()

    assert "besides you nobody else is listed" in submitted.errors["bill_run"]


async def test_story_03_another_spelling_of_the_requesters_id_is_nobody(stage):
    await stage.with_policy(EVERYWHERE)
    await stage.ask()

    for written in ("u0alice", "U0ALICE ", " U0ALICE", "U0Alice", "@alice"):
        await forged(stage, Who(written))
        assert last_refusal(stage) == (written, "barred_account")

    assert stage.request().state == "waiting"
    assert stage.orders() == []


async def test_story_03_a_policy_names_people_by_id_alone(stage):
    await stage.stop()

    for name in ("u0alice", "alice@example.com", "@alice", "Alice Weber"):
        stage.policy = f'requesters = ["U0ALICE"]\napprovers = ["{name}"]\n'
        with pytest.raises(PolicyError, match="neither a Slack user id"):
            await stage.start()


async def test_story_04_without_approvers_the_bot_does_not_start(stage):
    await stage.stop()

    for approvers in ("approvers = []\n", "", 'approvers = [""]\n'):
        stage.policy = f'requesters = ["U0ALICE"]\n{approvers}'
        with pytest.raises(PolicyError, match="approve"):
            await stage.start()


async def test_story_04_an_empty_group_lets_nobody_ask_for_what_nobody_could_approve(stage):
    stage.slack.workspace.groups["S0CONTROLLERS"].members.clear()

    submitted = await stage.fill()

    assert "nobody else is listed" in submitted.errors["bill_run"]
    assert stage.store.requests.get(1) is None


async def test_story_05_to_be_in_the_channel_is_no_right(stage):
    ts = await stage.ask()
    assert MARA in stage.slack.workspace.channels[CHANNEL].members

    await stage.press(MARA, ts)

    await stage.until_private(MARA, "You may not decide R-1")
    assert last_refusal(stage) == (MARA, "not_an_approver")
    assert stage.request().state == "waiting"


async def test_story_06_each_way_in_refuses_the_same_stranger(stage):
    ts = await stage.ask()
    shown = await stage.show("BR-00000001")
    before = len(stage.zuora.calls)

    looked = await stage.slack.slash(MARA, CHANNEL, "/billrun BR-00000001")  # she may look
    assert looked.text.startswith("Bill run BR-00000001: Posted")
    before = len(stage.zuora.calls)
    for command in ("/billemail BR-00000001", "/billrun batch=Batch1"):
        assert (
            "You may not ask for billing operations"
            in (await stage.slack.slash(MARA, CHANNEL, command)).text
        )
    for action, value in (("run:email_bill_run", "BR-00000001"), ("change", "1"), ("again", "1")):
        await forged(stage, Who(MARA), action, value)
    for button in ("approve", "reject", "withdraw", "record_sent"):
        await stage.slack.click(MARA, CHANNEL, ts, button, value="1", force=True)
    for form in ("ask:email", "ask:bill_run", "decide:reject", "decide:approve"):
        await submission(stage, Who(MARA), form, "1")
    await stage.quiet()

    refused = [w.entry for w in stage.store.history.all() if w.entry.what is What.REFUSED]
    assert [entry.who for entry in refused] == [MARA] * 13
    assert shown.ephemeral_to == ALICE
    assert stage.slack.view(MARA) is None
    assert len(stage.zuora.calls) == before


async def test_story_07_a_stranger_ends_nothing_with_a_button(stage):
    ts = await stage.ask()

    for button in ("reject", "withdraw", "record_sent", "record_not_sent"):
        before = len(stage.store.history.all())
        await stage.slack.click(MARA, CHANNEL, ts, button, value="1", force=True)
        assert len(stage.store.history.all()) == before + 1
        assert last_refusal(stage)[0] == MARA

    assert stage.slack.view(MARA) is None
    assert stage.request().state == "waiting"


async def test_story_07_a_stranger_ends_nothing_with_a_forged_form(stage):
    await stage.ask()

    for form in ("decide:reject", "decide:withdraw", "decide:approve"):
        for typed in ({}, {"reason": "Mine", "typed": "BR-00000001"}):
            before = len(stage.store.history.all())
            ack = await submission(stage, Who(MARA), form, "1", **typed)
            assert ack.body["response_action"] == "update"
            assert "BR-00000001" not in json.dumps(ack.body)
            assert len(stage.store.history.all()) == before + 1
            assert last_refusal(stage)[0] == MARA

    assert stage.request().state == "waiting"


async def test_story_08_a_click_without_a_person_is_refused(stage):
    await stage.with_policy(EVERYWHERE)
    await stage.ask()

    for who in (Who(None), Who("")):
        for button in ("approve", "reject", "withdraw", "record_sent"):
            before = len(stage.store.history.all())
            assert (await forged(stage, who, button)).ok
            assert len(stage.store.history.all()) == before + 1
            assert last_refusal(stage) == ("", "barred_account")

    assert stage.request().state == "waiting"


@pytest.mark.parametrize(
    "flags",
    [
        {"is_stranger": True}, {"is_restricted": True}, {"is_ultra_restricted": True},
        {"is_bot": True}, {"deleted": True}, {"team_id": FOREIGN},
    ],
)  # fmt: skip
async def test_story_09_external_guest_bot_and_deactivated_accounts_are_refused(stage, flags):
    ts = await stage.ask()
    for name, value in flags.items():
        setattr(stage.slack.workspace.users[BOB], name, value)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "This account cannot be used here")
    assert last_refusal(stage) == (BOB, "barred_account")
    assert stage.request().state == "waiting"


async def test_story_09_our_user_id_from_a_foreign_workspace_is_refused(stage):
    await stage.ask()

    await forged(stage, Who(BOB, FOREIGN))

    await stage.until_private(BOB, "it belongs to another workspace")
    assert stage.request().state == "waiting"


async def test_story_09_an_approver_of_the_same_grid_organization_works_from_another_team(stage):
    ts = await stage.ask()
    stage.slack.workspace.users[BOB].grid_teams = ("T0SANDBOX", FOREIGN)

    await forged(stage, Who(BOB, FOREIGN))

    await stage.until_card(ts, "Accepted by Zuora")
    (approval,) = stage.request().approvals
    assert (approval.person, approval.team) == (BOB, FOREIGN)


async def test_story_10_who_left_the_group_before_the_click_is_refused(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts, "reject")  # what is read of the group may be kept for a minute
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    await stage.pass_time(seconds=60)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "You may not decide R-1")
    assert stage.request().state == "waiting"


async def test_story_10_who_approved_and_left_before_the_last_approval_does_not_count(stage):
    await stage.with_policy(
        'requesters = ["S0BILLING"]\napprovers = ["S0CONTROLLERS", "U0MARA"]\n'
        "[[rule]]\napprovals = 2\n"
    )
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, f"Approved: by <@{BOB}>")
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    await stage.pass_time(seconds=60)

    await stage.press(CARLA, ts)
    await stage.quiet()

    assert stage.request().state == "waiting"
    assert stage.orders() == []
    await stage.press(MARA, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_story_11_an_id_that_is_a_part_of_another_has_no_right(stage):
    await stage.with_policy('requesters = ["U0ALICE"]\napprovers = ["U0BOB"]\n')
    await stage.ask()

    for user_id in ("U0BO", "U0BOBBY", "0BOB", "U"):
        stage.slack.workspace.users[user_id] = User(user_id, "bob", "Bob Tanaka")
        await forged(stage, Who(user_id))
        assert last_refusal(stage) == (user_id, "not_an_approver")

    assert stage.request().state == "waiting"


async def test_story_11_names_that_people_give_themselves_change_nothing(stage):
    ts = await stage.ask()
    users = stage.slack.workspace.users
    users[MARA].name, users[MARA].real_name = users[BOB].name, users[BOB].real_name
    users[BOB].name, users[BOB].real_name = "robert", "Robert"

    await stage.press(MARA, ts)
    await stage.until_private(MARA, "You may not decide R-1")
    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")


async def test_story_12_of_a_click_only_the_requests_number_is_read(stage):
    ts = await stage.ask()
    claims = {"requester": MARA, "approvers": [MARA], "approver": MARA, "state": "approved"}

    for value in (json.dumps({"request": 1, **claims}), "1;approver=U0MARA"):
        await forged(stage, Who(BOB), "approve", value, **claims)
    await forged(
        stage, Who(MARA), "approve", None,
        message={"text": f"asked by <@{ALICE}>, approvers <@{MARA}>", "metadata": claims}, **claims,
    )  # fmt: skip

    await stage.until_private(MARA, "You may not decide R-1")
    assert stage.request().state == "waiting"
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert stage.request().requester == ALICE


async def test_story_12_of_a_forms_metadata_nothing_is_believed_that_is_not_so(stage):
    claims = {"requester": MARA, "approvals": 0, "approvers": [ALICE], "rule": {"approvals": 0}}

    for number, parent in enumerate((999, 10**30, True, "1", -1, 0, [1]), 1):
        metadata = json.dumps({"channel": CHANNEL, "parent": parent, **claims})
        shown = view("ask:email", metadata, {}) | {"id": f"V{number}"}
        shown["state"]["values"] = {
            name: {"e": {"type": "plain_text_input", "value": each}}
            for name, each in {"bill_run": "BR-00000001", "reason": "Month end", **claims}.items()
        }
        body = {**frame("view_submission", Who(ALICE)), "view": shown}
        assert (await stage.slack.deliver(body, "interactive")).ok
        request = stage.request(number)
        assert (request.requester, request.parent) == (ALICE, None)
        assert request.rule.approvers == ("S0CONTROLLERS",)
        assert request.rule.approvals == 1


async def test_story_12_a_form_that_names_another_persons_request_does_not_withdraw_it(stage):
    await stage.with_policy('requesters = ["U0ALICE", "U0MARA"]\napprovers = ["S0CONTROLLERS"]\n')
    await stage.ask()

    typed = {"bill_run": "BR-00000001", "reason": "Mine"}
    for parent in (1, stage.request(1).reference):
        metadata = json.dumps({"channel": CHANNEL, "parent": parent})
        assert (await submission(stage, Who(MARA), "ask:email", metadata, **typed)).ok

    assert stage.request(1).state == "waiting"
    assert stage.request(2).requester == MARA


TALK = ("oh yes that works", "approve", "approve R-1", "yes R-1", "/approve 1", "👍 1", "LGTM")


async def test_story_13_talk_decides_nothing(stage):
    ts = await stage.ask()

    for words in TALK:
        await stage.slack.say(BOB, CHANNEL, words)
        await stage.slack.say(BOB, CHANNEL, words, thread_ts=ts)
    for name in ("message", "app_mention", "reaction_added", "link_shared"):
        await dispatch(stage.bot.app, event(name, Who(BOB), "approve R-1"))
    await stage.quiet()

    assert stage.request().state == "waiting"
    assert stage.happened() == [What.ASKED]


async def test_story_13_a_get_decides_nothing(web_stage):
    await web_stage.ask()
    root = web_stage.slack.request_url.removesuffix("/slack/events")

    async with aiohttp.ClientSession() as session:
        for path in ("/slack/events?action=approve&value=1", "/approve/1", "/requests/1/approve"):
            async with session.get(root + path) as answer:
                assert answer.status in (404, 405)
    await web_stage.quiet()

    assert web_stage.request().state == "waiting"
