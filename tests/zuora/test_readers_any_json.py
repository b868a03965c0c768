"""Whatever JSON stands in whatever field: no reader raises, and nothing odd is read as good news."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.known import NotKnown
from bot.operations.create_bill_run.autopost_mails import auto_mails
from bot.operations.email_bill_run import words
from bot.operations.email_bill_run.facts import EmailRunFacts
from bot.operations.notices import state_of
from bot.operations.pdf_checks import STATES, pdfs_of
from bot.operations.posting_mails import posting_mails
from bot.zuora import agreement, readers, rows
from bot.zuora.errors import ZuoraContradicts
from bot.zuora.notifications import MailNotification, MailProfile
from bot.zuora.pdfs import PdfStatus
from bot.zuora.rows import Here

HERE = Here(datetime(2026, 11, 28, tzinfo=UTC))
RUN = {
    "id": "r1", "billingRunNumber": "BR-00000001", "status": "Posted", "name": "November",
    "billingRunType": "Regular", "targetDate": "2026-11-30", "invoiceDate": "2026-11-30",
    "autoPost": False, "autoEmail": False, "noEmailForZeroAmountInvoice": False,
    "numberOfInvoices": 1, "numberOfCreditMemos": 0, "invoicesEmailed": False,
    "lastEmailSentTime": None, "timeZone": "UTC",
}  # fmt: skip
INVOICE = {
    "id": "i1", "invoiceNumber": "INV1", "status": "Posted", "amount": Decimal("5.00"),
    "balance": Decimal("5.00"), "currency": "USD", "reversed": False, "lastEmailSentDate": None,
    "source": "BillRun", "sourceId": "BR-00000001", "accountId": "a1",
    "eInvoiceStatus": None, "taxStatus": None, "account": {"accountNumber": "A1"},
}  # fmt: skip
MATERIAL = (
    "id", "invoiceNumber", "status", "amount", "currency", "reversed", "lastEmailSentDate",
    "sourceId", "eInvoiceStatus", "taxStatus",
)  # fmt: skip
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(max_size=30)
    | st.sampled_from(["Posted", "posted", "true", "no", "2026-11-20", "5,000.00", "1e999", "NaN"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
ODD = st.lists(ANY, max_size=2) | st.dictionaries(st.text(max_size=9), ANY, min_size=1, max_size=2)
SUBSCRIPTION = (
    "id",
    "subscriptionNumber",
    "name",
    "status",
    "version",
    "isLatestVersion",
    "accountId",
)
DOUBTS = ("not known", "does not say", "Wrong to send")


def card(run, invoice):
    """Everything that an approver is shown, or the refusal."""
    read = readers.bill_run_of(run, {}, HERE)
    try:
        agreement.row_of_run("invoice", "BR-00000001", invoice)
        documents = [readers.document_of("invoice", invoice, HERE)]
        agreement.run_and_documents(documents, read)
    except ZuoraContradicts as error:
        return f"refused: {error}"
    facts = EmailRunFacts.of(
        documents, read, zero_left_out=read.no_email_for_zero_amount, mails_itself=False
    )
    shown = words.lines(facts, resend=False)
    return "\n".join(str(each) for each in shown if each.label != "Goes to")  # never known here


def test_what_is_plain_is_in_no_doubt():
    plain = {**INVOICE, "billToContact": {"workEmail": "a@example.com"}}
    shown = card(RUN, plain)
    assert not any(each in shown.replace("does not say whether A1 has", "") for each in DOUBTS)


@given(field=st.sampled_from(MATERIAL), said=ODD)
def test_an_odd_value_of_a_document_is_said_or_refused(field, said):
    shown = card(RUN, {**INVOICE, field: said}).replace("does not say whether A1 has", "")
    assert shown.startswith("refused: ") or any(each in shown for each in DOUBTS), shown


@given(field=st.sampled_from(["numberOfInvoices", "lastEmailSentTime", "status"]), said=ODD)
def test_an_odd_value_of_a_run_is_not_known(field, said):
    run = readers.bill_run_of({**RUN, field: said}, {}, HERE)
    counts_all = agreement.is_counted(run, [])
    assert run.status != "Posted" or not counts_all or isinstance(run.last_emailed_at, NotKnown)


@given(run=st.dictionaries(st.sampled_from(sorted(RUN)), ANY), more=ANY)
def test_no_run_of_any_json_raises_and_never_mailed_was_said_plainly(run, more):
    found = readers.bill_run_of(run, {"schedule": more, "billRunFilters": more}, HERE)
    if found.last_emailed_at is None:
        assert run.get("lastEmailSentTime") is None
        assert rows.flag(run, "invoicesEmailed") is False
    for count in (found.invoice_count, found.credit_memo_count):
        assert isinstance(count, int | NotKnown)


@given(row=st.dictionaries(st.sampled_from(sorted(INVOICE)), ANY))
@pytest.mark.parametrize("kind", ["invoice", "credit_memo", "debit_memo"])
def test_no_document_of_any_json_raises_and_what_reassures_was_said_plainly(kind, row):
    found = readers.document_of(kind, row, HERE)
    card(RUN, {**INVOICE, **row})
    if found.last_emailed_at is None:
        assert "lastEmailSentDate" in row
        assert row["lastEmailSentDate"] is None
    if isinstance(found.amount, Decimal):
        assert found.amount.is_finite()
        assert isinstance(row["amount"], int | Decimal | str)
    if kind != "debit_memo" and not found.unchecked:
        assert rows.flag(row, "reversed") is not None
    if found.status == "Posted":
        assert row["status"].strip().lower() == "posted"


@given(basic=ANY, billing=ANY, contact=ANY, mail=ANY)
def test_an_account_has_an_address_only_where_one_stands_there(basic, billing, contact, mail):
    data = {"basicInfo": basic, "billingAndPayment": billing, "billToContact": contact}
    readers.account_of(data)
    found = readers.account_of({**data, "billToContact": {"workEmail": mail}})
    if found.bill_to_mail is True:
        assert "@" in mail
    if found.bill_to_mail is False:
        assert mail in (None, "")


@given(row=st.dictionaries(st.sampled_from(SUBSCRIPTION), ANY))
def test_no_subscription_of_any_json_raises(row):
    readers.subscription_of(row)


@given(active=ANY, email=ANY, muted=ANY)
def test_a_notification_is_on_only_where_all_of_it_was_said_plainly(active, email, muted):
    one = MailNotification(
        profile_id="p",
        event="Invoice Posted",
        name="Invoice Posted within a Bill Run of Auto-Post",
        active=rows.flag({"it": active}, "it"),
        email=rows.flag({"it": email}, "it"),
        muted=rows.flag({"it": muted}, "it"),
    )
    plain = (one.active, one.email, one.muted) == (True, True, False)
    assert (state_of([one]) == "on") is plain
    assert (auto_mails([MailProfile(id="p", name="P")], [one]).state == "on") is plain


@pytest.mark.parametrize("flags", [(None, True, False), (True, None, False), (True, True, None)])
def test_that_posting_mails_nobody_is_never_guessed(flags):
    active, email, muted = flags
    one = MailNotification(
        profile_id="p", event="Invoice Posted", name="Invoice Posted via API",
        active=active, email=email, muted=muted,
    )  # fmt: skip
    assert posting_mails([one], [MailProfile(id="p", name="P")]) == "not known"


@given(said=ANY)
def test_a_pdf_in_a_state_that_zuora_does_not_have_is_not_known(said):
    status = rows.text({"it": said}, "it").capitalize()
    found = pdfs_of([PdfStatus(number="1", status=status)], unread=0, unasked=0, certain=True)
    assert (found.unread == 1) is (status not in STATES)


@given(said=ANY)
def test_only_a_list_of_objects_is_a_list(said):
    found = rows.table({"it": said}, "it")
    good = isinstance(said, list) and all(isinstance(each, dict) for each in said)
    assert isinstance(found, tuple) is good
