"""Reading bill runs, documents and what stands around them."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.domain.known import NotKnown
from bot.zuora.effects import EmailBody
from bot.zuora.errors import ZuoraNotFound, ZuoraRefused, ZuoraUnavailable

EMAIL = EmailBody()

INVOICES = [
    ("A00000001", "USD", "1204.10"),
    ("A00000002", "EUR", "88.00"),
    ("A00000003", "USD", "0"),
]


async def test_a_bill_run_is_read_by_number_with_counts_name_and_dates(local, zuora):
    made = local.world.add_bill_run(
        "BR-00000417",
        name="November close",
        invoices=INVOICES,
        credit_memos=[("A00000001", "USD", "12.00")],
        target_date=date(2026, 11, 30),
    )

    run = await zuora.bill_run("BR-00000417")

    assert (run.id, run.number, run.name) == (made.id, "BR-00000417", "November close")
    assert (run.status, run.type, run.target_date) == ("Posted", "Regular", date(2026, 11, 30))
    assert (run.invoice_count, run.credit_memo_count, run.account_count) == (3, 1, 3)
    assert (run.batches, run.auto_post, run.invoices_emailed) == (("AllBatches",), False, False)
    assert run.created_at == local.world.started
    assert run.next_run is None


async def test_a_bill_run_is_read_by_id(local, zuora):
    made = local.world.add_bill_run("BR-00000001")

    assert (await zuora.bill_run(made.id)).number == "BR-00000001"


async def test_an_unknown_bill_run_is_not_found(zuora):
    with pytest.raises(ZuoraNotFound) as raised:
        await zuora.bill_run("BR-99999999")

    assert raised.value.category == 40
    assert raised.value.words


async def test_a_number_that_may_not_be_looked_up_is_not_called_unknown(local, zuora):
    """`/v1` promises to take an id only, so that it knows no number proves nothing."""
    made = local.world.add_bill_run("BR-00000001")
    refusal = {"success": False, "reasons": [{"code": 50000010, "message": "No permission."}]}
    local.faults.add("/object-query/*", kind="status", status=403, body=refusal, times=None)

    with pytest.raises(ZuoraRefused) as raised:
        await zuora.bill_run("BR-00000001")
    assert not isinstance(raised.value, ZuoraNotFound)
    assert raised.value.words == ("No permission.",)

    local.world.remove_bill_run(made)
    with pytest.raises(ZuoraNotFound):
        await zuora.bill_run(made.id)


@pytest.mark.parametrize("status", [403, 404])
async def test_without_object_query_a_bill_run_is_read_without_counts(local, zuora, status):
    made = local.world.add_bill_run("BR-00000001", invoices=INVOICES)
    local.faults.add(
        "/object-query/*",
        kind="status",
        status=status,
        body={"message": "no Route matched with those values"},
    )

    run = await zuora.bill_run(made.id)

    assert (run.number, run.status, run.invoice_count) == (
        "BR-00000001",
        "Posted",
        NotKnown("missing"),
    )


async def test_a_key_with_a_slash_is_quoted(local, zuora):
    with pytest.raises(ZuoraNotFound):
        await zuora.bill_run("../accounts?x=1")

    assert {call.path.count("/accounts") for call in local.calls[1:]} == {1}
    assert [call.query for call in local.calls[1:]] == ["includeNullFields=true", ""]


async def test_the_documents_of_a_run_come_with_amounts_to_the_cent(local, zuora):
    local.world.add_bill_run(
        "BR-00000001", invoices=INVOICES, credit_memos=[("A00000001", "USD", "12.35")]
    )
    local.world.add_invoice("A00000009", "USD", "77.00")

    documents = await zuora.documents_of_run("BR-00000001")

    assert [(one.kind, one.currency, one.amount) for one in documents] == [
        ("invoice", "USD", Decimal("1204.10")),
        ("invoice", "EUR", Decimal("88.00")),
        ("invoice", "USD", Decimal(0)),
        ("credit_memo", "USD", Decimal("12.35")),
    ]
    assert [one.account_number for one in documents[:2]] == ["A00000001", "A00000002"]
    assert {one.status for one in documents} == {"Posted"}
    assert {one.bill_run_number for one in documents} == {"BR-00000001"}


@pytest.mark.parametrize(("allowed", "pages"), [(99, 2), (50, 3)])
async def test_documents_are_read_in_the_largest_pages_that_the_tenant_takes(
    local, zuora, allowed, pages
):
    """A tenant that refuses 99 rows is asked for them once, for whatever list comes first."""
    local.knobs = replace(local.knobs, max_page_size=allowed)
    lines = [(f"A{number:08d}", "USD", "1.00") for number in range(1, 121)]
    local.world.add_bill_run("BR-00000001", invoices=lines)
    await zuora.bill_runs()
    assert sum(call.path == "/object-query/billing-runs" for call in local.calls) <= 2

    documents = await zuora.within("", "").documents_of_run("BR-00000001")

    assert len({one.number for one in documents}) == 120
    assert sum(call.path == "/object-query/invoices" for call in local.calls) == pages


async def test_a_refused_filter_leads_to_zoql_and_the_accounts_currencies(local, zuora):
    local.world.add_bill_run(
        "BR-00000001",
        invoices=[*INVOICES, ("A00000001", "USD", "5.00")],
        credit_memos=[("A00000002", "EUR", "12.35")],
    )
    local.knobs = replace(local.knobs, strict_index=True)

    documents = await zuora.documents_of_run("BR-00000001")

    assert [(one.currency, one.amount) for one in documents] == [
        ("USD", Decimal("1204.10")),
        ("EUR", Decimal("88.00")),
        ("USD", Decimal(0)),
        ("USD", Decimal("5.00")),
        ("EUR", Decimal("12.35")),
    ]
    assert all(one.number and one.account_number for one in documents)
    accounts = [call.path for call in local.calls if call.path.startswith("/v1/accounts/")]
    assert len(accounts) == len(set(accounts)) == 3


async def test_zoql_goes_on_with_query_more(local, zuora):
    lines = [("A00000001", "USD", "1.00")] * 2001
    local.world.add_bill_run("BR-00000001", invoices=lines)
    local.knobs = replace(local.knobs, strict_index=True)

    documents = await zuora.documents_of_run("BR-00000001")

    assert len(documents) == 2001
    assert "/v1/action/queryMore" in {call.path for call in local.calls}


async def test_a_run_without_invoice_settlement_has_invoices_only(local, zuora):
    local.world.add_bill_run("BR-00000001", invoices=INVOICES)
    refusal = {"success": False, "reasons": [{"code": 50000010, "message": "disabled"}]}
    local.faults.add("/object-query/credit-memos", kind="status", status=403, body=refusal)
    local.faults.add("/v1/action/query", kind="status", status=403, body=refusal)

    assert len(await zuora.documents_of_run("BR-00000001")) == 3


async def test_pages_without_an_end_are_given_up(local, zuora):
    body: dict[str, object] = {"data": [], "nextPage": "again"}
    local.faults.add("/object-query/invoices", kind="status", status=200, body=body, times=None)

    with pytest.raises(ZuoraUnavailable):
        await zuora.documents_of_run("BR-00000001")


@pytest.mark.parametrize("kind", ["invoice", "credit_memo", "debit_memo"])
async def test_a_document_is_read_with_its_account(local, zuora, kind):
    local.world.add_account("A00000001", name="Blue Ltd", currency="EUR")
    made = local.world.add_document(kind, "A00000001", "EUR", "10.55")

    for key in (made.id, made.number):
        document = await zuora.document(kind, key)

        assert (document.kind, document.id, document.number) == (kind, made.id, made.number)
        assert (document.currency, document.amount) == ("EUR", Decimal("10.55"))
        assert (document.account_number, document.account_name) == ("A00000001", "Blue Ltd")
        assert document.balance == Decimal("10.55")
        assert document.bill_to_mail is True
        assert document.emailed_known is (kind == "invoice")


async def test_an_account_without_a_bill_to_address_says_so(local, zuora):
    local.world.add_account("A00000001", email=None)
    made = local.world.add_invoice("A00000001", "USD", "1.00")

    assert (await zuora.document("invoice", made.number)).bill_to_mail is False


async def test_the_newer_spelling_of_debit_memos_can_be_chosen(local, make):
    made = local.world.add_debit_memo("A00000001", "USD", "1.00")

    await make(debit_memo_path="debit-memos").document("debit_memo", made.number)

    assert local.calls[1].path == f"/v1/debit-memos/{made.number}"


async def test_a_subscription_shows_its_account_and_version(local, zuora):
    made = local.world.add_subscription("A00000001")

    found = await zuora.subscription(made.number)

    assert (found.id, found.number) == (made.id, made.number)
    assert (found.is_latest_version, found.invoice_owner_id) == (True, made.account.id)


async def test_bill_runs_are_listed_newest_first_and_filtered(local, zuora, clock):
    first = local.world.add_bill_run("BR-00000001", name="a", status="Pending")
    local.world.add_bill_run("BR-00000002", name="b", created_at=clock.now() - timedelta(days=3))
    newest = local.world.add_bill_run("BR-00000003", name="b", created_at=clock.now())
    first.created_at = clock.now() - timedelta(days=9)

    assert [run.number for run in await zuora.bill_runs()] == [
        "BR-00000003",
        "BR-00000002",
        "BR-00000001",
    ]
    since = await zuora.bill_runs(name="b", created_since=clock.now() - timedelta(days=1))
    assert [run.id for run in since] == [newest.id]


async def test_a_refused_filter_of_bill_runs_is_done_here(local, zuora):
    local.world.add_bill_run("BR-00000001", name="mine")
    local.world.add_bill_run("BR-00000002", name="other")
    local.knobs = replace(local.knobs, strict_index=True)

    assert [run.name for run in await zuora.bill_runs(name="mine")] == ["mine"]


async def test_settings_are_read_or_given_up_quietly(local, zuora):
    rules = await zuora.billing_rules()
    notifications = await zuora.mail_notifications()

    assert rules is not None
    assert rules.auto_post_allowed is True
    assert rules.catch_up_allowed is False
    assert notifications
    found = {one.name: one.active for one in notifications}
    assert found["Manual Email For Invoice"] is True

    local.knobs = replace(local.knobs, settings_allowed=False)
    assert await zuora.billing_rules() is None
    assert await zuora.mail_notifications() is None


async def test_the_mail_history_shows_what_went_out_without_addresses(local, zuora, clock):
    made = local.world.add_invoice("A00000001", "USD", "1.00")
    since = clock.now()
    await zuora.email_document("invoice", made.number, EMAIL, track_id="t", idempotency_key="k")
    clock.move(7 * 86400)

    history = await zuora.email_history(made.id, since)

    assert len(history) == 1
    assert history[0].delivered_to_server
    assert "@" not in repr(history)
    asked = [call for call in local.calls if call.path.endswith("/email")]
    assert len(asked) == 3
    assert all("failedOnly=false" in call.query for call in asked)


async def test_a_preview_adds_up_what_would_be_charged(local, zuora):
    made = local.world.add_subscription("A00000001", "100.10")

    preview = await zuora.billing_preview(made.account.id, date(2026, 12, 31))

    assert preview.charges > 0
    assert preview.charges % Decimal("100.10") == 0
    assert preview.items > 0


async def test_a_read_that_is_refused_is_not_repeated(local, zuora):
    with pytest.raises(ZuoraRefused):
        await zuora.account("A404")

    assert len([call for call in local.calls if "accounts" in call.path]) == 1


async def test_lists_that_are_asked_for_at_once_learn_the_size_of_pages_together(local, zuora):
    """None of them takes the refusal of its first page for one of its filter."""
    local.knobs = replace(local.knobs, max_page_size=50)
    local.world.add_bill_run("BR-00000001", invoices=INVOICES)

    several = [zuora.documents_of_run("BR-00000001") for _ in range(8)]
    for documents in await asyncio.gather(*several):
        assert [one.unchecked for one in documents] == [()] * 3
    assert not any(call.path == "/v1/action/query" for call in local.calls)
