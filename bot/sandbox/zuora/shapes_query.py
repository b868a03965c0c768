"""Objects as Object Query writes them: times in UTC, key names of the SDK's expanded models."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from bot.sandbox.zuora.records import Account, BillRun, Document, Subscription, said
from bot.sandbox.zuora.shapes_v1 import contact, day
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.world import USER_ID


@lru_cache  # thousands of documents have few moments
def stamp(moment: datetime | None) -> str | None:
    """Return a moment as `2026-11-30T09:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _audit(created: datetime, updated: datetime, by: str = "") -> dict[str, Any]:
    return {
        "createdById": USER_ID,
        "createdDate": stamp(created),
        "updatedById": by or USER_ID,
        "updatedDate": stamp(updated),
    }


def bill_run(tenant: Tenant, run: BillRun) -> dict[str, Any]:
    """Return ExpandedBillingRun; it has figures once the run has ended."""
    documents = tenant.world.documents_of(run)
    memos = sum(document.kind == "credit_memo" for document in documents)
    took = run.ended_at - run.executed_at if run.ended_at and run.executed_at else None
    schedule = run.schedule or {}
    shows_scope = tenant.knobs.runs_show_scope
    filters = (run.filters or []) if shows_scope else []
    return {
        "id": run.id,
        **_audit(run.created_at, run.updated_at, run.updated_by),
        "billingRunNumber": run.number,
        "billingRunType": run.run_type,
        "name": run.name,
        "status": run.status,
        "targetType": "BatchBillRun" if run.batches else "SingleAccount",
        "accountId": filters[0].get("accountId") if filters else None,
        "batches": ",".join(run.batches) if run.batches and shows_scope else None,
        "billCycleDay": run.bill_cycle_day,
        "targetDate": day(run.target_date),
        "invoiceDate": day(run.invoice_date),
        "startDate": stamp(run.executed_at),
        "endDate": stamp(run.ended_at),
        "executedDate": stamp(run.executed_at),
        "postedDate": stamp(run.posted_at),
        "errorMessage": run.error_message,
        "numberOfAccounts": run.number_of_accounts,
        "numberOfInvoices": len(documents) - memos,
        "numberOfCreditMemos": memos,
        "totalTime": int(took.total_seconds() * 1000) if took else None,
        "noEmailForZeroAmountInvoice": run.no_zero_mail,
        "autoPost": run.auto_post,
        "autoEmail": run.auto_email,
        "autoRenewal": run.auto_renewal,
        "invoicesEmailed": run.invoices_emailed,
        "lastEmailSentTime": stamp(run.last_email_sent),
        "chargeTypeToExclude": ",".join(run.charge_types) if run.charge_types else None,
        "scheduledExecutionTime": stamp(run.scheduled_at),
        "targetDateOffSet": run.target_offset,
        "invoiceDateOffSet": run.invoice_offset,
        "targetDateMonthOffset": run.target_month_offset,
        "targetDateDayOfMonth": None if run.target_day is None else str(run.target_day),
        "invoiceDateMonthOffset": run.invoice_month_offset,
        "invoiceDateDayOfMonth": None if run.invoice_day is None else str(run.invoice_day),
        "includeSubscriptions": run.include_subscriptions,
        "includeOrderLineItems": run.include_order_lines,
        "repeatType": schedule.get("repeatType"),
        "repeatFrom": schedule.get("repeatFrom"),
        "repeatTo": schedule.get("repeatTo"),
        "runTime": schedule.get("runTime"),
        "timeZone": tenant.knobs.time_zone,
        "monthlyOnDay": None,
        "weeklyOnDay": ",".join(schedule.get("weeklyOnDay") or []) or None,
    }


def _document(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        **_audit(
            document.created_at, document.updated_at or document.created_at, document.updated_by
        ),
        "accountId": document.account.id,
        "balance": float(document.balance),
        "billToContactId": document.account.bill_to.id,
        "communicationProfileId": document.account.communication_profile_id,
        "currency": document.currency,
        "reversed": document.reversed,
        "source": document.source,
        "sourceId": document.source_id,
        "sourceType": "Standalone" if document.source_id is None else "Subscription",
        "status": document.status,
        "targetDate": day(document.target_date),
        "taxAmount": 0,
        "transferredToAccounting": "No",
    }


def invoice(tenant: Tenant, document: Document) -> dict[str, Any]:
    """Return ExpandedInvoice."""
    return {
        **_document(document),
        "invoiceNumber": document.number,
        "amount": float(document.amount),
        "amountWithoutTax": float(document.amount),
        "invoiceDate": day(document.document_date),
        "dueDate": day(document.due_date),
        "lastEmailSentDate": stamp(document.last_email_sent),
        "paymentTerm": document.account.payment_term,
        "postedBy": USER_ID if tenant.world.posted_at(document) else None,
        "postedDate": stamp(tenant.world.posted_at(document)),
        "includesRecurring": True,
    }


def memo(tenant: Tenant, document: Document) -> dict[str, Any]:
    """Return ExpandedCreditMemo or ExpandedDebitMemo, which have no time of a last mail."""
    own = (
        {"dueDate": day(document.due_date), "paymentTerm": document.account.payment_term}
        if document.kind == "debit_memo"
        else {"appliedAmount": 0, "refundAmount": 0}
    )
    common = _document(document)
    if document.kind == "debit_memo":
        for name in ("reversed", "sourceId"):
            common.pop(name, None)
    return {
        **common,
        **own,
        "memoNumber": document.number,
        "memoDate": day(document.document_date),
        "totalAmount": float(document.amount),
        "totalAmountWithoutTax": float(document.amount),
        "discountAmount": 0,
        "postedById": USER_ID if tenant.world.posted_at(document) else None,
        "postedOn": stamp(tenant.world.posted_at(document)),
        "cancelledOn": stamp(document.cancelled_at),
    }


def account(tenant: Tenant, entry: Account) -> dict[str, Any]:
    """Return ExpandedAccount."""
    return {
        "id": entry.id,
        **_audit(entry.created_at, entry.created_at),
        "accountNumber": entry.number,
        "name": entry.name,
        "status": entry.status,
        "batch": entry.batch,
        "billCycleDay": entry.bill_cycle_day,
        "bcdSettingOption": "ManualSet",
        "billToId": entry.bill_to.id,
        "soldToId": entry.bill_to.id,
        "currency": entry.currency,
        "balance": float(entry.balance),
        "communicationProfileId": entry.communication_profile_id,
        "additionalEmailAddresses": entry.additional_emails,
        "invoiceDeliveryPrefsEmail": True,
        "invoiceDeliveryPrefsPrint": False,
        "paymentTerm": entry.payment_term,
        "autoPay": False,
        "organizationId": tenant.knobs.organization if entry.is_labeled else None,
    }


def subscription(_: Tenant, entry: Subscription) -> dict[str, Any]:
    """Return ExpandedSubscription, the fields that matter for billing."""
    return {
        "id": entry.id,
        **_audit(entry.created_at, entry.created_at),
        "name": entry.number,
        "accountId": entry.account.id,
        "invoiceOwnerId": entry.account.id,
        "status": entry.status,
        "version": entry.version,
        "isLatestVersion": entry.latest,
        "autoRenew": entry.auto_renew,
        "contractEffectiveDate": day(entry.starts),
        "subscriptionStartDate": day(entry.starts),
    }


def expansions(tenant: Tenant, entry: Account | Document) -> dict[str, Any]:
    """Return what `expand[]` can add to a document or an account, by name."""
    if isinstance(entry, Account):
        return {"billTo": contact(entry.bill_to), "soldTo": contact(entry.bill_to)}
    owner = entry.account
    return {"account": said(owner, account(tenant, owner)), "billToContact": contact(owner.bill_to)}
