"""Emails of invoices, debit memos and credit memos: one, mixed, refused, changed meanwhile."""

import re
import zipfile
from dataclasses import replace

import pytest

from bot.audit.verify import verify_database
from bot.sandbox.zuora.options import MANUAL_INVOICE
from tests.audit.test_by_the_format import performed
from tests.audit.test_evidence import lines, made
from tests.audit.test_package import status
from tests.audit.test_verify import Tampering, rehash
from tests.patient import opens_at_once
from tests.postgres import ON_POSTGRES
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA

DOCUMENTS = {"what": "documents"}
AGAIN = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
mails_again = true
approvals = 2
"""
ID = "402881e522cf4f9b0122cf5d82860002"


@pytest.fixture
def invoice(stage):
    """INV00000077 of an account whose name is no ordinary one."""
    stage.zuora.world.add_account(
        "A00000077", name="Acme `& Söhne` <!channel>", additional_emails="books@acme.example"
    )
    return stage.zuora.world.add_invoice("A00000077", "USD", "120.50", number="INV00000077")


async def fill(stage, text, recipients="", user=ALICE, **values):
    """Type the command, choose the recipients, submit; what the form answered."""
    await stage.open_form(user, text)
    if recipients:
        await stage.slack.choose(user, "form:recipients", recipients)
        await stage.slack.until(lambda: recipients in words_of_the_form(stage))
    return await stage.slack.submit(user, {"reason": "Month end", **values})


async def ask(stage, text, cards=1, **values):
    """Ask; the `ts` of the cards that came of it."""
    before = len(stage.slack.channel_messages(CHANNEL))
    submitted = await fill(stage, text, **values)
    assert submitted.ok, submitted.errors
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == before + cards)
    return [message.ts for message in stage.slack.channel_messages(CHANNEL)[before:]]


def words_of_the_form(stage, user=ALICE):
    """The chosen recipients, and the form's words on who gets the mail."""
    view = stage.slack.view(user)
    return [
        block["element"]["initial_option"]["value"]
        for block in view["blocks"] if block.get("block_id") == "recipients"
    ] + [
        element["text"]
        for block in view["blocks"] if block["type"] == "context"
        for element in block["elements"]
    ]  # fmt: skip


async def approved(stage, ts, headline="Accepted by Zuora"):
    await stage.press(BOB, ts)
    await stage.until_card(ts, headline)


async def test_an_invoice_is_asked_for_approved_and_accepted(stage, invoice):
    (ts,) = await ask(stage, "INV00000077")

    card = stage.card(ts)
    assert "Email invoice INV00000077 of Acme" in card
    assert (
        "INV00000077 · USD 120.50 · balance USD 120.50 · A00000077 Acme `\u2060&amp; Söhne`\u2060"
        in card
    )
    assert "<!channel>" not in card
    assert "Recipients: set in Zuora's email template; the bot cannot see them" in card
    assert "Mailed before: never" in card
    await approved(stage, ts, "Accepted by Zuora: email invoice INV00000077")

    (order,) = stage.orders()
    assert order.path == "/v1/invoices/INV00000077/emails"
    assert order.body == {"useEmailTemplateSetting": True}
    assert order.headers["zuora-track-id"] == "billing-bot.R-1.INV00000077"
    assert order.headers["idempotency-key"].startswith("billing-bot:R-1:")
    assert "Zuora accepted the order to mail INV00000077" in stage.thread(ts)[-1]


@pytest.mark.parametrize("path", ["debitmemos", "debit-memos"])
async def test_a_debit_memo_goes_to_the_path_of_the_setting(stage, path):
    stage.changes = {"zuora_debit_memo_path": path}
    await stage.restart()
    stage.zuora.world.add_debit_memo("A00000001", "USD", "9.00", number="DM00000003")

    (ts,) = await ask(stage, "dm00000003")
    await approved(stage, ts, "Accepted by Zuora: email debit memo DM00000003")

    assert [order.path for order in stage.orders()] == [f"/v1/{path}/DM00000003/emails"]
    assert "Mailed before: not known" in await stage.details(ts)


async def test_a_credit_memo_is_mailed_with_the_pdf_that_was_named(stage):
    memo = stage.zuora.world.add_credit_memo("A00000001", "USD", "9.00", number="CM00000004")

    (ts,) = await ask(stage, "CM00000004", pdf_file_id=memo.pdf_file_id.upper())
    await approved(stage, ts)

    (order,) = stage.orders()
    assert order.path == "/v1/credit-memos/CM00000004/emails"
    assert order.body == {"useEmailTemplateSetting": True, "pdfFileId": memo.pdf_file_id}
    assert f"PDF: file {memo.pdf_file_id}" in await stage.details(ts)


