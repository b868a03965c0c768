"""What is left out of a package with `--redact` is bound all the same.

Nobody needs the key for these: no hash is made anew, so that true heads fit.
"""

import asyncio
import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.audit.evidence.mask import Mask
from bot.audit.rows import compact
from bot.cli import main
from bot.domain.history import OPEN, SEALED
from tests.audit.test_control import sealed as rehashed
from tests.audit.test_evidence import KEY, PERIOD, checked, lines, made, read
from tests.audit.test_for_people import light_of, sheets_of
from tests.audit.test_package import Forger, packed, status, story
from tests.audit.test_verify import KEY as ITS_KEY
from tests.audit.test_verify import Tampering
from tests.stage import ALICE, BOB, MARA


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return asyncio.run(packed(tmp_path_factory.mktemp("masked"), KEY, "--redact"))


@pytest.fixture
def package(whole, tmp_path):
    return Path(shutil.copy(whole[0], tmp_path / "out.zip"))


def rows_of(path):
    with zipfile.ZipFile(path) as archive:
        return [json.loads(line) for line in archive.read("history.jsonl").splitlines()]


def test_each_masked_row_has_its_own_hash_and_no_salt_of_what_is_left_out(whole, package):
    sequence, hashed = whole[1]
    result = status(package, KEY, f"{sequence}:{hashed}")
    masked = [row for row in rows_of(package) if row[-1]]

    assert result.exit_code == 0, result.output
    assert f"{len(masked)} of them masked in single fields" in result.output
    assert "without commitments" not in result.output
    assert {row[3] for row in masked} >= {"request.asked", "request.approved"}
    for row in masked:
        data = json.loads(row[6])
        assert data["sealed"]
        assert not data["sealed"].keys() & (data["salts"].keys() | OPEN)
    with zipfile.ZipFile(package) as archive:
        assert not [name for name in archive.namelist() if b"jane.doe" in archive.read(name)]


async def test_addresses_of_those_who_act_are_in_their_rows_and_masked_nowhere_but_with_redact(
    tmp_path, whole
):
    """Slack gives them for the scope of the manifest; the address of a person is no customer's, and masked all the same."""
    masked = whole[0]
    out, _ = await packed(tmp_path, KEY)
    there = {
        row[3]: json.loads(row[6])["person_email"]
        for row in rows_of(out) if "person_email" in json.loads(row[6])
    }  # fmt: skip

    assert there.keys() == {"request.asked", "request.approved", "request.rejected"}
    assert set(there.values()) <= {"alice@example.com", "bob@example.com", "carla@example.com"}
    assert "bob@example.com" in str(sheets_of(out)["Decisions"])
    with zipfile.ZipFile(masked) as archive:
        said = {name: archive.read(name) for name in archive.namelist()}
    assert not [
        name for name in said if any(each.encode() in said[name] for each in there.values())
    ]
    assert "@example.com" not in str(sheets_of(masked))
    assert "[address " in str(sheets_of(masked)["Decisions"])


def _who(row):
    row[4] = MARA


def _kind(row):
    row[3] = "request.withdrawn"


def _data(**change):
    def changed(row):
        row[6] = compact({**json.loads(row[6]), **change})

    return changed


def _as_before(row):
    """As a row of before is masked: without salts and commitments; and by somebody else."""
    data = json.loads(row[6])
    row[6] = compact(
        {name: value for name, value in data.items() if name not in {"salts", "sealed"}}
    )
    row[4] = MARA


def _of_what_is_open(row):
    """The true value goes where a commitment belongs, and another one is shown."""
    data = json.loads(row[6])
    data["sealed"]["members"] = data["members"]
    row[6] = compact({**data, "members": {"S0CONTROLLERS": [MARA]}})


def _commitment(row):
    data = json.loads(row[6])
    data["sealed"] = dict.fromkeys(data["sealed"], "0" * 64)
    row[6] = compact(data)


