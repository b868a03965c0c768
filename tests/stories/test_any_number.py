"""A number's shape is a guess, and what Zuora has under it is the answer.

Whatever is typed is asked about as it was typed, then as it looks; whatever quotation marks stand
around it; and where two kinds have it, the person is asked which one.
"""

import json

import pytest

from tests.stage import ALICE, BOB, CHANNEL
from tests.stories.test_numbers import PLACES, add, reads

# ruff: noqa: RUF001 - what phones and spreadsheets make of characters
LIES = [("invoice", "BR-00000042"), ("debit_memo", "INV00000555"), ("credit_memo", "DM-77"),
        ("invoice", "CM00000901"), ("credit_memo", "INVOICE"), ("invoice", "DRAFT")]  # fmt: skip
"""Kinds with numbers that look like another's, or like none."""

QUOTED = ['"{}"', "“{}”", "„{}“", "«{}»", "‘{}’", "'{}'", "“{}“", "「{}」"]
"""Quotation marks as keyboards, phones and languages have them."""

A_LIST = 2
"""Calls for fifty numbers of a kind: one, and one for a tenant that refuses the larger pages."""


SAID = ["INV: {}", "inv : {}", "INV:\t{}", "INV\u00a0:\u00a0{}", "INV：{}", '"INV": {}', "“INV”:“{}”", "*INV*: {}", "“INV: {}”",
        "Invoice: {}", "Invoices: {}", "Invoice no.: {}", "Invoice {}", "invoice #{}", "Invoice No. {}"]  # fmt: skip
"""A kind before a number, as people and other programs write it."""

KIND_SAID = [("Credit memo: {}", "credit_memo"), ("credit-memo {}", "credit_memo"), ("CREDIT NOTE: {}", "credit_memo"),
             ("CM : {}", "credit_memo"), ("Debit Memo: {}", "debit_memo"), ("debit_memo: {}", "debit_memo"),
             ("Debitnote {}", "debit_memo"), ('"DM": "{}"', "debit_memo")]  # fmt: skip

BETWEEN = ["\t", ";", " ; ", ",", "\n", "\r\n", "\r", "\u2028", "\u0085", "\v", "\n\n", "，", "、"]
"""What stands between the cells and lines that people paste."""


async def mailed(stage, typed):
    """Ask for a document, approve it; the path that its mail was ordered at."""
    before = len(stage.orders())
    ts = await stage.ask(text="INV1", documents=typed)
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) > before)
    await stage.quiet()
    return [call.path for call in stage.orders()[before:]]


async def test_a_number_that_looks_like_another_kinds_is_what_zuora_says(stage):
    for kind, number in LIES:
        add(stage, kind, number)

        assert await mailed(stage, number) == [f"/v1/{PLACES[kind]}/{number}/emails"]


async def test_the_command_and_the_status_know_it_too(stage):
    for kind, number in LIES:
        add(stage, kind, number)

        await stage.open_form(text=number)
        await stage.slack.slash(ALICE, CHANNEL, f"/billstatus {number}")

        assert stage.slack.view(ALICE)["blocks"][2]["element"]["initial_value"].endswith(number)
        await stage.slack.close(ALICE)
        assert (
            f"{number} is a{'n' if kind == 'invoice' else ''} {kind.replace('_', ' ')} in Zuora"
            in (stage.private(ALICE)[-1])
        )


async def test_what_looks_like_a_run_and_is_an_invoice_is_no_run(stage):
    add(stage, "invoice", "BR-00000042")

    await stage.slack.slash(ALICE, CHANNEL, "/billrun BR-00000042")

    assert (
        "is not a bill run's number, like BR-00000001, but an invoice" in stage.private(ALICE)[-1]
    )
    assert "INV:BR-00000042" in stage.private(ALICE)[-1]


