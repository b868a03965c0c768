"""*Mail again*: a document that was mailed a moment ago goes out once more where that was asked for.

Section A of the promise: asked for as *mail again* it is allowed, and loud on the card; the row of A2
and A3 for single documents.
"""

import json
from datetime import timedelta

import pytest

from bot.domain.digest import canonical, digest
from bot.operations.email_bill_run.facts import EmailRunFacts
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.notices import NAMES
from bot.sandbox.zuora.records import HistoryRow
from tests.stage import ALICE, BOB, CARLA, CHANNEL
from tests.stories.test_ledger import AGAIN, RUN, accepted, asked, held, stopped
from tests.stories.test_the_others import offer

pytestmark = pytest.mark.never_repeated
__all__ = ["held"]
RESEND = {"resend": ["yes"]}
KINDS = pytest.mark.parametrize("kind", ["invoice", "credit_memo"])


@KINDS
async def test_within_the_hour_the_form_says_how_and_then_it_is_mailed_again(stage, held, kind):
    await accepted(stage, await asked(stage, held[kind]))
    refused = await stage.fill(text=held[kind])
    assert "or now with “Mail them again” ticked" in refused.errors["documents"]

    again = await asked(stage, held[kind], **RESEND)

    card = stage.card(again)
    assert card.startswith("⚠ Mails again: Email ")
    assert f"⚠ R-1 already mailed {held[kind]}" in card
    assert "this mails it again" in card
    await accepted(stage, again)
    assert len(stage.orders()) == 2


@KINDS
async def test_after_its_run_was_mailed_a_document_of_it_can_be_mailed_again(stage, held, kind):
    await accepted(stage, await asked(stage, RUN))

    again = await asked(stage, held[kind], **RESEND)

    assert f"⚠ R-1 already mailed {held[kind]}" in stage.card(again)
    await accepted(stage, again)


async def test_the_confirmation_and_the_thread_say_again(stage, held):
    await accepted(stage, await asked(stage, held["credit_memo"]))
    again = await asked(stage, held["credit_memo"], **RESEND)

    blocks = str(next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == again).blocks)

    assert "1 credit memo may be mailed a second time" in blocks
    assert "Mails again: asked for" in await stage.details(again)


async def test_the_policys_rule_for_mailing_again_holds_for_it(stage, held):
    await stage.with_policy(AGAIN)

    await asked(stage, held["credit_memo"], **RESEND)

    assert stage.request(1).rule.approvals == 2


async def test_what_goes_out_between_the_card_and_the_approval_still_stops_it(stage, held):
    again = await asked(stage, held["credit_memo"], **RESEND)
    await accepted(stage, await asked(stage, held["credit_memo"]))

    said = await stopped(stage, again)

    assert "has meanwhile accepted the mail" in said
    assert "for R-2." in said
    assert len(stage.orders()) == 1


async def test_what_is_under_way_is_not_mailed_again(stage, held):
    first = await asked(stage, held["credit_memo"])
    stage.zuora.faults.add("/v1/*/*/emails", kind="lose_answer")
    await stage.press(BOB, first)
    await stage.until_card(first, "OUTCOME UNKNOWN")

    again = await asked(stage, held["credit_memo"], **RESEND)

    assert "R-1 has an order for" in await stopped(stage, again)


async def test_a_mail_that_zuora_shows_late_does_not_prove_that_the_second_went_out(stage, held):
    await accepted(stage, await asked(stage, held["invoice"]))
    again = await asked(stage, held["invoice"], **RESEND)
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")  # it never reaches Zuora
    await stage.press(CARLA, again)
    await stage.until_card(again, "OUTCOME UNKNOWN")

    for _ in range(4):  # now the first one's date is there
        await stage.pass_time(minutes=10)

    run = stage.zuora.world.documents_of(stage.zuora.world.bill_runs[RUN])
    assert next(each for each in run if each.number == held["invoice"]).last_email_sent is not None
    assert "OUTCOME UNKNOWN" in stage.card(again)


async def test_a_run_that_is_mailed_again_is_not_proved_by_an_earlier_mail_either(stage):
    await accepted(stage, await asked(stage, RUN))
    again = await asked(stage, RUN, **RESEND)
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    await stage.press(CARLA, again)
    await stage.until_card(again, "OUTCOME UNKNOWN")

    for _ in range(4):
        await stage.pass_time(minutes=10)

    assert "OUTCOME UNKNOWN" in stage.card(again)


async def test_the_others_of_a_run_that_is_mailed_again_are_mailed_again_too(stage, held):
    run = await asked(stage, RUN, **RESEND)
    await accepted(stage, await asked(stage, held["invoice"]))
    await stopped(stage, run)

    await stage.slack.click(ALICE, CHANNEL, offer(stage, run).ts, "others")
    submitted = await stage.slack.submit(ALICE, {"reason": "The rest"})
    await stage.quiet()

    assert submitted.ok, submitted.errors
    assert '"again":true' in stage.request(3).body