CHANGES = {
    "by somebody else": _who,
    "another kind": _kind,
    "another digest": _data(digest="0" * 64),
    "other members": _data(members={"S0CONTROLLERS": [MARA]}),
    "the last one missing": _data(missing=0),
    "what is open among what is sealed": _of_what_is_open,
    "another commitment": _commitment,
    "masked as before": _as_before,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_masked_row_that_is_changed_is_found(package, name):
    forger = Forger(package, KEY)
    sequence = forger.row("request.approved", CHANGES[name])
    result = status(forger.sealed(), KEY)
    assert result.exit_code == (19 if name == "masked as before" else 10), result.output
    assert f"Row {sequence} " in result.output


def test_what_the_bot_says_of_itself_is_never_masked(package):
    forger = Forger(package, KEY)

    def change(row):
        row[6], row[-1] = compact({**json.loads(row[6]), "host": "[name 1]"}), True

    sequence = forger.row("bot.started", change)
    result = status(forger.sealed(), KEY)
    assert result.exit_code == 10
    assert f"Row {sequence} " in result.output


def test_the_rule_of_a_masked_record_is_proven(package):
    forger = Forger(package, KEY)

    def change(packet):
        assert "record" in packet["masked"]
        rule = json.loads(packet["record"]["rule"])
        packet["record"]["rule"] = json.dumps(rule | {"approvers": ["S0CONTROLLERS", ALICE]})

    forger.request(1, change)
    result = status(forger.sealed(), KEY)
    assert result.exit_code == 19, result.output
    assert "the record is not what was asked for" in result.output


async def test_rows_of_before_are_masked_as_they_were_and_counted(tmp_path):
    """A history that was written by a version that kept no salts."""
    stage = await story(tmp_path, ITS_KEY)
    await stage.close()
    path = Path(shutil.copy(stage.settings().database_path, tmp_path / "before.db"))
    with Tampering(path) as connection:
        connection.execute(
            "UPDATE history SET data = json_remove(data, '$.salts', '$.sealed', '$.says', '$.plain')"
        )
        rehashed(connection)
    assert checked(path, key=ITS_KEY).exit_code == 0
    out = tmp_path / "before.zip"
    environment = {
        "DATABASE_URL": f"sqlite:///{path}", "AUDIT_KEY": ITS_KEY, "SLACK_BOT_TOKEN": None,
        "ZUORA_BASE_URL": "http://127.0.0.1:9", "ZUORA_CLIENT_ID": "a", "ZUORA_CLIENT_SECRET": "b",
    }  # fmt: skip
    arguments = ["evidence", *PERIOD, "--out", str(out), "--redact"]
    done = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
    assert done.exit_code == 26, done.output

    result = checked(out, key=ITS_KEY)

    masked = [row for row in rows_of(out) if row[-1]]
    assert result.exit_code == 0, result.output
    assert f"{len(masked)} of these without commitments: of them only the place" in result.output
    kept_less = "3 requests from R-1 on: an earlier version kept less of it"
    assert kept_less in result.output
    shade, words = light_of(out, "Control")
    assert (shade, kept_less in words) == ("not known", True)
    assert {row[3].split(".")[0] for row in masked} <= {each.rstrip(".") for each in SEALED}


LONG = "Gluon & Sons Wholesale of Rare Earths and Minerals, Trondheim"
"""A name that cards cut short."""


async def test_the_names_of_a_runs_customers_are_masked_also_where_a_card_cuts_them_short(tmp_path):
    stage = await story(tmp_path)
    try:
        world = stage.zuora.world
        world.add_account("A00000077", name=LONG)
        world.add_account("A00000078", name="Vanadium GmbH", email=None)
        documents = [("A00000077", "USD", "7.00"), ("A00000078", "USD", "1.00")]
        world.add_bill_run("BR-00000077", invoices=documents)
        ts = await stage.ask(text="BR-00000077")
        await stage.quiet()
        assert "Largest: Gluon &amp; Sons Wholesale of Rare Earths a…" in stage.card(ts)
        assert "no address (Vanadium GmbH (A00000078))" in stage.card(ts)
        assert LONG not in stage.card(ts)

        result, out = await made(stage, tmp_path, "--redact")
    finally:
        await stage.close()

    assert result.exit_code == 0, result.output
    with zipfile.ZipFile(out) as archive:
        texts = {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}
    found = {name for name, text in texts.items() if "Gluon" in text or "Vanadium" in text}
    assert not found
    assert "Gluon" not in str(sheets_of(out))
    assert checked(out).exit_code == 0


def test_a_name_that_is_a_number_masks_no_amount():
    mask = Mask()
    mask.learn([{"account_name": "7.00"}, {"customer_name": "2026"}, {"account_name": "Acme 7"}])

    said = mask.masked(
        {
            "account_name": "7.00",
            "amount": "7.00",
            "text": "USD 7.00 of Acme 7 in 2026",
            "year": "2026",
        }
    )

    assert said["account_name"].startswith("[name ")
    assert (said["amount"], said["year"]) == ("7.00", "2026")
    assert said["text"] == "USD 7.00 of [name 3] in 2026"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Buyer Gluon & Sons Whol… has no tax id", "Buyer [name 1]… has no tax id"),
        ("Buyer Gluon &amp; Sons W... has none", "Buyer [name 1]... has none"),
        ("of Gluon …", "of [name 1] …"),
        ("Wait a moment… Glu…", "Wait a moment… Glu…"),
        (f"of {LONG}, and more…", "of [name 1], and more…"),
        ("Polygluon…", "Polygluon…"),
    ],
)
def test_a_name_that_was_cut_short_is_masked_by_its_beginning(text, masked):
    mask = Mask()
    mask.learn({"largest": {"customer": LONG}})

    assert mask.masked(text) == masked


