"""Posting a bill run: asked for by one, approved by another, followed until it is Posted or not."""

import asyncio
import json
from dataclasses import replace

import pytest

from bot.operations.post_bill_run import PostBillRun
from bot.operations.posting_mails import posting_mails
from bot.operations.typed import Problems
from bot.zuora.notifications import MailNotification, MailProfile
from tests.patient import LONGEST
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA

RUN = "BR-00000002"
POST = "/v1/bill-runs/*/post"
DRAFTS = [
    ("A00000001", "USD", "100.00"),
    ("A00000002", "USD", "-40.50"),
    ("A00000003", "EUR", "80.00"),
    ("A00000004", "EUR", "0.00"),
]


@pytest.fixture
def run(stage):
    """A completed bill run with five drafts."""
    return stage.zuora.world.add_bill_run(
        RUN,
        name="December",
        status="Completed",
        invoices=DRAFTS,
        credit_memos=[("A00000001", "USD", "20.00")],
    )


async def ask(stage, **values):
    return await stage.ask_step("post_bill_run", RUN, **values)


async def approved(stage, **values):
    ts = await ask(stage, **values)
    await stage.press(BOB, ts)
    return ts


async def running(stage, **values):
    ts = await approved(stage, **values)
    await stage.until_card(ts, "Running in Zuora")
    return ts


async def test_a_run_is_posted_after_another_persons_approval_and_followed(stage, run):
    ts = await ask(stage)
    assert "Post 4 invoices and 1 credit memo of bill run BR-00000002" in stage.card(ts)
    assert stage.puts("post") == []

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    assert "BR-00000002 · PostInProgress" in stage.card(ts)
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Posted bill run BR-00000002")
    (put,) = stage.puts("post")
    assert put.path == f"/v1/bill-runs/{run.id}/post"
    assert put.body == {}
    assert "idempotency-key" not in put.headers
    assert put.headers["zuora-track-id"] == "billing-bot.R-1.BR-00000002"
    ended = stage.thread(ts)[-1]
    assert "BR-00000002 is Posted: 4 invoices for EUR 80.00 · USD 100.00 · USD -40.50" in ended
    assert "1 credit memo for USD -20.00" in ended
    assert f"<@{ALICE}>" in ended


async def test_the_card_shows_what_becomes_final_and_whether_posting_mails(stage, run):
    card = stage.card(await ask(stage))

    assert "Bill run: BR-00000002 · December · Completed" in card
    assert "Drafts: 5 documents" in card
    assert "Draft invoices: 4 · EUR 80.00 · USD 100.00 · USD -40.50" in card
    assert "Draft credit memos: 1 · USD -20.00" in card
    assert "1 with a total of zero · 1 negative" in card
    assert "Posting itself mails nobody" in card
    assert "invoice date 21 Nov 2026 stays" in card


async def test_an_active_notification_is_said_on_the_card_and_before_the_button_counts(stage, run):
    stage.zuora.knobs = replace(stage.zuora.knobs, inactive_notifications=frozenset())

    ts = await ask(stage)

    assert "Posting itself mails customers" in stage.card(ts)
    message = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    approve = next(b for b in message.blocks if b["type"] == "actions")["elements"][0]
    assert approve["text"]["text"] == "Approve: post 5 documents…"
    await stage.press(BOB, ts)
    assert stage.request().state == "waiting"
    shown = json.dumps(stage.slack.view(BOB))  # too long for Slack's question, so it is a form
    assert "Posting itself mails customers" in shown


async def test_settings_that_cannot_be_read_are_taken_for_mails(stage, run):
    stage.zuora.knobs = replace(stage.zuora.knobs, settings_allowed=False)

    assert "could not be checked; assume that it does" in stage.card(await ask(stage))


async def test_an_empty_run_can_be_posted_too(stage, run):
    stage.zuora.world.invoices.clear()
    stage.zuora.world.credit_memos.clear()

    ts = await running(stage)
    assert "Drafts: none" in stage.card(ts)
    asked = stage.thread(ts)
    assert "Nothing has changed in Zuora. Posting the run, which has no drafts." in asked
    details = await stage.details(ts)
    assert f"Zuora counts and lists no document in {RUN}" in details
    assert "there is no document without an amount" in details
    assert " 0 " not in details
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Posted")
    assert "it has no document" in stage.thread(ts)[-1]
    shown = await stage.show(RUN)
    assert "State: Posted. It has no documents." in shown.text
    assert "Emailed: no; there are none" in shown.text
    assert "Nothing can be done with it from here right now." in str(shown.blocks)


