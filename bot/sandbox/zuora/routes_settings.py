"""Settings and the email history."""

from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.zuora.calls import Context, Route
from bot.sandbox.zuora.errors import not_found, refusal
from bot.sandbox.zuora.object_query import page_number, page_size
from bot.sandbox.zuora.options import (
    AUTO_POSTED,
    MANUAL_CREDIT_MEMO,
    MANUAL_DEBIT_MEMO,
    MANUAL_INVOICE,
    POSTED_BY_API,
    RUN_COMPLETION,
)
from bot.sandbox.zuora.world import PROFILE_ID

_PDF_OF = {
    "Manual Email For Invoice": "invoice",
    "Invoice Posted": "invoice",
    "Email Credit Memo": "credit memo",
    "Email Debit Memo": "debit memo",
}
"""Events whose notification has the box *Include … PDF*."""
NOTIFICATIONS = (
    ("Manual Email For Invoice", MANUAL_INVOICE, "Invoice Posted Default Email Template"),
    ("Email Credit Memo", MANUAL_CREDIT_MEMO, "Manual Email for Credit Memo Default Template"),
    ("Email Debit Memo", MANUAL_DEBIT_MEMO, "Manual Email for Debit Memo Default Template"),
    ("Invoice Posted", AUTO_POSTED, "Invoice Posted Default Email Template"),
    ("Invoice Posted", POSTED_BY_API, "Invoice Posted Default Email Template"),
    ("Bill Run Completion", RUN_COMPLETION, "Bill Run Completion Default Template"),
)
"""Event name, notification name, template name, as the UI labels them."""


def _allowed(context: Context) -> None:
    if not context.tenant.knobs.settings_allowed:
        raise refusal(10, "The user is not allowed to manage settings.")


def billing_rules(context: Context) -> dict[str, Any]:
    """Answer GET /settings/billing-rules."""
    _allowed(context)
    knobs = context.tenant.knobs
    return {
        "allowAutoPostBillRun": knobs.auto_post_rule,
        "autoPostBillRunDefaultValue": False,
        "catchUpBillRun": knobs.catch_up,
        "includeNegativeInvoice": not knobs.invoice_settlement,
        "invoicePastEndOfTerm": False,
        "preGenerateInvoicePdf": False,
        "prorationUnit": "ProrateByDay",
        "recurringChargeStyle": "Advanced",
        "takeContactSnapshot": True,
    }


def profiles(context: Context) -> list[dict[str, Any]]:
    """Answer GET /settings/communication-profiles."""
    _allowed(context)
    return [
        {
            "id": profile.id,
            "name": profile.name,
            "number": profile.number,
            "description": "",
            "default": profile.id == PROFILE_ID,
            "muted": context.tenant.knobs.muted or profile.muted,
        }
        for profile in context.tenant.world.profiles.values()
    ]


def notifications(context: Context) -> list[dict[str, Any]]:
    """Answer GET /settings/communication-profiles/{id}/notifications."""
    _allowed(context)
    profile = context.tenant.world.profiles.get(context.key())
    if profile is None:
        raise not_found(context.key())
    inactive = context.tenant.knobs.inactive_notifications | profile.inactive
    return [
        {
            "id": f"{profile.id[:-8]}{index:08x}",
            "profileId": profile.id,
            "eventId": f"1d3d0e5b2b8b11e5b8640025{index:08x}",
            "eventName": event,
            "name": name,
            "description": "",
            "active": name not in inactive,
            "hidden": False,
            "param4": _pdf_box(context, event),
            "emailOption": True,
            "emailTemplate": f"2c92c0f85e0d9c58015e0e93{index:08x}",
            "emailTemplateName": template,
            "calloutOption": False,
        }
        for index, (event, name, template) in enumerate(NOTIFICATIONS, start=1)
    ]


def _pdf_box(context: Context, event: str) -> str | None:
    """Return whether a PDF is attached, in the page's words; for memos, by analogy."""
    if event not in _PDF_OF:
        return None
    return f"{'Include' if context.tenant.knobs.attach_pdf else 'Not include'} {_PDF_OF[event]} PDF"


def _moment(context: Context, name: str, otherwise: datetime) -> datetime:
    text = context.param(name)
    if text is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise refusal(27, f"'{name}' must have the form yyyy-MM-ddTHH:mm:ss.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=context.tenant.knobs.zone())


def email_history(context: Context) -> dict[str, Any]:
    """Answer GET /v1/notification-history/email: failures of the last day, unless asked for more."""
    tenant = context.tenant
    end = _moment(context, "endTime", tenant.now())
    start = _moment(context, "startTime", end - timedelta(days=1))
    if end - start > timedelta(days=3):
        raise refusal(27, "The time range cannot be longer than 3 days.")
    failed_only = context.param("failedOnly") != "false"
    size = page_size(context.param("pageSize"), 40)
    page = page_number(context.param("page"))
    rows = [
        row
        for row in tenant.world.history
        if start <= row.time <= end
        and not (failed_only and row.result == "OK")
        and context.param("objectId") in {None, row.object_id}
        and context.param("accountId") in {None, row.account_id}
    ]
    answer: dict[str, Any] = {
        "success": True,
        "emailHistories": [
            {
                "accountId": row.account_id,
                "toEmail": row.to,
                "cc": "",
                "bcc": "",
                "fromEmail": "billing@example.com",
                "replyTo": "",
                "subject": row.subject,
                "sendTime": tenant.local(row.time),
                "notification": row.notification,
                "eventCategory": str(row.event_category),
                "result": row.result,
                "errorMessage": row.error_message,
            }
            for row in rows[(page - 1) * size : page * size]
        ],
    }
    if page * size < len(rows):
        answer["nextPage"] = f"/v1/notification-history/email?page={page + 1}&pageSize={size}"
    return answer


ROUTES = (
    Route("GET", "/settings/billing-rules", billing_rules),
    Route("GET", "/settings/communication-profiles", profiles),
    Route("GET", "/settings/communication-profiles/*/notifications", notifications),
    Route("GET", "/v1/notification-history/email", email_history),
)
