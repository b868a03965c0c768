"""Object Query, ZOQL, accounts, subscriptions, previews."""

from dataclasses import replace
from datetime import date

import pytest

INVOICES = "/object-query/invoices"


@pytest.fixture
def many(world):
    return world.add_bill_run(
        name="Many", invoices=[("A00000001", "USD", f"{n}.25") for n in range(120)]
    )


async def test_pages_follow_a_cursor_to_the_end(client, many):
    path = (
        f"{INVOICES}?filter[]=sourceId.EQ:{many.number}&pageSize=50&fields[]=invoiceNumber,amount"
    )
    page, amounts, pages = (await client.get(path)).json(), [], 1
    amounts += [row["amount"] for row in page["data"]]
    assert set(page["data"][0]) == {"invoiceNumber", "amount"}
    while cursor := page.get("nextPage"):
        page = (await client.get(f"{path}&cursor={cursor}")).json()
        amounts += [row["amount"] for row in page["data"]]
        pages += 1
    assert pages == 3
    assert amounts == [n + 0.25 for n in range(120)]


async def test_a_page_has_ten_rows_unless_asked(client, many):
    assert len((await client.get(INVOICES)).json()["data"]) == 10


@pytest.mark.parametrize("size", ["51", "0", "x", "-1"])
async def test_a_page_size_out_of_bounds_is_refused(client, size):
    assert (await client.get(f"{INVOICES}?pageSize={size}")).status_code == 400


async def test_the_largest_page_can_be_99(client, zuora, many):
    zuora.knobs = replace(zuora.knobs, max_page_size=99)
    assert len((await client.get(f"{INVOICES}?pageSize=99")).json()["data"]) == 99
    assert (await client.get(f"{INVOICES}?pageSize=100")).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "filter[]=amount:100",
        "filter[]=nothing.EQ:1",
        "filter[]=amount.LIKE:1",
        "filter[]=amount.GT:x",
        "cursor=abc",
        "sort[]=amount",
        "expand[]=nothing",
    ],
)
async def test_an_unreadable_query_is_refused(client, query):
    answer = await client.get(f"{INVOICES}?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"reasons", "requestId"}


async def test_filters_are_joined_by_and(client, many):
    filters = "filter[]=amount.GE:10&filter[]=amount.LT:12.25&filter[]=status.EQ:Posted"
    rows = (await client.get(f"{INVOICES}?{filters}&sort[]=amount.DESC")).json()["data"]
    assert [row["amount"] for row in rows] == [11.25, 10.25]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("filter[]=currency.IN:[USD,EUR]", 2),
        ("filter[]=invoiceNumber.SW:INV", 2),
        ("filter[]=currency.NE:USD", 1),
        ("filter[]=lastEmailSentDate.EQ:null", 2),
        ("filter[]=lastEmailSentDate.NE:null", 0),
    ],
)
async def test_other_operators(client, query, count):
    assert len((await client.get(f"{INVOICES}?{query}")).json()["data"]) == count


async def test_a_strict_index_refuses_the_source_and_zoql_helps(client, zuora):
    zuora.knobs = replace(zuora.knobs, strict_index=True)
    answer = await client.get(f"{INVOICES}?filter[]=sourceId.EQ:BR-00000001")
    assert answer.status_code == 400
    text = "select Id, InvoiceNumber, Amount, LastEmailSentDate from Invoice where SourceId='BR-00000001'"
    rows = (await client.post("/v1/action/query", {"queryString": text})).json()
    assert (rows["size"], rows["done"]) == (2, True)
    assert rows["records"][0]["InvoiceNumber"] == "INV00000001"
    assert "LastEmailSentDate" not in rows["records"][0]
    memos = "select Number, TotalAmount from CreditMemo where SourceId = 'BR-00000001'"
    row = (await client.post("/v1/action/query", {"queryString": memos})).json()["records"][0]
    assert (row["Number"], row["TotalAmount"]) == ("CM00000001", 12.5)


async def test_zoql_goes_on_where_it_ended(client, world):
    world.add_bill_run("BR-00000009", invoices=[("A00000001", "USD", "1")] * 2001)
    text = "select Id from Invoice where SourceId='BR-00000009'"
    first = (await client.post("/v1/action/query", {"queryString": text})).json()
    assert (first["size"], first["done"], len(first["records"])) == (2001, False, 2000)
    locator = {"queryLocator": first["queryLocator"]}
    second = (await client.post("/v1/action/queryMore", locator)).json()
    assert (second["done"], len(second["records"])) == (True, 1)


async def test_a_page_that_is_no_number_is_refused(client):
    assert (await client.get("/v1/debit-memos?page=x")).status_code == 400
    assert (await client.get("/v1/notification-history/email?page=0")).status_code == 400


@pytest.mark.parametrize("text", ["select * from Invoice", "select Nothing from Invoice", "drop"])
async def test_wrong_zoql_is_refused(client, text):
    answer = await client.post("/v1/action/query", {"queryString": text})
    assert (answer.status_code, answer.json()["Success"]) == (400, False)


