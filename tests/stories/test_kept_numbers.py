"""A large request keeps its number while others ask; the history says so, and `verify` counts by it."""

import asyncio
import json
import sqlite3
import zipfile
from contextlib import closing

import pytest

from bot.domain.digest import canonical
from bot.domain.history import FIRST_HASH, What, bound, row_hash, row_text
from bot.store.errors import CouldNotRecordError
from bot.store.in_parts import PART
from bot.workflow import preparing
from bot.workflow.guard import look_for_others
from tests import isolated
from tests.audit.test_evidence import checked, lines, made
from tests.postgres import ON_POSTGRES
from tests.stage import MARA
from tests.stories.test_lists_in_files import card, csv, fill, invoices

MANY = PART + 10


@pytest.fixture
def held(monkeypatch):
    """What holds a large request up when everything is written and itself is not saved."""
    gate = asyncio.Event()

    async def waiting(*about):
        await gate.wait()
        await look_for_others(*about)

    monkeypatch.setattr(preparing, "look_for_others", waiting)
    return gate


def numbers_said(stage):
    return [
        (each.entry.what, each.entry.request or each.entry.data["number"])
        for each in stage.store.history.all()
        if each.entry.what in {What.ASKED, What.NUMBER_KEPT, What.NUMBER_DROPPED}
    ]


async def meanwhile(stage, held):
    """A large request, and while it is being written a small one by somebody else; the task of the first."""
    stage.slack.workspace.groups["S0BILLING"].members.append(MARA)
    numbers = invoices(stage, MANY)
    large = asyncio.create_task(fill(stage, csv(numbers)))
    await stage.slack.until(lambda: numbers_said(stage) == [(What.NUMBER_KEPT, 1)], 120)
    stage.zuora.world.add_bill_run("BR-00000008", invoices=[("A00000001", "USD", "7.00")])
    await stage.ask(text="BR-00000008", user=MARA)
    return large


async def everything(stage, folder):
    """Exit status and words of `verify` of the database and of a package, and of the package's own program."""
    await stage.quiet()
    result, out = await made(stage, folder)
    with zipfile.ZipFile(out) as archive:
        archive.extract("verify.py", folder)
    own = await asyncio.to_thread(isolated.run, folder / "verify.py", str(out))
    package = checked(out)
    found = [(result.exit_code, result.output), (package.exit_code, package.output)]
    if not ON_POSTGRES:
        database = checked(stage.settings().database_path)
        found.append((database.exit_code, database.output))
    return [*found, (own.returncode, own.stdout + own.stderr)], out


async def test_a_small_request_that_is_asked_while_a_large_one_is_written_is_no_gap(
    stage, held, tmp_path
):
    large = await meanwhile(stage, held)
    found, _ = await everything(stage, tmp_path)
    assert [code for code, _ in found] == [0] * len(found), found
    assert all("R-1, which row" in words for _, words in found[1:]), (
        found
    )  # it is open, and said to be

    held.set()
    await large
    await card(stage, 2)

    kept, small, asked = numbers_said(stage)
    assert (kept, small, asked) == ((What.NUMBER_KEPT, 1), (What.ASKED, 2), (What.ASKED, 1))
    found, out = await everything(stage, tmp_path)
    assert [code for code, _ in found] == [0] * len(found), found
    assert not any("R-1, which row" in words for _, words in found)
    assert [each["number"] for each in lines(out, "population.jsonl")] == [1, 2]
    await stage.restart()
    found, _ = await everything(stage, tmp_path)
    assert [code for code, _ in found] == [0] * len(found), found
    if not ON_POSTGRES:
        others = [
            forged(stage, tmp_path / f"other-{place}.db", change)
            for place, change in enumerate(OTHER_DOCUMENTS)
        ]
        words = "documents of R-1 are not those that it was asked for with"
        assert [words in checked(each).output for each in others] == [True] * len(others)


OTHER_DOCUMENTS = (
    "UPDATE facts_in_parts SET packed = (SELECT packed FROM facts_in_parts WHERE part = 1) WHERE part = 0",
    "UPDATE facts_in_parts SET packed = x'00' WHERE part = 0",
    "DELETE FROM facts_in_parts WHERE part = 1",
    "INSERT INTO facts_in_parts SELECT request, 2, packed FROM facts_in_parts WHERE part = 1",
    "UPDATE facts_in_parts SET request = 2, part = part + 1 WHERE request = 1",
)


