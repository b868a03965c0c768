"""The first path from payload to thread: a billing email, asked for by one, approved by another."""

import asyncio

import pytest

from tests.patient import opens_at_once
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA


async def test_a_mail_is_asked_for_approved_by_another_person_and_accepted(stage):
    ts = await stage.ask()

    assert "Email 5 documents of bill run BR-00000001" in stage.card(ts)
    assert stage.buttons(ts) == ["approve", "reject", "details"]
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    said = stage.thread(ts)
    assert len(said) == 3
    assert "approved R-1" in said[0]
    assert "Nothing has changed in Zuora. Sending 5 mails" in said[1]
    assert "Zuora accepted" in said[2]
    assert f"<@{BOB}>" in stage.card(ts)
    assert stage.buttons(ts) == ["details"]
    (order,) = stage.orders()
    assert order.body == {"resend": False}
    assert order.headers["idempotency-key"].startswith("billing-bot:R-1:")
    assert order.headers["zuora-track-id"] == "billing-bot.R-1.BR-00000001"


async def test_the_same_path_works_over_signed_http(web_stage):
    ts = await web_stage.ask()

    await web_stage.press(BOB, ts)

    await web_stage.until_card(ts, "Accepted by Zuora")
    assert len(web_stage.orders()) == 1


async def test_the_card_shows_counts_and_totals_for_each_currency(stage):
    ts = await stage.ask()

    card = stage.card(ts)
    assert "Invoices: 4 · EUR 80.00 · USD 350.50" in card
    assert "Credit memos: 1 · USD -20.00" in card
    assert "Mails: 5 mails to 4 customers, none mailed before" in card
    assert "1 with a total of zero" in card
    assert "SANDBOX · local Zuora · tenant 12270" in card
    assert "Why: Month end" in card
    assert f"asked by <@{ALICE}>" in card


async def test_the_card_says_who_has_no_address_and_when_was_mailed_and_details_list_all(stage):
    world = stage.zuora.world
    world.add_account("A00000090", name="Nobody", email=None)
    invoices = [("A00000090", "USD", "5.00"), *[("A00000001", "EUR", "7.00")] * 12]
    run = world.add_bill_run("BR-00000004", invoices=invoices)
    world.documents_of(run)[1].last_email_sent = stage.clock.now()

    ts = await stage.ask(text="BR-00000004")
    await stage.quiet()

    assert "Bill-to contacts: 1 account without a mail address: Nobody (A00000090)" in stage.card(
        ts
    )
    assert "Mailed before: 1 of 13, last " in stage.card(ts)
    assert stage.thread(ts) == []
    rows = [each for each in (await stage.details(ts)).splitlines() if each.startswith("INV")]
    assert len(rows) == 13
    assert sum(" · bill-to at example.com" in row for row in rows) == 12
    assert sum("no address" in row or "no bill-to address" in row for row in rows) == 1
    assert sum(" · mailed " in row for row in rows) == 1


async def test_zuora_mails_each_document_once(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    stage.clock.advance(minutes=10)

    numbers = [mail.document for mail in stage.zuora.mails]
    assert len(numbers) == len(set(numbers)) > 0


async def test_the_number_is_filled_in_when_it_was_typed_with_the_command(stage):
    await stage.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")

    blocks = {block.get("block_id"): block for block in stage.slack.view(ALICE)["blocks"]}
    assert blocks["bill_run"]["element"]["initial_value"] == "BR-00000001"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ("BR-00000001", "bill_run"),
        ("br-00000001", "bill_run"),
        ("INV00000077, CM00000012", "documents"),
        ("", "bill_run"),
    ],
)
async def test_the_form_for_usual_numbers_opens_without_waiting_for_zuora(stage, typed, field):
    before = len(stage.zuora.calls)

    await stage.slack.slash(ALICE, CHANNEL, f"/billemail {typed}")

    assert len(stage.zuora.calls) == before
    assert any(
        block.get("block_id", "").endswith(field) for block in stage.slack.view(ALICE)["blocks"]
    )


async def test_an_invoice_numbered_like_a_bill_run_is_told_apart_when_the_form_is_submitted(stage):
    stage.zuora.world.add_invoice("A00000001", "USD", "120.50", number="BR-00000077")

    submitted = await stage.fill(text="BR-00000077")

    assert "invoice" in submitted.errors["bill_run"]


