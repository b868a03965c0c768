"""Turns Zuora's JSON into the values of `answers`: one function for each, none raises. No I/O.

A value that cannot be read with certainty becomes `NotKnown`, never a reassuring value.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from sys import intern
from typing import Final

from bot.domain.kind import DocumentKind
from bot.domain.known import MailedAt, NotKnown
from bot.zuora import rows
from bot.zuora.answers import NOT_READ, Account, BillingDocument, BillRun, Schedule, Subscription
from bot.zuora.errors import for_people
from bot.zuora.rows import Here, ZuoraRow

BILL_RUN_STATUSES: Final = (
    "Pending", "Processing", "Completed", "Error", "Canceled", "Posted", "PostInProgress",
    "CancelInProgress", "RemoveInProgress", "Paused",
)  # fmt: skip
_CANONICAL: Final = {status.lower(): status for status in BILL_RUN_STATUSES} | {
    "cancelled": "Canceled"
}
LAST_ZONE: Final = timezone(-timedelta(hours=12))
"""Where a day ends last, for a tenant whose zone is not known."""


def bill_run_of(counts: ZuoraRow, plain: ZuoraRow, here: Here) -> BillRun:
    """Return a bill run from its two readings; either may be empty.

    Args:
        counts: `/object-query/billing-runs/{key}`: counts, mails, error, time zone.
        plain: `/v1/bill-runs/{id}` or the answer to create, post, cancel: name, dates, status. It
        is read second and its status has a known spelling, so it wins.
        here: The zone for times without an offset, if the run does not give its own.
    """
    both: ZuoraRow = {
        **counts,
        **{name: value for name, value in plain.items() if value is not None},
    }
    zone_name = rows.text(counts, "timeZone")
    here = replace(here, zone=rows.zone_of(zone_name, here.zone))
    zone = here.zone
    filters = rows.listed(plain, "billRunFilters")
    following = rows.part(plain, "nextRun")
    return BillRun(
        id=rows.text(both, "id"),
        number=rows.text(both, "billRunNumber", "billingRunNumber"),
        name=rows.name(both, "name"),
        status=status_of(rows.text(both, "status")),
        type=run_type(rows.text(both, "billRunType", "billingRunType")),
        target_date=rows.day(both, "targetDate"),
        invoice_date=rows.day(both, "invoiceDate"),
        auto_post=rows.flag(both, "autoPost"),
        auto_email=rows.flag(both, "autoEmail"),
        no_email_for_zero_amount=rows.flag(both, "noEmailForZeroAmountInvoice"),
        batches=rows.words(both, "batches"),
        billed_account_id=rows.text(filters[0] if filters else counts, "accountId"),
        invoice_count=rows.number(counts, "numberOfInvoices"),
        credit_memo_count=rows.number(counts, "numberOfCreditMemos"),
        account_count=rows.number(counts, "numberOfAccounts"),
        invoices_emailed=rows.flag(counts, "invoicesEmailed"),
        last_emailed_at=_run_mailed(counts, here),
        posted_at=rows.known(rows.moment(counts, "postedDate", zone=zone)),
        created_at=rows.known(rows.moment(counts, "createdDate", zone=zone))
        or rows.known(rows.moment(plain, "createdDate", zone=zone)),
        updated_at=rows.known(rows.moment(counts, "updatedDate", zone=zone)),
        created_by=rows.text(both, "createdById"),
        updated_by=rows.text(both, "updatedById"),
        error_message=rows.text(counts, "errorMessage"),
        schedule=_schedule(rows.part(plain, "schedule") or counts),
        scheduled_for=rows.known(rows.moment(counts, "scheduledExecutionTime", zone=zone))
        or rows.known(rows.moment(plain, "scheduledExecutionTime", zone=zone)),
        time_zone=zone_name,
        next_run=(rows.text(following, "id"), rows.text(following, "billRunNumber"))
        if following
        else None,
        disagrees=tuple(_disagreements(counts, plain)),
    )


def run_in_answer(data: ZuoraRow, zone: tzinfo | None = None) -> BillRun:
    """Return the run in the answer to a call that made or changed it; it says nothing about mails."""
    return bill_run_of({}, data, Here(_ANY_TIME, zone))


_ANY_TIME: Final = datetime(9000, 1, 1, tzinfo=UTC)
_SAID_TWICE: Final = (
    ("id", ("id",)),
    ("number", ("billRunNumber", "billingRunNumber")),
    ("target date", ("targetDate",)),
    ("invoice date", ("invoiceDate",)),
)
_TYPE: Final = ("billRunType", "billingRunType")


def _disagreements(counts: ZuoraRow, plain: ZuoraRow) -> Iterator[str]:
    """Yield a sentence for each difference between the two readings of a run."""
    number = rows.text({**counts, **plain}, "billRunNumber", "billingRunNumber")
    said = [
        (what, rows.text(counts, *names), rows.text(plain, *names)) for what, names in _SAID_TWICE
    ]
    statuses = (status_of(rows.text(each, "status")) for each in (counts, plain))
    types = (run_type(rows.text(each, *_TYPE)) for each in (counts, plain))
    for what, one, other in (*said, ("state", *statuses), ("type", *types)):
        if one and other and one != other:
            yield f"Zuora says two things about the {what} of {number}: {one} and {other}."


def _run_mailed(counts: ZuoraRow, here: Here) -> MailedAt:
    """Return when documents of a run were mailed last; `invoicesEmailed` must say the same."""
    if not counts:
        return NOT_READ
    at = rows.mailed(counts, "lastEmailSentTime", here=here)
    was_mailed = rows.flag(counts, "invoicesEmailed")
    if at is None and was_mailed is not False:
        said = "says that it was mailed, and not when" if was_mailed else "does not say whether"
        return NotKnown(f"Zuora {said}")
    if at is rows.MISSING and was_mailed is False:
        return None
    return at


def run_type(said: str) -> str:
    """Return `Regular` or `CatchUp`, however it is written; empty for other words."""
    plain = said.replace(" ", "").replace("_", "").replace("-", "").lower()
    return {"regular": "Regular", "catchup": "CatchUp"}.get(plain.removesuffix("billrun"), "")


def status_of(said: str) -> str:
    """Return Zuora's word in the API's spelling: `Post in progress` and `POSTINPROGRESS` alike."""
    return _CANONICAL.get(said.replace(" ", "").replace("_", "").lower(), said)


def document_status(said: str) -> str:
    """Return `Posted`, however it is written, and Zuora's other words as they came."""
    return "Posted" if said.strip().lower() == "posted" else said


