"""Billing preview runs through the real client: begun, looked at, their file added up."""

import contextlib
import csv
import io
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.zuora.calls import PreviewWanted
from bot.zuora.errors import ZuoraRefused
from bot.zuora.preview_file import PreviewItem, items_of
from bot.zuora.preview_runs import PreviewRun, PreviewTotals

WANTED = PreviewWanted(
    batches=("Batch1", "Batch2"), bill_cycle_day="AllBillCycleDays", target_date=date(2026, 11, 30)
)
HEADINGS = ["Account: ID", "Invoice Item: Charge Amount", "Invoice Item: Processing Type"]


@pytest.fixture
def world(local):
    world = local.world
    for number, batch, currency, amount in (
        ("A1", "Batch1", "USD", "100.10"), ("A2", "Batch2", "EUR", "70.00"),
        ("A3", "Batch2", "EUR", "0.20"), ("A4", "Batch3", "USD", "9.00"),
    ):  # fmt: skip
        world.add_account(number, batch=batch, currency=currency)
        world.add_subscription(number, amount, billed_to=date(2026, 11, 1))
    return world


async def made(zuora, clock, wanted=WANTED):
    run_id = await zuora.begin_preview_run(wanted, key="k")
    assert not (await zuora.preview_run(run_id)).has_ended
    clock.move(10)
    return await zuora.preview_run(run_id)


async def test_a_preview_run_is_begun_and_its_file_added_up_by_currency(world, local, zuora, clock):
    run = await made(zuora, clock)
    found = await zuora.preview_totals(run, WANTED)

    assert (run.number, run.status) == ("BPR-00000001", "Completed")
    assert found == PreviewTotals(
        charges={"USD": Decimal("100.10"), "EUR": Decimal("70.20")},
        tax={}, credits={}, items=3, accounts=3, without_currency=0,
    )  # fmt: skip
    (call,) = [c for c in local.calls if (c.method, c.path) == ("POST", "/v1/billing-preview-runs")]
    assert call.body == {
        "targetDate": "2026-11-30", "batches": "Batch1,Batch2", "assumeRenewal": "None",
        "includingEvergreenSubscription": True,
    }  # fmt: skip
    assert call.headers["idempotency-key"] == "k"


async def test_all_batches_and_more_names_than_the_field_takes_are_asked_for_as_all(
    world, local, zuora, clock
):
    everything = replace(WANTED, batches=("AllBatches",))
    many = replace(WANTED, batches=tuple(f"Batch{each}" for each in range(2, 201)))

    assert (await zuora.preview_totals(await made(zuora, clock, everything), everything)).items == 4
    run_id = await zuora.begin_preview_run(many, key="k2")
    clock.move(10)
    found = await zuora.preview_totals(await zuora.preview_run(run_id), many)

    assert found.charges == {"EUR": Decimal("70.20"), "USD": Decimal("9.00")}
    asked = [
        c.body for c in local.calls if (c.method, c.path) == ("POST", "/v1/billing-preview-runs")
    ]
    assert all("batches" not in body for body in asked)


async def test_accounts_of_another_bill_cycle_day_are_left_out(world, zuora, clock):
    world.accounts["A2"].bill_cycle_day = 15
    only = replace(WANTED, bill_cycle_day="15")

    found = await zuora.preview_totals(await made(zuora, clock, only), only)

    assert found.charges == {"EUR": Decimal("70.00")}


async def test_credits_are_apart_and_failed_accounts_are_counted(world, zuora, clock):
    world.add_subscription("A1", "-30.00", billed_to=date(2026, 11, 1))
    world.accounts["A3"].fails_billing = True

    run = await made(zuora, clock)
    found = await zuora.preview_totals(run, WANTED)

    assert run.failed_accounts == 1
    assert found.credits == {"USD": Decimal("30.00")}
    assert found.charges == {"USD": Decimal("100.10"), "EUR": Decimal("70.00")}


