"""*Details*: every document of a run, page by page, with links to Zuora."""

import re

import pytest

from tests.stage import ALICE, BOB, CHANNEL, MARA

MANY = 120


def shown(stage, user):
    """The view that a person has open: its words, its links, the buttons that turn the page."""
    blocks = stage.slack.view(user)["blocks"]
    parts = [
        part
        for block in blocks if block["type"] == "rich_text"
        for section in block["elements"] for part in section["elements"]
    ]  # fmt: skip
    words = "".join(part.get("text", "") for part in parts)
    links = {part["text"]: part["url"] for part in parts if part["type"] == "link"}
    turns = [
        element["action_id"]
        for block in blocks if block["type"] == "actions"
        for element in block["elements"]
    ]  # fmt: skip
    return words, links, turns


@pytest.fixture
async def large(stage):
    """The card of a run with many documents of different customers."""
    invoices = [(f"A{n:08d}", "USD", f"{n}.00") for n in range(1, MANY)]
    stage.zuora.world.add_bill_run(
        "BR-00000007", invoices=invoices, credit_memos=[("A00000001", "EUR", "9.00")]
    )
    return await stage.ask(text="BR-00000007")


async def test_every_document_of_a_run_is_there_page_by_page(stage, large):
    await stage.press(BOB, large, "details")

    found, pages = set(), 0
    while True:
        words, links, turns = shown(stage, BOB)
        found |= set(re.findall(r"(?:INV|CM)\d{8}", words))
        pages += 1
        assert {number for number in links if number != "BR-00000007"} <= found
        assert len(links) > 20
        if "details:next" not in turns:
            break
        before = words
        await stage.slack.choose(BOB, "details:next")
        await stage.slack.until(lambda before=before: shown(stage, BOB)[0] != before)
    assert (len(found), pages) == (MANY, 3)
    assert "Documents 101 to 120 of 120" in words
    await stage.slack.choose(BOB, "details:previous")
    await stage.slack.until(lambda: "Documents 51 to 100 of 120" in shown(stage, BOB)[0])


async def test_a_document_stands_there_with_customer_amount_and_what_became_of_it(stage):
    world = stage.zuora.world
    world.add_bill_run(
        "BR-00000008",
        invoices=[("A00000001", "USD", "100.00"), ("A00000002", "USD", "7.00")],
        credit_memos=[("A00000001", "USD", "20.00")],
    )
    world.accounts["A00000002"].bill_to.work_email = None
    name = world.accounts["A00000001"].name

    ts = await stage.ask(text="BR-00000008")
    await stage.press(MARA, ts, "details")

    words, links, _ = shown(stage, MARA)
    assert re.search(rf"INV\d+ · {name} · USD 100\.00 · bill-to at example\.com\n", words)
    assert re.search(rf"CM\d+ · {name} · USD -20\.00 · bill-to at example\.com\n", words)
    assert re.search(r"INV\d+ · [^·]+ · USD 7\.00 · no address\n", words)
    assert links["BR-00000008"] == f"{stage.slack.page_url}#zuora=BR-00000008"


async def test_without_an_address_of_zuoras_pages_there_are_no_links(stage):
    stage.changes["zuora_link"] = ""
    await stage.restart()

    ts = await stage.ask()
    await stage.press(BOB, ts, "details")

    words, links, _ = shown(stage, BOB)
    assert "INV00000001" in words
    assert links == {}


async def test_a_button_of_the_view_turns_no_page_for_who_may_not_look(stage, large):
    await stage.press(MARA, large, "details")
    stage.slack.workspace.groups["S0FINANCE"].members.clear()
    stage.clock.advance(minutes=10)

    await stage.slack.choose(MARA, "details:next")

    await stage.slack.until(lambda: bool(stage.slack.channel_messages("D0MARA")))
    assert "You may not see billing requests" in stage.slack.channel_messages("D0MARA")[-1].text
    assert "Documents 1 to 50 of 120" in shown(stage, MARA)[0]


async def test_a_forged_page_shows_nothing_of_another_request(stage):
    await stage.ask()
    before = stage.slack.view(MARA)
    message = stage.slack.channel_messages(CHANNEL)[-1]
    for value in ("R-1", "R-1.forged 50", "R-1 50", "x 1", "", "R-9.zz -5"):
        forged = {"type": "button", "value": value}
        await stage.slack.click(
            ALICE, CHANNEL, message.ts, "details:next", force=True, block=forged
        )
        await stage.quiet()

        assert stage.slack.view(MARA) == before, value
        view = stage.slack.view(ALICE)
        assert view is None or "Details of R-1" in str(view["title"]), value


async def test_a_stopped_card_has_a_headline_that_can_be_read_aloud(stage):
    ts = await stage.ask()
    stage.zuora.world.bill_runs["BR-00000001"].status = "Canceled"

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert stage.card(ts).splitlines()[0] == (
        "Stopped. Nothing was sent (email the documents of bill run BR-00000001)"
    )
