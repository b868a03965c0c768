"""Reads what an approver should know besides: subscriptions, rules, mails sent, a preview."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from bot.zuora import calls, rows
from bot.zuora.answers import Subscription
from bot.zuora.caller import Caller
from bot.zuora.documents import as_row
from bot.zuora.errors import ZuoraRejected
from bot.zuora.readers import subscription_of
from bot.zuora.redact import for_people
from bot.zuora.rows import Row

_WINDOW: Final = timedelta(days=3)  # the longest range the mail history takes
_MOST_WINDOWS: Final = 11  # a month; older mails are not looked for
_MOST_PAGES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingRules:
    """Rules of the tenant; None where a rule is not told."""

    auto_post_allowed: bool | None = None
    catch_up_allowed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRecord:
    """One mail Zuora sent or tried to send, without its addresses."""

    sent_at: datetime | None
    notification: str
    delivered_to_server: bool
    recipients: int
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a billing of one account would charge, in the account's currency."""

    account_id: str
    charges: Decimal
    tax: Decimal
    credits: Decimal
    items: int


async def subscription(caller: Caller, key: str) -> Subscription:
    """One subscription by id or number."""
    data = (await caller.read(calls.get("v1", "subscriptions", key))).data
    return subscription_of(as_row(data))


async def billing_rules(caller: Caller) -> BillingRules | None:
    """The rules for bill runs; None where they may not be read."""
    try:
        data = (await caller.read(calls.get("settings", "billing-rules"))).data
    except ZuoraRejected:
        return None
    row = as_row(data)
    return BillingRules(
        auto_post_allowed=rows.flag(row, "allowAutoPostBillRun"),
        catch_up_allowed=rows.flag(row, "catchUpBillRun"),
    )


async def email_history(
    caller: Caller, object_id: str, since: datetime, now: datetime, zone: tzinfo
) -> tuple[EmailRecord, ...]:
    """The mails about one object, oldest first; windows of three days, one after the other."""
    start = max(since, now - _MOST_WINDOWS * _WINDOW)
    found: list[EmailRecord] = []
    while start < now:
        end = min(start + _WINDOW, now + timedelta(seconds=1))
        found += await _history(caller, object_id, start.astimezone(zone), end.astimezone(zone))
        start = end
    return tuple(dict.fromkeys(found))


async def billing_preview(
    caller: Caller,
    account_id: str,
    target_date: date,
    *,
    exclude: Collection[str] = (),
    renew: bool = False,
) -> Preview:
    """What billing an account up to a date would charge, without some types of charges."""
    call = calls.billing_preview(account_id, target_date, exclude=exclude, renew=renew)
    data = as_row((await caller.read(call)).data)
    invoiced, credited = rows.listed(data, "invoiceItems"), rows.listed(data, "creditMemoItems")
    return Preview(
        account_id=rows.text(data, "accountId") or account_id,
        charges=_sum(invoiced, "chargeAmount"),
        tax=_sum(invoiced, "taxAmount"),
        credits=_sum(credited, "amount"),
        items=len(invoiced) + len(credited),
    )


async def _history(
    caller: Caller, object_id: str, start: datetime, end: datetime
) -> list[EmailRecord]:
    found: list[EmailRecord] = []
    for page in range(1, _MOST_PAGES + 1):
        data = (await caller.read(calls.email_history(object_id, start, end, page))).data
        found += [_record(row, start.tzinfo) for row in rows.listed(data, "emailHistories")]
        if not rows.text(as_row(data), "nextPage"):
            break
    return found


def _record(row: Row, zone: tzinfo | None) -> EmailRecord:
    said = rows.text(row, "result")
    addresses = [one for name in ("toEmail", "cc", "bcc") for one in rows.words(row, name)]
    failed = "" if said.upper() == "OK" else said
    return EmailRecord(
        sent_at=rows.moment(row, "sendTime", **({"zone": zone} if zone else {})),
        notification=rows.text(row, "notification"),
        delivered_to_server=said.upper() == "OK",
        recipients=len(addresses),
        words=for_people(rows.text(row, "errorMessage") or failed),
    )


def _sum(items: tuple[Row, ...], name: str) -> Decimal:
    return sum((rows.money(item, name) or Decimal(0) for item in items), Decimal(0))
