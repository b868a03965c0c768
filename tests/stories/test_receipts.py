"""A second source for who clicked: a receipt for each decision, a statement once a month."""

import re

import pytest

from bot.domain.history import What
from bot.domain.message import Message, MessageKind
from bot.sandbox.slack.workspace import BOT_USER
from bot.workflow.receipts import NOT_MINE, name_of
from bot.workflow.statements import CONFIRM, DENY
from tests.audit.test_evidence import checked, made
from tests.audit.test_evidence import entries as listed_in
from tests.audit.test_for_people import light_of, page_of, sheets_of
from tests.stage import ALICE, BOB, CARLA, CHANNEL
from tests.stories.test_audit import AUDIT


def entries(stage, what):
    return [each.entry for each in stage.store.history.all() if each.entry.what is what]


def direct(stage, user):
    return stage.slack.channel_messages(stage.slack.workspace.direct(user).id)


async def press(stage, user, action, *, by=None):
    message = next(m for m in reversed(direct(stage, user)) if action in str(m.blocks))
    block = next(
        each for row in message.blocks for each in row.get("elements", ())
        if each.get("action_id") == action
    )  # fmt: skip
    channel = stage.slack.workspace.direct(user).id
    if by is None:
        await stage.slack.click(user, channel, message.ts, action)
    else:
        shown = {"type": "button", "value": block["value"]}
        await stage.slack.click(by, channel, message.ts, action, force=True, block=shown)


@pytest.fixture
async def approved(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.slack.until(lambda: len(direct(stage, BOB)) == 1)
    return stage


async def test_each_decision_is_shown_directly_to_the_person_in_whose_name_it_was_made(approved):
    stage = approved
    (receipt,) = direct(stage, BOB)
    assert receipt.text.startswith("Receipt: you approved R-1 (")
    assert "BR-00000001" in receipt.text
    assert not direct(stage, ALICE)

    await press(stage, BOB, NOT_MINE)

    await stage.slack.until(lambda: bool(entries(stage, What.STATEMENT_DENIED)))
    (denied,) = entries(stage, What.STATEMENT_DENIED)
    assert (denied.who, denied.data["request"]) == (BOB, "R-1")
    await stage.slack.until(
        lambda: any("is not theirs" in m.text for m in stage.slack.channel_messages(CHANNEL))
    )


def waiting(stage, row):
    """Leave a receipt behind as a process does that ends before it is sent."""
    receipt = Message(kind=MessageKind.NOTICE, channel=BOB, text=row, blocks=[])
    with stage.store.transaction():
        stage.store.outbox.add(receipt, stage.clock.now())
    stage.bot.parts.bells.sender.set()


def broken(request):
    msg = f"the order of {request.name} cannot be opened"
    raise AttributeError(msg)


@pytest.mark.parametrize("order", ["as ever", "of another version", "broken"])
async def test_a_receipt_needs_only_its_row_to_say_what_was_decided(
    approved, monkeypatch, operations, order
):
    stage = approved
    (decided,) = [e for e in stage.store.history.of(1) if e.entry.what is What.APPROVED]
    if order == "of another version":
        del operations["email_bill_run"]
    if order == "broken":
        monkeypatch.setattr("bot.workflow.receipts.opened", broken)
    row = name_of(decided.sequence, decided.hash)
    waiting(stage, row)
    await stage.slack.until(lambda: len(direct(stage, BOB)) == 2)

    first, again = direct(stage, BOB)
    assert (again.text == first.text) is (order == "as ever")
    assert ("approved R-1 (BR-00000001), " in again.text) is (order != "as ever")
    assert row in str(again.blocks)


@pytest.mark.parametrize("row", ["9999", "x"])
async def test_a_receipt_whose_row_is_gone_still_says_what_is_known(approved, row):
    stage = approved
    waiting(stage, f"row-{row}-0123456789abcdef")
    await stage.slack.until(lambda: len(direct(stage, BOB)) == 2)

    said = direct(stage, BOB)[-1]
    assert said.text == (
        f"Receipt: you made a decision, row {row} of the history; the database no longer has it. "
        "If it was not you, tell whoever runs Billing Bot."
    )
    assert NOT_MINE not in str(said.blocks)


async def test_nobody_denies_what_another_person_decided(approved):
    stage = approved
    await press(stage, BOB, NOT_MINE, by=CARLA)
    await stage.quiet()

    assert not entries(stage, What.STATEMENT_DENIED)


async def test_a_statement_comes_once_a_month_and_its_answer_is_evidence(approved, tmp_path):
    stage = approved
    await stage.pass_time(days=11)
    await stage.slack.until(
        lambda: any("In 2026-11 you made 1 decision" in m.text for m in direct(stage, BOB))
    )
    await stage.restart()
    await stage.quiet()
    (sent,) = entries(stage, What.STATEMENT_SENT)
    assert (sent.who, sent.data["month"], len(sent.data["rows"])) == (BOB, "2026-11", 1)

    await press(stage, BOB, CONFIRM)
    await stage.slack.until(lambda: bool(entries(stage, What.STATEMENT_CONFIRMED)))
    await press(stage, BOB, CONFIRM)
    await press(stage, BOB, DENY)
    await stage.slack.until(lambda: bool(entries(stage, What.STATEMENT_DENIED)))
    await press(stage, BOB, CONFIRM, by=CARLA)
    await stage.quiet()

    assert [each.who for each in entries(stage, What.STATEMENT_CONFIRMED)] == [BOB]
    _, out = await made(stage, tmp_path, "--to", "2026-12-31")
    kinds = [each["what"] for each in listed_in(out, "statements.jsonl")]
    assert kinds == ["statement.sent", "statement.confirmed", "statement.denied"]
    page = " ".join(page_of(out).words)
    (decided,) = sent.data["rows"]
    assert "1 monthly statement: 1 denied." in page
    assert f"Bob Tanaka ({BOB}) says that the statement for 2026-11 is not theirs" in page
    assert "Bob Tanaka (U0BOB) says that this is not theirs" in page
    sheet = sheets_of(out)["Statements"]
    said = [each.partition(".")[2] for each in kinds]
    assert [row[2:4] for row in sheet[1:]] == [[each, BOB] for each in said]
    assert sheet[3][7] == str(decided)
    for found in map(checked, (out, stage.file())):
        assert found.exit_code == 0, found.output
        assert re.search(
            rf"R-1: {BOB} says in row \d+ that the decision in row {decided} \(request.approved\) was not theirs",
            found.output,
        )


async def test_one_confirms_and_another_denies_and_the_next_package_has_both(approved, tmp_path):
    stage = approved
    _, out = await made(stage, tmp_path)
    first = out.rename(tmp_path / "november.zip")
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "7.00")])
    ts = await stage.ask(text="BR-00000002")
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.pass_time(days=11)
    for person in (BOB, CARLA):
        await stage.slack.until(
            lambda: any("In 2026-11 you made 1" in m.text for m in direct(stage, person))  # noqa: B023 - at once
        )

    await press(stage, BOB, CONFIRM)
    await stage.slack.until(lambda: bool(entries(stage, What.STATEMENT_CONFIRMED)))
    await press(stage, CARLA, DENY)
    await stage.slack.until(lambda: bool(entries(stage, What.STATEMENT_DENIED)))
    await stage.quiet()

    period = ("--from", "2026-12-01", "--to", "2026-12-31")
    result, out = await made(stage, tmp_path, *period, "--after", str(first))
    answers = [(each["what"], each["who"]) for each in listed_in(out, "statements.jsonl")]
    assert answers[-2:] == [("statement.confirmed", BOB), ("statement.denied", CARLA)], (
        result.output
    )
    page = page_of(out).text
    assert "2 monthly statements: 1 confirmed and 1 denied." in page
    assert f"({CARLA}) says that the statement for 2026-11 is not theirs" in page
    assert light_of(out, "Control")[0] == "bad"
    said = checked(out)
    assert said.exit_code == 0, said.output
    assert f"{CARLA} says in row" in said.output
    assert checked(first, "--heads", str(out)).exit_code == 0


