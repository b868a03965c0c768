"""Generates a bill run's documents: one draft for each account that has something to bill."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

from bot.sandbox.zuora.occurrences import month_day
from bot.sandbox.zuora.records import Account, BillRun, Kind, Subscription
from bot.sandbox.zuora.tenant import Tenant

MOST_PERIODS = 60
"""How many months one run bills at most; so a far target date takes no time."""


def periods_due(subscription: Subscription, target: date) -> int:
    """Return how many monthly periods begin from the first unbilled day up to the target date."""
    months, first = 0, subscription.billed_to
    while months < MOST_PERIODS and month_day(first, months, first.day) <= target:
        months += 1
    return months


def _account_in(run: BillRun, account: Account, today: date) -> bool:
    if account.status != "Active":
        return False
    if run.batches is not None:
        day = {"AllBillCycleDays": None, None: None, "AsRunDay": str(today.day)}.get(
            run.bill_cycle_day, run.bill_cycle_day
        )
        in_batch = "AllBatches" in run.batches or account.batch in run.batches
        return in_batch and (day is None or str(account.bill_cycle_day) == day)
    return True


def _subscription_in(run: BillRun, subscription: Subscription) -> bool:
    if run.batches is not None:
        return True
    for item in run.filters or ():
        match item.get("filterType"):
            case "Account" if item.get("accountId") == subscription.account.id:
                return True
            case "Subscription" if item.get("subscriptionId") == subscription.id:
                return True
            case "FilterCondition":
                return True
            case _:
                continue
    return False


def selected(tenant: Tenant, run: BillRun, today: date) -> list[Subscription]:
    """Return the subscriptions that a run bills; empty when it bills no recurring charges."""
    if not run.include_subscriptions or "Recurring" in (run.charge_types or ()):
        return []
    return [
        subscription
        for subscription in tenant.world.subscriptions.values()
        if subscription.latest
        and subscription.status == "Active"
        and _account_in(run, subscription.account, today)
        and _subscription_in(run, subscription)
    ]


def generate(tenant: Tenant, run: BillRun, today: date) -> None:
    """Make the drafts of a run and move its subscriptions' billed-to dates on.

    A catch-up run makes none, it only moves the dates (Catch-up bill runs).
    """
    target = run.target_date or today
    totals: dict[str, Decimal] = defaultdict(Decimal)
    accounts: dict[str, Account] = {}
    failed: set[str] = set()
    for subscription in selected(tenant, run, today):
        account = subscription.account
        if account.fails_billing:
            failed.add(account.number)
            continue
        months = periods_due(subscription, target)
        if not months:
            continue
        run.billed.append((subscription, subscription.billed_to))
        first = subscription.billed_to
        subscription.billed_to = month_day(first, months, first.day)
        totals[account.number] += subscription.monthly * months
        accounts[account.number] = account
    run.number_of_accounts = len(totals) + len(failed)
    if run.run_type == "CatchUp":
        return
    for number, total in totals.items():
        credit = total < 0 and tenant.knobs.invoice_settlement
        kind: Kind = "credit_memo" if credit else "invoice"
        currency = accounts[number].currency
        document = tenant.world.add_run_document(run, kind, number, currency, total)
        document.created_at = run.ended_at or document.created_at


def undo(run: BillRun) -> None:
    """Undo what a canceled or removed run had billed, unless a later run has billed further."""
    for subscription, before in reversed(run.billed):
        subscription.billed_to = min(subscription.billed_to, before)
    run.billed.clear()