def test_the_number_of_an_account_without_a_name_stays():
    mask = Mask()
    mask.learn({"largest": {"customer": "A00000001"}, "nobody": ["A00000002", "Gluon (A00000003)"]})

    assert mask.masked({"customer": "A00000001", "nobody": ["A00000002", "Gluon (A00000003)"]}) == {
        "customer": "A00000001", "nobody": ["A00000002", "[name 1] (A00000003)"],
    }  # fmt: skip


def test_an_address_is_masked_whole_though_its_domain_is_a_name_too():
    mask = Mask()
    mask.learn({"mail_domain": "example.com"})

    assert mask.masked("to jane.doe@example.com of example.com") == "to [address 1] of [name 1]"


SPELLED = [
    ("for GLUON AND SONS only", "for [name 1] only"),
    ("gluon & sons wholesale of rare earths and minerals, trondheim", "[name 1]"),
    ("\uff27\uff4c\uff55\uff4f\uff4e &amp; Sons", "[name 1]"),
    ("Glu-on, and rare  earths", "[name 1], and [name 1]"),
    ("mueller's and MÜLLER", "[name 2]'s and [name 2]"),
    ("vanadium: USD 700.00 for 12 mails, R-12", "[name 3]: USD 700.00 for 12 mails, R-12"),
    ("Polygluon is another one, and so are gluons", "Polygluon is another one, and so are gluons"),
    ("blue and the run", "blue and the run"),
    ("The Blue Ocean", "[name 4]"),
    ("rare case, 7.00 in USD", "rare case, 7.00 in USD"),
]  # fmt: skip
NAMED = [LONG, "Müller GmbH & Co. KG", "Vanadium Ltd", "The Blue Ocean Company", "7.00", "USD Inc"]  # fmt: skip


@pytest.mark.parametrize(("typed", "masked"), SPELLED)
def test_a_name_that_somebody_typed_otherwise_is_masked_where_it_was_typed_and_shown(typed, masked):
    mask = Mask()
    mask.learn([*({"account_name": each} for each in NAMED), {"reason": typed}])

    assert mask.masked({"reason": typed}) == {"reason": masked}
    assert mask.masked(f"*Why:* {typed}") == f"*Why:* {masked}"
    assert mask.masked("Blue vanadium, not typed") == "Blue vanadium, not typed"


