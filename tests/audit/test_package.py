"""A package is checked against its own rows.

Every damaged sample is given to `billing-bot verify` and to the `verify.py` that lies in the package.
"""

import asyncio
import hashlib
import hmac
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from bot.audit import anchors, standalone
from bot.audit import rows as plain
from bot.audit.along import KINDS, line_of
from bot.audit.elsewhere import NOT_COMPARED
from bot.audit.evidence import program
from bot.audit.evidence.archive import readable
from bot.audit.rows import compact
from bot.cli.exits import NOT_READABLE
from bot.cli.verify import CODES
from bot.domain.digest import canonical
from bot.domain.history import OPEN, SEALED
from bot.domain.operation import OperationName
from tests import isolated
from tests.audit.test_evidence import KEY, checked, lines, made, read
from tests.stage import BOB, CARLA, MARA, Stage

TWO = """
requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]
[[rule]]
operations = ["email_bill_run"]
approvals = 2
"""


async def story(folder, key=""):
    """Two requests with two approvals each, one rejection, and a start."""
    stage = Stage(folder, "run")
    stage.policy = TWO
    stage.changes = {"audit_key": SecretStr(key)}
    await stage.open()
    for number in (1, 2, 3):
        stage.zuora.world.add_bill_run(
            f"BR-0000000{number}", invoices=[("A00000001", "USD", "7.00")]
        )
    await stage.start()
    for run in ("BR-00000001", "BR-00000002"):
        ts = await stage.ask(text=run, reason="for jane.doe@example.com")
        await stage.press(BOB, ts)
        await stage.press(CARLA, ts)
        await stage.until_card(ts, "Accepted by Zuora")
    await stage.reject(CARLA, await stage.ask(text="BR-00000003"), "Not agreed")
    await stage.quiet()
    return stage


@pytest.fixture(params=["", KEY], ids=["without a key", "with a key"])
def key(request):
    return request.param


async def packed(folder, key, *options):
    """A package of the story, and its last head."""
    stage = await story(folder, key)
    try:
        result, out = await made(stage, folder, *options, key=key)
        assert result.exit_code == 0, result.output
        return out, stage.store.history.last()
    finally:
        await stage.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Both packages, made once."""
    return {key: asyncio.run(packed(tmp_path_factory.mktemp("story"), key)) for key in ("", KEY)}


@pytest.fixture
def package(whole, tmp_path, key):
    return Path(shutil.copy(whole[key][0], tmp_path / "out.zip"))


class Forger:
    """Whoever can write the package, and has the key where there is one: everything is sealed anew."""

    def __init__(self, path, key):
        with zipfile.ZipFile(path) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}
        self.key, self.path = key.encode(), path.with_name("forged.zip")

    def json(self, name, change):
        value = json.loads(self.files[name])
        change(value)
        self.files[name] = json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"

    def request(self, number, change):
        """Change a request's packet."""
        packets = [json.loads(line) for line in self.files["requests.jsonl"].splitlines()]
        change(next(each for each in packets if each["record"]["number"] == number))
        self.put("requests.jsonl", packets)

    def put(self, name, values):
        self.files[name] = b"".join(
            json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in values
        )

    def row(self, what, change):
        """Change the first row of a kind and nothing else; its sequence."""
        rows = [json.loads(line) for line in self.files["history.jsonl"].splitlines()]
        row = next(row for row in rows if row[3] == what)
        change(row)
        self.put("history.jsonl", rows)
        return row[0]

    def sealed(self):
        manifest = json.loads(self.files["manifest.json"])
        manifest["files"] = {
            name: hashlib.sha256(content).hexdigest()
            for name, content in self.files.items() if name != "manifest.json"
        }  # fmt: skip
        about = {name: value for name, value in manifest.items() if name != "seal"}
        if manifest["seal"]:
            text = canonical(about).encode()
            manifest["seal"]["hmac"] = hmac.digest(self.key, text, "sha256").hex()
        self.files["manifest.json"] = json.dumps(manifest).encode()
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, content in self.files.items():
                archive.writestr(name, content)
        return self.path


