"""Several approvals, reminders, the largest tier, and asking again: who counts, and for how long."""

import pytest

from bot.domain.authority import Person, Refusal, Verb
from bot.domain.named import named
from bot.workflow.decide import decide
from bot.workflow.decision import Decision, Declined
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA

TWO = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS", "U0MARA"]
viewers = ["S0FINANCE"]

[[rule]]
operations = ["email_bill_run"]
approvals = 2
remind_after = ["1h", "4h"]
expires_after = "8h"
"""
AGAIN = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS", "U0MARA"]

[[rule]]
mails_again = true
approvals = 2
"""
LARGEST = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
operations = ["email_bill_run"]
above = { USD = "100.00" }
"""


@pytest.fixture
async def two(stage):
    """A stage on which two people must approve."""
    await stage.with_policy(TWO)
    return stage


async def test_two_distinct_people_are_needed_and_the_card_shows_who_has_approved(two):
    ts = await two.ask()
    assert "waiting for two approvals from <!subteam^S0CONTROLLERS>, <@U0MARA>" in two.card(ts)

    await two.press(BOB, ts, "note")
    assert (
        await two.slack.submit(BOB, {"reason": f"Only if revenue agrees{' with it' * 9} too"})
    ).ok
    await two.until_card(ts, f"Approved: by <@{BOB}>")

    assert "(“Only if revenue agrees with it" in two.card(ts)
    assert "…”)" in two.card(ts)  # it leaves room for the button
    assert " too”)" in await two.details(ts)
    assert "waiting for one more approval from" in two.card(ts)
    assert two.orders() == []
    await two.press(CARLA, ts)
    await two.until_card(ts, "Accepted by Zuora")
    assert f" and by <@{CARLA}>" in two.card(ts)
    assert len(two.orders()) == 1


async def test_mailing_again_can_take_more_approvals_than_mailing_once(stage):
    await stage.with_policy(AGAIN)
    stage.zuora.world.add_bill_run(
        "BR-00000003", invoices=[("A00000001", "USD", "5.00")], mailed_at=stage.clock.now()
    )

    once = await stage.ask()
    again = await stage.ask(text="BR-00000003", resend=["yes"])

    assert "waiting for one approval from " in stage.card(once)
    assert "waiting for two approvals from " in stage.card(again)


async def test_the_same_person_counts_once_however_many_lists_they_are_in(two):
    two.policy = TWO.replace('"U0MARA"', '"U0BOB"')
    await two.restart()
    ts = await two.ask()

    await two.press(BOB, ts)
    await two.press(BOB, ts)

    await two.until_private(BOB, "You already approved R-1. One more person must approve.")
    assert two.request().state == "waiting"


async def test_who_was_removed_between_the_first_and_the_last_approval_does_not_count(two):
    ts = await two.ask()
    await two.press(BOB, ts)
    await two.until_card(ts, f"Approved: by <@{BOB}>")
    two.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    await two.pass_time(seconds=61)

    await two.press(CARLA, ts)
    await two.quiet()

    assert two.request().state == "waiting"
    await two.press(MARA, ts)
    await two.until_card(ts, "Accepted by Zuora")
    assert len(two.orders()) == 1


async def test_if_earlier_approvers_cannot_be_read_the_click_is_refused(two):
    ts = await two.ask()
    await two.press(BOB, ts)
    await two.until_card(ts, f"Approved: by <@{BOB}>")
    await two.pass_time(seconds=61)
    two.slack.faults.add("usergroups.users.list", "status", code=500, times=3)

    await two.press(MARA, ts)  # named by id: her own right is known, Bob's is not

    await two.until_private(MARA, "Slack did not say who is in the user group")
    assert two.request().state == "waiting"


async def test_one_rejection_ends_it_although_somebody_approved(two):
    ts = await two.ask()
    await two.press(BOB, ts)

    await two.reject(CARLA, ts, "Wrong month")

    await two.until_card(ts, "Rejected")
    assert two.orders() == []


async def test_a_rule_that_nobody_could_fulfil_is_refused_with_the_names(stage):
    await stage.with_policy(TWO.replace('"S0CONTROLLERS", "U0MARA"', '"U0ALICE", "U0BOB"'))

    submitted = await stage.fill()

    assert (
        "This needs 2 approvals from other people (rule 1 of the policy)"
        in (submitted.errors["bill_run"])
    )
    assert "only U0BOB is listed" in submitted.errors["bill_run"]


async def test_reminders_mention_only_those_who_may_act_and_have_not(two):
    ts = await two.ask()
    await two.press(BOB, ts)
    await two.quiet()

    await two.pass_time(hours=1)
    await two.until_thread(ts, "R-1 still waits for 1 approval")

    (reminder,) = [text for text in two.thread(ts) if "still waits" in text]
    assert f"<@{CARLA}>" in reminder
    assert f"<@{MARA}>" in reminder
    assert f"<@{BOB}>" not in reminder
    assert f"<@{ALICE}>" not in reminder
    await two.pass_time(hours=2)
    assert sum("still waits" in text for text in two.thread(ts)) == 1
    await two.pass_time(hours=1)
    assert sum("still waits" in text for text in two.thread(ts)) == 2
    await two.pass_time(hours=4)
    await two.until_card(ts, "Expired")
    assert two.orders() == []


async def test_reminders_that_were_missed_come_once(two):
    ts = await two.ask()
    await two.quiet()
    await two.stop()
    two.clock.advance(hours=5)

    await two.start()
    await two.until_thread(ts, "still waits")
    await two.quiet()

    assert sum("still waits" in text for text in two.thread(ts)) == 1


async def test_the_rule_in_force_when_it_was_asked_for_holds(two):
    ts = await two.ask()
    two.policy = 'requesters = ["S0BILLING"]\napprovers = ["U0BOB", "U0CARLA"]\n'
    await two.restart()

    await two.press(BOB, ts)
    await two.quiet()

    assert two.request().state == "waiting"
    await two.press(CARLA, ts)
    await two.until_card(ts, "Accepted by Zuora")


async def test_in_the_largest_tier_the_number_is_typed(stage):
    await stage.with_policy(LARGEST)
    ts = await stage.ask()

    await stage.press(BOB, ts)
    assert stage.request().state == "waiting"
    wrong = await stage.slack.submit(BOB, {"typed": "BR-00000002"})
    assert "Type BR-00000001" in wrong.errors["typed"]
    right = await stage.slack.submit(BOB, {"typed": "br-00000001"})

    assert right.ok
    await stage.until_card(ts, "Accepted by Zuora")


async def test_a_forged_click_does_not_go_by_the_typing(stage):
    await stage.with_policy(LARGEST)
    await stage.ask()

    outcome = decide(
        stage.bot.parts,
        Decision(
            verb=Verb.APPROVE,
            name=named(stage.request().reference),
            person=Person(user_id=BOB, team_id="T0SANDBOX", memberships={"S0CONTROLLERS": True}),
            readable=True,
        ),
    )

    assert isinstance(outcome, Declined)
    assert outcome.refusal is Refusal.NUMBER_NOT_TYPED
    assert stage.request().state == "waiting"


async def test_a_rejected_request_is_changed_and_asked_again_as_a_new_one(stage):
    ts = await stage.ask(reason="First try")
    await stage.reject(BOB, ts, "Say more")
    await stage.until_card(ts, "Rejected")
    await stage.until_thread(ts, f"Say more. Nothing was sent, <@{ALICE}>.")
    line = stage.slack.thread(CHANNEL, ts)[-1]
    assert "change" in str(line.blocks)

    await stage.slack.click(ALICE, CHANNEL, ts, "change")
    view = {block.get("block_id"): block for block in stage.slack.view(ALICE)["blocks"]}
    assert view["bill_run"]["element"]["initial_value"] == "BR-00000001"
    assert view["reason"]["element"]["initial_value"] == "First try"
    submitted = await stage.slack.submit(ALICE, {"reason": "November, checked with revenue"})

    assert submitted.ok
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 2)
    assert stage.request(2).parent == 1
    await stage.until_card(ts, "Asked again: as R-2")
    assert stage.buttons(ts) == ["details"]
    again = stage.slack.channel_messages(CHANNEL)[-1].ts
    assert "continues R-1" in stage.card(again)
    await stage.press(BOB, again)
    await stage.until_card(again, "Accepted by Zuora")


async def test_strangers_clicks_are_answered_and_recorded(stage):
    ts = await stage.ask()

    await stage.press(MARA, ts)
    await stage.until_private(MARA, "You may not decide R-1")

    refused = [w.entry for w in stage.store.history.of(1) if w.entry.what == "refused"]
    assert [(entry.who, entry.data["refusal"]) for entry in refused] == [(MARA, "not_an_approver")]
