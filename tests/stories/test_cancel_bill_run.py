"""Canceling a bill run: legal in two states, and for a schedule two very different things."""

from datetime import date, timedelta

import pytest

from bot.sandbox.zuora import Timings
from tests.stage import BOB, CHANNEL, MARA
from tests.stories.test_posting_and_canceling import run

__all__ = ["run"]

RUN = "BR-00000002"
CANCEL = "/v1/bill-runs/*/cancel"
SCHEDULE = {
    "repeatFrom": "2026-12-01",
    "repeatTo": "2027-12-01",
    "repeatType": "Monthly",
    "runTime": 4,
}


@pytest.fixture
def scheduled(stage):
    """A scheduled bill run that waits for its time."""
    body = {"batches": ["AllBatches"], "schedule": SCHEDULE, "name": "Monthly"}
    return stage.zuora.world.add_bill_run(
        RUN,
        name="Monthly",
        status="Pending",
        schedule=SCHEDULE,
        scheduled_at=stage.clock.now() + timedelta(days=10),
        body=body,
    )


async def ask(stage, **values):
    return await stage.ask_step("cancel_bill_run", RUN, **values)


async def approved(stage, **values):
    ts = await ask(stage, **values)
    await stage.press(BOB, ts)
    return ts


async def running(stage, **values):
    ts = await approved(stage, **values)
    await stage.until_card(ts, "Running in Zuora")
    return ts


async def test_a_completed_run_is_canceled_after_another_persons_approval(stage, run):
    ts = await ask(stage)
    assert "Cancel bill run BR-00000002 and discard 2 invoices" in stage.card(ts)
    assert (
        "Cancels the run and discards its 2 drafts: 2 invoices for EUR 80.00 · USD 100.00"
        in stage.card(ts)
    )
    assert stage.puts("cancel") == []

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    assert "BR-00000002 · CancelInProgress" in stage.card(ts)
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Canceled bill run BR-00000002")
    (put,) = stage.puts("cancel")
    assert put.path == f"/v1/bill-runs/{run.id}/cancel"
    assert put.body == {"cancelOnce": True}
    assert "idempotency-key" not in put.headers
    assert stage.thread(ts)[-1].startswith("BR-00000002 is Canceled. <@")


async def test_a_pending_run_is_canceled(stage, run):
    run.status = "Pending"
    stage.zuora.world.invoices.clear()

    ts = await running(stage)
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Canceled bill run")


async def test_this_occurrence_only_leaves_the_schedule_and_names_the_next_run(stage, scheduled):
    ts = await ask(stage, cancel_once="once")
    card = stage.card(ts)
    assert "Cancel only this occurrence, bill run BR-00000002" in card
    assert "Cancels this occurrence only; the schedule continues" in card
    assert "Monthly from 1 Dec 2026 until 1 Dec 2027 at hour 4" in card
    assert "|1 Dec 2026 10:00 UTC>" in card

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Canceled ")
    assert stage.puts("cancel")[0].body == {"cancelOnce": True}
    assert "The schedule continues with BR-00000003, a new bill run" in stage.thread(ts)[-1]


async def test_all_later_occurrences_end_the_schedule(stage, scheduled):
    ts = await ask(stage, cancel_once="all")
    assert "Cancel bill run BR-00000002 and all later occurrences" in stage.card(ts)
    assert "this occurrence and all later ones; the schedule ends" in stage.card(ts)

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Canceled ")
    assert stage.puts("cancel")[0].body == {"cancelOnce": False}
    assert "schedule continues" not in stage.thread(ts)[-1]
    assert set(stage.zuora.world.bill_runs) == {"BR-00000001", RUN}


async def test_a_schedule_needs_a_choice(stage, scheduled):
    submitted = await stage.fill_step("cancel_bill_run", RUN)

    assert "Choose whether only this occurrence" in submitted.errors["cancel_once"]


async def test_an_ad_hoc_run_has_nothing_later_to_cancel(stage, run):
    submitted = await stage.fill_step("cancel_bill_run", RUN, cancel_once="all")

    assert "is not a scheduled run" in submitted.errors["cancel_once"]


async def test_an_occurrence_that_has_run_has_nothing_later_to_cancel(stage, scheduled):
    scheduled.status = "Completed"

    submitted = await stage.fill_step("cancel_bill_run", RUN, cancel_once="all")

    assert "has run already" in submitted.errors["cancel_once"]


async def test_a_run_with_a_posted_document_is_refused(stage, run):
    stage.zuora.world.documents_of(run)[0].status = "Posted"

    submitted = await stage.fill_step("cancel_bill_run", RUN)

    assert "1 of its documents is posted" in submitted.errors["bill_run"]


async def test_a_catch_up_run_is_refused(stage, run):
    run.run_type = "CatchUp"

    submitted = await stage.fill_step("cancel_bill_run", RUN)

    assert "Zuora cannot cancel a catch-up run" in submitted.errors["bill_run"]


