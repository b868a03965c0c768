"""What Zuora knows of bill runs, documents, accounts and subscriptions, as frozen values. No I/O.

Key names: the pages *Retrieve a bill run*, *Retrieve an invoice*, *Retrieve a debit memo*,
*Retrieve an account* and the expanded objects of Object Query in Zuora's SDK 3.21.0.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bot.zuora.calls import DocumentKind


@dataclass(frozen=True, slots=True)
class Answer:
    """What Zuora said yes with.

    To a call that does something it means accepted: mails go out later, and nobody is told when.

    Attributes:
        status: HTTP status, 2xx.
        zuora_request_id: Header `Zuora-Request-Id`, for Zuora's support.
        data: The JSON value, amounts as `Decimal`; not for logs. Of a file its bytes.
        size: How many bytes it had, unpacked.
    """

    status: int
    zuora_request_id: str
    data: Any = field(repr=False)
    size: int = 0


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
        profile_id: The communication profile of its account; empty where it is not told.
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
    profile_id: str = ""


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
