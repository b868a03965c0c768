"""Bill runs, documents, accounts and subscriptions as /v1 writes them (SDK 3.21.0 key names)."""

from datetime import date
from typing import Any

from bot.sandbox.zuora.records import Account, BillRun, Contact, Document, Subscription
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.world import USER_ID


def day(value: date | None) -> str | None:
    """Return a date as `yyyy-mm-dd`."""
    return value.isoformat() if value else None


def bill_run(tenant: Tenant, run: BillRun) -> dict[str, Any]:
    """Return BillRunResponse; it has no type, no counts and no amounts, and nulls are present."""
    scheduled = run.schedule is not None
    return {
        "success": True,
        "id": run.id,
        "name": run.name,
        "billRunNumber": run.number,
        "batches": run.batches,
        "billCycleDay": run.bill_cycle_day,
        "billRunFilters": run.filters,
        "chargeTypeToExclude": run.charge_types,
        "autoEmail": run.auto_email,
        "autoPost": run.auto_post,
        "autoRenewal": run.auto_renewal,
        "noEmailForZeroAmountInvoice": run.no_zero_mail,
        "includeSubscriptions": run.include_subscriptions,
        "includeOrderLineItems": run.include_order_lines,
        "organizationLabels": run.organization_labels,
        "schedule": run.schedule,
        "scheduledExecutionTime": tenant.local(run.scheduled_at),
        "status": run.status,
        "invoiceDate": None if scheduled else day(run.invoice_date),
        "invoiceDateOffset": run.invoice_offset,
        "invoiceDateMonthOffset": run.invoice_month_offset,
        "invoiceDateDayOfMonth": run.invoice_day,
        "targetDate": None if scheduled else day(run.target_date),
        "targetDateOffset": run.target_offset,
        "targetDateMonthOffset": run.target_month_offset,
        "targetDateDayOfMonth": run.target_day,
        "createdById": USER_ID,
        "createdDate": tenant.local(run.created_at),
        "updatedById": USER_ID,
        "updatedDate": tenant.local(run.updated_at),
    }


def _source(document: Document) -> dict[str, Any]:
    """Return a document's source and whether it was reversed; nothing for a debit memo."""
    if document.kind == "debit_memo":
        return {}
    return {
        "source": document.source,
        "sourceId": document.source_id,
        "reversed": document.reversed,
    }


def _common(tenant: Tenant, document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "accountId": document.account.id,
        "currency": document.currency,
        "status": document.status,
        **_source(document),
        "sourceType": "Standalone" if document.source_id is None else "Subscription",
        "targetDate": day(document.target_date),
        "billToContactId": document.account.bill_to.id,
        "comments" if document.kind == "invoice" else "comment": None,
        "taxAmount": 0,
        "createdById": USER_ID,
        "createdDate": tenant.local(document.created_at),
        "updatedById": USER_ID,
        "updatedDate": tenant.local(document.updated_at or document.created_at),
        "communicationProfileId": document.account.communication_profile_id,
    }


def invoice(tenant: Tenant, document: Document) -> dict[str, Any]:
    """Return an invoice, with the id of its bill run and the time of its last mail."""
    posted = tenant.world.posted_at(document)
    return {
        "success": True,
        **_common(tenant, document),
        "invoiceNumber": document.number,
        "amount": float(document.amount),
        "amountWithoutTax": float(document.amount),
        "balance": float(document.balance),
        "billRunId": document.bill_run_id,
        "invoiceDate": day(document.document_date),
        "dueDate": day(document.due_date),
        "lastEmailSentDate": tenant.local(document.last_email_sent),
        "paymentTerm": document.account.payment_term,
        "postedBy": USER_ID if posted else None,
        "postedDate": day(posted.astimezone(tenant.knobs.zone()).date()) if posted else None,
    }


def memo(tenant: Tenant, document: Document) -> dict[str, Any]:
    """Return a credit or debit memo, which shows no mails."""
    debit = document.kind == "debit_memo"
    amounts = (
        {
            "debitMemoDate": day(document.document_date),
            "dueDate": day(document.due_date),
            "balance": float(document.balance),
            "beAppliedAmount": 0,
            "paymentTerm": document.account.payment_term,
        }
        if debit
        else {
            "creditMemoDate": day(document.document_date),
            "unappliedAmount": float(document.balance),
            "appliedAmount": 0,
        }
    )
    return {
        "success": True,
        **_common(tenant, document),
        "number": document.number,
        "accountNumber": document.account.number,
        "amount": float(document.amount),
        **amounts,
        "latestPDFFileId": document.pdf_file_id,
        "postedById": USER_ID if tenant.world.posted_at(document) else None,
        "postedOn": tenant.local(tenant.world.posted_at(document)),
        "cancelledOn": tenant.local(document.cancelled_at),
    }


def document_of(tenant: Tenant, document: Document) -> dict[str, Any]:
    """Return a document in the shape of its kind."""
    return invoice(tenant, document) if document.kind == "invoice" else memo(tenant, document)


def contact(person: Contact) -> dict[str, Any]:
    """Return a contact."""
    return {
        "id": person.id,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "workEmail": person.work_email,
        "personalEmail": person.personal_email,
        "country": person.country,
    }


def account(entry: Account) -> dict[str, Any]:
    """Return AccountDetailResponse."""
    return {
        "success": True,
        "basicInfo": {
            "id": entry.id,
            "name": entry.name,
            "accountNumber": entry.number,
            "batch": entry.batch,
            "status": entry.status,
            "communicationProfileId": entry.communication_profile_id,
            "notes": None,
            "parentId": None,
        },
        "billingAndPayment": {
            "billCycleDay": entry.bill_cycle_day,
            "currency": entry.currency,
            "paymentTerm": entry.payment_term,
            "invoiceDeliveryPrefsEmail": True,
            "invoiceDeliveryPrefsPrint": False,
            "additionalEmailAddresses": [
                part for part in (entry.additional_emails or "").split(",") if part
            ],
            "autoPay": False,
        },
        "metrics": {"balance": float(entry.balance), "totalInvoiceBalance": float(entry.balance)},
        "billToContact": contact(entry.bill_to),
        "soldToContact": contact(entry.bill_to),
    }


def subscription(entry: Subscription) -> dict[str, Any]:
    """Return GetSubscriptionResponse for one version of a subscription."""
    owner = entry.account
    return {
        "success": True,
        "id": entry.id,
        "subscriptionNumber": entry.number,
        "accountId": owner.id,
        "accountName": owner.name,
        "accountNumber": owner.number,
        "invoiceOwnerAccountId": owner.id,
        "invoiceOwnerAccountName": owner.name,
        "invoiceOwnerAccountNumber": owner.number,
        "autoRenew": entry.auto_renew,
        "currency": owner.currency,
        "status": entry.status,
        "isLatestVersion": entry.latest,
        "version": entry.version,
        "contractEffectiveDate": day(entry.starts),
        "subscriptionStartDate": day(entry.starts),
        "contractedMrr": float(entry.monthly),
        "ratePlans": [],
    }
