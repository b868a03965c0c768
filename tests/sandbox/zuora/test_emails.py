"""Emailing the documents of a run, an invoice, a memo."""

from dataclasses import replace

import pytest

from bot.sandbox.zuora.options import MANUAL_DEBIT_MEMO, MANUAL_INVOICE

EMAILS = "/v1/bill-runs/BR-00000001/emails"


async def test_a_run_mails_its_invoices_and_credit_memos(client, zuora, clock):
    assert (await client.post(EMAILS, Zuora_Track_Id="R-1")).json() == {"success": True}
    assert zuora.mails == []
    clock.move(2)
    sent = [(mail.document, mail.recipients, mail.track_id) for mail in zuora.mails]
    assert sent == [
        ("INV00000001", ("billing.a00000001@example.com",), "R-1"),
        ("INV00000002", ("billing.a00000002@example.com",), "R-1"),
        ("CM00000001", ("billing.a00000002@example.com",), "R-1"),
    ]
    assert {mail.bill_run for mail in zuora.mails} == {"BR-00000001"}


async def test_the_run_shows_its_mails_late(client, clock):
    await client.post(EMAILS)
    clock.move(4.9)
    run = (await client.get("/object-query/billing-runs/BR-00000001")).json()
    invoice = (await client.get("/v1/invoices/INV00000001")).json()
    assert (run["invoicesEmailed"], invoice["lastEmailSentDate"]) == (False, None)
    clock.move(0.1)
    run = (await client.get("/object-query/billing-runs/BR-00000001")).json()
    invoice = (await client.get("/v1/invoices/INV00000001")).json()
    assert run["invoicesEmailed"] is True
    assert run["lastEmailSentTime"] == "2026-11-30T09:00:02Z"
    assert invoice["lastEmailSentDate"] == "2026-11-30 09:00:02"


async def test_two_quick_calls_without_resend_mail_twice(client, zuora, clock):
    await client.post(EMAILS, {"resend": False})
    clock.move(3)
    await client.post(EMAILS, {"resend": False})
    clock.move(60)
    assert len(zuora.mails) == 6


async def test_a_later_call_without_resend_mails_nothing(client, zuora, clock):
    await client.post(EMAILS)
    clock.move(60)
    assert (await client.post(EMAILS)).json() == {"success": True}
    clock.move(60)
    assert len(zuora.mails) == 3


async def test_resend_mails_everything_again(client, zuora, clock):
    await client.post(EMAILS)
    clock.move(60)
    await client.post(EMAILS, {"resend": True})
    clock.move(60)
    assert len(zuora.mails) == 6


@pytest.mark.parametrize("resend", ["true", 1, "false"])
async def test_resend_must_be_a_boolean(client, zuora, clock, resend):
    answer = await client.post(EMAILS, {"resend": resend})
    clock.move(60)
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (400, 50000020)
    assert zuora.mails == []


async def test_a_run_is_mailed_by_id_too(client, zuora, world, clock):
    await client.post(f"/v1/bill-runs/{world.bill_runs['BR-00000001'].id}/emails")
    clock.move(2)
    assert len(zuora.mails) == 3


async def test_an_unknown_run_is_not_found(client):
    assert (await client.post("/v1/bill-runs/BR-9/emails")).status_code == 404


@pytest.mark.parametrize("status", ["Pending", "Completed", "PostInProgress", "Error"])
async def test_a_run_that_is_not_posted_is_refused(client, world, status):
    world.bill_runs["BR-00000001"].status = status
    answer = await client.post(EMAILS)
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (400, 50000030)


async def test_accepted_unposted_a_run_mails_its_posted_documents(client, zuora, world, clock):
    zuora.knobs = replace(zuora.knobs, unposted_run_email="accept")
    world.bill_runs["BR-00000001"].status = "Completed"
    world.invoices["INV00000001"].status = "Draft"
    assert (await client.post(EMAILS)).status_code == 200
    clock.move(2)
    assert [mail.document for mail in zuora.mails] == ["INV00000002", "CM00000001"]


async def test_zero_invoices_are_left_out_when_the_run_says_so(client, zuora, world, clock):
    world.bill_runs["BR-00000001"].no_zero_mail = True
    await client.post(EMAILS)
    clock.move(2)
    assert [mail.document for mail in zuora.mails] == ["INV00000001", "CM00000001"]


async def test_an_inactive_notification_is_refused_or_silent(client, zuora, clock):
    off = frozenset({MANUAL_INVOICE})
    zuora.knobs = replace(zuora.knobs, inactive_notifications=off)
    answer = await client.post(EMAILS)
    assert answer.json()["reasons"][0]["code"] == 50000030
    zuora.knobs = replace(zuora.knobs, inactive_answer="silent")
    assert (await client.post(EMAILS)).json() == {"success": True}
    clock.move(60)
    assert [mail.kind for mail in zuora.mails] == ["credit_memo"]


async def test_a_muted_profile_takes_calls_and_sends_nothing(client, zuora, clock):
    zuora.knobs = replace(zuora.knobs, muted=True)
    assert (await client.post(EMAILS)).json() == {"success": True}
    clock.move(60)
    assert zuora.mails == []
    profiles = (await client.get("/settings/communication-profiles")).json()
    assert profiles[0]["muted"] is True