def said(stage, channel):
    """All texts of a channel, without the marks that keep a word from being a sign."""
    texts = [each.text for each in stage.slack.channel_messages(channel)]
    return " ".join(texts).replace("\N{WORD JOINER}", "")


@pytest.mark.parametrize("what", ["the statement for 2026-11", "the receipt for a decision"])
async def test_what_slack_refuses_to_deliver_is_not_said_to_be_sent_and_others_are_told(
    stage, tmp_path, what
):
    stage.slack.workspace.channels[AUDIT].members.append(BOT_USER)
    stage.changes = {"audit_channel": AUDIT}
    await stage.restart()
    if what.endswith("decision"):
        stage.slack.faults.silent[BOB] = "user_disabled"
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    stage.slack.faults.silent[BOB] = "user_disabled"
    if not what.endswith("decision"):
        await stage.pass_time(days=11)

    told = f"⚠ Slack refused {what} to <@{BOB}> (user_disabled). Ask them in another way whether 1 decision in that name is theirs (approved R-1); the evidence lists it."
    for channel in (AUDIT, CHANNEL):
        await stage.slack.until(lambda channel=channel: told in said(stage, channel))
    await stage.quiet()
    (refused,) = entries(stage, What.STATEMENT_REFUSED)
    (approval,) = [each for each in stage.store.history.all() if each.entry.what is What.APPROVED]
    assert (refused.who, refused.data["error"]) == (BOB, "user_disabled")
    assert refused.data["rows"] == [approval.sequence]
    assert refused.data.get("month") == (None if what.endswith("decision") else "2026-11")
    _, out = await made(stage, tmp_path, "--to", "2026-12-31")
    page = " ".join(page_of(out).text.split())
    assert f"{what} user_disabled {approval.sequence}" in page
    assert ("1 monthly statement: 1 not delivered, as Slack refused it." in page) == (
        "month" in refused.data
    )
    for found in map(checked, (out, stage.file())):
        assert found.exit_code == 0, found.output


