"""The rules for creating a bill run (Create a bill run). Pure: all reasons come back at once."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.sandbox.zuora.errors import Reason
from bot.sandbox.zuora.options import Knobs
from bot.sandbox.zuora.validation_schedule import schedule_reasons

CHARGE_TYPES = ("OneTime", "Recurring", "Usage")
FILTER_TYPES = ("Account", "Subscription", "FilterCondition")
OBJECT_TYPES = ("Account", "Subscription", "RatePlanCharge")
OPERATORS = ("eq", "neq", "gt", "lt", "gte", "lte", "lk", "in", "nl", "nnl")
LAST_DAY, MOST_SUBSCRIPTIONS, MOST_IN_A_LIST = 31, 50, 500
BOOLEANS = (
    "autoPost",
    "autoEmail",
    "autoRenewal",
    "noEmailForZeroAmountInvoice",
    "includeSubscriptions",
    "includeOrderLineItems",
)
_ID = re.compile(r"[0-9a-fA-F]{32}")
_BATCH = re.compile(r"Batch([1-9]\d{0,2})")


def invalid(name: str, why: str) -> Reason:
    """Return the reason for a field of wrong value."""
    return Reason(20, f"'{name}' {why}")


def parse_date(value: object) -> date | None:
    """Return the date of a `yyyy-mm-dd` text, or None if it is no date."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def create_reasons(body: Mapping[str, Any], knobs: Knobs) -> list[Reason]:
    """Return every reason to refuse a create request that its fields alone show."""
    reasons = [*_types(body), *_selector(body, knobs)]
    reasons += [*_dates(body), *_charge_types(body), *_features(body, knobs)]
    reasons += [*_organizations(body, knobs)]
    if body.get("schedule") is not None:
        reasons += schedule_reasons(body)
    return reasons


def _types(body: Mapping[str, Any]) -> list[Reason]:
    reasons = [
        invalid(name, "must be true or false.")
        for name in BOOLEANS
        if body.get(name) is not None and not isinstance(body[name], bool)
    ]
    if body.get("name") is not None and not isinstance(body["name"], str):
        reasons.append(invalid("name", "must be a text."))
    return reasons


def _selector(body: Mapping[str, Any], knobs: Knobs) -> list[Reason]:
    batches, filters = body.get("batches"), body.get("billRunFilters")
    if batches is not None and filters is not None:
        return [Reason(30, "Only one of 'batches' and 'billRunFilters' can be specified.")]
    if batches is None and filters is None:
        return [Reason(22, "Either 'batches' or 'billRunFilters' must be specified.")]
    if batches is not None:
        return [*_batches(batches, knobs), *_bill_cycle_day(body)]
    if body.get("billCycleDay") is not None:
        return [invalid("billCycleDay", "is only valid with 'batches'."), *_filters(filters, body)]
    return _filters(filters, body)


def _batches(batches: object, knobs: Knobs) -> list[Reason]:
    if not isinstance(batches, list) or not batches:
        return [invalid("batches", "must be a list of batches.")]
    reasons = []
    for batch in batches:
        match = _BATCH.fullmatch(batch) if isinstance(batch, str) else None
        if batch != "AllBatches" and (match is None or int(match[1]) > knobs.max_batch):
            reasons.append(invalid("batches", f"has the unknown batch '{batch}'."))
    if "AllBatches" in batches and len(batches) > 1:
        reasons.append(invalid("batches", "cannot mix AllBatches with other batches."))
    return reasons


def _bill_cycle_day(body: Mapping[str, Any]) -> list[Reason]:
    day = body.get("billCycleDay")
    if day is None or day == "AllBillCycleDays":
        return []
    if day == "AsRunDay":
        if body.get("schedule") is not None:
            return []
        return [invalid("billCycleDay", "can be AsRunDay for a scheduled bill run only.")]
    if isinstance(day, str) and re.fullmatch(r"\d{1,2}", day) and 1 <= int(day) <= LAST_DAY:
        return []
    return [invalid("billCycleDay", "must be AllBillCycleDays, 1 to 31, or AsRunDay.")]


def _filters(filters: object, body: Mapping[str, Any]) -> list[Reason]:
    if (
        not isinstance(filters, list)
        or not filters
        or not all(isinstance(item, dict) for item in filters)
    ):
        return [invalid("billRunFilters", "must be a list of filters.")]
    reasons = [reason for item in filters for reason in _filter(item)]
    kinds = {str(item.get("filterType")) for item in filters}
    if len(kinds) > 1:
        reasons.append(invalid("billRunFilters", "must have filters of one type."))
    accounts = {str(item["accountId"]) for item in filters if item.get("accountId")}
    if len(accounts) > 1:
        reasons.append(Reason(30, "Only one account is allowed in 'billRunFilters'."))
    if kinds == {"Account"} and len(filters) > 1:
        reasons.append(Reason(30, "Only one filter is allowed at account level."))
    if kinds == {"Subscription"} and len(filters) > MOST_SUBSCRIPTIONS:
        reasons.append(
            Reason(30, f"At most {MOST_SUBSCRIPTIONS} subscriptions are allowed in a bill run.")
        )
    if kinds == {"Subscription"} and body.get("schedule") is not None:
        reasons.append(Reason(30, "A bill run by subscription cannot be scheduled."))
    return reasons