def mailed_in_zuora(stage, document):
    """Somebody mails it there, which is listed at once."""
    stage.zuora.world.history.append(
        HistoryRow(
            account_id=document.account.id,
            object_id=document.id,
            to="a@example.com",
            subject=document.number,
            time=stage.clock.now(),
            notification=NAMES[document.kind][1],
            event_category=1400,
            result="OK",
            error_message=None,
        )
    )


async def test_a_memo_that_somebody_mailed_in_zuora_lately_counts_as_mailed(stage, held):
    """Zuora keeps no mail date of memos, and its mail history lists their mails."""
    await stage.with_policy(AGAIN)
    memo = stage.zuora.world.credit_memos[held["credit_memo"]]
    mailed_in_zuora(stage, memo)

    ts = await asked(stage, memo.number)

    assert stage.card(ts).startswith("⚠ Mails again: Email credit memo")
    assert f"Zuora's mail history lists a mail of {memo.number} in the last day" in stage.card(ts)
    assert stage.request(1).rule.approvals == 2


def test_what_is_not_to_be_mailed_again_has_the_body_and_the_digest_of_before():
    before = {
        "documents": ("INV00000001",), "repeated": 0, "recipients": "template",
        "email_addresses": (), "additional": False, "pdf_file_id": "",
    }  # fmt: skip

    now, again = (
        EmailDocumentsBody(documents=("INV00000001",), again=again).model_dump()
        for again in (False, True)
    )

    assert canonical(now) == canonical(before)
    old, same, new = (
        digest(operation="email_invoice", tenant="1", body=body, facts={})
        for body in (before, now, again)
    )
    assert old == same != new


async def test_an_invoice_that_somebody_mailed_in_zuora_minutes_ago_counts_as_mailed(stage, held):
    """Zuora lists the mail at once, and shows its date only later."""
    mailed_in_zuora(stage, stage.zuora.world.invoices[held["invoice"]])

    ts = await stage.ask(text=held["invoice"])

    assert stage.card(ts).startswith("⚠ Mails again: ")
    assert f"Zuora's mail history lists a mail of {held['invoice']}" in stage.card(ts)


async def test_an_invoice_that_somebody_mails_in_zuora_after_the_card_stops_it(stage, held):
    ts = await stage.ask(text=held["invoice"])
    mailed_in_zuora(stage, stage.zuora.world.invoices[held["invoice"]])

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert "was mailed meanwhile" in " ".join(stage.thread(ts))
    assert not stage.orders()


async def test_a_run_that_somebody_mailed_in_zuora_minutes_ago_may_mail_again(stage):
    await stage.with_policy(AGAIN)
    for each in stage.zuora.world.documents_of(stage.zuora.world.bill_runs[RUN]):
        mailed_in_zuora(stage, each)

    ts = await stage.ask(text=RUN)

    assert stage.card(ts).startswith("⚠ May mail again: ")
    assert "Zuora's mail history lists a mail of " in stage.card(ts)
    assert "Mailed before: " in await stage.details(ts)
    assert stage.request().rule.approvals == 2


async def test_a_run_that_somebody_mails_in_zuora_after_the_card_stops(stage, held):
    ts = await stage.ask(text=RUN)
    mailed_in_zuora(stage, stage.zuora.world.invoices[held["invoice"]])

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert f"{held['invoice']} was mailed meanwhile" in " ".join(stage.thread(ts))
    assert not stage.orders()


NO_HISTORY = "/v1/notification-history/email"


@pytest.mark.parametrize("fault", [{"kind": "http200_failure", "category": 10}, {"kind": "drop"}])
@pytest.mark.parametrize("kind", ["run", "invoice"])
async def test_a_mail_history_that_cannot_be_read_is_no_obstacle(stage, held, kind, fault):
    text = held.get(kind, RUN)
    stage.zuora.faults.add(NO_HISTORY, times=None, **fault)
    submitted = await stage.fill_as_time_passes(text=text, step=5.0)
    assert submitted.ok, submitted.errors
    await stage.as_time_passes(lambda: len(stage.slack.channel_messages(CHANNEL)) == 1, step=5.0)
    ts = stage.slack.channel_messages(CHANNEL)[-1].ts

    await stage.press(BOB, ts)

    await stage.as_time_passes(lambda: "Accepted by Zuora" in stage.card(ts), step=5.0)


async def test_a_mail_history_that_is_gone_after_the_card_stops_no_invoice(stage, held):
    ts = await stage.ask(text=held["invoice"])
    stage.zuora.faults.add(NO_HISTORY, kind="http200_failure", category=10, times=None)

    await accepted(stage, ts)


