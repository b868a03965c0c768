"""What would keep mails from going out is shown before anybody is asked to approve them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sandbox.zuora.options import (
    AUTO_POSTED,
    MANUAL_CREDIT_MEMO,
    MANUAL_DEBIT_MEMO,
    MANUAL_INVOICE,
    POSTED_BY_API,
)
from tests.stage import ALICE, CHANNEL
from tests.stories.test_email_documents import approved

PROFILE = "the communication profile Default Profile"
ORDER = "autopost=yes autoemail=yes batch=1 target=2026-11-30"


@pytest.fixture
def world(stage):
    """An account with three documents of its own, one of each kind."""
    world = stage.zuora.world
    world.add_account("A00000077", name="Acme", batch="Batch1")
    world.add_subscription("A00000077", "100.00", number="S-77")
    world.add_invoice("A00000077", "USD", "120.50", number="INV00000077")
    world.add_debit_memo("A00000077", "USD", "9.00", number="DM00000003")
    world.add_credit_memo("A00000077", "USD", "9.00", number="CM00000004")
    return world


def switch_off(stage, *names):
    off = frozenset({POSTED_BY_API, *names})
    stage.zuora.knobs = replace(stage.zuora.knobs, inactive_notifications=off)


def forbid_settings(stage, *, allowed=False):
    stage.zuora.knobs = replace(stage.zuora.knobs, settings_allowed=allowed)


async def fill(stage, text, **values):
    """Type the command with documents or a bill run, and submit the form."""
    return await stage.fill(text=text, **values)


async def ask(stage, text="BR-00000001", **values):
    return await stage.ask(text=text, **values)


async def fill_new_run(stage, line=ORDER):
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {line}")
    assert ack.ok, ack
    return await stage.slack.submit(ALICE, {"reason": "Month end"})


async def card_of_new_run(stage, line=ORDER):
    before = len(stage.slack.channel_messages(CHANNEL))
    submitted = await fill_new_run(stage, line)
    assert submitted.ok, submitted.errors
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > before)
    return stage.slack.channel_messages(CHANNEL)[-1]


# Notifications


@pytest.mark.parametrize(
    ("number", "name", "both"),
    [
        ("INV00000077", MANUAL_INVOICE, "Manual Email For Invoice | Manual Email For Invoice"),
        ("DM00000003", MANUAL_DEBIT_MEMO, "Email Debit Memo | Manually email Debit Memo"),
        ("CM00000004", MANUAL_CREDIT_MEMO, "Email Credit Memo | Manually email Credit Memo"),
    ],
)
async def test_a_document_whose_notification_is_off_is_said_at_its_field(
    stage, world, number, name, both
):
    switch_off(stage, name)

    submitted = await fill(stage, number)

    assert submitted.errors == {
        "documents": f"Zuora would not mail {number}: its notification “{name}” is off in "
        f"{PROFILE}. Switch on {both} in Zuora under Billing Settings, Notifications."
    }
    assert stage.store.requests.get(1) is None


async def test_documents_of_a_profile_that_mails_nothing_are_named_to_be_left_out(stage, world):
    quiet = world.add_profile("Quiet", inactive=frozenset({MANUAL_INVOICE}))
    world.add_account("A00000078", communication_profile_id=quiet.id)
    world.add_invoice("A00000078", "USD", "1.00", number="INV00000078")

    submitted = await fill(stage, "INV00000077 INV00000078")

    said = submitted.errors["documents"]
    assert said.startswith("Zuora would not mail INV00000078: its notification")
    assert "off in the communication profile Quiet." in said
    assert said.endswith("or leave those documents out.")


@pytest.mark.parametrize("off", [MANUAL_INVOICE, MANUAL_CREDIT_MEMO])
async def test_a_run_with_a_kind_of_documents_that_nobody_is_mailed_is_refused(stage, off):
    switch_off(stage, off)

    submitted = await fill(stage, "BR-00000001")

    said = submitted.errors["bill_run"]
    assert f"its notification “{off}” is off in {PROFILE}. Switch on" in said


async def test_a_run_without_credit_memos_does_not_need_their_notification(stage, world):
    switch_off(stage, MANUAL_CREDIT_MEMO)
    world.add_bill_run("BR-00000009", invoices=[("A00000077", "USD", "5.00")])

    await approved(stage, await ask(stage, "BR-00000009"))

    assert len(stage.orders()) == 1


async def test_some_accounts_of_a_run_that_stay_unmailed_are_a_line_of_the_card(stage, world):
    quiet = world.add_profile("Quiet", inactive=frozenset({MANUAL_INVOICE}))
    world.accounts["A00000002"].communication_profile_id = quiet.id

    ts = await ask(stage)

    assert (
        "Notifications: “Manual Email For Invoice” is off in the communication profile Quiet: its "
        "1 invoice stays unmailed" in stage.card(ts)
    )
    await approved(stage, ts)


@pytest.mark.parametrize("text", ["BR-00000001", "INV00000077"])
async def test_a_muted_profile_is_a_line_of_the_card(stage, world, text):
    stage.zuora.knobs = replace(stage.zuora.knobs, muted=True)

    card = stage.card(await ask(stage, text))

    assert f"Notifications: {PROFILE} is muted: its" in card
    assert "unmailed while it is" in card


@pytest.mark.parametrize("text", ["BR-00000001", "INV00000077"])
async def test_notifications_that_may_not_be_read_are_a_line_and_no_obstacle(stage, world, text):
    forbid_settings(stage)

    ts = await ask(stage, text)

    card = stage.card(ts)
    assert "Notifications: could not be checked: the bot's user in Zuora lacks the right" in card
    assert "“Manual Email For Invoice”" in card
    await approved(stage, ts)


async def test_with_everything_on_the_card_has_no_line_about_it(stage, world):
    card = stage.card(await ask(stage))

    assert "Notifications:" not in card
    assert "PDFs:" not in card


@pytest.mark.parametrize("text", ["BR-00000001", "INV00000077"])
async def test_a_notification_that_was_switched_off_meanwhile_stops_it(stage, world, text):
    ts = await ask(stage, text)
    switch_off(stage, MANUAL_INVOICE, MANUAL_CREDIT_MEMO)

    await approved(stage, ts, "Stopped. Nothing was sent")

    assert "is off in the communication profile Default Profile" in stage.thread(ts)[-1]
    assert stage.orders() == []


@pytest.mark.parametrize(
    ("text", "changes", "words"),
    [
        ("BR-00000001", {"muted": True}, "was on and is muted for 4 now"),
        ("INV00000077", {"muted": True}, "was on and is muted for 1 now"),
        ("INV00000077", {"settings_allowed": False}, "was on and is not readable for 1 now"),
    ],
)
async def test_what_the_approval_rests_upon_stops_it_when_it_is_gone(
    stage, world, text, changes, words
):
    ts = await ask(stage, text)
    stage.zuora.knobs = replace(stage.zuora.knobs, **changes)

    await approved(stage, ts, "Stopped. Nothing was sent")

    assert f"Manual Email For Invoice: Zuora's notification {words}" in stage.thread(ts)[-1]
    assert stage.orders() == []


async def test_each_profile_in_use_is_read_once_and_no_other(stage, world):
    world.add_profile("Unused")
    stage.zuora.calls.clear()

    await ask(stage)

    settings = [call.path for call in stage.zuora.calls if call.path.startswith("/settings")]
    assert len(settings) == 2
    assert settings[0] == "/settings/communication-profiles"


# A new run that mails by itself


async def test_a_run_that_mails_by_itself_is_refused_where_its_notification_is_off(stage, world):
    switch_off(stage, AUTO_POSTED)

    submitted = await fill_new_run(stage)

    assert submitted.errors["posting"] == (
        f"Zuora would mail nobody: its notification “{AUTO_POSTED}” is off in {PROFILE}. Switch it "
        "on in Zuora under Billing Settings, Notifications, or have the run posted without mails."
    )


async def test_a_run_that_only_posts_does_not_need_that_notification(stage, world):
    switch_off(stage, AUTO_POSTED)

    await card_of_new_run(stage, "autopost=yes batch=1 target=2026-11-30")


async def test_where_that_notification_is_off_for_some_or_unreadable_it_is_a_note(stage, world):
    world.add_profile("Quiet", inactive=frozenset({AUTO_POSTED}))
    some = (await card_of_new_run(stage)).text
    forbid_settings(stage)
    unread = (await card_of_new_run(stage, f"{ORDER} name=Second")).text

    assert "off or muted in the communication profile Quiet: what is posted" in some
    assert f"Whether the notification “{AUTO_POSTED}” is on could not be checked" in unread


async def test_for_one_account_its_own_profile_counts(stage, world):
    quiet = world.add_profile("Quiet", inactive=frozenset({AUTO_POSTED}))
    world.accounts["A00000077"].communication_profile_id = quiet.id

    submitted = await fill_new_run(
        stage, "autopost=yes autoemail=yes account=A00000077 target=2026-11-30"
    )

    assert "off in the communication profile Quiet" in submitted.errors["posting"]


async def test_that_notification_switched_off_for_some_meanwhile_stops_it(stage, world):
    quiet = world.add_profile("Quiet")
    card = await card_of_new_run(stage)
    quiet.inactive = frozenset({AUTO_POSTED})

    await approved(stage, card.ts, "Stopped. Nothing was sent")

    assert (
        "was on and is off or muted in the communication profile Quiet now"
        in (stage.thread(card.ts)[-1])
    )


async def test_posting_asks_only_for_the_profiles_of_its_documents(stage, world):
    switch_off(stage)
    quiet = world.add_profile("Quiet", muted=True)
    world.accounts["A00000077"].communication_profile_id = quiet.id
    world.add_bill_run("BR-00000009", status="Completed", invoices=[("A00000077", "USD", "5.00")])

    ts = await stage.ask_step("post_bill_run", "BR-00000009")

    assert "Posting itself mails nobody" in stage.card(ts)


# PDFs


async def test_a_document_whose_pdf_zuora_could_not_make_is_said_at_its_field(stage, world):
    world.invoices["INV00000077"].pdf_status = "Error"

    submitted = await fill(stage, "INV00000077")

    assert submitted.errors == {
        "documents": "Zuora could not make the PDF of INV00000077 (Unknown merge field "
        "chargeNumber__c). Fix its template and generate the PDF again in Zuora."
    }


async def test_a_pdf_that_failed_meanwhile_stops_it(stage, world):
    ts = await ask(stage, "INV00000077")
    world.invoices["INV00000077"].pdf_status = "Error"

    await approved(stage, ts, "Stopped. Nothing was sent")

    assert "could not make the PDF of INV00000077" in stage.thread(ts)[-1]


async def test_where_no_pdf_is_attached_none_is_asked_for(stage, world):
    world.invoices["INV00000077"].pdf_status = "Error"
    stage.zuora.knobs = replace(stage.zuora.knobs, attach_pdf=False)

    await approved(stage, await ask(stage, "INV00000077"))

    assert not [call for call in stage.zuora.calls if "pdf-status" in call.path]


async def test_where_it_is_not_known_whether_one_is_attached_a_failed_pdf_is_a_line(stage, world):
    world.invoices["INV00000077"].pdf_status = "Error"
    forbid_settings(stage)

    card = stage.card(await ask(stage, "INV00000077"))

    assert "PDFs: Zuora could not make the PDF of INV00000077" in card
    assert "if the notification attaches one" in card


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("Pending", "1 PDF of 1 still being made; Zuora mails when they are ready"),
        ("Processing", "1 PDF of 1 still being made"),
        ("Archived", "1 PDF archived in Zuora"),
    ],
)
async def test_a_pdf_that_is_not_there_yet_is_a_line_and_no_drift(stage, world, status, words):
    world.invoices["INV00000077"].pdf_status = status
    ts = await ask(stage, "INV00000077")

    assert f"PDFs: {words}" in stage.card(ts)
    world.invoices["INV00000077"].pdf_status = "Generated"
    await approved(stage, ts)


async def test_one_failed_pdf_of_a_run_is_a_line_and_all_of_them_are_refused(stage, world):
    documents = world.documents_of(world.bill_runs["BR-00000001"])
    documents[0].pdf_status = "Error"
    one = stage.card(await ask(stage))
    for document in documents:
        document.pdf_status = "Error"

    submitted = await fill(stage, "BR-00000001")

    assert f"PDFs: Zuora could not make the PDF of {documents[0].number} (Unknown merge" in one
    assert "Zuora could not make the PDF of" in submitted.errors["bill_run"]


async def test_pdfs_that_zuora_does_not_mention_are_a_line(stage, world):
    stage.zuora.faults.add(
        "/v1/invoices/pdf-status", kind="status", status=403, body={"message": "no"}, times=9
    )

    card = stage.card(await ask(stage, "INV00000077"))

    assert "PDFs: whether 1 PDF can be attached could not be checked" in card


async def test_a_run_is_not_refused_for_pdfs_of_which_zuora_keeps_silent(stage, world):
    """One failed PDF is not all of them, although it is the only one that Zuora named."""
    world.add_bill_run("BR-00000009", invoices=[("A00000077", "USD", "1.00")] * 3)
    document = world.documents_of(world.bill_runs["BR-00000009"])[0]
    found = {"invoiceNumber": document.number, "pdfGenerationStatus": "Error"}
    stage.zuora.faults.add(
        "/v1/invoices/pdf-status", kind="status", status=200, body={"invoiceFiles": [found]}
    )

    card = stage.card(await ask(stage, "BR-00000009"))

    assert f"PDFs: Zuora could not make the PDF of {document.number}" in card
    assert "PDFs: whether 2 PDFs can be attached could not be checked" in card


async def test_a_run_that_mails_by_itself_warns_of_a_second_mail(stage, world):
    """Posted long ago: right after its posting the order is refused (`test_mails_by_itself.py`)."""
    documents = [("A00000077", "USD", "1.00")]
    posted = world.started - timedelta(hours=3)
    world.add_bill_run(
        "BR-00000009", invoices=documents, auto_post=True, auto_email=True, posted_at=posted
    )

    assert "Note: this run mails its documents by itself" in stage.card(
        await ask(stage, "BR-00000009")
    )
    assert "by itself" not in stage.card(await ask(stage, "BR-00000001"))


async def fill_with_file(stage, number, file_id):
    return await fill(stage, number, pdf_file_id=file_id)


async def test_a_pdf_file_of_another_memo_is_said_at_its_field(stage, world):
    submitted = await fill_with_file(stage, "DM00000003", "0" * 32)

    assert submitted.errors == {
        "pdf_file_id": f"Zuora lists no PDF file {'0' * 32} of DM00000003. Type the id of one of "
        "its own files, or leave this empty for the latest."
    }


async def test_an_older_pdf_file_of_the_memo_is_taken(stage, world):
    world.debit_memos["DM00000003"].older_pdf_file_ids = ("a" * 32,)
    world.debit_memos["DM00000003"].pdf_status = "Error"

    ts = await ask(stage, "DM00000003", pdf_file_id="A" * 32)

    assert "in place of the latest one; Zuora lists it for this memo" in stage.card(ts)
    await approved(stage, ts)
    assert stage.orders()[0].body["pdfFileId"] == "a" * 32


async def test_files_that_zuora_does_not_list_are_a_line(stage, world):
    stage.zuora.faults.add(
        "/v1/debit-memos/*/files", kind="status", status=403, body={"message": "no"}, times=9
    )

    card = stage.card(await ask(stage, "DM00000003", pdf_file_id="0" * 32))

    assert "whether it is a file of this memo could not be checked" in card


# Invoices of zero


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        (False, "1 with a total of zero, mailed too"),
        (True, "1 with a total of zero, and the run is set not to mail such invoices"),
    ],
)
async def test_the_card_says_whether_invoices_of_zero_are_mailed(stage, left_out, words):
    stage.zuora.world.bill_runs["BR-00000001"].no_zero_mail = left_out

    assert words in stage.card(await ask(stage))
