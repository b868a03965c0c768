"""What Zuora says of mails before they are ordered: profiles, notifications, PDFs, files of memos."""

from dataclasses import replace

import pytest

from bot.sandbox.zuora.options import MANUAL_CREDIT_MEMO, MANUAL_INVOICE
from bot.zuora.errors import ZuoraUnavailable

PROFILES = "/settings/communication-profiles"


def asked(local, path):
    return [call for call in local.calls if path in call.path]


async def test_only_the_notifications_of_the_profiles_that_matter_are_read(local, zuora):
    local.world.add_profile("Quiet", muted=True, inactive=frozenset({MANUAL_CREDIT_MEMO}))
    local.world.add_profile("Unused")

    profiles = await zuora.mail_profiles()
    found = await zuora.mail_notifications(profiles[1:2])

    assert [profile.name for profile in profiles] == ["Default Profile", "Quiet", "Unused"]
    assert {one.profile_id for one in found} == {profiles[1].id}
    by_name = {one.name: one for one in found}
    assert by_name[MANUAL_INVOICE].active is True
    assert by_name[MANUAL_INVOICE].muted is True
    assert by_name[MANUAL_INVOICE].email is True
    assert by_name[MANUAL_INVOICE].attaches_pdf is True
    assert by_name[MANUAL_CREDIT_MEMO].active is False
    assert by_name["Bill Run Completion"].attaches_pdf is None
    assert len(asked(local, "/notifications")) == 1


async def test_without_a_choice_all_profiles_are_read(local, zuora):
    local.world.add_profile("Quiet")

    profiles = await zuora.mail_profiles()
    found = await zuora.mail_notifications()

    assert [profile.name for profile in profiles] == ["Default Profile", "Quiet"]
    assert {one.profile_id for one in found} == {profile.id for profile in profiles}


@pytest.mark.parametrize(
    ("said", "attaches"),
    [
        ("Include invoice PDF", True),
        ("Not include invoice PDF", False),
        ("", None),
        ("30", None),
        ("Some PDF", None),
    ],
)
async def test_the_box_of_the_pdf_is_read_as_zuora_writes_it(local, zuora, said, attaches):
    rows = [{"name": MANUAL_INVOICE, "eventName": MANUAL_INVOICE, "param4": said}]
    local.faults.add(f"{PROFILES}/*/notifications", kind="status", status=200, body=rows)

    (found,) = await zuora.mail_notifications()

    assert found.attaches_pdf is attaches
    assert found.active is None


async def test_settings_that_may_not_be_read_are_none_and_an_outage_is_an_error(local, zuora):
    local.knobs = replace(local.knobs, settings_allowed=False)
    assert await zuora.mail_profiles() is None
    assert await zuora.mail_notifications() is None

    local.knobs = replace(local.knobs, settings_allowed=True)
    local.faults.add(PROFILES, kind="status", status=503, times=9)
    with pytest.raises(ZuoraUnavailable):
        await zuora.mail_profiles()


async def test_the_pdfs_of_many_documents_are_asked_fifty_to_a_call(local, zuora):
    numbers = [local.world.add_invoice("A1", "USD", "1.00").number for _ in range(120)]
    local.world.invoices[numbers[7]].pdf_status = "Pending"
    local.world.invoices[numbers[90]].pdf_status = "Error"

    found = await zuora.pdf_statuses("invoice", numbers)

    assert [one.number for one in found] == numbers
    assert {one.status for one in found} == {"Generated", "Pending", "Error"}
    assert found[90].words == "Unknown merge field chargeNumber__c"
    assert len(asked(local, "pdf-status")) == 3


async def test_pdfs_are_asked_at_the_documented_path_whatever_the_path_to_mail_is(local, make):
    memo = local.world.add_debit_memo("A1", "USD", "1.00")

    (found,) = await make(debit_memo_path="debitmemos").pdf_statuses("debit_memo", [memo.number])

    assert found.status == "Generated"
    assert [call.path for call in asked(local, "pdf-status")] == ["/v1/debit-memos/pdf-status"]


async def test_no_document_is_no_call(local, zuora):
    assert await zuora.pdf_statuses("invoice", []) == ()
    assert asked(local, "pdf-status") == []


async def test_pdfs_and_files_that_may_not_be_read_are_none(local, zuora):
    local.knobs = replace(local.knobs, invoice_settlement=False)

    assert await zuora.pdf_statuses("credit_memo", ["CM1"]) is None
    assert await zuora.pdf_files("debit_memo", "DM1") is None


async def test_a_memo_has_the_ids_of_its_files_and_of_their_handles(local, zuora):
    memo = local.world.add_credit_memo("A1", "USD", "1.00")
    memo.pdf_file_id = "A" * 32

    found = await zuora.pdf_files("credit_memo", memo.number)

    assert "a" * 32 in found
    assert len(found) == 2


async def test_documents_know_the_profile_of_their_account_however_they_are_read(local, zuora):
    profile = local.world.add_profile("Quiet")
    local.world.add_account("A00000009", communication_profile_id=profile.id)
    run = local.world.add_bill_run("BR-00000001", invoices=[("A00000009", "USD", "5.00")])
    number = local.world.documents_of(run)[0].number

    async def profiles_of():
        queried = await zuora.documents_of_run("BR-00000001")
        named = await zuora.documents_for_mail("invoice", [number])
        return {document.profile_id for document in (*queried, *named)}

    assert await profiles_of() == {profile.id}
    local.knobs = replace(local.knobs, strict_index=True)
    local.faults.add("/object-query/invoices/*", kind="status", status=403, body={}, times=9)
    assert await profiles_of() == {profile.id}
