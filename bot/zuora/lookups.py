"""Reads what an approver should know besides: subscriptions, rules, mails sent, a preview."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.digest import canonical, text_hash
from bot.domain.known import NotKnown
from bot.zuora import agreement, calls, paging, rows
from bot.zuora.answers import Subscription
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraContradicts, ZuoraRejected, for_people
from bot.zuora.readers import subscription_of
from bot.zuora.rows import Here, Row, as_row

_WINDOW: Final = timedelta(days=3)  # the longest range the mail history takes
_MOST_WINDOWS: Final = 11  # a month; older mails are not looked for
_MOST_PAGES: Final = 50
_MOST_ACCOUNTS: Final = 200  # three or four calls
_ANY_ZONE: Final = timedelta(days=1)
"""The history is asked for in the tenant's time; a day more on both sides is enough for every zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingRules:
    """Rules of the tenant; None where a rule is not given."""

    auto_post_allowed: bool | None = None
    catch_up_allowed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRecord:
    """One mail Zuora sent or tried to send, without its addresses.

    Attributes:
        mark: SHA-256 (hex) over the whole row: what sets it apart from the others, for Zuora gives none
            an id.
    """

    mark: str
    sent_at: datetime | NotKnown | None
    notification: str
    delivered_to_server: bool
    recipients: int
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a billing of one account would charge, in the account's currency."""

    account_id: str
    charges: Decimal | NotKnown
    tax: Decimal | NotKnown
    credits: Decimal | NotKnown
    items: int


async def subscription(caller: Caller, key: str) -> Subscription:
    """One subscription by id or number.

    Raises:
        ZuoraContradicts: The answer is about another one.
        ZuoraError: As from `Caller.read`.
    """
    data = (await caller.read(calls.get("v1", "subscriptions", key))).data
    found = subscription_of(as_row(data))
    agreement.answered(key, "subscription", found.id, found.number)
    return found


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


async def has_organizations(caller: Caller) -> bool | None:
    """Whether the tenant has Multi-Org, as far as its accounts show it: one belongs to an organization.

    Zuora has no call that says it, and accounts of before Multi-Org may be in none (page *Data
    Labeling*). So all accounts are asked; the first ones where the tenant does not take that filter.

    Returns:
        None where the accounts may not be listed, or where there are more than were looked at.
    """
    with_one = calls.object_page("accounts", filters=("organizationId.NE:null",))
    try:
        found = await paging.objects(caller, with_one, most=1)
        if not found or _in_organizations(found):
            return bool(found)
    except ZuoraRejected:
        pass  # else the filter was ignored
    try:
        first = await paging.objects(caller, calls.object_page("accounts"), most=_MOST_ACCOUNTS)
    except ZuoraRejected:
        return None
    return _in_organizations(first) or (None if len(first) >= _MOST_ACCOUNTS else False)


def _in_organizations(accounts: Collection[Row]) -> bool:
    return any(rows.text(row, "organizationId") for row in accounts)


async def email_history(
    caller: Caller, object_id: str, since: datetime, here: Here
) -> tuple[EmailRecord, ...]:
    """The mails about one object since then; windows of three days, one after the other.

    Asked for with a day more on both sides, so that it holds them whatever the tenant's zone is.
    """
    now = here.now + _ANY_ZONE
    start = max(since - _ANY_ZONE, now - _MOST_WINDOWS * _WINDOW)
    found: list[EmailRecord] = []
    while start < now:
        end = min(start + _WINDOW, now)
        page = await _history(caller, object_id, (start, end), here)
        before = {each.mark for each in found}  # a window's last second is the first of the next
        found += [each for each in page if each.mark not in before]
        start = end
    return tuple(found)


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
    invoiced, credited = rows.table(data, "invoiceItems"), rows.table(data, "creditMemoItems")
    if credited is rows.MISSING or credited is rows.NULL:
        credited = ()  # without Invoice Settlement there are none
    return Preview(
        account_id=rows.text(data, "accountId") or account_id,
        charges=_sum(invoiced, "chargeAmount"),
        tax=_sum(invoiced, "taxAmount"),
        credits=_sum(credited, "amount"),
        items=sum(len(each) for each in (invoiced, credited) if not isinstance(each, NotKnown)),
    )


async def _history(
    caller: Caller, object_id: str, window: tuple[datetime, datetime], here: Here
) -> list[EmailRecord]:
    found: list[EmailRecord] = []
    start, end = (each.astimezone(here.zone or UTC) for each in window)
    for page in range(1, _MOST_PAGES + 1):
        data = (await caller.read(calls.email_history(object_id, start, end, page))).data
        found += [_record(row, here) for row in paging.whole(data, "emailHistories")]
        if not paging.following(data, "nextPage"):
            return found
    raise ZuoraContradicts("Zuora's mail history does not end.")


def _record(row: Row, here: Here) -> EmailRecord:
    said = rows.text(row, "result")
    addresses = [one for name in ("toEmail", "cc", "bcc") for one in rows.words(row, name)]
    failed = "" if said.upper() == "OK" else said
    return EmailRecord(
        mark=text_hash(canonical({str(name): str(value) for name, value in row.items()})),
        sent_at=rows.moment(row, "sendTime", zone=here.zone),
        notification=rows.text(row, "notification"),
        delivered_to_server=said.upper() == "OK",
        recipients=len(addresses),
        words=for_people(rows.text(row, "errorMessage") or failed),
    )


def _sum(items: tuple[Row, ...] | NotKnown, name: str) -> Decimal | NotKnown:
    """The sum, if every one of them can be read; an item without a tax has none."""
    if isinstance(items, NotKnown):
        return items
    total = Decimal(0)
    for item in items:
        amount = rows.money(item, name)
        if amount in (rows.MISSING, rows.NULL):
            amount = Decimal(0) if name == "taxAmount" else amount
        if isinstance(amount, NotKnown):
            return amount
        total += amount
    return total
