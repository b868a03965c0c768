"""Invoices that were mailed in a period as Zuora lists them, each with the request that did it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.audit.evidence.by_whom import last_to_change
from bot.audit.evidence.own import MARKED_WITHIN, Own, Period
from bot.audit.evidence.runs import did
from bot.domain.operation import Deed
from bot.store.file.by_the_bot import Mailed
from bot.zuora.mailed import MailedInvoice


def mailed_invoices(
    invoices: Sequence[MailedInvoice], period: Period, own: Own, runs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return invoices that were mailed in the period, with the requests; an exception has none.

    All invoices of a run that was mailed outside the bot are one exception together.
    """
    named = {
        each["number"]
        for each in runs
        if any(deed["what"].startswith("mailed") and not deed["by"] for deed in each["deeds"])
    }
    mine: dict[str, list[Mailed]] = {invoice.number: [] for invoice in invoices}
    for each in own.mails:
        if each.document in mine:
            mine[each.document].append(each)
    named_by = {invoice.bill_run for invoice in invoices}
    of_runs = {
        number
        for each in own.runs if did(each, Deed.MAILED)
        for number in each.numbers & named_by
    }  # fmt: skip
    found = []
    for invoice in invoices:
        at = invoice.at if isinstance(invoice.at, datetime) else None
        if invoice.bill_run in named or (at is not None and not period.holds(at)):
            continue
        by = sorted({each.request for each in mine.get(invoice.number, ())})
        late = at is not None and all(
            at > datetime.fromisoformat(each.sent_at) + MARKED_WITHIN
            for each in mine.get(invoice.number, ())
        )
        deed = {"what": "mailed", "by": by}
        if by and late:
            deed = {
                "what": "mailed again outside the bot",
                **last_to_change(invoice.updated_by),
                "by": [],
            }
        elif not by and invoice.bill_run not in of_runs:
            deed = {
                "what": "mailed outside the bot",
                **last_to_change(invoice.updated_by),
                "by": [],
            }
        if deed["by"] or deed["what"] != "mailed":
            found.append(
                {
                    "kind": "invoice",
                    "number": invoice.number,
                    "bill_run": invoice.bill_run,
                    "last_emailed_at": at or "not known",
                    "deeds": [deed],
                }
            )
    return found
