"""Asks Zuora for the facts, and returns for each field what cannot be done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from bot.domain import quotes
from bot.domain.key import listed_in, one_or_several, readings, tokens, unquoted
from bot.domain.kind import a_kind
from bot.domain.words import listed
from bot.operations.create_bill_run import estimating, overlap
from bot.operations.create_bill_run.autopost_mails import AutoMails, read_auto_mails
from bot.operations.create_bill_run.batches import beyond
from bot.operations.create_bill_run.body import CreateBillRunBody, RunSchedule
from bot.operations.create_bill_run.facts import BilledAccount, BilledSubscription, CreateFacts
from bot.operations.create_bill_run.reading import MOST_SUBSCRIPTIONS, too_many_subscriptions
from bot.operations.create_bill_run.typed import quoted
from bot.operations.typed import Problems
from bot.zuora.answers import Account, BillRun, Subscription
from bot.zuora.bill_runs import MOST_LISTED
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound
from bot.zuora.lookups import BillingRules
from bot.zuora.paging import all_or_none
from bot.zuora.rows import zone_of

MOST_PENDING = 500
"""Zuora creates no run while more than this many made through the API are Pending (*Create a bill run*).

It does not show which of them were made through the API.
"""

_NO_ORGANIZATIONS = (
    "With Multi-Org, Zuora needs the organizations for which a run is created: type their ids or "
    "names, separated by commas."
)  # "This field is only required when you have already turned on Multi-Org feature."

T = TypeVar("T")
BilledScope = tuple[BilledAccount | None, tuple[BilledSubscription, ...]]


async def find(body: CreateBillRunBody, zuora: ZuoraClient) -> CreateFacts | Problems:
    """Read everything; return the facts, or what makes the run impossible.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    if unknown := beyond(body.batches, zuora.highest_batch):
        return Problems({"batches": unknown})
    wants_organizations = False if body.organizations else await zuora.has_organizations()
    if wants_organizations:
        return Problems({"organizations": _NO_ORGANIZATIONS})
    billed = await _billed(body, zuora)
    if isinstance(billed, Problems):
        return billed
    account, subscriptions = billed
    rules = await zuora.billing_rules()
    mails = AutoMails()
    if body.auto_email:
        mails = await read_auto_mails(zuora, account.profile_id if account else "")
    runs = await zuora.bill_runs()
    time_zone = _zone_name(runs, zuora)
    now = zuora.now().astimezone(zone_of(time_zone, UTC))
    pending = sum(run.status == "Pending" for run in runs)
    problems = {
        **({"posting": mails.problem} if mails.problem else {}),
        **_rules_problems(body, rules),
        **_schedule_problems(body.schedule, now),
    }
    if problems:
        return Problems(problems)
    in_scope = (
        await zuora.accounts_in_batches(body.batches, body.bill_cycle_day) if body.batches else None
    )
    return CreateFacts(
        account=account,
        subscriptions=subscriptions,
        accounts=in_scope.count if in_scope else None,
        is_all=in_scope.is_all if in_scope else True,
        auto_post_allowed=rules.auto_post_allowed if rules else None,
        catch_up_allowed=rules.catch_up_allowed if rules else None,
        others=await overlap.others(runs, body, account, zuora),
        all_runs=len(runs) < MOST_LISTED,
        mails=mails,
        pending=pending,
        estimate=await estimating.of_account(body, account, zuora),
        wants_organizations=wants_organizations,
        today=now.date(),
        time_zone=time_zone,
    )


async def _billed(body: CreateBillRunBody, zuora: ZuoraClient) -> BilledScope | Problems:
    if body.account:
        account = await _account(body.account, "account", zuora)
        return account if isinstance(account, Problems) else (account, ())
    if body.subscriptions:
        return await _billed_subscriptions(body.subscriptions, zuora)
    return None, ()


async def _account(key: str, field: str, zuora: ZuoraClient) -> BilledAccount | Problems:
    account = await _first(key, zuora.account)
    if account is None:
        several = " One account only: for several, choose their batches." if "," in key else ""
        words = f"Zuora knows no account {key}.{several}{await _what_it_is([key], zuora)}"
        return Problems({field: words})
    if len(parts := tokens(key)) > 1 and account.number != key:
        read = [await _first(part, zuora.account) for part in parts]
        others = [each.number for each in read if each is not None]
        if unclear := one_or_several(key, account.number, others):
            return Problems({field: unclear})
    if account.status != "Active":
        return Problems(
            {
                field: f"Account {account.called} is {account.status or 'unknown'}"
                "; only an Active account is billed."
            }
        )
    return _billed_account(account)


def _billed_account(account: Account) -> BilledAccount:
    return BilledAccount(
        id=account.id,
        number=account.number,
        name=account.name,
        currency=account.currency,
        batch=account.batch,
        bill_to_mail=account.bill_to_mail,
        profile_id=account.communication_profile_id,
        bill_cycle_day=account.bill_cycle_day,
    )


