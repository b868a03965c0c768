"""Heads are signed, and left where people who can write the database cannot change them.

`openssl ts` plays the authority for time stamps on loopback, and verifies what it stamped.
"""

import asyncio
import base64
import hashlib
import json
import shutil
import subprocess
import zipfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from bot.audit import rows as plain
from bot.audit import standalone
from bot.audit.along import SignedHeads
from bot.domain.history import What
from bot.metrics import HEADS_NOT_LEFT
from bot.settings import Settings
from bot.store.errors import StoreError
from tests.audit.test_evidence import checked, entries, lines, made, read
from tests.audit.test_package import Forger, status
from tests.audit.test_package import rebuilt as rebuilt_package
from tests.audit.test_verify import Tampering, rehash
from tests.stage import BOB

OPENSSL = shutil.which("openssl") or "openssl"
CONFIGURATION = """
[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
[stamp]
extendedKeyUsage = critical,timeStamping
[root]
basicConstraints = critical,CA:true
[req]
distinguished_name = name
[name]
"""


def key(number):
    signer = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    der = signer.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return SecretStr(base64.b64encode(der).decode())


def openssl(folder, *words):
    done = subprocess.run(  # noqa: S603 - our own words
        [OPENSSL, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def authority_files(tmp_path_factory):
    """A root and a certificate for stamping."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "ts.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    new = ("-newkey", "rsa:2048", "-nodes", "-config", "ts.cnf")
    openssl(
        folder, "req", "-x509", *new, "-subj", "/CN=Root", "-keyout", "root.key", "-out", "root.pem",
        "-days", "9000", "-extensions", "root",
    )  # fmt: skip
    openssl(folder, "req", *new, "-subj", "/CN=Stamps", "-keyout", "tsa.key", "-out", "tsa.csr")
    openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "9000",
        "-CAcreateserial", "-extfile", "ts.cnf", "-extensions", "stamp", "-out", "tsa.pem",
    )  # fmt: skip
    return folder


@asynccontextmanager
async def authority(folder, answers=None):
    """The address of an authority; `answers` counts, and holds what is to be answered instead."""

    async def stamped(request):
        answers.append(request.path) if answers is not None else None
        (folder / "query.tsq").write_bytes(await request.read())
        if answers and answers[0] == "fail":
            return web.Response(status=503)
        await asyncio.to_thread(
            openssl, folder, "ts", "-reply", "-config", "ts.cnf", "-section", "tsa", "-queryfile", "query.tsq",
            "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "answer.tsr",
        )  # fmt: skip
        return web.Response(
            body=(folder / "answer.tsr").read_bytes(), content_type="application/timestamp-reply"
        )

    app = web.Application()
    app.router.add_post("/tsr", stamped)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/tsr"
    finally:
        await runner.cleanup()


def rebuilt(connection):
    """Rebuild the chain, heads and all, as somebody does who has neither a signing key nor an authority."""
    rows = connection.execute(
        "SELECT sequence, data FROM history WHERE what IN ('audit.head', 'audit.anchored') ORDER BY sequence"
    ).fetchall()
    rehash(connection, 1)
    for sequence, text in rows:
        data = json.loads(text)
        (data["hash"],) = connection.execute(
            "SELECT hash FROM history WHERE sequence = ?", [data["sequence"]]
        ).fetchone()
        changed = [plain.compact(data), sequence]
        connection.execute("UPDATE history SET data = ? WHERE sequence = ?", changed)
        rehash(connection, 1)
    connection.execute(
        "UPDATE history_head SET (sequence, hash) = "
        "(SELECT sequence, hash FROM history ORDER BY sequence DESC LIMIT 1)"
    )


def of(stage, what):
    return [each for each in stage.store.history.all() if each.entry.what is what]


async def begun(stage, **changes):
    """Start the bot anew, and return once it has a head and Slack has taken or refused what is said of it."""
    stage.changes |= changes
    await stage.restart()
    await stage.until(lambda: of(stage, What.HEAD))
    await stage.quiet()


async def test_a_head_is_signed_and_an_auditor_checks_it_without_a_secret(stage, tmp_path):
    await begun(stage, audit_signing_key=key(1))
    (begins,) = of(stage, What.SIGNING_KEY)
    (head,) = of(stage, What.HEAD)
    text = f"billing-bot head {head.entry.data['sequence']}:{head.entry.data['hash']}"
    assert plain.signed(begins.entry.data["public"], text, head.entry.data["signature"])

    _, out = await made(stage, tmp_path)

    (row,) = [each for each in entries(out, "heads.jsonl") if each["what"] == What.SIGNING_KEY]
    assert row["data"]["public"] == begins.entry.data["public"]
    assert read(out, "chain.json")["signing_key"] == [0, ""]
    result = checked(out)
    assert result.exit_code == 0, result.output
    assert begins.entry.data["public"] in result.output


async def test_a_package_is_signed_as_heads_are_and_who_holds_only_its_seal_changes_nothing_in_it(
    stage, tmp_path
):
    """What Zuora and Slack showed is in no row: the signature alone protects it."""
    await begun(stage, audit_signing_key=key(1))
    public = of(stage, What.SIGNING_KEY)[0].entry.data["public"]

    _, out = await made(stage, tmp_path)

    manifest = manifest_of(out)
    assert read(out, "manifest.json")["signature"]["public"] == public
    assert status(out, "", public, manifest).exit_code == 0
    forger = Forger(out, "")
    forger.json("manifest.json", lambda found: found["signature"].update(public="ab" * 32))
    assert status(forger.sealed(), "").exit_code == 25, "another name for the right key"
    forger = Forger(out, "")
    forger.json("slack.json", lambda found: found.update(why="an outage"))
    assert "The manifest is not signed with the key" in status(forger.sealed(), "").output
    assert checked(forger.path).exit_code == 25
    forger.json("manifest.json", lambda found: found.update(signature=None))
    assert status(forger.sealed(), "").exit_code == 24
    assert status(forger.path, "", manifest).exit_code == 18, "it was noted when it was made"

    keyless = rebuilt_package(out, "", change=_without_key)
    assert "is a head that is not signed with the key in force" in status(keyless, "").output
    forgery = rebuilt_package(out, "", change=_unsigned)
    manifest = json.loads(Forger(forgery, "").files["manifest.json"]) | {"signature": None}
    forger = Forger(forgery, "")
    forger.files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(forger.sealed()) as forged:
        found = {each.flaw for each in standalone.checked(forged, b"", [])}
    assert found == {"note"}, "nothing in it says that heads were signed"
    result = status(forger.path, "", public)
    assert (result.exit_code, public in result.output) == (18, True), "the auditor knows the key"


async def test_a_package_that_is_made_without_the_signing_key_needs_its_hash_or_the_next_one(
    stage, tmp_path
):
    await begun(stage, audit_signing_key=key(1))

    result, out = await made(stage, tmp_path, signing=False)

    assert "The package is not signed: heads are signed from row" in result.output
    assert f"Manifest's SHA-256: {manifest_of(out)}" in result.output
    assert status(out, "").exit_code == 24
    assert status(out, "", manifest_of(out)).exit_code == 0
    first = out.rename(tmp_path / "first.zip")
    _, following = await made(stage, tmp_path, "--after", str(first))
    assert status(first, "", str(following)).exit_code == 0


async def test_a_key_that_was_begun_after_the_period_signs_its_package(stage, tmp_path):
    await begun(stage, audit_signing_key=key(1))
    stage.clock.advance(days=1)
    await begun(stage, audit_signing_key=key(2), audit_signing_key_before=key(1))
    path, public = (
        stage.settings().database_path,
        of(stage, What.SIGNING_KEY)[1].entry.data["public"],
    )

    _, out = await made(stage, tmp_path, "--to", "2026-11-21")

    assert [each["data"]["public"] for each in entries(out, "standing.jsonl")][-1] == public
    result = status(out, "", public)
    assert result.exit_code == 0, result.output
    assert checked(path, "--known", public).exit_code == 0
    other = checked(path, "--known", "ab" * 32)
    assert (other.exit_code, "No row begins the signing key" in other.output) == (18, True)
    assert checked(path, "--known", "a key").exit_code == 2


def manifest_of(package):
    with zipfile.ZipFile(package) as archive:
        return hashlib.sha256(archive.read("manifest.json")).hexdigest()


def _without_key(row):
    """Put something else in the place of a key."""
    return row._replace(what="audit.other", data="{}") if row.what == What.SIGNING_KEY else row


def _unsigned(row):
    """Put something else in the place of a key and of what it signed."""
    is_of_it = row.what in {What.SIGNING_KEY, What.HEAD}
    return row._replace(what="audit.other", data="{}") if is_of_it else row


async def test_a_head_that_is_signed_by_somebody_else_is_found(stage, tmp_path):
    await begun(stage, audit_signing_key=key(1))
    await stage.stop()
    path = Path(shutil.copy(stage.settings().database_path, tmp_path / "copy.db"))
    with Tampering(path) as tampering:
        ((sequence, data),) = tampering.execute(
            "SELECT sequence, data FROM history WHERE what = 'audit.head'"
        ).fetchall()
        changed = {**json.loads(data), "signature": "ab" * 64}
        tampering.execute(
            "UPDATE history SET data = ? WHERE sequence = ?",
            [plain.compact(changed), sequence],
        )
        rebuilt(tampering)

    result = checked(path)

    assert result.exit_code == 25, result.output
    assert f"Row {sequence} is a head that is not signed" in result.output


async def test_keys_rotate_as_rows_and_the_one_before_endorses_the_new_one(stage, tmp_path):
    await begun(stage, audit_signing_key=key(1))
    await begun(stage, audit_signing_key=key(2), audit_signing_key_before=key(1))
    stage.clock.advance(hours=1)
    await stage.until(lambda: len(of(stage, What.HEAD)) == 2)
    await begun(stage, audit_signing_key=key(3))

    first, second, third = (each.entry.data for each in of(stage, What.SIGNING_KEY))

    assert second["before"] == first["public"]
    said = f"billing-bot signing key {second['public']}"
    assert plain.signed(first["public"], said, second["endorsed"])
    assert third["endorsed"] == ""
    _, out = await made(stage, tmp_path)
    result = checked(out)
    assert result.exit_code == 24, result.output
    begins = of(stage, What.SIGNING_KEY)[2]
    words = f"Row {begins.sequence} begins the signing key {third['public']}, which the one before"
    assert words in result.output
    head = f"{stage.store.history.last().sequence}:{stage.store.history.last().hash}"
    for path in (out, stage.settings().database_path):
        assert checked(path).exit_code == 24
        assert checked(path, "--head", head).exit_code == 0, "a head from elsewhere binds the row"

    for garbage in ("ab" * 64, "no endorsement"):
        forged = rebuilt_package(out, "", change=_endorsed(second["public"], garbage))
        words = f"Row {of(stage, What.SIGNING_KEY)[1].sequence} begins a signing key that the one before it does not endorse."
        assert words in status(forged, "").output
        heads = SignedHeads("")
        rows = [plain.FileRow(*each) for each in lines(forged, "history.jsonl")]
        found = [each for row in rows for each in heads.note(row)]
        assert words in [each.words for each in found], "and in verify.py"


def _endorsed(public, signature):
    """Change the row that begins a signing key: the key before endorses it with this."""

    def change(row):
        data = json.loads(row.data)
        is_it = row.what == What.SIGNING_KEY and data["public"] == public
        changed = plain.compact(data | {"endorsed": signature})
        return row._replace(data=changed) if is_it else row

    return change


async def test_heads_that_were_signed_do_not_go_on_unsigned(stage):
    await begun(stage, audit_signing_key=key(1))
    await stage.stop()
    stage.changes["audit_signing_key"] = SecretStr("")

    with pytest.raises(StoreError, match="AUDIT_SIGNING_KEY is not set"):
        await stage.start()


async def test_a_head_in_each_hour_in_which_something_happened(stage, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    await begun(stage, anchor_folder=str(folder))
    await stage.until(lambda: of(stage, What.ANCHORED))
    await stage.pass_time(hours=5)
    await stage.quiet()
    assert len(of(stage, What.HEAD)) == 1  # nothing happened

    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.pass_time(minutes=1)
    await stage.until(lambda: len(of(stage, What.ANCHORED)) == 2)

    first, second = sorted(folder.iterdir())
    assert second.stat().st_mode & 0o777 == 0o444
    listed = tmp_path / "heads.txt"
    listed.write_text(first.read_text() + second.read_text())
    result = checked(stage.settings().database_path, "--heads", str(listed))
    assert result.exit_code == 0, result.output
    assert checked(stage.settings().database_path, "--heads", str(folder)).exit_code == 0
    _, out = await made(stage, tmp_path)
    both = status(out, "", str(folder))
    assert both.exit_code == 0, both.output
    assert "no signing key was in force, so heads (2) are not signed" in both.output


async def test_after_so_many_rows_a_head_follows_within_the_hour(stage, tmp_path):
    await begun(stage, anchor_folder=str(tmp_path), anchor_rows=5)

    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.pass_time(minutes=1)

    await stage.until(lambda: len(of(stage, What.HEAD)) == 2)


async def test_what_is_rebuilt_without_a_trace_is_shown_by_any_anchor(stage, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    stage.changes["anchor_folder"] = str(kept)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.restart()
    await stage.until(lambda: of(stage, What.ANCHORED))
    await stage.stop()
    path = Path(shutil.copy(stage.settings().database_path, tmp_path / "copy.db"))
    with Tampering(path) as tampering:
        for table, column in (
            ("approvals", "person"),
            ("requests", "decided_by"),
            ("history", "who"),
        ):
            tampering.execute(f"UPDATE {table} SET {column} = 'U0CARLA' WHERE {column} = 'U0BOB'")  # noqa: S608
        rebuilt(tampering)

    alone, anchored = checked(path), checked(path, "--heads", str(kept))

    assert alone.exit_code == 0, alone.output
    assert "no head from elsewhere was compared" in alone.output
    assert anchored.exit_code == 18, anchored.output

    stage.address = f"sqlite:///{path}"
    _, out = await made(stage, tmp_path)
    assert checked(out).exit_code == 0, checked(out).output
    assert checked(out, "--heads", str(kept)).exit_code == 18


async def test_an_authority_stamps_a_head_and_openssl_verifies_it(stage, tmp_path, authority_files):
    async with authority(authority_files) as address:
        await begun(stage, timestamp_url=address)
        await stage.until(lambda: of(stage, What.ANCHORED))
    data = of(stage, What.ANCHORED)[0].entry.data
    (tmp_path / "head.txt").write_text(f"billing-bot head {data['sequence']}:{data['hash']}")
    (tmp_path / "head.tsr").write_bytes(base64.b64decode(data["token"]))
    root = authority_files / "root.pem"

    verify = ("ts", "-verify", "-data", "head.txt", "-in", "head.tsr", "-CAfile", str(root))

    assert await asyncio.to_thread(openssl, tmp_path, *verify)
    _, out = await made(stage, tmp_path)
    for path in (out, stage.settings().database_path):
        result = checked(path, "--authority", str(root))
        assert result.exit_code == 0, result.output
        assert "1 time stamp of" in result.output
    assert entries(out, "heads.jsonl")[-1]["what"] == "audit.anchored"


async def test_a_stamp_by_another_authority_or_of_another_head_is_found(
    stage, tmp_path, authority_files
):
    async with authority(authority_files) as address:
        await begun(stage, timestamp_url=address)
        await stage.until(lambda: of(stage, What.ANCHORED))
    await stage.stop()
    path = Path(shutil.copy(stage.settings().database_path, tmp_path / "copy.db"))
    openssl(
        tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Other", "-keyout", "k.pem",
        "-out", "other.pem",
    )  # fmt: skip
    assert checked(path, "--authority", str(tmp_path / "other.pem")).exit_code == 25

    with Tampering(path) as tampering:
        tampering.execute("UPDATE history SET team = 'T0X' WHERE sequence = 1")
        rebuilt(tampering)
    result = checked(path)
    assert result.exit_code == 25, result.output
    assert "has a time stamp of another text" in result.output


@pytest.mark.parametrize("what", ["stamp", "signature", "left"])
async def test_heads_keys_and_stamps_of_a_package_are_checked_by_both(
    stage, tmp_path, authority_files, what
):
    """The rows are changed and the package made anew around them, as somebody can without a key."""
    async with authority(authority_files) as address:
        await begun(stage, audit_signing_key=key(1), timestamp_url=address)
        await stage.until(lambda: of(stage, What.ANCHORED))
    _, out = await made(stage, tmp_path)
    assert status(out, "").exit_code == 0
    kind = {"stamp": What.ANCHORED, "left": What.ANCHORED, "signature": What.HEAD}.get(what)

    def change(row):
        data = json.loads(row.data)
        if row.what == kind:
            other = plain.hashed("another text")
            data |= {
                "stamp": {"token": base64.b64encode(b"another one").decode()},
                "left": {"hash": other},
                "signature": {"signature": "ab" * 64},
            }[what]
        return row._replace(data=plain.compact(data))

    result = status(rebuilt_package(out, "", change=change), "")
    assert result.exit_code == (18 if what == "left" else 25), result.output


async def test_an_authority_that_fails_is_asked_again_and_what_is_wrong_is_said(
    stage, authority_files, caplog
):
    answers = ["fail"]
    async with authority(authority_files, answers) as address:
        await begun(stage, timestamp_url=address)
        await stage.until(lambda: "no time stamp" in caplog.text)
        answers[0] = "work"
        await stage.pass_time(minutes=1)
        await stage.until(lambda: of(stage, What.ANCHORED))
        await stage.until(lambda: HEADS_NOT_LEFT._value.get() == 0)


async def test_none_configured_is_said_at_each_start(stage, caplog):
    caplog.set_level("INFO")
    await stage.restart()

    assert "no_anchor: Nothing outside the database holds" in caplog.text
    assert stage.settings().not_anchored
    assert not stage.settings().model_copy(update={"anchor_folder": "/kept"}).not_anchored


async def test_days_without_a_head_are_listed(stage, tmp_path):
    await begun(stage, anchor_folder=str(tmp_path))
    await stage.until(lambda: of(stage, What.ANCHORED))
    await stage.pass_time(days=1)
    await stage.ask()
    await stage.pass_time(minutes=2)
    await stage.until(lambda: len(of(stage, What.ANCHORED)) == 2)
    first, _ = sorted(tmp_path.glob("head-*"))
    _, out = await made(stage, tmp_path)

    for path in (stage.settings().database_path, out):
        result = checked(path, "--heads", str(first))
        assert result.exit_code == 0, result.output
        assert f"no head was noted of 1 of 2 days: {stage.clock.now().date()}" in result.output
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("no head at all")
    assert checked(out, "--heads", str(nothing)).exit_code == 3


@pytest.mark.parametrize("text", ["no key", "AAAA", base64.b64encode(b"x" * 48).decode()])
def test_a_key_that_signs_nothing_is_named_at_the_start(text):
    with pytest.raises(ValueError, match="openssl genpkey"):
        Settings.model_validate({"audit_signing_key": text})
