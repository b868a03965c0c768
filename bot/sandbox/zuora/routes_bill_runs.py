"""Bill runs: create, retrieve, update, post, cancel, delete, email."""

from typing import Any

from bot.sandbox.zuora import lifecycle, mails, shapes_v1
from bot.sandbox.zuora.calls import Context, Route
from bot.sandbox.zuora.errors import Reason, RefusalError, not_found, refusal
from bot.sandbox.zuora.occurrences import next_occurrence
from bot.sandbox.zuora.records import BillRun, said
from bot.sandbox.zuora.validation import create_reasons, parse_date
from bot.sandbox.zuora.world import find


def _run(context: Context, *, by_number: bool = False) -> BillRun:
    allowed = by_number or context.tenant.knobs.bill_run_by_number
    run = find(context.tenant.world.bill_runs, context.key(), by_number=allowed)
    if run is None:
        raise not_found(context.key())
    return run


def _unknown_reasons(context: Context, body: dict[str, Any]) -> list[Reason]:
    world = context.tenant.world
    reasons = []
    for item in body.get("billRunFilters") or []:
        account = find(world.accounts, item.get("accountId") or "", by_number=False)
        if item.get("accountId") and account is None:
            reasons.append(Reason(40, f"Cannot find entity by key: '{item['accountId']}'."))
        if item.get("filterType") != "Subscription":
            continue
        key = item["subscriptionId"]
        subscription = find(world.subscriptions, key, by_number=False)
        if subscription is None:
            reasons.append(Reason(40, f"Cannot find entity by key: '{key}'."))
        elif not subscription.latest:
            reasons.append(Reason(30, f"The subscription '{key}' is not the latest version."))
        elif subscription.account is not account:
            reasons.append(Reason(30, f"The subscription '{key}' belongs to another account."))
    return reasons


def _check(context: Context, body: dict[str, Any]) -> None:
    reasons = create_reasons(body, context.tenant.knobs)
    reasons = reasons or _unknown_reasons(context, body)
    if not reasons and body.get("schedule"):
        now, zone = context.tenant.now(), context.tenant.knobs.zone()
        if next_occurrence(body["schedule"], now, zone) is None:
            reasons = [Reason(30, "The schedule has no run left.")]
    if reasons:
        raise RefusalError(*reasons)


def create(context: Context) -> dict[str, Any]:
    """Answer POST /v1/bill-runs."""
    tenant = context.tenant
    body = dict(context.body)
    _check(context, body)
    pending = sum(r.through_api and r.status == "Pending" for r in tenant.world.bill_runs.values())
    if pending > tenant.knobs.pending_limit:
        text = f"More than {tenant.knobs.pending_limit} bill runs are in Pending status."
        raise refusal(tenant.knobs.pending_limit_category, text)
    run = lifecycle.create(tenant, body, tenant.now(), cause=context.cause())
    return shapes_v1.bill_run(tenant, run)


def retrieve(context: Context) -> dict[str, Any]:
    """Answer GET /v1/bill-runs/{billRunId}."""
    run = _run(context)
    return said(run, shapes_v1.bill_run(context.tenant, run))


def update(context: Context) -> dict[str, Any]:
    """Answer PUT /v1/bill-runs/{billRunId}: a waiting scheduled run; fields left out stay."""
    run = _run(context, by_number=True)
    if run.status != "Pending" or not run.schedule:
        raise refusal(30, "Only a scheduled bill run in Pending status can be updated.")
    body = {**run.body, **context.body}
    _check(context, body)
    if not body.get("schedule"):
        raise refusal(20, "'schedule' cannot be removed.")
    lifecycle.reschedule(context.tenant, run, body, context.tenant.now())
    return shapes_v1.bill_run(context.tenant, run)


def post(context: Context) -> dict[str, Any]:
    """Answer PUT /v1/bill-runs/{billRunId}/post."""
    tenant, run = context.tenant, _run(context)
    text = context.body.get("invoiceDate")
    day = parse_date(text)
    if text is None and tenant.knobs.post_requires_invoice_date:
        raise refusal(22, "'invoiceDate' is required.")
    if text is not None and day is None:
        raise refusal(20, "'invoiceDate' must be a date in yyyy-mm-dd format.")
    if run.status != "Completed":
        raise refusal(30, f"The bill run in {run.status} status cannot be posted.")
    closed = tenant.knobs.books_closed_until
    dated = day or run.invoice_date
    if closed and dated and dated <= closed:
        raise refusal(30, "The invoice date is in a closed accounting period.")
    lifecycle.post(tenant, run, tenant.now(), day, cause=context.cause())
    return shapes_v1.bill_run(tenant, run)


def cancel(context: Context) -> dict[str, Any]:
    """Answer PUT /v1/bill-runs/{billRunId}/cancel; `cancelOnce` is true unless given."""
    tenant, run = context.tenant, _run(context)
    once = context.flag("cancelOnce") or context.body.get("cancelOnce") is None
    following = lifecycle.cancel(tenant, run, tenant.now(), once=once)
    answer = shapes_v1.bill_run(tenant, run)
    if following is not None:
        answer["nextRun"] = shapes_v1.bill_run(tenant, following)
        answer["nextRun"].pop("success")
    return answer


def delete(context: Context) -> dict[str, Any]:
    """Answer DELETE /v1/bill-runs/{billRunId}."""
    run = _run(context)
    lifecycle.remove(context.tenant, run, context.tenant.now())
    return shapes_v1.bill_run(context.tenant, run)


def email(context: Context) -> dict[str, Any]:
    """Answer POST /v1/bill-runs/{billRunKey}/emails: accepted now, sent later, not counted."""
    tenant, run = context.tenant, _run(context, by_number=True)
    resend = context.flag("resend")
    if run.status != "Posted" and tenant.knobs.unposted_run_email == "error":
        raise refusal(30, f"The billing documents of a bill run in {run.status} cannot be emailed.")
    letters = mails.run_letters(tenant, run, resend=resend)
    mails.refuse_inactive(tenant, letters)
    mails.queue(tenant, letters, tenant.now(), context.cause(), run)
    return {"success": True}


ROUTES = (
    Route("POST", "/v1/bill-runs", create),
    Route("GET", "/v1/bill-runs/*", retrieve),
    Route("PUT", "/v1/bill-runs/*", update),
    Route("DELETE", "/v1/bill-runs/*", delete),
    Route("PUT", "/v1/bill-runs/*/post", post),
    Route("PUT", "/v1/bill-runs/*/cancel", cancel),
    Route("POST", "/v1/bill-runs/*/emails", email),
)
