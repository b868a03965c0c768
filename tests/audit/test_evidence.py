"""The evidence of a period: complete, checkable by itself, masked on demand, honest about Zuora."""

import asyncio
import hashlib
import io
import json
import re
import zipfile

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bot.audit import rows as plain
from bot.cli import main
from tests.stage import BOB, CARLA, MARA, Stage

KEY = "e" * 40
PERIOD = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture
async def busy(stage):
    """A stage on which much has happened: mailed, rejected, refused, waiting."""
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "7.00")])
    stage.zuora.world.add_bill_run("BR-00000003", invoices=[("A00000001", "USD", "8.00")])
    ts = await stage.ask(reason='=cmd|"/c calc": write to jane.doe@example.com, "now"')
    await stage.press(MARA, ts)
    await stage.pass_time(minutes=3)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    second = await stage.ask(text="BR-00000002")
    await stage.reject(CARLA, second, "Not agreed")
    await stage.quiet()
    await stage.ask(text="BR-00000003")
    await stage.quiet()
    return stage


async def made(stage, tmp_path, *options, key="", signing=True, zuora=True, slack=None):
    """Run the command as a person does, beside the running bot; `zuora` is None if nothing of it is set."""
    settings = stage.settings()
    out = tmp_path / "out.zip"
    environment = {
        "DATABASE_URL": settings.database_url,
        "ZUORA_BASE_URL": settings.zuora_base_url if zuora is not None else None,
        "ZUORA_CLIENT_ID": settings.zuora_client_id if zuora is not None else None,
        "ZUORA_CLIENT_SECRET": _secret(settings, zuora),
        "ZUORA_ENTITY_IDS": settings.zuora_entity_ids,
        "AUDIT_KEY": key,
        "AUDIT_SIGNING_KEY": settings.audit_signing_key.get_secret_value() if signing else "",
        "SLACK_BOT_TOKEN": slack,
        "BILLING_CHANNEL": None,
    }
    arguments = ["evidence", *PERIOD, "--out", str(out), *options]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result, out


def _secret(settings, zuora):
    if zuora is None:
        return None
    return settings.zuora_client_secret.get_secret_value() if zuora else "a-wrong-secret"


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(name))


def packet_of(path, number):
    """Everything about a request."""
    return next(
        each for each in lines(path, "requests.jsonl") if each["record"]["number"] == number
    )


def lines(path, name):
    """The lines of a file of values."""
    with zipfile.ZipFile(path) as archive:
        return [json.loads(line) for line in archive.read(name).splitlines()]


def entries(path, name):
    """The rows in a file of rows, with their data read."""
    rows = (plain.FileRow(*line) for line in lines(path, name))
    return [{**row._asdict(), "data": json.loads(row.data)} for row in rows]


def text_of(archive, name):
    """A file's text; of a workbook that of all of its parts."""
    content = archive.read(name)
    if not name.endswith(".xlsx"):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "".join(book.read(each).decode() for each in book.namelist())


def of_kind(packet, *kinds):
    """What of a packet's history is of these kinds."""
    return [each for each in packet["history"] if each["what"] in kinds]


def checked(path, *options, key=""):
    return CliRunner().invoke(main, ["verify", *options, str(path)], env={"AUDIT_KEY": key})


async def test_the_population_is_counted_and_bound_to_the_chain(busy, tmp_path):
    result, out = await made(busy, tmp_path)

    assert result.exit_code == 0, result.output
    about = read(out, "chain.json")
    assert [each["number"] for each in lines(out, "population.jsonl")] == [1, 2, 3]
    everything = busy.store.history.all()
    assert (about["before"]["sequence"], about["last"]) == (0, everything[-1].sequence)
    assert len(lines(out, "history.jsonl")) == len(everything)


