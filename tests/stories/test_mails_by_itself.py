"""What a bill run mails by itself counts as mailed, whoever made the run: section A of the promise.

One whose order was lost and that a person recorded, a later run of a schedule, one that was made in
Zuora: of none of them the bot has followed the posting, and Zuora marks the mails only later.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.every_message import cards
from tests.stage import ALICE, BOB, CARLA, CHANNEL
from tests.stories import test_create_bill_run as creating
from tests.stories.test_create_bill_run import world
from tests.stories.test_ledger import AGAIN, accepted, asked

__all__ = ["world"]
RUN = "BR-00000009"
POSTED = {"invoices": [("A9", "USD", "9.00")], "credit_memos": [("A9", "USD", "2.00")]}
MAILED = {"auto_post": True, "auto_email": True}


@pytest.fixture(autouse=True)
def marks_come_late(stage):
    """From a mail to its date in Zuora it takes 50 minutes."""
    stage.zuora.timings = replace(stage.zuora.timings, mark=50 * 60.0)


@pytest.fixture
def posted_lately(stage):
    """Made and posted in Zuora, ten minutes ago; a memo of it is named as `CM…`."""
    run = stage.zuora.world.add_bill_run(RUN, **POSTED, **MAILED)
    run.posted_at = stage.clock.now() - timedelta(minutes=10)
    return {each.kind: each.number for each in stage.zuora.world.documents_of(run)}


async def test_a_run_of_which_a_person_recorded_that_it_was_made_is_not_mailed_at_once(
    stage, world
):
    stage.changes = {"repeat_lost": "no"}
    await stage.restart()
    ts = await creating.ask(stage, f"{creating.LINE} autoPost=yes autoEmail=yes")
    stage.zuora.faults.add("/v1/bill-runs", kind="lose_answer")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    stage.zuora.faults.add(
        "/object-query/billing-runs", kind="http200_failure", category=10, times=None
    )
    for _ in range(10):
        await stage.pass_time(seconds=5)
    stage.zuora.faults.clear()
    assert (await stage.record(CARLA, ts, "record_sent", "It is there")).ok
    await stage.quiet()
    (run,) = (each for each in stage.zuora.world.bill_runs.values() if each.through_api)
    assert run.status == "Posted"

    submitted = await stage.fill(text=run.number)

    assert f"Zuora posted {run.number} on 21 Nov 2026 11:0" in submitted.errors["bill_run"]
    assert "mails it by itself" in submitted.errors["bill_run"]


async def test_a_later_run_of_a_schedule_is_not_mailed_at_once(stage, world):
    days = "repeat=Daily from=2026-11-22 to=2026-11-24 hour=10"
    ts = await creating.ask(stage, f"batch=Batch1 {days} autoPost=yes autoEmail=yes")
    await creating.approve(stage, ts)
    for _ in range(4):
        await creating.pass_time(stage, hours=12)
    await creating.pass_time(stage, minutes=20)
    posted = [each for each in stage.zuora.world.bill_runs.values() if each.status == "Posted"]
    later = max(posted, key=lambda each: each.number)
    assert len(posted) > 1
    stage.zuora.world.add_run_document(later, "invoice", "A1", "USD", "5.00")

    submitted = await stage.fill(text=later.number)

    assert "mails it by itself" in submitted.errors["bill_run"]


@pytest.mark.parametrize("kind", ["run", "invoice", "credit_memo"])
async def test_a_run_that_was_made_in_zuora_is_not_mailed_at_once_nor_a_document_of_it(
    stage, posted_lately, kind
):
    submitted = await stage.fill(text=posted_lately.get(kind, RUN))

    (said,) = submitted.errors.values()
    assert f"Zuora posted {RUN} on 21 Nov 2026 10:50 CET and mails it by itself" in said
    assert "Ask again after 21 Nov 2026 11:50 CET, or now with “Mail them again” ticked" in said


@pytest.mark.parametrize("more", ["", " DM00000003"])
async def test_a_document_of_a_run_that_is_not_named_is_refused(stage, posted_lately, more):
    """Whether that run is just mailing it by itself cannot be known."""
    stage.zuora.world.add_debit_memo("A00000078", "EUR", "9.00", number="DM00000003")
    memo = stage.zuora.world.credit_memos[posted_lately["credit_memo"]]
    nameless: tuple[Any, ...] = (None, "", {}, "left out")
    for said in nameless:
        memo.says, memo.hides = {"sourceId": said}, frozenset({"sourceId"} if said else ())

        submitted = await stage.fill(text=f"{memo.number}{more}")

        assert f"a bill run made {memo.number}, and not which one" in str(submitted.errors), said


async def test_without_a_source_the_run_is_the_one_that_is_named(stage, posted_lately):
    run = stage.zuora.world.bill_runs.pop(RUN)
    run.number = "RUN-7"
    stage.zuora.world.bill_runs[run.number] = run
    memo = stage.zuora.world.credit_memos[posted_lately["credit_memo"]]
    memo.source_id, memo.hides = run.number, frozenset({"source"})

    submitted = await stage.fill(text=memo.number)

    assert "Zuora posted RUN-7 on 21 Nov 2026 10:50 CET and mails it by itself" in str(
        submitted.errors
    )


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
async def test_asked_for_as_mail_again_a_document_of_it_is_mailed(stage, posted_lately, kind):
    ts = await asked(stage, posted_lately[kind], resend=["yes"])

    assert stage.card(ts).startswith("⚠ Mails again: Email ")
    assert f"{RUN} mails by itself; customers may get it twice" in stage.card(ts)
    await accepted(stage, ts)


async def test_a_run_that_mails_itself_is_marked_long_afterwards_too(stage, posted_lately):
    """Zuora shows no mail of it, and customers may get it twice."""
    await stage.pass_time(hours=2)

    ts = await stage.ask(text=RUN)

    assert stage.card(ts).startswith(f"⚠ May mail again: Email 2 documents of bill run {RUN}")
    assert "this run mails by itself; customers may get it twice" in stage.card(ts)
    (message,) = [each for each in stage.slack.channel_messages(CHANNEL) if each.ts == ts]
    assert next(cards(message.blocks))[2][0]["style"] == "danger"


async def test_documents_of_other_runs_are_offered_by_number(stage, posted_lately):
    other = stage.zuora.world.add_invoice("A7", "USD", "7.00").number

    submitted = await stage.fill(text=f"{posted_lately['invoice']} {other}")

    assert f"The others can be mailed by number now: {other}." in str(submitted.view)


@pytest.mark.parametrize("kind", ["run", "invoice", "credit_memo"])
async def test_an_hour_later_it_can_be_mailed_and_counts_as_mailed_again(
    stage, posted_lately, kind
):
    await stage.with_policy(AGAIN)
    await stage.pass_time(minutes=51)

    ts = await asked(stage, posted_lately.get(kind, RUN))

    assert "by itself; customers may get it twice" in stage.card(ts)
    assert stage.request().rule.approvals == 2


async def test_when_it_was_posted_is_not_known_counts_as_just_now(stage, posted_lately):
    stage.zuora.world.bill_runs[RUN].hides = frozenset({"postedDate"})

    submitted = await stage.fill(text=RUN)

    assert "does not say when that was" in submitted.errors["bill_run"]


async def test_a_mail_of_its_own_that_zuora_shows_late_does_not_prove_another(stage, posted_lately):
    stage.changes = {"repeat_lost": "no"}
    await stage.restart()
    ts = await asked(stage, posted_lately["invoice"], resend=["yes"])
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    stage.zuora.world.invoices[posted_lately["invoice"]].last_email_sent = stage.clock.now()

    for _ in range(4):
        await stage.pass_time(minutes=10)

    assert "OUTCOME UNKNOWN" in stage.card(ts)


@pytest.fixture
def posted_by_hand(stage):
    """Posted in Zuora by somebody, ten minutes ago; posting through the API or by hand mails there."""
    posting_mails(stage)
    run = stage.zuora.world.add_bill_run(RUN, **POSTED)
    run.posted_at = stage.clock.now() - timedelta(minutes=10)
    return {each.kind: each.number for each in stage.zuora.world.documents_of(run)}


def posting_mails(stage, **knobs):
    stage.zuora.knobs = replace(
        stage.zuora.knobs, **{"inactive_notifications": frozenset(), **knobs}
    )


@pytest.mark.parametrize("kind", ["run", "invoice", "credit_memo"])
async def test_what_somebody_posted_in_zuora_is_not_mailed_at_once_where_posting_mails(
    stage, posted_by_hand, kind
):
    submitted = await stage.fill(text=posted_by_hand.get(kind, RUN))

    (said,) = submitted.errors.values()
    assert f"Zuora posted {RUN} on 21 Nov 2026 10:50 CET and mails it by itself" in said


async def test_what_was_posted_and_mailed_meanwhile_stops_what_was_approved(stage):
    """The notification is switched on after the card, and nothing else changes."""
    run = stage.zuora.world.add_bill_run(RUN, **POSTED)
    run.posted_at = stage.clock.now() - timedelta(minutes=10)
    ts = await stage.ask(text=RUN)
    posting_mails(stage)

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert "mails it by itself" in " ".join(stage.thread(ts))
    assert not stage.orders()


async def test_an_hour_after_somebody_posted_it_it_is_marked_as_perhaps_mailed(
    stage, posted_by_hand
):
    await stage.pass_time(hours=1)

    ts = await stage.ask(text=RUN)

    assert stage.card(ts).startswith("⚠ May mail again: Email 2 documents")


async def test_a_run_that_posted_itself_without_mailing_is_mailed_at_once(stage):
    """Zuora's other notification fires there, and needs auto-email."""
    posting_mails(stage)
    run = stage.zuora.world.add_bill_run(RUN, **POSTED, auto_post=True)
    run.posted_at = stage.clock.now() - timedelta(minutes=10)

    await accepted(stage, await stage.ask(text=RUN))