@pytest.mark.parametrize("number", ["INV00000555", "BR-00000001"])
async def test_two_kinds_with_the_same_usual_number_are_asked_about(stage, number):
    if number == "INV00000555":
        add(stage, "invoice", number)
    add(stage, "debit_memo", number)

    submitted = await stage.fill(text="INV1", documents=number)

    other = "an invoice" if number == "INV00000555" else "a bill run"
    assert f"{number} is {other} and a debit memo in Zuora." in submitted.errors["documents"]
    assert f"DM:{number}" in submitted.errors["documents"]
    again = await stage.slack.submit(ALICE, {"documents": f"DM:{number}", "reason": "Month end"})
    assert again.ok, again.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).operation == "email_debit_memo"


async def test_a_run_and_an_invoice_of_one_number_are_asked_about_before_either_is_mailed(stage):
    add(stage, "invoice", "BR-00000001")

    submitted = await stage.fill(text="BR-00000001")

    assert submitted.errors["bill_run"] == (
        "BR-00000001 is a bill run and an invoice in Zuora. Type BR:BR-00000001 for the run. "
        "For the other choose “Documents” above and type INV:BR-00000001."
    )
    again = await stage.slack.submit(ALICE, {"bill_run": "BR:BR-00000001", "reason": "Month end"})
    assert again.ok, again.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).operation == "email_bill_run"


async def test_in_any_quotation_marks_a_number_is_one_thing(stage):
    for at, marks in enumerate(QUOTED):
        number = f"AC,ME {at}; x"
        add(stage, "invoice", number)

        assert await mailed(stage, marks.format(number)) == [f"/v1/invoices/{number}/emails"], marks


async def test_a_run_in_any_quotation_marks(stage):
    for at, marks in enumerate(QUOTED):
        run = f"ACME, RUN {at}"
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "5.00")])

        shown = await stage.show(marks.format(run))

        assert f"Bill run {run}: Posted" in shown.text, marks


@pytest.mark.parametrize("number", ["ACME-1.", "GH–7", "(7)", "*7*", "Ａ７", 'Rock "n" 7', "'7'"])
async def test_what_was_typed_is_looked_up_as_it_was_typed_first(stage, number):
    """Even where the same without points, dashes and brackets is there too."""
    for each in ("ACME-1", "GH-7", "7", "A7"):
        add(stage, "invoice", each)
    add(stage, "invoice", number)

    assert await mailed(stage, f"“{number}”") == [f"/v1/invoices/{number}/emails"]


@pytest.mark.parametrize("typed", ["ACME-1.", "ACME–1", "*ACME-1*", "（ACME-1）", "ACME-1…"])
async def test_and_then_as_it_looks(stage, typed):
    add(stage, "invoice", "ACME-1")

    assert await mailed(stage, typed) == ["/v1/invoices/ACME-1/emails"]


@pytest.mark.parametrize("number", ["A-{}", "ACME {:04}"])
async def test_a_kind_is_said_before_a_number_in_any_spelling(stage, number):
    """Where it is said, nothing of another kind is meant."""
    for at, said in enumerate(SAID, 7):
        its = number.format(at)
        for kind in ("invoice", "debit_memo"):
            add(stage, kind, its)

        assert await mailed(stage, said.format(its)) == [f"/v1/invoices/{its}/emails"], said


async def test_memos_are_said_before_a_number_in_any_spelling(stage):
    for at, (said, kind) in enumerate(KIND_SAID):
        its = f"A-{at}"
        for each in ("invoice", "credit_memo", "debit_memo"):
            add(stage, each, its)

        assert await mailed(stage, said.format(its)) == [f"/v1/{PLACES[kind]}/{its}/emails"], said


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_a_run_is_said_before_a_number_in_any_spelling(stage, command):
    for at, said in enumerate(
        ["BR: {}", '"BR" : {}', "Bill run {}", "bill-run: {}", "Billing run: “{}”"]
    ):
        run = f"ACME R{at}"
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "5.00")])
        add(stage, "invoice", run)

        await stage.slack.slash(ALICE, CHANNEL, f"{command} {said.format(run)}")

        assert f"Bill run {run}: Posted" in stage.private(ALICE)[-1], said