async def test_without_the_right_to_query_accounts_nothing_is_added_up(world, local, zuora, clock):
    run = await made(zuora, clock)
    local.faults.add("/v1/action/query", kind="status", times=9, status=403, body={
        "Errors": [{"Code": "PERMISSION_DENIED", "Message": "no"}], "Success": False,
    })  # fmt: skip

    found = await zuora.preview_totals(run, WANTED)

    assert (found.charges, found.items, found.without_currency) == ({}, 0, 3)


async def test_without_the_permission_it_is_refused(local, zuora):
    local.knobs = replace(local.knobs, preview_runs=False)

    with pytest.raises(ZuoraRefused, match="permission"):
        await zuora.begin_preview_run(WANTED, key="k")


async def test_a_begin_whose_answer_was_lost_begins_one_run(world, local, zuora):
    local.faults.add("/v1/billing-preview-runs", kind="lose_answer", times=2)

    await zuora.begin_preview_run(WANTED, key="k")

    assert len(world.preview_runs) == 1


async def test_a_run_without_a_file_has_no_totals(zuora):
    with pytest.raises(ZuoraRefused, match="no file"):
        await zuora.preview_totals(PreviewRun(number="BPR-1", status="Completed"), WANTED)


async def test_the_token_goes_to_no_other_address_than_the_tenants(world, local, zuora, clock):
    run = await made(zuora, clock)  # whose file is said to be at rest.zuora.com

    await zuora.preview_totals(run, WANTED)

    assert [c.path for c in local.calls if "files" in c.path] == [f"/v1/files/{run.file_id}"]


def packed(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, rows in files.items():
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            archive.writestr(name, text.getvalue())
    return data.getvalue()


def test_a_plain_file_a_zip_and_other_spellings_of_the_columns_are_read():
    rows = [["ACCOUNT.ID", "InvoiceItem.ChargeAmount", "Currency", "InvoiceItem.TaxAmount"],
            ["a", "1.5", "usd", "0.5"]]  # fmt: skip
    plain = "\n".join(",".join(row) for row in rows).encode("utf-8-sig")
    wanted = [
        PreviewItem("a", "charge", Decimal("1.5"), "USD"),
        PreviewItem("a", "tax", Decimal("0.5"), "USD"),
    ]

    assert list(items_of(plain)) == wanted
    assert list(items_of(packed(a=rows, b=[["Account: ID", "Error"], ["x", "y"]]))) == wanted


def test_lines_of_tax_are_tax():
    rows = [HEADINGS, ["a", "2.00", "Tax"], ["a", "", "charge"]]

    assert list(items_of(packed(a=rows))) == [PreviewItem("a", "tax", Decimal("2.00"))]


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 no zip", b"\xff\xfe", packed(), packed(a=[["x"], ["y"]]),
     packed(a=[HEADINGS, ["a", "ten", "charge"]]), packed(a=[HEADINGS, ["a", "NaN", "charge"]]),
     packed(a=[HEADINGS, ["a", "1E+9999999", "charge"]])],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_and_not_taken_for_nothing(content):
    with pytest.raises(ZuoraRefused):
        list(items_of(content))


@given(
    st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda end: packed()[:20] + end))
)
def test_whatever_the_file_is_it_is_read_or_refused(content):
    with contextlib.suppress(ZuoraRefused):
        assert all(item.amount.is_finite() for item in items_of(content))


AMOUNTS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.decimals(-999, 999, places=2), st.sampled_from(["EUR", "USD"])
    )
)


@given(AMOUNTS)
def test_every_amount_is_read_to_the_cent(amounts):
    rows = [["Account: ID", "Invoice Item: Charge Amount", "Account: Currency"]]
    rows += [[account, str(amount), currency] for account, amount, currency in amounts]

    found = [(item.account_id, item.amount, item.currency) for item in items_of(packed(a=rows))]

    assert found == amounts
