"""Accounts in scope, one-call looks at a bill run."""

import pytest

from bot.zuora.errors import ZuoraNotFound
from bot.zuora.scope import AccountsInScope


@pytest.fixture
def filled(local):
    for number, batch, day, status in (
        ("A1", "Batch1", 1, "Active"),
        ("A2", "Batch1", 15, "Active"),
        ("A3", "Batch1", 1, "Canceled"),
        ("A4", "Batch2", 1, "Active"),
        ("A5", "Batch9", 1, "Active"),
    ):
        local.world.add_account(number, batch=batch, bill_cycle_day=day, status=status)
    return local


@pytest.mark.parametrize(
    ("batches", "bill_cycle_day", "count", "queries"),
    [
        (("Batch1",), "AllBillCycleDays", 2, 1),
        (("Batch1", "Batch2"), "AllBillCycleDays", 3, 2),
        (("Batch1", "Batch2"), "15", 1, 2),
        (("Batch1",), "AsRunDay", 2, 1),
        (("AllBatches",), "", 4, 1),
        (tuple(f"Batch{each}" for each in range(1, 9)), "", 3, 1),
        (("Batch7",), "", 0, 1),
    ],
)
async def test_active_accounts_of_a_scope_are_counted(
    filled, zuora, batches, bill_cycle_day, count, queries
):
    found = await zuora.accounts_in_batches(batches, bill_cycle_day)

    assert found == AccountsInScope(count=count)
    asked = [call for call in filled.calls if call.path == "/v1/action/query"]
    assert len(asked) == queries


async def test_accounts_that_may_not_be_queried_are_not_counted_as_none(filled, zuora):
    body = {"success": False, "reasons": [{"code": 50000010, "message": "No permission."}]}
    filled.faults.add("/v1/action/query", kind="status", status=403, body=body)

    assert await zuora.accounts_in_batches(("Batch1",), "") is None


async def test_counting_stops_at_a_limit_and_says_so(local, zuora, monkeypatch):
    monkeypatch.setattr("bot.zuora.scope.MOST_ACCOUNTS", 2)
    for _ in range(3):
        local.world.add_account(batch="Batch1")

    assert (await zuora.accounts_in_batches(("Batch1",), "")).is_all is False


async def test_the_state_of_a_run_takes_one_call(local, zuora):
    run = local.world.add_bill_run("BR-00000001", status="Processing")
    await zuora.check()
    before = len(local.calls)

    state = await zuora.bill_run_state(run.id)

    assert (state.number, state.status) == ("BR-00000001", "Processing")
    assert len(local.calls) - before == 1
    with pytest.raises(ZuoraNotFound):
        await zuora.bill_run_state("0" * 32)


async def test_the_moment_is_that_of_the_clock_handed_in(zuora, clock):
    assert zuora.now() == clock.now()
