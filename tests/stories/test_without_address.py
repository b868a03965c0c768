"""The number of mails is the number that is really mailed, and who is left out is named."""

import re

import pytest

from bot.sandbox.zuora.options import MANUAL_CREDIT_MEMO
from tests.stage import BOB, CHANNEL, MARA
from tests.stories.test_email_documents import ask

RUN = "BR-00000008"
NOBODY = "Nobody Ltd (A00000090)"


@pytest.fixture
def run(stage):
    """25 invoices that somebody gets, and one of an account without any address."""
    world = stage.zuora.world
    world.add_account("A00000090", name="Nobody Ltd", email=None)
    rest = [("A00000001", "EUR", "7.00")] * 25
    return world.add_bill_run(RUN, invoices=[("A00000090", "EUR", "5.00"), *rest])


def confirmed(stage, ts):
    """The words on the button and on what it asks once more."""
    message = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    return str([block for block in message.blocks if block["type"] == "actions"])


async def month(stage):
    await stage.slack.slash(MARA, CHANNEL, "/billstatus month")
    await stage.quiet()
    return stage.private(MARA)[-1]


async def test_button_confirmation_result_and_month_say_25_and_the_card_who_is_left_out(stage, run):
    ts = await stage.ask(text=RUN)

    assert "send 25 mails" in confirmed(stage, ts)
    assert "26 mails" not in confirmed(stage, ts)
    amount = next(said for said in stage.card(ts).split("\n") if said.startswith("Amount"))
    counted = re.findall(r"\((\d+) (?:invoice|credit memo)s?\)", amount)
    assert sum(map(int, counted)) == 25, amount
    assert f"1 document will not be mailed: no address ({NOBODY})" in stage.card(ts)
    assert f"Not counted as mails: 1 document of {NOBODY}" in await stage.details(ts)

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    stage.clock.advance(minutes=20)
    assert len(stage.zuora.world.mails) == 25
    assert "send 25 mails" in " ".join(stage.thread(ts))
    assert "Documents mailed: 25" in await month(stage)
    assert "EUR 175.00" in await month(stage)


async def test_an_amount_that_nobody_gets_is_no_risk_of_the_mails_but_stays_above_every_limit(
    stage, run
):
    (document,) = [
        each for each in stage.zuora.world.documents_of(run) if each.account.number == "A00000090"
    ]
    document.hides = frozenset({"amount"})

    ts = await stage.ask(text=RUN)

    assert stage.card(ts).startswith("Email 25 documents")
    unknown = f"not known for {document.number} (missing); counts as above every limit"
    assert unknown in stage.card(ts)


async def test_mailed_again_counts_only_the_mails_that_go_out(stage, run):
    for document in stage.zuora.world.documents_of(run):
        document.last_email_sent = stage.clock.now()

    ts = await stage.ask(text=RUN, resend=["yes"])

    assert "send 25 mails" in confirmed(stage, ts)
    assert "25 documents were already mailed; this sends them again" in stage.card(ts)
    details = await stage.details(ts)
    assert "25 mails to 1 customer, all mailed before" in details
    assert "all 26 documents were mailed before, and 25 of these are mailed again" in details


async def test_an_account_with_additional_addresses_may_get_its_mail_and_no_more_is_claimed(
    stage, run
):
    account = stage.zuora.world.accounts["A00000090"]
    account.additional_emails = "cfo@nobody.example"

    ts = await stage.ask(text=RUN)

    assert "send up to 26 mails" in confirmed(stage, ts)
    assert "will not be mailed" not in stage.card(ts)
    assert f"1 account has no bill-to address ({NOBODY})" in stage.card(ts)


async def test_what_zuora_does_not_say_of_an_address_is_no_proof_that_there_is_none(stage, run):
    account = stage.zuora.world.accounts["A00000090"]
    account.additional_emails = 7  # no text and no list: not known

    ts = await stage.ask(text=RUN)

    assert "send up to 26 mails" in confirmed(stage, ts)


async def test_kinds_whose_notification_is_off_and_zeros_that_stay_out_are_no_mails(
    stage, held_run
):
    quiet = stage.zuora.world.add_profile("Quiet", inactive=frozenset({MANUAL_CREDIT_MEMO}))
    stage.zuora.world.accounts["A00000002"].communication_profile_id = quiet.id

    ts = await stage.ask(text=held_run.number)

    assert "send 2 mails" in confirmed(stage, ts)
    quiet.muted = True
    quiet.inactive = frozenset()
    again = await stage.ask(text=held_run.number)
    assert "send up to 3 mails" in confirmed(stage, again)


@pytest.fixture
def held_run(stage):
    """An invoice, one of zero that the run is set not to mail, and two credit memos."""
    return stage.zuora.world.add_bill_run(
        "BR-00000009",
        invoices=[("A00000001", "EUR", "7.00"), ("A00000001", "EUR", "0.00")],
        credit_memos=[("A00000001", "EUR", "3.00"), ("A00000002", "EUR", "3.00")],
        no_zero_mail=True,
    )


@pytest.mark.parametrize(
    ("recipients", "additional"), [("template", False), ("bill_to", False), ("bill_to", True)]
)
async def test_a_document_that_reaches_nobody_gets_no_order_whoever_decides_on_the_recipients(
    stage, recipients, additional
):
    world = stage.zuora.world
    world.add_account("A00000090", name="Nobody Ltd", email=None)
    world.add_invoice("A00000090", "USD", "5.00", number="INV00000090")
    world.add_invoice("A00000001", "USD", "5.00", number="INV00000091")
    more = {"additional": ["yes"]} if additional else {}

    (ts,) = await ask(stage, "INV00000090 INV00000091", recipients=recipients, **more)

    assert "send 1 mail" in confirmed(stage, ts)
    assert "1 document will not be mailed: no address (Nobody Ltd)" in stage.card(ts)
    said = await stage.details(ts)
    assert "Left out: 1 invoice without any mail address, of A00000090 Nobody Ltd" in said
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert [call.path for call in stage.orders()] == ["/v1/invoices/INV00000091/emails"]
    assert "Documents mailed: 1\n" in await month(stage)


async def test_an_address_that_is_there_meanwhile_stops_what_was_approved_without_it(stage):
    world = stage.zuora.world
    account = world.add_account("A00000090", name="Nobody Ltd", email=None)
    world.add_invoice("A00000090", "USD", "5.00", number="INV00000090")
    world.add_invoice("A00000001", "USD", "5.00", number="INV00000091")
    (ts,) = await ask(stage, "INV00000090 INV00000091", recipients="bill_to")
    account.bill_to = world.accounts["A00000001"].bill_to

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert "INV00000090 has a mail address now" in " ".join(stage.thread(ts))
    assert stage.orders() == []