async def test_help_is_for_everybody_and_opens_no_form(stage):
    ack = await stage.slack.slash(MARA, CHANNEL, "/billemail help")

    assert "/billemail BR-00000001" in ack.text
    assert stage.slack.view(MARA) is None


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted", "is_stranger"])
async def test_help_shows_guests_and_other_companies_no_channel_and_no_names(stage, flag):
    setattr(stage.slack.workspace.users[ALICE], flag, True)
    for command in ("/billemail", "/billrun", "/billstatus"):
        ack = await stage.slack.slash(ALICE, CHANNEL, f"{command} help")

        assert ack.ok, command
        for secret in (CHANNEL, "approve", "<@", "<!subteam"):
            assert secret not in ack.text, command


async def test_who_may_not_ask_reads_who_may(stage):
    ack = await stage.slack.slash(BOB, CHANNEL, "/billemail BR-00000001")

    assert "You may not ask for billing operations" in ack.text
    assert "<!subteam^S0BILLING>" in ack.text
    assert stage.slack.view(BOB) is None


async def test_everything_wrong_with_the_form_is_shown_at_its_field_at_once(stage):
    submitted = await stage.fill(text="", bill_run="nonsense", reason="   ")

    assert set(submitted.errors) == {"bill_run", "reason"}
    assert "BR-00000001" in submitted.errors["bill_run"]


async def test_an_unknown_run_is_said_at_its_field(stage):
    submitted = await stage.fill(text="BR-00000099")

    assert submitted.errors == {"bill_run": "Zuora knows no bill run, invoice or memo BR-00000099."}


async def test_a_run_that_is_not_posted_is_said_at_its_field(stage):
    stage.zuora.world.add_bill_run("BR-00000002", status="Completed", invoices=[])

    submitted = await stage.fill(text="BR-00000002")

    assert "BR-00000002 is Completed" in submitted.errors["bill_run"]


async def test_a_run_of_which_nothing_would_be_mailed_is_said_at_its_field(stage):
    stage.zuora.world.add_bill_run(
        "BR-00000003", invoices=[("A00000001", "USD", "5.00")], mailed_at=stage.clock.now()
    )

    submitted = await stage.fill(text="BR-00000003")

    assert "mailed before" in submitted.errors["bill_run"]


async def test_resend_says_how_many_get_their_mail_again(stage):
    stage.zuora.world.add_bill_run(
        "BR-00000003", invoices=[("A00000001", "USD", "5.00")], mailed_at=stage.clock.now()
    )

    ts = await stage.ask(text="BR-00000003", resend=["yes"])
    asked, details = stage.card(ts), await stage.details(ts)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    assert "Posted: the document is posted" in details
    assert "Amounts: Zuora gives an amount and a currency for the document" in details
    assert "Zuora does not show the document as reversed" in details
    assert asked.startswith("⚠ Mails again: ")
    assert "1 document was already mailed; this sends it again" in asked
    assert stage.orders()[0].body == {"resend": True}


async def test_a_requester_may_not_approve(stage):
    await stage.with_policy('requesters = ["U0ALICE"]\napprovers = ["U0ALICE", "S0CONTROLLERS"]\n')
    ts = await stage.ask()

    await stage.press(ALICE, ts)

    await stage.until_private(ALICE, "R-1 is your own request")
    assert stage.request().state == "waiting"
    assert stage.orders() == []


async def test_who_is_not_an_approver_reads_who_is(stage):
    ts = await stage.ask()

    await stage.press(MARA, ts)

    await stage.until_private(MARA, "You may not decide R-1. These may: <!subteam^S0CONTROLLERS>")
    assert stage.request().state == "waiting"


async def test_two_approvers_at_once_make_one_decision_and_one_order(stage):
    ts = await stage.ask()

    await asyncio.gather(stage.press(BOB, ts), stage.press(CARLA, ts))
    await stage.until_card(ts, "Accepted by Zuora")

    late = BOB if stage.request().decided_by == CARLA else CARLA
    await stage.until_private(late, "R-1 was approved by")
    assert len(stage.orders()) == 1


async def test_two_signed_clicks_at_once_make_one_decision_and_the_other_gets_a_sentence(web_stage):
    """Whoever is read second sees what the first wrote."""
    stage = web_stage
    ts = await stage.ask()

    acks = await asyncio.gather(
        *(stage.slack.click(each, CHANNEL, ts, "approve") for each in (BOB, CARLA))
    )
    await stage.until_card(ts, "Accepted by Zuora")

    assert all(ack.ok for ack in acks)
    late = BOB if stage.request().decided_by == CARLA else CARLA
    await stage.until_private(late, "R-1 was approved by")
    assert len(stage.request().approvals) == 1
    assert stage.happened().count("request.approved") == 1
    assert len(stage.orders()) == 1