def forged(stage, copy, change):
    """A copy of the database in which one statement was run past its rules."""
    with (
        closing(sqlite3.connect(stage.settings().database_path)) as source,
        closing(sqlite3.connect(copy)) as other,
        other,
    ):
        source.backup(other)
        triggers = other.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'facts_in_parts'"
        ).fetchall()
        for name, _ in triggers:
            other.execute(f"DROP TRIGGER {name}")
        other.execute(change)
        for _, sql in triggers:
            other.execute(sql)
    return copy


async def test_a_large_request_that_is_stopped_leaves_a_number_that_is_named(
    stage, held, tmp_path, monkeypatch
):
    large = await meanwhile(stage, held)

    def refuse(*_):
        raise CouldNotRecordError("disk full")

    monkeypatch.setattr("bot.workflow.ask.save", refuse)
    held.set()
    await large
    await stage.slack.until(lambda: len(numbers_said(stage)) == 3)
    monkeypatch.undo()
    stage.zuora.world.add_bill_run("BR-00000009", invoices=[("A00000001", "USD", "7.00")])
    await stage.ask(text="BR-00000009", user=MARA)

    assert numbers_said(stage)[2:] == [(What.NUMBER_DROPPED, 1), (What.ASKED, 3)]
    found, out = await everything(stage, tmp_path)
    assert [code for code, _ in found] == [0] * len(found), found
    assert all("R-1 was never asked for: it was not saved" in words for _, words in found[1:]), (
        found
    )
    assert [each["number"] for each in lines(out, "population.jsonl")] == [2, 3]


async def test_a_process_that_ends_meanwhile_leaves_a_number_that_is_named(stage, held, tmp_path):
    large = await meanwhile(stage, held)
    database = stage.store
    large.cancel()
    rows = [(each.entry.what, each.entry.data) for each in database.history.all()]
    assert rows[-1][0] is not What.NUMBER_DROPPED

    await stage.restart()
    held.set()

    assert numbers_said(stage) == [(What.NUMBER_KEPT, 1), (What.ASKED, 2), (What.NUMBER_DROPPED, 1)]
    found, _ = await everything(stage, tmp_path)
    assert [code for code, _ in found] == [0] * len(found), found
    assert all("R-1 was never asked for" in words for _, words in found[1:]), found


@pytest.mark.skipif(ON_POSTGRES, reason="the file is forged")
@pytest.mark.parametrize("how", ["a start", "hours", "young"])
async def test_a_deleted_request_is_not_taken_for_a_kept_number(stage, held, tmp_path, how):
    large = await meanwhile(stage, held)
    held.set()
    await large
    await card(stage, 2)
    if how == "a start":
        await stage.restart()
    if how == "hours":
        await stage.pass_time(hours=3)
        stage.zuora.world.add_bill_run("BR-00000009", invoices=[("A00000001", "USD", "7.00")])
        await stage.ask(text="BR-00000009", user=MARA)
    await stage.quiet()
    copy = tmp_path / "forged.db"
    with (
        closing(sqlite3.connect(stage.settings().database_path)) as source,
        closing(sqlite3.connect(copy)) as forged,
        forged,
    ):
        source.backup(forged)
        forget(forged, 1)

    result = checked(copy)

    expected = "R-1, which row"
    assert expected in result.output, result.output
    assert (result.exit_code == 21) is (how != "young"), result.output


def forget(database, number):
    """Take every trace of a request away, and make the chain anew: what somebody can do who has the file and no key is there."""
    triggers = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    tables = database.execute(
        "SELECT m.name, p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p "
        "WHERE m.type = 'table' AND p.name = 'request'"
    ).fetchall()
    for table, _ in tables:
        database.execute(f"DELETE FROM {table} WHERE request = ?", [number])  # noqa: S608 - names of the schema
    database.execute("DELETE FROM requests WHERE number = ?", [number])
    rows = database.execute(
        "SELECT at, request, what, who, team, data, sequence FROM history ORDER BY sequence"
    ).fetchall()
    moved = {row[-1]: sequence for sequence, row in enumerate(rows, start=1)}
    database.execute("DELETE FROM history")
    before = FIRST_HASH
    for sequence, (at, request, what, who, team, said, _) in enumerate(rows, start=1):
        data = json.loads(said)
        if "kept" in data:
            data["kept"] = moved[data["kept"]]
        text = canonical(data)
        hashed = row_hash(
            row_text(before, sequence, at, request, what, who, team, bound(text)), b""
        )
        database.execute(
            "INSERT INTO history (sequence, at, request, what, who, team, data, before, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [sequence, at, request, what, who, team, text, before, hashed],
        )
        before = hashed
    database.execute("UPDATE history_head SET sequence = ?, hash = ?", [len(rows), before])
    for _, sql in triggers:
        database.execute(sql)
    database.commit()