async def test_mixed_kinds_are_one_request_with_one_card(stage, invoice):
    world = stage.zuora.world
    world.add_debit_memo("A00000001", "USD", "9.00", number="DM00000003")
    world.add_credit_memo("A00000001", "USD", "8.00", number="CM00000004")
    other = world.add_invoice("A00000001", "EUR", "-5.00", number="INV00000078")

    text = f"INV00000077, CM00000004;DM00000003 INV:{other.id} inv00000077"
    (ts,) = await ask(stage, text)

    headline, _, amounts, *_ = stage.card(ts).splitlines()
    assert headline == "Email 2 invoices, 1 credit memo and 1 debit memo of 2 customers"
    each = (
        "EUR -5.00 · USD 120.50 (2 invoices) · USD -8.00 (1 credit memo) · USD 9.00 (1 debit memo)"
    )
    assert amounts == f"Amount: {each}"
    details = await stage.details(ts)
    assert f"Documents: {each} · 2 accounts" in details
    assert "1 below zero" in details
    assert "Typed again: 1, counted once" in details
    memos = "1 credit memo and 1 debit memo: Zuora keeps no mail date of memos"
    assert f"Mailed before: no invoice; not known for {memos}" in details
    await approved(stage, ts)
    assert {order.path for order in stage.orders()} == {
        "/v1/invoices/INV00000077/emails", "/v1/invoices/INV00000078/emails",
        "/v1/debitmemos/DM00000003/emails", "/v1/credit-memos/CM00000004/emails",
    }  # fmt: skip


async def test_one_wrong_document_saves_nothing_at_all(stage, invoice):
    submitted = await fill(stage, "INV00000077 DM00000099")

    assert submitted.errors == {"documents": "Zuora knows no bill run, invoice or memo DM00000099."}
    assert stage.slack.channel_messages(CHANNEL) == []


@pytest.mark.parametrize(
    ("recipients", "values", "body", "words"),
    [
        ("template", {}, {"useEmailTemplateSetting": True}, "set in Zuora's email template"),
        ("bill_to", {}, {}, "the bill-to contact of each document alone"),
        (
            "bill_to", {"additional": ["yes"]}, {"includeAdditionalEmailAddresses": True},
            "the bill-to contact of each document, and the additional addresses of each account",
        ),
        (
            "addresses", {"email_addresses": "Ann@Example.com; bob@b.example\nann@example.com"},
            {"emailAddresses": "ann@example.com,bob@b.example"}, "2 typed addresses",
        ),
    ],
)  # fmt: skip
async def test_the_recipients_are_what_was_chosen(stage, invoice, recipients, values, body, words):
    (ts,) = await ask(stage, "INV00000077", recipients=recipients, **values)
    await approved(stage, ts)

    assert stage.orders()[0].body == body
    assert f"Recipients: {words}" in await stage.details(ts)


async def test_given_addresses_are_shown_with_their_domains(stage, invoice):
    stage.zuora.world.add_invoice("A00000001", "USD", "5.00", number="INV00000078")

    (ts,) = await ask(
        stage, "INV00000077 INV00000078", recipients="addresses",
        email_addresses="a@b.example, c@b.example, d@e.example",
    )  # fmt: skip

    card = stage.card(ts)
    assert "a@b.example, c@b.example, d@e.example · 2 domains: b.example 2, e.example 1" in card
    assert "documents of 2 accounts go to the same addresses" in card


async def test_more_addresses_than_a_card_holds_are_in_details_and_not_in_the_thread(
    stage, invoice
):
    typed = [f"a{n}@b.example" for n in range(12)]

    (ts,) = await ask(
        stage, "INV00000077", recipients="addresses", email_addresses=", ".join(typed)
    )

    assert "a9@b.example and 2 more (Details lists all) · 1 domain" in stage.card(ts)
    assert not [said for said in stage.thread(ts) if "a11@b.example" in said]
    assert "a11@b.example" in await stage.details(ts)


async def test_the_form_says_who_will_get_the_mail(stage):
    await stage.slack.slash(ALICE, CHANNEL, "/billemail")
    await stage.slack.choose(ALICE, "form:what", "documents")
    await stage.slack.until(lambda: "template" in words_of_the_form(stage))
    assert any("To Email" in words for words in words_of_the_form(stage))

    await stage.slack.choose(ALICE, "form:recipients", "bill_to")
    await stage.slack.until(lambda: any("nobody else" in w for w in words_of_the_form(stage)))


