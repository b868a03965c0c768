"""How a bill run moves from state to state as time goes by (Bill run status types)."""

from datetime import date, datetime
from typing import Any

from bot.sandbox.zuora import billing, mails
from bot.sandbox.zuora.errors import refusal
from bot.sandbox.zuora.occurrences import next_occurrence, resolve_date
from bot.sandbox.zuora.options import AUTO_POSTED, POSTED_BY_API
from bot.sandbox.zuora.records import BillRun, Cause, Document
from bot.sandbox.zuora.tenant import Tenant

_SILENT = Cause()


def _move(run: BillRun, status: str, at: datetime) -> None:
    run.status = status
    run.updated_at = at


def create(
    tenant: Tenant, body: dict[str, Any], at: datetime, *, cause: Cause = _SILENT
) -> BillRun:
    """Store the run that a checked request asks for, and queue it."""
    first = (
        next_occurrence(body["schedule"], at, tenant.knobs.zone()) if body.get("schedule") else None
    )
    return _store(tenant, body, at, first, cause)


def _store(
    tenant: Tenant, body: dict[str, Any], at: datetime, first: datetime | None, cause: Cause
) -> BillRun:
    world = tenant.world
    plan = world.plans.pop(0) if world.plans else {}
    run = world.new_run(
        name=body.get("name"),
        status="Pending",
        created_at=at,
        body=body,
        through_api=True,
        **fields_of(body, at.astimezone(tenant.knobs.zone()).date()),
        **plan,
    )
    run.scheduled_at = first
    start = first or tenant.after(at, tenant.timings.pending)
    world.agenda.at(start, lambda moment: _process(tenant, run, moment, cause))
    return run


def fields_of(body: dict[str, Any], today: date) -> dict[str, Any]:
    """Return a run's stored fields, from a checked request.

    A scheduled run has offsets from its run day in place of dates (Cancel a bill run, its sample).
    """
    schedule = body.get("schedule")
    start = date.fromisoformat(schedule["repeatFrom"]) if schedule else today
    dates: dict[str, Any] = {}
    for name in ("invoice", "target"):
        given = body.get(f"{name}Date")
        months = body.get(f"{name}DateMonthOffset")
        dates[f"{name}_month_offset"] = months
        dates[f"{name}_day"] = body.get(f"{name}DateDayOfMonth")
        day = date.fromisoformat(given) if given else start
        if schedule is None:
            dates[f"{name}_date"] = day
        elif months is None:
            dates[f"{name}_offset"] = (day - start).days
    return {
        **dates,
        "run_type": body.get("billRunType") or "Regular",
        "batches": body.get("batches"),
        "bill_cycle_day": body.get("billCycleDay")
        or ("AllBillCycleDays" if body.get("batches") else None),
        "filters": body.get("billRunFilters"),
        "charge_types": body.get("chargeTypeToExclude"),
        "auto_post": body.get("autoPost") or False,
        "auto_email": body.get("autoEmail") or False,
        "auto_renewal": body.get("autoRenewal") or False,
        "no_zero_mail": body.get("noEmailForZeroAmountInvoice") or False,
        "include_subscriptions": body.get("includeSubscriptions", True) is not False,
        "include_order_lines": body.get("includeOrderLineItems", True) is not False,
        "schedule": schedule,
        "organization_labels": body.get("organizationLabels"),
    }


def reschedule(tenant: Tenant, run: BillRun, body: dict[str, Any], at: datetime) -> None:
    """Give a waiting scheduled run new fields and its new time."""
    run.body = body
    run.name = body.get("name")
    for name, value in fields_of(body, tenant.today()).items():
        setattr(run, name, value)
    first = next_occurrence(body["schedule"], at, tenant.knobs.zone())
    run.scheduled_at, run.updated_at = first, at
    if first is not None:
        tenant.world.agenda.at(first, lambda moment: _process(tenant, run, moment, _SILENT))


def _process(tenant: Tenant, run: BillRun, at: datetime, cause: Cause) -> None:
    moved_on = run.scheduled_at is not None and run.scheduled_at != at
    if run.status != "Pending" or moved_on:
        return
    _move(run, "Processing", at)
    run.executed_at = at
    today = at.astimezone(tenant.knobs.zone()).date()
    if run.schedule:
        run.target_date = resolve_date(
            today, run.target_offset, run.target_month_offset, run.target_day
        )
        run.invoice_date = resolve_date(
            today, run.invoice_offset, run.invoice_month_offset, run.invoice_day
        )
        next_run(tenant, run, at)
    if run.ends_in != "stuck":
        tenant.world.agenda.at(
            tenant.after(at, tenant.timings.processing),
            lambda moment: _complete(tenant, run, moment, cause),
        )


