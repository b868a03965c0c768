"""A change of the policy is posted, and confirmed by an approver who gains nothing by it."""

from pathlib import Path

import pytest

from bot.domain.history import Entry, What
from bot.domain.request import State
from bot.policy.file import read_policy
from bot.sandbox.slack.workspace import BOT_USER
from bot.workflow.policy_changes import CONFIRM, unconfirmed
from tests.audit.test_evidence import checked, made
from tests.audit.test_evidence import entries as listed_in
from tests.audit.test_for_people import sheets_of
from tests.audit.test_outside_the_bot import signed_by
from tests.postgres import only_sqlite
from tests.stage import ALICE, BOB, CARLA, MARA
from tests.stories.test_audit import AUDIT
from tests.stories.test_damaged_rows import drop_triggers

GENERAL = 'requesters = ["S0BILLING"]\napprovers = ["S0CONTROLLERS"]\n'
ADDED = 'requesters = ["S0BILLING"]\napprovers = ["S0CONTROLLERS", "U0MARA"]\n'


def entries(stage, what):
    return [each.entry for each in stage.store.history.all() if each.entry.what is what]


def with_channel(stage):
    stage.slack.workspace.channels[AUDIT].members += [BOT_USER, ALICE, BOB, CARLA, MARA]
    stage.changes["audit_channel"] = AUDIT


def notices(stage, user):
    return " ".join(each.text for each in stage.slack.private(user, AUDIT))


def posted(stage):
    return [m for m in stage.slack.channel_messages(AUDIT) if "policy of Billing Bot was" in m.text]


def direct(stage, user):
    messages = stage.slack.channel_messages(stage.slack.workspace.direct(user).id)
    return " ".join(each.text for each in messages)


@pytest.fixture
async def changed(stage):
    """Mara is made an approver, and what asks under that waits for a confirmation."""
    with_channel(stage)
    await stage.with_policy(GENERAL)
    await stage.quiet()
    stage.policy, stage.changes["policy_changes"] = ADDED, "confirm"
    await stage.restart()
    await stage.slack.until(lambda: len(posted(stage)) >= 1)
    await stage.quiet()
    return stage


async def confirm(stage, user):
    await stage.slack.click(user, AUDIT, posted(stage)[-1].ts, CONFIRM)


async def test_a_change_goes_to_the_channel_and_to_all_approvers_once(changed):
    stage = changed

    (row,) = [each for each in entries(stage, What.POLICY_POSTED) if MARA in each.data["to"]]
    assert row.data["to"] == sorted({BOB, CARLA, MARA})
    assert '+approvers = ["S0CONTROLLERS", "U0MARA"]' in posted(stage)[-1].text
    for user in (BOB, CARLA, MARA):
        await stage.slack.until(
            lambda user=user: "policy of Billing Bot was" in direct(stage, user)
        )
    number = len(posted(stage))
    await stage.restart()
    await stage.quiet()
    assert len(posted(stage)) == number


async def test_what_was_asked_under_it_waits_until_somebody_who_gains_nothing_confirms(changed):
    stage = changed
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.quiet()
    assert stage.request().state is State.APPROVED
    assert not stage.orders()
    assert any(
        "nobody has confirmed that yet: approvers have the button" in each
        for each in stage.thread(ts)
    )

    await confirm(stage, MARA)
    await stage.slack.until(
        lambda: (
            "you may not approve under the policy that was confirmed last" in notices(stage, MARA)
        )
    )
    await confirm(stage, ALICE)
    await stage.slack.until(
        lambda: (
            "you may not approve under the policy that was confirmed last" in notices(stage, ALICE)
        )
    )
    assert not entries(stage, What.POLICY_CONFIRMED)
    assert entries(stage, What.REFUSED)[-1].data["wanted"] == "confirm the policy"

    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    await stage.as_time_passes(lambda: stage.request().state is State.SUCCEEDED)
    (confirmed,) = entries(stage, What.POLICY_CONFIRMED)
    assert confirmed.who == CARLA
    await confirm(stage, BOB)
    await stage.slack.until(lambda: "confirmed already" in notices(stage, BOB))


async def change_to(stage, policy):
    """Another policy, and a start with it; its message in the channel."""
    number = len(posted(stage))
    stage.policy = policy
    await stage.restart()
    await stage.slack.until(lambda: len(posted(stage)) > number)


