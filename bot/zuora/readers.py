"""Zuora's JSON into the values of `answers`: one function for each, all forgiving. No I/O."""

from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Final

from bot.zuora import rows
from bot.zuora.answers import Account, BillingDocument, BillRun, Schedule, Subscription
from bot.zuora.calls import DocumentKind
from bot.zuora.rows import Row

BILL_RUN_STATUSES: Final = (
    "Pending", "Processing", "Completed", "Error", "Canceled", "Posted", "PostInProgress",
    "CancelInProgress", "RemoveInProgress", "Paused",
)  # fmt: skip
_CANONICAL: Final = {status.lower(): status for status in BILL_RUN_STATUSES} | {
    "cancelled": "Canceled"
}


def bill_run_of(counts: Row, plain: Row, zone: tzinfo = UTC) -> BillRun:
    """A bill run out of its two readings; either may be empty.

    Args:
        counts: `/object-query/billing-runs/{key}`: counts, mails, error, time zone.
        plain: `/v1/bill-runs/{id}` or the answer to create, post, cancel: name, dates, status. It
            is read second and its status has a known spelling, so it goes first.
        zone: For times without an offset, where the run does not tell its own.
    """
    both: Row = {**counts, **{name: value for name, value in plain.items() if value is not None}}
    zone_name = rows.text(counts, "timeZone")
    here = rows.zone_of(zone_name, zone)
    filters = rows.listed(plain, "billRunFilters")
    following = rows.part(plain, "nextRun")
    return BillRun(
        id=rows.text(both, "id"),
        number=rows.text(both, "billRunNumber", "billingRunNumber"),
        name=rows.text(both, "name"),
        status=status_of(rows.text(both, "status")),
        type=rows.text(both, "billRunType", "billingRunType"),
        target_date=rows.day(both, "targetDate"),
        invoice_date=rows.day(both, "invoiceDate"),
        auto_post=rows.flag(both, "autoPost"),
        auto_email=rows.flag(both, "autoEmail"),
        auto_renewal=rows.flag(both, "autoRenewal"),
        no_email_for_zero_amount=rows.flag(both, "noEmailForZeroAmountInvoice"),
        batches=rows.words(both, "batches"),
        bill_cycle_day=rows.text(both, "billCycleDay"),
        billed_account_id=rows.text(filters[0] if filters else counts, "accountId"),
        invoice_count=rows.number(counts, "numberOfInvoices"),
        credit_memo_count=rows.number(counts, "numberOfCreditMemos"),
        account_count=rows.number(counts, "numberOfAccounts"),
        invoices_emailed=rows.flag(counts, "invoicesEmailed"),
        last_emailed_at=rows.moment(counts, "lastEmailSentTime", zone=here),
        posted_at=rows.moment(counts, "postedDate", zone=here),
        executed_at=rows.moment(counts, "executedDate", zone=here),
        created_at=rows.moment(counts, "createdDate", zone=here)
        or rows.moment(plain, "createdDate", zone=here),
        error_message=rows.text(counts, "errorMessage"),
        schedule=_schedule(rows.part(plain, "schedule") or counts),
        scheduled_for=rows.moment(counts, "scheduledExecutionTime", zone=here)
        or rows.moment(plain, "scheduledExecutionTime", zone=here),
        time_zone=zone_name,
        next_run=(rows.text(following, "id"), rows.text(following, "billRunNumber"))
        if following
        else None,
    )


def status_of(said: str) -> str:
    """Zuora's word in the API's spelling: `Post in progress` and `POSTINPROGRESS` alike."""
    return _CANONICAL.get(said.replace(" ", "").replace("_", "").lower(), said)


def document_of(kind: DocumentKind, row: Row, zone: tzinfo = UTC) -> BillingDocument:
    """A document out of an object query, a ZOQL row or `/v1`: three spellings of the same keys."""
    account = rows.part(row, "account")
    return BillingDocument(
        kind=kind,
        id=rows.text(row, "id", "Id"),
        number=rows.text(row, "invoiceNumber", "memoNumber", "number", *_ZOQL_NUMBERS),
        status=rows.text(row, "status", "Status"),
        account_id=rows.text(row, "accountId", "AccountId"),
        account_number=rows.text(row, "accountNumber") or rows.text(account, "accountNumber"),
        account_name=rows.text(row, "accountName") or rows.text(account, "name"),
        currency=rows.text(row, "currency", "Currency") or rows.text(account, "currency"),
        amount=rows.money(row, "amount", "totalAmount", "Amount", "TotalAmount") or Decimal(0),
        balance=rows.money(row, "balance", "unappliedAmount", "Balance") or Decimal(0),
        document_date=rows.day(row, "invoiceDate", "creditMemoDate", "debitMemoDate", "memoDate"),
        due_date=rows.day(row, "dueDate"),
        last_emailed_at=rows.moment(row, "lastEmailSentDate", "LastEmailSentDate", zone=zone),
        emailed_known=kind == "invoice",
        bill_run_number=_run_number(rows.text(row, "sourceId", "SourceId")),
        profile_id=rows.text(account, _PROFILE) or rows.text(row, _PROFILE),
    )


def account_of(data: Row) -> Account:
    """An account out of `/v1/accounts/{key}`."""
    basic, billing = rows.part(data, "basicInfo"), rows.part(data, "billingAndPayment")
    contact = rows.part(data, "billToContact")
    return Account(
        id=rows.text(basic, "id"),
        number=rows.text(basic, "accountNumber"),
        name=rows.text(basic, "name"),
        status=rows.text(basic, "status"),
        currency=rows.text(billing, "currency"),
        batch=rows.text(basic, "batch"),
        bill_cycle_day=rows.text(billing, "billCycleDay"),
        bill_to_mail=bool(rows.text(contact, "workEmail", "personalEmail")),
        additional_mails=len(rows.words(billing, "additionalEmailAddresses")),
        prefers_email=rows.flag(billing, "invoiceDeliveryPrefsEmail"),
        communication_profile_id=rows.text(basic, _PROFILE),
    )


def subscription_of(data: Row) -> Subscription:
    """A subscription out of `/v1/subscriptions/{key}`."""
    return Subscription(
        id=rows.text(data, "id"),
        number=rows.text(data, "subscriptionNumber", "name"),
        status=rows.text(data, "status"),
        version=rows.number(data, "version"),
        is_latest_version=rows.flag(data, "isLatestVersion"),
        account_id=rows.text(data, "accountId"),
        account_number=rows.text(data, "accountNumber"),
        account_name=rows.text(data, "accountName"),
        invoice_owner_id=rows.text(data, "invoiceOwnerAccountId"),
        invoice_owner_number=rows.text(data, "invoiceOwnerAccountNumber"),
    )


_PROFILE: Final = "communicationProfileId"
_ZOQL_NUMBERS: Final = ("InvoiceNumber", "MemoNumber", "Number")


def _run_number(source_id: str) -> str:
    return source_id if source_id.startswith("BR-") else ""


def _schedule(row: Row) -> Schedule | None:
    if not rows.text(row, "repeatType", "repeatFrom"):
        return None
    return Schedule(
        repeat_type=rows.text(row, "repeatType"),
        repeat_from=rows.day(row, "repeatFrom"),
        repeat_to=rows.day(row, "repeatTo"),
        run_time=rows.number(row, "runTime"),
        weekly_on=rows.words(row, "weeklyOnDay"),
        monthly_on_end_of_month=rows.flag(row, "monthlyOnEndOfMonth"),
    )