async def test_a_double_click_changes_nothing_more(stage):
    ts = await stage.ask()

    await stage.press(BOB, ts)
    await stage.slack.deliver(stage.slack.last_payload, stage.slack.last_kind)
    await stage.until_private(BOB, "R-1 was approved by you")
    await stage.until_card(ts, "Accepted by Zuora")

    assert len(stage.orders()) == 1
    assert stage.happened().count("request.approved") == 1


async def test_a_form_submitted_twice_is_one_request(stage):
    ts = await stage.ask()

    await stage.slack.deliver(stage.slack.last_payload, stage.slack.last_kind)
    await stage.quiet()

    assert [message.ts for message in stage.slack.channel_messages(CHANNEL)] == [ts]


async def test_a_rejection_asks_for_a_reason_and_shows_it(stage):
    ts = await stage.ask()

    submitted = await stage.reject(BOB, ts, "The totals are wrong")
    await stage.until_card(ts, "Rejected")

    assert submitted.ok
    assert "The totals are wrong" in stage.thread(ts)[-1]
    assert stage.buttons(ts) == ["change", "details"]
    assert stage.orders() == []


async def test_only_the_requester_withdraws(stage):
    ts = await stage.ask()

    await stage.press(BOB, ts, "withdraw")
    await stage.until_private(BOB, f"Only <@{ALICE}> can withdraw R-1")
    await stage.withdraw(ALICE, ts)
    await stage.until_card(ts, "Withdrawn")

    assert stage.orders() == []


async def test_silence_expires_a_request_and_never_approves_it(stage):
    ts = await stage.ask()

    await stage.pass_time(hours=24)

    await stage.until_card(ts, "Expired")
    assert stage.buttons(ts) == ["change", "details"]
    assert stage.orders() == []


async def test_a_click_one_second_late_is_refused_though_nobody_swept(stage):
    ts = await stage.ask()
    number = stage.request().number
    await stage.quiet()
    with stage.store.transaction():  # nobody will look at it
        stage.store._database.execute("UPDATE requests SET wake_at = NULL")

    await stage.pass_time(hours=24, seconds=1)
    await stage.press(BOB, ts)

    await stage.until_private(BOB, "R-1 expired")
    assert stage.request(number).state == "waiting"


async def test_a_run_that_changed_after_the_request_is_not_mailed(stage):
    ts = await stage.ask()
    document = next(iter(stage.zuora.world.invoices.values()))
    document.amount += 1

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert "4 invoices for EUR 80.00 · USD 350.50 then" in stage.thread(ts)[-1]
    assert "USD 351.50 now" in stage.thread(ts)[-1]
    assert stage.orders() == []


async def test_a_run_that_is_no_longer_posted_is_not_mailed(stage):
    ts = await stage.ask()
    stage.zuora.world.bill_runs["BR-00000001"].status = "Completed"

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert "BR-00000001 is Completed" in stage.thread(ts)[-1]
    assert stage.orders() == []


async def test_a_renamed_run_is_no_drift(stage):
    ts = await stage.ask()
    stage.zuora.world.bill_runs["BR-00000001"].name = "Renamed"

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")


async def test_what_people_typed_is_shown_literally(stage):
    typed = "`x` <!channel> <@U0BOB> *bold* <https://e.example|click> & co"

    ts = await stage.ask(reason=typed)

    message = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    assert "<!channel>" not in message.text
    assert "&lt;!channel&gt;" in message.text
    literal = [
        element["text"]
        for block in message.blocks if block["type"] == "rich_text"
        for section in block["elements"]
        for element in section["elements"] if element["type"] == "text"
    ]  # fmt: skip
    assert typed in literal


async def test_a_group_that_cannot_be_read_means_no(stage):
    ts = await stage.ask()
    stage.slack.faults.add("usergroups.users.list", "status", code=500, times=1)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "Slack did not say who is in the user group")
    assert stage.request().state == "waiting"
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_a_member_who_left_the_group_may_not_approve(stage):
    ts = await stage.ask()
    group = next(g for g in stage.slack.workspace.groups.values() if g.id == "S0CONTROLLERS")
    group.members.remove(BOB)

    await stage.press(BOB, ts)

    await stage.until_private(BOB, "You may not decide R-1")


async def test_zuora_down_when_asking_is_said_in_the_form(stage, monkeypatch):
    opens_at_once(monkeypatch)
    stage.zuora.faults.down = True
    submitted = await stage.fill_as_time_passes()

    assert "Zuora did not answer (" in submitted.errors["bill_run"]


