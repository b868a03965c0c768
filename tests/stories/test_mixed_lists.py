"""A list of several kinds of documents: one request, one card, one approval, its strictest rule.

Issue *Three seconds*: "A mixed list of documents is one request, one card and one approval with its
parts; the strictest rule of the parts holds."
"""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.history import What
from bot.operations.catalog import opened
from tests.stage import ALICE, BOB, CHANNEL, MARA
from tests.stories.test_billstatus import ask_status
from tests.stories.test_email_documents import approved, ask, fill

LISTS = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]
"""
INVOICES = """
[[rule]]
operations = ["email_invoice"]
above = { USD = "100.00" }
approvals = 2
expires_after = "8h"
remind_after = ["1h"]
"""
MEMOS = """
[[rule]]
operations = ["email_credit_memo"]
approvers = ["U0BOB", "U0CARLA"]
expires_after = "2h"
"""
LIST = "INV00000077 CM00000004 DM00000003"


@pytest.fixture(autouse=True)
def documents(stage):
    """An invoice, a credit memo and a debit memo of two customers."""
    world = stage.zuora.world
    world.add_account("A00000077", name="Acme")
    world.add_invoice("A00000077", "USD", "120.50", number="INV00000077")
    world.add_credit_memo("A00000077", "USD", "8.00", number="CM00000004")
    world.add_debit_memo("A00000078", "EUR", "9.00", number="DM00000003")
    return world


async def under(stage, policy):
    await stage.with_policy(LISTS + policy)


async def test_each_document_goes_out_by_the_call_of_its_kind_and_each_result_is_there(stage):
    stage.zuora.faults.add(
        "/v1/credit-memos/*/emails", kind="http200_failure", category=30, message="No contact."
    )
    (ts,) = await ask(stage, LIST)
    assert "Approve: send 3 mails" in str(stage.slack.channel_messages(CHANNEL)[0].blocks)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "1 of 3 failed")

    assert sorted(order.path for order in stage.orders()) == [
        "/v1/credit-memos/CM00000004/emails", "/v1/debitmemos/DM00000003/emails",
        "/v1/invoices/INV00000077/emails",
    ]  # fmt: skip
    assert "2 of 3 mails accepted by Zuora, 1 refused" in "\n".join(stage.thread(ts))
    failures = next(each for each in stage.slack.thread(CHANNEL, ts) if "No contact." in each.text)
    await stage.slack.click(ALICE, CHANNEL, failures.ts, "again")
    assert "CM00000004" in json.dumps(stage.slack.view(ALICE))
    assert "INV00000077" not in json.dumps(stage.slack.view(ALICE)["blocks"])


async def test_what_was_done_is_left_out_when_the_rest_is_asked_for_again(stage, documents):
    """Numbers that do not say their kind keep it."""
    documents.add_credit_memo("A00000077", "USD", "3.00", number="GS-1")
    stage.zuora.faults.add(
        "/v1/credit-memos/GS-1/emails", kind="http200_failure", category=30, message="No contact."
    )
    (ts,) = await ask(stage, "INV00000077 CM:GS-1")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "1 of 2 failed")

    button = {"type": "button", "value": stage.request().reference}
    await stage.slack.click(ALICE, CHANNEL, ts, "change", force=True, block=button)
    await stage.slack.until(lambda: stage.slack.view(ALICE) is not None)
    submitted = await stage.slack.submit(ALICE, {"reason": "Contact added"})

    assert submitted.ok, submitted.errors
    await stage.quiet()
    assert (stage.request(2).operation, stage.request(2).subject) == ("email_credit_memo", "GS-1")


async def test_the_strictest_rule_of_the_parts_holds_in_everything(stage):
    await under(stage, INVOICES + MEMOS)
    (ts,) = await ask(stage, LIST)

    rule = stage.request().rule
    assert rule.approvers == ("S0CONTROLLERS&U0BOB", "S0CONTROLLERS&U0CARLA")
    assert "two approvals" in stage.card(ts)
    assert (rule.approvals, rule.expires_after) == (2, timedelta(hours=2))
    assert rule.remind_after == (timedelta(hours=1),)
    assert rule.name == "rule 1 and rule 2 and the general rule"
    (asked,) = [
        each.entry.data for each in stage.store.history.of(1) if each.entry.what is What.ASKED
    ]
    assert asked["compared"]["email_invoice"]["amounts"] == [["USD", "120.5"]]
    assert asked["compared"]["email_credit_memo"]["amounts"] == [["USD", "-8.0"]]
    assert asked["compared"]["email_debit_memo"]["documents"] == 3
    assert asked["conditions"]["email_credit_memo"] == {"operations": ["email_credit_memo"]}


async def test_only_who_may_approve_every_part_may_approve_the_list(stage):
    invoices = INVOICES.replace("approvals = 2", 'approvers = ["U0BOB"]')
    await under(stage, MEMOS.replace('"U0BOB", ', "") + invoices)
    submitted = await fill(stage, LIST)

    assert not submitted.ok
    (words,) = submitted.errors.values()
    assert "nobody else is listed" in words
    assert words.endswith("or ask for each kind of document with a form of its own.")
    assert stage.slack.channel_messages(CHANNEL) == []


async def test_who_is_named_by_one_part_alone_may_not_approve_and_who_is_in_both_may(stage):
    await under(stage, MEMOS)
    (ts,) = await ask(stage, LIST)
    assert "(in " in stage.card(ts)
    await stage.press(MARA, ts)
    await stage.until_private(MARA, "may not")
    await approved(stage, ts)

    decided = [each.entry.data for each in stage.store.history.of(1)][1:3]
    (data,) = [each for each in decided if "members" in each]
    assert data["members"]["S0CONTROLLERS&U0BOB"] == ["U0BOB"]


async def test_a_rule_for_mixed_lists_holds_for_every_kind_in_one_and_for_nothing_else(stage):
    await under(stage, '\n[[rule]]\noperations = ["email_mixed_list"]\napprovals = 2\n')
    await ask(stage, LIST)
    await ask(stage, "INV00000077 INV00000077", resend=["yes"])

    assert [stage.request(number).rule.approvals for number in (1, 2)] == [2, 1]


@pytest.mark.parametrize("named", ['operations = ["email_invoice"]', "sends = true"])
async def test_a_milder_rule_for_mixed_lists_does_not_take_the_place_of_a_parts_own(stage, named):
    """Who asks could otherwise add a memo to an invoice, and one approval would be enough."""
    milder = '\n[[rule]]\noperations = ["email_mixed_list"]\nexpires_after = "1h"\n'
    await under(stage, milder + INVOICES.replace('operations = ["email_invoice"]', named))
    await ask(stage, "INV00000077")
    await ask(stage, LIST, resend=["yes"])

    rules = [stage.request(number).rule for number in (1, 2)]
    assert [rule.approvals for rule in rules] == [2, 2]
    assert [rule.expires_after for rule in rules] == [timedelta(hours=8), timedelta(hours=1)]
    (asked, *_) = [each.entry.data for each in stage.store.history.of(2)]
    mixed = {"operations": ["email_mixed_list"]}
    assert asked["conditions"]["email_invoice in email_mixed_list"] == mixed
    assert asked["conditions"]["email_invoice"]["above"] == {"USD": "100.00"}


async def test_the_largest_tier_of_one_part_is_that_of_the_list(stage):
    await under(stage, INVOICES.replace("approvals = 2", ""))
    (ts,) = await ask(stage, LIST)

    assert stage.request().rule.type_the_number
    await stage.slack.click(BOB, CHANNEL, ts, "approve")
    shown = json.dumps(stage.slack.view(BOB), ensure_ascii=False)
    for words in ("USD 120.50 (1 invoice)", "USD -8.00 (1 credit memo)", "EUR 9.00 (1 debit memo)"):
        assert words in shown


async def test_a_part_that_changed_stops_the_list_before_anything_is_sent(stage, documents):
    (ts,) = await ask(stage, LIST)
    documents.table("credit_memo")["CM00000004"].amount += 1
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")

    assert stage.orders() == []
    assert "CM00000004 was USD 8.00 and is USD 9.00 now" in "\n".join(stage.thread(ts))


async def test_one_number_of_two_kinds_is_not_taken_for_one_document(stage, documents):
    documents.add_invoice("A00000077", "USD", "1.00", number="X-1")
    documents.add_credit_memo("A00000077", "USD", "1.00", number="X-1")
    submitted = await fill(stage, "INV:X-1 CM:X-1")

    assert submitted.errors == {
        "documents": "X-1 names documents of two kinds in this list. "
        "Use a separate form for each kind."
    }


async def test_a_request_of_before_whose_documents_had_one_kind_for_all_opens(stage):
    await ask(stage, "CM00000004")
    request = stage.request()
    facts = json.loads(request.facts)
    before = {**facts, "kind": "credit_memo"}
    for each in before["documents"]:
        assert each.pop("kind") == "credit_memo"

    assert opened(replace(request, facts=json.dumps(before))).facts == opened(request).facts


async def test_a_lost_answer_of_an_invoice_in_a_list_is_proved_by_its_mail_date(stage):
    stage.zuora.faults.add("/v1/invoices/*/emails", kind="lose_answer")
    (ts,) = await ask(stage, LIST)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: stage.request().state.value == "succeeded")

    assert len([order for order in stage.orders() if "/invoices/" in order.path]) >= 1


async def test_the_month_counts_each_document_with_credits_below_zero(stage, documents):
    (ts,) = await ask(stage, LIST)
    await approved(stage, ts)
    said = await ask_status(stage, MARA, "month")

    assert "USD 112.50" in said
    assert "EUR 9.00" in said


async def test_a_question_that_is_too_long_for_slack_is_a_form_with_every_word(stage, documents):
    """Typed addresses stand at its end: they must not be what is cut off."""
    for number, currency in enumerate(("GBP", "CHF", "SEK", "NOK", "DKK", "PLN"), 1):
        documents.add_invoice("A00000077", currency, "1000000.00", number=f"INV0000009{number}")
    numbers = " ".join(f"INV0000009{number}" for number in range(1, 7))
    to = f"{'a' * 60}@{'b' * 60}.example"
    (ts,) = await ask(stage, f"{LIST} {numbers}", recipients="addresses", email_addresses=to)

    await stage.press(BOB, ts)

    assert stage.request().state == "waiting"
    assert stage.orders() == []
    shown = json.dumps(stage.slack.view(BOB), ensure_ascii=False)
    for words in ("CHF 1,000,000.00", "USD -8.00 (1 credit memo)", f"To {to}.", "SANDBOX"):
        assert words in shown
    assert (await stage.slack.submit(BOB, {})).ok
    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 9