@pytest.mark.parametrize(
    ("name", "typed", "masked"),
    [
        ("DHL International GmbH", "for dhl only", "for [name 1] only"),
        ("The Boring Company", "boring, USD 7.00", "[name 1], USD 7.00"),
        ("INV Solutions Ltd", "INV-00000001", "INV-00000001"),
        ("USD Partners Ltd", "USD 7.00", "USD 7.00"),
        ("The Target Company", "target date", "target date"),
        ("The Blue Ocean Company", "blue", "blue"),
        ("Dhl International GmbH", "dhl", "dhl"),
    ],
)
def test_initials_and_what_stands_between_an_article_and_a_legal_form_are_a_name(
    name, typed, masked
):
    mask = Mask()
    mask.learn([{"account_name": name}, {"reason": typed}])

    assert mask.masked({"reason": typed}) == {"reason": masked}


def test_a_part_that_may_mean_two_names_has_a_mask_of_its_own():
    mask = Mask()
    names = [{"account_name": "Acme GmbH"}, {"account_name": "Acme Ltd"}]
    mask.learn([*names, {"note": "acme, so ACME LTD"}])

    assert mask.masked("acme, so ACME LTD") == "[name 3], so [name 2]"


@pytest.mark.parametrize("typed", ["for vanadium, and so on and so on", "vanadium"])
def test_what_was_typed_is_masked_also_where_a_card_cuts_it_short(typed):
    mask = Mask()
    mask.learn([{"account_name": "Vanadium Ltd"}, {"reason": typed}])
    shown = typed[:20]

    assert mask.masked(f"Why: {shown}…") == f"Why: {shown.replace('vanadium', '[name 1]')}…"


async def test_a_customer_typed_in_other_letters_stands_nowhere_in_a_masked_package(tmp_path):
    stage = await story(tmp_path, KEY)
    try:
        stage.zuora.world.add_account("A00000077", name="Gluon & Sons GmbH")
        stage.zuora.world.add_account("A00000078", name="Vanadium Ltd")
        documents = [("A00000077", "USD", "700.00"), ("A00000078", "USD", "1.00")]
        stage.zuora.world.add_bill_run("BR-00000077", invoices=documents)
        ts = await stage.ask(text="BR-00000077", reason="Only GLUON AND SONS, USD 700.00")
        await stage.reject(BOB, ts, "not for vanadium & mail to a@vanadium.example, glu-on neither")
        await stage.quiet()
        result, out = await made(stage, tmp_path, "--redact", key=KEY)
        (tmp_path / "plain").mkdir()
        plain, there = await made(stage, tmp_path / "plain", key=KEY)
    finally:
        await stage.close()

    assert (result.exit_code, plain.exit_code) == (0, 0), result.output
    assert status(out, KEY).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        texts = {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}
    texts["evidence.xlsx"] = str(sheets_of(out))
    words = "gluon", "glu-on", "vanadium"
    assert not {name for name, text in texts.items() if any(each in text.lower() for each in words)}
    (line,) = [each for each in lines(out, "population.jsonl") if each["subject"] == "BR-00000077"]
    assert re.fullmatch(r"Only \[name \d+\], USD 700\.00", line["reason"])
    said = json.loads(texts["manifest.json"])["masked"]
    assert said["other_spellings"] == 3
    assert said["names"] >= 2
    assert "also in other letters" in said["how"]
    assert "masked" not in read(there, "manifest.json")


@pytest.mark.parametrize(
    "said",
    [
        5,
        "as always",
        {"how": "as always"},
        {"how": 1, "names": "", "addresses": 1, "other_spellings": 1},
    ],
)
def test_a_manifest_that_does_not_say_how_it_was_masked_is_read_alike_by_both(package, said):
    """So are packages of versions that did not say it; nothing rests on it."""
    forger = Forger(package, KEY)
    forger.json("manifest.json", lambda manifest: manifest.update(masked=said))
    result = status(forger.sealed(), KEY)
    assert result.exit_code == 0, result.output
    assert "its manifest does not say how it was masked" in result.output
