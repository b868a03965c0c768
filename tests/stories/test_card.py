"""The card at a glance, its details and its menu."""

import csv

import pytest

from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA
from tests.status.made import exported
from tests.stories.test_receipts import direct

MOST_LINES = 8


def blocks_of(stage, ts):
    return next(m.blocks for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)


def lines_of(stage, ts):
    """The lines of facts on a card."""
    facts = [block for block in blocks_of(stage, ts) if block["type"] == "rich_text"]
    return [section for block in facts for section in block["elements"]]


def line_of(text, beginning):
    """The line of a card or of its details that begins so."""
    return next(each for each in text.splitlines() if each.startswith(beginning))


def approve_button(stage, ts):
    return next(
        element
        for block in blocks_of(stage, ts) if block["type"] == "actions"
        for element in block["elements"] if element["action_id"] == "approve"
    )  # fmt: skip


async def test_a_card_says_what_is_done_where_and_by_whom_it_must_be_approved(stage):
    ts = await stage.ask()

    header, place, _, row = blocks_of(stage, ts)
    assert header["text"]["text"] == ("Email 5 documents of bill run BR-00000001 to 4 customers")
    assert place["elements"][0]["text"] == (
        "SANDBOX · local Zuora · tenant 12270 · waiting for one approval from "
        f"<!subteam^S0CONTROLLERS> (not <@{ALICE}>)"
    )
    assert len(lines_of(stage, ts)) <= MOST_LINES
    assert [each["action_id"] for each in row["elements"]] == [
        "approve",
        "reject",
        "details",
        "more",
    ]


async def test_credits_are_shown_below_zero(stage):
    ts = await stage.ask()

    assert "Amount: EUR 80.00 · USD 350.50 (4 invoices) · USD -20.00 (1 credit memo)" in stage.card(
        ts
    )


async def test_a_request_out_of_the_ordinary_has_a_mark_and_no_green_button(stage):
    usual = await stage.ask()
    stage.zuora.world.add_bill_run(
        "BR-00000003", invoices=[("A00000001", "USD", "5.00")], mailed_at=stage.clock.now()
    )
    again = await stage.ask(text="BR-00000003", resend=["yes"])

    assert not stage.card(usual).startswith("⚠")
    assert approve_button(stage, usual)["style"] == "primary"
    title = stage.card(again).partition("\n")[0]
    assert title == "⚠ Mails again: Email 1 document of bill run BR-00000003 to 1 customer"
    assert approve_button(stage, again)["style"] == "danger"


async def test_the_confirmation_says_number_and_totals(stage):
    ts = await stage.ask()

    asked = approve_button(stage, ts)["confirm"]["text"]["text"]
    assert "Email 5 documents of bill run BR-00000001" in asked
    assert "EUR 80.00 · USD 350.50" in asked
    assert "SANDBOX" in asked


async def test_typed_addresses_are_on_the_card_and_in_the_confirmation(stage):
    stage.zuora.world.add_invoice("A00000001", "USD", "9.00", number="INV00000077")
    await stage.open_form(text="INV00000077")
    await stage.slack.choose(ALICE, "form:recipients", "addresses")
    await stage.slack.until(lambda: "email_addresses" in str(stage.slack.view(ALICE)))
    typed = {"email_addresses": "cfo@private.example", "reason": "Asked for by phone"}
    assert (await stage.slack.submit(ALICE, typed)).ok
    await stage.slack.until(lambda: bool(stage.slack.channel_messages(CHANNEL)))
    ts = stage.slack.channel_messages(CHANNEL)[-1].ts

    assert stage.card(ts).startswith("⚠ Typed addresses: ")
    assert "To: cfo@private.example" in stage.card(ts).replace("\u2060", "")
    confirm = approve_button(stage, ts)["confirm"]["text"]["text"]
    assert "cfo@private.example" in confirm


async def test_details_show_everything_else_to_whoever_may_look(stage):
    ts = await stage.ask()

    for person in (ALICE, BOB, MARA):
        said = await stage.details(ts, person)
        assert "Zuora: SANDBOX · local Zuora · tenant 12270" in said
        assert "Dates: target date" in said
        assert "INV00000001" in said


