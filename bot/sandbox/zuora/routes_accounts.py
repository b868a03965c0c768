"""Accounts, subscriptions, the preview of one account."""

from datetime import date, timedelta
from typing import Any

from bot.sandbox.zuora import billing, shapes_v1
from bot.sandbox.zuora.calls import Context, Route
from bot.sandbox.zuora.errors import not_found, refusal
from bot.sandbox.zuora.occurrences import month_day
from bot.sandbox.zuora.records import Account, Subscription
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.validation import parse_date
from bot.sandbox.zuora.world import find


def account(context: Context) -> dict[str, Any]:
    """Answer GET /v1/accounts/{key}."""
    return shapes_v1.account(_account(context, context.key()))


def _account(context: Context, key: str) -> Account:
    entry = find(context.tenant.world.accounts, key)
    if entry is None:
        raise not_found(key)
    return entry


def subscription(context: Context) -> dict[str, Any]:
    """Answer GET /v1/subscriptions/{key}."""
    entry = find(context.tenant.world.subscriptions, context.key())
    if entry is None:
        raise not_found(context.key())
    return shapes_v1.subscription(entry)


def subscriptions_of(context: Context) -> dict[str, Any]:
    """Answer GET /v1/subscriptions/accounts/{key}."""
    owner = _account(context, context.key())
    rows = [
        shapes_v1.subscription(entry)
        for entry in context.tenant.world.subscriptions.values()
        if entry.account is owner
    ]
    return {"success": True, "subscriptions": rows}


def _target(context: Context) -> date:
    target = parse_date(context.body.get("targetDate"))
    if target is None:
        raise refusal(22, "'targetDate' is required, in yyyy-mm-dd format.")
    return target


def preview(context: Context) -> dict[str, Any]:
    """Answer POST /v1/operations/billing-preview: the charges of billing one account."""
    target = _target(context)
    key = context.body.get("accountId") or context.body.get("accountNumber")
    if not isinstance(key, str):
        raise refusal(22, "'accountId' or 'accountNumber' is required.")
    owner = _account(context, key)
    excluded = context.body.get("chargeTypeToExclude") or ""
    items = [
        (entry, _item(context.tenant, entry, target))
        for entry in context.tenant.world.subscriptions.values()
        if entry.account is owner
        and entry.status == "Active"
        and "Recurring" not in excluded
        and billing.periods_due(entry, target)
    ]
    settled = context.tenant.knobs.invoice_settlement
    credits_ = [item for entry, item in items if settled and entry.monthly < 0]
    return {
        "success": True,
        "accountId": owner.id,
        "invoiceItems": [item for entry, item in items if not settled or entry.monthly >= 0],
        "creditMemoItems": [
            {
                **item,
                "amount": -float(item["chargeAmount"]),
                "amountWithoutTax": -float(item["chargeAmount"]),
            }
            for item in credits_
        ],
    }


def _item(tenant: Tenant, entry: Subscription, target: date) -> dict[str, Any]:
    months = billing.periods_due(entry, target)
    end = month_day(entry.billed_to, months, entry.billed_to.day) - timedelta(days=1)
    return {
        "id": entry.id,
        "subscriptionId": entry.id,
        "subscriptionName": entry.number,
        "subscriptionNumber": entry.number,
        "chargeName": entry.name,
        "chargeNumber": f"C-{entry.number[-8:]}",
        "chargeType": "Recurring",
        "chargeAmount": str(entry.monthly * months),
        "chargeDate": tenant.local(tenant.now()),
        "productName": "Platform",
        "quantity": "1",
        "serviceStartDate": shapes_v1.day(entry.billed_to),
        "serviceEndDate": shapes_v1.day(end),
        "taxAmount": "0",
        "processingType": "Charge",
        "unitOfMeasure": "",
    }


ROUTES = (
    Route("GET", "/v1/accounts/*", account),
    Route("GET", "/v1/subscriptions/*", subscription),
    Route("GET", "/v1/subscriptions/accounts/*", subscriptions_of),
    Route("POST", "/v1/operations/billing-preview", preview),
)
