"""A row of the history that nobody can read is shown as damaged in a package, and keeps nothing else from being checked."""

import asyncio
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing

import pytest
from click.testing import CliRunner

from bot.audit.evidence import program
from bot.cli import main
from bot.cli.evidence import DAMAGED
from tests import isolated
from tests.audit.test_anchors import begun, key
from tests.postgres import only_sqlite
from tests.stage import BOB

pytestmark = only_sqlite
MINE = 27
DAMAGE = (
    {"data": "damaged"},
    {"data": "5"},
    {"data": '{"salts":{"a'},
    {"at": "yesterday"},
    {"at": ""},
    {"at": "2026-11-21"},
)
SECRET = "Customer A00000001"


@pytest.fixture
async def stopped(stage):
    """A database with a mail that went out and a request that waits, two hours later; the file, and a row of each kind."""
    await begun(stage, audit_signing_key=key(1))
    one, other = [*stage.zuora.world.invoices][:2]
    first = await stage.ask(text=one)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    await stage.ask(text=other)
    await stage.quiet()
    await stage.pass_time(hours=2)
    await stage.quiet()
    await stage.stop()
    with closing(sqlite3.connect(stage.file())) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = database.execute("SELECT what, MIN(sequence) FROM history GROUP BY what").fetchall()
    return stage.file(), dict(rows)


class Damaged:
    """Runs the commands on a copy of the database in which one row is damaged."""

    def __init__(self, file, folder, monkeypatch):
        self._file, self._folder, self._monkeypatch = file, folder, monkeypatch
        self._made = 0

    async def by(self, sequence, columns):
        """Damage a row of a new copy. The package, what `evidence` said, and the three statuses."""
        self._made += 1
        copied, made = self._folder / f"{self._made}.db", self._folder / f"{self._made}.zip"
        shutil.copy(self._file, copied)
        ((column, value),) = columns.items()
        with closing(sqlite3.connect(copied)) as database, database:
            ((trigger,),) = database.execute(
                "SELECT sql FROM sqlite_master WHERE name = 'history_is_never_changed'"
            )
            database.execute("DROP TRIGGER history_is_never_changed")
            database.execute(
                f"UPDATE history SET {column} = ? WHERE sequence = ?",  # noqa: S608 - own words
                [value, sequence],
            )
            database.execute(trigger)
        self._monkeypatch.setenv("DATABASE_URL", f"sqlite:///{copied}")
        self._monkeypatch.setenv("AUDIT_SIGNING_KEY", key(1).get_secret_value())
        checked = await self.run("verify")
        said = await self.evidence(made)
        of_it = await self.run("verify", str(made))
        return made, said, (checked.exit_code, said.exit_code, of_it.exit_code, alone(made))

    async def evidence(self, made, *more):
        days = ("--from", "2026-11-01", "--to", "2026-11-30", "--without-zuora")
        return await self.run("evidence", *days, "--out", str(made), *more)

    async def run(self, *words):
        return await asyncio.to_thread(CliRunner().invoke, main, [*words])


def alone(made):
    """The status that the package's own program gives."""
    script = made.with_name("verify.py")
    script.write_text(program.text())
    return isolated.run(script, str(made)).returncode


@pytest.fixture
def damaged(stopped, tmp_path, monkeypatch):
    return Damaged(stopped[0], tmp_path, monkeypatch)


async def test_evidence_is_made_over_a_damaged_row_of_any_kind_and_is_not_whole(damaged, stopped):
    for place, (what, sequence) in enumerate(sorted(stopped[1].items())):
        columns = DAMAGE[place % len(DAMAGE)]
        made, said, statuses = await damaged.by(sequence, columns)

        assert statuses == (MINE,) * 4, (what, columns, said.output)
        assert DAMAGED.format("1 row", "is", sequence, "it") in said.output
        with zipfile.ZipFile(made) as package:
            page = package.read("00-report.html").decode()
            (row,) = [each for each in lines(package, "history.jsonl") if each[0] == sequence]
        assert (
            f"1 row of this package is damaged, so nobody can read what was recorded there: {sequence}."
            in page
        )
        assert "The history is not whole" in page
        assert next(iter(columns.values())) in json.loads(row[6])["damaged"].values()


def lines(package, name):
    return [json.loads(each) for each in package.read(name).splitlines()]


@pytest.mark.parametrize("columns", DAMAGE, ids=str)
async def test_what_rests_on_a_damaged_row_is_not_compared_and_the_rest_is(
    damaged, stopped, columns
):
    made, _, statuses = await damaged.by(stopped[1]["request.approved"], columns)
    assert statuses == (MINE,) * 4

    with zipfile.ZipFile(made) as package:
        page = package.read("00-report.html").decode()
    words = "1 request from R-1 on: a row of it is damaged, so nothing of it is compared"
    assert (
        "The control held for the 2 requests of this package, as far as it could be compared"
        in page
    )
    assert words in page
    assert words in (await damaged.run("verify", str(made))).output

    changed = made.with_name("changed.zip")
    with zipfile.ZipFile(made) as package, zipfile.ZipFile(changed, "w") as other:
        for name in package.namelist():
            content = package.read(name)
            if name == "requests.jsonl":
                first, second = content.splitlines(keepends=True)
                content = first + second.replace(b"Month end", b"Month and")
            other.writestr(name, content)

    found = await damaged.run("verify", str(changed))
    assert "damaged: Row" in found.output
    assert "R-2" in found.output
    assert "R-1 (row" not in found.output


async def test_a_row_that_was_changed_is_edited_and_not_damaged(damaged, stopped):
    _, _, statuses = await damaged.by(stopped[1]["request.approved"], {"data": '{"a":[1]}'})

    assert statuses == (10,) * 4


async def test_what_stands_in_a_damaged_row_is_hidden_where_names_are_masked(
    damaged, stopped, tmp_path
):
    await damaged.by(stopped[1]["call.sent"], {"data": f"[{SECRET}"})

    said = await damaged.evidence(tmp_path / "masked.zip", "--redact")

    assert said.exit_code == MINE, said.output
    assert alone(tmp_path / "masked.zip") == MINE
    with zipfile.ZipFile(tmp_path / "masked.zip") as package:
        for name in package.namelist():
            if name.endswith((".jsonl", ".json", ".html")):
                assert f"[{SECRET}" not in package.read(name).decode(), name


async def test_the_next_package_goes_on_after_one_with_a_damaged_row(damaged, stopped, tmp_path):
    made, _, _ = await damaged.by(stopped[1]["call.answered"], {"data": "damaged"})
    after = tmp_path / "after.zip"
    words = ["--from", "2026-12-01", "--to", "2026-12-31", "--without-zuora"]

    said = await damaged.run("evidence", *words, "--after", str(made), "--out", str(after))

    assert after.exists(), said.output
    found = await damaged.run("verify", str(after), "--before", str(made))
    assert found.exit_code in (0, MINE), found.output


async def test_a_package_with_a_request_that_cannot_be_read_is_checked(damaged, stopped, tmp_path):
    await damaged.by(stopped[1]["call.answered"], {"data": "damaged"})
    with closing(sqlite3.connect(tmp_path / "1.db")) as database, database:
        database.execute("DROP TRIGGER requests_keep_what_was_asked")
        database.execute("UPDATE requests SET body = 'damaged' WHERE number = 2")

    await damaged.evidence(tmp_path / "other.zip")

    found = await damaged.run("verify", str(tmp_path / "other.zip"))
    assert found.exit_code == MINE, found.output
    assert "R-2 (row" in found.output
    assert "the record cannot be read" in found.output
    assert alone(tmp_path / "other.zip") == MINE