async def test_a_stranger_sees_no_details(stage):
    ts = await stage.ask()
    stage.slack.workspace.groups["S0FINANCE"].members.clear()

    await stage.press(MARA, ts, "details")

    await stage.until_private(MARA, "You may not see billing requests")
    assert stage.slack.view(MARA) is None


async def test_a_note_of_an_approval_stands_wherever_the_approval_is_shown(stage):
    ts = await stage.ask()

    await stage.press(BOB, ts, "note")
    submitted = await stage.slack.submit(BOB, {"reason": "Agreed with revenue"})

    assert submitted.ok, submitted.errors
    await stage.until_card(ts, "Accepted by Zuora")
    assert any(
        "approved R-1. Note: Agreed with revenue. Zuora is read again" in said
        for said in stage.thread(ts)
    )
    noted = [w.entry.data.get("note") for w in stage.store.history.of(1)]
    assert "Agreed with revenue" in noted
    assert (await stage.slack.slash(ALICE, CHANNEL, "/billstatus R-1")).ok
    assert "approved. Note: Agreed with revenue" in stage.private(ALICE)[-1]
    assert f"<@{BOB}>" in (approved := line_of(stage.card(ts), "Approved: by "))
    assert approved.endswith("(“Agreed with revenue”)")
    assert "(“Agreed with revenue”)" in await stage.details(ts)
    rows = csv.DictReader(
        (await exported(stage.store, "2026-11", "csv")).decode("utf-8-sig").splitlines()
    )
    name = stage.slack.workspace.users[BOB].real_name
    assert {row["approval_notes"] for row in rows} == {f"{name}: Agreed with revenue"}
    (receipt,) = direct(stage, BOB)
    assert " (“Agreed with revenue”). If it was not you, tell whoever runs" in receipt.text
    assert ". If it was not you, press the button, and tell whoever runs" in str(receipt.blocks)


async def test_a_note_turns_no_word_that_stands_around_it(stage):
    ts = await stage.ask()

    await stage.press(BOB, ts, "note")
    assert (await stage.slack.submit(BOB, {"reason": "Seen \u202eby me"})).ok
    await stage.until_card(ts, "Accepted by Zuora")

    assert any("Note: Seen by me. Zuora is read again" in said for said in stage.thread(ts))
    assert not [said for said in stage.thread(ts) if "\u202e" in said]


async def test_a_long_reason_to_reject_is_cut_on_the_card_and_whole_in_the_details(stage):
    ts = await stage.ask()
    reason = f"Wrong month. {'The dates are those of October. ' * 9}Ask again on Monday"

    assert (await stage.reject(BOB, ts, reason)).ok
    await stage.until_card(ts, "(the rest is in Details)")

    assert "Wrong month." in stage.card(ts)
    assert "Ask again on Monday" not in stage.card(ts)
    assert "Ask again on Monday" in line_of(await stage.details(ts), "Rejected: by ")


async def test_a_finished_card_shrinks_to_what_became_of_it(stage):
    ts = await stage.ask()
    before = len(lines_of(stage, ts))

    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    assert len(lines_of(stage, ts)) < before + 1
    assert "Largest" not in stage.card(ts)
    assert stage.buttons(ts) == ["details"]


@pytest.mark.parametrize("user", [BOB, MARA])
async def test_the_menu_withdraws_for_the_requester_alone(stage, user):
    ts = await stage.ask()

    await stage.press(user, ts, "withdraw")

    await stage.until_private(user, f"Only <@{ALICE}> can withdraw R-1")


async def test_customers_are_shown_by_name(stage):
    name = stage.zuora.world.accounts["A00000001"].name
    stage.zuora.world.add_bill_run("BR-00000003", invoices=[("A00000001", "USD", "88000.00")])

    ts = await stage.ask(text="BR-00000003")

    assert f"Largest: {name} USD 88,000.00" in stage.card(ts)
    assert "to 1 customer" in stage.card(ts)


