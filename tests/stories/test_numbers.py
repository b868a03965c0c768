"""Numbers as people have them: Zuora is asked what they name."""

import pytest

from bot.cards.blocks import escaped
from tests.patient import opens_at_once
from tests.stage import ALICE, BOB, CHANNEL

PLACES = {"invoice": "invoices", "debit_memo": "debitmemos", "credit_memo": "credit-memos"}
ODD = ["ACME/0002", "SUB/2026#1", "ACME 0001", "GHINV00000142", "EU-INV-000123", "Größe 7?a=b&c"]


def add(stage, kind, number, **fields):
    return stage.zuora.world.add_document(
        kind, "A00000001", "USD", "12.00", number=number, **fields
    )


def reads(stage, *objects):
    """The paths of reads of these objects, in order."""
    return [call.path for call in stage.zuora.calls
            if call.method == "GET" and any(each in call.path for each in objects)]  # fmt: skip


@pytest.mark.parametrize("kind", ["invoice", "debit_memo", "credit_memo"])
async def test_a_document_has_any_number_and_zuora_says_what_it_is(stage, kind):
    """ "The ID or number of the invoice", with whatever prefix and characters."""
    for before, number in enumerate(ODD):
        document = add(stage, kind, number)

        ts = await stage.ask(text="INV1", documents=number)
        await stage.press(BOB, ts)
        await stage.until(lambda before=before: len(stage.orders()) > before)
        await stage.quiet()

        assert escaped(number) in stage.card(ts)
        assert [call.path for call in stage.orders()[before:]] == [
            f"/v1/{PLACES[kind]}/{number}/emails"  # decoded, after a route was found for it
        ]
        assert document.number == number


async def test_a_bare_id_of_an_invoice_is_the_invoice(stage):
    """The key is "the ID or number" of an invoice, a debit memo."""
    document = add(stage, "invoice", "INV00000077")

    ts = await stage.ask(text="INV1", documents=document.id)

    assert "INV00000077" in stage.card(ts)


async def test_the_command_opens_the_form_that_fits_a_bare_id(stage):
    document = add(stage, "debit_memo", "DM00000077")
    run = stage.zuora.world.bill_runs["BR-00000001"]

    await stage.open_form(text=document.id)
    assert stage.slack.view(ALICE)["blocks"][2]["element"]["initial_value"] == "DM00000077"
    await stage.open_form(text=run.id)
    assert stage.slack.view(ALICE)["blocks"][2]["element"]["initial_value"] == "BR-00000001"


async def test_a_bare_id_in_the_run_form_is_asked_of_zuora(stage):
    document = add(stage, "invoice", "INV00000077")

    submitted = await stage.fill(bill_run=document.id)

    assert "but an invoice" in submitted.errors["bill_run"]
    assert "INV:INV00000077" in submitted.errors["bill_run"]


async def test_two_kinds_with_the_same_number_are_asked_about(stage):
    add(stage, "invoice", "A-1")
    add(stage, "debit_memo", "A-1")

    submitted = await stage.fill(text="INV1", documents="A-1")

    assert submitted.errors["documents"] == (
        "A-1 is an invoice and a debit memo in Zuora. Type INV:A-1 or DM:A-1 for the one you mean."
    )
    again = await stage.slack.submit(ALICE, {"documents": "DM:A-1", "reason": "Month end"})
    assert again.ok


async def test_a_number_that_zuora_does_not_know_is_said_so(stage):
    submitted = await stage.fill(text="INV1", documents="XY-1 XY-2")

    assert "Zuora knows no bill run, invoice or memo" in submitted.errors["documents"]


async def test_a_run_among_documents_is_said_to_be_one(stage):
    run = stage.zuora.world.bill_runs["BR-00000001"]

    submitted = await stage.fill(text="INV1", documents=run.id)

    assert "is a bill run" in submitted.errors["documents"]