async def test_a_change_by_which_all_approvers_gain_is_confirmed_by_two_of_them(stage):
    with_channel(stage)
    stage.changes["policy_changes"] = "confirm"
    await change_to(stage, f"{GENERAL}[[rule]]\napprovals = 2\n")
    await confirm(stage, BOB)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, BOB))
    await change_to(stage, GENERAL)
    ts = await stage.ask()
    await stage.press(CARLA, ts)
    await stage.quiet()

    await confirm(stage, BOB)
    await stage.slack.until(lambda: "one more person must confirm it" in notices(stage, BOB))
    await stage.restart()
    await confirm(stage, BOB)
    await stage.slack.until(lambda: "you have confirmed it already" in notices(stage, BOB))
    await stage.quiet()
    assert stage.request().state is State.APPROVED
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    await stage.as_time_passes(lambda: stage.request().state is State.SUCCEEDED)

    rows = [each.data for each in entries(stage, What.POLICY_CONFIRMED)]
    assert [each["needed"] for each in rows] == [1, 2, 2]
    assert rows[2]["members"]["S0CONTROLLERS"] == sorted([BOB, CARLA])


async def test_who_gains_reads_what_they_gain_and_who_can_confirm(stage):
    """Bob approves mails too since then; Carla always did."""
    with_channel(stage)
    stage.changes["policy_changes"] = "confirm"
    mails = f'{GENERAL}[[rule]]\noperations = ["email_bill_run"]\napprovers = ["{CARLA}"]\n'
    await change_to(stage, mails)
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    await change_to(stage, mails.replace(f'["{CARLA}"]', f'["{CARLA}", "{BOB}"]'))
    await confirm(stage, BOB)
    await stage.slack.until(
        lambda: (
            "You cannot confirm this change of the policy: you gain by it: you may approve under rule 1 what only others could approve "
            "before. These can: <@U0CARLA>. If none of them is left, whoever changes the policy can do it in two steps"
            in notices(stage, BOB)
        )
    )
    assert len(entries(stage, What.POLICY_CONFIRMED)) == 1


async def test_where_too_few_are_left_to_confirm_it_nothing_is_recorded_and_two_steps_help(stage):
    """Bob alone approves, and what he approves waits longer since then."""
    with_channel(stage)
    stage.changes["policy_changes"] = "confirm"
    bob = GENERAL.replace("S0CONTROLLERS", BOB)
    mara_too = bob.replace(f'"{BOB}"', f'"{BOB}", "{MARA}"')
    hour = '[[rule]]\noperations = ["email_bill_run"]\nexpires_after = "1h"\n'
    await change_to(stage, bob + hour)
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    await change_to(stage, bob)
    before = len(entries(stage, What.POLICY_CONFIRMED))

    await confirm(stage, BOB)

    words = (
        "everybody who could confirm it gains by it, so 2 people must, and there is only one. "
        "Instead, whoever changes the policy can do it in two steps: first the policy from before with more approvers"
    )
    await stage.slack.until(lambda: words in notices(stage, BOB))
    assert len(entries(stage, What.POLICY_CONFIRMED)) == before
    await change_to(stage, mara_too + hour)
    await confirm(stage, BOB)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, BOB))
    await change_to(stage, mara_too)
    await confirm(stage, BOB)
    await stage.slack.until(lambda: "one more person must confirm it" in notices(stage, BOB))
    await confirm(stage, MARA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, MARA))


async def test_where_whoever_gains_nothing_has_left_slack_two_steps_help(stage):
    """Only Carla approved mails, by her id; Bob is to do so in her place."""
    with_channel(stage)
    stage.changes["policy_changes"] = "confirm"
    mails = f'{GENERAL}[[rule]]\noperations = ["email_bill_run"]\napprovers = ["{CARLA}"]\n'
    mara_too = mails.replace(f'["{CARLA}"]', f'["{CARLA}", "{MARA}"]')
    await change_to(stage, mails)
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    stage.slack.workspace.users[CARLA].deleted = True
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(CARLA)

    await change_to(stage, mara_too)
    await confirm(stage, BOB)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, BOB))
    await change_to(stage, mails.replace(f'["{CARLA}"]', f'["{BOB}"]'))
    await confirm(stage, MARA)

    await stage.slack.until(lambda: "Confirmed." in notices(stage, MARA))


async def test_a_second_change_is_compared_with_the_last_that_was_confirmed(changed):
    """Mara approves since the first change, and nobody has confirmed that; the second one gives her nothing."""
    stage = changed
    await change_to(stage, f"# reviewed\n{ADDED}")
    await confirm(stage, MARA)
    await stage.slack.until(
        lambda: (
            "you may not approve under the policy that was confirmed last. These can: <@U0BOB>, <@U0CARLA>."
            in notices(stage, MARA)
        )
    )
    assert not entries(stage, What.POLICY_CONFIRMED)