async def _billed_subscriptions(keys: Sequence[str], zuora: ZuoraClient) -> BilledScope | Problems:
    read, unclear = await _read_all(keys, zuora)
    if unclear:
        return Problems({"subscriptions": unclear})
    if len(read) > MOST_SUBSCRIPTIONS:
        return Problems({"subscriptions": too_many_subscriptions(len(read))})
    found = [each for _, each in read if each is not None]
    unknown = [key for key, each in read if each is None]
    wrong = subscription_problem(unknown, found)
    wrong += await _what_it_is(unknown, zuora) if unknown else ""
    if wrong:
        return Problems({"subscriptions": wrong})
    account = await _account(_owner(found[0]), "subscriptions", zuora)
    if isinstance(account, Problems):
        return account
    return account, tuple(
        BilledSubscription(
            id=each.id,
            number=each.number,
            version=each.version,
            status=each.status,
            is_latest=each.is_latest_version,
        )
        for each in found
    )


async def _read_all(
    keys: Sequence[str], zuora: ZuoraClient
) -> tuple[list[tuple[str, Subscription | None]], str]:
    """Return each key with its subscription (None: Zuora knows none), and what may be one number or several.

    Text with spaces, or a list in quotation marks, is one number if Zuora knows it, else several.
    """
    unclear: list[str] = []

    async def one(key: str) -> list[tuple[str, Subscription | None]]:
        found = await _first(key, zuora.subscription)
        inner = quotes.inside(key)
        parts = [whole for whole, *_ in listed_in(inner)] if inner else tokens(key)
        whole = [(unquoted(key), found)]
        if len(parts) == 1 or (found is not None and (inner or found.number == key)):
            return whole
        several = [(unquoted(part), await _first(part, zuora.subscription)) for part in parts]
        if found is None:
            return several
        others = [each.number for _, each in several if each is not None]
        unclear.append(one_or_several(unquoted(key), found.number, others))
        return whole

    read = await all_or_none([partial(one, key) for key in keys])
    once = list(dict.fromkeys(each for several in read for each in several))
    return once, " ".join(filter(None, unclear))


async def _what_it_is(keys: Sequence[str], zuora: ZuoraClient) -> str:
    """Return what other kinds of things Zuora has under these numbers; empty for none."""
    found = await zuora.what_are(keys)
    words = (
        f" {unquoted(key)} is {listed([a_kind(each.kind) for each in named])}."
        for key in keys
        if (named := found.of(key))
    )
    return "".join(words)


async def _first(typed: str, read: Callable[[str], Awaitable[T]]) -> T | None:
    """Return what Zuora has under the first reading that it knows: as typed, then as it looks."""
    for key in dict.fromkeys(each.key for each in readings(typed) if each.kind is None):
        try:
            return await read(key)
        except ZuoraNotFound:
            continue
    return None


def subscription_problem(unknown: Sequence[str], found: Sequence[Subscription]) -> str:
    """Return why a run cannot bill these subscriptions together; empty: it can. No I/O."""
    old = [each.number for each in found if each.is_latest_version is False]
    owners = {_owner(each): each.invoice_owner_number or each.account_number for each in found}
    twice = len({each.number for each in found}) < len(found)
    if unknown:
        return (
            f"Zuora knows no subscription {quoted(unknown)}. Put a number with spaces in "
            'quotation marks: "ACME 0001".'
        )
    if old:
        return f"This is not the latest version of {listed(sorted(set(old)))}: type its number instead."
    if len(owners) > 1:
        return (
            "All subscriptions of a run must be billed to the same account; these go to "
            f"{quoted(sorted(owners.values()))}. Make a run for each."
        )
    return "A subscription is listed twice, by number and by id." if twice else ""


def _owner(subscription: Subscription) -> str:
    """Return the account that gets the invoice, which Zuora requires."""
    return subscription.invoice_owner_id or subscription.account_id


def _rules_problems(body: CreateBillRunBody, rules: BillingRules | None) -> dict[str, str]:
    if rules is None:
        return {}
    found = {}
    if (body.auto_post or body.auto_email) and rules.auto_post_allowed is False:
        found["posting"] = (
            "Zuora's billing rule 'Support Bill Run Auto-Post?' is set to No. Choose drafts and "
            "post the run afterwards, or have an administrator set it to Yes."
        )
    if body.run_type == "CatchUp" and rules.catch_up_allowed is False:
        found["run_type"] = "Catch-up bill runs are not enabled in this Zuora. Choose Regular."
    return found


def _schedule_problems(schedule: RunSchedule | None, now: datetime) -> dict[str, str]:
    """Refuse a schedule that begins in the past, or whose only run is in the past."""
    if schedule is None:
        return {}
    today = now.date()
    if schedule.repeat_from < today:
        return {
            "repeat_from": f"{schedule.repeat_from} is in the past; today is {today}. "
            "Choose today or a later day."
        }
    last = schedule.repeat_from if schedule.repeat_type == "None" else schedule.repeat_to
    if last == today and schedule.run_time <= now.hour:
        return {"run_time": f"{schedule.run_time}:00 has passed today. Choose a later hour or day."}
    return {}


def _zone_name(runs: Sequence[BillRun], zuora: ZuoraClient) -> str:
    """Return the name of the tenant's zone: from the settings, else from the bill runs."""
    if zuora.zone is not None:
        return str(zuora.zone)
    return next((run.time_zone for run in runs if run.time_zone), "")
