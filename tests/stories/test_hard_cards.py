"""Cards that are hard to read at a glance, each as in the channel; `tests.hard_cases` makes them."""

import pytest

from tests.every_message import cards
from tests.hard_cases import (
    ADDRESSES,
    BACK,
    CURRENCIES,
    HARD,
    estimated,
    every_day,
    fifty_addresses,
    fifty_currencies,
    finished,
    long_name,
    right_to_left,
    turned_around,
    unseen,
    world_of,
)
from tests.stage import BOB, CHANNEL

AT_RISK = {
    "fifty addresses": "⚠ Typed addresses: ",
    "every day until a day": "⚠ Posts and mails by itself",
}


@pytest.fixture
def world(stage):
    world_of(stage)
    return stage.zuora.world


def message_of(stage, ts):
    return next(each for each in stage.slack.channel_messages(CHANNEL) if each.ts == ts)


def approve_of(stage, ts):
    """Headline, facts and the button that approves."""
    ((title, facts, buttons),) = cards(message_of(stage, ts).blocks)
    return title, facts, next(each for each in buttons if each["action_id"] == "approve")


async def form_of(stage, ts):
    """What the form asks that opens where the question is too long for Slack's own."""
    await stage.press(BOB, ts)
    return str(stage.slack.view(BOB)["blocks"])


@pytest.mark.parametrize("name", [each for each in HARD if each != "finished"])
async def test_a_risk_has_mark_word_and_a_button_that_is_not_green_and_nothing_else_has(
    stage, world, name
):
    title, facts, approve = approve_of(stage, await HARD[name](stage))

    mark = AT_RISK.get(name, "")
    assert title.startswith(mark or ("Email ", "Bill Batch2"))
    assert approve["style"] == ("danger" if mark else "primary")
    assert len(facts) <= 8
    assert len(title) <= 150


async def test_a_long_name_and_a_long_reason_are_cut_on_the_card_and_whole_in_details(stage, world):
    ts = await long_name(stage)

    title, facts, _ = approve_of(stage, ts)
    assert title == "Email invoice INV00000801 of Österreichische Donaudampfschifffahrtse…"
    (why,) = [each for each in facts if each.startswith("Why")]
    assert why.endswith("… (the rest is in Details)")
    details = await stage.details(ts, BOB)
    assert stage.request().reason in details


async def test_no_name_turns_an_amount_around(stage, world):
    ts = await right_to_left(stage)

    _, facts, _ = approve_of(stage, ts)
    (largest,) = [each for each in facts if each.startswith("Largest")]
    assert f"\u2068{BACK}\u2069 ILS 100.00" in largest
    assert "Evil ltd moc USD 300.00" in largest
    assert "USD 1.00" not in largest  # which reaches nobody
    whole = (str(facts), stage.card(ts), await stage.details(ts, BOB))
    assert not [words for words in whole if "\u202e" in words or "Evil ltd moc" not in words]
    one = await turned_around(stage)
    title, _, approve = approve_of(stage, one)
    for words in (title, approve["confirm"]["text"]["text"], await stage.details(one, BOB)):
        assert "Evil ltd moc" in words
        assert "\u202e" not in words


async def test_a_customer_whose_name_nobody_sees_has_the_number_and_no_name_covers_other_lines(
    stage, world
):
    _, facts, _ = approve_of(stage, await unseen(stage))

    (largest,) = [each for each in facts if each.startswith("Largest")]
    assert "U0 EUR 9.00 · U1 GBP 9.00 · Z\u0300\u0300\u0300\u0300Z" in largest
    assert largest.endswith("U2 USD 9.00")
    assert "\u0300" * 5 not in largest


async def test_what_does_not_fit_of_fifty_currencies_is_counted_on_the_card_and_all_in_the_form(
    stage, world
):
    ts = await fifty_currencies(stage)

    _, (amount, *_), approve = approve_of(stage, ts)
    assert "AED 120,431.00 · ARS 120,431.00" in amount
    assert amount.endswith(" more, all in Details")
    assert "confirm" not in approve
    asked = await form_of(stage, ts)
    assert not [
        each for each in CURRENCIES if f"{each} 120,431" not in asked or f"{each} -5" not in asked
    ]


async def test_every_typed_address_is_in_the_form_and_in_details(stage, world):
    ts = await fifty_addresses(stage)

    _, facts, _ = approve_of(stage, ts)
    (to,) = [each for each in facts if each.startswith("To")]
    assert to.endswith(f"{ADDRESSES[3]} and 46 more, all in Details")
    details, asked = await stage.details(ts, BOB), await form_of(stage, ts)
    assert not [each for each in ADDRESSES if each not in asked or each not in details]