async def test_a_single_document_that_was_refused_can_be_asked_for_again(stage, invoice):
    stage.zuora.faults.add(
        "/v1/invoices/*/emails", kind="http200_failure", category=30, message="No contact."
    )
    (ts,) = await ask(stage, "INV00000077")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Failed")

    said = stage.slack.thread(CHANNEL, ts)[-1]
    assert "No contact." in said.text
    await stage.slack.click(ALICE, CHANNEL, said.ts, "change")
    submitted = await stage.slack.submit(ALICE, {"reason": "Contact added"})

    assert submitted.ok, submitted.errors
    await stage.quiet()
    assert stage.request(2).parent == 1
    assert stage.request(2).subject == "INV00000077"


async def test_accounts_without_an_address_are_named_for_the_template_too(stage, invoice):
    """Whom the template names is not known; mostly it is the bill-to contact."""
    (reached,) = await ask(stage, "INV00000077")
    stage.zuora.world.add_account("A00000078", email=None)
    stage.zuora.world.add_invoice("A00000078", "USD", "1.00", number="INV00000078")
    (ts,) = await ask(stage, "INV00000078")

    assert "Bill-to contacts" not in stage.card(reached)
    assert "1 account without a bill-to address: A00000078" in stage.card(ts)


async def test_accounts_without_an_address_are_named_when_the_bill_to_contact_is_chosen(
    stage, invoice
):
    stage.zuora.world.add_account("A00000078", email=None)
    stage.zuora.world.add_invoice("A00000078", "USD", "5.00", number="INV00000078")

    (ts,) = await ask(stage, "INV00000077 INV00000078", recipients="bill_to")

    assert "1 account without a bill-to address: A00000078" in stage.card(ts)
    nobody = await fill(stage, "INV00000078", recipients="bill_to")
    assert "nobody would be mailed" in nobody.errors["recipients"]


async def test_an_invoice_that_was_mailed_says_when_and_that_it_goes_again(stage, invoice):
    invoice.last_email_sent = stage.clock.now()

    (ts,) = await ask(stage, "INV00000077")

    assert "Mailed before: <!date^" in stage.card(ts)
    assert "; this sends it again" in stage.card(ts)


REFUSED = [
    ("nonsense", {}, "documents", "Zuora knows no bill run, invoice or memo nonsense"),
    (ID, {}, "documents", f"Zuora knows no bill run, invoice or memo {ID}."),
    ("BR-00000001", {}, "documents", "is a bill run"),
    ("INV00000099", {}, "documents", "Zuora knows no bill run, invoice or memo INV00000099."),
    ("INV00000078", {}, "documents", "INV00000078 is Draft; only posted invoices"),
    ("INV00000077", {"pdf_file_id": ID}, "pdf_file_id", "empty for invoices"),
    ("CM00000004", {"pdf_file_id": "12"}, "pdf_file_id", "32 digits"),
    ("CM00000004 CM00000005", {"pdf_file_id": ID}, "pdf_file_id", "belongs to one memo"),
    ("CM00000004 DM00000005", {"pdf_file_id": ID}, "pdf_file_id", "belongs to one memo"),
    ("INV00000077", {"reason": "  "}, "reason", "Say why"),
]


async def test_what_cannot_be_mailed_is_said_at_its_field(stage, invoice):
    world = stage.zuora.world
    world.add_invoice("A00000077", "USD", "1.00", number="INV00000078", status="Draft")
    world.add_credit_memo("A00000077", "USD", "1.00", number="CM00000004")
    for typed, values, field, words in REFUSED:
        submitted = await fill(stage, "CM00000004", documents=typed, **values)

        assert words in submitted.errors[field], typed
        assert stage.slack.channel_messages(CHANNEL) == []
        await stage.slack.close(ALICE)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("nobody", "Not a mail address: nobody"),
        ("a@b.example <c@d.example>", "Not a mail address: <c@d.example>"),
        (", ".join(f"a{i}@b.example" for i in range(51)), "At most 50 addresses; these are 51"),
        (" , ", "Type at least one address"),
    ],
)
async def test_wrong_addresses_are_said_at_their_field(stage, invoice, typed, words):
    submitted = await fill(stage, "INV00000077", recipients="addresses", email_addresses=typed)

    assert words in submitted.errors["email_addresses"]


