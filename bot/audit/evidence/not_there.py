"""Finds what the bot recorded as done and Zuora does not show."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from bot.domain.operation import Deed
from bot.operations.catalog import OPERATIONS
from bot.operations.email_documents.operation import EmailInvoices
from bot.store.file.by_the_bot import Done, Mailed
from bot.zuora.answers import BillRun
from bot.zuora.mailed import MailedInvoice

ACCEPTED = "accepted"


def runs(
    found: Sequence[BillRun], done: Iterable[Done], until: datetime, *, all_read: bool
) -> Iterator[dict[str, Any]]:
    """Yield calls about bill runs that were accepted, but whose effect Zuora does not show.

    Args:
        found: Zuora's runs.
        done: The bot's calls.
        until: A mail that was sent later may still be on its way.
        all_read: Whether every run was read; if not, a run that was not read is no exception.
    """
    known = {name: run for run in found for name in (run.number, run.id)}
    for each in done:
        deed = OPERATIONS[each.operation].deed
        if each.verdict != ACCEPTED or not _before(each.sent_at, until):
            continue
        if each.body.get("cancel_once") is not None:
            continue  # the run is still going
        names = each.numbers - {each.subject} if deed is Deed.CREATED else each.numbers
        run = next((known[name] for name in sorted(names) if name in known), None)
        if names and run is None and all_read:
            yield _exception("bill run", min(names, key=len), deed, each.request)
        elif run is not None and not _shows(run, deed):
            yield _exception("bill run", run.number, deed, each.request)


def invoices(
    found: Sequence[MailedInvoice], mails: Iterable[Mailed], until: datetime
) -> Iterator[dict[str, Any]]:
    """Yield invoices that the bot recorded as mailed one by one, but that show no mail."""
    known = {each.number for each in found}
    for each in mails:
        is_one = each.operation == EmailInvoices.name and each.verdict == ACCEPTED
        if is_one and each.document not in known and _before(each.sent_at, until):
            yield _exception("invoice", each.document, Deed.MAILED, each.request)


def _before(sent_at: str, until: datetime) -> bool:
    return datetime.fromisoformat(sent_at) < until


def _shows(run: BillRun, deed: Deed) -> bool:
    """Return whether a run shows the effect, or is on its way to it; missing values prove nothing."""
    match deed:
        case Deed.POSTED:
            return run.status.startswith("Post")
        case Deed.CANCELED:
            return run.status.startswith(("Cancel", "Remove"))
        case Deed.MAILED:
            return run.last_emailed_at is not None or run.invoices_emailed is not False
        case _:
            return True


def _exception(kind: str, number: str, deed: Deed, request: int) -> dict[str, Any]:
    what = f"{deed} by the bot, and Zuora does not show it"
    return {
        "kind": kind,
        "number": number,
        "deeds": [{"what": what, "by": [], "request": f"R-{request}"}],
    }
