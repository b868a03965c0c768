"""Mails to customers: who gets them, when they are sent, and when the documents show it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.zuora.errors import refusal
from bot.sandbox.zuora.options import MANUAL_CREDIT_MEMO, MANUAL_DEBIT_MEMO, MANUAL_INVOICE
from bot.sandbox.zuora.records import Account, BillRun, Cause, Document, HistoryRow, Kind, Mail
from bot.sandbox.zuora.tenant import Tenant

MANUAL: dict[Kind, str] = {
    "invoice": MANUAL_INVOICE,
    "credit_memo": MANUAL_CREDIT_MEMO,
    "debit_memo": MANUAL_DEBIT_MEMO,
}
_TITLES: dict[Kind, str] = {
    "invoice": "Invoice",
    "credit_memo": "Credit memo",
    "debit_memo": "Debit memo",
}
_EVENTS: dict[Kind, int] = {"invoice": 1110, "credit_memo": 1400, "debit_memo": 1420}
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")


@dataclass(frozen=True)
class Letter:
    """A mail to send: the document, its recipients and the notification."""

    document: Document
    recipients: tuple[str, ...]
    notification: str


def split_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of a comma-separated text.

    Raises:
        RefusalError: category 20, when a part is no address.
    """
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in parts:
        if not _ADDRESS.fullmatch(part):
            raise refusal(20, f"The email address '{part}' is invalid.")
    return parts


def bill_to(account: Account) -> tuple[str, ...]:
    """Return the bill-to contact's work address, else the personal one, else nothing."""
    contact = account.bill_to
    address = contact.work_email or contact.personal_email
    return (address,) if address else ()


def additional(account: Account) -> tuple[str, ...]:
    """Return the account's additional addresses."""
    return tuple(p.strip() for p in (account.additional_emails or "").split(",") if p.strip())


def run_letters(
    tenant: Tenant, run: BillRun, *, resend: bool, notification: str | None = None
) -> list[Letter]:
    """Return what emailing a run sends: posted invoices and credit memos, never debit memos.

    Without `resend` it sends only documents that show no mail yet. They show one late, so two calls
    in quick succession both find them (Email billing documents from a bill run, its note on
    resend).
    """
    return [
        Letter(document, bill_to(document.account), notification or MANUAL[document.kind])
        for document in tenant.world.documents_of(run)
        if document.status == "Posted"
        and (resend or document.last_email_sent is None)
        and not (run.no_zero_mail and document.kind == "invoice" and document.amount == 0)
    ]


def refuse_inactive(tenant: Tenant, letters: Iterable[Letter]) -> None:
    """Refuse with category 30 when a notification is off and the tenant's answer is an error.

    A notification that is on for some of the letters counts as on; the others are not sent.
    """
    if tenant.knobs.inactive_answer == "silent":
        return
    is_on: dict[str, bool] = {}
    for letter in letters:
        name = letter.notification
        is_on[name] = is_on.get(name, False) or not is_off(tenant, letter.document.account, name)
    for name, on in is_on.items():
        if not on:
            raise refusal(30, f"The notification '{name}' is not active.")


def is_off(tenant: Tenant, account: Account, notification: str) -> bool:
    """Return whether a notification is off for an account, by its profile or in every one."""
    profile = tenant.world.profiles.get(account.communication_profile_id or "")
    here = profile.inactive if profile else frozenset()
    return notification in here | tenant.knobs.inactive_notifications


def is_muted(tenant: Tenant, account: Account) -> bool:
    """Return whether an account's profile is muted."""
    profile = tenant.world.profiles.get(account.communication_profile_id or "")
    return tenant.knobs.muted or (profile is not None and profile.muted)


def queue(
    tenant: Tenant,
    letters: Iterable[Letter],
    at: datetime,
    cause: Cause,
    run: BillRun | None = None,
) -> None:
    """Send letters once their PDFs are there."""
    for index, letter in enumerate(letters):
        when = tenant.after(at, tenant.timings.pdf + index * tenant.timings.mail_interval)

        def go(moment: datetime, letter: Letter = letter) -> None:
            _send(tenant, letter, moment, cause, run)

        tenant.world.agenda.at(when, go)


def _send(tenant: Tenant, letter: Letter, at: datetime, cause: Cause, run: BillRun | None) -> None:
    document = letter.document
    off = is_off(tenant, document.account, letter.notification)
    if off or is_muted(tenant, document.account):
        return
    subject = f"{_TITLES[document.kind]} {document.number} has been posted"
    delivered = bool(letter.recipients)
    tenant.world.history.append(
        HistoryRow(
            account_id=document.account.id,
            object_id=document.id,
            to=",".join(letter.recipients),
            subject=subject,
            time=at,
            notification=letter.notification,
            event_category=_EVENTS[document.kind],
            result="OK" if delivered else "Failed",
            error_message=None if delivered else "The email has no recipient.",
        )
    )
    if not delivered:
        return
    tenant.world.mails.append(
        Mail(
            document=document.number,
            kind=document.kind,
            account=document.account.number,
            recipients=letter.recipients,
            time=at,
            notification=letter.notification,
            subject=subject,
            bill_run=run.number if run else None,
            track_id=cause.track_id,
            request_id=cause.request_id,
            path=cause.path,
        )
    )
    tenant.world.agenda.at(
        tenant.after(at, tenant.timings.mark), lambda _: _mark(document, run, at)
    )


def _mark(document: Document, run: BillRun | None, sent: datetime) -> None:
    document.last_email_sent = max(sent, document.last_email_sent or sent)
    document.updated_at = max(sent, document.updated_at or sent)
    if run is not None:
        run.invoices_emailed = True
        run.last_email_sent = max(sent, run.last_email_sent or sent)
