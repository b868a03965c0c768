"""What Zuora's pages say, as it reaches a card."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.stage import ALICE, BOB, CHANNEL

LINE = "account=A00000001 target=2026-11-30 reason=x"


@pytest.fixture
def memo(stage):
    """A credit memo with 60 PDF files, of which the last page lists one that is to be attached."""
    memo = stage.zuora.world.add_credit_memo("A00000001", "USD", "9.00", number="CM00000009")
    memo.pdf_file_id = f"{0:032x}"
    memo.older_pdf_file_ids = tuple(f"{n:032x}" for n in range(1, 60))
    return memo


def without_pdf(stage):
    stage.zuora.knobs = replace(stage.zuora.knobs, attach_pdf=False)


@pytest.mark.parametrize("place", [0, 39, 40, 54, 59])
async def test_a_pdf_file_on_any_page_is_found(stage, memo, place):
    ts = await stage.ask(text=memo.number, pdf_file_id=f"{place:032x}")

    assert "Zuora lists it for this memo" in await stage.details(ts)
    assert len([call for call in stage.zuora.calls if call.path.endswith("/files")]) == 2


async def test_a_pdf_file_that_is_on_no_page_is_refused(stage, memo):
    submitted = await stage.fill(text=memo.number, pdf_file_id=f"{60:032x}")

    assert "Zuora lists no PDF file" in submitted.errors["pdf_file_id"]


@pytest.mark.parametrize(
    ("what", "box", "mails"),
    [
        ("BR-00000001", "Include Invoice PDF", "4 invoices"),
        ("BR-00000001", "Include Credit Memo PDF", "1 credit memo"),
        ("CM00000009", "Include Credit Memo PDF", "1 credit memo"),
        ("DM00000009", "Include Debit Memo PDF", "1 debit memo"),
    ],
)
async def test_mails_without_their_pdf_are_said_on_the_card(stage, memo, what, box, mails):
    stage.zuora.world.add_debit_memo("A00000001", "USD", "9.00", number="DM00000009")
    without_pdf(stage)

    ts = await stage.ask(text=what)

    assert f"{mails} without the PDF: “{box}” is off" in stage.card(ts)
    assert f"“{box}” is off" in await stage.details(ts)


async def test_that_the_pdf_goes_along_stands_in_the_details(stage):
    ts = await stage.ask()

    assert "without the PDF" not in stage.card(ts)
    for box in ("Include Invoice PDF", "Include Credit Memo PDF"):
        assert f"“{box}” is on" in await stage.details(ts)


async def test_a_file_that_was_named_may_stay_out_where_the_box_is_off(stage, memo):
    without_pdf(stage)

    ts = await stage.ask(text=memo.number, pdf_file_id=f"{1:032x}")

    assert "the mail may go out without the PDF file 00000000…" in stage.card(ts)


async def test_the_mails_of_a_run_go_to_the_to_email_of_the_template(stage):
    ts = await stage.ask()

    assert "To: the recipients set in Zuora's email template" in stage.card(ts)
    assert "the bot cannot see them" in await stage.details(ts)


@pytest.mark.parametrize("what", ["BR-00000001", "CM00000009"])
async def test_the_email_template_is_named_in_the_details(stage, memo, what):
    shown = await stage.details(await stage.ask(text=what))

    assert "“Manual Email for Credit Memo Default Template”, for credit memos" in shown


@pytest.mark.parametrize("attached", [True, False])
async def test_a_run_that_mails_by_itself_says_what_its_mails_carry(stage, attached):
    stage.zuora.knobs = replace(stage.zuora.knobs, attach_pdf=attached)

    await stage.slack.slash(ALICE, CHANNEL, f"/billrun {LINE} autoPost=yes autoEmail=yes")
    await stage.until(lambda: stage.slack.channel_messages(CHANNEL))
    ts = stage.slack.channel_messages(CHANNEL)[-1].ts
    shown = await stage.details(ts)

    assert (
        "go out without the PDF: “Include Invoice PDF” is off" in stage.card(ts)
    ) is not attached
    assert "Recipients: set in Zuora's email template; the bot cannot see them" in shown
    assert "Email template: “Invoice Posted Default Email Template”, for invoices" in shown
    assert f"“Include Invoice PDF” is {'on' if attached else 'off'}" in shown


async def test_a_run_that_mails_nobody_by_itself_says_nothing_of_it(stage):
    await stage.slack.slash(ALICE, CHANNEL, f"/billrun {LINE} autoPost=yes")
    await stage.until(lambda: stage.slack.channel_messages(CHANNEL))

    assert "Email template" not in await stage.details(stage.slack.channel_messages(CHANNEL)[-1].ts)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ('org="Acme, Inc"', ["Acme, Inc"]),
        ("org=“Acme, Inc”", ["Acme, Inc"]),
        ('organizations="Acme, Inc","Beta Ltd"', ["Acme, Inc", "Beta Ltd"]),
        ("org=Acme,Beta", ["Acme", "Beta"]),
        ("org='Acme Ltd, Beta'", ["Acme Ltd", "Beta"]),
        ('org="Acme Ltd"', ["Acme Ltd"]),
        ('organizations="Acme, Inc";"Beta; Gamma";Delta', ["Acme, Inc", "Beta; Gamma", "Delta"]),
        ('organizations="Acme, Inc, Ltd",402881e5', ["Acme, Inc, Ltd", "402881e5"]),
    ],
)
async def test_an_organization_s_name_can_hold_a_comma(stage, typed, names):
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {LINE} {typed}")
    assert ack.ok, ack.text
    await stage.until(lambda: stage.store.requests.get(1) is not None)

    body = json.loads(stage.request(1).body)

    assert [each["name"] for each in body["organizations"]] == names
    await stage.until(lambda: stage.slack.channel_messages(CHANNEL))
    shown = await stage.details(stage.slack.channel_messages(CHANNEL)[-1].ts)
    assert ("“Acme, Inc”" in shown) is ("Acme, Inc" in names)


@pytest.mark.parametrize(
    "typed",
    ["Acme, Inc\nBeta", "Acme\tInc\tBeta", "Acme;Inc; Beta", "Acme，Inc、Beta"],  # noqa: RUF001 - wide
)
async def test_names_end_where_cells_and_lines_do(stage, typed):
    await stage.slack.slash(ALICE, CHANNEL, "/billrun account=A00000001 target=2026-11-30")
    submitted = await stage.slack.submit(ALICE, {"organizations": typed, "reason": "x"})
    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)

    body = json.loads(stage.request(1).body)
    assert [each["name"] for each in body["organizations"]] == ["Acme", "Inc", "Beta"]


async def test_empty_quotation_marks_are_no_name(stage):
    for word in ("org", "organizations", "name", "account"):
        line = f'/billrun batch=Batch1 target=2026-11-30 reason=x {word}=""'

        ack = await stage.slack.slash(ALICE, CHANNEL, line)

        assert f"{word}= has no value." in ack.text


@pytest.mark.parametrize("name", ['"November"', '"Q4" run', "“Q4” run", "O'Brien", "'x'"])
async def test_a_name_keeps_its_quotation_marks(stage, name):
    await stage.slack.slash(ALICE, CHANNEL, "/billrun account=A00000001 target=2026-11-30")
    submitted = await stage.slack.submit(ALICE, {"name": name, "reason": "x"})
    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)

    assert json.loads(stage.request(1).body)["name"] == name


TYPES: tuple[tuple[dict[str, Any], str, bool], ...] = (
    ({"billRunType": "CatchUp", "billingRunType": "CatchUp"}, "Zuora cannot cancel a catch-up", False),
    ({"billRunType": "Catch-Up", "billingRunType": "CATCHUP"}, "Zuora cannot cancel a catch-up", False),
    ({"billRunType": "Catch-Up Bill Run", "billingRunType": "CATCH_UP_BILLRUN"}, "Zuora cannot cancel", False),
    ({"billRunType": "CatchUpOrSo", "billingRunType": "?"}, "does not say whether this is a catch-up", True),
    ({"billRunType": None, "billingRunType": None}, "does not say whether this is a catch-up", True),
    ({"billRunType": [], "billingRunType": {}}, "does not say whether this is a catch-up", True),
)  # fmt: skip


@pytest.mark.parametrize("status", ["Pending", "Completed"])
async def test_a_catch_up_run_offers_no_cancel_and_says_why(stage, status):
    for says, words, offered in TYPES:
        run = stage.zuora.world.add_bill_run("BR-00000002", status=status, invoices=[])
        run.says = says

        shown = await stage.show("BR-00000002")

        assert words in shown.text, says
        is_offered = "Cancel…" in json.dumps(shown.blocks, ensure_ascii=False)
        assert is_offered is offered, says


async def test_a_file_is_approved_and_sent(stage, memo):
    ts = await stage.ask(text=memo.number, pdf_file_id=f"{54:032x}")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