@pytest.mark.parametrize("number", ["INV: 7", "Invoice 7", "1. 7", "- 7", "DM:7"])
async def test_a_word_or_a_sign_that_belongs_to_the_number_stays(stage, number):
    for each in (number, "7"):
        add(stage, "invoice", each)

    assert await mailed(stage, f"“{number}”") == [f"/v1/invoices/{number}/emails"]


@pytest.mark.parametrize(
    "signs",
    ["• {}\n• {}", "- {}\n- {}", "1. {}\n2. {}", "1) {}\n12) {}", "* {}\n* {}", "☐ {}\n→ {}"],
)
async def test_the_signs_of_a_list_are_no_part_of_its_numbers(stage, signs):
    for each in ("A-7", "ACME 8"):
        add(stage, "invoice", each)

    submitted = await stage.fill(text="INV1", documents=signs.format("A-7", "ACME 8"))

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert json.loads(stage.request(1).body)["documents"] == ["A-7", "ACME 8"]


@pytest.mark.parametrize(
    "around",
    [
        "https://x.example/apps/NewInvoice.do?method=view&id={}",
        "<https://x.example/i/{}|it>",
        "id={}",
        "ID: {}",
    ],
)
@pytest.mark.parametrize("hyphens", [False, True])
async def test_an_id_is_taken_out_of_what_stands_around_it(stage, around, hyphens):
    """As people copy it from a page of Zuora's, or from another program."""
    its = add(stage, "invoice", "A-7").id
    if hyphens:
        its = "-".join([its[:8], its[8:12], its[12:16], its[16:20], its[20:]])

    assert await mailed(stage, around.format(its)) == ["/v1/invoices/A-7/emails"]


@pytest.mark.parametrize(
    "typed", ["B-8 {}", "{} B-8", "B-8 INV:{}", "B-8 https://x.example/i/{}", "B-8 id={}"]
)
async def test_what_stands_beside_an_id_is_a_document_of_its_own(stage, typed):
    its = add(stage, "invoice", "A-7").id
    add(stage, "debit_memo", "B-8")

    submitted = await stage.fill(text="INV1", documents=typed.format(its))

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert len(json.loads(stage.request(1).body)["documents"]) == 2


async def test_whatever_stands_between_cells_ends_a_number_and_a_space_does_not(stage):
    for at, between in enumerate(BETWEEN, 1):
        numbers = [f"ACME {at:04}", f"EU {at:04}", f"A-{at}"]
        for each in numbers:
            add(stage, "invoice", each)
        typed = between.join([f"ACME\u00a0{at:04}", f"INV: EU {at:04}", f"A-{at}", ""])

        submitted = await stage.fill(text="INV1", documents=typed)

        assert submitted.ok, (between, submitted.errors)
        await stage.until(lambda at=at: stage.store.requests.get(at) is not None)
        assert json.loads(stage.request(at).body)["documents"] == numbers, repr(between)


async def test_an_account_among_documents_is_said_to_be_one(stage):
    stage.zuora.world.add_account("ACME 7")

    submitted = await stage.fill(text="INV1", documents="ACME 7")

    assert submitted.errors["documents"] == "ACME 7 is an account, not an invoice or a memo."


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_a_subscription_is_said_to_be_one(stage, command):
    stage.zuora.world.add_subscription("A00000001", number="SUB/1")

    await stage.slack.slash(ALICE, CHANNEL, f"{command} SUB/1")

    assert "a subscription" in stage.private(ALICE)[-1]


async def test_usual_numbers_are_looked_up_in_few_calls_too(stage):
    for number in range(100, 150):
        add(stage, "invoice", f"INV{number:08}")
    await stage.open_form(text="INV1")
    before = len(stage.zuora.calls)
    everything = " ".join(f"INV{number:08}" for number in range(100, 150))

    assert (await stage.slack.submit(ALICE, {"documents": everything, "reason": "x"})).ok

    asked = [call.path for call in stage.zuora.calls[before:]]
    lists = ("billing-runs", "invoices", "credit-memos", "debit-memos")
    assert all(asked.count(f"/object-query/{each}") <= A_LIST for each in lists)
    assert reads(stage, "/object-query/subscriptions/INV00000100") == []


