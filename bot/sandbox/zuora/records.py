"""The records of a tenant. They are mutable: a test changes a field to make the facts drift."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["invoice", "credit_memo", "debit_memo"]


@dataclass
class Contact:
    """A person who receives bills."""

    id: str
    first_name: str
    last_name: str
    work_email: str | None = None
    personal_email: str | None = None
    country: str = "United States"


@dataclass
class Profile:
    """A communication profile: which notifications the accounts that are linked to it get."""

    id: str
    name: str
    number: str
    muted: bool = False
    inactive: frozenset[str] = frozenset()
    """Names of notifications that are off in this profile, besides those that are off in every profile."""


@dataclass
class Account:
    """A customer account."""

    id: str
    number: str
    name: str
    currency: str
    bill_to: Contact
    created_at: datetime
    batch: str = "Batch1"
    bill_cycle_day: int = 1
    status: str = "Active"
    additional_emails: str | None = None
    balance: Decimal = Decimal(0)
    payment_term: str = "Net 30"
    communication_profile_id: str | None = None
    is_labeled: bool = True
    """False: it is in no organization yet, like accounts from before Multi-Org."""
    fails_billing: bool = False
    """True: every bill run leaves this account out as failed and still completes."""
    says: dict[str, Any] = field(default_factory=dict)
    """Fields of its JSON that Zuora writes with another value: an odd one, null, or a wrong one."""
    hides: frozenset[str] = frozenset()
    """Fields of its JSON that Zuora leaves out."""


@dataclass
class Subscription:
    """One version of a subscription with a single monthly charge."""

    id: str
    number: str
    account: Account
    monthly: Decimal
    starts: date
    billed_to: date
    """The first day not billed yet (Zuora's charged-through date)."""
    created_at: datetime
    name: str = "Platform, monthly"
    status: str = "Active"
    auto_renew: bool = True
    version: int = 1
    latest: bool = True


@dataclass
class Document:
    """An invoice, a credit memo or a debit memo; `amount` is positive for memos."""

    id: str
    number: str
    kind: Kind
    account: Account
    currency: str
    amount: Decimal
    document_date: date
    target_date: date
    status: str
    created_at: datetime
    source: str = "BillRun"
    source_id: str | None = None
    bill_run_id: str | None = None
    due_date: date | None = None
    balance: Decimal = Decimal(0)
    posted_at: datetime | None = None
    cancelled_at: datetime | None = None
    last_email_sent: datetime | None = None
    pdf_file_id: str | None = None
    older_pdf_file_ids: tuple[str, ...] = ()
    pdf_status: str | None = None
    """Zuora's word for its latest PDF; None: `Generated` where there is a file, else `None`."""
    pdf_error: str | None = None
    updated_at: datetime | None = None
    updated_by: str = ""
    """Id of the user who changed it last; empty for the client's user."""
    reversed: bool = False
    """A reversed invoice stays Posted (page *Reverse an invoice*)."""
    says: dict[str, Any] = field(default_factory=dict)
    """Fields of its JSON that Zuora writes with another value: an odd one, null, or a wrong one."""
    hides: frozenset[str] = frozenset()
    """Fields of its JSON that Zuora leaves out."""

    @property
    def pdf_file_ids(self) -> tuple[str, ...]:
        """Return its PDF files, the latest first."""
        latest = (self.pdf_file_id,) if self.pdf_file_id else ()
        return latest + self.older_pdf_file_ids


@dataclass
class BillRun:
    """A bill run, ad hoc or one occurrence of a schedule."""

    id: str
    number: str
    name: str | None
    status: str
    created_at: datetime
    updated_at: datetime
    run_type: str = "Regular"
    updated_by: str = ""
    """Id of the user who changed it last; empty for the client's user."""
    batches: list[str] | None = None
    bill_cycle_day: str | None = None
    filters: list[dict[str, Any]] | None = None
    charge_types: list[str] | None = None
    auto_post: bool = False
    auto_email: bool = False
    auto_renewal: bool = False
    no_zero_mail: bool = False
    include_subscriptions: bool = True
    include_order_lines: bool = True
    target_date: date | None = None
    invoice_date: date | None = None
    target_offset: int | None = None
    invoice_offset: int | None = None
    target_month_offset: int | None = None
    target_day: int | None = None
    invoice_month_offset: int | None = None
    invoice_day: int | None = None
    schedule: dict[str, Any] | None = None
    scheduled_at: datetime | None = None
    organization_labels: list[dict[str, Any]] | None = None
    body: dict[str, Any] = field(default_factory=dict)
    """The request that made it; the next occurrence of a schedule is made from it too."""
    through_api: bool = False
    executed_at: datetime | None = None
    ended_at: datetime | None = None
    posted_at: datetime | None = None
    error_message: str | None = None
    number_of_accounts: int = 0
    invoices_emailed: bool = False
    last_email_sent: datetime | None = None
    ends_in: Literal["Completed", "Error", "stuck"] = "Completed"
    """How processing will end; `stuck` stays Processing for ever."""
    post_ends_in: Literal["Posted", "Completed"] = "Posted"
    """`Completed`: the next posting leaves one document a draft; the one after succeeds."""
    billed: list[tuple[Subscription, date]] = field(default_factory=list)
    """Subscriptions that this run billed, each with the date it was billed to before."""
    says: dict[str, Any] = field(default_factory=dict)
    """Fields of its JSON that Zuora writes with another value: an odd one, null, or a wrong one."""
    hides: frozenset[str] = frozenset()
    """Fields of its JSON that Zuora leaves out."""


@dataclass
class PreviewRun:
    """A billing preview run; its result is made when it completes."""

    id: str
    number: str
    body: dict[str, Any]
    target_date: date
    created_at: datetime
    status: str = "Pending"
    total_accounts: int = 0
    failed_accounts: int = 0
    ended_at: datetime | None = None
    ends_in: Literal["Completed", "Error"] = "Completed"
    error_message: str | None = None
    file: bytes = b""


def said(entry: object, row: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a record, changed by `says` and without the fields in `hides`."""
    if not isinstance(entry, Account | Document | BillRun):
        return row
    return {name: v for name, v in {**row, **entry.says}.items() if name not in entry.hides}


@dataclass(frozen=True)
class Cause:
    """The call that caused a mail; all None if a bill run sent it by itself."""

    track_id: str | None = None
    request_id: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Mail:
    """A mail that a customer got."""

    document: str
    kind: Kind
    account: str
    recipients: tuple[str, ...]
    time: datetime
    notification: str
    subject: str
    bill_run: str | None
    track_id: str | None
    request_id: str | None
    path: str | None


@dataclass(frozen=True)
class HistoryRow:
    """A row of the email history; also written for a mail that could not be sent."""

    account_id: str
    object_id: str
    to: str
    subject: str
    time: datetime
    notification: str
    event_category: int
    result: str
    error_message: str | None
