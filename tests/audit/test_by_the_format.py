"""An outsider performs five requests again with nothing but the package and FORMAT.md."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.audit import rows as plain
from tests.audit.test_anchors import key as key_of
from tests.audit.test_evidence import KEY, made
from tests.audit.test_package import TWO, Forger, rebuilt, status
from tests.stage import ALICE, BOB, CARLA, MARA, Stage
from tests.stories.test_create_bill_run import ask as ask_to_create

BY_AMOUNT = """
requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]
[[rule]]
operations = ["email_bill_run"]
above = { USD = 500 }
approvals = 2
"""
PROGRAM = Path(__file__).with_name("by_the_format.py")
CONTROL = Path(__file__).with_name("by_the_format_control.py")


async def five(folder, key, *options):
    """A package of five requests: two were mailed, and one each rejected, withdrawn and left waiting after one approval."""
    stage = Stage(folder, "run")
    stage.policy = TWO
    stage.changes = {"audit_key": SecretStr(key)}
    await stage.open()
    try:
        for number in range(1, 6):
            invoices = [("A00000001", "USD", f"{number}.00")]
            stage.zuora.world.add_bill_run(f"BR-0000000{number}", invoices=invoices)
        await stage.start()
        cards = [
            await stage.ask(text=f"BR-0000000{number}", reason="for jane.doe@example.com")
            for number in range(1, 6)
        ]
        for ts in cards[:2]:
            await stage.press(BOB, ts)
            await stage.press(CARLA, ts)
            await stage.until_card(ts, "Accepted by Zuora")
        await stage.reject(BOB, cards[2], "Not agreed")
        await stage.withdraw(ALICE, cards[3])
        await stage.press(BOB, cards[4])
        await stage.quiet()
        result, out = await made(stage, folder, *options, key=key)
        assert result.exit_code == 0, result.output
        return out
    finally:
        await stage.close()


def performed(out, key, program=PROGRAM):
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", str(program), str(out), key], capture_output=True, text=True, check=False
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def fill(world):
    """What is in Zuora before the quarter."""
    world.add_bill_run(
        "BR-00000001", invoices=[("A00000001", "USD", "700.00"), ("A00000001", "USD", "-5.00")]
    )
    for number in (2, 3):
        world.add_bill_run(
            f"BR-0000000{number}", status="Completed", invoices=[("A00000001", "USD", "9.00")]
        )
    world.add_account("A1", name="Customer A1", batch="Batch1", currency="USD")
    world.add_subscription("A1", "100.00", number="S-A1")


async def quarter(folder):
    """A package with signed heads: a mail by two, a post, a bill run created, one canceled, and a mail settled by hand."""
    stage = Stage(folder, "run")
    (folder / "heads").mkdir()
    stage.policy = BY_AMOUNT
    stage.changes = {
        "audit_signing_key": key_of(1),
        "repeat_lost": "no",
        "anchor_folder": str(folder / "heads"),
    }
    await stage.open()
    try:
        fill(stage.zuora.world)
        await stage.start()
        await by_two(stage, await stage.ask())
        for operation, run, words in (
            ("post_bill_run", "BR-00000002", "Posted"), ("cancel_bill_run", "BR-00000003", "Canceled"),
        ):  # fmt: skip
            ts = await stage.ask_step(operation, run)
            await stage.press(BOB, ts)
            await stage.until_card(ts, "Running in Zuora")
            await stage.pass_time(seconds=10)
            await stage.until_card(ts, words)
        stage.changes |= {"audit_signing_key": key_of(2), "audit_signing_key_before": key_of(1)}
        await stage.restart()
        await created_and_settled(stage)
        await stage.pass_time(hours=1)
        result, out = await made(stage, folder)
        assert result.exit_code == 0, result.output
        return out
    finally:
        await stage.close()


async def created_and_settled(stage):
    ts = await ask_to_create(stage, 'batch=Batch1 target=2026-11-30 name="November"')
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request(4).state == "running")
    await stage.pass_time(seconds=30)
    stage.zuora.faults.add("*/emails", kind="lose_answer")
    ts = await stage.ask(text="BR-00000002")
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: stage.request(5).state == "unknown")
    await stage.slack.until(lambda: "record_sent" in stage.buttons(ts))
    await stage.record(CARLA, ts, "record_sent")
    await stage.slack.until(lambda: stage.request(5).state == "succeeded")


async def by_two(stage, ts):
    for approver in (BOB, CARLA):
        await stage.press(approver, ts)
        assert (await stage.slack.submit(approver, {"typed": "BR-00000001"})).ok
    await stage.until_card(ts, "Accepted by Zuora")


def test_it_knows_nothing_of_the_bot():
    for program in (PROGRAM, CONTROL):
        text = program.read_text()
        assert "import bot" not in text
        assert "from bot" not in text


async def test_the_report_says_which_keys_sign_and_what_a_person_settled(tmp_path):
    out = await quarter(tmp_path)
    with zipfile.ZipFile(out) as package:
        page = package.read("00-report.html").decode()
        rows = [json.loads(line) for line in package.read("heads.jsonl").splitlines()]
    (first, one), (second, two) = [
        (row[0], json.loads(row[6])["public"]) for row in rows if row[3] == "audit.signing_key"
    ]
    assert f"{one}, from row {first} on; then {two}, from row {second} on. Compare this key" in page
    assert "as Carla Mendes (U0CARLA) said after looking in Zuora: its answer was lost" in page
    assert "settled a lost answer by saying what Zuora shows: it went through; typed “" in page
    assert "lost: no clear answer came." in page
    assert "SANDBOX · local Zuora · tenant 12270; Slack https://" in page


async def test_five_kinds_of_requests_are_performed_again_with_their_signatures(tmp_path):
    out = await quarter(tmp_path)
    assert performed(out, "") == (0, "5 requests performed again\n")
    code, said = performed(out, "", CONTROL)
    assert code == 0, said
    assert said.splitlines() == [
        f"R-1 email_bill_run: asked for by {ALICE}, approved by {BOB}, {CARLA}, 1 call as approved, request.ended",
        f"R-2 post_bill_run: asked for by {ALICE}, approved by {BOB}, 1 call as approved, request.ended",
        f"R-3 cancel_bill_run: asked for by {ALICE}, approved by {BOB}, 1 call as approved, request.ended",
        f"R-4 create_bill_run: asked for by {ALICE}, approved by {BOB}, 1 call as approved, request.ended",
        f"R-5 email_bill_run: asked for by {ALICE}, approved by {BOB}, 1 call as approved, request.settled",
    ]

    forger = Forger(out, "")
    forger.json("manifest.json", lambda found: found["signature"].update(signature="ab" * 64))
    assert "manifest: signature" in performed(forger.sealed(), "", CONTROL)[1]
    for approver in (ALICE, MARA):
        forged = rebuilt(out, "", change=_settled_by(approver))
        assert f"recorded by {approver}" in performed(forged, "", CONTROL)[1]
        result = status(forged, "")
        assert "R-5: row" in result.output
        assert "(request.settled) is a record by " in result.output
    forged = rebuilt(out, "", change=_signed_by_nobody)
    assert ": signature" in performed(forged, "", CONTROL)[1]


def _settled_by(person):
    return lambda row: row._replace(who=person) if row.what == "request.settled" else row


def _signed_by_nobody(row):
    if row.what != "audit.head":
        return row
    data = json.loads(row.data) | {"signature": "00" * 64}
    return row._replace(data=plain.compact(data))


@pytest.mark.parametrize("key", ["", KEY], ids=["without a key", "with a key"])
async def test_five_requests_are_performed_again(tmp_path, key):
    out = await five(tmp_path, key)
    assert performed(out, key) == (0, "5 requests performed again\n")
    if key:
        assert performed(out, "w" * 40)[0] == 1

    by_one = rebuilt(out, key, without=("request.approved", BOB))
    assert "R-1: row" in performed(by_one, key)[1]
    forger = Forger(out, key)
    forger.request(2, lambda packet: packet["record"].update(reason="another"))
    assert "R-2: record" in performed(forger.sealed(), key)[1]


async def test_a_masked_package_is_performed_again_as_far_as_it_goes(tmp_path):
    out = await five(tmp_path, "", "--redact")
    assert performed(out, "") == (0, "5 requests performed again\n")


async def test_what_one_program_finds_the_other_finds_too(tmp_path):
    """Each column of each row of a request, changed alone."""
    out = await five(tmp_path, "")
    whole = [
        json.loads(line) for line in Forger(out, "").files["history.jsonl"].decode().splitlines()
    ]
    places = [(at, column) for at, row in enumerate(whole) if row[2] for column in range(9)]
    for at, column in places[::7]:
        forger = Forger(out, "")
        rows = [list(row) for row in whole]
        value = rows[at][column]
        rows[at][column] = value + 1 if isinstance(value, int) else f"{value}0"
        forger.files["history.jsonl"] = b"".join(f"{plain.compact(row)}\n".encode() for row in rows)
        assert performed(forger.sealed(), "")[0] == 1, (at, column)