async def test_a_new_invoice_date_is_shown_and_sent(stage, run):
    ts = await approved(stage, invoice_date="2026-12-01")
    await stage.until_card(ts, "Running in Zuora")

    assert "re-dated from 21 Nov 2026 to 1 Dec 2026" in stage.card(ts)
    assert stage.puts("post")[0].body == {"invoiceDate": "2026-12-01"}


async def test_documents_that_are_posted_already_are_counted_apart(stage, run):
    stage.zuora.world.documents_of(run)[0].status = "Posted"

    card = stage.card(await ask(stage))

    assert "Drafts: 4 documents" in card
    assert "Posted already: 1 document" in card


@pytest.mark.parametrize("typed", ["soon", "2026-02-30", "1999-12-31", "2026-11-30; DROP"])
def test_what_is_no_date_is_said_at_its_field(typed):
    read = PostBillRun.read({"bill_run": " ", "invoice_date": typed})

    assert isinstance(read, Problems)
    assert set(read.by_field) == {"bill_run", "invoice_date"}


@pytest.mark.parametrize(
    ("event", "name", "active", "muted", "mails"),
    [
        ("Invoice Posted", "Invoice Posted via API / Manually", True, False, "yes"),
        ("Invoice Posted", "Invoice Posted via API / Manually", None, None, "not known"),
        ("Invoice Posted", "Invoice Posted via API / Manually", False, False, "no"),
        ("Invoice Posted", "Invoice Posted via API / Manually", True, True, "no"),
        ("Credit Memo Posted", "Credit Memo Posted", True, False, "yes"),
        (
            "Invoice Posted",
            "Invoice Posted within a Bill Run of Auto-Post",
            True,
            False,
            "not known",
        ),
        ("Payment Posted", "Payment Posted", True, False, "not known"),
    ],
)
def test_which_notifications_mail_on_posting(event, name, active, muted, mails):
    notification = MailNotification(
        profile_id="1",
        event=event,
        name=name,
        active=active,
        muted=muted,
        email=True,
    )

    assert posting_mails([notification], [MailProfile(id="1", name="North")]) == mails


async def test_a_closed_period_is_shown_in_zuoras_words(stage, run):
    stage.zuora.knobs = replace(stage.zuora.knobs, books_closed_until=run.invoice_date)

    ts = await approved(stage)

    await stage.until_card(ts, "Failed")
    assert "closed accounting period" in stage.thread(ts)[-1]
    assert len(stage.puts("post")) == 1


async def stopped(stage, ts):
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")
    assert stage.puts("post") == []
    return stage.thread(ts)[-1]


async def test_a_changed_total_stops_it(stage, run):
    ts = await ask(stage)
    stage.zuora.world.documents_of(run)[0].amount += 1

    assert "USD 101.00 · USD -40.50 now" in await stopped(stage, ts)


async def test_a_swap_of_two_amounts_stops_it(stage, run):
    ts = await ask(stage)
    first, second, *_ = stage.zuora.world.documents_of(run)
    first.amount, second.amount = second.amount, first.amount

    assert "single documents changed" in await stopped(stage, ts)


async def test_a_document_that_was_posted_meanwhile_stops_it(stage, run):
    ts = await ask(stage)
    stage.zuora.world.documents_of(run)[0].status = "Posted"

    assert "Something has changed since it was asked for" in await stopped(stage, ts)


async def test_a_run_that_was_posted_meanwhile_stops_it(stage, run):
    ts = await ask(stage)
    run.status = "Posted"

    assert "it was posted already" in await stopped(stage, ts)


async def test_a_changed_date_stops_it(stage, run):
    ts = await ask(stage)
    run.invoice_date = run.invoice_date.replace(day=1)

    assert "the invoice date was 21 Nov 2026 and is 1 Nov 2026 now" in await stopped(stage, ts)


