"""What is asked for when a bill run is to be created, and the JSON for Zuora. No I/O.

Source: page *Create a bill run*; the schedule's fields are those of its expanded description.
"""

import calendar
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel

from bot.operations.stored import Body

RepeatType = Literal["None", "Daily", "Weekly", "Monthly"]
RunType = Literal["Regular", "CatchUp"]
ChargeType = Literal["OneTime", "Recurring", "Usage"]
Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
WEEKDAYS: tuple[Weekday, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ALL_BATCHES = "AllBatches"
ALL_DAYS = "AllBillCycleDays"
AS_RUN_DAY = "AsRunDay"


class MonthDay(BaseModel, frozen=True, extra="forbid"):
    """A date in each occurrence, this many months after its month, on this day (31: the last)."""

    months: int
    day: int


class Organization(BaseModel, frozen=True, extra="forbid"):
    """One organization of a tenant with Multi-Org: by id or by name."""

    id: str = ""
    name: str = ""


class RunSchedule(BaseModel, frozen=True, extra="forbid"):
    """When a run repeats; `run_time` is an hour (0 to 23) in the tenant's time zone."""

    repeat_type: RepeatType
    repeat_from: date
    repeat_to: date | None = None
    run_time: int
    weekly_on: tuple[Weekday, ...] = ()
    on_end_of_month: bool = False


class CreateBillRunBody(Body):
    """A bill run by batch, for one account, or for subscriptions of one account.

    Exactly one of `batches`, `account` and `subscriptions` is set. Accounts and subscriptions are
    numbers or ids, as typed; Zuora takes only ids, which the facts hold.

    Attributes:
        bill_cycle_day: `AllBillCycleDays`, `1` to `31`, `AsRunDay` (scheduled only); empty without
            batches.
        target_date, target_month_day: At most one of them is set; an ad hoc run has a target date.
        invoice_date, invoice_month_day: At most one of them is set.
    """

    name: str = ""
    batches: tuple[str, ...] = ()
    bill_cycle_day: str = ""
    account: str = ""
    subscriptions: tuple[str, ...] = ()
    target_date: date | None = None
    target_month_day: MonthDay | None = None
    invoice_date: date | None = None
    invoice_month_day: MonthDay | None = None
    run_type: RunType = "Regular"
    exclude: tuple[ChargeType, ...] = ()
    auto_post: bool = False
    auto_email: bool = False
    auto_renewal: bool = False
    no_email_for_zero_amount: bool = False
    include_subscriptions: bool = True
    include_order_line_items: bool = True
    organizations: tuple[Organization, ...] = ()
    schedule: RunSchedule | None = None

    @property
    def is_scheduled(self) -> bool:
        """Return whether it runs on a schedule and not right away."""
        return self.schedule is not None


def wire(
    body: CreateBillRunBody, *, name: str, account_id: str, subscription_ids: tuple[str, ...]
) -> dict[str, Any]:
    """Return the JSON object for Zuora, without what was not asked for and has no default here.

    Args:
        body: What was asked for.
        name: The run's name in Zuora.
        account_id: Id of the account to bill, empty for a run by batch.
        subscription_ids: Ids of the subscriptions' latest versions, empty for other runs.
    """
    asked: dict[str, Any] = {
        "name": name,
        **_selector(body, account_id, subscription_ids),
        **_dates(body),
        "billRunType": body.run_type if body.run_type != "Regular" else None,
        "chargeTypeToExclude": list(body.exclude) or None,
        "includeSubscriptions": None if body.include_subscriptions else False,
        "includeOrderLineItems": None if body.include_order_line_items else False,
        "organizationLabels": [_organization(each) for each in body.organizations] or None,
        "schedule": _schedule(body.schedule) if body.schedule else None,
    }
    return {
        **{field: value for field, value in asked.items() if value is not None},
        "autoPost": body.auto_post,
        "autoEmail": body.auto_email,
        "autoRenewal": body.auto_renewal,
        "noEmailForZeroAmountInvoice": body.no_email_for_zero_amount,
    }


def is_month_end(day: date) -> bool:
    """Return whether it is the last day of its month."""
    return day.day == calendar.monthrange(day.year, day.month)[1]


def _selector(
    body: CreateBillRunBody, account_id: str, subscription_ids: tuple[str, ...]
) -> dict[str, Any]:
    if body.batches:
        return {"batches": list(body.batches), "billCycleDay": body.bill_cycle_day or None}
    if not body.subscriptions:
        return {"billRunFilters": [{"filterType": "Account", "accountId": account_id}]}
    filters = [
        {"filterType": "Subscription", "accountId": account_id, "subscriptionId": each}
        for each in subscription_ids
    ]
    return {"billRunFilters": filters}


def _dates(body: CreateBillRunBody) -> dict[str, Any]:
    target, invoice = body.target_month_day, body.invoice_month_day
    return {
        "targetDate": _day(body.target_date),
        "targetDateMonthOffset": target.months if target else None,
        "targetDateDayOfMonth": target.day if target else None,
        "invoiceDate": _day(body.invoice_date),
        "invoiceDateMonthOffset": invoice.months if invoice else None,
        "invoiceDateDayOfMonth": invoice.day if invoice else None,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _organization(organization: Organization) -> dict[str, str]:
    if organization.id:
        return {"organizationId": organization.id}
    return {"organizationName": organization.name}


def _schedule(schedule: RunSchedule) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "repeatType": schedule.repeat_type,
        "repeatFrom": schedule.repeat_from.isoformat(),
        "repeatTo": _day(schedule.repeat_to),
        "runTime": schedule.run_time,
        "weeklyOnDay": list(schedule.weekly_on) or None,
    }
    if schedule.repeat_type == "Monthly" and is_month_end(schedule.repeat_from):
        asked["monthlyOnEndOfMonth"] = schedule.on_end_of_month
    return {field: value for field, value in asked.items() if value is not None}