async def test_many_numbers_are_looked_up_in_few_calls(stage):
    numbers = [f"GH/{number:04d}" for number in range(60)]
    for number in numbers:
        add(stage, "invoice", number)

    await stage.open_form(text="INV1")
    before = len(reads(stage, "/object-query/debit-memos", "/object-query/credit-memos"))

    values = {"documents": ", ".join(numbers), "reason": "Month end"}
    assert (await stage.slack.submit(ALICE, values)).ok

    after = len(reads(stage, "/object-query/debit-memos", "/object-query/credit-memos"))
    assert after - before <= 8  # two kinds, two lists, each perhaps with a larger page refused
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).subject == "60 invoices"


@pytest.mark.parametrize("number", ["RUN/2026 7", "ACME-RUN-1"])
async def test_a_bill_run_has_any_number(stage, number):
    run = stage.zuora.world.add_bill_run(number, invoices=[("A00000001", "USD", "5.00")])

    shown = await stage.show(number)
    assert f"Bill run {number}: Posted" in shown.text
    await stage.slack.click(ALICE, CHANNEL, shown.ts, "run:email_bill_run")
    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).subject == run.number


@pytest.mark.parametrize("number", ODD)
async def test_the_status_of_any_number(stage, number):
    """`/billstatus` knows the same."""
    add(stage, "invoice", number)
    await stage.ask(text="INV1", documents=number)

    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billstatus {number}")

    assert ack.ok
    text = stage.private(ALICE)[-1]
    assert "an invoice" in text
    assert "R-1" in text


async def test_the_status_of_a_run_by_its_id_and_of_a_number_of_two_kinds(stage):
    add(stage, "invoice", "A-1")
    add(stage, "credit_memo", "A-1")
    run = stage.zuora.world.bill_runs["BR-00000001"]

    await stage.slack.slash(ALICE, CHANNEL, f"/billstatus {run.id}")
    assert "Bill run BR-00000001: Posted" in stage.private(ALICE)[-1]
    await stage.slack.slash(ALICE, CHANNEL, "/billstatus A-1")
    assert "A-1 is an invoice and a credit memo in Zuora." in stage.private(ALICE)[-1]


@pytest.mark.parametrize("number", ["ACME/0002", "ACME 0001", "Acme, Inc.", "A#1?x=/"])
async def test_an_account_has_any_number(stage, number):
    account = stage.zuora.world.add_account(number)

    await stage.slack.slash(
        ALICE, CHANNEL, f'/billrun account="{number}" target=2026-11-30 reason=x'
    )

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert account.id in stage.request(1).facts


async def test_subscriptions_have_any_number(stage):
    world = stage.zuora.world
    account = world.add_account("ACME 0001")
    for number in ("SUB/2026#1", "S 2"):
        world.add_subscription(account.number, number=number)

    await stage.slack.slash(
        ALICE, CHANNEL, "/billrun sub='SUB/2026#1, \"S 2\"' target=2026-11-30 reason=x"
    )

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert "SUB/2026#1" in stage.request(1).facts
    assert "S 2" in stage.request(1).facts


async def test_where_object_query_is_closed_the_documents_own_pages_are_asked(stage):
    stage.zuora.faults.add("/object-query/*", kind="http200_failure", category=10, times=None)
    document = add(stage, "invoice", "GHINV1")

    submitted = await stage.fill(text="INV1", documents="GHINV1")

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert document.id in stage.request(1).facts


async def test_where_zuora_is_silent_the_form_says_so_and_keeps_what_was_typed(stage, monkeypatch):
    monkeypatch.setattr("bot.slack.asking.SECONDS_FOR_ZUORA", 0.05)
    opens_at_once(monkeypatch)
    stage.zuora.faults.add("/object-query/*", kind="status", status=503, times=None)

    await stage.open_form(text="INV1")
    submitting = stage.slack.submit(ALICE, {"documents": "GHINV1", "reason": "Month end"})
    submitted = await stage.done_as_time_passes(submitting)

    assert submitted is not None
    await stage.as_time_passes(
        lambda: "Zuora did not answer (" in str(submitted.errors) + str(stage.slack.view(ALICE))
    )