ONE = pytest.mark.parametrize("kind", ["run", "invoice"])


def all_mailed_in_zuora(stage):
    """Somebody mails each document of the run there."""
    for each in stage.zuora.world.documents_of(stage.zuora.world.bill_runs[RUN]):
        mailed_in_zuora(stage, each)


@ONE
async def test_a_mail_that_is_listed_stops_it_though_the_history_could_not_be_read_before(
    stage, held, kind
):
    stage.zuora.faults.add(NO_HISTORY, kind="http200_failure", category=10, times=None)
    ts = await stage.ask(text=held.get(kind, RUN))
    stage.zuora.faults.clear()
    all_mailed_in_zuora(stage)

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert "which could not be seen when this was asked for" in " ".join(stage.thread(ts))
    assert not stage.orders()


@ONE
async def test_mail_again_does_not_stop_for_a_mail_that_could_not_be_seen_before(stage, held, kind):
    stage.zuora.faults.add(NO_HISTORY, kind="http200_failure", category=10, times=None)
    ts = await asked(stage, held.get(kind, RUN), **RESEND)
    stage.zuora.faults.clear()
    all_mailed_in_zuora(stage)

    await accepted(stage, ts)


@ONE
async def test_a_second_mail_of_what_was_listed_already_stops_it(stage, held, kind):
    all_mailed_in_zuora(stage)
    ts = await stage.ask(text=held.get(kind, RUN))
    stage.clock.advance(minutes=1)
    all_mailed_in_zuora(stage)

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert "mailed meanwhile" in " ".join(stage.thread(ts))
    assert not stage.orders()


@ONE
async def test_mail_again_stops_where_somebody_mails_in_zuora_after_the_card(stage, held, kind):
    ts = await asked(stage, held.get(kind, RUN), **RESEND)
    all_mailed_in_zuora(stage)

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert "mailed meanwhile" in " ".join(stage.thread(ts))
    assert not stage.orders()


async def test_a_request_that_kept_only_the_numbers_of_listed_mails_is_read(stage):
    await stage.ask(text=RUN)
    kept = {**json.loads(stage.request().facts), "listed_lately": ["INV00000001"]}

    facts = EmailRunFacts.stored(json.dumps(kept))

    assert facts.listed_numbers == ("INV00000001",)


@ONE
async def test_a_mail_by_hand_of_before_does_not_prove_a_lost_order(stage, held, kind):
    """Zuora listed it at once, and shows its date only after the order was lost."""
    at = stage.clock.now()
    all_mailed_in_zuora(stage)
    ts = await stage.ask(text=held.get(kind, RUN))
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop", times=None)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    for each in stage.zuora.world.documents_of(stage.zuora.world.bill_runs[RUN]):
        if each.kind == "invoice":
            each.last_email_sent = at
    for _ in range(8):
        await stage.pass_time(minutes=10)

    assert "OUTCOME UNKNOWN" in stage.card(ts)


@ONE
async def test_a_mail_history_that_cannot_be_read_is_named_among_the_checks(stage, held, kind):
    stage.zuora.faults.add(NO_HISTORY, kind="http200_failure", category=10, times=None)

    details = await stage.details(await stage.ask(text=held.get(kind, RUN)))

    assert "? Mailed before" in details
    assert "mail history lists no mail" not in details


def listed_row(stage, document, notification, result):
    stage.zuora.world.history.append(
        HistoryRow(
            account_id=document.account.id,
            object_id=document.id,
            to="a@example.com",
            subject="Overdue",
            time=stage.clock.now(),
            notification=notification,
            event_category=1,
            result=result,
            error_message=None if result == "OK" else "550",
        )
    )


async def test_a_history_that_does_not_answer_is_asked_once(stage):
    numbers = [
        stage.zuora.world.add_invoice(f"A{n}", "USD", "7.00").number for n in range(200, 215)
    ]
    stage.zuora.faults.add(NO_HISTORY, kind="drop", times=None)
    submitted = await stage.fill_as_time_passes(text=" ".join(numbers), step=0.5)
    assert submitted.ok, submitted.errors
    await stage.as_time_passes(lambda: len(stage.slack.channel_messages(CHANNEL)) == 1, step=0.5)
    assert sum(c.path == NO_HISTORY for c in stage.zuora.calls) <= 8


@pytest.mark.parametrize("text", [RUN, "an invoice"])
async def test_a_history_that_hangs_is_waited_for_half_a_minute_and_not_known(stage, text):
    """Each try takes two minutes until Zuora's own limit, and there are four."""
    invoice = next(iter(stage.zuora.world.invoices))
    stage.zuora.faults.add(NO_HISTORY, kind="hang", times=None)
    begun = stage.clock.now()

    await stage.fill_as_time_passes(text=RUN if text == RUN else invoice)
    await stage.as_time_passes(lambda: len(stage.slack.channel_messages(CHANNEL)) == 1)

    assert stage.clock.now() - begun < timedelta(minutes=1)
    said = await stage.details(stage.slack.channel_messages(CHANNEL)[0].ts)
    assert "? Mailed before: not known" in said