async def test_a_notification_switched_on_meanwhile_stops_it(stage, run):
    ts = await ask(stage)
    stage.zuora.knobs = replace(stage.zuora.knobs, inactive_notifications=frozenset())

    assert "whether posting mails customers was “no” and is “yes” now" in await stopped(stage, ts)


async def test_a_renamed_run_is_no_drift(stage, run):
    ts = await ask(stage)
    run.name = "Renamed"

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Running in Zuora")


async def test_completed_after_posting_is_shown_as_a_failure_in_part(stage, run):
    run.post_ends_in = "Completed"
    ts = await running(stage)

    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Failed: post bill run")
    ended = stage.thread(ts)[-1]
    assert "failed in part: 1 of 5 documents is not posted" in ended
    assert "1 credit memo for USD -20.00" in ended
    reply = stage.slack.thread(CHANNEL, ts)[-1]
    assert "next:post_bill_run" in str(reply.blocks)
    assert "next:cancel_bill_run" not in str(reply.blocks)


async def test_the_rest_is_posted_with_the_button_below_the_failure(stage, run):
    run.post_ends_in = "Completed"
    first = await running(stage)
    await stage.pass_time(seconds=10)
    await stage.until_card(first, "Failed")
    reply = stage.slack.thread(CHANNEL, first)[-1].ts

    await stage.slack.click(ALICE, CHANNEL, reply, "next:post_bill_run")
    submitted = await stage.slack.submit(ALICE, {"reason": "The rest"})
    assert submitted.ok, submitted.errors
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 2)
    second = stage.slack.channel_messages(CHANNEL)[-1].ts

    assert stage.request(2).parent == 1
    assert "Drafts: 1 document" in stage.card(second)
    assert "Posted already: 4 documents" in stage.card(second)
    await stage.press(CARLA, second)
    await stage.until_card(second, "Running in Zuora")
    await stage.pass_time(seconds=10)
    await stage.until_card(second, "Posted bill run")


async def test_old_state_shown_once_more_is_not_called_a_failure(stage, run):
    ts = await running(stage)
    run.status = "Completed"  # Zuora's answer lags

    await stage.pass_time(seconds=1)
    await stage.pass_time(seconds=5)
    assert "Running in Zuora" in stage.card(ts)
    run.status = "Posted"
    for document in stage.zuora.world.documents_of(run):
        document.status = "Posted"
    await stage.pass_time(seconds=30)

    await stage.until_card(ts, "Posted bill run")


async def test_a_run_where_nothing_could_be_posted_is_shown_so(stage, run):
    ts = await running(stage)
    run.status = "Completed"

    for _ in range(8):  # it has to be seen so several times
        await stage.pass_time(seconds=20)

    await stage.until_card(ts, "Failed")
    assert "nothing of it was posted" in stage.thread(ts)[-1]


@pytest.mark.parametrize("status", ["Error", "Canceled"])
async def test_any_other_end_is_shown_as_what_it_is(stage, run, status):
    ts = await running(stage)
    run.status = status

    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Failed")
    assert f"BR-00000002 is {status} now, not Posted" in stage.thread(ts)[-1]


async def test_documents_are_mailed_with_the_button_below_the_result(stage, run):
    first = await running(stage)
    await stage.pass_time(seconds=10)
    await stage.until_card(first, "Posted")
    reply = stage.slack.thread(CHANNEL, first)[-1].ts

    await stage.slack.click(ALICE, CHANNEL, reply, "next:email_bill_run")
    assert RUN in str(stage.slack.view(ALICE)["blocks"])
    submitted = await stage.slack.submit(ALICE, {"reason": "Send them"})
    assert submitted.ok, submitted.errors
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 2)
    second = stage.slack.channel_messages(CHANNEL)[-1].ts
    await stage.press(BOB, second)

    await stage.until_card(second, "Accepted by Zuora")
    assert stage.request(2).parent == 1
    assert stage.orders()[0].path.split("/")[3] in (RUN, run.id)


