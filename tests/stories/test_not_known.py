"""Not known is never good news: each through the front door."""

import pytest

from bot.domain.request import State
from bot.sandbox.zuora.options import Knobs
from tests.conftest import INVOICES
from tests.stage import BOB

TIERS = """
requesters = ["S0BILLING"]
approvers = ["U0BOB", "U0CARLA"]

[[rule]]
above = { USD = "1000.00", EUR = "1000.00" }
approvals = 2
"""
AGAIN = TIERS.replace('above = { USD = "1000.00", EUR = "1000.00" }', "mails_again = true")
ODD_AMOUNTS = [
    None,
    "",
    "5,000.00",
    "5.000,00",
    "5.000",
    "5000 USD",
    {"value": 5000},
    True,
    "1e400",
    1e30,
]
ODD_DATES = ["2026-11-20T10:00:00+1:00", "11/20/2026", 1763632800000, "2099-01-01T00:00:00Z", ""]


def invoices(stage):
    return list(stage.zuora.world.invoices.values())


async def needs(stage, ts):
    return next(line for line in stage.card(ts).splitlines() if "· waiting for " in line)


@pytest.mark.parametrize("what", ["a run", "one of it"])
async def test_an_amount_that_is_not_known_is_above_every_limit(stage, what):
    await stage.with_policy(TIERS)
    for place, said in enumerate(ODD_AMOUNTS):
        run = stage.zuora.world.add_bill_run(f"BR-000001{place:02}", invoices=INVOICES)
        document = stage.zuora.world.documents_of(run)[0]
        document.says = {"amount": said}

        ts = await stage.ask(text=run.number if what == "a run" else document.number)

        assert f"not known for {document.number} (" in stage.card(ts), said
        assert "Decimal" not in stage.card(ts), said
        assert said is not True or "not an amount: “true”" in stage.card(ts)
        assert "two approvals" in await needs(stage, ts), said


async def test_an_amount_that_is_missing_is_above_every_limit(stage):
    await stage.with_policy(TIERS)
    document = invoices(stage)[0]
    document.hides = frozenset({"amount"})

    ts = await stage.ask()

    assert f"not known for {document.number} (missing)" in stage.card(ts)
    assert "two approvals" in await needs(stage, ts)


@pytest.mark.parametrize("said", [None, "", "usd", "US Dollar", 840])
async def test_a_currency_that_is_not_known_makes_the_amount_not_known(stage, said):
    await stage.with_policy(TIERS)
    document = invoices(stage)[0]
    document.says = {"currency": said}
    document.account.says = {"currency": said}

    ts = await stage.ask()

    if said in (None, ""):  # the account shows it: /v1 has its own
        assert "USD 350.50" in stage.card(ts)
    else:
        assert f"not known for {document.number} (its currency is not a currency" in stage.card(ts)
        assert "two approvals" in await needs(stage, ts)


async def test_a_run_that_counts_more_than_its_list_has_is_refused_with_both(stage):
    (run,) = stage.zuora.world.bill_runs.values()
    run.says = {"numberOfInvoices": 120}

    submitted = await stage.fill()

    assert "Zuora counts 120 invoices in BR-00000001, and its list has 4." in str(submitted.errors)
    assert stage.orders() == []


async def test_a_list_that_got_shorter_stops_what_was_approved(stage):
    ts = await stage.ask()
    stage.zuora.knobs = Knobs(lists_at_most=2)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert "and its list has" in stage.thread(ts)[-1]
    assert stage.orders() == []


@pytest.mark.parametrize("said", [None, "four", -1, 4.5, {}])
async def test_a_run_that_was_not_counted_is_said_and_above_every_number(stage, said):
    stage.policy = TIERS.replace(
        'above = { USD = "1000.00", EUR = "1000.00" }', "documents_above = 50"
    )
    await stage.restart()
    (run,) = stage.zuora.world.bill_runs.values()
    run.says = {"numberOfInvoices": said}

    ts = await stage.ask()

    assert "does not say how many documents the run has" in stage.card(ts)
    assert "two approvals" in await needs(stage, ts)


async def test_a_row_that_stands_on_two_pages_is_one_document(stage):
    world = stage.zuora.world
    many = [(f"A{n:08}", "USD", "10.00") for n in range(1, 71)]
    world.add_bill_run("BR-00000002", invoices=many)
    stage.zuora.knobs = Knobs(repeats_rows=3)

    ts = await stage.ask(text="BR-00000002")

    assert "Invoices: 70 · USD 700.00" in stage.card(ts)


async def test_rows_of_another_run_refuse_the_request(stage):
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "9.00")])
    stage.zuora.knobs = Knobs(ignores_filters=True)

    submitted = await stage.fill()

    assert "Zuora's list of the invoices of BR-00000001 has" in str(submitted.errors)
    assert "of BR-00000002" in str(submitted.errors)