async def test_zuora_down_after_the_approval_sends_nothing_until_it_is_back(stage):
    ts = await stage.ask()
    stage.zuora.faults.add("*", kind="status", status=503, times=None)
    await stage.press(BOB, ts)
    await stage.as_time_passes(
        lambda: "Nothing was sent. The bot keeps trying until" in "".join(stage.thread(ts))
    )
    assert stage.orders() == []

    stage.zuora.faults.clear()
    await stage.as_time_passes(lambda: "Accepted by Zuora" in stage.card(ts))

    assert len(stage.orders()) == 1


async def test_an_expired_token_is_renewed_once_and_the_order_sent_once(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="unauthorized")

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")
    keys = {order.headers["idempotency-key"] for order in stage.orders()}
    assert len(stage.orders()) == 2
    assert len(keys) == 1


async def test_a_429_is_waited_for_and_repeated_under_the_same_key(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="too_many", retry_after=120)

    await stage.press(BOB, ts)
    await stage.until_thread(ts, "Zuora is busy")
    await stage.pass_time(seconds=119)
    assert len(stage.orders()) == 1
    await stage.pass_time(seconds=2)

    await stage.until_card(ts, "Accepted by Zuora")
    first, second = stage.orders()
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_contention_is_repeated_under_a_new_key(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="conflict")

    await stage.press(BOB, ts)
    await stage.until_thread(ts, "Zuora is busy")
    await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Accepted by Zuora")
    first, second = stage.orders()
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


async def test_a_failure_with_http_200_is_a_failure(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(
        EMAILS, kind="http200_failure", category=30, message="Notification is not active."
    )

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Failed")
    assert "Notification is not active." in stage.thread(ts)[-1]


@pytest.mark.never_repeated
async def test_a_lost_answer_is_outcome_unknown_and_never_repeated(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="lose_answer")

    await stage.press(BOB, ts)

    await stage.until_card(ts, "OUTCOME UNKNOWN")
    assert f"<@{ALICE}>" in stage.thread(ts)[-1]
    assert stage.buttons(ts) == ["record_sent", "record_not_sent", "details"]
    assert len(stage.orders()) == 1


@pytest.mark.never_repeated
async def test_a_lost_answer_is_settled_when_zuora_shows_the_mail(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="lose_answer")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    for _ in range(4):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Accepted by Zuora")
    assert "reading Zuora settled it" in stage.thread(ts)[-1]
    assert len(stage.orders()) == 1


@pytest.mark.never_repeated
async def test_what_reading_cannot_prove_a_person_records(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    for _ in range(14):
        await stage.pass_time(minutes=10)
    await stage.until_thread(ts, "A person has to look there")

    await stage.press(ALICE, ts, "record_not_sent")
    await stage.until_private(ALICE, "somebody else must decide")
    await stage.record(CARLA, ts, "record_not_sent")

    await stage.until_card(ts, "Failed")
    assert "recorded for R-1: it did not go through" in stage.thread(ts)[-1]
    assert len(stage.orders()) == 1


async def test_the_buttons_work_after_a_restart(stage):
    ts = await stage.ask()
    await stage.quiet()

    await stage.restart()
    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")


async def test_an_approved_request_goes_on_after_a_restart(stage):
    ts = await stage.ask()
    stage.zuora.faults.add("/object-query/*", kind="status", status=503, times=None)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "approved")

    await stage.stop()
    stage.zuora.faults.clear()
    await stage.start()
    await stage.pass_time(minutes=10)

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 1


@pytest.mark.never_repeated
async def test_a_call_that_was_out_when_the_bot_died_is_outcome_unknown(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="hang")
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)
    stage.bot.runner._held[1].cancel()  # the process dies with the call under way

    await stage.restart()
    await stage.taken_over()

    await stage.until_card(ts, "OUTCOME UNKNOWN")
    assert len(stage.orders()) == 1


async def test_what_goes_out_is_written_down_before_it_goes(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="slow", seconds=60)

    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)

    (call,) = stage.store.calls.of(1)
    assert (call.tries, call.verdict) == (1, None)
    assert call.first_sent_at == stage.clock.now()
    assert call.key == stage.orders()[0].headers["idempotency-key"]
    assert stage.happened()[-1] == "call.sent"
    stage.clock.advance(seconds=60)  # the bot lets its call get its answer before it ends


async def test_what_the_bot_had_mailed_a_while_ago_is_shown_to_who_decides_next(stage):
    first = await stage.ask()
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")

    again = await stage.ask(resend=["yes"], reason="Customers lost them")
    await stage.quiet()

    assert any("R-1 had BR-00000001 mailed" in text for text in stage.thread(again))
    assert not any("mailed" in text for text in stage.thread(first)[:1])
