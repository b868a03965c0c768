"""An outsider performs five requests again with nothing but the package and FORMAT.md."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.audit import rows as plain
from tests.audit.test_evidence import KEY, made
from tests.audit.test_package import TWO, Forger, rebuilt
from tests.stage import ALICE, BOB, CARLA, Stage

PROGRAM = Path(__file__).with_name("by_the_format.py")


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


def performed(out, key):
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", str(PROGRAM), str(out), key], capture_output=True, text=True, check=False
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_it_knows_nothing_of_the_bot():
    text = PROGRAM.read_text()
    assert "import bot" not in text
    assert "from bot" not in text


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
