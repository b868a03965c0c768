"""PDF files and communication profiles of the local Zuora."""

from dataclasses import replace

import pytest

from bot.sandbox.zuora.options import MANUAL_INVOICE

STATUS = "/v1/invoices/pdf-status?invoiceKeys="


async def test_the_pdf_status_of_invoices_has_the_shape_of_its_page(client, world):
    world.invoices["INV00000002"].pdf_status = "Error"
    made = world.invoices["INV00000001"]

    answer = (await client.get(f"{STATUS}{made.id},INV00000002")).json()

    good, bad = answer["invoiceFiles"]
    assert (good["invoiceId"], good["invoiceNumber"]) == (made.id, "INV00000001")
    assert good["pdfGenerationStatus"] == "Generated"
    assert good["pdfFileUrl"].startswith("/v1/files/")
    assert bad["pdfGenerationStatus"] == "Error"
    assert bad["errorMessage"] == "Unknown merge field chargeNumber__c"


@pytest.mark.parametrize(
    ("keys", "status"), [("", 400), (",".join(["INV00000001"] * 51), 400), ("INV404", 404)]
)
async def test_a_pdf_status_is_asked_for_one_to_fifty_documents(client, keys, status):
    assert (await client.get(f"{STATUS}{keys}")).status_code == status


async def test_a_draft_has_no_pdf(client, world):
    world.add_invoice("A00000001", "USD", "1.00", number="INV00000077", status="Draft")

    (row,) = (await client.get(f"{STATUS}INV00000077")).json()["invoiceFiles"]

    assert row["pdfGenerationStatus"] == "None"


@pytest.mark.parametrize(
    ("path", "keys", "files"),
    [
        ("/v1/debit-memos", "debitMemoKeys", "debitMemoFiles"),
        ("/v1/debitmemos", "debitMemoKeys", "debitMemoFiles"),
        ("/v1/credit-memos", "creditMemoKeys", "creditMemoFiles"),
    ],
)
async def test_memos_have_a_pdf_status_and_files_of_their_own(
    client, zuora, world, path, keys, files
):
    memo = world.add_debit_memo("A00000001", "USD", "45.00")
    if files == "creditMemoFiles":
        memo = world.add_credit_memo("A00000001", "USD", "45.00")
    memo.older_pdf_file_ids = ("a" * 32,)

    (row,) = (await client.get(f"{path}/pdf-status?{keys}={memo.number}")).json()[files]
    listed = (await client.get(f"{path}/{memo.number}/files")).json()[files]

    assert row["pdfGenerationStatus"] == "Generated"
    assert [each["id"] for each in listed] == [memo.pdf_file_id, "a" * 32]
    assert all(each["id"] not in each["pdfFileUrl"] for each in listed)
    zuora.knobs = replace(zuora.knobs, invoice_settlement=False)
    assert (await client.get(f"{path}/pdf-status?{keys}={memo.number}")).status_code == 403


async def test_an_older_file_of_a_memo_can_be_mailed(client, world):
    world.add_debit_memo("A00000001", "USD", "45.00").older_pdf_file_ids = ("a" * 32,)

    answer = await client.post("/v1/debit-memos/DM00000001/emails", {"pdfFileId": "a" * 32})

    assert answer.json() == {"success": True}


async def test_a_notification_that_is_off_in_one_profile_is_off_for_its_accounts_alone(
    client, zuora, world, clock
):
    quiet = world.add_profile("Quiet", inactive=frozenset({MANUAL_INVOICE}))
    world.accounts["A00000001"].communication_profile_id = quiet.id
    emails = "/v1/invoices/{}/emails"
    world.add_invoice("A00000001", "USD", "1.00", number="INV00000077")
    world.add_invoice("A00000002", "EUR", "1.00", number="INV00000078")

    refused = await client.post(emails.format("INV00000077"))
    taken = await client.post(emails.format("INV00000078"))
    clock.move(60)

    assert (refused.status_code, taken.status_code) == (400, 200)
    assert [mail.document for mail in zuora.mails] == ["INV00000078"]
    listed = (await client.get("/settings/communication-profiles")).json()
    assert [(each["name"], each["default"]) for each in listed] == [
        ("Default Profile", True),
        ("Quiet", False),
    ]
    rows = (await client.get(f"/settings/communication-profiles/{quiet.id}/notifications")).json()
    assert {row["name"]: row["active"] for row in rows}[MANUAL_INVOICE] is False


async def test_a_muted_profile_sends_nothing_to_its_accounts(client, zuora, world, clock):
    world.accounts["A00000001"].communication_profile_id = world.add_profile("M", muted=True).id

    assert (await client.post("/v1/bill-runs/BR-00000001/emails")).json() == {"success": True}
    clock.move(60)

    accounts = {mail.account for mail in zuora.mails}
    assert accounts
    assert "A00000001" not in accounts


@pytest.mark.parametrize("attach", [True, False])
async def test_notifications_say_whether_they_attach_the_pdf(client, zuora, attach):
    zuora.knobs = replace(zuora.knobs, attach_pdf=attach)
    (profile,) = (await client.get("/settings/communication-profiles")).json()

    path = f"/settings/communication-profiles/{profile['id']}/notifications"
    boxes = {row["name"]: row["param4"] for row in (await client.get(path)).json()}

    assert boxes[MANUAL_INVOICE] == ("Include invoice PDF" if attach else "Not include invoice PDF")
    assert boxes["Bill Run Completion"] is None