@pytest.mark.parametrize("kind", ["run", "invoice"])
async def test_for_a_day_the_card_says_that_posting_may_have_mailed_where_that_is_not_known(
    stage, posted_by_hand, kind
):
    stage.policy = AGAIN
    posting_mails(stage, settings_allowed=False)
    await stage.restart()

    ts = await stage.ask(text=posted_by_hand.get(kind, RUN))
    card = stage.card(ts)
    assert card.startswith("⚠ May mail again: ")
    assert "posted lately" in card
    assert "posting may have mailed; customers may get it twice" in card
    assert "waiting for two approvals" in card
    await stage.withdraw(ALICE, ts)
    await stage.pass_time(days=1)

    assert "again" not in stage.card(await stage.ask(text=posted_by_hand.get(kind, RUN)))


@pytest.mark.parametrize("kind", ["invoice", "credit_memo", "debit_memo"])
async def test_a_document_without_a_run_that_somebody_just_posted_is_not_mailed_at_once(
    stage, kind
):
    posting_mails(stage)
    world = stage.zuora.world
    made = [
        world.add_document(kind, "A7", "USD", "7.00", created_at=stage.clock.now() - ago)
        for ago in (timedelta(minutes=10), timedelta(days=3))
    ]
    lately, long_ago = (each.number for each in made)

    submitted = await stage.fill(text=f"{lately} {long_ago}")

    assert f"Zuora posted {lately} on 21 Nov 2026 10:50 CET and mails it by itself" in str(
        submitted.view
    )
    assert f"The others can be mailed by number now: {long_ago}." in str(submitted.view)
    await accepted(stage, await stage.ask(text=long_ago))


