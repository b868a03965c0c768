"""No document is mailed twice by two requests that look different."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.audit.test_as_approved import status, with_data
from tests.audit.test_by_the_format import CONTROL, performed
from tests.audit.test_evidence import made
from tests.audit.test_package import rebuilt
from tests.audit.test_verify import checked
from tests.stage import ALICE, BOB, CARLA, MARA

pytestmark = pytest.mark.never_repeated
RUN = "BR-00000001"
AGAIN = """
requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
mails_again = true
approvals = 2
"""


@pytest.fixture
def held(stage):
    """Numbers of an invoice and of the credit memo that the run holds."""
    world = stage.zuora.world
    documents = world.documents_of(world.bill_runs[RUN])
    return {each.kind: each.number for each in documents}


async def asked(stage, text, user=ALICE, **values):
    return await stage.ask(user, text, **values)


async def accepted(stage, ts, person=BOB):
    await stage.press(person, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def stopped(stage, ts, person=BOB):
    await stage.press(person, ts)
    await stage.until_card(ts, "Stopped")
    return " ".join(stage.thread(ts))


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
async def test_a_document_whose_run_was_just_mailed_is_not_mailed_again(stage, held, kind):
    one = await asked(stage, held[kind])
    run = await asked(stage, RUN)
    await stage.quiet()
    assert f"R-2 asks to mail {held[kind]} too" in stage.card(one)
    assert f"R-1 asks to mail {held[kind]} too" in stage.card(run)
    await accepted(stage, run)

    said = await stopped(stage, one)

    assert "for R-2." in said
    assert held[kind] in said
    assert len(stage.orders()) == 1


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
async def test_a_run_that_holds_a_document_that_was_just_mailed_stops(stage, held, kind):
    run = await asked(stage, RUN)
    one = await asked(stage, held[kind])
    await accepted(stage, one)

    said = await stopped(stage, run)

    assert f"Zuora has meanwhile accepted the mail of {held[kind]} for R-2" in said
    assert len(stage.orders()) == 1


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
async def test_a_run_is_not_even_asked_for_while_zuora_may_not_show_the_mail_of_one(
    stage, held, kind
):
    await accepted(stage, await asked(stage, held[kind]))

    said = str((await stage.fill(text=RUN)).view)

    assert f"R-1 has ordered the mails of {held[kind]}" in said
    assert "Ask again after 21 Nov 2026 12:00 CET" in said
    assert "The others can be mailed by number now: " in said
    assert said.count(held[kind]) == 1


@pytest.mark.parametrize("mixed", [False, True])
async def test_a_document_is_known_by_its_id_where_its_number_was_changed(stage, held, mixed):
    world = stage.zuora.world
    text = f"{held['invoice']} {held['credit_memo']}" if mixed else held["credit_memo"]
    await accepted(stage, await asked(stage, text))
    for kind in held:
        document = world.table(kind).pop(held[kind])
        document.number = f"NEW-{document.number}"
        world.table(kind)[document.number] = document

    said = str((await stage.fill(text=RUN)).view)

    assert f"R-1 has ordered the mails of {held['credit_memo']}" in said
    assert len(stage.orders()) == 1 + mixed


@pytest.mark.parametrize("mixed", [False, True])
async def test_a_document_is_known_by_its_number_where_zuora_left_out_its_id(stage, held, mixed):
    memo = stage.zuora.world.credit_memos[held["credit_memo"]]
    memo.hides = frozenset({"id"})
    text = f"{held['invoice']} {memo.number}" if mixed else memo.number
    await accepted(stage, await asked(stage, text))
    memo.hides = frozenset()

    said = str((await stage.fill(text=f"CM:{memo.id}")).errors)

    assert f"R-1 has ordered the mails of {memo.number}" in said
    assert len(stage.orders()) == 1 + mixed


async def test_days_after_a_run_its_memo_alone_is_shown_as_mailed_again_and_needs_two(stage, held):
    await stage.with_policy(AGAIN)
    await accepted(stage, await asked(stage, RUN))
    await stage.pass_time(hours=48)

    memo = await asked(stage, held["credit_memo"])

    assert f"R-1 already mailed {held['credit_memo']}" in stage.card(memo)
    assert "this mails it again" in stage.card(memo)
    assert [stage.request(number).rule.approvals for number in (1, 2)] == [1, 2]


async def test_what_a_posting_may_have_mailed_is_not_mailed_at_once(stage):
    stage.zuora.knobs = replace(stage.zuora.knobs, inactive_notifications=frozenset())
    drafts = [("A00000001", "USD", "10.00"), ("A00000002", "EUR", "5.00")]
    run = stage.zuora.world.add_bill_run("BR-00000002", status="Completed", invoices=drafts)
    post = await stage.ask_step("post_bill_run", "BR-00000002")
    assert "Posting itself mails customers" in stage.card(post)
    await stage.press(BOB, post)
    await stage.until_card(post, "Running in Zuora")
    await stage.pass_time(seconds=30)
    await stage.until_card(post, "Posted")
    for document in stage.zuora.world.documents_of(run):
        document.last_email_sent = None

    submitted = await stage.fill(text="BR-00000002")

    assert "R-1 has ordered the mails of BR-00000002" in submitted.errors["bill_run"]


@pytest.mark.parametrize("what", ["run", "credit_memo"])
async def test_that_it_did_not_go_through_is_not_recorded_while_zuora_may_still_show_it(
    stage, held, what
):
    number = held.get(what, RUN)
    ts = await asked(stage, number)
    stage.zuora.faults.add("/v1/*/*/emails", kind="lose_answer")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    await stage.press(CARLA, ts, "record_not_sent")

    await stage.until_private(CARLA, "|21 Nov 2026 11:00 UTC> on.")
    assert stage.request().state == "unknown"
    again = await asked(stage, number)
    assert "R-1 has an order for" in await stopped(stage, again)
    assert len(stage.orders()) == 1


async def test_the_next_card_says_what_was_recorded_and_by_whom(stage, held):
    ts = await asked(stage, held["credit_memo"])
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    for _ in range(14):
        await stage.pass_time(minutes=10)
    await stage.record(CARLA, ts, "record_not_sent")
    await stage.until_card(ts, "Failed")

    again = await asked(stage, held["credit_memo"])

    seen = "recorded that it did not go through (“Email history, 11:05”)"
    assert f"<@{CARLA}> {seen}" in stage.card(again)


@pytest.mark.parametrize("minutes", [60, -60])
async def test_a_clock_that_is_put_right_between_two_requests_changes_no_order(
    stage, held, minutes
):
    memo = held["credit_memo"]
    first = await asked(stage, memo)
    stage.clock._now += timedelta(minutes=minutes)
    second = await asked(stage, memo)
    stage.clock._now -= timedelta(minutes=minutes)
    await accepted(stage, first)

    assert f"Zuora has meanwhile accepted the mail of {memo} for R-1" in await stopped(
        stage, second
    )


async def test_what_was_unknown_when_it_was_asked_for_and_went_out_stops_the_second(stage, held):
    memo = held["credit_memo"]
    first = await asked(stage, memo)
    stage.zuora.faults.add("/v1/*/*/emails", kind="lose_answer")
    await stage.press(BOB, first)
    await stage.until_card(first, "OUTCOME UNKNOWN")
    second = await asked(stage, memo)
    assert f"R-1 may have mailed {memo}" in stage.card(second)
    await stage.record(CARLA, first, "record_sent")
    await stage.until_card(first, "Accepted by Zuora")

    assert f"accepted the mail of {memo} for R-1" in await stopped(stage, second)
    assert len(stage.orders()) == 1


@pytest.mark.parametrize(("lost", "then"), [(RUN, "credit_memo"), ("credit_memo", RUN)])
async def test_while_the_outcome_of_a_run_is_unknown_no_document_of_it_is_mailed_nor_the_reverse(
    stage, held, lost, then
):
    first = await asked(stage, held.get(lost, lost))
    stage.zuora.faults.add("/v1/*/*/emails", kind="lose_answer")
    await stage.press(BOB, first)
    await stage.until_card(first, "OUTCOME UNKNOWN")
    second = await asked(stage, held.get(then, then))

    said = await stopped(stage, second)

    assert f"R-1 has an order for {RUN if lost == RUN else held[lost]}" in said
    assert held["credit_memo"] in said
    assert len(stage.orders()) == 1


async def test_what_was_asked_for_by_a_clock_hours_ahead_waits_for_zuora_to_show_the_mail(
    stage, held
):
    await accepted(stage, await asked(stage, RUN))
    stage.clock.step(hours=3)
    second = await asked(stage, held["credit_memo"])
    stage.clock.step(hours=-3)

    said = await stopped(stage, second)

    assert f"R-1 has ordered the mails of {RUN} (with {held['credit_memo']})" in said
    assert len(stage.orders()) == 1


TWO = """
requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
above = { USD = "1" }
approvals = 2
"""


@pytest.fixture
async def unknown(stage):
    """Two of three have approved and typed the number; the answer was lost, and three hours are over."""
    stage.slack.workspace.groups["S0CONTROLLERS"].members.append(MARA)
    await stage.with_policy(TWO)
    ts = await stage.ask(text=RUN)
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    for person in (BOB, CARLA):
        await stage.press(person, ts)
        assert (await stage.slack.submit(person, {"typed": RUN})).ok
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    for _ in range(18):
        await stage.pass_time(minutes=10)
    return ts


async def test_where_the_rule_wants_two_two_people_record_the_same_and_type_the_number(
    stage, unknown
):
    nothing = await stage.record(BOB, unknown, "record_not_sent", "")
    assert "complete this required field" in nothing.errors["reason"]
    blank = await stage.slack.submit(BOB, {"reason": "  ", "typed": RUN})
    assert "Write what you saw" in blank.errors["reason"]
    wrong = await stage.slack.submit(BOB, {"reason": "History, 13:05", "typed": "BR-1"})
    assert f"Type {RUN} to record this for R-1" in wrong.errors["typed"]
    assert (await stage.slack.submit(BOB, {"reason": "History, 13:05", "typed": RUN})).ok
    assert (await stage.record(BOB, unknown, "record_not_sent", "Again", typed=RUN)).ok
    await stage.quiet()
    assert stage.request().state == "unknown"
    more = "It counts when 1 more person has recorded the same and did not approve it."
    assert more in stage.thread(unknown)[-1]

    assert (await stage.record(MARA, unknown, "record_sent", "Another's word", typed=RUN)).ok
    assert stage.request().state == "unknown"
    assert (await stage.record(MARA, unknown, "record_not_sent", "As Bob says", typed=RUN)).ok

    await stage.until_card(unknown, "Failed")
    assert (
        "2 people looked in Zuora and recorded that it did not go through (“As Bob says”)."
        in stage.card(unknown)
    )
    notes = [
        each.entry.data["note"]
        for each in stage.store.history.of(1)
        if each.entry.what in ("request.recorded", "request.settled")
    ]
    assert notes == ["History, 13:05", "Again", "Another's word", "As Bob says"]


async def test_two_who_approved_cannot_settle_it_between_them(stage, unknown):
    """Somebody who did not approve must look too; whoever of the three comes last settles it."""
    assert "Recorded by: 2 people, at least one of whom did not approve it" in stage.card(unknown)
    assert (await stage.record(BOB, unknown, "record_sent", typed=RUN)).ok

    await stage.press(CARLA, unknown, "record_sent")

    await stage.until_private(CARLA, "everybody who saw this for R-1, you included, approved it")
    said = stage.private(CARLA)[-1]
    assert f"<!subteam^S0CONTROLLERS> (not <@{ALICE}>, <@{BOB}>, <@{CARLA}>)" in said
    assert "whoever keeps it in Slack has to add somebody" in said
    refused = [each.entry for each in stage.store.history.of(1) if each.entry.what == "refused"]
    assert [each.data["refusal"] for each in refused] == ["only_approvers"]
    assert stage.request().state == "unknown"
    assert (await stage.record(MARA, unknown, "record_not_sent", typed=RUN)).ok
    assert (await stage.record(MARA, unknown, "record_sent", typed=RUN)).ok
    await stage.until_card(unknown, "Accepted by Zuora")
    assert checked(stage.settings().database_path).exit_code == 0


async def test_one_who_did_not_approve_and_one_who_did_settle_it_in_any_order(stage, unknown):
    assert (await stage.record(MARA, unknown, "record_sent", typed=RUN)).ok

    assert (await stage.record(CARLA, unknown, "record_sent", typed=RUN)).ok

    await stage.until_card(unknown, "Accepted by Zuora")


async def lost_where_are_named(stage, *people):
    """Bob and Carla have approved; the rule names these people, and no group."""
    rule = f"approvals = 2\napprovers = {json.dumps(people)}"
    await stage.with_policy(TWO.replace("approvals = 2", rule))
    ts = await stage.ask(text=RUN)
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    for person in (BOB, CARLA):
        await stage.press(person, ts)
        assert (await stage.slack.submit(person, {"typed": RUN})).ok
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    return ts


async def test_where_the_rule_names_nobody_else_those_who_approved_settle_it(stage):
    """A request keeps its rule, so nobody else could ever come."""
    ts = await lost_where_are_named(stage, BOB, CARLA)
    words = "Recorded by: 2 people, who may be those who approved it: the rule names nobody else"
    assert words in stage.card(ts)

    assert (await stage.record(BOB, ts, "record_sent", typed=RUN)).ok
    assert (await stage.record(CARLA, ts, "record_sent", typed=RUN)).ok

    await stage.until_card(ts, "Accepted by Zuora")
    assert checked(stage.settings().database_path).exit_code == 0


async def test_the_refusal_names_only_who_is_left_and_what_helps_if_they_have_left(stage):
    ts = await lost_where_are_named(stage, BOB, CARLA, MARA)
    assert (await stage.record(BOB, ts, "record_sent", typed=RUN)).ok
    await stage.quiet()
    assert "and did not approve it" in stage.thread(ts)[-1]

    await stage.press(CARLA, ts, "record_sent")

    await stage.until_private(CARLA, "everybody who saw this for R-1, you included, approved it")
    words = f"Somebody who did not must look too: <@{MARA}>. If they have left: once their accounts are deactivated in Slack, press again."
    assert stage.private(CARLA)[-1].endswith(words)


async def test_those_who_approved_settle_it_once_the_only_other_person_has_left_slack(
    stage, tmp_path
):
    ts = await lost_where_are_named(stage, BOB, CARLA, MARA)
    stage.slack.workspace.users[MARA].deleted = True

    assert (await stage.record(BOB, ts, "record_sent", typed=RUN)).ok
    await stage.quiet()
    assert "has recorded the same." in stage.thread(ts)[-1]
    assert (await stage.record(CARLA, ts, "record_sent", typed=RUN)).ok

    await stage.until_card(ts, "Accepted by Zuora")
    result = checked(stage.settings().database_path)
    assert result.exit_code == 0, result.output
    words = f"says that accounts of others who could settle it can do nothing any more: {MARA}"
    assert words in result.output
    _, out = await made(stage, tmp_path)
    assert words in status(out, "").output
    assert performed(out, "", CONTROL)[0] == 0
    forged = rebuilt(out, "", change=with_data("request.settled", lambda data: data.pop("gone")))
    assert status(forged, "").exit_code == 23
    assert "settled by those who approved" in performed(forged, "", CONTROL)[1]


async def test_while_slack_does_not_say_whether_the_other_person_has_left_they_are_waited_for(
    stage,
):
    ts = await lost_where_are_named(stage, BOB, CARLA, MARA)
    assert (await stage.record(BOB, ts, "record_sent", typed=RUN)).ok
    del stage.slack.workspace.users[MARA]

    await stage.press(CARLA, ts, "record_sent")

    await stage.until_private(CARLA, "everybody who saw this for R-1, you included, approved it")
    assert stage.request().state == "unknown"


async def test_once_the_only_other_person_has_left_slack_those_who_approved_are_reminded(stage):
    ts = await lost_where_are_named(stage, BOB, CARLA, MARA)
    stage.slack.workspace.users[MARA].deleted = True
    assert (await stage.record(BOB, ts, "record_sent", typed=RUN)).ok

    await stage.pass_time(hours=1, minutes=5)

    (reminded,) = [
        each.entry for each in stage.store.history.of(1) if each.entry.what == "request.reminded"
    ]
    assert reminded.data["people"] == [CARLA]


async def test_who_may_decide_no_more_has_recorded_nothing(stage, unknown):
    assert (await stage.record(BOB, unknown, "record_sent", typed=RUN)).ok
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    stage.clock.advance(minutes=10)

    assert (await stage.record(CARLA, unknown, "record_sent", typed=RUN)).ok

    assert stage.request().state == "unknown"


async def test_todays_rule_wants_two_though_that_of_then_wanted_one(stage, held):
    ts = await stage.ask(text=held["credit_memo"])
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    await stage.with_policy(TWO)

    assert (await stage.record(CARLA, ts, "record_sent", typed=held["credit_memo"])).ok
    await stage.quiet()
    assert stage.request().state == "unknown"

    assert (await stage.record(BOB, ts, "record_sent", typed=held["credit_memo"])).ok
    await stage.until_card(ts, "Accepted by Zuora")
