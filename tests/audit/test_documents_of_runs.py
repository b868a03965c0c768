"""An auditor adds up the documents of a bill run that people approved, from the package alone."""

import hashlib
import json
import zipfile
import zlib
from collections import defaultdict
from decimal import Decimal

import pytest

from bot.audit.evidence.archive import readable
from bot.audit.rows import compact
from bot.cli.exits import NOT_READABLE
from tests.audit.test_by_the_format import CONTROL, performed
from tests.audit.test_evidence import checked, lines, made, packet_of, text_of
from tests.audit.test_for_people import sheets_of
from tests.audit.test_package import Forger, status
from tests.audit.test_verify import Tampering
from tests.stage import BOB

MANY = 501
"""More documents than are written together."""


@pytest.fixture
async def mailed(stage):
    """A run that was mailed, one that is to be canceled without documents, and one of many documents that was rejected."""
    world = stage.zuora.world
    world.add_bill_run(
        "BR-00000001",
        invoices=[("A00000001", "USD", "700.10"), ("A00000001", "USD", "-5.00")],
        credit_memos=[("A00000001", "EUR", "20.00")],
    )
    world.add_bill_run("BR-00000002", status="Completed")
    world.add_bill_run("BR-00000003", invoices=[("A00000001", "USD", "2.50")] * MANY)
    ts = await stage.ask(text="BR-00000001", reason="for jane.doe@example.com")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.ask_step("cancel_bill_run", "BR-00000002")
    await stage.reject(BOB, await stage.ask(text="BR-00000003"), "Not agreed")
    await stage.quiet()
    return stage


def sums(found):
    """Totals by request, kind and currency, those below zero apart."""
    totals = defaultdict[tuple[object, ...], Decimal](Decimal)
    for number, kind, _, currency, amount, *_ in found:
        totals[number, kind, currency, Decimal(amount) < 0] += Decimal(amount)
    return {(*of, str(total)) for (*of, _), total in totals.items()}


@pytest.mark.parametrize("options", [(), ("--redact",)], ids=["plain", "masked"])
async def test_the_documents_of_a_run_add_up_to_what_was_approved(mailed, tmp_path, options):
    _, out = await made(mailed, tmp_path, *options)

    found = lines(out, "documents.jsonl")

    assert sums(found) == {
        (1, "invoice", "USD", "700.1"), (1, "invoice", "USD", "-5"), (1, "credit_memo", "EUR", "20"),
        (3, "invoice", "USD", "1252.5"),
    }  # fmt: skip
    for number in (1, 2, 3):
        each = [compact(line[1:]) for line in found if line[0] == number]
        bound = packet_of(out, number)["history"][0]["data"]["bound"]["facts"]["each"]
        assert hashlib.sha256("\n".join(each).encode()).hexdigest() == bound
    assert status(out, "").exit_code == 0
    assert performed(out, "", CONTROL)[0] == 0


async def test_the_workbook_has_them_as_numbers(mailed, tmp_path):
    _, out = await made(mailed, tmp_path)

    headings, *rows = sheets_of(out)["Documents"]

    amounts = [row[headings.index("Amount")] for row in rows if row[0] == "R-1"]
    assert sorted(map(float, amounts)) == [-5, 20, 700.1]
    assert len(rows) == 3 + MANY


def _cheaper(found):
    found[0][4] = "1"


FORGERIES = {
    "another amount": (_cheaper, "the documents of its bill run are not those that were asked for"),
    "one is gone": (lambda found: found.pop(0), "are not those that were asked for"),
    "all are gone": (lambda found: found.clear(), "are not those that were asked for"),
    "one of no request": (lambda found: found.append([9, *found[0][1:]]), "is not what the rows give"),
    "another order": (lambda found: found.reverse(), "is not what the rows give"),
}  # fmt: skip


async def test_documents_that_are_not_those_that_were_approved_are_found(mailed, tmp_path):
    _, out = await made(mailed, tmp_path)
    for name, (change, words) in FORGERIES.items():
        forger, found = Forger(out, ""), lines(out, "documents.jsonl")
        change(found)
        forger.files["documents.jsonl"] = "".join(f"{compact(each)}\n" for each in found).encode()

        result = status(forger.sealed(), "")

        assert result.exit_code == 19, (name, result.output)
        assert words in result.output, name


