"""Estimates what a run would bill, by Zuora's previews: at once for one account, later for batches.

Zuora previews one account in its answer, and batches in the background. No approval is bound to either, because an
estimate changes with every usage record.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from bot.domain.money import Money, in_words, totals
from bot.domain.words import count, in_days
from bot.operations.beginning import Foreseen
from bot.operations.create_bill_run.body import AS_RUN_DAY, CreateBillRunBody
from bot.operations.create_bill_run.facts import BilledAccount, Estimate
from bot.zuora.answers import money_of
from bot.zuora.calls import PreviewWanted
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraRefused
from bot.zuora.preview_runs import PreviewRun, PreviewTotals


def until(body: CreateBillRunBody) -> date | None:
    """Return the day up to which the run bills, if that is a date."""
    first = body.schedule.repeat_from if body.schedule and not body.target_month_day else None
    return body.target_date or first


def can_be_previewed(body: CreateBillRunBody) -> bool:
    """Return whether there is a date to preview up to; a catch-up run has no preview, because it makes no documents."""
    return until(body) is not None and body.run_type != "CatchUp"


async def of_account(
    body: CreateBillRunBody, account: BilledAccount | None, zuora: ZuoraClient
) -> Estimate | None:
    """Return Zuora's preview of one whole account; None if there is none.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    day = until(body)
    if not body.account or account is None or day is None or not can_be_previewed(body):
        return None
    try:
        preview = await zuora.billing_preview(
            account.id, day, exclude=body.exclude, renew=body.auto_renewal
        )
    except ZuoraRefused:
        return None
    return Estimate(
        charges=money_of(preview.charges, account.currency),
        tax=money_of(preview.tax, account.currency),
        credits=money_of(preview.credits, account.currency),
        items=preview.items,
    )


def of_batches(body: CreateBillRunBody) -> PreviewWanted | None:
    """Return what to ask Zuora to preview in the background; None if there is nothing to preview.

    A catch-up run makes no documents, and months and a day in each occurrence are no date.
    """
    day = until(body)
    if not body.batches or day is None or not can_be_previewed(body):
        return None
    labels = (
        {"organizationId": each.id} if each.id else {"organizationName": each.name}
        for each in body.organizations
    )
    return PreviewWanted(
        batches=body.batches,
        bill_cycle_day=body.bill_cycle_day,
        target_date=day,
        exclude=body.exclude,
        renew=body.auto_renewal,
        organizations=tuple(labels),
    )


async def look(body: CreateBillRunBody, run_id: str, zuora: ZuoraClient) -> Foreseen:
    """Return a preview run's result; empty while Zuora is still making it.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    wanted = of_batches(body)
    run = await zuora.preview_run(run_id)
    if wanted is None or not run.has_ended:
        return Foreseen()
    if run.status != "Completed":
        why = f": {run.words.rstrip('.')}" if run.words else ""
        ended = f"its preview run {run.number} ended in {run.status}{why}."
        return Foreseen(f"Zuora gave no estimate; {ended}")
    found = await zuora.preview_totals(run, wanted)
    return Foreseen(" ".join(estimate_sentences(body, run, found)), _amount(run, found))


def _amount(run: PreviewRun, found: PreviewTotals) -> str:
    """Return `about EUR 100.00 · USD 100.00 in charges for 2 accounts, according to Zuora's preview`."""
    if not found.items and found.without_currency:
        return ""
    if not found.items:
        return f"nothing due, according to Zuora's preview {run.number}"
    missing = [
        *(["some could not be added up"] if found.without_currency else []),
        *(["some accounts are missing"] if run.failed_accounts != 0 else []),
    ]
    said = ", ".join([f"according to Zuora's preview {run.number}", *missing])
    return f"about {_charged(found)} for {count(found.accounts, 'account')}, {said}"


def estimate_sentences(
    body: CreateBillRunBody, run: PreviewRun, found: PreviewTotals
) -> Iterator[str]:
    """Yield sentences on the sums of each currency, and on what they leave out. No I/O."""
    day = until(body)
    items = f"{count(found.items, 'item')} of {count(found.accounts, 'account')}"
    due = f"due by {in_days(day)}" if day else "due"
    if found.items:
        yield (
            f"Zuora's preview {run.number} estimates what is {due}: {_charged(found)} ({items})."
        )
    elif not found.without_currency:
        yield f"Zuora's preview {run.number} finds nothing that is {due}."
    if found.without_currency:
        yield (
            f"{count(found.without_currency, 'amount')} of {run.number} cannot be added up: the "
            "bot does not know the currency of the accounts."
        )
    if run.failed_accounts is None:
        yield "Zuora did not say how many accounts could not be previewed."
    elif run.failed_accounts:
        yield f"{count(run.failed_accounts, 'account')} could not be previewed."
    if not body.include_subscriptions or not body.include_order_line_items:
        yield "It still includes what the run leaves out besides charges."
    if body.bill_cycle_day == AS_RUN_DAY:
        yield "It covers all bill cycle days; the run bills only accounts whose day it is."


def _charged(found: PreviewTotals) -> str:
    parts = [f"{_sums(found.charges)} in charges"] if found.charges else []
    if any(found.tax.values()):
        parts.append(f"{_sums(found.tax)} in tax")
    if any(found.credits.values()):
        parts.append(f"{_sums(found.credits)} in credits")
    return ", ".join(parts) or "nothing"


def _sums(amounts: Mapping[str, Decimal]) -> str:
    return in_words(totals(Money(currency, amount) for currency, amount in amounts.items()))