def document_of(
    kind: DocumentKind, row: ZuoraRow, here: Here, *, leaves_out_null: bool = False
) -> BillingDocument:
    """Return a document from an object query, a ZOQL row or `/v1`: three spellings of the same keys.

    Texts that many documents share are kept once (`intern`).

    Args:
        kind: Which kind it is.
        row: What Zuora said.
        here: The time and zone for reading.
        leaves_out_null: Whether a missing field is null, as in ZOQL.
    """
    account, run = rows.part(row, "account"), intern(_run_number(row))
    return BillingDocument(
        kind=kind,
        id=rows.text(row, "id", "Id"),
        number=rows.text(row, "invoiceNumber", "memoNumber", "number", *_ZOQL_NUMBERS),
        status=intern(document_status(rows.text(row, "status", "Status"))),
        account_id=rows.text(row, "accountId", "AccountId"),
        account_number=rows.text(row, "accountNumber") or rows.text(account, "accountNumber"),
        account_name=rows.name(row, "accountName") or rows.name(account, "name"),
        currency=_currency(row, account),
        amount=rows.money(row, "amount", "totalAmount", "Amount", "TotalAmount"),
        balance=rows.money(row, "balance", "unappliedAmount", "Balance"),
        last_emailed_at=_mailed(kind, row, here, leaves_out_null=leaves_out_null),
        emailed_known=kind == "invoice",
        bill_run_number=run,
        more_mail=_more_mail(account),
        profile_id=intern(rows.text(account, _PROFILE) or rows.text(row, _PROFILE)),
        posted_at=_posted(row, here, in_run=bool(run)),
        trouble=tuple(_trouble(row)),
        unchecked=_unchecked(kind, row),
    )


def _posted(row: ZuoraRow, here: Here, *, in_run: bool) -> datetime | None:
    """Return when a document was posted, of memos too; of a day alone, as in `/v1`, its end; None if that may be to come.

    Where a run made it, a day says nothing, as the run has a time.
    """
    names = "postedDate", "postedOn", "PostedDate"
    at = rows.known(rows.moment(row, *names, zone=here.zone))
    if in_run:
        return at
    day, zone = rows.day(row, *names), here.zone or LAST_ZONE
    if at or day is None or day >= here.now.astimezone(zone).date():
        return at
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def _more_mail(account: ZuoraRow) -> bool | None:
    """Return whether an account has additional addresses; an object query gives them as one text."""
    if "additionalEmailAddresses" not in account:
        return None
    said = account["additionalEmailAddresses"]
    if isinstance(said, str):
        return bool(said.strip(" ,;"))
    return bool(said) if said is None or isinstance(said, list) else None


def _currency(row: ZuoraRow, account: ZuoraRow) -> str | NotKnown:
    """Return the document's currency; its account's if the document says nothing at all."""
    own = rows.currency(row, "currency", "Currency")
    silent = own in (rows.MISSING, rows.NULL)
    return rows.currency(account, "currency") if silent and account else own


def _mailed(kind: DocumentKind, row: ZuoraRow, here: Here, *, leaves_out_null: bool) -> MailedAt:
    if kind != "invoice":
        return NOT_READ
    at = rows.mailed(row, "lastEmailSentDate", "LastEmailSentDate", here=here)
    return None if at is rows.MISSING and leaves_out_null else at