async def test_what_is_not_looked_for_in_the_history_is_said(stage):
    world = stage.zuora.world
    run = world.add_bill_run(
        "BR-00000049", invoices=[(f"A{n}", "USD", "7.00") for n in range(200, 222)]
    )
    for_the_run = await stage.details(await stage.ask(text=run.number))
    numbers = [world.add_invoice(f"A{n}", "USD", "7.00").number for n in range(300, 321)]
    for_the_list = await stage.details(await stage.ask(text=" ".join(numbers)))

    assert "its mail history lists no mail of 5 of them in the last day" in for_the_run
    assert "a mail of 21 invoices in the last minutes may not show yet" in for_the_list


async def test_a_short_list_can_be_asked_for_where_the_history_asks_for_a_rest(stage):
    numbers = [
        stage.zuora.world.add_invoice(f"A{n}", "USD", "7.00").number for n in range(200, 215)
    ]
    stage.zuora.faults.add(NO_HISTORY, kind="too_many", retry_after=120, times=None)
    await stage.fill_as_time_passes(text=" ".join(numbers), step=0.5)
    await stage.quiet()

    assert stage.slack.channel_messages(CHANNEL)


async def test_a_failed_mail_is_no_mail(stage, held):
    """Zuora's own mail bounced; the address was mended; nobody has it."""
    listed_row(
        stage, stage.zuora.world.invoices[held["invoice"]], "Manual Email For Invoice", "Failed"
    )
    ts = await stage.ask(text=held["invoice"])
    assert "Mails again" not in stage.card(ts)


@pytest.mark.parametrize("kind", ["run", "invoice"])
async def test_a_reminder_between_card_and_approval_stops_nothing(stage, held, kind):
    ts = await stage.ask(text=held.get(kind, RUN))
    listed_row(stage, stage.zuora.world.invoices[held["invoice"]], "Invoice Overdue", "OK")
    await stage.press(BOB, ts)
    await stage.quiet()
    assert stage.orders()


@pytest.mark.parametrize("kind", ["run", "invoice"])
@pytest.mark.parametrize("minutes", [-5, 1])
async def test_only_a_mail_date_since_the_order_proves_it(stage, held, kind, minutes):
    """Zuora shows late what somebody mailed there before."""
    invoice = stage.zuora.world.invoices[held["invoice"]]
    ts = await stage.ask(text=held.get(kind, RUN))
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    at = stage.clock.now() + timedelta(minutes=minutes)
    for each in stage.zuora.world.invoices.values():
        each.last_email_sent = at

    for _ in range(4):
        await stage.pass_time(minutes=1)

    proved = "Accepted by Zuora" in stage.card(ts)
    assert proved == (minutes > 0), invoice.number


async def test_zuora_may_give_the_documents_of_a_run_in_another_order_each_time(stage):
    world = stage.zuora.world
    lines = [(f"A{number}", "USD", "7.00") for number in range(200, 212)]
    run = world.add_bill_run("BR-00000049", invoices=lines)
    for each in world.documents_of(run):
        mailed_in_zuora(stage, each)
    ts = await stage.ask(text=run.number)
    world.invoices = dict(reversed(world.invoices.items()))

    await stage.press(BOB, ts)
    await stage.quiet()

    assert stage.orders()


@pytest.mark.parametrize("rest", [30, 90])
@ONE
async def test_a_rest_that_zuora_asks_for_after_the_approval_lets_nothing_be_mailed_twice(
    stage, held, kind, rest
):
    """What the mail history listed when this was asked for is known again before anything goes out."""
    ts = await stage.ask(text=held.get(kind, RUN))
    all_mailed_in_zuora(stage)
    stage.zuora.faults.add(NO_HISTORY, kind="too_many", retry_after=rest, times=1)

    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: stage.card(ts).startswith(("Stopped", "Accepted")), step=1.0)

    assert stage.card(ts).startswith("Stopped"), stage.card(ts)
    assert not stage.orders()


@ONE
async def test_a_mail_history_that_was_read_for_the_card_is_waited_for_before_anything_goes_out(
    stage, held, kind
):
    ts = await stage.ask(text=held.get(kind, RUN))
    stage.zuora.faults.add(NO_HISTORY, kind="drop", times=None)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: "could not be read again" in stage.card(ts), step=5.0)
    assert not stage.orders()
    stage.zuora.faults.clear()

    await stage.as_time_passes(lambda: "Accepted by Zuora" in stage.card(ts), step=30.0)
