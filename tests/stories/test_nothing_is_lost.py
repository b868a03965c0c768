"""Nothing that is typed for a document is left out or taken for another without a word."""

import json

import pytest

from tests.stage import ALICE, CHANNEL
from tests.stories.test_numbers import add


async def asked(stage, typed):
    """What the request for such a list is about; empty if the form says what is wrong."""
    submitted = await stage.fill(text="INV1", documents=typed)
    if not submitted.ok:
        return submitted.errors["documents"], []
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    return "", json.loads(stage.request(1).body)["documents"]


BESIDE = (
    "B-8|{}", "{}|B-8", "B-8/{}", "B-8+id={}", "B-8:{}", "{}+B-8", "<https://x.example/{}|it>+B-8",
    "https://x.example/{}|B-8",
)  # fmt: skip


async def test_what_stands_in_one_word_with_an_id_is_not_left_out(stage):
    its = add(stage, "invoice", "A-7").id
    add(stage, "debit_memo", "B-8")
    for beside in BESIDE:
        why, documents = await asked(stage, beside.format(its))

        assert "B-8" in why, beside
        assert not documents, beside


@pytest.mark.parametrize("around", ["invoiceId={}", "({})", "{{{}}}", "x.zuora.com/apps/a.do?id={}&x=1", "<https://x.example/{}>"])  # fmt: skip
async def test_an_id_in_an_address_or_behind_a_label_is_still_found(stage, around):
    its = add(stage, "invoice", "A-7").id

    assert await asked(stage, around.format(its)) == ("", ["A-7"])


@pytest.mark.parametrize("kind", ["debit_memo", "bill_run"])
async def test_what_is_a_line_of_a_list_or_two_numbers_is_asked_about(stage, kind):
    if kind == "bill_run":
        stage.zuora.world.add_bill_run("101", invoices=[("A00000001", "USD", "5.00")])
    else:
        add(stage, kind, "101")
    add(stage, "invoice", "102")

    why, documents = await asked(stage, "101. 102")

    assert why == (
        "101. 102 may be 102 alone, or 101 too: type only what you mean, with a comma between two numbers."
    )
    assert not documents


async def test_a_number_with_spaces_is_whole_where_its_words_are_numbers_too(stage):
    for each in ("ACME 0001", "ACME", "0001"):
        add(stage, "invoice", each)

    assert await asked(stage, "ACME 0001") == ("", ["ACME 0001"])


async def test_subscriptions_that_are_a_line_of_a_list_or_two_are_asked_about(stage):
    world = stage.zuora.world
    world.add_account("ACME9")
    for number in ("101", "102"):
        world.add_subscription("ACME9", number=number)
    await stage.slack.slash(ALICE, CHANNEL, "/billrun sub=X target=2026-11-30")
    values = {"scope": "subscriptions", "subscriptions": "101. 102", "target_date": "2026-11-30"}

    submitted = await stage.slack.submit(ALICE, {**values, "reason": "x"})

    assert "101. 102 may be 102 alone, or 101 too" in submitted.errors["subscriptions"]


async def test_a_list_in_which_each_stands_twice_is_looked_up(stage):
    """What is no more than 500 documents is asked of Zuora, however often it was typed."""
    add(stage, "debit_memo", "CM1")

    assert await asked(stage, "CM1 " * 600) == ("", ["CM1"])
    assert stage.request(1).operation == "email_debit_memo"


NO_PLACES = [
    ("entity=Asia", "This bot has no entity Asia; its settings list none."),
    ("org=Retail", "This bot has no organization Retail; its settings list none."),
    ("entity=", "entity= has no value."),
]


@pytest.mark.parametrize("command", ["/billemail", "/billstatus", "/billrun"])
async def test_a_place_that_there_is_not_is_said_by_every_command(stage, command):
    for choice, why in NO_PLACES:
        ack = await stage.slack.slash(ALICE, CHANNEL, f"{command} INV7 {choice}")

        assert why in ack.text
        assert stage.slack.view(ALICE) is None


async def test_the_status_of_a_number_of_two_kinds_says_which_of_them_a_request_mails(stage):
    for kind in ("invoice", "debit_memo"):
        add(stage, kind, "A-1")
    await stage.ask(text="INV1", documents="INV:A-1")
    await stage.ask(text="INV1", documents="DM:A-1")

    await stage.slack.slash(ALICE, CHANNEL, "/billstatus DM:A-1")

    assert "email invoice A-1" in stage.private(ALICE)[-1]
    assert "email debit memo A-1" in stage.private(ALICE)[-1]


async def test_an_account_that_is_a_line_of_a_list_or_two_is_asked_about(stage):
    for number in ("101", "102"):
        stage.zuora.world.add_account(number)
    await stage.slack.slash(ALICE, CHANNEL, "/billrun account=X target=2026-11-30")
    values = {"scope": "account", "account": "101. 102", "target_date": "2026-11-30"}

    submitted = await stage.slack.submit(ALICE, {**values, "reason": "x"})

    assert "101. 102 may be 102 alone, or 101 too" in submitted.errors["account"]


async def test_a_bill_run_beside_another_one_is_asked_about(stage):
    for number in ("101", "102"):
        stage.zuora.world.add_bill_run(number, invoices=[("A00000001", "USD", "1.00")])

    submitted = await stage.fill(bill_run="101. 102")

    assert "101. 102 may be 102 alone, or 101 too" in submitted.errors["bill_run"]
    assert stage.store.requests.get(1) is None


@pytest.mark.parametrize("command", ["/billstatus", "/billrun"])
@pytest.mark.parametrize("typed", ["101. 102", "101) 102"])
async def test_a_command_for_one_number_asks_where_it_may_be_two(stage, command, typed):
    for number in ("101", "102"):
        stage.zuora.world.add_bill_run(number, invoices=[("A00000001", "USD", "1.00")])

    await stage.slack.slash(ALICE, CHANNEL, f"{command} {typed}")

    assert (
        f"{typed} may be 102 alone, or 101 too: type only what you mean" in stage.private(ALICE)[-1]
    )


@pytest.mark.parametrize(
    "typed",
    [
        '="A-7"',
        "'A-7",
        '="A-7"\t="ACME 0001"',
        "> A-7",
        "#A-7",
        "(A-7",
        "A-7)",
        "A-7,\n>> ACME  0001",
    ],
)
async def test_what_spreadsheets_mails_and_sentences_put_around_a_number_is_none_of_it(
    stage, typed
):
    for number in ("A-7", "ACME 0001"):
        add(stage, "invoice", number)

    why, documents = await asked(stage, typed)

    assert why == ""
    assert documents == (["A-7", "ACME 0001"] if "ACME" in typed else ["A-7"])


@pytest.mark.parametrize("number", ["#7", "'7", "=7", "7)", "(7", "ACME  7", ">7"])
async def test_a_number_that_has_such_a_sign_of_its_own_is_taken_as_it_is(stage, number):
    add(stage, "invoice", number)
    add(stage, "invoice", "7")

    assert await asked(stage, number) == ("", [number])