async def test_change_and_ask_again_keeps_a_number_as_it_is(stage):
    add(stage, "debit_memo", "INV, 7.")
    ts = await stage.ask(text="INV1", documents="'INV, 7.'")

    await stage.press(ALICE, ts, "change")
    submitted = await stage.slack.submit(ALICE, {"reason": "Again"})

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(2) is not None)
    assert json.loads(stage.request(2).body)["documents"] == ["INV, 7."]


async def test_the_status_of_a_document_is_there_without_zuora(stage):
    add(stage, "invoice", "INV00000555")
    await stage.ask(text="INV1", documents="INV00000555")
    stage.zuora.faults.add("*", kind="status", status=403, body={"code": 1}, times=None)

    await stage.slack.slash(ALICE, CHANNEL, "/billstatus INV00000555")

    await stage.until_private(ALICE, "R-1")


@pytest.mark.parametrize(
    ("words", "field", "kind"),
    [("account=S-9", "account", "a subscription"), ("account=INV-9", "account", "an invoice"),
     ("sub=ACME9", "subscription", "an account")],
)  # fmt: skip
async def test_a_number_of_another_kind_is_named_in_the_field(stage, words, field, kind):
    stage.zuora.world.add_account("ACME9")
    stage.zuora.world.add_subscription("ACME9", number="S-9")
    add(stage, "invoice", "INV-9")

    await stage.slack.slash(ALICE, CHANNEL, f"/billrun {words} target=2026-11-30 reason=x")

    number = words.partition("=")[2]
    assert f"Zuora knows no {field} {number}" in stage.private(ALICE)[-1]
    assert f"{number} is {kind}." in stage.private(ALICE)[-1]


@pytest.mark.parametrize("typed", ["S 1, S.2.", "“S 1” ‘S.2.’", "S 1\nS.2.", "#/#; S 1; S.2."])
async def test_subscriptions_with_spaces_and_signs_are_looked_up_as_typed(stage, typed):
    world = stage.zuora.world
    world.add_account("ACME9")
    for number in ("S 1", "S.2.", "#/#"):
        world.add_subscription("ACME9", number=number)
    values = {"scope": "subscriptions", "subscriptions": typed, "target_date": "2026-11-30"}
    await stage.slack.slash(ALICE, CHANNEL, "/billrun sub=X target=2026-11-30")

    submitted = await stage.slack.submit(ALICE, {**values, "reason": "x"})

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert "S 1" in stage.request(1).facts
    assert "S.2." in stage.request(1).facts


@pytest.mark.parametrize(
    "typed", ['"S 1","S,2"', "“S 1”, «S,2»", "'S 1';'S,2'", '"S-3, S-4"', "S-3, S-4", "S-3;S-4"]
)
async def test_a_line_takes_subscriptions_in_quotation_marks(stage, typed):
    world = stage.zuora.world
    world.add_account("ACME9")
    for number in ("S 1", "S,2", "S-3", "S-4"):
        world.add_subscription("ACME9", number=number)

    await stage.slack.slash(ALICE, CHANNEL, f"/billrun sub={typed} target=2026-11-30 reason=x")

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    numbers = {each["number"] for each in json.loads(stage.request(1).facts)["subscriptions"]}
    assert numbers in ({"S 1", "S,2"}, {"S-3", "S-4"})


@pytest.mark.parametrize("number", ["mine", "month", "R-1", "help"])
async def test_in_quotation_marks_a_word_of_the_command_is_a_number(stage, number):
    add(stage, "invoice", number)
    await stage.ask()

    await stage.slack.slash(ALICE, CHANNEL, f"/billstatus “{number}”")

    assert f"{number} is an invoice in Zuora." in stage.private(ALICE)[-1]