async def test_the_mark_of_an_amount_that_is_not_known_goes_when_the_estimate_arrives(stage, world):
    seen = []
    stage.slack.on_shown = lambda text, shown: seen.append(text)

    ts = await estimated(stage)

    assert any(each.startswith("⚠ Amounts not known: Bill Batch2\n") for each in seen)
    title, facts, approve = approve_of(stage, ts)
    assert title == "Bill Batch2"
    assert "not known" not in facts[0]
    assert approve["style"] == "primary"


async def test_a_schedule_with_an_end_that_posts_and_mails_is_marked_too(stage, world):
    title, _, approve = approve_of(stage, await every_day(stage))

    assert title == (
        "⚠ Posts and mails by itself and amounts not known: Every day from 1 Dec 2026, until 31 Dec 2026: "
        "bill, post and mail Batch4. Nobody is asked again."
    )
    assert approve["style"] == "danger"


async def test_a_finished_card_stays_as_short_as_it_was_whatever_comes_afterwards(stage, world):
    ts = await finished(stage)

    blocks = message_of(stage, ts).blocks
    assert [each["type"] for each in blocks] == ["header", "context", "rich_text", "actions"]
    assert [each["action_id"] for each in blocks[-1]["elements"]] == ["details"]
    labels = [each.partition(":")[0] for each in stage.card(ts).split("\n")[2:]]
    assert labels == ["Result", "Why", "R-1", "Approved"]


async def test_no_name_begins_a_line_of_its_own_wherever_it_can_be_approved(stage, world):
    world.add_account("H6", name="Acme\nAmount: USD 1.00")
    world.add_invoice("H6", "USD", "900.00", number="INV00000807")

    ts = await stage.ask(text="INV00000807")

    _, _, approve = approve_of(stage, ts)
    await stage.slack.open_home(BOB)
    await stage.slack.until(lambda: "INV00000807" in str(stage.slack.home(BOB)))
    await stage.slack.slash(BOB, CHANNEL, "/billstatus waiting")
    await stage.quiet()
    await stage.pass_time(hours=4)
    queue = stage.slack.private(BOB, CHANNEL)[-1]
    reminder = stage.slack.thread(CHANNEL, ts)[-1]
    for shown in (approve, stage.slack.home(BOB), queue.blocks, reminder.blocks):
        assert "Acme ⏎ Amount: USD 1.00" in str(shown)
        assert "Acme\\n" not in str(shown)
    for text in (stage.card(ts), queue.text, reminder.text):
        assert "\nAmount: USD 1.00" not in text
        assert "\nAmount: USD 900.00" in text


async def test_a_run_of_which_nobody_has_an_address_claims_neither_mails_nor_none(stage, world):
    """The template may name who gets them, as with documents by number."""
    for number in ("Q2", "Q3"):
        world.add_account(number, name=f"Nowhere {number}", email=None)
    world.add_bill_run("BR-00000809", invoices=[("Q2", "USD", "7"), ("Q3", "EUR", "8")])

    ts = await stage.ask(text="BR-00000809")

    title, facts, approve = approve_of(stage, ts)
    assert title == "Email 2 documents of bill run BR-00000809 to 2 customers"
    assert approve["text"]["text"] == "Approve: send up to 2 mails"
    (warning,) = [each for each in facts if each.startswith("⚠")]
    assert "2 accounts have no bill-to address (Nowhere Q2 (Q2) and Nowhere Q3 (Q3))" in warning
    assert "up to 2 mails to 2 customers" in await stage.details(ts, BOB)


async def test_what_another_request_has_mailed_comes_before_what_others_ask_and_is_in_the_question(
    stage, world
):
    world.add_credit_memo("C000", "USD", "5.00", number="CM00000810")
    first, _, third = [await stage.ask(text="CM00000810") for _ in range(3)]
    await stage.press(BOB, third)
    await stage.until_card(third, "Accepted by Zuora")

    fourth = await stage.ask(text="CM00000810", resend=["yes"])

    for ts in (first, fourth):
        title, facts, approve = approve_of(stage, ts)
        assert title.startswith("⚠ Mails again: ")
        (also, *_) = [each for each in facts if each.startswith("Also")]
        assert "⚠ R-3 already mailed CM00000810" in also
        assert approve["confirm"]["text"]["text"].startswith("⚠ Mails again: Email credit memo")
        assert approve["style"] == "danger"
