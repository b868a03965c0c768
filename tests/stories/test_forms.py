"""What a form begins with: the cursor where something is missing, and nothing that was done already."""

import pytest

from tests.stage import ALICE, BOB, CHANNEL


def begins_in(stage, user):
    """The fields in which the cursor stands when the form opens."""
    return [
        block["block_id"]
        for block in stage.slack.view(user)["blocks"]
        if (block.get("element") or {}).get("focus_on_load")
    ]


def fields_of(stage, user):
    return {
        block["block_id"]: (block.get("element") or {}).get("initial_value", "")
        for block in stage.slack.view(user)["blocks"]
    }


@pytest.mark.parametrize(
    ("typed", "field"),
    [("", "bill_run"), ("BR-00000001", "reason"), ("INV00000001 INV00000002", "reason")],
)
async def test_a_form_begins_in_its_first_empty_field(stage, typed, field):
    await stage.open_form(text=typed)

    assert begins_in(stage, ALICE) == [field]


async def test_the_forms_of_a_card_begin_where_something_must_be_typed(stage):
    ts = await stage.ask()

    await stage.press(BOB, ts, "reject")

    assert begins_in(stage, BOB) == ["reason"]


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("INV00000001", False), ("DM00000001 DM00000002", False), ("DM00000001", True),
        ("CM00000001", True),
    ],
)  # fmt: skip
async def test_a_pdf_is_asked_for_where_one_memo_can_have_it(stage, typed, there):
    await stage.open_form(text=typed)

    assert ("pdf_file_id" in fields_of(stage, ALICE)) == there


@pytest.fixture
async def in_part(stage):
    """The card of three invoices, of which Zuora refused one."""
    for number in ("INV00000071", "INV00000072", "INV00000073"):
        stage.zuora.world.add_invoice("A00000001", "USD", "9.00", number=number)
    ts = await stage.ask(text="INV00000071 INV00000072 INV00000073")
    stage.zuora.faults.add(
        "/v1/invoices/INV00000072/emails", kind="http200_failure", category=30, message="Locked."
    )
    await stage.press(BOB, ts)
    await stage.until_card(ts, "1 of 3 failed")
    return ts


async def test_a_card_says_where_the_parts_stand_that_failed(stage, in_part):
    card = stage.card(in_part)
    assert "\nFailed: the thread lists which, and why\n" in card
    assert card.count("1 of 3") == 1


async def test_change_and_ask_again_leaves_out_what_was_done_and_says_so(stage, in_part):
    """The button of a request that stopped in part; here it is pressed on one that failed in part."""
    button = {"type": "button", "value": stage.request().reference}
    await stage.slack.click(ALICE, CHANNEL, in_part, "change", force=True, block=button)
    await stage.slack.until(lambda: stage.slack.view(ALICE) is not None)

    said = str(stage.slack.view(ALICE)["blocks"])
    assert fields_of(stage, ALICE)["documents"] == "INV00000072"
    assert "2 documents of R-1 went out and are left out here: INV00000071 and INV00000073." in said
    assert (await stage.slack.submit(ALICE, {"reason": "Unlocked"})).ok
    await stage.until(lambda: stage.store.requests.get(2) is not None)
    assert stage.request(2).subject == "INV00000072"
    assert '"left_out": ""' in stage.request(2).typed or "went out" not in stage.request(2).typed