def forged(forger):
    """The package with report and workbook made again, as whoever has the program can."""
    path = forger.sealed()
    folder = path.with_name("again")
    folder.mkdir()
    files = readable(path, folder)
    again = Forger(path, forger.key.decode())
    again.files |= {each.name: each.read_bytes() for each in files}
    return again.sealed()


def _option(head):
    if Path(head).exists():
        return "--heads"
    return "--head" if ":" in head else "--known"


def status(path, key, *heads):
    """What both say of a package; they agree."""
    options = [word for head in heads for word in (_option(head), head)]
    ours = checked(path, *options, key=key)
    script = path.with_name("verify.py")
    script.write_text(program.text())
    theirs = isolated.run(script, str(path), *heads, key=key)
    coarse = 10 if ours.exit_code in range(10, 14) else ours.exit_code
    assert theirs.returncode == coarse, (ours.output, theirs.stdout, theirs.stderr)
    assert theirs.stdout.splitlines()[-1].startswith("not whole" if coarse else "whole")
    return ours


def test_a_whole_package_is_whole_for_both(package, key):
    assert status(package, key).exit_code == 0
    assert status(package, key).output.count("performed again for 3 requests") == 1
    assert started(package.with_name("verify.py"), str(package), key=key).returncode == 0


def started(script, *words, key=""):
    """Run the program as an auditor does."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", str(script), *words],
        env={"AUDIT_KEY": key}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_order_of_names_in_a_file_is_free(package, key):
    forger = Forger(package, key)
    for name in ("chain.json", "verification.json"):
        forger.files[name] = json.dumps(_reversed(json.loads(forger.files[name]))).encode()
    assert status(forger.sealed(), key).exit_code == 0


def _reversed(value):
    if not isinstance(value, dict):
        return value
    return {name: _reversed(each) for name, each in reversed(value.items())}


def test_a_request_taken_out_of_the_population_is_found(package, key):
    forger = Forger(package, key)
    forger.files["population.jsonl"] = b"".join(
        forger.files["population.jsonl"].splitlines(keepends=True)[:-1]
    )
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert "population.jsonl" in result.output


def test_a_packet_that_is_deleted_is_found_by_its_row(package, key):
    forger = Forger(package, key)
    packets = forger.files["requests.jsonl"].splitlines(keepends=True)
    forger.files["requests.jsonl"] = packets[0] + packets[2]
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert "R-2 is missing in requests.jsonl" in result.output


def test_another_approver_in_a_packet_is_found(package, key):
    forger = Forger(package, key)
    forger.request(1, lambda each: each["history"][1].update(who=MARA))
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert "R-1" in result.output


@pytest.mark.parametrize(
    "name",
    [
        "exceptions.jsonl",
        "population.jsonl",
        "policy_changes.jsonl",
        "starts.jsonl",
    ],
)
def test_a_file_that_is_emptied_is_found(package, key, name):
    forger = Forger(package, key)
    forger.files[name] = b""
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert name in result.output


ADDED = {
    "to the line": lambda packet: packet.update(remark="Seen by the auditor"),
    "to the card": lambda packet: packet["card"].update(remark="Seen by the auditor"),
    "to a message": lambda packet: packet["messages"][0].update(remark="Seen by the auditor"),
    "to what is masked": lambda packet: packet.update(masked=["history"]),
}


@pytest.mark.parametrize("change", ADDED.values(), ids=ADDED)
def test_a_field_that_is_added_to_a_packet_is_found(whole, tmp_path, change):
    forger = Forger(Path(shutil.copy(whole[KEY][0], tmp_path / "out.zip")), KEY)
    forger.request(1, change)
    result = status(forger.sealed(), KEY)
    assert result.exit_code == 19
    assert "R-1 (row" in result.output
    assert "other names than a line has" in result.output


def test_a_name_that_stands_twice_in_a_packet_is_found(package, key):
    """Whoever reads the line by eye sees the first, and a program takes the last."""
    forger = Forger(package, key)
    forger.files["requests.jsonl"] = forger.files["requests.jsonl"].replace(
        b'"record": ', b'"record": {}, "record": ', 1
    )
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert "requests.jsonl has a line that is not written as its values are" in result.output


@pytest.mark.parametrize("part", ["record", "card"])
def test_another_record_or_card_is_not_what_was_asked_for(package, key, part):
    forger = Forger(package, key)

    def change(packet):
        if part == "card":
            packet["card"]["text"] = "email another bill run"
        else:
            packet["record"]["reason"] = "another one"

    forger.request(1, change)
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert f"the {part} is not" in result.output


def test_a_request_that_called_nothing_did_nothing_in_zuora(package, key):
    forger = Forger(package, key)

    things = [json.loads(line) for line in forger.files["things.jsonl"].splitlines()]
    for run in things:
        for deed in run["deeds"]:
            deed["by"] = deed["by"] or [3]
    forger.put("things.jsonl", things)
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert "R-3 did something" in result.output


@pytest.mark.parametrize(
    "name",
    sorted(standalone.FILES),
)
def test_any_file_that_is_left_out_is_found_though_the_manifest_is_made_anew(package, key, name):
    forger = Forger(package, key)
    del forger.files[name]
    result = status(forger.sealed(), key)
    assert result.exit_code == (3 if name in NEEDED else 19), result.output
    assert name in result.output


NEEDED = {
    "brought_forward.jsonl",
    "documents.jsonl",
    "chain.json",
    "history.jsonl",
    "requests.jsonl",
    "standing.jsonl",
    "things.jsonl",
}
"""Without these the others cannot be read."""


def test_a_package_whose_verification_names_another_end_than_its_rows_is_found(package, key):
    forger = Forger(package, key)
    forger.json("verification.json", lambda made: made["last"].update(hash="0" * 64))
    result = status(forger.sealed(), key)
    assert result.exit_code == 19, result.output
    assert "verification.json says another hash of row" in result.output


def test_a_packet_of_a_request_that_no_row_is_about_is_found(package, key):
    forger = Forger(package, key)
    packets = forger.files["requests.jsonl"]
    forger.files["requests.jsonl"] = packets + packets.splitlines(keepends=True)[-1]
    result = status(forger.sealed(), key)
    assert result.exit_code == 19
    assert "requests.jsonl has more" in result.output


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"last": 3}, "tail cut"),
        ({"before": {"sequence": 1, "hash": "0" * 64}}, "Row 1 "),
        ({"start": "2026-12-01T00:00:00.000000+00:00"}, "the times of its rows do not agree"),
        ({"end": "2026-11-01T00:00:00.000000+00:00"}, "the times of its rows do not agree"),
        ({"key": "1" * 32}, "wrong key"),
    ],
)
def test_a_chain_that_its_rows_contradict_is_found(package, key, change, flaw):
    forger = Forger(package, key)
    forger.json("chain.json", lambda value: value.update(change, made_at="2999"))
    result = status(forger.sealed(), key)
    assert result.exit_code != 0
    assert flaw in result.output


def test_a_package_of_another_format_is_not_readable_for_both(package, key):
    forger = Forger(package, key)
    forger.json("manifest.json", lambda value: value.update(format=3))
    assert status(forger.sealed(), key).exit_code == 3


def packed_otherwise(package, damaged=""):
    """The same files packed with LZMA, one of them damaged."""
    with zipfile.ZipFile(package) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    out = package.with_name("packed.zip")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        places = {each.filename: each for each in archive.infolist()}
    if damaged:
        about, raw = places[damaged], bytearray(out.read_bytes())
        middle = about.header_offset + about.compress_size // 2
        raw[middle : middle + 40] = b"\xff" * 40
        out.write_bytes(raw)
    return out


def test_a_package_that_is_packed_otherwise_and_damaged_is_not_readable_for_both(package, key):
    assert status(packed_otherwise(package), key).exit_code == 0
    assert status(packed_otherwise(package, "history.jsonl"), key).exit_code == 3


@pytest.mark.parametrize("options", [(), ("--redact",)], ids=["open", "masked"])
async def test_a_deed_that_does_not_say_what_was_done_is_found_by_both(tmp_path, options):
    """What Zuora showed follows from no row, and whoever has the key can seal it anew."""
    package, _ = await packed(tmp_path, KEY, *options)
    things = lines(package, "things.jsonl")
    for name in ("what", "why"):
        forger, left = Forger(package, KEY), json.loads(json.dumps(things))
        deeds = [deed for each in left for deed in each["deeds"]]
        deed = next((each for each in deeds if name in each), deeds[0])
        deed.update({"what": NOT_COMPARED} if name == "why" else {})
        deed.pop(name, None)
        forger.files["things.jsonl"] = b"".join(f"{compact(each)}\n".encode() for each in left)
        there = ({**each, **deed} for each in left for deed in each.pop("deeds") if not deed["by"])
        forger.files["exceptions.jsonl"] = b"".join(f"{compact(each)}\n".encode() for each in there)

        result = status(forger.sealed(), KEY)

        assert result.exit_code == 19, result.output
        assert "that does not say what was done" in result.output


def test_a_file_without_what_the_report_needs_is_no_whole_package(package, key):
    """Only the program that makes the report again finds it, as FORMAT.md says."""
    for name in ("sample.json", "slack.json", "verification.json"):
        forger = Forger(package, key)
        forger.json(name, lambda value: [value.pop(each, None) for each in BY_THE_REPORT])

        result = checked(forger.sealed(), key=key)

        assert result.exit_code == 19, (name, result.output)
        assert "cannot be made from the package" in result.output


BY_THE_REPORT = ("seed", "status", "findings")


def test_a_name_that_stands_in_the_package_twice_is_found(package, key):
    with zipfile.ZipFile(package, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("refusals.jsonl", archive.read("refusals.jsonl"))
    result = status(package, key)
    assert result.exit_code == 20
    assert "twice" in result.output


def test_a_row_that_says_it_is_masked_where_nothing_is_masked_is_found(package, key):
    forger = Forger(package, key)

    def change(row):
        row[4], row[-1] = MARA, True

    sequence = forger.row("request.approved", change)
    result = status(forger.sealed(), key, f"{sequence}:{'0' * 64}")
    assert result.exit_code == 10
    assert f"Row {sequence} " in result.output


async def test_an_invented_head_is_found_in_a_masked_package_too(tmp_path, key):
    out, (sequence, hashed) = await packed(tmp_path, key, "--redact")
    assert read(out, "chain.json")["masked"]
    assert status(out, key, f"{sequence}:{hashed}").exit_code == 0
    assert "masked in single fields" in status(out, key).output
    for row in (sequence, sequence - 1, 1):
        assert status(out, key, f"{row}:{'0' * 64}").exit_code == 18


def test_a_head_that_lies_outside_is_never_whole(package, key):
    assert status(package, key, f"4711:{'0' * 64}").exit_code == 24


async def test_the_control_is_performed_again_where_the_chain_is_whole(package, key):
    """One of two approvals is taken out of the rows, and everything is made again with the key."""
    forger = rebuilt(package, key, without=("request.approved", BOB))
    result = status(forger, key)
    assert "control not held" in result.output
    assert "goes on after 1 of 2 approvals" in result.output
    assert result.exit_code == 23


@pytest.mark.parametrize(
    ("what", "name", "value"),
    [
        ("people.groups", "groups", None),
        ("people.groups", "groups", ["S0CONTROLLERS"]),
        ("policy.changed", "difference", None),
    ],
)
def test_a_row_of_a_shape_that_the_bot_never_writes_is_found_by_both(
    package, key, what, name, value
):
    """Whoever has the key made everything again with it."""

    def change(row):
        data = json.loads(row.data)
        return row._replace(data=plain.compact(data | {name: value})) if row.what == what else row

    result = status(rebuilt(package, key, change=change), key)
    assert result.exit_code == 19, result.output
    assert f"({what}) has no `{name}` as the bot writes it" in result.output


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("statement.sent", {"month": ["2026-11"], "rows": None}),
        ("statement.other", {"month": "2026-11", "rows": 7}),
        ("people.groups", {"groups": {"S0CONTROLLERS": [BOB, CARLA], "S0OTHER": 5}}),
    ],
)
def test_what_is_odd_and_compared_with_nothing_is_shown_as_it_is(package, key, what, data):
    """The last row becomes such a row, and report and workbook are made of it again."""
    sequence = json.loads(Forger(package, key).files["history.jsonl"].splitlines()[-1])[0]

    def change(row):
        if row.sequence != sequence:
            return row
        return row._replace(request=None, what=what, who=BOB, data=plain.compact(data))

    out = forged(Forger(rebuilt(package, key, change=change), key))
    assert status(out, key).exit_code == 0


def test_an_approval_by_the_requester_does_not_count(package, key):
    result = status(rebuilt(package, key, approver="U0ALICE"), key)
    assert result.exit_code == 23
    assert "is an approval by the requester" in result.output


@pytest.mark.parametrize("end", ["rejected", "withdrawn", "expired", "stopped"])
def test_what_goes_on_after_its_end_is_found(package, key, end):
    """R-1 is approved by two, and has an end before its start that nobody minded."""

    def change(row):
        is_answer = (row.request, row.what) == (1, "request.approved") and row.who == BOB
        return row._replace(what=f"request.{end}") if is_answer else row

    result = status(rebuilt(package, key, change=change), key)
    assert result.exit_code == 23, result.output
    assert f"goes on although it was {end}" in result.output


@pytest.mark.parametrize(("number", "words"), [(1, "R-2 is the first."), (2, "R-3 follows R-1.")])
def test_a_number_that_is_missing_is_found(package, key, number, words):
    result = status(rebuilt(package, key, without_request=number), key)
    assert result.exit_code == 21
    assert words in result.output


def rebuilt(path, key, *, without=None, approver="", without_request=0, change=None, record=None):  # noqa: PLR0913 - each is another forgery
    """Make a package anew, as somebody can who has the key and the code.

    `change` returns a row, or several that stand in its place. `record` changes the records; the rows bind them as they are then.
    """
    forger = Forger(path, key)
    bound = _recorded(forger, record) if record else {}
    rows = [plain.FileRow(*json.loads(line)) for line in forger.files["history.jsonl"].splitlines()]
    left = next((row for row in rows if without == (row.what, row.who)), None)
    rows = [row for row in rows if row is not left and (row.request or -1) != without_request]
    rows = [
        row._replace(who=approver)
        if approver and (row.what, row.who) == ("request.approved", BOB) else row
        for row in rows
    ]  # fmt: skip
    found = [change(row) for row in rows] if change else rows
    rows = [row for each in found for row in (each if isinstance(each, list) else [each])]
    rows = [_bind(row, bound) for row in rows]
    about = json.loads(forger.files["chain.json"])
    kept = list(chained(rows, about, key.encode()))
    about |= {"last": kept[-1].sequence}
    forger.files["chain.json"] = indented(about)
    forger.files["history.jsonl"] = written(kept)
    last = {"sequence": kept[-1].sequence, "hash": kept[-1].hash}
    forger.json("verification.json", lambda made: made.update(last=last))
    _make_again(forger, about, kept)
    return forger.sealed()


def _recorded(forger, change):
    """Change the records of the packets; their hashes by number."""
    packets = [json.loads(line) for line in forger.files["requests.jsonl"].splitlines()]
    for packet in packets:
        change(packet["record"])
    forger.put("requests.jsonl", packets)
    return {packet["record"]["number"]: _bound(packet["record"]) for packet in packets}


def _bound(record):
    """What its first row says of a record."""
    open_ = [value for name, value in record.items() if name not in {"body", "facts", "reason"}]
    whole = plain.compact([*record.values()])
    return {"record": plain.hashed(whole), "plain": plain.hashed(plain.compact(open_))}


def _bind(row, bound):
    if row.what != "request.asked" or row.request not in bound:
        return row
    data = {**json.loads(row.data), **bound[row.request]}
    return row._replace(data=plain.compact(data))


def chained(rows, about, key):
    before = about["before"]["hash"]
    for sequence, each in enumerate(rows, about["before"]["sequence"] + 1):
        row = each._replace(sequence=sequence, before=before)
        keyed = about["keyed_from"] is not None and sequence >= about["keyed_from"]
        before = plain.hashed(plain.text_of(row), key if keyed else b"")
        yield row._replace(hash=before)


def indented(value):
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _make_again(forger, about, kept):
    population, packets = [], []
    for old in [json.loads(line) for line in forger.files["requests.jsonl"].splitlines()]:
        rows = [row for row in kept if row.request == old["record"]["number"]]
        before = [row for row in old["history"] if row["sequence"] <= about["before"]["sequence"]]
        rows = [
            plain.FileRow(**row | {"data": plain.compact(row["data"])}) for row in before
        ] + rows
        story = [(row, json.loads(row.data)) for row in rows]
        if story:
            history = [{**row._asdict(), "data": data} for row, data in story]
            packets.append({**old, "history": history})
            population.append(line_of(old["record"], story, about))
    forger.put("requests.jsonl", packets)
    forger.files["population.jsonl"] = written(population)
    listed = [json.loads(line) for line in forger.files["documents.jsonl"].splitlines()]
    there = {packet["record"]["number"] for packet in packets}
    forger.files["documents.jsonl"] = written(each for each in listed if each[0] in there)
    for name, start in KINDS.items():
        rows = [row for row in kept if row.what.startswith(start)]
        rows = rows if start else [row for row in rows if row.at < about["start"]]
        forger.files[f"{name}.jsonl"] = written(rows)


def written(values):
    return b"".join(f"{plain.compact(each)}\n".encode() for each in values)


def test_the_population_shows_both_approvers_and_how_many_were_needed(package):
    line = lines(package, "population.jsonl")[0]
    assert line["approvers"] == [BOB, CARLA]
    assert (line["approvals_needed"], line["state"]) == (2, "succeeded")


def test_what_lies_in_the_package_is_the_program_that_checks(package):
    with zipfile.ZipFile(package) as archive:
        own = archive.read("verify.py").decode()
    assert own == program.text()
    imported = re.findall(r"^from (\w+)|^import (.+)", own, re.MULTILINE)
    names = {name for line in imported for each in line for name in each.split(", ") if name}
    assert names <= sys.stdlib_module_names


def test_the_program_asks_for_a_package_that_is_not_named(tmp_path):
    script = tmp_path / "verify.py"
    script.write_text(program.text())
    done = started(script)
    assert done.returncode == 1
    assert done.stderr.startswith("Name the package: python3 -I verify.py PACKAGE.zip")


def test_no_name_of_the_program_is_given_twice():
    """Its modules are one file in a package."""
    given = re.findall(
        r"^(?:def |class )?([A-Za-z_]\w*)(?:, \w+)*(?:\(| = |:$)", program.text(), re.MULTILINE
    )
    assert len(given) > 50
    assert sorted(given) == sorted({*given})


def test_both_give_the_same_status_for_the_same_flaw():
    assert {CODES[flaw]: str(flaw) for flaw in CODES if str(flaw) in standalone.CODES} == {
        code: flaw for flaw, code in standalone.CODES.items() if code != NOT_READABLE
    }


async def test_a_period_of_nothing_says_so(tmp_path):
    out, _ = await packed(tmp_path, "", "--from", "2026-01-01", "--to", "2026-01-31")
    assert lines(out, "population.jsonl") == lines(out, "history.jsonl") == []
    assert "performed again for 0 requests" in status(out, "").output


def test_the_vectors_of_the_format_are_what_the_program_gives():
    text = Path(standalone.__file__).with_name("FORMAT.md").read_text(encoding="utf-8")
    value = plain.compact({"b": 1, "a": ["ä", None]})
    key = b"k" * 40
    row = [1, "2026-11-21T10:00:00.000000+00:00", None, "bot.started", "", "", "{}"]
    for vector in (
        value, plain.hashed(value), plain.hashed(value, key),
        plain.hashed("billing-bot audit key", key)[:32],
        plain.hashed(plain.compact(["0" * 64, *row])),
    ):  # fmt: skip
        assert f"`{vector}`" in text
    salt = "00112233445566778899aabbccddeeff"
    data = plain.compact({"note": "Zoë", "salts": {"note": salt}})
    refused = plain.FileRow(1, row[1], None, "refused", "", "", data, "0" * 64, "", masked=False)
    assert f"`{plain.hashed(plain.compact([salt, 'Zoë']))}`" in text
    assert f"`{data}`" in text
    assert f"`{plain.hashed(plain.text_of(refused))}`" in text
    assert all(f"`{name}`" in text for name in plain.OPEN)
    assert (plain.OPEN, plain.MASKED) == (OPEN, SEALED), "one list in two programs"
    signer = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = signer.public_key().public_bytes_raw().hex()
    head = f"billing-bot head 3:{'ab' * 32}"
    signature = signer.sign(head.encode()).hex()
    assert f"`{public}`" in text
    assert f"`{signature}`" in text
    assert plain.signed(public, head, signature)


def test_each_operation_has_a_vector_of_its_digest_with_the_facts_that_are_described():
    text = Path(standalone.__file__).with_name("FORMAT.md").read_text(encoding="utf-8")
    pairs = re.findall(r"^(\{.*\})\n([0-9a-f]{64})$", text, re.MULTILINE)

    assert [json.loads(value)["operation"] for value, _ in pairs] == [*OperationName]
    for value, digest in pairs:
        assert plain.compact(json.loads(value)) == value
        assert plain.hashed(value) == digest
        for name in json.loads(value)["facts"]:
            assert f"`{name}`" in text


async def test_the_digest_is_made_again_from_what_was_asked_for(stage):
    await stage.ask()

    asked = stage.store.history.of(1)[0].entry.data
    record = {"operation": "email_bill_run", "body": json.loads(stage.request().body)}
    assert plain.hashed(plain.compact({**asked["bound"], **record})) == asked["digest"]
    documented = Path(standalone.__file__).with_name("FORMAT.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in documented for name in asked["bound"]["facts"])


@pytest.mark.parametrize("part", ["tenant", "facts"])
def test_an_approval_that_was_for_something_else_is_found(package, key, part):
    """The row is changed and the chain rebuilt: the digest shows it, also to whoever has the key."""

    def change(row):
        data = json.loads(row.data)
        if row.what == "request.asked" and "bound" in data:
            data["bound"][part] = "another one"
        return row._replace(data=plain.compact(data))

    result = status(rebuilt(package, key, change=change), key)

    assert result.exit_code == 19, result.output
    assert "the digest is not that of what was asked for" in result.output


@pytest.mark.parametrize(
    "text",
    ["00" * 32, "ff" * 32, "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b9"],
)
def test_a_key_that_is_none_fits_no_signature(text):
    assert not plain.signed(text, "billing-bot head 1:0", "ab" * 64)
    assert not plain.signed(text, "billing-bot head 1:0", "00" * 64)


SMALL = (
    "01" + "00" * 31, "01" + "00" * 30 + "80", "ec" + "ff" * 30 + "7f", "ec" + "ff" * 31,
    "00" * 32, "00" * 31 + "80", "ed" + "ff" * 30 + "7f", "ed" + "ff" * 31, "ee" + "ff" * 30 + "7f", "ee" + "ff" * 31,
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
)  # fmt: skip
"""All texts of points of small order, also those that RFC 8032 does not decode."""


def test_a_key_for_which_anybody_can_sign_signs_nothing_for_both():
    heads = [f"billing-bot head {number}:{'0' * 64}" for number in range(8)]
    for key, half, head in product(SMALL, SMALL, heads):
        signature = half + "00" * 32
        assert not plain.signed(key, head, signature), (key, half, head)
        assert not anchors.signed(key, head, signature), (key, half, head)


@pytest.mark.parametrize("half", SMALL)
def test_a_signature_that_only_its_owner_could_write_otherwise_is_judged_alike(half):
    """Whoever holds the key can make the first half any of these points; only one of its texts fits."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, head = private.public_key().public_bytes_raw(), "billing-bot head 3:0"
    expanded = bytearray(hashlib.sha512(bytes(range(32))).digest()[:32])
    expanded[0] &= 248
    expanded[31] = (expanded[31] & 127) | 64
    total = hashlib.sha512(bytes.fromhex(half) + public + head.encode()).digest()
    s = int.from_bytes(total, "little") * int.from_bytes(expanded, "little") % plain.L
    signature = half + s.to_bytes(32, "little").hex()
    fits = half == SMALL[0]
    assert plain.signed(public.hex(), head, signature) == fits
    assert anchors.signed(public.hex(), head, signature) == fits


@pytest.mark.parametrize("name", program.PARTS)
def test_each_part_of_the_program_is_short_enough_to_be_read(name):
    lines = Path(str(import_module(name).__file__)).read_text().splitlines()
    assert len(lines) < 200
    assert max(map(len, lines)) <= 140