async def test_totals_that_are_not_those_of_the_documents_are_found(mailed, tmp_path):
    """The record is bound by its hash; whoever rebuilds that too has to add up right."""
    _, out = await made(mailed, tmp_path)
    forger = Forger(out, "")

    def change(packet):
        facts = json.loads(packet["record"]["facts"])
        facts["documents"]["kinds"][0]["totals"][0][1] = "70000"
        packet["record"]["facts"] = json.dumps(facts)

    forger.request(1, change)
    result = status(forger.sealed(), "")
    assert result.exit_code == 19, result.output
    assert "have other totals than it shows" in result.output


@pytest.fixture
async def named(stage):
    """Two runs with a customer's name where nobody expects it: in an error, and in place of a currency."""
    world = stage.zuora.world
    world.add_account("A00000077", name="Gluon & Sons")
    world.add_invoice("A00000077", "USD", "120.50", number="INV00000077")
    for run in ("BR-00000001", "BR-00000002"):
        world.add_bill_run(run, invoices=[("A00000001", "USD", "7.00"), ("A00000001", "USD", "9")])
    in_runs = [each for each in world.invoices.values() if each.number != "INV00000077"]
    in_runs[0].says = {"eInvoiceErrorMessage": "Buyer Gluon & Sons has no tax id"}
    in_runs[2].says = {"currency": "Gluon & Sons"}
    for asked in ("BR-00000001", "BR-00000002", "INV00000077"):
        await stage.ask(text=asked)
    await stage.quiet()
    return stage


async def test_a_name_in_what_is_said_of_a_document_is_masked_and_its_totals_are_compared(
    named, tmp_path
):
    _, out = await made(named, tmp_path, "--redact")

    with zipfile.ZipFile(out) as archive:
        texts = {name: text_of(archive, name) for name in archive.namelist()}
    assert not [name for name, text in texts.items() if "Gluon" in text]
    assert texts["documents.jsonl"].count("[name ") >= 2
    assert status(out, "").exit_code == 0
    assert performed(out, "", CONTROL)[0] == 0
    forger, found = Forger(out, ""), lines(out, "documents.jsonl")
    _cheaper(found)
    forger.files["documents.jsonl"] = "".join(f"{compact(each)}\n" for each in found).encode()
    result = status(forger.sealed(), "")
    assert result.exit_code == 19, result.output
    assert "have other totals than it shows" in result.output
    assert "not those that were asked for" not in result.output


async def test_the_workbook_has_what_is_no_number_as_text(named, tmp_path):
    """Also where somebody who forges a package writes something else."""
    _, out = await made(named, tmp_path)
    for amount in ("seven", "nan", "1e999", "7"):
        forger, found = Forger(out, ""), lines(out, "documents.jsonl")
        found[0][4] = amount
        forger.files["documents.jsonl"] = "".join(f"{compact(each)}\n" for each in found).encode()
        forged = forger.sealed()
        made_again = tmp_path / amount
        made_again.mkdir()

        _, workbook = readable(forged, made_again)

        with zipfile.ZipFile(tmp_path / "again.zip", "w") as archive:
            archive.write(workbook, workbook.name)
        headings, *rows = sheets_of(tmp_path / "again.zip")["Documents"]
        assert rows[0][headings.index("Amount")] == amount
        currencies = [row[headings.index("Currency")] for row in rows]
        assert [each for each in currencies if each.startswith("not known: ")]
        assert not [each for each in currencies if "{" in each]


async def test_a_mask_in_a_package_without_masks_is_no_excuse(mailed, tmp_path):
    _, out = await made(mailed, tmp_path)
    forger, found = Forger(out, ""), lines(out, "documents.jsonl")
    found[0][5] = "[name 1]"
    forger.files["documents.jsonl"] = "".join(f"{compact(each)}\n" for each in found).encode()

    result = status(forger.sealed(), "")

    assert result.exit_code == 19, result.output
    assert "the documents of its bill run are not those that were asked for" in result.output


async def test_documents_that_are_changed_in_the_database_are_found(mailed):
    await mailed.stop()
    path, put_back = mailed.settings().database_path, mailed.keep_the_database()
    for change in (
        "UPDATE facts_in_parts SET packed = zeroblob(9) WHERE request = 1",
        "DELETE FROM facts_in_parts WHERE request = 3",
        "INSERT INTO facts_in_parts SELECT request, 1, packed FROM facts_in_parts WHERE request = 1",
    ):
        put_back()
        assert checked(path).exit_code == 0
        with Tampering(path) as connection:
            connection.execute(change)

        assert checked(path).exit_code == 19, change