async def test_who_may_not_ask_gets_nothing_from_the_next_step_button(stage, run):
    ts = await running(stage)
    await stage.pass_time(seconds=10)
    await stage.until_card(ts, "Posted")
    reply = stage.slack.thread(CHANNEL, ts)[-1].ts

    await stage.slack.click(MARA, CHANNEL, reply, "next:email_bill_run")

    await stage.until_private(MARA, "You may not ask for billing operations")
    assert stage.slack.view(MARA) is None


async def test_a_forged_next_step_opens_nothing(stage, run):
    ts = await ask(stage)
    for value in ("1", "77", "BR-00000002", ""):
        await stage.slack.click(
            ALICE, CHANNEL, ts, "next:post_bill_run", force=True,
            block={"type": "button", "value": value},
        )  # fmt: skip
    await stage.until_private(ALICE, "does not know what this button belongs to")

    assert stage.slack.view(ALICE) is None


async def test_a_lost_answer_is_settled_by_reading_and_the_run_is_followed(stage, run):
    stage.zuora.faults.add(POST, kind="lose_answer")
    ts = await approved(stage)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    for _ in range(4):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Posted bill run")
    assert any("reading Zuora settled it: BR-00000002 is" in said for said in stage.thread(ts))
    assert len(stage.puts("post")) == 1


async def test_a_lost_answer_of_a_posting_that_failed_in_part_is_settled_too(stage, run):
    run.post_ends_in = "Completed"
    stage.zuora.faults.add(POST, kind="lose_answer")
    ts = await approved(stage)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    stage.clock.advance(seconds=4)

    for _ in range(4):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Failed: post bill run")
    assert any("4 drafts of BR-00000002 were posted" in said for said in stage.thread(ts))
    assert "1 of 5 documents is not posted" in stage.thread(ts)[-1]


async def test_a_failure_with_http_200_is_a_failure(stage, run):
    stage.zuora.faults.add(POST, kind="http200_failure", category=30, message="Not today.")

    ts = await approved(stage)

    await stage.until_card(ts, "Failed")
    assert "Not today." in stage.thread(ts)[-1]


async def test_a_posting_is_followed_on_after_a_restart(stage, run):
    ts = await running(stage)

    await stage.restart()
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Posted bill run")
    assert len(stage.puts("post")) == 1


async def test_a_put_that_was_out_when_the_bot_died_is_settled_and_never_repeated(stage, run):
    stage.zuora.faults.add(POST, kind="hang")
    ts = await approved(stage)
    await stage.until(lambda: len(stage.puts("post")) == 1)
    stage.bot.runner._held[1].cancel()  # the process dies with the call under way

    await stage.restart()
    await stage.taken_over()
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    for _ in range(4):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Posted bill run")
    assert len(stage.puts("post")) == 1


async def test_a_zuora_that_is_away_while_it_is_followed_is_waited_for(stage, run):
    ts = await running(stage)
    stage.zuora.faults.add("*", kind="status", status=403, body={"code": 1}, times=4)

    for _ in range(8):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Posted bill run")


async def test_a_requester_may_not_approve_it(stage, run):
    await stage.with_policy('requesters = ["U0ALICE"]\napprovers = ["U0ALICE", "S0CONTROLLERS"]\n')
    ts = await ask(stage)

    await stage.press(ALICE, ts)

    await stage.until_private(ALICE, "R-1 is your own request")
    assert stage.puts("post") == []


async def test_what_another_request_changed_while_this_one_waited_for_its_turn_is_read_again(
    stage, run, monkeypatch
):
    post = await ask(stage)
    cancel = await stage.ask_step("cancel_bill_run", RUN)
    waits, goes_on = asyncio.Event(), asyncio.Event()

    async def turn():
        waits.set()
        await goes_on.wait()

    with monkeypatch.context() as patched:
        patched.setattr(stage.store.turns, "one_by_one", turn)
        await stage.press(BOB, cancel)
        await asyncio.wait_for(waits.wait(), LONGEST)
    stage.clock.advance(seconds=1)
    await stage.press(BOB, post)
    await stage.as_time_passes(lambda: "Posted bill run" in stage.card(post))
    goes_on.set()

    await stage.until_card(cancel, "Stopped. Nothing was sent")
    assert stage.puts("cancel") == []
    assert "BR-00000002 is Posted" in stage.request(2).result