def _filter(item: Mapping[str, Any]) -> list[Reason]:
    kind = item.get("filterType")
    if kind not in FILTER_TYPES:
        return [invalid("filterType", f"must be one of {', '.join(FILTER_TYPES)}.")]
    if kind == "FilterCondition":
        return _filter_condition(item)
    wanted = ("accountId",) if kind == "Account" else ("accountId", "subscriptionId")
    reasons = []
    for name in wanted:
        value = item.get(name)
        if value is None:
            reasons.append(Reason(22, f"'{name}' is required in a filter of type {kind}."))
        elif not isinstance(value, str) or not _ID.fullmatch(value):
            reasons.append(invalid(name, "must be an id of 32 hexadecimal digits."))
    return reasons


def _filter_condition(item: Mapping[str, Any]) -> list[Reason]:
    reasons = []
    if item.get("objectType") not in OBJECT_TYPES:
        reasons.append(invalid("objectType", f"must be one of {', '.join(OBJECT_TYPES)}."))
    if not isinstance(item.get("condition"), dict):
        return [*reasons, Reason(22, "'condition' is required in a filter by condition.")]
    return [*reasons, *_condition(item["condition"])]


def _condition(condition: Mapping[str, Any]) -> list[Reason]:
    nested = condition.get("conditions")
    if nested is not None:
        if condition.get("relation") not in ("and", "or") or not isinstance(nested, list):
            return [invalid("relation", "must be 'and' or 'or', with a list of conditions.")]
        if not all(isinstance(inner, dict) for inner in nested):
            return [invalid("conditions", "must be a list of conditions.")]
        return [reason for inner in nested for reason in _condition(inner)]
    return _comparison(condition)


def _comparison(condition: Mapping[str, Any]) -> list[Reason]:
    operator = condition.get("operator")
    if not condition.get("field") or operator not in OPERATORS:
        return [invalid("condition", f"needs a field and one of {', '.join(OPERATORS)}.")]
    if operator in ("nl", "nnl"):
        return []
    value = condition.get("value")
    if not isinstance(value, str):
        return [invalid("value", "must be a text.")]
    if operator == "in" and value.count(",") >= MOST_IN_A_LIST:
        return [invalid("value", f"can have at most {MOST_IN_A_LIST} values with 'in'.")]
    return []


def _dates(body: Mapping[str, Any]) -> list[Reason]:
    scheduled = body.get("schedule") is not None
    reasons = []
    for name in ("invoiceDate", "targetDate"):
        if body.get(name) is not None and parse_date(body[name]) is None:
            reasons.append(invalid(name, "must be a date in yyyy-mm-dd format."))
        reasons += _offsets(body, name)
    if not scheduled and body.get("targetDate") is None:
        reasons.append(Reason(22, "'targetDate' is required for an ad-hoc bill run."))
    return reasons


def _offsets(body: Mapping[str, Any], name: str) -> list[Reason]:
    months, day = body.get(f"{name}MonthOffset"), body.get(f"{name}DayOfMonth")
    if months is None and day is None:
        return []
    schedule = body.get("schedule")
    reasons = []
    if not isinstance(schedule, dict) or schedule.get("repeatType") != "Monthly":
        reasons.append(invalid(f"{name}MonthOffset", "is only valid when repeatType is Monthly."))
    if months is None or day is None:
        reasons.append(invalid(name, "needs both its month offset and its day of month."))
    if body.get(name) is not None:
        reasons.append(invalid(name, "cannot be combined with a month offset."))
    if months is not None and type(months) is not int:
        reasons.append(invalid(f"{name}MonthOffset", "must be an integer."))
    if day is not None and (type(day) is not int or not 1 <= day <= LAST_DAY):
        reasons.append(invalid(f"{name}DayOfMonth", "must be an integer from 1 to 31."))
    return reasons


def _charge_types(body: Mapping[str, Any]) -> list[Reason]:
    types = body.get("chargeTypeToExclude")
    if types is None:
        return []
    if not isinstance(types, list):
        return [invalid("chargeTypeToExclude", "must be a list.")]
    reasons = []
    if any(kind not in CHARGE_TYPES for kind in types):
        reasons.append(invalid("chargeTypeToExclude", f"must be among {', '.join(CHARGE_TYPES)}."))
    if len(types) >= len(CHARGE_TYPES):
        reasons.append(invalid("chargeTypeToExclude", "can have at most two charge types."))
    if len({str(kind) for kind in types}) < len(types):
        reasons.append(invalid("chargeTypeToExclude", "has a charge type twice."))
    return reasons


def _features(body: Mapping[str, Any], knobs: Knobs) -> list[Reason]:
    reasons = []
    if (body.get("autoPost") or body.get("autoEmail")) and not knobs.auto_post_rule:
        reasons.append(Reason(30, "The billing rule 'Support Bill Run Auto-Post?' is set to No."))
    kind = body.get("billRunType")
    if kind is None:
        return reasons
    if kind not in ("Regular", "CatchUp"):
        return [*reasons, invalid("billRunType", "must be Regular or CatchUp.")]
    if not knobs.catch_up:
        reasons.append(Reason(30, "The Catch-Up Bill Run feature is not enabled."))
    elif kind == "CatchUp" and body.get("schedule") is not None:
        reasons.append(Reason(30, "A catch-up bill run cannot be scheduled."))
    return reasons


def _organizations(body: Mapping[str, Any], knobs: Knobs) -> list[Reason]:
    labels = body.get("organizationLabels")
    if not knobs.multi_org:
        return [] if labels is None else [Reason(30, "The Multi-Org feature is not enabled.")]
    if not isinstance(labels, list) or not labels:
        return [Reason(22, "'organizationLabels' is required.")]
    named = ("organizationId", "organizationName")
    return [
        Reason(22, "'organizationId' or 'organizationName' is required.")
        for label in labels
        if not isinstance(label, dict) or not any(label.get(name) for name in named)
    ]