async def test_a_packet_shows_who_did_what_when_under_which_rule(busy, tmp_path):
    _, out = await made(busy, tmp_path)

    packet = packet_of(out, 1)
    (decision,) = of_kind(packet, "request.approved")
    record = packet["record"]
    assert decision["who"] == BOB
    assert decision["data"]["groups"] == ["S0CONTROLLERS"]
    assert decision["data"]["rule"] == "the general rule"
    assert decision["data"]["digest"] == record["digest"]
    assert json.loads(record["body"])["bill_run"] == "BR-00000001"
    assert "waiting for one approval from" in packet["card"]["text"]
    assert packet["card"]["blocks"]
    assert of_kind(packet, "call.answered")
    assert of_kind(packet, "call.sent")[0]["data"]["track_id"] == "billing-bot.R-1.BR-00000001"
    assert json.loads(record["facts"])["number"] == "BR-00000001"
    assert [each["what"] for each in packet["history"]][:2] == ["request.asked", "refused"]
    assert of_kind(packet_of(out, 2), "request.rejected")[0]["data"]["reason"] == ("Not agreed")


async def test_refusals_and_policy_changes_are_listed(busy, tmp_path):
    _, out = await made(busy, tmp_path)

    (refusal,) = entries(out, "refusals.jsonl")
    assert (refusal["who"], refusal["request"]) == (MARA, 1)
    (change,) = entries(out, "policy_changes.jsonl")
    assert change["data"]["old"] == ""
    assert len(change["data"]["new"]) == 64
    assert read(out, "verification.json")["whole"]


async def test_what_was_done_outside_the_bot_is_an_exception(busy, tmp_path):
    _, out = await made(busy, tmp_path)

    found = {(each["number"], each["what"]) for each in lines(out, "exceptions.jsonl")}
    created = {("BR-00000001", "created outside the bot")}
    assert created <= found
    assert ("BR-00000001", "mailed outside the bot") not in found
    assert ("BR-00000002", "posted outside the bot") in found


async def test_a_zuora_that_cannot_be_read_is_never_without_exceptions(busy, tmp_path):
    result, out = await made(busy, tmp_path, zuora=False)

    assert result.exit_code == 26, result.output
    assert "Reconciliation not done" in result.output
    (exception,) = lines(out, "exceptions.jsonl")
    assert exception["why"]
    assert exception["what"] == "not compared with Zuora"
    assert "not compared with Zuora" in checked(out).output


async def test_the_file_is_checked_by_itself(busy, tmp_path):
    _, out = await made(busy, tmp_path)
    sequence, hashed = busy.store.history.last()

    result = checked(out, "--head", f"{sequence}:{hashed}")

    assert result.exit_code == 0, result.output
    assert f"{sequence}:{hashed}" in result.output
    with zipfile.ZipFile(out) as archive:
        assert hashlib.sha256(archive.read("manifest.json")).hexdigest() in result.output
    assert checked(out, "--head", f"{sequence}:{'0' * 64}").exit_code == 18


