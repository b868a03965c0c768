"""The rules for every message are kept: a message that breaks one is found.

`tests.stage` reads each message of each story by them.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.cards import blocks
from bot.domain.authority import Verb
from bot.domain.words import Strong, line
from bot.slack.forms.decide import decide_form
from tests.every_message import DROPPED, MOST_FACTS, judged

CUSTOMERS = ("Northwind Ltd", "A00000001")


def card(*lines, title="Email 3 invoices of 2 customers", asked="of 2 customers: USD 7.00"):
    """A card with a button to approve, as the bot makes it."""
    confirm = blocks.confirmation("Approve R-1?", asked, "Approve")
    approve = blocks.button("Approve", action_id="approve", value="R-1") | {"confirm": confirm}
    return [
        blocks.header(title),
        blocks.context("SANDBOX"),
        blocks.labelled(lines),
        blocks.actions("decide-1", approve),
    ]


AMOUNT = line("Amount", "USD 7.00")


def test_a_card_with_its_figures_is_right():
    assert judged("", card(AMOUNT, line("Why", "month end")), CUSTOMERS) == []


def test_a_line_too_many_is_found():
    lines = [line("More", f"{n}") for n in range(MOST_FACTS)]

    assert judged("", card(AMOUNT, *lines[1:]), CUSTOMERS) == []
    (found,) = judged("", card(AMOUNT, *lines), CUSTOMERS)
    assert found.startswith("9 lines of facts")


def test_a_card_below_a_heading_that_it_shares_is_judged_by_itself():
    """The Home tab and the queue have a quiet line below each card's own heading."""
    own = [blocks.paragraph(Strong("Email 3 invoices of 2 customers")), *card(AMOUNT)[1:]]

    found = judged("", [blocks.header("Waiting for you"), *own, *own], CUSTOMERS)
    assert found == []


@pytest.mark.parametrize(
    ("said", "is_found"),
    [
        ("9 checks passed", False),
        ("8 of 9 checks passed, not known: PDFs", False),
        ("7 of 9 checks passed, not known: PDFs and amounts", False),
        ("8 of 9 checks passed", True),
        ("6 of 9 checks passed, not known: PDFs and amounts", True),
    ],
)
def test_a_check_that_found_something_stands_in_a_warning(said, is_found):
    asked = line("R-1", f"asked by Alice · seen by the bot: {said}")

    (*found,) = judged("", card(AMOUNT, asked), CUSTOMERS)
    assert [each.startswith("a check that found something") for each in found] == [True] * is_found
    assert judged("", card(AMOUNT, line("⚠", "it was mailed"), asked), CUSTOMERS) == []


@pytest.mark.parametrize("amount", ["", "Largest", "Amounts"])
def test_an_approve_without_amounts_is_found(amount):
    found = judged("", card(line(amount, "no figure at all")), CUSTOMERS)

    assert any("an Approve without amounts" in each for each in found)


def test_a_confirmation_without_amounts_or_customers_is_found():
    found = judged("", card(AMOUNT, asked="Really?"), CUSTOMERS)

    assert [each.partition(":")[0] for each in found] == [
        "a confirmation without amounts",
        "a confirmation without customers",
    ]


def test_an_approve_without_customers_is_found():
    found = judged("", card(AMOUNT, title="Email 3 invoices"), CUSTOMERS)
    named = judged(
        "", card(AMOUNT, line("Largest", "Northwind Ltd USD 7.00"), title="Email"), CUSTOMERS
    )

    assert any("an Approve without customers" in each for each in found)
    assert named == []


def test_a_plain_text_without_amounts_beside_a_button_to_approve_is_found():
    shown = card(AMOUNT)

    assert judged("Waiting for you: R-1", shown, CUSTOMERS) != []
    assert judged("Waiting for you: R-1, USD 7.00", shown, CUSTOMERS) == []


def test_a_form_to_approve_in_without_amounts_or_customers_is_found():
    def form(words):
        request: Any = SimpleNamespace(name="R-1", confirmation="BR-1", reference="R-1")
        return decide_form(Verb.APPROVE, request, "email", words, typing=True)["blocks"]

    assert judged("", form("Email 3 invoices of 2 customers. Amount: USD 7.00."), CUSTOMERS) == []
    assert [each.partition(":")[0] for each in judged("", form("Email them."), CUSTOMERS)] == [
        "a form without amounts",
        "a form without customers",
    ]


@pytest.mark.parametrize("words", DROPPED)
def test_a_dropped_word_is_found_in_text_and_blocks(words):
    assert judged(f"R-1: {words}", [], CUSTOMERS)
    assert judged("", [blocks.paragraph("R-1: ", Strong(words))], CUSTOMERS)


async def test_the_stage_reads_what_comes_to_be_on_a_screen(stage):
    """Messages, edits, answers to one person, forms and homes."""
    seen = []
    stage.slack.on_shown = lambda text, shown: seen.append((text, str(shown)))

    ts = await stage.ask()
    await stage.slack.open_home("U0BOB")
    await stage.press("U0ALICE", ts)
    await stage.until_private("U0ALICE", "your own request")
    await stage.press("U0BOB", ts, "reject")

    words = [f"{text} {shown}" for text, shown in seen]
    for part in (
        "plain_text_input",
        "Approve: send 5 mails",
        "Waiting for you",
        "is your own request",
        "Reject R-1",
    ):
        assert any(part in each for each in words), part