async def found_by_all(stage, folder):
    """What is said of the database and of its package, in both of which something is not as the history has it; the package."""
    folder.mkdir()
    found = checked(stage.settings().database_path)
    result, out = await made(stage, folder)
    assert (found.exit_code, result.exit_code) == (19, 19), found.output + result.output
    packed = status(out, "")
    assert packed.exit_code == 19, packed.output
    return found.output, packed.output, out


NO_FACTS = [
    '{"kept":true}',
    '{"kept":true',
    '["kept",{"kept":true}]',
    '{"run":{"documents":7},"kept":true}',
    '{"apart":[',
    "[" * 100_000 + '"kept":true',
]
"""What somebody wrote over the facts of a run whose documents are stored beside it."""


async def test_facts_that_are_no_facts_are_found_in_the_database_and_in_its_package(
    mailed, tmp_path
):
    for number, facts in enumerate(NO_FACTS):
        with Tampering(mailed.settings().database_path) as connection:
            connection.execute("UPDATE requests SET facts = ? WHERE number = 1", [facts])

        said, packed, _ = await found_by_all(mailed, tmp_path / str(number))

        assert "The documents of R-1 are not those that it was asked for with" in said, facts[:99]
        assert "R-1 (row " in packed, facts[:99]


NO_DOCUMENTS = {
    "nothing packed": b"abc",
    "no text inside": zlib.compress(b"\xff\xfe"),
    "no JSON": zlib.compress(b"hello\nyou"),
    "an empty list": zlib.compress(b"[]"),
    "another list": zlib.compress(b'["hello"]'),
    "numbers": zlib.compress(b'["invoice","INV1","USD",1,"Posted",[]]'),
    "doubts that are none": zlib.compress(b'["invoice","INV1","USD","1","Posted",[7]]'),
    "another encoding": zlib.compress('["invoice","INV1","USD","1","Posted",[]]'.encode("utf-16")),
    "half a character": zlib.compress(b'["invoice","\\ud800","USD","1","Posted",[]]'),
    "no end": zlib.compress(b"[" * 100_000),
}


async def test_a_part_that_holds_no_documents_is_found_like_one_that_is_gone(mailed, tmp_path):
    for name, part in NO_DOCUMENTS.items():
        with Tampering(mailed.settings().database_path) as connection:
            connection.execute("UPDATE facts_in_parts SET packed = ? WHERE request = 1", [part])

        _, packed, out = await found_by_all(mailed, tmp_path / name)

        assert [line for line in lines(out, "documents.jsonl") if line[0] == 1] == [], name
        assert "the documents of its bill run are not those that were asked for" in packed, name


async def test_an_amount_that_is_no_number_is_found_and_shown_as_it_is(mailed, tmp_path):
    """The package is made all the same, because the operator's next step is to look into it."""
    with Tampering(mailed.settings().database_path) as connection:
        forged = zlib.compress(b'["invoice","INV1","USD","NaN","Posted",[]]')
        connection.execute("UPDATE facts_in_parts SET packed = ? WHERE request = 1", [forged])

    result, out = await made(mailed, tmp_path)

    assert result.exit_code == 19, result.output
    headings, *rows = sheets_of(out)["Documents"]
    assert [row[headings.index("Amount")] for row in rows if row[0] == "R-1"] == ["NaN"]
    assert status(out, "").exit_code == 19


@pytest.mark.parametrize("instead", ['{"kept":true', '{"kept":true}', "{}"])
async def test_a_package_is_not_masked_by_halves(mailed, tmp_path, instead):
    """Names that stand only in what was overwritten would stay in the cards, whether it can be read or not."""
    with Tampering(mailed.settings().database_path) as connection:
        connection.execute("UPDATE requests SET facts = ? WHERE number = 1", [instead])

    result, out = await made(mailed, tmp_path, "--redact")

    assert result.exit_code == NOT_READABLE
    assert "names cannot be masked, because R-1 " in result.output
    assert "without --redact" in result.output
    assert not out.exists()
