"""What Zuora knows of bill runs, documents, accounts and subscriptions, as frozen values. No I/O.

Key names: the pages *Retrieve a bill run*, *Retrieve an invoice*, *Retrieve a debit memo*,
*Retrieve an account* and the expanded objects of Object Query in Zuora's SDK 3.21.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from bot.zuora import rows
from bot.zuora.calls import DocumentKind
from bot.zuora.rows import Row

BILL_RUN_STATUSES: Final = (
    "Pending", "Processing", "Completed", "Error", "Canceled", "Posted", "PostInProgress",
    "CancelInProgress", "RemoveInProgress", "Paused",
)  # fmt: skip
_CANONICAL: Final = {status.lower(): status for status in BILL_RUN_STATUSES} | {
    "cancelled": "Canceled"
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What Zuora said yes with, to a call that does something.

    `success` means accepted: mails go out later, and nobody is told when.

    Attributes:
        http_status: 2xx.
        zuora_request_id: For Zuora's support.
        track_id: As echoed by Zuora.
        excerpt: At most 500 characters, without mail addresses and names.
        data: The whole answer; not for logs.
    """

    http_status: int
    zuora_request_id: str
    track_id: str
    excerpt: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a scheduled bill run repeats; `run_time` is an hour in the tenant's zone."""

    repeat_type: str = ""
    repeat_from: date | None = None
    repeat_to: date | None = None
    run_time: int | None = None
    weekly_on: tuple[str, ...] = ()
    monthly_on_end_of_month: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRun:
    """A bill run. Counts are None where Zuora did not give them; they may lag while it works.

    Attributes:
        status: Zuora's own word in its API spelling (`PostInProgress`); unknown ones as they came.
        billed_account_id: Account of an account- or subscription-level run, else empty.
        next_run: Id and number of the occurrence that follows, told by a cancel; else None.
    """

    id: str
    number: str
    name: str = ""
    status: str = ""
    type: str = ""
    target_date: date | None = None
    invoice_date: date | None = None
    auto_post: bool | None = None
    auto_email: bool | None = None
    auto_renewal: bool | None = None
    no_email_for_zero_amount: bool | None = None
    batches: tuple[str, ...] = ()
    bill_cycle_day: str = ""
    billed_account_id: str = ""
    invoice_count: int | None = None
    credit_memo_count: int | None = None
    account_count: int | None = None
    invoices_emailed: bool | None = None
    last_emailed_at: datetime | None = None
    posted_at: datetime | None = None
    executed_at: datetime | None = None
    created_at: datetime | None = None
    error_message: str = ""
    schedule: Schedule | None = None
    scheduled_for: datetime | None = None
    time_zone: str = ""
    next_run: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDocument:
    """An invoice or memo. Amounts are as Zuora gives them: a credit memo's is positive.

    Attributes:
        currency: ISO code; empty only where neither document nor account tells it.
        last_emailed_at: Zuora keeps it for invoices only.
        emailed_known: Whether None above means "never mailed" rather than "not told".
        bill_to_mail: Whether the bill-to contact has an address; None where it was not read.
    """

    kind: DocumentKind
    id: str
    number: str
    status: str = ""
    account_id: str = ""
    account_number: str = ""
    account_name: str = ""
    currency: str = ""
    amount: Decimal = Decimal(0)
    balance: Decimal = Decimal(0)
    document_date: date | None = None
    due_date: date | None = None
    last_emailed_at: datetime | None = None
    emailed_known: bool = False
    bill_run_number: str = ""
    bill_to_mail: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A customer account, without its mail addresses.

    Attributes:
        bill_to_mail: Whether the bill-to contact has a work or personal address.
        additional_mails: How many additional addresses there are.
        prefers_email: Whether e-mail is among its ways of delivery.
    """

    id: str
    number: str
    name: str = ""
    status: str = ""
    currency: str = ""
    batch: str = ""
    bill_cycle_day: str = ""
    bill_to_mail: bool = False
    additional_mails: int = 0
    prefers_email: bool | None = None
    communication_profile_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One version of a subscription; its id changes with every version."""

    id: str
    number: str
    status: str = ""
    version: int | None = None
    is_latest_version: bool | None = None
    account_id: str = ""
    account_number: str = ""
    account_name: str = ""
    invoice_owner_id: str = ""
    invoice_owner_number: str = ""


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
        communication_profile_id=rows.text(basic, "communicationProfileId"),
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
