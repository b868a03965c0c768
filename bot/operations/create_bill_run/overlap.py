"""Other bill runs over the same accounts that have not ended."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.operations.create_bill_run.body import ALL_BATCHES, CreateBillRunBody
from bot.operations.create_bill_run.facts import BilledAccount, OtherRun
from bot.zuora.answers import BillRun
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound
from bot.zuora.paging import side_by_side

ACTIVE_STATUSES = ("Pending", "Processing", "PostInProgress", "CancelInProgress", "Paused")


async def others(
    runs: Sequence[BillRun],
    body: CreateBillRunBody,
    account: BilledAccount | None,
    zuora: ZuoraClient,
) -> tuple[OtherRun, ...]:
    """Those of the runs that have not ended and bill some of the same accounts, by number.

    The list of runs tells batches and accounts; a run of which it tells neither is read by itself.
    In which batch the account of another run is, only the account tells.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    active = [run for run in runs if run.status in ACTIVE_STATUSES]
    whole = await side_by_side(_with_scope(run, zuora) for run in active)
    batches: dict[str, str] = {}
    if body.batches and ALL_BATCHES not in body.batches:
        billed = {run.billed_account_id for run in whole if run.billed_account_id}
        read = await side_by_side(_batch_of(each, zuora) for each in sorted(billed))
        batches = dict(read)
    return others_of(whole, body, account, batches)


def others_of(
    runs: Sequence[BillRun],
    body: CreateBillRunBody,
    account: BilledAccount | None,
    batches: Mapping[str, str],
) -> tuple[OtherRun, ...]:
    """The runs that have not ended and bill some of the same accounts, by number. No I/O.

    Args:
        runs: All that are known.
        body: What is asked for.
        account: The account that is to be billed, if it is one.
        batches: For accounts that other runs bill, by id, the batch that each is in.
    """
    found = [
        OtherRun(number=run.number, name=run.name, status=run.status)
        for run in runs
        if run.status in ACTIVE_STATUSES and _overlap(run, body, account, batches)
    ]
    return tuple(sorted(found, key=lambda run: run.number))


def _overlap(
    run: BillRun,
    body: CreateBillRunBody,
    account: BilledAccount | None,
    batches: Mapping[str, str],
) -> bool:
    if account is not None:
        return (
            run.billed_account_id == account.id
            or account.batch in run.batches
            or ALL_BATCHES in run.batches
        )
    if ALL_BATCHES in body.batches or ALL_BATCHES in run.batches:
        return True
    theirs = {*run.batches, batches.get(run.billed_account_id, "")}
    return bool(set(body.batches) & theirs)


async def _with_scope(run: BillRun, zuora: ZuoraClient) -> BillRun:
    if run.batches or run.billed_account_id:
        return run
    try:
        plain = await zuora.bill_run_state(run.id)
    except ZuoraNotFound:
        return run
    return replace(run, batches=plain.batches, billed_account_id=plain.billed_account_id)


async def _batch_of(account_id: str, zuora: ZuoraClient) -> tuple[str, str]:
    try:
        return account_id, (await zuora.account(account_id)).batch
    except ZuoraNotFound:
        return account_id, ""
