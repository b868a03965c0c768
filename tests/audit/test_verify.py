"""Every manipulation of a real database file is found, each with its own exit status."""

import asyncio
import hashlib
import hmac
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bot.audit.diagnosis import text_of
from bot.cli import main
from bot.domain.history import FIRST_HASH, Row
from bot.store.engine import is_postgres
from bot.store.store import Store
from tests.patient import LONGEST
from tests.processes import ENVIRONMENT
from tests.stage import BOB, CHANNEL, MARA, START, Stage

KEY = "k" * 40
KEYS = pytest.mark.parametrize("key", ["", KEY], ids=["without a key", "with a key"])
GUARDS = re.compile("^(history|requests|approvals|meta)_")


async def story(folder, key):
    """A history as the bot makes it: a refusal, an approval, calls, a rejection, a last refusal."""
    stage = Stage(folder, "run")
    stage.changes = {"audit_key": SecretStr(key)}
    await stage.open()
    for number in (1, 2):
        stage.zuora.world.add_bill_run(
            f"BR-0000000{number}", invoices=[(f"A0000000{number}", "USD", "100.00")]
        )
    try:
        await stage.start()
        ts = await stage.ask()
        await stage.press(MARA, ts)
        await stage.pass_time(minutes=1)
        await stage.press(BOB, ts)
        await stage.until_card(ts, "Accepted by Zuora")
        await stage.pass_time(minutes=1)
        second = await stage.ask(text="BR-00000002")
        await stage.pass_time(minutes=1)
        await stage.reject(BOB, second, "Not agreed")
        await stage.pass_time(minutes=1)
        await stage.slack.slash(MARA, CHANNEL, "/billemail BR-00000002")
        await stage.quiet()
        return stage.settings().database_path
    finally:
        await stage.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The two histories, made once."""
    return {key: asyncio.run(story(tmp_path_factory.mktemp("story"), key)) for key in ("", KEY)}


@pytest.fixture
def path(made, key, tmp_path):
    return Path(shutil.copy(made[key], tmp_path / "copy.db"))


@pytest.fixture
def key():
    return ""


def checked(path, *options, key=""):
    named, url = ([], str(path)) if is_postgres(path) else ([str(path)], None)
    result = CliRunner().invoke(
        main, ["verify", *options, *named], env={"AUDIT_KEY": key, "DATABASE_URL": url}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


class Tampering:
    """The file as somebody has it who goes round the program and puts the triggers back."""

    def __init__(self, path):
        self._connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self):
        self._triggers = self._connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in self._triggers:
            self._connection.execute(f"DROP TRIGGER {name}")
        return self._connection

    def __exit__(self, *_):
        for _, sql in self._triggers:
            self._connection.execute(sql)
        self._connection.close()


def last_of(connection):
    return connection.execute("SELECT MAX(sequence) FROM history").fetchone()[0]


def renumber(connection, start, steps):
    """Move every row from `start` on; two moves, since no two rows may share a number."""
    connection.execute(
        "UPDATE history SET sequence = -(sequence + ?) WHERE sequence >= ?", [steps, start]
    )
    connection.execute("UPDATE history SET sequence = -sequence WHERE sequence < 0")


def put_in(connection, sequence, *, before, hashed="f" * 64):
    connection.execute(
        "INSERT INTO history SELECT ?, at, NULL, 'refused', 'U0X', team, '{}', ?, ? "
        "FROM history WHERE sequence = 1",
        [sequence, before, hashed],
    )


def hash_of(connection, sequence):
    found = connection.execute("SELECT hash FROM history WHERE sequence = ?", [sequence]).fetchone()
    return found[0] if found else FIRST_HASH


def rehash(connection, start, key=b""):
    """Compute every hash anew from a row on, as its own author would."""
    before = hash_of(connection, start - 1)
    rows = connection.execute(
        "SELECT sequence, at, request, what, who, team, data FROM history WHERE sequence >= ? "
        "ORDER BY sequence",
        [start],
    ).fetchall()
    for row in rows:
        text = text_of(Row._make([*row, before, ""])).encode()
        hashed = (hmac.new(key, text, hashlib.sha256) if key else hashlib.sha256(text)).hexdigest()
        connection.execute(
            "UPDATE history SET before = ?, hash = ? WHERE sequence = ?", [before, hashed, row[0]]
        )
        before = hashed
    connection.execute("UPDATE history_head SET sequence = ?, hash = ?", [row[0], before])


def edit(connection):
    connection.execute("UPDATE history SET who = 'U0CARLA' WHERE what = 'request.approved'")
    return row_of(connection, "request.approved")


def row_of(connection, what):
    return connection.execute(
        "SELECT MIN(sequence) FROM history WHERE what = ?", [what]
    ).fetchone()[0]


def edit_with_its_hash(connection):
    row = edit(connection)
    last = last_of(connection)
    kept = connection.execute(
        "SELECT sequence, before, hash FROM history WHERE sequence > ?", [row]
    ).fetchall()
    head = connection.execute("SELECT sequence, hash FROM history_head").fetchone()
    rehash(connection, row)
    for sequence, before, hashed in kept:
        connection.execute(
            "UPDATE history SET before = ?, hash = ? WHERE sequence = ?", [before, hashed, sequence]
        )
    connection.execute("UPDATE history_head SET sequence = ?, hash = ?", head)
    assert last_of(connection) == last
    return row


def edit_the_time(connection):
    connection.execute("UPDATE history SET at = '2026-11-20' || substr(at, 11) WHERE sequence = 4")
    return 4


def edit_the_data(connection):
    row = row_of(connection, "request.rejected")
    connection.execute(
        "UPDATE history SET data = json_set(data, '$.reason', 'Agreed') WHERE sequence = ?", [row]
    )
    return row


def edit_the_last(connection):
    row = last_of(connection)
    connection.execute("UPDATE history SET who = 'U0Y' WHERE sequence = ?", [row])
    return row


def delete_one(connection):
    connection.execute("DELETE FROM history WHERE sequence = 5")
    return 5


def delete_three(connection):
    connection.execute("DELETE FROM history WHERE sequence BETWEEN 4 AND 6")
    return 4


def delete_the_first(connection):
    connection.execute("DELETE FROM history WHERE sequence < 4")
    return 1


def delete_and_renumber(connection):
    connection.execute("DELETE FROM history WHERE sequence = 5")
    renumber(connection, 6, -1)
    return 5


def delete_renumber_and_link(connection):
    delete_and_renumber(connection)
    connection.execute("UPDATE history SET before = ? WHERE sequence = 5", [hash_of(connection, 4)])
    return 5


def insert_and_renumber(connection):
    renumber(connection, 6, 1)
    put_in(connection, 6, before=hash_of(connection, 5))
    return 6


def insert_with_a_right_hash(connection):
    renumber(connection, 6, 1)
    before = hash_of(connection, 5)
    put_in(connection, 6, before=before)
    row = connection.execute(
        "SELECT sequence, at, request, what, who, team, data FROM history WHERE sequence = 6"
    ).fetchone()
    text = text_of(Row._make([*row, before, ""])).encode()
    connection.execute(
        "UPDATE history SET hash = ? WHERE sequence = 6", [hashlib.sha256(text).hexdigest()]
    )
    return 6


def insert_renumber_and_link(connection):
    insert_and_renumber(connection)
    connection.execute("UPDATE history SET before = ? WHERE sequence = 7", ["f" * 64])
    return 6


def insert_before_the_first(connection):
    put_in(connection, 0, before=FIRST_HASH)
    return 0


def insert_far_behind(connection):
    last = last_of(connection)
    put_in(connection, last + 50, before=hash_of(connection, last))
    return last + 50


def exchange_numbers(connection):
    connection.execute("UPDATE history SET sequence = -5 WHERE sequence = 5")
    connection.execute("UPDATE history SET sequence = 5 WHERE sequence = 6")
    connection.execute("UPDATE history SET sequence = 6 WHERE sequence = -5")
    return 5


def exchange_contents(connection):
    rows = {
        row: connection.execute(
            "SELECT at, request, what, who, team, data FROM history WHERE sequence = ?", [row]
        ).fetchone()
        for row in (5, 8)
    }
    for row, other in ((5, 8), (8, 5)):
        connection.execute(
            "UPDATE history SET (at, request, what, who, team, data) = (?, ?, ?, ?, ?, ?) "
            "WHERE sequence = ?",
            [*rows[other], row],
        )
    return 5


def move_to_the_end(connection):
    connection.execute(
        "UPDATE history SET sequence = ? WHERE sequence = 5", [last_of(connection) + 1]
    )
    return 5


def cut(connection):
    last = last_of(connection)
    connection.execute("DELETE FROM history WHERE sequence = ?", [last])
    return last


def cut_with_the_head(connection):
    """The last refusal and the rejection; the head is made to fit. Returns after which row."""
    row = row_of(connection, "request.rejected")
    connection.execute("DELETE FROM history WHERE sequence >= ?", [row])
    connection.execute(
        "UPDATE history_head SET sequence = ?, hash = ?", [row - 1, hash_of(connection, row - 1)]
    )
    return row - 1


def empty(connection):
    connection.execute("DELETE FROM history")


def empty_with_the_head(connection):
    empty(connection)
    connection.execute("UPDATE history_head SET sequence = 0, hash = ?", [FIRST_HASH])


def change_a_state(connection):
    connection.execute("UPDATE requests SET state = 'approved' WHERE number = 2")


def change_the_body(connection):
    connection.execute("UPDATE requests SET body = json_set(body, '$.resend', 1) WHERE number = 1")


def change_the_requester(connection):
    connection.execute("UPDATE requests SET requester = 'U0CARLA' WHERE number = 1")


def change_an_approver(connection):
    connection.execute("UPDATE approvals SET person = 'U0CARLA' WHERE request = 1")


def delete_an_approval(connection):
    connection.execute("DELETE FROM approvals")


def delete_a_request(connection):
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM requests WHERE number = 2")


def one_more_try(connection):
    connection.execute("UPDATE calls SET tries = tries + 1")


def another_answer(connection):
    connection.execute("UPDATE calls SET verdict = 'rejected'")


def change_the_card(connection):
    connection.execute(
        "UPDATE outbox SET text = replace(text, '1', '2') WHERE kind = 'card' AND request = 1"
    )


def another_decider(connection):
    connection.execute("UPDATE requests SET decided_by = 'U0CARLA' WHERE number = 1")


def another_time_of_a_decision(connection):
    connection.execute("UPDATE requests SET decided_at = created_at WHERE number = 1")


def another_reason(connection):
    connection.execute("UPDATE requests SET decision_reason = 'Agreed' WHERE number = 2")


def another_time_of_an_approval(connection):
    connection.execute("UPDATE approvals SET at = '2026-11-21T00:00:00.000000+00:00'")


def another_team_of_an_approver(connection):
    connection.execute("UPDATE approvals SET team = 'T0OTHER'")


def delete_a_call(connection):
    connection.execute("DELETE FROM calls")


BROKEN = [
    (10, edit), (10, edit_with_its_hash), (10, edit_the_time), (10, edit_the_data),
    (10, edit_the_last), (11, delete_one), (11, delete_three), (11, delete_the_first),
    (11, delete_and_renumber), (11, delete_renumber_and_link), (12, insert_and_renumber),
    (12, insert_with_a_right_hash), (12, insert_renumber_and_link), (12, insert_before_the_first),
    (12, insert_far_behind), (13, exchange_numbers), (13, exchange_contents),
    (13, move_to_the_end), (14, cut), (14, cut_with_the_head), (15, empty),
    (15, empty_with_the_head), (19, change_a_state), (19, change_the_body),
    (19, change_the_requester), (19, change_an_approver), (19, delete_an_approval),
    (19, delete_a_request), (19, one_more_try), (19, another_answer), (19, change_the_card),
    (19, another_decider), (19, another_time_of_a_decision), (19, another_reason),
    (19, another_time_of_an_approval), (19, another_team_of_an_approver), (19, delete_a_call),
]  # fmt: skip


@KEYS
def test_a_history_as_the_bot_makes_it_is_whole(path, key):
    result = checked(path, key=key)

    assert result.exit_code == 0, result.output
    assert "whole" in result.output


async def test_a_history_with_several_entities_is_whole_and_the_entity_is_bound(stage, tmp_path):
    entities = {
        "Europe": "11e6ba62b31d7c1db23700163e000001",
        "America": "11e6ba62b31d7c1db23700163e000002",
    }
    for entity in entities.values():
        world = stage.zuora.add_entity(entity)
        world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "70.00")])
    names = ", ".join(f"{name}={entity}" for name, entity in entities.items())
    stage.changes["zuora_entity_ids"] = names
    await stage.restart()
    ts = await stage.ask(entity=entities["Europe"])
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.stop()
    path = Path(shutil.copy(stage.settings().database_path, tmp_path / "copy.db"))

    result = checked(path)

    assert result.exit_code == 0, result.output
    with Tampering(path) as connection:
        connection.execute("UPDATE requests SET place = ?", [entities["America"]])
    assert checked(path).exit_code == 19


CASES = [
    pytest.param(key, code, tamper, id=f"{tamper.__name__} {'with' if key else 'without'} a key")
    for key in ("", KEY)
    for code, tamper in BROKEN
    if not (key and tamper is edit_with_its_hash)  # nobody else can make that hash
]


@pytest.mark.parametrize(("key", "code", "tamper"), CASES)
def test_a_manipulation_is_found_with_its_own_exit_status_and_row(path, key, code, tamper):
    with Tampering(path) as connection:
        row = tamper(connection)

    result = checked(path, key=key)

    assert result.exit_code == code, result.output
    if row is not None:
        assert re.search(rf"\brows? {row}\b|\bRows? {row}\b", result.output), result.output


@pytest.mark.parametrize("trigger", ["history_is_never_changed", "meta_is_never_deleted"])
@pytest.mark.parametrize("change", ["dropped", "made harmless"])
def test_a_trigger_that_is_missing_or_changed_is_named(path, trigger, change):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DROP TRIGGER {trigger}")
        if change == "made harmless":
            connection.execute(
                f"CREATE TRIGGER {trigger} BEFORE UPDATE ON history WHEN 0 BEGIN SELECT 1; END"
            )
    connection.close()

    result = checked(path)

    assert result.exit_code == 16
    assert trigger in result.output


def test_an_edit_says_more_than_the_trigger_that_was_dropped_for_it(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER history_is_never_changed")
    row = edit(connection)
    connection.close()

    result = checked(path)

    assert result.exit_code == 10
    assert f"Row {row} was changed" in result.output
    assert "history_is_never_changed" in result.output


def test_a_table_that_was_dropped_is_the_whole_log(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE history")
    connection.close()

    assert checked(path).exit_code == 15


# Rebuilt


def noted(path, sequence):
    with closing(sqlite3.connect(path)) as connection, connection:
        found = hash_of(connection, sequence)
    connection.close()
    return f"{sequence}:{found}"


def test_a_chain_rebuilt_without_a_key_is_found_by_a_noted_head_alone(path):
    head = noted(path, 9)
    with Tampering(path) as connection:
        connection.execute("UPDATE history SET team = 'T0X' WHERE what = 'refused'")
        rehash(connection, row_of(connection, "refused"))

    assert checked(path).exit_code == 0
    result = checked(path, "--head", head)
    assert result.exit_code == 18
    assert "Row 9" in result.output


def test_a_tail_cut_with_all_that_shows_it_is_found_by_a_noted_head(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        last = last_of(connection)
    connection.close()
    head = noted(path, last)
    with Tampering(path) as connection:
        cut(connection)  # a refusal: no other table shows it
        connection.execute(
            "UPDATE history_head SET sequence = ?, hash = ?",
            [last - 1, hash_of(connection, last - 1)],
        )

    assert checked(path).exit_code == 0
    assert checked(path, "--head", head).exit_code == 14


def test_a_noted_head_of_a_whole_history_is_fine(path):
    assert checked(path, "--head", noted(path, 9)).exit_code == 0


@pytest.mark.parametrize("key", [KEY])
def test_a_chain_rebuilt_without_the_key_is_found_by_the_key(path, key):
    with Tampering(path) as connection:
        row = edit(connection)
        rehash(connection, row)

    result = checked(path, key=key)

    assert result.exit_code == 18
    assert f"row {row}" in result.output


@pytest.mark.parametrize("key", [KEY])
def test_a_chain_rebuilt_without_a_trace_of_the_key_is_found_by_the_key(path, key):
    with Tampering(path) as connection:
        connection.execute("DELETE FROM history WHERE what = 'audit.key_changed'")
        renumber(connection, 2, -1)
        rehash(connection, 1)
        without_meta = connection.execute("SELECT COUNT(*) FROM meta").fetchone()[0]
    assert without_meta == 1
    assert checked(path, key=key).exit_code == 18

    with Tampering(path) as connection:
        connection.execute("DELETE FROM meta")
    result = checked(path, key=key)
    assert result.exit_code == 17
    assert "rebuilt" in result.output


@pytest.mark.parametrize("key", [KEY])
@pytest.mark.parametrize("given", ["", "w" * 40], ids=["none", "another"])
def test_the_wrong_key_is_not_taken_for_a_manipulation(path, key, given):
    result = checked(path, key=given)

    assert result.exit_code == 17
    assert "AUDIT_KEY" in result.output


@pytest.mark.parametrize("key", [KEY])
def test_no_output_and_no_file_shows_the_key(path, key):
    assert KEY not in checked(path, key=key).output
    assert KEY.encode() not in path.read_bytes()


def test_a_key_that_is_set_later_binds_everything_before_it(path):
    with_key = Store.open(path, KEY)
    with with_key.transaction():
        with_key.history.begin_key(START + timedelta(hours=1))
    with_key.close()

    assert checked(path, key=KEY).exit_code == 0
    assert checked(path).exit_code == 17
    with Tampering(path) as connection:
        row = edit(connection)
        rehash(connection, row)
    assert checked(path, key=KEY).exit_code == 18


# Files


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\0" + b"x" * 500])
def test_what_is_not_a_database_of_the_bot_is_not_readable(tmp_path, content):
    path = tmp_path / "other"
    if content is not None:
        path.write_bytes(content)

    result = checked(path)

    assert result.exit_code == 3
    assert "not readable" in result.output


def test_the_database_of_another_program_is_not_readable(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()

    assert checked(tmp_path / "other.db").exit_code == 3


def test_a_wrong_option_is_no_finding(path):
    assert checked(path, "--head", "12:abc").exit_code == 2


def test_checking_writes_nothing_and_needs_no_right_to_write(path):
    folder = path.parent
    before = path.read_bytes()
    folder.chmod(0o500)
    try:
        assert checked(path).exit_code == 0
    finally:
        folder.chmod(0o700)
    assert path.read_bytes() == before
    assert [each.name for each in folder.iterdir()] == [path.name]


def test_without_a_file_the_database_of_the_settings_is_checked(path):
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "verify"],
        cwd=path.parent, capture_output=True, text=True, check=False, timeout=LONGEST,
        env={**ENVIRONMENT, "DATABASE_URL": f"sqlite:///{path}"},
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    assert str(path) in ended.stdout


async def test_it_is_checked_while_the_bot_runs_with_what_it_wrote_a_moment_ago(stage):
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.quiet()
    sequence, hashed = stage.store.history.last()

    result = checked(stage.settings().database_path, "--head", f"{sequence}:{hashed}")

    assert result.exit_code == 0, result.output
    assert f"{sequence}:{hashed}" in result.output


def test_help_names_every_exit_status():
    text = CliRunner().invoke(main, ["verify", "--help"]).output

    named = {int(code) for code in re.findall(r"^ +(\d+)  ", text, re.MULTILINE)}
    assert named == {0, 2, 3, *range(10, 26), 27}