async def stopped(stage, ts):
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")
    assert stage.puts("cancel") == []
    return stage.thread(ts)[-1]


async def test_a_changed_draft_stops_it(stage, run):
    ts = await ask(stage)
    stage.zuora.world.documents_of(run)[0].amount += 1

    assert "USD 101.00 now" in await stopped(stage, ts)


async def test_a_run_that_went_on_meanwhile_stops_it(stage, run):
    ts = await ask(stage)
    run.status = "PostInProgress"

    assert "it is being posted" in await stopped(stage, ts)


async def test_a_waiting_run_that_completed_meanwhile_stops_it(stage, run):
    run.status = "Pending"
    ts = await ask(stage)
    run.status = "Completed"

    assert "was Pending and is Completed now" in await stopped(stage, ts)


async def test_a_changed_date_stops_it(stage, run):
    ts = await ask(stage)
    run.target_date = date(2026, 12, 31)

    assert "the target date was 21 Nov 2026 and is 31 Dec 2026 now" in await stopped(stage, ts)


async def test_a_changed_schedule_stops_it(stage, scheduled):
    ts = await ask(stage, cancel_once="all")
    scheduled.schedule = {**SCHEDULE, "repeatTo": "2028-12-01"}

    assert "its schedule was Monthly" in await stopped(stage, ts)


async def test_another_time_of_the_occurrence_stops_it(stage, scheduled):
    ts = await ask(stage, cancel_once="once")
    scheduled.scheduled_at += timedelta(days=1)

    said = await stopped(stage, ts)

    assert "was due <!date^1796119200^{date_short_pretty} {time}|" in said
    assert "is due <!date^1796205600^{date_short_pretty} {time}|" in said
    assert "was due <!date^1796119200" in stage.card(ts)
    shown = await stage.slack.slash(MARA, CHANNEL, "/billstatus R-1")
    assert "is due <!date^1796205600" in shown.text


async def test_a_run_that_was_posted_instead_is_shown_with_what_is_legal_now(stage, run):
    stage.zuora.timings = Timings(cancelling=86_400)
    ts = await running(stage)
    run.status = "Posted"

    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Failed: cancel bill run")
    assert "BR-00000002 is Posted now, not Canceled" in stage.thread(ts)[-1]
    assert "next:email_bill_run" in str(stage.slack.thread(CHANNEL, ts)[-1].blocks)


async def test_old_state_is_looked_at_again(stage, run):
    stage.zuora.timings = Timings(cancelling=86_400)
    ts = await running(stage)
    run.status = "Completed"
    await stage.pass_time(seconds=1)
    await stage.pass_time(seconds=30)
    assert "Running in Zuora" in stage.card(ts)
    run.status = "Canceled"

    await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Canceled bill run")


async def test_a_cancellation_that_never_ends_is_given_up_and_said(stage, run):
    stage.zuora.timings = Timings(cancelling=864_000)
    ts = await running(stage)

    for _ in range(45):
        await stage.pass_time(minutes=5)

    await stage.until_card(ts, "Failed: cancel bill run")
    assert "BR-00000002 is CancelInProgress still, not Canceled" in stage.thread(ts)[-1]
    assert stage.request().wake_at is None


async def test_a_lost_answer_is_settled_by_reading(stage, run):
    stage.zuora.faults.add(CANCEL, kind="lose_answer")
    ts = await approved(stage)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    for _ in range(4):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Canceled bill run")
    assert any("reading Zuora settled it: BR-00000002 is" in said for said in stage.thread(ts))
    assert len(stage.puts("cancel")) == 1


async def test_after_a_lost_answer_the_schedule_is_said_to_go_on_without_a_number(stage, scheduled):
    stage.zuora.faults.add(CANCEL, kind="lose_answer")
    ts = await approved(stage, cancel_once="once")
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    for _ in range(4):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Canceled ")
    assert "The schedule continues with a new bill run." in stage.thread(ts)[-1]


async def test_a_cancellation_is_followed_on_after_a_restart(stage, scheduled):
    ts = await running(stage, cancel_once="once")

    await stage.restart()
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Canceled ")
    assert "BR-00000003" in stage.thread(ts)[-1]
    assert len(stage.puts("cancel")) == 1


async def test_who_may_not_decide_reads_who_may(stage, run):
    ts = await ask(stage)

    await stage.press(MARA, ts)

    await stage.until_private(MARA, "You may not decide R-1")
    assert stage.puts("cancel") == []


async def test_an_open_posting_of_the_same_run_is_shown_and_which_it_is(stage, run):
    await stage.ask_step("post_bill_run", RUN)

    ts = await ask(stage)
    await stage.quiet()

    assert [text for text in stage.thread(ts) if "also open" in text] == [
        f"R-1 (post bill run) is also open for {RUN}."
    ]
