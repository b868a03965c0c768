"""Other bill runs over the same accounts that have not ended."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.operations.create_bill_run.body import ALL_BATCHES, CreateBillRunBody
from bot.operations.create_bill_run.facts import BilledAccount, OtherRun
from bot.zuora.answers import BillRun
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound
from bot.zuora.paging import side_by_side

ENDED = frozenset({"Completed", "Error", "Canceled", "Posted", "RemoveInProgress"})
"""States in which a run no longer bills; in a state that the bot does not know it may still bill."""


async def others(
    runs: Sequence[BillRun],
    body: CreateBillRunBody,
    account: BilledAccount | None,
    zuora: ZuoraClient,
) -> tuple[OtherRun, ...]:
    """Return the runs that have not ended and bill, or may bill, some of the same accounts.

    The list of runs shows batches and accounts; a run without either is read by itself. Only an
    account shows which batch it is in.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    active = [run for run in runs if run.status not in ENDED]
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
    """Return the runs that have not ended and bill some of the same accounts, by number. No I/O.

    Args:
        runs: All that are known.
        body: What is asked for.
        account: The account that is to be billed, if it is one.
        batches: For accounts that other runs bill, by id, the batch that each is in.
    """
    found = [
        OtherRun(number=run.number or run.id, name=run.name, status=_status(run))
        for run in runs
        if run.status not in ENDED and _overlap(run, body, account, batches)
    ]
    return tuple(sorted(found, key=lambda run: run.number))


def _overlap(
    run: BillRun,
    body: CreateBillRunBody,
    account: BilledAccount | None,
    batches: Mapping[str, str],
) -> bool:
    """Return whether they bill some of the same accounts, or may, because that is not known."""
    if ALL_BATCHES in body.batches or ALL_BATCHES in run.batches or not _names_accounts(run):
        return True
    if account is not None:
        in_batches = run.batches and (account.batch in run.batches or not account.batch)
        return run.billed_account_id == account.id or bool(in_batches)
    theirs = set(run.batches)
    if run.billed_account_id:
        theirs.add(batches.get(run.billed_account_id) or body.batches[0])
    return bool(set(body.batches) & theirs)


def _names_accounts(run: BillRun) -> bool:
    return bool(run.batches or run.billed_account_id)


def _status(run: BillRun) -> str:
    said = run.status or "state not known"
    return said if _names_accounts(run) else f"{said}, whom it bills is not known"


async def _with_scope(run: BillRun, zuora: ZuoraClient) -> BillRun:
    if _names_accounts(run) or not run.id:
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
