"""From Pending to Posted, Canceled or gone, as the clock moves."""

from dataclasses import replace
from datetime import date

import pytest

from bot.sandbox.zuora import Timings
from bot.sandbox.zuora.options import POSTED_BY_API

ADHOC = {"batches": ["AllBatches"], "targetDate": "2026-11-30", "name": "R-1"}
DAILY = {"repeatFrom": "2026-12-01", "repeatType": "Daily", "runTime": 0, "repeatTo": "2026-12-02"}


@pytest.fixture
def world(world):
    world.add_subscription("A00000001", "10.00")
    world.add_subscription("A00000001", "5.50")
    world.add_subscription("A00000002", "-3.00")
    return world


async def create(client, **fields):
    return (await client.post("/v1/bill-runs", {**ADHOC, **fields})).json()


async def status(client, run) -> str:
    return (await client.get(f"/v1/bill-runs/{run['id']}")).json()["status"]


async def query(client, run) -> dict:
    return (await client.get(f"/object-query/billing-runs/{run['id']}")).json()


async def test_a_run_becomes_processing_then_completed(client, clock):
    run = await create(client)
    clock.move(1.9)
    assert await status(client, run) == "Pending"
    clock.move(0.1)
    assert await status(client, run) == "Processing"
    assert (await query(client, run))["numberOfInvoices"] == 0
    clock.move(6)
    assert await status(client, run) == "Completed"
    row = await query(client, run)
    figures = ("numberOfAccounts", "numberOfInvoices", "numberOfCreditMemos", "totalTime")
    assert [row[name] for name in figures] == [2, 1, 1, 6000]


async def test_drafts_have_the_amounts_of_what_is_due(client, world, clock):
    run = await create(client, targetDate="2026-12-15")
    clock.move(60)
    documents = (
        await client.get(f"/object-query/invoices?filter[]=sourceId.EQ:{run['billRunNumber']}")
    ).json()["data"]
    assert [(d["amount"], d["currency"], d["status"]) for d in documents] == [
        (31.0, "USD", "Draft")
    ]
    assert [d.amount for d in world.credit_memos.values() if d.status == "Draft"] == [6]


async def test_a_run_with_nothing_due_is_completed_and_empty(client, clock):
    run = await create(client, targetDate="2000-01-01")
    clock.move(60)
    row = await query(client, run)
    assert (row["status"], row["numberOfInvoices"]) == ("Completed", 0)


async def test_a_run_bills_only_what_it_selects(client, world, clock):
    account, other = world.accounts["A00000001"], world.accounts["A00000002"]
    first = next(iter(world.subscriptions.values()))
    item = {"accountId": account.id, "subscriptionId": first.id, "filterType": "Subscription"}
    runs = [
        await create(client, batches=["Batch3"]),
        await create(client, batches=["Batch1"], billCycleDay="15"),
        await create(client, chargeTypeToExclude=["Recurring"]),
        await create(client, batches=None, billRunFilters=[item]),
        await create(
            client,
            batches=None,
            billRunFilters=[{"filterType": "Account", "accountId": other.id}],
        ),
    ]
    clock.move(60)
    counts = []
    for run in runs:
        row = await query(client, run)
        counts.append((row["numberOfInvoices"], row["numberOfCreditMemos"]))
    assert counts == [(0, 0), (0, 0), (0, 0), (1, 0), (0, 1)]


async def test_a_failing_account_leaves_the_run_completed(client, world, clock):
    world.accounts["A00000002"].fails_billing = True
    run = await create(client)
    clock.move(60)
    row = await query(client, run)
    assert (row["status"], row["numberOfAccounts"], row["numberOfCreditMemos"]) == (
        "Completed",
        2,
        0,
    )


async def test_a_run_can_be_made_to_fail_or_to_stick(client, world, clock):
    world.plans += [{"ends_in": "Error", "error_message": "tax"}, {"ends_in": "stuck"}]
    failed, stuck = await create(client), await create(client)
    clock.move(3000)
    assert (await query(client, failed))["errorMessage"] == "tax"
    assert await status(client, failed) == "Error"
    assert await status(client, stuck) == "Processing"


async def test_a_completed_run_is_posted_and_redated(client, zuora, clock):
    run = await create(client)
    assert (await client.put(f"/v1/bill-runs/{run['id']}/post")).status_code == 400
    clock.move(60)
    path = f"/v1/bill-runs/{run['id']}/post"
    answer = (await client.put(path, {"invoiceDate": "2026-12-01"})).json()
    assert answer["status"] == "PostInProgress"
    assert (await client.put(path)).status_code == 400
    clock.move(3)
    assert await status(client, run) == "Posted"
    posted = zuora.world.invoices["INV00000003"]
    assert (posted.status, posted.document_date) == ("Posted", date(2026, 12, 1))
    assert zuora.mails == []


async def test_posting_checks_its_date(client, zuora, clock):
    run = await create(client)
    clock.move(60)
    path = f"/v1/bill-runs/{run['id']}/post"
    assert (await client.put(path, {"invoiceDate": "soon"})).status_code == 400
    zuora.knobs = replace(zuora.knobs, books_closed_until=date(2026, 11, 30))
    assert (await client.put(path)).status_code == 400
    zuora.knobs = replace(zuora.knobs, books_closed_until=None, post_requires_invoice_date=True)
    assert (await client.put(path)).status_code == 400
    assert (await client.put(path, {"invoiceDate": "2026-12-01"})).status_code == 200