def rewritten(path, change):
    """The same zip with some files changed; `change` maps names to contents, None to leave out."""
    other = path.with_name("other.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            content = change.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name in set(change) - set(old.namelist()):
            new.writestr(name, change[name])
    return other


@pytest.mark.parametrize(
    "change",
    [{"refusals.jsonl": b"{}"}, {"refusals.jsonl": None}, {"new.txt": b"hello"}],
    ids=["changed", "missing", "new"],
)
async def test_a_changed_file_is_named(busy, tmp_path, change):
    _, out = await made(busy, tmp_path)

    result = checked(rewritten(out, change))

    assert result.exit_code in {19, 20}
    assert next(iter(change)) in result.output


async def test_a_changed_row_is_found_even_under_a_new_manifest(busy, tmp_path):
    _, out = await made(busy, tmp_path)
    with zipfile.ZipFile(out) as archive:
        rows = archive.read("history.jsonl").replace(b"request.rejected", b"request.approved")
        manifest = json.loads(archive.read("manifest.json"))
    manifest["files"]["history.jsonl"] = hashlib.sha256(rows).hexdigest()

    result = checked(rewritten(out, {"history.jsonl": rows, "manifest.json": json.dumps(manifest)}))

    assert result.exit_code == 10, result.output


async def test_a_broken_zip_is_not_readable(busy, tmp_path):
    _, out = await made(busy, tmp_path)

    assert checked(rewritten(out, {"manifest.json": None})).exit_code == 3
    assert checked(rewritten(out, {"manifest.json": b"[]"})).exit_code == 3


async def test_a_package_of_another_format_is_named_as_one(busy, tmp_path):
    _, out = await made(busy, tmp_path)

    result = checked(rewritten(out, {"manifest.json": b'{"format": 2}'}))

    assert result.exit_code == 3
    assert "it is of format 2, and this program reads format 9" in result.output


async def test_names_and_addresses_are_masked_and_the_rest_stays_checkable(busy, tmp_path):
    world = busy.zuora.world
    world.add_account("A00000077", name="Gluon & Sons")
    world.add_invoice("A00000077", "USD", "120.50", number="INV00000077")
    await busy.ask(text="INV00000077", reason="to jane.doe@example.com")
    await busy.quiet()

    _, out = await made(busy, tmp_path, "--redact")

    with zipfile.ZipFile(out) as archive:
        texts = {name: text_of(archive, name) for name in archive.namelist()}
    for name, text in texts.items():
        assert "jane.doe" not in text, name
        assert "Gluon" not in text, name
    packet = json.loads(texts["requests.jsonl"].splitlines()[3])
    (name,) = {*re.findall(r"\[name \d+\]", packet["card"]["text"])} - {"[name 1]"}
    assert f"Email invoice INV00000077 of {name}\n" in packet["card"]["text"]
    assert name in packet["record"]["facts"]
    for text in texts.values():
        assert "Bob Tanaka" not in text
    assert "[address " in texts["population.jsonl"]
    result = checked(out)
    assert result.exit_code == 0, result.output
    assert "masked" in result.output
    moved = texts["history.jsonl"].splitlines(keepends=True)
    moved[2:4] = reversed(moved[2:4])
    manifest = json.loads(texts["manifest.json"])
    changed = "".join(moved).encode()
    manifest["files"]["history.jsonl"] = hashlib.sha256(changed).hexdigest()
    broken = rewritten(out, {"history.jsonl": changed, "manifest.json": json.dumps(manifest)})
    assert checked(broken).exit_code == 10


async def test_with_a_key_the_manifest_is_sealed_and_the_chain_needs_it(tmp_path):
    stage = Stage(tmp_path, "run")
    stage.changes = {"audit_key": SecretStr(KEY)}
    await stage.open()
    try:
        stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
        await stage.start()
        await stage.ask()
        result, out = await made(stage, tmp_path, key=KEY)
        assert result.exit_code == 0, result.output
    finally:
        await stage.close()

    assert checked(out, key=KEY).exit_code == 0
    assert checked(out).exit_code == 17
    assert checked(out, key="w" * 40).exit_code == 17
    manifest = read(out, "manifest.json")
    manifest["seal"]["hmac"] = "0" * 64
    assert checked(rewritten(out, {"manifest.json": json.dumps(manifest)}), key=KEY).exit_code == 20


async def test_a_history_that_is_not_whole_is_said_and_exits_as_verify_does(busy, tmp_path):
    database = busy.store._database
    database.execute("DROP TRIGGER history_is_never_changed")
    database.execute("UPDATE history SET who = 'U0X' WHERE sequence = 3")
    database.conn.commit()

    result, out = await made(busy, tmp_path)

    assert result.exit_code == 10
    assert read(out, "verification.json")["findings"][0]["row"] == 3


async def test_a_period_without_requests_is_empty_and_whole(busy, tmp_path):
    result, out = await made(busy, tmp_path, "--from", "2026-01-01", "--to", "2026-01-31")

    assert result.exit_code == 0, result.output
    assert lines(out, "population.jsonl") == []
    assert checked(out).exit_code == 0


def test_every_missing_setting_is_named_at_once_and_none_of_slack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("ZUORA_BASE_URL", "ZUORA_CLIENT_ID", "ZUORA_CLIENT_SECRET")

    result = CliRunner().invoke(
        main,
        ["evidence", *PERIOD, "--out", "x.zip"],
        env={**dict.fromkeys(names), "AUDIT_KEY": "short"},
    )

    assert result.exit_code == 2
    for name in (*names, "AUDIT_KEY"):
        assert name in result.output
    assert "SLACK" not in result.output
    assert "short\n" not in result.output