async def test_an_object_is_found_by_id_and_by_number_without_nulls(client, world):
    run = world.bill_runs["BR-00000001"]
    by_number = (await client.get("/object-query/billing-runs/BR-00000001")).json()
    by_id = (await client.get(f"/object-query/billing-runs/{run.id}")).json()
    assert by_number == by_id
    assert "errorMessage" not in by_id
    assert (by_id["numberOfInvoices"], by_id["numberOfCreditMemos"]) == (2, 1)
    path = "/object-query/billing-runs/BR-00000001?includeNullFields=true"
    assert (await client.get(path)).json()["errorMessage"] is None


async def test_related_objects_can_be_expanded(client):
    path = f"{INVOICES}/INV00000001?expand[]=account,billToContact&fields[]=amount"
    row = (await client.get(path)).json()
    assert row["amount"] == 100
    assert row["account"]["accountNumber"] == "A00000001"
    assert row["billToContact"]["workEmail"] == "billing.a00000001@example.com"


async def test_a_name_with_a_slash_in_a_key_is_one_key(client):
    assert (await client.get("/object-query/invoices/a%2Fb")).status_code == 404
    answer = await client.get("/object-query/invoices/a%2Fb")
    assert "'a/b'" in answer.json()["reasons"][0]["message"]


async def test_accounts_show_whom_bills_go_to(client, world):
    answer = (await client.get("/v1/accounts/A00000001")).json()
    assert answer["basicInfo"]["id"] == world.accounts["A00000001"].id
    assert answer["billToContact"]["workEmail"] == "billing.a00000001@example.com"
    assert answer["billingAndPayment"]["additionalEmailAddresses"] == ["cfo@example.com"]
    row = (await client.get("/object-query/accounts/A00000002")).json()
    assert (row["currency"], row["batch"]) == ("EUR", "Batch2")
    assert (await client.get("/v1/accounts/none")).status_code == 404


async def test_subscriptions_show_their_owner(client, world):
    subscription = world.add_subscription("A00000001")
    answer = (await client.get(f"/v1/subscriptions/{subscription.number}")).json()
    assert (answer["id"], answer["isLatestVersion"]) == (subscription.id, True)
    assert answer["invoiceOwnerAccountNumber"] == "A00000001"
    listed = (await client.get("/v1/subscriptions/accounts/A00000001")).json()
    assert len(listed["subscriptions"]) == 1
    assert (await client.get("/v1/subscriptions/none")).status_code == 404


async def test_invoices_and_memos_show_their_amounts(client, world):
    invoice = (await client.get("/v1/invoices/INV00000001")).json()
    run = world.bill_runs["BR-00000001"]
    assert (invoice["amount"], invoice["billRunId"]) == (100.0, run.id)
    assert (invoice["source"], invoice["sourceId"]) == ("BillRun", "BR-00000001")
    memo = (await client.get("/object-query/credit-memos/CM00000001")).json()
    assert (memo["totalAmount"], memo["memoNumber"]) == (12.5, "CM00000001")
    listed = (await client.get("/v1/creditmemos?accountNumber=A00000002&pageSize=1")).json()
    assert [row["number"] for row in listed["creditmemos"]] == ["CM00000001"]
    documents = (await client.get("/v1/billing-documents?accountNumber=A00000002")).json()
    assert [d["documentType"] for d in documents["documents"]] == ["Invoice", "CreditMemo"]
    assert (await client.get("/v1/billing-documents")).status_code == 400


async def test_a_preview_shows_what_an_account_would_be_billed(client, world):
    world.add_subscription("A00000001", "10.00", billed_to=date(2026, 10, 31))
    world.add_subscription("A00000001", "-2.00")
    body = {"accountNumber": "A00000001", "targetDate": "2026-11-30"}
    answer = (await client.post("/v1/operations/billing-preview", body)).json()
    assert [item["chargeAmount"] for item in answer["invoiceItems"]] == ["20.00"]
    assert [item["amount"] for item in answer["creditMemoItems"]] == [2.0]
    assert (await client.post("/v1/operations/billing-preview", {})).status_code == 400


async def test_a_preview_run_completes_in_time(client, clock):
    body = {"batches": "Batch1,Batch2", "targetDate": "2026-11-30"}
    made = (await client.post("/v1/billing-preview-runs", body)).json()
    path = f"/v1/billing-preview-runs/{made['billingPreviewRunId']}"
    assert (await client.get(path)).json()["status"] == "Pending"
    clock.move(4)
    answer = (await client.get(path)).json()
    assert (answer["status"], answer["totalAccounts"]) == ("Completed", 3)
    assert answer["resultFileUrl"].endswith(f"/v1/files/{made['billingPreviewRunId']}")
    wrong = await client.post("/v1/billing-preview-runs", {**body, "batches": ["Batch1"]})
    assert (wrong.status_code, (await client.get("/v1/files/none")).status_code) == (400, 404)
    assert (await client.get("/v1/billing-preview-runs/none")).status_code == 404
