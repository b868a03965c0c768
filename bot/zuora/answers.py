"""What Zuora knows about bill runs, documents, accounts and subscriptions, as frozen values. No I/O.

Key names: the pages *Retrieve a bill run*, *Retrieve an invoice*, *Retrieve a debit memo*,
*Retrieve an account* and the expanded objects of Object Query in Zuora's SDK 3.21.0.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from bot.domain.kind import DocumentKind
from bot.domain.known import MailedAt, NotKnown
from bot.domain.money import Amount, Money

NOT_READ: Final = NotKnown("not read")


@dataclass(frozen=True, slots=True)
class Answer:
    """Zuora's answer to a call that it accepted.

    For a call with an effect it means "accepted": mails go out later, and Zuora does not say when.

    Attributes:
        status: HTTP status, 2xx.
        zuora_request_id: Header `Zuora-Request-Id`, for Zuora's support.
        data: The JSON value, amounts as `Decimal`, or a file's bytes; not for logs. For a call with an effect it is
            an object.
        size: Its length in bytes, unpacked.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRun:
    """A bill run. Its counts may lag while it works.

    Attributes:
        last_emailed_at: None only if Zuora says plainly that nothing of it was mailed.
        disagrees: A sentence for each difference between two answers about it.
        status: Zuora's own word in its API spelling (`PostInProgress`); an unknown word unchanged.
        billed_account_id: Account of an account- or subscription-level run, else empty.
        created_by, updated_by: Ids of Zuora's users; empty if not given.
        next_run: Id and number of the occurrence that follows, named by a cancel; else None.
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
    no_email_for_zero_amount: bool | None = None
    batches: tuple[str, ...] = ()
    billed_account_id: str = ""
    invoice_count: int | NotKnown = NOT_READ
    credit_memo_count: int | NotKnown = NOT_READ
    account_count: int | NotKnown = NOT_READ
    invoices_emailed: bool | None = None
    last_emailed_at: MailedAt = NOT_READ
    posted_at: datetime | None = None
    updated_at: datetime | None = None
    created_by: str = ""
    updated_by: str = ""
    created_at: datetime | None = None
    error_message: str = ""
    schedule: Schedule | None = None
    scheduled_for: datetime | None = None
    time_zone: str = ""
    next_run: tuple[str, str] | None = None
    disagrees: tuple[str, ...] = ()

    @property
    def mails_itself(self) -> bool | None:
        """Return whether it was set to post and mail by itself; None if Zuora did not say."""
        both = (self.auto_post, self.auto_email)
        return False if False in both else None if None in both else True


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDocument:
    """An invoice or memo. Amounts are as Zuora gives them: a credit memo's is positive.

    Attributes:
        last_emailed_at: Zuora keeps it for invoices only. None: never, and Zuora said so plainly.
        emailed_known: Whether Zuora keeps it for this kind.
        posted_at: When it was posted at the latest; None if not known.
        trouble: Why it must not be sent even if it is Posted, for example `was reversed`.
        unchecked: Which such reasons Zuora said nothing about, for example `reversed`.
        bill_to_mail: Whether the bill-to contact has an address; None if not read.
        mail_domain: Domain of that address; empty if not known, or if names are not read.
        more_mail: Whether the account has additional addresses; None if not read.
        profile_id: The communication profile of its account; empty if not given.
    """

    kind: DocumentKind
    id: str
    number: str
    status: str = ""
    account_id: str = ""
    account_number: str = ""
    account_name: str = ""
    currency: str | NotKnown = NOT_READ
    amount: Decimal | NotKnown = NOT_READ
    balance: Decimal | NotKnown = NOT_READ
    last_emailed_at: MailedAt = NOT_READ
    emailed_known: bool = False
    bill_run_number: str = ""
    bill_to_mail: bool | None = None
    mail_domain: str = ""
    more_mail: bool | None = None
    profile_id: str = ""
    posted_at: datetime | None = None
    trouble: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def money(self) -> Amount:
        """Return its total; not known if the amount or the currency is not."""
        return money_of(self.amount, self.currency)

    @property
    def reaches_nobody(self) -> bool:
        """Return whether Zuora shows no address to mail it to; a template may still name a fixed one."""
        return self.bill_to_mail is False and self.more_mail is False

    @property
    def customer(self) -> str:
        """Return `Acme (A00000001)`."""
        number = self.account_number or self.account_id
        return f"{self.account_name} ({number})" if self.account_name else number

    @property
    def customer_name(self) -> str:
        """Return `Acme`, or the account's number if its name is not known or may not be shown."""
        return self.account_name or self.account_number or self.account_id


def money_of(amount: Decimal | NotKnown, currency: str | NotKnown) -> Amount:
    """Return an amount with its currency, or why one of them is not known."""
    if isinstance(amount, NotKnown):
        return amount
    if isinstance(currency, NotKnown):
        return NotKnown(f"its currency is {currency.why}", said=str(amount))
    return Money(currency, amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A customer account, without its mail addresses.

    Attributes:
        bill_to_mail: Whether the bill-to contact has a work or personal address; None if Zuora
            shows no such contact.
        mail_domain: Domain of that address; empty if not known, or if names are not read.
        more_mail: Whether there are additional addresses; None if Zuora does not say.
    """

    id: str
    number: str
    name: str = ""
    status: str = ""
    currency: str | NotKnown = NOT_READ
    batch: str = ""
    bill_cycle_day: str = ""
    bill_to_mail: bool | None = None
    mail_domain: str = ""
    more_mail: bool | None = None
    communication_profile_id: str = ""

    @property
    def called(self) -> str:
        """Return `A00000001 (Acme)`."""
        return f"{self.number} ({self.name})" if self.name else self.number


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
    invoice_owner_id: str = ""
    invoice_owner_number: str = ""