async def test_a_document_without_a_run_of_which_zuora_says_no_time_counts_as_just_posted_if_that_may_be(
    stage,
):
    posting_mails(stage)
    made = stage.zuora.world.add_document(
        "invoice", "A7", "USD", "7.00", created_at=stage.clock.now() - timedelta(days=3)
    )
    for says in (None, "", "2026-11-21", "9999-12-31"):
        made.says = {"postedDate": says}

        submitted = await stage.fill(text=made.number)

        assert "does not say when that was" in str(submitted.errors), says
    made.says = {"postedDate": "2026-11-19"}
    await accepted(stage, await stage.ask(text=made.number))


async def test_the_check_says_that_posting_mails_nobody_only_where_that_is_known(stage):
    made = stage.zuora.world.add_document(
        "invoice", "A7", "USD", "7.00", created_at=stage.clock.now() - timedelta(days=3)
    )
    run = stage.zuora.world.add_bill_run(RUN, **POSTED)
    run.posted_at = stage.clock.now() - timedelta(days=3)
    nobody = [await stage.details(await stage.ask(text=each)) for each in (made.number, RUN)]
    posting_mails(stage)
    await stage.with_policy(AGAIN)
    mails = await stage.details(await stage.ask(text=made.number))

    assert all("mails nobody" in each for each in nobody)
    assert "was set to post and mail by itself" in mails
    assert "mails nobody" not in mails


