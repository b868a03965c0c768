"""The control surface, and the world that a newcomer finds."""

from decimal import Decimal

import httpx2
import pytest

from bot.sandbox.zuora import LocalZuora, sandbox_world
from tests.sandbox.zuora.conftest import TLS, Client

CONTROL = "/sandbox/zuora"


async def test_the_state_shows_runs_mails_and_calls(client, clock):
    await client.post("/v1/invoices/INV00000001/emails")
    clock.move(10)
    state = (await client.http.get(f"{CONTROL}/state")).json()
    assert [run["billingRunNumber"] for run in state["bill_runs"]] == ["BR-00000001"]
    assert state["mails"][0]["document"] == "INV00000001"
    assert [call["path"] for call in state["calls"]] == ["/v1/invoices/INV00000001/emails"]
    assert "authorization" not in state["calls"][0]["headers"]
    assert state["documents"]["CM00000001"] == "Posted"


async def test_faults_can_be_set_and_cleared(client):
    fault = {"path": "/v1/*", "kind": "status", "times": 2, "details": {"status": 503}}
    await client.http.post(f"{CONTROL}/faults", json=fault)
    assert (await client.get("/v1/invoices/INV00000001")).status_code == 503
    await client.http.delete(f"{CONTROL}/faults")
    assert (await client.get("/v1/invoices/INV00000001")).status_code == 200


async def test_it_can_be_taken_down_and_up(client, zuora):
    await client.http.post(f"{CONTROL}/down", json={"down": True})
    assert zuora.faults.down
    await client.http.post(f"{CONTROL}/down", json={"down": False})
    assert (await client.get("/v1/invoices/INV00000001")).status_code == 200


async def test_runs_can_be_added_and_fields_changed(client, world):
    body = {
        "name": "Added",
        "invoices": [["A00000009", "USD", "7.00"]],
        "target_date": "2026-12-31",
    }
    added = (await client.http.post(f"{CONTROL}/bill-runs", json=body)).json()
    assert (added["billingRunNumber"], added["numberOfInvoices"]) == ("BR-00000002", 1)
    change = {"object": "invoices", "key": "INV00000003", "fields": {"amount": "9.50"}}
    assert (await client.http.post(f"{CONTROL}/change", json=change)).status_code == 200
    assert world.invoices["INV00000003"].amount == Decimal("9.50")


async def test_a_run_of_a_number_in_use_takes_its_place(client, world):
    world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "5.00")])
    row = (await client.get("/object-query/billing-runs/BR-00000001")).json()
    assert (row["numberOfInvoices"], row["numberOfCreditMemos"]) == (1, 0)


async def test_knobs_can_be_changed(client, zuora):
    answer = await client.http.post(f"{CONTROL}/knobs", json={"max_page_size": 99})
    assert (answer.status_code, zuora.knobs.max_page_size) == (200, 99)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("faults", {"kind": "surprise"}),
        ("change", {"object": "invoices", "key": "none", "fields": {}}),
        ("change", {"object": "invoices", "key": "INV00000001", "fields": {"nothing": 1}}),
        ("change", {"object": "invoices", "key": "INV00000001", "fields": {"amount": "x"}}),
        ("knobs", {"nothing": 1}),
        ("bill-runs", {"nothing": 1}),
        ("bill-runs", []),
    ],
)
async def test_what_makes_no_sense_is_refused(client, name, body):
    answer = await client.http.post(f"{CONTROL}/{name}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_form_of_another_page_cannot_change_anything(client):
    answer = await client.http.post(f"{CONTROL}/down", data={"down": "true"})
    assert answer.status_code == 415
    assert (await client.http.get(f"{CONTROL}/nothing")).status_code == 404


def test_the_newcomers_world_is_believable(clock):
    world = sandbox_world(clock.now())
    assert len(world.accounts) == 40
    assert {run.status for run in world.bill_runs.values()} == {"Posted", "Completed", "Error"}
    first, drafts, mailed, failed, large = world.bill_runs.values()
    assert first.name == "November 2026"
    documents = world.documents_of(first)
    invoices = [d for d in documents if d.kind == "invoice"]
    assert (len(invoices), len(documents) - len(invoices)) == (24, 2)
    assert {d.currency for d in invoices} == {"USD", "EUR"}
    assert sum(d.amount == 0 for d in invoices) == 1
    assert not any(d.last_email_sent for d in documents)
    assert {d.status for d in world.documents_of(drafts)} == {"Draft"}
    assert all(d.last_email_sent for d in world.documents_of(mailed))
    assert failed.error_message
    assert len(world.documents_of(large)) == 300
    assert len(world.debit_memos) == 4
    assert sum(a.bill_to.work_email is None for a in world.accounts.values()) == 2


async def test_a_bill_run_can_be_followed_from_creation_to_mail_in_the_newcomers_world(clock):
    zuora = LocalZuora(clock)
    await zuora.start()
    body = {"batches": ["AllBatches"], "targetDate": "2026-12-01", "autoPost": True}
    try:
        async with httpx2.AsyncClient(base_url=zuora.base_url, verify=TLS) as http:
            client = Client(http, zuora)
            await client.sign_in()
            run = (await client.post("/v1/bill-runs", body)).json()
            clock.move(60)
            await client.post(f"/v1/bill-runs/{run['billRunNumber']}/emails")
            clock.move(60)
            row = (await client.get(f"/object-query/billing-runs/{run['id']}")).json()
        assert (row["status"], row["invoicesEmailed"]) == ("Posted", True)
        assert row["numberOfInvoices"] == 40
        assert len(zuora.mails) == 38
    finally:
        await zuora.stop()


async def test_a_new_start_keeps_data_tokens_and_keys(client, zuora, clock):
    path = "/v1/bill-runs/BR-00000001/emails"
    await client.post(path, Idempotency_Key="k")
    port = int(zuora.base_url.rpartition(":")[2])
    await zuora.stop()
    with pytest.raises(httpx2.TransportError):
        await client.post(path, Idempotency_Key="k")
    await zuora.start(port=port)
    assert (await client.post(path, Idempotency_Key="k")).json() == {"success": True}
    clock.move(10)
    assert len(zuora.mails) == 3