async def test_a_receipt_whose_blocks_slack_refuses_speaks_of_no_button_that_it_lacks(approved):
    stage = approved
    await stage.quiet()
    (approval,) = [each for each in stage.store.history.all() if each.entry.what is What.APPROVED]
    stage.slack.faults.add("chat.postMessage", "error", error="invalid_blocks")

    waiting(stage, name_of(approval.sequence, approval.hash))
    await stage.quiet()

    shown = direct(stage, BOB)[-1]
    assert shown.blocks == []
    assert "press" not in shown.text
    receipt, lacks = shown.text.split("\n")
    assert receipt.startswith("Receipt: you approved R-1 (")
    assert receipt.endswith("If it was not you, tell whoever runs Billing Bot.")
    assert lacks.startswith("Slack did not take the buttons that belong here; ")


@pytest.mark.parametrize("what", ["a receipt", "a statement"])
async def test_what_slack_refuses_without_its_blocks_too_is_recorded(stage, what):
    if what == "a receipt":
        stage.slack.faults.silent[BOB] = "invalid_blocks"
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    if what == "a statement":
        await stage.slack.until(lambda: len(direct(stage, BOB)) == 1)
        stage.slack.faults.silent[BOB] = "invalid_blocks"
        await stage.pass_time(days=11)
    await stage.quiet()
    stage.slack.faults.silent[BOB] = "user_disabled"
    await stage.pass_time(minutes=30)
    await stage.quiet()

    (refused,) = entries(stage, What.STATEMENT_REFUSED)
    assert refused.data.get("month") == (None if what == "a receipt" else "2026-11")
    assert "(approved R-1)" in said(stage, CHANNEL)


async def test_a_refused_statement_of_many_decisions_names_the_first_few(stage, monkeypatch):
    monkeypatch.setattr("bot.workflow.undelivered.MOST_NAMED", 1)
    for number in (1, 2):
        stage.zuora.world.add_bill_run(f"BR-0000001{number}", invoices=[("A00000001", "USD", "7")])
        await stage.reject(CARLA, await stage.ask(text=f"BR-0000001{number}"), "No")
    await stage.quiet()
    stage.slack.faults.silent[CARLA] = "user_disabled"
    await stage.pass_time(days=11)

    words = "whether 2 decisions in that name are theirs (rejected R-1 and 1 more); the evidence lists them."
    await stage.slack.until(lambda: words in said(stage, CHANNEL))


async def test_whoever_decided_nothing_gets_no_statement(stage):
    await stage.ask()
    await stage.pass_time(days=11)
    await stage.quiet()

    assert not entries(stage, What.STATEMENT_SENT)


async def test_what_was_decided_after_a_start_with_a_wrong_date_is_in_the_next_statement(approved):
    stage = approved
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "7.00")])
    stage.clock.step(days=14)
    await stage.restart()
    await stage.slack.until(lambda: len(entries(stage, What.STATEMENT_SENT)) == 1)
    stage.clock.step(days=-14)
    await stage.restart()
    ts = await stage.ask(text="BR-00000002")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    (decided,) = [e for e in stage.store.history.of(2) if e.entry.what is What.APPROVED]

    await stage.pass_time(days=60)
    await stage.slack.until(lambda: len(entries(stage, What.STATEMENT_SENT)) == 2)

    late = entries(stage, What.STATEMENT_SENT)[-1]
    assert (late.data["month"], late.data["rows"]) == ("2026-12", [decided.sequence])
    await stage.slack.until(lambda: "no earlier statement lists" in direct(stage, BOB)[-1].text)
    assert "approved R-2 (email BR-00000002), " in direct(stage, BOB)[-1].text


async def test_a_statement_of_many_decisions_lists_them_all(stage, monkeypatch):
    monkeypatch.setattr("bot.workflow.statements.IN_A_MESSAGE", 2)
    for number in (1, 2, 3):
        stage.zuora.world.add_bill_run(f"BR-0000001{number}", invoices=[("A00000001", "USD", "7")])
        await stage.reject(CARLA, await stage.ask(text=f"BR-0000001{number}"), "No")
    await stage.pass_time(days=11)
    await stage.slack.until(lambda: "message 2 of 2" in direct(stage, CARLA)[-1].text)

    first, last = direct(stage, CARLA)[-2:]
    assert "In 2026-11 you made 3 decisions with Billing Bot (message 1 of 2):" in first.text
    assert [each.text.count("rejected R-") for each in (first, last)] == [2, 1]
    assert [each.text.count("\n• ") for each in (first, last)] == [2, 1]
    assert "⏎" not in f"{first.blocks}{last.blocks}"
    assert [each.text.count(" (“No”)") for each in (first, last)] == [2, 1]
    assert [CONFIRM in str(each.blocks) for each in (first, last)] == [False, True]