async def test_a_posting_that_fails_for_one_document_ends_in_completed(client, world, clock):
    world.plans.append({"post_ends_in": "Completed"})
    run = await create(client)
    clock.move(60)
    path = f"/v1/bill-runs/{run['id']}/post"
    await client.put(path)
    clock.move(3)
    assert await status(client, run) == "Completed"
    states = {d.status for d in world.documents_of(world.bill_runs[run["billRunNumber"]])}
    assert states == {"Draft", "Posted"}
    answer = await client.put(f"/v1/bill-runs/{run['id']}/cancel")
    assert "Posted invoices" in answer.json()["reasons"][0]["message"]
    await client.put(path)
    clock.move(3)
    assert await status(client, run) == "Posted"


async def test_posting_mails_when_its_notification_is_active(client, zuora, clock):
    zuora.knobs = replace(zuora.knobs, inactive_notifications=frozenset())
    run = await create(client)
    clock.move(60)
    await client.put(f"/v1/bill-runs/{run['id']}/post")
    clock.move(60)
    assert {mail.notification for mail in zuora.mails} == {POSTED_BY_API}
    assert len(zuora.mails) == 2


async def test_auto_post_and_auto_email_need_no_further_call(client, zuora, clock):
    run = await create(client, autoPost=True, autoEmail=True)
    clock.move(60)
    assert await status(client, run) == "Posted"
    assert [mail.document for mail in zuora.mails] == ["INV00000003", "CM00000002"]
    assert (await query(client, run))["invoicesEmailed"] is True


async def test_a_canceled_run_takes_a_moment_and_gives_back_what_it_billed(client, world, clock):
    run = await create(client)
    clock.move(60)
    answer = (await client.put(f"/v1/bill-runs/{run['id']}/cancel", {"cancelOnce": True})).json()
    assert (answer["status"], "nextRun" in answer) == ("CancelInProgress", False)
    clock.move(2)
    assert await status(client, run) == "Canceled"
    assert world.invoices["INV00000003"].status == "Canceled"
    again = await create(client)
    clock.move(60)
    assert (await query(client, again))["numberOfInvoices"] == 1


@pytest.mark.parametrize("state", ["Processing", "Paused", "Posted", "Error", "Canceled"])
async def test_a_run_cannot_be_canceled_while(client, world, state):
    run = world.add_bill_run(status=state)
    answer = await client.put(f"/v1/bill-runs/{run.id}/cancel")
    assert answer.json()["reasons"][0]["code"] == 50000030


async def test_cancel_once_must_be_a_boolean(client, world):
    run = world.add_bill_run(status="Completed")
    answer = await client.put(f"/v1/bill-runs/{run.id}/cancel", {"cancelOnce": "no"})
    assert answer.json()["reasons"][0]["code"] == 50000020


async def test_a_canceled_or_failed_run_can_be_deleted_and_is_gone(client, world):
    run = world.add_bill_run(status="Error", invoices=[("A00000001", "USD", "1.00")])
    answer = (await client.call("DELETE", f"/v1/bill-runs/{run.id}")).json()
    assert answer["success"] is True
    assert (await client.get(f"/v1/bill-runs/{run.id}")).status_code == 404
    assert "INV00000003" not in world.invoices


async def test_removing_can_take_time(client, zuora, world, clock):
    zuora.timings = Timings(removing=5)
    run = world.add_bill_run(status="Canceled")
    answer = (await client.call("DELETE", f"/v1/bill-runs/{run.id}")).json()
    assert answer["status"] == "RemoveInProgress"
    assert (await client.get(f"/v1/bill-runs/{run.id}")).status_code == 200
    clock.move(5)
    assert (await client.get(f"/v1/bill-runs/{run.id}")).status_code == 404


@pytest.mark.parametrize("state", ["Pending", "Completed", "Posted"])
async def test_no_other_run_can_be_deleted(client, world, state):
    run = world.add_bill_run(status=state)
    answer = await client.call("DELETE", f"/v1/bill-runs/{run.id}")
    assert answer.json()["reasons"][0]["code"] == 50000030


async def test_each_occurrence_of_a_schedule_is_a_run_of_its_own(client, world, clock):
    run = await create(client, schedule=DAILY, targetDate=None)
    clock.move(15 * 3600)
    await client.sign_in()
    assert await status(client, run) == "Processing"
    following = world.bill_runs["BR-00000003"]
    assert following.id != run["id"]
    assert following.status == "Pending"
    assert (await query(client, run))["targetDate"] == "2026-12-01"
    clock.move(3 * 86400)
    await client.sign_in()
    assert len(world.bill_runs) == 3


async def test_canceling_one_occurrence_leaves_the_schedule_alive(client, clock):
    run = await create(client, schedule=DAILY, targetDate=None)
    path = f"/v1/bill-runs/{run['id']}/cancel"
    following = (await client.put(path)).json()["nextRun"]
    assert following["id"] != run["id"]
    assert following["scheduledExecutionTime"] == "2026-12-02 00:00:00"
    answer = await client.put(f"/v1/bill-runs/{following['id']}/cancel", {"cancelOnce": False})
    assert "nextRun" not in answer.json()
    clock.move(2)
    assert await status(client, run) == "Canceled"


async def test_a_drift_made_by_hand_holds(client, world, clock):
    run = world.bill_runs["BR-00000001"]
    run.status = "Completed"
    clock.move(1000)
    assert (await client.get(f"/v1/bill-runs/{run.id}")).json()["status"] == "Completed"


async def test_a_run_is_found_by_number_only_where_the_settings_say_so(client, zuora):
    assert (await client.get("/v1/bill-runs/BR-00000001")).status_code == 404
    zuora.knobs = replace(zuora.knobs, bill_run_by_number=True)
    assert (await client.get("/v1/bill-runs/BR-00000001")).status_code == 200