@pytest.mark.parametrize("number", ["DM00000003", "CM00000004"])
async def test_without_invoice_settlement_memos_are_refused_with_that_reason(stage, number):
    stage.zuora.world.add_debit_memo("A00000001", "USD", "9.00", number="DM00000003")
    stage.zuora.world.add_credit_memo("A00000001", "USD", "9.00", number="CM00000004")
    stage.zuora.knobs = replace(stage.zuora.knobs, invoice_settlement=False)

    submitted = await fill(stage, number)

    assert "Invoice Settlement is off" in submitted.errors["documents"]


async def test_who_may_not_ask_gets_no_form(stage, invoice):
    ack = await stage.slack.slash(MARA, CHANNEL, "/billemail INV00000077")

    assert stage.slack.view(MARA) is None
    assert ack.text


async def test_an_invoice_that_changed_is_not_mailed(stage, invoice):
    (ts,) = await ask(stage, "INV00000077")
    invoice.amount += 1

    await approved(stage, ts, "Stopped. Nothing was sent")

    assert "INV00000077 was USD 120.50 and is USD 121.50 now" in stage.thread(ts)[-1]
    assert stage.orders() == []


async def test_an_invoice_that_was_mailed_meanwhile_is_not_mailed_twice(stage, invoice):
    (ts,) = await ask(stage, "INV00000077")
    invoice.last_email_sent = stage.clock.now()

    await approved(stage, ts, "Stopped. Nothing was sent")

    assert "INV00000077 was mailed meanwhile" in stage.thread(ts)[-1]


async def test_two_approved_within_seconds_for_one_invoice_mail_it_once(stage, invoice):
    (first,) = await ask(stage, "INV00000077")
    (second,) = await ask(stage, "INV00000077")
    stage.zuora.faults.add("/v1/invoices/*/emails", kind="too_many", retry_after=60)
    await stage.press(BOB, first)
    await stage.until_thread(first, "Zuora is busy")

    await approved(stage, second, "Stopped. Nothing was sent")

    assert "R-1 has an order for INV00000077 under way" in stage.thread(second)[-1]
    await stage.pass_time(seconds=61)
    await stage.until_card(first, "Accepted by Zuora")
    assert [order.status for order in stage.orders()] == [429, 200]


async def test_what_is_wrong_with_each_kind_of_a_mixed_list_is_said(stage, invoice):
    submitted = await fill(stage, "INV00000099 DM00000099")

    assert submitted.errors["documents"] == (
        "Zuora knows no bill run, invoice or memo INV00000099 or DM00000099."
    )


async def test_a_bill_to_contact_that_loses_its_address_stops_what_goes_to_it(stage, invoice):
    account = stage.zuora.world.add_account("A00000078")
    stage.zuora.world.add_invoice("A00000078", "USD", "5.00", number="INV00000078")
    (ts,) = await ask(stage, "INV00000077 INV00000078", recipients="bill_to")
    account.bill_to = replace(account.bill_to, work_email=None)

    await approved(stage, ts, "Stopped. Nothing was sent")

    assert "the bill-to contact of INV00000078 has no address now" in stage.thread(ts)[-1]
    assert stage.orders() == []


async def test_a_balance_that_changed_is_no_drift(stage, invoice):
    (ts,) = await ask(stage, "INV00000077")
    invoice.balance -= 20

    await approved(stage, ts)


async def test_a_notification_that_could_not_be_checked_and_is_off_is_shown_in_zuoras_words(
    stage, invoice
):
    stage.zuora.knobs = replace(
        stage.zuora.knobs,
        inactive_notifications=frozenset({MANUAL_INVOICE}),
        settings_allowed=False,
    )
    (ts,) = await ask(stage, "INV00000077")

    await approved(stage, ts, "Failed")

    assert f"The notification '{MANUAL_INVOICE}' is not active." in stage.thread(ts)[-1]


@pytest.mark.never_repeated
@pytest.mark.parametrize("number", ["INV00000077", "DM00000003", "CM00000004"])
async def test_a_lost_answer_is_settled_when_zuora_shows_the_mail(stage, invoice, number):
    stage.zuora.world.add_debit_memo("A00000001", "USD", "9.00", number="DM00000003")
    stage.zuora.world.add_credit_memo("A00000001", "USD", "9.00", number="CM00000004")
    (ts,) = await ask(stage, number)
    stage.zuora.faults.add("/v1/*/*/emails", kind="lose_answer")
    await approved(stage, ts, "OUTCOME UNKNOWN")

    for _ in range(4):
        await stage.pass_time(minutes=1)

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 1


