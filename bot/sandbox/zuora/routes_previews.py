"""Billing preview runs: compute in the background what runs by batch would bill, as a file.

Pages *Create a billing preview run*, *Retrieve a billing preview run*, *Retrieve a file*, *Field
descriptions of the CSV output file*.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from bot.sandbox.zuora import billing, shapes_v1
from bot.sandbox.zuora.calls import Answer, Context, Route
from bot.sandbox.zuora.errors import not_found, refusal
from bot.sandbox.zuora.records import Account, PreviewRun, Subscription
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.validation import parse_date
from bot.sandbox.zuora.world import USER_ID, find

LONGEST_BATCHES = 1000
COLUMNS = (
    "Account: ID", "Rate Plan Charge: ID", "Invoice Item: Charge Amount",
    "Invoice Item: Processing Type", "Invoice Item: ChargeType",
    "Invoice Item: SubscriptionNumber", "Credit Memo Item: Amount",
)  # fmt: skip


def preview_run(context: Context) -> dict[str, Any]:
    """Answer POST /v1/billing-preview-runs: by batch; `batches` is a text with commas; empty for all."""
    tenant, body = context.tenant, context.body
    _allowed(tenant)
    target = parse_date(body.get("targetDate"))
    if target is None:
        raise refusal(22, "'targetDate' is required, in yyyy-mm-dd format.")
    for name in ("batches", "chargeTypeToExclude", "assumeRenewal"):
        if body.get(name) is not None and not isinstance(body[name], str):
            raise refusal(20, f"'{name}' must be a string.")
    if len(body.get("batches") or "") > LONGEST_BATCHES:
        raise refusal(20, f"'batches' has at most {LONGEST_BATCHES} characters.")
    _one_at_a_time(tenant, body.get("batches") or "")
    number = f"BPR-{len(tenant.world.preview_runs) + 1:08d}"
    run = PreviewRun(tenant.world.new_id(), number, dict(body), target, tenant.now())
    tenant.world.preview_runs[number] = run

    def ended(at: datetime) -> None:
        _complete(tenant, run, at)

    tenant.world.agenda.at(tenant.after(run.created_at, tenant.timings.preview), ended)
    return {"success": True, "billingPreviewRunId": run.id}


def retrieve_preview_run(context: Context) -> dict[str, Any]:
    """Answer GET /v1/billing-preview-runs/{id}."""
    tenant = context.tenant
    _allowed(tenant)
    run = find(tenant.world.preview_runs, context.key(), by_number=False)
    if run is None:
        raise not_found(context.key())
    return {
        "success": True,
        "runNumber": run.number,
        "batches": run.body.get("batches"),
        "chargeTypeToExclude": run.body.get("chargeTypeToExclude"),
        "assumeRenewal": run.body.get("assumeRenewal"),
        "includingDraftItems": run.body.get("includingDraftItems", False),
        "includingEvergreenSubscription": run.body.get("includingEvergreenSubscription", False),
        "targetDate": shapes_v1.day(run.target_date),
        "status": run.status,
        "totalAccounts": run.total_accounts,
        "succeededAccounts": run.total_accounts - run.failed_accounts,
        "resultFileUrl": f"https://rest.zuora.com/v1/files/{run.id}" if run.file else None,
        "errorMessage": run.error_message,
        "startDate": tenant.local(run.created_at),
        "endDate": tenant.local(run.ended_at),
        "createdById": USER_ID,
        "createdDate": tenant.local(run.created_at),
    }


def file(context: Context) -> Answer:
    """Answer GET /v1/files/{id}: the zip that a preview run has made."""
    run = find(context.tenant.world.preview_runs, context.key(), by_number=False)
    if run is None or not run.file:
        raise not_found(context.key())
    return Answer(200, file=run.file, content_type="application/zip")


def _allowed(tenant: Tenant) -> None:
    if not tenant.knobs.preview_runs:
        raise refusal(10, "You do not have permission to run billing previews.")


def _one_at_a_time(tenant: Tenant, batches: str) -> None:
    """Refuse a second preview of a batch; the code is a guess, since no page says it."""
    wanted = set(batches.split(","))
    for run in tenant.world.preview_runs.values():
        theirs = set((run.body.get("batches") or "").split(","))
        if run.status == "Pending" and ("" in wanted | theirs or wanted & theirs):
            raise refusal(30, f"{run.number} previews some of these batches already.")


def _complete(tenant: Tenant, run: PreviewRun, at: datetime) -> None:
    run.ended_at = at
    if run.ends_in == "Error":
        run.status, run.error_message = "Error", "The preview could not be made."
        return
    run.status = "Completed"
    wanted = [each for each in (run.body.get("batches") or "").split(",") if each]
    accounts = [
        each for each in tenant.world.accounts.values()
        if each.status == "Active" and (not wanted or each.batch in wanted)
    ]  # fmt: skip
    failed = [each for each in accounts if each.fails_billing]
    run.total_accounts, run.failed_accounts = len(accounts), len(failed)
    billed = {each.id for each in accounts if not each.fails_billing}
    excluded = run.body.get("chargeTypeToExclude") or ""
    rows = [] if "Recurring" in excluded else _rows(tenant, billed, run.target_date)
    run.file = _zip(run.number, rows, failed)


def _rows(tenant: Tenant, accounts: set[str], target: date) -> Iterator[tuple[object, ...]]:
    for entry in tenant.world.subscriptions.values():
        due = billing.periods_due(entry, target)
        if entry.account.id in accounts and entry.latest and entry.status == "Active" and due:
            yield _row(tenant, entry, due)


def _row(tenant: Tenant, entry: Subscription, months: int) -> tuple[object, ...]:
    amount = entry.monthly * months
    is_credit = amount < 0 and tenant.knobs.invoice_settlement
    return (
        entry.account.id, entry.id, "" if is_credit else amount, "charge", "Recurring",
        entry.number, -amount if is_credit else "",
    )  # fmt: skip


def _zip(number: str, rows: Any, failed: list[Account]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{number}.csv", _csv(COLUMNS, rows))
        if failed:
            errors = [(each.id, "Billing failed.") for each in failed]
            archive.writestr(f"{number}-errors.csv", _csv(("Account: ID", "Error"), errors))
    return packed.getvalue()


def _csv(columns: tuple[str, ...], rows: Any) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


ROUTES = (
    Route("POST", "/v1/billing-preview-runs", preview_run),
    Route("GET", "/v1/billing-preview-runs/*", retrieve_preview_run),
    Route("GET", "/v1/files/*", file),
)