async def test_an_account_without_an_address_gets_a_failure_in_the_history(client, zuora, clock):
    zuora.world.add_invoice("A00000003", "USD", "5.00", number="INV00000077")
    assert (await client.post("/v1/invoices/INV00000077/emails")).json() == {"success": True}
    clock.move(60)
    assert zuora.mails == []
    rows = (await client.get("/v1/notification-history/email")).json()["emailHistories"]
    assert [row["errorMessage"] for row in rows] == ["The email has no recipient."]
    assert (await client.get("/v1/invoices/INV00000077")).json()["lastEmailSentDate"] is None


@pytest.mark.parametrize(
    ("body", "recipients"),
    [
        ({}, ("billing.a00000001@example.com",)),
        ({"emailAddresses": "a@example.com, b@example.com"}, ("a@example.com", "b@example.com")),
        (
            {"emailAddresses": "a@example.com", "useEmailTemplateSetting": True},
            ("billing.a00000001@example.com",),
        ),
        (
            {"emailAddresses": "a@example.com", "includeAdditionalEmailAddresses": True},
            ("a@example.com", "cfo@example.com"),
        ),
    ],
)
async def test_an_invoice_goes_to(client, zuora, clock, body, recipients):
    assert (await client.post("/v1/invoices/INV00000001/emails", body)).json() == {"success": True}
    clock.move(2)
    assert [mail.recipients for mail in zuora.mails] == [recipients]


@pytest.mark.parametrize(
    "body",
    [
        {"emailAddresses": "nobody"},
        {"emailAddresses": ["a@example.com"]},
        {"useEmailTemplateSetting": "true"},
        {"includeAdditionalEmailAddresses": "yes"},
    ],
)
async def test_an_invoice_email_with_a_wrong_value_is_refused(client, body):
    answer = await client.post("/v1/invoices/INV00000001/emails", body)
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (400, 50000020)


async def test_a_draft_invoice_is_refused(client, world):
    world.invoices["INV00000001"].status = "Draft"
    answer = await client.post("/v1/invoices/INV00000001/emails")
    assert answer.json()["reasons"][0]["code"] == 50000030


@pytest.mark.parametrize("path", ["/v1/debit-memos", "/v1/debitmemos"])
async def test_a_debit_memo_is_mailed_under_both_spellings(client, zuora, world, clock, path):
    memo = world.add_debit_memo("A00000001", "USD", "45.00")
    assert (await client.get(f"{path}/{memo.id}")).json()["number"] == "DM00000001"
    body = {"pdfFileId": memo.pdf_file_id}
    assert (await client.post(f"{path}/DM00000001/emails", body)).json() == {"success": True}
    clock.move(2)
    assert [mail.kind for mail in zuora.mails] == ["debit_memo"]


@pytest.mark.parametrize("path", ["/v1/credit-memos", "/v1/creditmemos"])
async def test_a_credit_memo_is_mailed_under_both_spellings(client, zuora, clock, path):
    assert (await client.get(f"{path}/CM00000001")).json()["amount"] == 12.5
    assert (await client.post(f"{path}/CM00000001/emails")).json() == {"success": True}
    clock.move(2)
    assert [mail.document for mail in zuora.mails] == ["CM00000001"]


@pytest.mark.parametrize(("file_id", "status"), [("short", 400), ("0" * 32, 404)])
async def test_a_wrong_pdf_of_a_memo_is_refused(client, world, file_id, status):
    world.add_debit_memo("A00000001", "USD", "45.00")
    answer = await client.post("/v1/debit-memos/DM00000001/emails", {"pdfFileId": file_id})
    assert answer.status_code == status


async def test_memos_need_invoice_settlement(client, zuora, world):
    world.add_debit_memo("A00000001", "USD", "45.00")
    zuora.knobs = replace(zuora.knobs, invoice_settlement=False)
    answer = await client.post("/v1/debit-memos/DM00000001/emails")
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (403, 50000010)


async def test_a_debit_memo_needs_its_notification(client, zuora, world):
    world.add_debit_memo("A00000001", "USD", "45.00")
    zuora.knobs = replace(zuora.knobs, inactive_notifications=frozenset({MANUAL_DEBIT_MEMO}))
    assert (await client.post("/v1/debit-memos/DM00000001/emails")).status_code == 400


async def test_the_email_history_hides_successes_unless_asked(client, clock):
    await client.post("/v1/invoices/INV00000001/emails")
    clock.move(60)
    path = "/v1/notification-history/email"
    assert (await client.get(path)).json()["emailHistories"] == []
    rows = (await client.get(f"{path}?failedOnly=false&pageSize=5")).json()["emailHistories"]
    assert [(row["result"], row["toEmail"]) for row in rows] == [
        ("OK", "billing.a00000001@example.com")
    ]
    span = "startTime=2026-11-20T00:00:00&endTime=2026-11-30T00:00:00"
    assert (await client.get(f"{path}?{span}")).status_code == 400


async def test_the_settings_show_which_notifications_are_active(client, zuora):
    profile = (await client.get("/settings/communication-profiles")).json()[0]["id"]
    path = f"/settings/communication-profiles/{profile}/notifications"
    rows = {row["name"]: row["active"] for row in (await client.get(path)).json()}
    assert rows[MANUAL_INVOICE] is True
    assert rows["Invoice Posted via API / Manually"] is False
    rules = (await client.get("/settings/billing-rules")).json()
    assert (rules["allowAutoPostBillRun"], rules["catchUpBillRun"]) == (True, False)
    zuora.knobs = replace(zuora.knobs, settings_allowed=False)
    answer = await client.get(path)
    assert (answer.status_code, set(answer.json())) == (403, {"code", "message"})