def _unchecked(kind: DocumentKind, row: ZuoraRow) -> tuple[str, ...]:
    """Return what Zuora did not say; invoices and credit memos can be reversed, debit memos cannot.

    A tenant without e-invoices and tax does not give them, so only an unreadable value is not
    known.
    """
    reversed_ = rows.flag(row, "reversed", "Reversed")
    found = (
        ("it was reversed", kind != "debit_memo" and reversed_ is None),
        ("its e-invoice is fine", rows.is_odd(row, *_E_INVOICE, *_E_INVOICE_ERROR)),
        ("its tax is complete", rows.is_odd(row, *_TAX)),
    )
    return tuple(words for words, unknown in found if unknown)


_E_INVOICE: Final = ("eInvoiceStatus", "einvoiceStatus", "EInvoiceStatus")
_E_INVOICE_ERROR: Final = ("eInvoiceErrorMessage", "einvoiceErrorMessage", "eInvoiceErrorCode")
_TAX: Final = ("taxStatus", "TaxStatus")
_E_INVOICE_IS_FINE: Final = frozenset({"", "success", "conditionalsuccess", "generated"})


def _trouble(row: ZuoraRow) -> Iterator[str]:
    """Yield the reasons not to send a document, whatever its status is.

    Sources: page *Reverse an invoice* (a reversed invoice stays Posted), *E-Invoice statuses*, and
    the tax status of memos on *Retrieve a credit memo*.
    """
    if rows.flag(row, "reversed", "Reversed"):
        yield "was reversed"
    said = rows.text(row, *_E_INVOICE)
    why = rows.text(row, *_E_INVOICE_ERROR)
    why = f": {for_people(why).rstrip('.')}" if why else ""
    if why or said.replace(" ", "").replace("_", "").lower() not in _E_INVOICE_IS_FINE:
        yield f"has an e-invoice that is {said or 'in error'}{why}"
    if (tax := rows.text(row, *_TAX)) and tax.lower() not in ("complete", "completed"):
        yield f"has tax that is {tax}"


def account_of(data: ZuoraRow) -> Account:
    """Return an account out of `/v1/accounts/{key}`."""
    basic, billing = rows.part(data, "basicInfo"), rows.part(data, "billingAndPayment")
    contact = rows.part(data, "billToContact")
    return Account(
        id=rows.text(basic, "id"),
        number=rows.text(basic, "accountNumber"),
        name=rows.name(basic, "name"),
        status=rows.text(basic, "status"),
        currency=rows.currency(billing, "currency"),
        batch=rows.text(basic, "batch"),
        bill_cycle_day=rows.text(billing, "billCycleDay"),
        bill_to_mail=rows.mailable(contact, *MAIL_FIELDS),
        mail_domain=rows.domain(contact, *MAIL_FIELDS),
        more_mail=_more_mail(billing),
        communication_profile_id=rows.text(basic, _PROFILE),
    )


def subscription_of(data: ZuoraRow) -> Subscription:
    """Return a subscription out of `/v1/subscriptions/{key}`."""
    return Subscription(
        id=rows.text(data, "id"),
        number=rows.text(data, "subscriptionNumber", "name"),
        status=rows.text(data, "status"),
        version=_or_none(rows.number(data, "version")),
        is_latest_version=rows.flag(data, "isLatestVersion"),
        account_id=rows.text(data, "accountId"),
        account_number=rows.text(data, "accountNumber"),
        invoice_owner_id=rows.text(data, "invoiceOwnerAccountId"),
        invoice_owner_number=rows.text(data, "invoiceOwnerAccountNumber"),
    )


MAIL_FIELDS: Final = ("workEmail", "personalEmail")
_PROFILE: Final = "communicationProfileId"
_ZOQL_NUMBERS: Final = ("InvoiceNumber", "MemoNumber", "Number")


def _or_none(number: int | NotKnown) -> int | None:
    """Return a value that is only shown; None if it was not given."""
    return number if isinstance(number, int) else None


def _run_number(row: ZuoraRow) -> str:
    """Return the number of the bill run that made a document: its prefix can be any."""
    number = rows.text(row, "sourceId", "SourceId")
    source = rows.text(row, "source", "Source").replace(" ", "").lower()
    return number if source in ("billrun", "") or number.startswith("BR-") else ""


def _schedule(row: ZuoraRow) -> Schedule | None:
    if not rows.text(row, "repeatType", "repeatFrom"):
        return None
    return Schedule(
        repeat_type=rows.text(row, "repeatType"),
        repeat_from=rows.day(row, "repeatFrom"),
        repeat_to=rows.day(row, "repeatTo"),
        run_time=_or_none(rows.number(row, "runTime")),
        weekly_on=rows.words(row, "weeklyOnDay"),
    )