@pytest.mark.never_repeated
@pytest.mark.parametrize("number", ["INV00000077", "DM00000003"])
async def test_a_mail_that_never_went_out_stays_unknown_for_a_person(stage, invoice, number):
    stage.zuora.world.add_debit_memo("A00000001", "USD", "9.00", number="DM00000003")
    (ts,) = await ask(stage, number)
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    await approved(stage, ts, "OUTCOME UNKNOWN")

    for _ in range(14):
        await stage.pass_time(minutes=10)

    await stage.until_thread(ts, "A person has to look there")
    await stage.record(CARLA, ts, "record_not_sent")
    await stage.until_card(ts, "Failed")
    assert len(stage.orders()) == 1


async def recorded_beside_a_refused_mail(stage):
    """A list of a mail that was refused, and one that a person found in Zuora after its answer was lost."""
    stage.zuora.world.add_invoice("A00000001", "USD", "9.00", number="INV00000078")
    (ts,) = await ask(stage, "INV00000077 INV00000078")
    stage.zuora.faults.add("/v1/invoices/INV00000077/emails", kind="drop")
    stage.zuora.faults.add(
        "/v1/invoices/INV00000078/emails", kind="http200_failure", category=30, message="Locked."
    )
    await approved(stage, ts, "OUTCOME UNKNOWN")
    for _ in range(14):
        await stage.pass_time(minutes=10)
    await stage.until_thread(ts, "A person has to look there")
    await stage.record(CARLA, ts, "record_sent")
    await stage.slack.until(lambda: stage.request(1).state == "failed")


@pytest.mark.usefixtures("invoice")
async def test_a_mail_that_is_given_up_before_it_goes_out_under_its_new_key_is_as_the_history_records(
    stage,
):
    stage.zuora.world.add_invoice("A00000077", "USD", "3", number="INV00000078")
    (ts,) = await ask(stage, "INV00000077 INV00000078")
    stage.zuora.faults.add("/v1/invoices/INV00000078/emails", kind="conflict", times=None)
    await stage.press(BOB, ts)
    await stage.until_thread(ts, "Zuora is busy")

    await stage.as_time_passes(lambda: stage.request(1).state == "failed", step=3600)
    await stage.quiet()

    assert "it could not be sent in time" in " ".join(stage.thread(ts))
    assert stage.findings() == ()


@pytest.mark.never_repeated
@pytest.mark.usefixtures("invoice")
async def test_what_a_person_records_beside_a_refused_mail_is_a_failure_in_the_history_too(stage):
    """The worst answer counts, whatever the person saw of the lost one."""
    await recorded_beside_a_refused_mail(stage)

    found = verify_database(stage.file(), key="")
    assert found.findings == (), found.findings


@pytest.mark.never_repeated
@pytest.mark.usefixtures("invoice")
async def test_the_report_does_not_let_a_person_say_what_they_did_not(stage, tmp_path):
    await recorded_beside_a_refused_mail(stage)

    _, out = await made(stage, tmp_path)

    with zipfile.ZipFile(out) as archive:
        page = archive.read("00-report.html").decode()
    said = "; of a lost answer Carla Mendes (U0CARLA) said: it went through<"
    assert re.search(f"<td>failed since [^<]*{re.escape(said)}", page)
    assert "as Carla Mendes (U0CARLA) said" not in page


@pytest.mark.never_repeated
@pytest.mark.skipif(ON_POSTGRES, reason="the file is forged")
@pytest.mark.usefixtures("invoice")
async def test_a_record_of_an_earlier_version_beside_a_refused_mail_is_a_failure(stage, tmp_path):
    """Earlier versions wrote down neither the state that a person's record gives nor which decisions their starts list."""
    await recorded_beside_a_refused_mail(stage)
    await stage.stop()
    path = stage.settings().database_path
    with Tampering(path) as connection:
        for left_out, what in (("state", "request.settled"), ("decides", "bot.started")):
            connection.execute(
                "UPDATE history SET data = json_remove(data, ?) WHERE what = ?",
                [f"$.{left_out}", what],
            )
        rehash(connection, 1)
        connection.execute(
            "UPDATE history_head SET hash = (SELECT hash FROM history ORDER BY sequence DESC LIMIT 1)"
        )

    found = verify_database(stage.file(), key="")
    _, out = await made(stage, tmp_path)

    assert found.findings == (), found.findings
    assert [line["state"] for line in lines(out, "population.jsonl")] == ["failed"]
    assert status(out, "").exit_code == 0
    assert performed(out, "")[0] == 0
    with Tampering(path) as connection:
        connection.execute("UPDATE requests SET state = 'succeeded'")
    (wrong, *_) = stage.findings()
    assert "R-1 is succeeded, and the history's last word" in str(wrong)


