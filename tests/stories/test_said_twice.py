"""What Zuora says later or elsewhere is compared: other members of the same answer."""

import pytest

from bot.domain.request import State
from bot.sandbox.zuora.records import said
from bot.sandbox.zuora.shapes_v1 import bill_run
from tests.conftest import INVOICES
from tests.stage import BOB

BOTH = ("BR-00000001", "INV")


def invoice(stage, place=0):
    return list(stage.zuora.world.invoices.values())[place]


def run_of(stage):
    (run,) = stage.zuora.world.bill_runs.values()
    return run


def named(stage, what):
    return invoice(stage).number if what == "INV" else what


CHANGED = (
    ({"reversed": "true"}, "was reversed"),
    ({"eInvoiceStatus": "Failed"}, "has an e-invoice that is Failed"),
    ({"eInvoiceErrorMessage": "No tax id"}, "has an e-invoice that is in error: No tax id"),
    ({"taxStatus": "Error"}, "has tax that is Error"),
    ({"reversed": None}, "no longer says for"),
    ({"reversed": "perhaps"}, "whether it was reversed"),
    ({"eInvoiceStatus": {"code": 3}}, "whether its e-invoice is fine"),
    ({"taxStatus": ["Error"]}, "whether its tax is complete"),
    ({"status": "Canceled"}, "Canceled|not posted then, 1 now|invoices for"),
    ({"status": "PendingForTax"}, "PendingForTax|invoices for|not posted"),
    ({"status": None}, "state|Zuora does not say"),
    ({"amount": None}, "not known"),
    ({"currency": "US Dollar"}, "not known"),
    ({"currency": "EUR"}, "EUR"),
    ({"lastEmailSentDate": "yesterday"}, "mailed meanwhile"),
    ({"accountId": "f" * 32}, "Zuora says two things about the account of"),
)


@pytest.mark.parametrize("what", BOTH)
async def test_what_changed_after_the_card_stops_a_run_and_one_of_it(stage, what):
    for place, (says, words) in enumerate(CHANGED):
        run = stage.zuora.world.add_bill_run(f"BR-000001{place:02}", invoices=INVOICES)
        document = stage.zuora.world.documents_of(run)[0]
        ts = await stage.ask(text=document.number if what == "INV" else run.number)
        document.says = says
        await stage.press(BOB, ts)
        await stage.until_card(ts, "Stopped")

        said = stage.thread(ts)[-1]
        assert any(each in said for each in words.split("|")), (says, said)
    assert stage.orders() == []


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"taxStatus": "Error"}, "has tax that is Error"),
        ({"eInvoiceStatus": ["x"]}, "does not say"),
        ({"reversed": None}, "does not say"),
    ],
)
async def test_before_the_card_it_is_said_on_it(stage, what, says, words):
    invoice(stage).says = says

    ts = await stage.ask(text=named(stage, what))

    assert words in stage.card(ts)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"invoiceNumber": "INV99999999"}, "INV99999999"),
        ({"accountId": "f" * 32}, "Zuora says two things about the account of"),
    ],
)
async def test_an_answer_about_another_document_is_refused(stage, says, words):
    number = invoice(stage).number
    invoice(stage).says = says | ({"id": "e" * 32} if "invoiceNumber" in says else {})

    submitted = await stage.fill(text=f"INV:{number}")

    assert words in str(submitted.errors)
    assert stage.store.requests.get(1) is None


@pytest.mark.parametrize("field", ["id", "invoiceNumber"])
async def test_one_id_or_number_for_two_documents_of_a_run_is_refused(stage, field):
    other = invoice(stage, 1)
    invoice(stage).says = {field: other.id if field == "id" else other.number}

    submitted = await stage.fill()

    assert "twice, with different values" in str(submitted.errors)


async def test_the_number_of_another_run_in_the_answer_is_refused(stage):
    run_of(stage).says = {"billingRunNumber": "BR-00000099", "billRunNumber": "BR-00000099"}

    submitted = await stage.fill()

    assert "Asked for bill run BR-00000001, Zuora answered with BR-00000099" in str(
        submitted.errors
    )


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("status", "Completed", "state"),
        ("targetDate", "2027-01-31", "target date"),
        ("invoiceDate", "2027-01-31", "invoice date"),
        ("id", "f" * 32, "id"),
    ],
)
async def test_two_readings_of_a_run_that_differ_are_refused(stage, field, value, what):
    run = run_of(stage)
    tenant = stage.zuora.tenant
    body = said(run, bill_run(tenant, run)) | {field: value}
    stage.zuora.faults.add("/v1/bill-runs/*", kind="status", status=200, body=body, times=99)

    submitted = await stage.fill()

    assert f"two things about the {what} of" in str(submitted.errors)


@pytest.mark.parametrize("count", ["numberOfInvoices", "numberOfCreditMemos"])
@pytest.mark.parametrize("off", [-1, 1, 116])
async def test_any_count_that_is_not_the_list_s_is_refused(stage, count, off):
    right = 4 if count == "numberOfInvoices" else 1
    run_of(stage).says = {count: right + off}

    submitted = await stage.fill()

    assert "its list has" in str(submitted.errors)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("America/Los_Angeles", "20 Nov 2026 18:00 UTC"),
        ("Asia/Tokyo", "20 Nov 2026 01:00 UTC"),
        ("", "date not known, so counted as mailed"),
    ],
)
async def test_a_time_without_a_zone_is_in_the_tenants(stage, zone, shown):
    """`ZUORA_TIME_ZONE`; where neither it nor a run shows the zone, the time is not known."""
    stage.changes = {"zuora_time_zone": zone}
    await stage.restart()
    invoice(stage).says = {"lastEmailSentDate": "2026-11-20 10:00:00"}

    ts = await stage.ask(text=invoice(stage).number)

    assert shown in stage.card(ts)


async def test_a_run_that_shows_its_zone_needs_no_setting(stage):
    run_of(stage).says = {"timeZone": "Asia/Tokyo"}
    invoice(stage).says = {"lastEmailSentDate": "2026-11-20 10:00:00"}

    ts = await stage.ask()

    assert "20 Nov 2026 01:00 UTC" in stage.card(ts)


@pytest.mark.parametrize(
    "answer",
    [{}, {"emailHistories": None}, {"emailHistories": {}}, {"emailHistories": [], "nextPage": 7}],
)
async def test_a_mail_history_that_cannot_be_read_proves_nothing(stage, answer):
    stage.changes = {"repeat_lost": "no"}
    await stage.restart()
    memo = next(iter(stage.zuora.world.credit_memos.values()))
    path = "/v1/notification-history/email"
    stage.zuora.faults.add(path, kind="status", status=200, body=answer, times=99)
    stage.zuora.faults.add("/v1/credit-memos/*/emails", kind="lose_answer")
    ts = await stage.ask(text=memo.number)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request(1).state is State.UNKNOWN)
    stage.zuora.faults.clear()
    for _ in range(6):
        await stage.pass_time(minutes=2)

    assert stage.request(1).state is State.UNKNOWN
