"""The control of a database is performed again.

Somebody who has the key changes every table, rebuilds the chain and puts the triggers back.
"""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.audit.test_package import story
from tests.audit.test_verify import KEY, Tampering, checked, rehash
from tests.stage import BOB, START, Stage


async def quarter(folder):
    stage = await story(folder, KEY)
    await stage.close()
    return stage.settings().database_path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return asyncio.run(quarter(tmp_path_factory.mktemp("quarter")))


@pytest.fixture
def path(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path / "copy.db"))


def without(connection, where):
    """Delete rows of the history, and number, link and hash the others anew with the key."""
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"DELETE FROM history WHERE {where}")  # noqa: S608 - our own words
    rows = connection.execute("SELECT sequence FROM history ORDER BY sequence").fetchall()
    for number, (sequence,) in enumerate(rows, 1):
        connection.execute("UPDATE history SET sequence = ? WHERE sequence = ?", [number, sequence])
    sealed(connection)


def sealed(connection):
    (keyed,) = connection.execute(
        "SELECT MIN(sequence) FROM history WHERE what = 'audit.key_changed'"
    ).fetchone()
    rehash(connection, keyed, KEY.encode())
    connection.execute(
        "UPDATE history_head SET (sequence, hash) = "
        "(SELECT sequence, hash FROM history ORDER BY sequence DESC LIMIT 1)"
    )


def test_it_is_whole_before(path):
    assert checked(path, key=KEY).exit_code == 0


def test_that_no_head_was_compared_is_said(path):
    result = checked(path, key=KEY)
    assert "no head from elsewhere was compared" in result.output
    head = result.output.split("the head is ")[1].strip()
    assert "no head" not in checked(path, "--head", head, key=KEY).output


def test_one_of_two_approvals_is_not_enough_although_the_chain_is_whole(path):
    with Tampering(path) as connection:
        connection.execute("DELETE FROM approvals WHERE request = 1 AND person = ?", [BOB])
        without(connection, f"request = 1 AND what = 'request.approved' AND who = '{BOB}'")

    result = checked(path, key=KEY)

    assert result.exit_code == 23, result.output
    assert "R-1: row" in result.output
    assert "goes on after 1 of 2 approvals" in result.output


@pytest.mark.parametrize(
    ("person", "words"),
    [("U0ALICE", "an approval by the requester"), ("U0MARA", "not in the rule's lists or groups")],
)
def test_an_approval_that_does_not_count_is_named(path, person, words):
    with Tampering(path) as connection:
        connection.execute(
            "UPDATE approvals SET person = ? WHERE request = 1 AND person = ?", [person, BOB]
        )
        connection.execute(
            "UPDATE history SET who = ?, data = json_remove(data, '$.groups') "
            "WHERE request = 1 AND what = 'request.approved' AND who = ?",
            [person, BOB],
        )
        sealed(connection)

    result = checked(path, key=KEY)

    assert result.exit_code == 23, result.output
    assert words in result.output


async def test_a_row_that_pretends_to_be_of_an_older_version_is_found_under_each_start(tmp_path):
    """Less is compared of rows that older versions wrote, and each start says what its version writes."""
    stage = await story(tmp_path, KEY)
    await stage.restart()
    await stage.close()
    path = stage.settings().database_path
    with Tampering(path) as connection:
        connection.execute(
            "UPDATE history SET data = json_remove(data, '$.bound') "
            "WHERE request = 1 AND what = 'request.asked'"
        )
        sealed(connection)

    result = checked(path, key=KEY)

    assert result.exit_code == 23, result.output
    assert "(request.asked) says nothing of bound, as the bot did at that time" in result.output


def test_a_request_that_is_deleted_everywhere_leaves_a_gap(path):
    with Tampering(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        tables = "approvals", "calls", "outbox", "request_subjects", "mailings", "facts_in_parts"
        for table in tables:
            connection.execute(f"DELETE FROM {table} WHERE request = 2")  # noqa: S608 - our own names
        connection.execute("DELETE FROM requests WHERE number = 2")
        without(connection, "request = 2")

    result = checked(path, key=KEY)

    assert result.exit_code == 21, result.output
    assert "R-3 follows R-1" in result.output


@pytest.mark.parametrize("minutes", [5, 60 * 24 * 57])
async def test_a_clock_that_is_set_back_is_a_finding(tmp_path, minutes):
    stage = Stage(tmp_path, "run")
    stage.changes = {"audit_key": SecretStr(KEY)}
    await stage.open()
    try:
        stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
        await stage.start()
        stage.clock.step(minutes=-minutes)
        await stage.ask()
        await stage.quiet()
        result = checked(stage.settings().database_path, key=KEY)
    finally:
        await stage.close()

    assert result.exit_code == 22
    assert (START - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M") in result.output


async def test_a_clock_that_differs_from_slacks_is_a_finding(path):
    with Tampering(path) as connection:
        connection.execute("UPDATE outbox SET ts = ts + 3600 WHERE kind = 'card' AND request = 1")

    result = checked(path, key=KEY)

    assert result.exit_code == 22
    assert "A message of R-1" in result.output