@pytest.mark.parametrize("what", ["a run", "one of it"])
async def test_a_mail_date_that_is_not_known_counts_as_mailed(stage, what):
    await stage.with_policy(AGAIN)
    for place, said in enumerate(ODD_DATES):
        run = stage.zuora.world.add_bill_run(f"BR-000001{place:02}", invoices=INVOICES)
        document = stage.zuora.world.documents_of(run)[0]
        document.says = {"lastEmailSentDate": said}

        ts = await stage.ask(text=run.number if what == "a run" else document.number)

        assert f"date not known, so counted as mailed: {document.number}" in stage.card(ts), said
        assert stage.card(ts).startswith(("⚠ Mails again", "⚠ May mail again")), said
        assert "mailed before and will not" not in stage.card(ts), said
        assert "two approvals" in await needs(stage, ts), said


async def test_what_may_have_been_mailed_is_among_the_mails_and_not_said_to_be_left_out(stage):
    invoices(stage)[0].says = {"lastEmailSentDate": "11/20/2026"}
    unknown = "the mail date of 1 document cannot be read"

    ts = await stage.ask()
    again = await stage.ask(resend=["yes"])

    assert f"Mails: up to 5 mails to 4 customers, none known to be mailed before; {unknown}" in (
        await stage.details(ts)
    )
    assert f"none known to be mailed before; {unknown}" in await stage.details(again)
    assert "up to 5 mails" in str(stage.slack.channel_messages("C0BILLING")[0].blocks)


async def test_what_was_reversed_after_the_card_stops_a_run_and_one_of_it(stage):
    document = invoices(stage)[0]
    run = await stage.ask()
    one = await stage.ask(text=document.number)
    document.reversed, document.balance = True, document.balance * 0
    for ts in (run, one):
        await stage.press(BOB, ts)
        await stage.until_card(ts, "Stopped")
        assert f"{document.number} was reversed" in stage.thread(ts)[-1]
    assert stage.orders() == []


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"reversed": True}, "was reversed"),
        (
            {"eInvoiceStatus": "Failed", "eInvoiceErrorMessage": "No tax id."},
            "is Failed: No tax id",
        ),
    ],
)
async def test_what_is_wrong_to_send_is_said_on_the_card(stage, says, words):
    document = invoices(stage)[0]
    document.says = says
    for what in ("BR-00000001", document.number):
        ts = await stage.ask(text=what)
        assert f"Wrong to send: {document.number}" in stage.card(ts)
        assert words in stage.card(ts)


async def test_a_large_negative_document_makes_no_request_smaller(stage):
    await stage.with_policy(TIERS)
    big = [("A00000001", "USD", "120000.00"), ("A00000002", "USD", "-119500.00")]
    stage.zuora.world.add_bill_run("BR-00000002", invoices=big)

    ts = await stage.ask(text="BR-00000002")

    assert "USD 120,000.00 · USD -119,500.00" in stage.card(ts)
    assert "two approvals" in await needs(stage, ts)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize("done", [True, False])
async def test_only_a_mail_that_was_not_listed_before_is_proof(stage, zone, done):
    stage.changes = {"repeat_lost": "no"}
    await stage.restart()
    stage.zuora.knobs = Knobs(time_zone=zone)
    memo = next(iter(stage.zuora.world.credit_memos.values()))
    first = await stage.ask(text=memo.number)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    await stage.pass_time(hours=1)

    fault = {"kind": "lose_answer"} if done else {"kind": "status", "status": 502}
    stage.zuora.faults.add("/v1/credit-memos/*/emails", **fault)
    ts = await stage.ask(text=memo.number)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request(2).state is State.UNKNOWN)
    for _ in range(6):
        await stage.pass_time(minutes=2)

    assert (stage.request(2).state is State.SUCCEEDED) is done
    if done:
        assert "lists a mail" in stage.request(2).result


@pytest.mark.parametrize("field", ["active", "emailOption"])
@pytest.mark.parametrize("said", [None, "maybe", {}])
async def test_a_notification_of_which_it_is_not_said_that_it_is_on_is_not_taken_as_on(
    stage, field, said
):
    name = "Manual Email For Invoice"
    row = {"name": name, "eventName": name, "active": True, "emailOption": True, field: said}
    path = "/settings/communication-profiles/*/notifications"
    stage.zuora.faults.add(path, kind="status", status=200, body=[row], times=99)

    ts = await stage.ask()

    assert f"does not say plainly whether “{name}” is on" in stage.card(ts)


async def test_a_mail_date_that_can_be_read_later_is_no_sign_of_a_new_mail(stage):
    document = invoices(stage)[0]
    document.says = {"lastEmailSentDate": "11/20/2026"}
    first = await stage.ask(text=document.number)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    document.says = {"lastEmailSentDate": "2026-11-20T10:00:00Z"}

    submitted = await stage.fill(text=document.number)

    assert "Zuora marks documents as mailed only later" in str(submitted.errors)