async def test_nor_where_the_bot_may_not_read_it(stage):
    posting_mails(stage, settings_allowed=False)
    await stage.restart()
    run = stage.zuora.world.add_bill_run(RUN, **POSTED)
    run.posted_at = stage.clock.now() - timedelta(days=3)

    details = await stage.details(await stage.ask(text=RUN))

    assert f"{RUN} was not set to post and mail by itself" in details
    assert "mails nobody" not in details


async def test_that_posting_mails_nobody_in_one_profile_says_nothing_of_another(stage):
    world = stage.zuora.world
    lately = stage.clock.now() - timedelta(minutes=10)
    one, other = (
        world.add_document("invoice", name, "USD", "7.00", created_at=lately).number
        for name in ("A7", "A8")
    )
    world.add_profile("Other")
    world.invoices[other].account.communication_profile_id = ""

    alone = stage.card(await stage.ask(text=one))
    both = stage.card(await stage.ask(text=f"{one} {other}"))

    assert "May mail again" not in alone
    assert "May mail again" in both


async def test_a_document_posted_long_ago_of_a_run_that_is_not_posted_as_a_whole_can_be_mailed(
    stage,
):
    posting_mails(stage)
    world = stage.zuora.world
    run = world.add_bill_run(
        "BR-00000019", status="Completed", invoices=[("A9", "USD", "9.00"), ("A8", "USD", "8.00")]
    )
    one = world.documents_of(run)[0]
    one.status, one.posted_at = "Posted", stage.clock.now() - timedelta(days=10)
    one.pdf_file_id = world.new_id()

    submitted = await stage.fill(text=one.number)
    assert submitted.ok, submitted.errors


async def test_a_run_posted_long_ago_is_not_said_to_mail_by_itself(stage):
    posting_mails(stage)
    run = stage.zuora.world.add_bill_run("BR-00000039", invoices=[("A9", "USD", "9.00")])
    run.posted_at = stage.clock.now() - timedelta(days=300)
    ts = await stage.ask(text="BR-00000039")
    assert "mails by itself" not in stage.card(ts)


async def test_a_run_that_somebody_posted_at_a_time_that_zuora_does_not_say_may_mail_again(stage):
    posting_mails(stage)
    run = stage.zuora.world.add_bill_run(RUN, **POSTED, hides=frozenset({"postedDate"}))
    numbers = [each.number for each in stage.zuora.world.documents_of(run)]

    cards = [stage.card(await stage.ask(text=each)) for each in (RUN, numbers[0])]

    assert all(each.startswith("⚠ May mail again: ") for each in cards), cards
    assert "Zuora does not say when it was posted, and posting may have mailed" in cards[0]
    assert "was posted lately, or Zuora does not say when, and posting may have mailed" in cards[1]


@pytest.mark.parametrize("kind", ["run", "invoice"])
async def test_an_invoice_that_was_unposted_and_posted_anew_is_not_mailed_at_once(stage, kind):
    posting_mails(stage)
    run = stage.zuora.world.add_bill_run(RUN, **POSTED)
    run.posted_at = stage.clock.now() - timedelta(days=30)
    one = stage.zuora.world.documents_of(run)[0]
    one.posted_at = stage.clock.now() - timedelta(minutes=5)

    submitted = await stage.fill(text=RUN if kind == "run" else one.number)

    assert f"Zuora posted {RUN} on 21 Nov 2026 10:55 CET and mails it by itself" in str(
        submitted.errors
    )