async def test_where_names_may_not_be_shown_none_is_even_kept(stage):
    stage.changes["show_customers"] = False
    await stage.restart()
    world = stage.zuora.world
    world.add_bill_run("BR-00000003", invoices=[("A00000001", "USD", "88000.00")])
    names = [account.name for account in world.accounts.values()]

    ts = await stage.ask(text="BR-00000003")
    details = await stage.details(ts)

    assert "Largest: A00000001 USD 88,000.00" in stage.card(ts)
    seen = [stage.card(ts), details, *stage.thread(ts), stage.request().facts]
    assert not [name for name in names for text in seen if name in text]


async def test_a_run_is_compared_with_the_last_one_that_the_bot_mailed(stage):
    world = stage.zuora.world
    world.add_bill_run("BR-00000003", invoices=[("A00000001", "USD", "100.00")])
    world.add_bill_run("BR-00000004", invoices=[("A00000001", "USD", "104.00")])
    first = await stage.ask(text="BR-00000003")
    assert "Against last time" not in stage.card(first)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")

    ts = await stage.ask(text="BR-00000004")

    assert "Against last time: +4 % (BR-00000003, " in stage.card(ts)
    assert "USD 100.00 (1 invoice))" in stage.card(ts)
    world.add_bill_run("BR-00000005", invoices=[("A00000001", "USD", "1094500.00")])
    far = await stage.ask(text="BR-00000005")
    assert "Against last time: about 11,000 times as much (BR-00000003, " in stage.card(far)


async def test_runs_of_different_currencies_are_not_compared_by_share(stage):
    world = stage.zuora.world
    world.add_bill_run("BR-00000003", invoices=[("A00000001", "USD", "100.00")])
    first = await stage.ask(text="BR-00000003")
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")

    ts = await stage.ask()

    assert "Against last time: BR-00000003, " in stage.card(ts)
    assert "%" not in stage.card(ts)


def queue_of(stage, user):
    """The page of the queue that a person sees: the request's name on its approve button."""
    message = stage.slack.private(user, CHANNEL)[-1]
    buttons = {
        each["action_id"]: each
        for block in message.blocks if block["type"] == "actions"
        for each in block["elements"]
    }  # fmt: skip
    return message, buttons


async def test_the_queue_shows_one_request_a_page_with_figures_and_buttons(stage):
    world = stage.zuora.world
    for number in (3, 4):
        world.add_bill_run(f"BR-0000000{number}", invoices=[("A00000001", "USD", "7.00")])
        await stage.ask(text=f"BR-0000000{number}")
        stage.clock.advance(minutes=1)

    await stage.slack.slash(BOB, CHANNEL, "/billstatus waiting")
    message, buttons = queue_of(stage, BOB)
    assert "USD 7.00 (1 invoice)" in str(message.blocks)
    assert message.text.startswith(
        "Waiting for you, 1 of 2\n"
        "Email 1 document of bill run BR-00000003 to 1 customer\n"
        "Amount: USD 7.00 (1 invoice)\n"
    )
    assert "BR-00000003" in buttons["approve"]["confirm"]["text"]["text"]
    assert "queue:previous" not in buttons
    await stage.slack.click(BOB, CHANNEL, message.ts, "queue:next")
    await stage.slack.until(
        lambda: "BR-00000004" in str(queue_of(stage, BOB)[1]["approve"]["confirm"])
    )

    await stage.slack.click(BOB, CHANNEL, queue_of(stage, BOB)[0].ts, "approve")
    await stage.slack.until(lambda: len(stage.orders()) == 1)
    assert "BR-00000004" in stage.orders()[0].path


async def test_a_reminder_has_the_same_facts_and_the_approve_button(stage):
    await stage.with_policy(
        'requesters = ["S0BILLING"]\napprovers = ["S0CONTROLLERS"]\n\n[[rule]]\n'
        'remind_after = ["1h"]\n'
    )
    ts = await stage.ask()

    await stage.pass_time(hours=1, seconds=1)
    await stage.until_thread(ts, "R-1 still waits")

    reminder = next(r for r in stage.slack.thread(CHANNEL, ts) if "still waits" in r.text)
    assert "EUR 80.00 · USD 350.50 (4 invoices)" in str(reminder.blocks)
    await stage.slack.click(BOB, CHANNEL, reminder.ts, "approve")
    await stage.until_card(ts, "Accepted by Zuora")