async def test_a_policy_that_is_put_back_needs_no_confirmation(changed):
    stage = changed
    await change_to(stage, entries(stage, What.POLICY_CHANGED)[0].data["text"])
    assert "so nothing has to be confirmed" in posted(stage)[-1].text
    ts = await stage.ask()
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_a_confirmation_that_is_lost_with_a_restored_backup_counts_no_more(changed):
    def waits_for():
        policy = stage.store.history.last_of(What.POLICY_CHANGED).entry.data["new"]
        return unconfirmed(stage.store, policy)

    stage = changed
    await stage.stop()
    put_back = stage.keep_the_database()
    await stage.start()
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    assert not waits_for()
    await stage.stop()
    put_back()
    await stage.start()
    assert waits_for()


@only_sqlite
async def test_a_denial_that_cannot_be_read_denies_what_its_person_had_confirmed(changed):
    stage = changed
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    await stage.quiet()
    policy = stage.store.history.last_of(What.POLICY_CHANGED).entry.data["new"]
    assert not unconfirmed(stage.store, policy)

    drop_triggers(stage, "history")
    for who in (BOB, CARLA):
        entry = Entry(what=What.STATEMENT_DENIED, who=who, data={"rows": []})
        with stage.store.transaction():
            head = stage.store.history.append(entry, stage.clock.now())
            stage.store._database.execute(
                "UPDATE history SET data = 'damaged' WHERE sequence = ?", [head.sequence]
            )
        assert bool(unconfirmed(stage.store, policy)) is (who == CARLA)


@only_sqlite
async def test_a_change_that_cannot_be_read_is_not_confirmed_and_the_next_start_posts_it_anew(
    changed,
):
    stage = changed
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.quiet()
    drop_triggers(stage, "history")
    (row,) = stage.store._database.execute(
        "SELECT MAX(sequence) FROM history WHERE what = 'policy.changed'"
    ).fetchone()
    stage.store._database.execute("UPDATE history SET data = 'damaged' WHERE sequence = ?", [row])

    await stage.pass_time(hours=2)
    assert stage.request().state is State.APPROVED
    assert stage.orders() == []

    number = len(posted(stage))
    await stage.restart()
    await stage.slack.until(lambda: len(posted(stage)) > number)
    await stage.quiet()
    await confirm(stage, CARLA)
    await stage.as_time_passes(lambda: stage.request().state is State.SUCCEEDED)


async def test_with_tell_nothing_waits_and_that_it_is_not_confirmed_stays_in_the_evidence(
    stage, tmp_path
):
    with_channel(stage)
    await stage.with_policy(GENERAL)
    await stage.with_policy(ADDED)
    await stage.slack.until(lambda: bool(posted(stage)))
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    _, out = await made(stage, tmp_path)

    kinds = [each["what"] for each in listed_in(out, "policy_changes.jsonl")]
    assert "policy.posted" in kinds
    assert "policy.confirmed" not in kinds


async def test_a_button_that_names_no_change_confirms_nothing(changed):
    stage = changed
    ts = posted(stage)[-1].ts
    values = ("", "1", "999.abc", "1.0000000000000000", "x.y", "1." * 50)
    for number, value in enumerate(values, 1):
        block = {"type": "button", "value": value}
        await stage.slack.click(CARLA, AUDIT, ts, CONFIRM, force=True, block=block)

        await stage.slack.until(
            lambda number=number: notices(stage, CARLA).count("does not know this change") == number
        )
        assert not entries(stage, What.POLICY_CONFIRMED), value
        refused = [each.data["refusal"] for each in entries(stage, What.REFUSED)]
        assert refused == ["no_such_change"] * number, value


async def test_who_is_in_the_groups_is_recorded_at_a_start_and_when_it_changes(stage, tmp_path):
    (at_start,) = entries(stage, What.GROUPS)
    assert at_start.data["groups"]["S0CONTROLLERS"] == sorted([BOB, CARLA])

    await stage.pass_time(minutes=6)
    assert len(entries(stage, What.GROUPS)) == 1
    stage.slack.workspace.groups["S0CONTROLLERS"].members.append(MARA)
    await stage.pass_time(minutes=6)
    await stage.until(lambda: len(entries(stage, What.GROUPS)) == 2)

    (change,) = entries(stage, What.GROUPS)[1:]
    assert change.data["changed"] == {"S0CONTROLLERS": {"came": [MARA], "went": []}}
    _, out = await made(stage, tmp_path)
    assert len(listed_in(out, "people.jsonl")) == 2


