"""Reads what else an approver should know: subscriptions, rules, a preview."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from bot.domain.known import NotKnown
from bot.zuora import agreement, calls, paging, rows
from bot.zuora.answers import Subscription
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraRefused
from bot.zuora.readers import subscription_of
from bot.zuora.rows import ZuoraRow, as_row

_MOST_ACCOUNTS: Final = 200  # three or four calls


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingRules:
    """The tenant's rules; None for a rule that is not given."""

    auto_post_allowed: bool | None = None
    catch_up_allowed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The charges of billing one account, in the account's currency."""

    charges: Decimal | NotKnown
    tax: Decimal | NotKnown
    credits: Decimal | NotKnown
    items: int


async def subscription(caller: Caller, key: str) -> Subscription:
    """Return one subscription by id or number.

    Raises:
        ZuoraContradicts: The answer is about another one.
        ZuoraError: See `Caller.read`.
    """
    data = (await caller.read(calls.get("v1", "subscriptions", key))).data
    found = subscription_of(as_row(data))
    agreement.answered(key, "subscription", found.id, found.number)
    return found


async def billing_rules(caller: Caller) -> BillingRules | None:
    """Return the rules for bill runs; None if they may not be read."""
    try:
        data = (await caller.read(calls.get("settings", "billing-rules"))).data
    except ZuoraRefused:
        return None
    row = as_row(data)
    return BillingRules(
        auto_post_allowed=rows.flag(row, "allowAutoPostBillRun"),
        catch_up_allowed=rows.flag(row, "catchUpBillRun"),
    )


async def has_organizations(caller: Caller) -> bool | None:
    """Return whether the tenant has Multi-Org, as its accounts show: is one in an organization?

    Zuora has no call for it, and accounts from before Multi-Org may be in no organization (page
    *Data Labeling*). So all accounts are filtered, or only the first if the tenant refuses the filter.

    Returns:
        None if the accounts may not be listed, or if there are more than were looked at.
    """
    with_one = calls.object_page("accounts", filters=("organizationId.NE:null",))
    try:
        found = await paging.objects(caller, with_one, most=1)
        if not found or _in_organizations(found):
            return bool(found)
    except ZuoraRefused:
        pass  # otherwise the filter was ignored
    try:
        first = await paging.objects(caller, calls.object_page("accounts"), most=_MOST_ACCOUNTS)
    except ZuoraRefused:
        return None
    return _in_organizations(first) or (None if len(first) >= _MOST_ACCOUNTS else False)


def _in_organizations(accounts: Collection[ZuoraRow]) -> bool:
    return any(rows.text(row, "organizationId") for row in accounts)


async def billing_preview(
    caller: Caller,
    account_id: str,
    target_date: date,
    *,
    exclude: Collection[str] = (),
    renew: bool = False,
) -> Preview:
    """Return a preview of billing one account up to a date, without some types of charges."""
    call = calls.billing_preview(account_id, target_date, exclude=exclude, renew=renew)
    data = as_row((await caller.read(call)).data)
    invoiced, credited = rows.table(data, "invoiceItems"), rows.table(data, "creditMemoItems")
    if credited is rows.MISSING or credited is rows.NULL:
        credited = ()  # without Invoice Settlement there are none
    return Preview(
        charges=_sum(invoiced, "chargeAmount"),
        tax=_sum(invoiced, "taxAmount"),
        credits=_sum(credited, "amount"),
        items=sum(len(each) for each in (invoiced, credited) if not isinstance(each, NotKnown)),
    )


def _sum(items: tuple[ZuoraRow, ...] | NotKnown, name: str) -> Decimal | NotKnown:
    """Return the sum if every amount can be read; a missing tax counts as none."""
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