def next_run(tenant: Tenant, run: BillRun, at: datetime) -> BillRun | None:
    """Make the next occurrence of a schedule, a run with an id and a number of its own."""
    if not run.schedule or run.scheduled_at is None:
        return None
    after = max(run.scheduled_at, at)
    following = next_occurrence(run.schedule, after, tenant.knobs.zone())
    if following is None:
        return None
    return _store(tenant, run.body, at, following, _SILENT)


def _complete(tenant: Tenant, run: BillRun, at: datetime, cause: Cause) -> None:
    if run.status != "Processing":
        return
    run.ended_at = at
    if run.ends_in == "Error":
        run.error_message = run.error_message or "The bill run failed with an unexpected error."
        _move(run, "Error", at)
        return
    billing.generate(tenant, run, at.astimezone(tenant.knobs.zone()).date())
    _move(run, "Completed", at)
    if run.auto_post:
        post(tenant, run, at, None, cause=cause, auto=True)


def post(
    tenant: Tenant,
    run: BillRun,
    at: datetime,
    invoice_date: date | None,
    *,
    cause: Cause = _SILENT,
    auto: bool = False,
) -> None:
    """Begin to post a completed run; `invoice_date` re-dates its invoices."""
    _move(run, "PostInProgress", at)
    if invoice_date is not None:
        run.invoice_date = invoice_date
        for document in tenant.world.documents_of(run):
            document.document_date = invoice_date
    tenant.world.agenda.at(
        tenant.after(at, tenant.timings.posting),
        lambda moment: _posted(tenant, run, moment, cause, auto=auto),
    )


def _posted(tenant: Tenant, run: BillRun, at: datetime, cause: Cause, *, auto: bool) -> None:
    if run.status != "PostInProgress":
        return
    drafts = [d for d in tenant.world.documents_of(run) if d.status == "Draft"]
    fails = run.post_ends_in == "Completed" and bool(drafts)
    for document in drafts[:-1] if fails else drafts:
        _post_document(tenant, document, at)
    if fails:
        run.post_ends_in = "Posted"
        _move(run, "Completed", at)
        return
    run.posted_at = at
    _move(run, "Posted", at)
    if not auto or run.auto_email:
        name = AUTO_POSTED if auto else POSTED_BY_API
        letters = mails.run_letters(tenant, run, resend=False, notification=name)
        mails.queue(tenant, letters, at, cause, run)


def _post_document(tenant: Tenant, document: Document, at: datetime) -> None:
    document.status = "Posted"
    document.posted_at = document.updated_at = at
    document.pdf_file_id = tenant.world.new_id()


def cancel(tenant: Tenant, run: BillRun, at: datetime, *, once: bool) -> BillRun | None:
    """Begin to cancel a run; return the occurrence that takes its place, if there is one.

    Raises:
        RefusalError: category 30, unless the run is Pending or Completed and nothing of it is posted.
    """
    if run.status not in {"Pending", "Completed"}:
        raise refusal(30, f"The bill run in {run.status} status cannot be canceled.")
    documents = tenant.world.documents_of(run)
    if any(document.status == "Posted" for document in documents):
        raise refusal(30, "The Bill Run cannot be Cancelled, There are Posted invoices.")
    waiting = run.status == "Pending"
    _move(run, "CancelInProgress", at)

    def canceled(moment: datetime) -> None:
        _move(run, "Canceled", moment)
        for document in documents:
            document.status, document.cancelled_at = "Canceled", moment
        billing.undo(run)

    tenant.world.agenda.at(tenant.after(at, tenant.timings.cancelling), canceled)
    return next_run(tenant, run, at) if waiting and once else None


def remove(tenant: Tenant, run: BillRun, at: datetime) -> None:
    """Begin to remove a canceled or failed run together with its documents.

    Raises:
        RefusalError: category 30, in any other state.
    """
    if run.status not in {"Canceled", "Error"}:
        raise refusal(30, f"The bill run in {run.status} status cannot be deleted.")
    _move(run, "RemoveInProgress", at)

    def gone(_: datetime) -> None:
        tenant.world.remove_bill_run(run)
        billing.undo(run)

    tenant.world.agenda.at(tenant.after(at, tenant.timings.removing), gone)