async def test_who_approves_as_a_new_member_of_a_group_stands_in_it_by_a_row_before(
    stage, tmp_path
):
    stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
    ts = await stage.ask()
    stage.slack.workspace.groups["S0CONTROLLERS"].members.append(MARA)
    await stage.press(MARA, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    rows = [each.entry for each in stage.store.history.all()]
    change, approved = [each for each in rows if each.what in {What.GROUPS, What.APPROVED}][1:]
    assert change.data["changed"] == {"S0CONTROLLERS": {"came": [MARA], "went": []}}
    assert approved.who == MARA
    result, out = await made(stage, tmp_path)
    assert result.exit_code == 0, result.output
    assert checked(out).exit_code == 0, checked(out).output


@pytest.mark.parametrize("what", [What.REJECTED, What.EXPLAINED])
async def test_who_decides_otherwise_as_a_new_member_stands_in_the_group_by_a_row_before(
    stage, tmp_path, what
):
    run = stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
    ts = await stage.ask()
    stage.slack.workspace.groups["S0CONTROLLERS"].members.append(MARA)
    if what is What.REJECTED:
        await stage.reject(MARA, ts, "Not agreed")
    else:
        await signed_by(stage, MARA, run.number, "The bot was down")
    await stage.quiet()
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(MARA)

    rows = [each.entry for each in stage.store.history.all()]
    change, decided = [each for each in rows if each.what in {What.GROUPS, what}][1:3]
    assert change.data["changed"] == {"S0CONTROLLERS": {"came": [MARA], "went": []}}
    assert decided.who == MARA
    await stage.restart()  # and lists the group without her
    _, out = await made(stage, tmp_path)
    assert checked(out).exit_code == 0, checked(out).output


async def test_who_was_in_a_group_that_slack_did_not_list_at_a_start_is_recorded_before_an_approval(
    stage, tmp_path
):
    stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
    await stage.stop()
    stage.slack.faults.add("usergroups.users.list", "status", code=500, times=99)
    await stage.start()
    stage.slack.faults.clear()
    assert set(entries(stage, What.GROUPS)[-1].data["groups"].values()) == {None}
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    by_row = {each.what: each for each in (row.entry for row in stage.store.history.all())}
    assert [*by_row].index(What.GROUPS) < [*by_row].index(What.APPROVED)
    assert by_row[What.GROUPS].data["groups"]["S0CONTROLLERS"] == sorted([BOB, CARLA])
    result, out = await made(stage, tmp_path)
    assert result.exit_code == 0, result.output
    assert checked(out).exit_code == 0, checked(out).output
    listed = {row[4] for row in sheets_of(out)["People and groups"][1:] if row[3] == "S0BILLING"}
    assert "not known: Slack did not list it" in listed


async def test_who_asks_as_a_new_member_of_a_group_stands_in_it_by_a_row_before(stage, tmp_path):
    stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
    stage.slack.workspace.groups["S0BILLING"].members.append(MARA)
    ts = await stage.ask(MARA)
    stage.slack.workspace.groups["S0BILLING"].members.remove(MARA)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    rows = [each.entry for each in stage.store.history.all()]
    change, asked = [each for each in rows if each.what in {What.GROUPS, What.ASKED}][1:3]
    assert change.data["changed"] == {"S0BILLING": {"came": [MARA], "went": []}}
    assert (asked.who, asked.data["groups"]) == (MARA, ["S0BILLING"])
    result, out = await made(stage, tmp_path)
    assert result.exit_code == 0, result.output
    assert checked(out).exit_code == 0, checked(out).output


async def test_a_policy_that_was_put_back_can_be_confirmed_once_the_one_between_is(changed):
    """Its message had no button, as nothing had to be confirmed; then somebody confirms the one between."""
    stage = changed
    between = posted(stage)[-1].ts
    await change_to(stage, entries(stage, What.POLICY_CHANGED)[0].data["text"])
    await stage.quiet()
    await stage.slack.click(CARLA, AUDIT, between, CONFIRM)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    ts = await stage.ask()
    await stage.press(CARLA, ts)
    await stage.quiet()
    await stage.pass_time(minutes=5)

    if stage.request().state is State.APPROVED:
        await confirm(stage, BOB)
        await stage.slack.until(lambda: "Confirmed." in notices(stage, BOB))
        await stage.as_time_passes(lambda: stage.request().state is State.SUCCEEDED)
    assert stage.request().state is State.SUCCEEDED


def read_again(stage, policy):
    """What a SIGHUP does with another policy file."""
    stage.policy = policy
    settings = stage.settings()
    stage.bot.follow(settings, read_policy(Path(settings.policy_file), settings.places))


async def test_a_change_that_is_put_back_within_a_minute_is_posted_too(stage):
    """Mara approves in between; the next look is up to a minute later, and only at the latest change."""
    with_channel(stage)
    await change_to(stage, GENERAL)
    number = len(posted(stage))
    read_again(stage, ADDED)
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    read_again(stage, GENERAL)
    for _ in range(3):
        await stage.pass_time(seconds=61)

    assert len(entries(stage, What.POLICY_CHANGED)) >= 3
    assert '+approvers = ["S0CONTROLLERS", "U0MARA"]' in " ".join(
        each.text for each in posted(stage)[number:]
    )


async def test_what_waits_under_a_change_that_another_one_followed_at_once_can_be_confirmed(stage):
    with_channel(stage)
    stage.changes["policy_changes"] = "confirm"
    await change_to(stage, GENERAL)
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    read_again(stage, ADDED)
    ts = await stage.ask()
    await stage.press(CARLA, ts)
    read_again(stage, f"# reviewed\n{ADDED}")
    for _ in range(3):
        await stage.pass_time(seconds=61)
    assert stage.request().state is State.APPROVED

    for each in posted(stage)[1:]:
        await stage.slack.click(CARLA, AUDIT, each.ts, CONFIRM)
        await stage.quiet()
    going = {State.APPROVED, State.RUNNING}
    await stage.as_time_passes(lambda: stage.request().state not in going, step=60.0)
    assert stage.request().state is State.SUCCEEDED


async def test_changes_while_slack_cannot_name_a_group_are_posted_once_it_can(stage):
    with_channel(stage)
    await change_to(stage, GENERAL)
    number = len(posted(stage))
    stage.slack.faults.add("usergroups.users.list", "status", code=500, times=1000)
    for policy in (ADDED, GENERAL):
        read_again(stage, policy)
        await stage.pass_time(seconds=61)
    assert len(posted(stage)) == number

    stage.slack.faults.clear()
    await stage.as_time_passes(lambda: len(posted(stage)) == number + 2, step=61.0)
    assert BOB in entries(stage, What.POLICY_POSTED)[-2].data["to"]
    await stage.restart()
    await stage.pass_time(seconds=61)
    assert len(posted(stage)) == number + 2


async def test_a_change_that_names_a_group_which_slack_does_not_have_goes_to_the_others_after_an_hour(
    stage,
):
    with_channel(stage)
    await change_to(stage, GENERAL)
    number = len(posted(stage))
    read_again(stage, ADDED.replace("U0MARA", "S0NOBODY"))
    for _ in range(3):
        await stage.pass_time(seconds=61)
    assert len(posted(stage)) == number

    await stage.as_time_passes(lambda: len(posted(stage)) == number + 1, step=600.0)
    assert entries(stage, What.POLICY_POSTED)[-1].data["to"] == sorted([BOB, CARLA])


async def test_whoever_left_reads_one_sentence_and_is_named_to_nobody(changed):
    """Bob left; Mara, who may not confirm, reads who can."""
    stage = changed
    stage.slack.workspace.users[BOB].deleted = True
    await confirm(stage, BOB)
    await stage.slack.until(lambda: "deactivated" in notices(stage, BOB))
    await confirm(stage, MARA)
    await stage.slack.until(lambda: "These can:" in notices(stage, MARA))
    assert notices(stage, BOB) == "This account cannot be used here: it is deactivated."
    assert f"<@{BOB}>" not in notices(stage, MARA)
    assert "These can: <@U0CARLA>. If none of them is left, nobody can confirm it" in notices(
        stage, MARA
    )


async def test_where_nobody_is_left_who_could_confirm_it_the_answer_says_what_lets_requests_go_on(
    changed,
):
    stage = changed
    for user in (BOB, CARLA):
        stage.slack.workspace.users[user].deleted = True

    await confirm(stage, MARA)

    words = (
        "you may not approve under the policy that was confirmed last. Nobody who could is left in Slack, so nobody can confirm it. "
        "The evidence keeps naming it, and requests under it go on only if"
    )
    await stage.slack.until(lambda: words in notices(stage, MARA))


async def test_whoever_may_confirm_by_a_group_that_slack_does_not_say_reads_that_it_is_not_known(
    changed,
):
    stage = changed
    stage.slack.faults.add("usergroups.users.list", "error", error="internal_error", times=1000)
    await stage.pass_time(seconds=61)

    await confirm(stage, CARLA)

    words = "it is not known whether you may approve under the policy that was confirmed last (Slack does not say who is in S0"
    await stage.slack.until(lambda: words in notices(stage, CARLA))
    assert "Nobody who could is left" not in notices(stage, CARLA)
    assert not entries(stage, What.POLICY_CONFIRMED)
