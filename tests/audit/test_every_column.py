"""Each column of each table: bound by the chain, compared with it by `verify`, or here with why not."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from bot.audit.finding import Flaw
from bot.audit.verify import verify_database
from tests.fresh import fresh
from tests.postgres import only_sqlite
from tests.stage import BOB

pytestmark = only_sqlite
A_TIME = "2026-11-22T11:12:13.000000+00:00"

OF_SLACK = "where a message stands; evidence reads Slack and compares"
SHOWN = "words of a card or a message, which are bound as they were sent"
FOR_WORK = "when or how often the bot tries; what comes of it is in the history"
COUNTED = "sums for the month, which evidence does not use; `billing-bot export` counts the requests themselves"
NO_ROW = "this file has no row of it"
NOT_CHECKED = {
    ("requests", "card_ts"): OF_SLACK,
    ("requests", "progress_ts"): OF_SLACK,
    ("requests", "deed"): "follows from the operation, which is bound; the database lets nobody change it",
    ("requests", "looks"): FOR_WORK,
    ("requests", "reminded"): FOR_WORK,
    ("requests", "result"): SHOWN,
    ("requests", "token"): "a button with another one is refused",
    ("requests", "typed"): "what is offered when somebody changes a request; nothing is sent of it",
    ("requests", "place_words"): "bound where there is a choice of places",
    ("calls", "changed"): FOR_WORK,
    ("calls", "content"): "a call with another one is not repeated; what went out is in its entry",
    ("calls", "no_more"): FOR_WORK,
    ("calls", "recorded_note"): "the note is in the entry of the record",
    ("calls", "repeats"): FOR_WORK,
    ("calls", "words"): SHOWN,
    ("mailings", "way"): "the database takes one of four words only, and no mail depends on which",
    ("outbox", "after_ts"): FOR_WORK,
    ("outbox", "refusal"): FOR_WORK,
    ("outbox", "refused_with"): FOR_WORK,
    ("outbox", "tried_at"): FOR_WORK,
    ("outbox", "tries"): FOR_WORK,
    ("outbox", "unbound"): "a message that is bound twice is bound once more",
    ("history_head", "one"): "the database takes one value only",
    "archived": NO_ROW,
    "archives": NO_ROW,
    "comparisons": OF_SLACK,
    "copies": "with another id the bot is held at its next start, since Slack has the one that it had",
    "digests": FOR_WORK,
    "drafts": NO_ROW,
    "estimated": NO_ROW,
    "estimates": NO_ROW,
    "facts_in_parts": NO_ROW,
    "figures": COUNTED,
    "figures_due": COUNTED,
    "holds": "why the bot waits; the row that ended it is in the history",
    "homes": FOR_WORK,
    "listed": "shown in Details, from the facts, which are bound",
    "meta": NO_ROW,
    "preparing": NO_ROW,
    "refusals": COUNTED,
    "refused_lately": NO_ROW,
    "request_subjects": "finds requests; what is mailed is in mailings, which are bound",
    "tallies": COUNTED,
    "turns_of_work": FOR_WORK,
}  # fmt: skip
"""What may be changed without a finding, and why that harms no evidence. An entry without a column is for the whole table."""


@pytest.fixture
async def file(stage):
    """A database with a mail that went out, one that was rejected, and one that waits."""
    one, two, three = [*stage.zuora.world.invoices][:3]
    first = await stage.ask(text=one)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    second = await stage.ask(text=two)
    await stage.reject(BOB, second, "not now")
    await stage.until_card(second, "Rejected")
    await stage.ask(text=three)
    await stage.quiet()
    await stage.pass_time(hours=2)
    await stage.quiet()
    await stage.stop()
    with closing(sqlite3.connect(stage.file())) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return stage.file()


def columns(path):
    """Table, column and type of each column, but of the migrations' own table."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        return [
            (table, column, kind)
            for (table,) in tables
            for _, column, kind, *_ in database.execute(f"PRAGMA table_info({table})")
        ]


def changed(path, copied, table, column, kind):
    """Change this column of the table's first row in a copy; whether there was a row that could be changed."""
    shutil.copy(path, copied)
    with closing(sqlite3.connect(copied)) as database, database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        found = database.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()  # noqa: S608 - own words
        if found is None:
            return False
        other = (found[0] or 0) + 1000 if kind == "INTEGER" else _other(found[0], kind, column)
        first = f"(SELECT {column} FROM {table} LIMIT 1)"  # noqa: S608 - as above
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {column} IS {first}", [other])  # noqa: S608 - as above
        except sqlite3.IntegrityError:  # two rows that must differ
            return False
    return True


def _other(value, kind, column):
    if kind == "BLOB":
        return b"other"
    if column == "progress":  # an index reads it, and takes nothing but JSON
        return '{"number":"BR-00000009"}'
    return A_TIME if str(value)[10:11] == "T" else "other" if value != "other" else "another"


def findings(path):
    return [
        each for each in verify_database(path, key="").findings if each.flaw is not Flaw.TRIGGER
    ]


async def test_each_column_is_checked_or_stands_here_with_why_not(file, tmp_path):
    assert findings(file) == []
    unseen = {}
    for place, (table, column, kind) in enumerate(columns(file)):
        copied = tmp_path / f"{place}.db"
        if not changed(file, copied, table, column, kind) or not findings(copied):
            unseen[table, column] = kind
        copied.unlink()

    listed = {each for each in unseen if each in NOT_CHECKED or each[0] in NOT_CHECKED}
    assert {*unseen} == listed
    assert {each for each in NOT_CHECKED if isinstance(each, tuple)} <= {*unseen}


def test_the_list_names_columns_that_are_there(tmp_path):
    fresh(tmp_path / "fresh.db")
    there = {(table, column) for table, column, _ in columns(tmp_path / "fresh.db")}
    assert {each for each in NOT_CHECKED if isinstance(each, tuple)} <= there
    assert {each for each in NOT_CHECKED if isinstance(each, str)} <= {table for table, _ in there}