async def test_the_form_keeps_numbers_that_one_field_cannot_take(stage):
    text = " ".join(f"INV{i:08d}" for i in range(400))

    await stage.slack.slash(ALICE, CHANNEL, f"/billemail {text}")

    typed = [
        block["element"].get("initial_value", "")
        for block in stage.slack.view(ALICE)["blocks"]
        if block.get("block_id", "").endswith("documents")
    ]
    assert len(typed) == 3
    assert " ".join(typed).split() == text.split()
    assert max(map(len, typed)) <= 3000


async def test_zuora_down_when_asking_is_said_in_the_form(stage, invoice, monkeypatch):
    opens_at_once(monkeypatch)
    stage.zuora.faults.down = True
    submitted = await stage.fill_as_time_passes(text="INV00000077")

    assert "Zuora did not answer (" in submitted.errors["documents"]


async def test_zuora_s_outage_is_said_once_in_the_form(stage, invoice, monkeypatch):
    opens_at_once(monkeypatch)
    stage.zuora.faults.add("/object-query/*", kind="status", status=503, times=None)
    submitted = await stage.fill_as_time_passes(text="INV00000077")

    assert submitted.errors["documents"].startswith("Zuora did not answer (HTTP 503). Nothing")


async def test_where_object_queries_are_not_allowed_documents_are_read_one_by_one(stage, invoice):
    refused = {"reasons": [{"code": 50000010, "message": "You do not have permission."}]}
    stage.zuora.faults.add("/object-query/*", kind="status", status=403, body=refused, times=None)

    (ts,) = await ask(stage, "INV00000077", recipients="bill_to")

    assert "INV00000077 · USD 120.50" in stage.card(ts)
    assert "every bill-to contact has an address" in stage.card(ts)
    await approved(stage, ts)


async def test_a_memo_that_is_not_at_its_path_points_to_the_setting(stage):
    stage.zuora.world.add_debit_memo("A00000001", "USD", "9.00", number="DM00000003")
    stage.zuora.faults.add(
        "/v1/debitmemos/*", kind="status", status=404, times=None,
        body={"message": "no Route matched with those values"},
    )  # fmt: skip

    submitted = await fill(stage, "DM00000003")

    assert "Check ZUORA_DEBIT_MEMO_PATH." in submitted.errors["documents"]


async def test_a_bill_run_and_documents_share_a_form_and_change_by_choice(stage):
    await stage.slack.slash(ALICE, CHANNEL, "/billemail")
    names = [block.get("block_id") for block in stage.slack.view(ALICE)["blocks"]]
    assert {"what", "bill_run", "resend", "reason"} <= set(names)
    await stage.slack.choose(ALICE, "form:what", "documents")
    await stage.slack.until(lambda: "template" in words_of_the_form(stage))

    names = [block.get("block_id") for block in stage.slack.view(ALICE)["blocks"]]
    assert {"documents", "recipients", "additional", "pdf_file_id", "reason"} <= set(names)
    assert "bill_run" not in names


@pytest.mark.parametrize("number", ["INV00000077", "DM00000001"])
async def test_what_the_bot_mailed_meanwhile_is_not_mailed_twice_whatever_zuora_shows(
    stage, invoice, number
):
    stage.zuora.world.add_debit_memo("A00000077", "USD", "10.00")
    (first,) = await ask(stage, number)
    (second,) = await ask(stage, number)
    await approved(stage, first)
    invoice.last_email_sent = None  # Zuora marks it later, and memos never

    await approved(stage, second, "Stopped. Nothing was sent")

    assert f"Zuora has meanwhile accepted the mail of {number} for R-1" in stage.thread(second)[-1]
    assert [order.status for order in stage.orders()] == [200]


async def test_a_mail_that_the_bot_knows_of_counts_as_mailed_before_for_the_policy(stage, invoice):
    await stage.with_policy(AGAIN)
    stage.zuora.world.add_debit_memo("A00000077", "USD", "10.00")
    (first,) = await ask(stage, "DM00000001")
    await approved(stage, first)
    await stage.pass_time(hours=30)

    await ask(stage, "DM00000001")

    assert [stage.request(number).rule.approvals for number in (1, 2)] == [1, 2]
