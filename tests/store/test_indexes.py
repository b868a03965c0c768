"""Every read that somebody waits for is found by index, whatever the size of the tables."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlite_utils import Database

from bot.domain.authority import Person
from bot.domain.history import Entry, What
from bot.domain.mailing import Mailing
from bot.status import answers
from bot.status.export import rows_of_month
from bot.status.lists import Links
from bot.status.month import read_month
from bot.status.morning import Timetable, mornings_digest
from bot.store.file.reading import open_read_only
from bot.store.schema import migrations
from bot.store.store import Store
from tests.fresh import fresh
from tests.status import made

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LINKS = Links("https://example.slack.com/")
BOB = Person(user_id=made.BOB, team_id="T")
MORNING = Timetable(at=time(8), zone=ZoneInfo("Europe/Berlin"), days=frozenset(range(7)))
DOCUMENTS = [f"INV{number:08}" for number in range(500)]
THE_FIRST_FEW = (
    "SCAN requests USING COVERING INDEX requests_ended", "SCAN figures_due",
    "SCAN requests USING COVERING INDEX requests_rules",
    "SCAN requests USING INDEX requests_of_no_state",  # it holds only what is damaged
)  # fmt: skip
"""Read from one end, with a limit: the last results, whose index has them in order, what is due, and the first rule."""


@pytest.fixture
def store(tmp_path):
    store = Store.open(fresh(tmp_path / "bot.db"))
    made.november(store)
    made.request(store, "email_invoice", made.mail_facts("1.00"), day=18)
    yield store
    store.close()


async def _rows(store):
    return [row async for row in rows_of_month(store, "2026-11")]


READS = {
    "overview": lambda s: answers.overview(s, LINKS),
    "mine": lambda s: answers.mine(s, LINKS, made.ALICE),
    "waiting": lambda s: answers.waiting(s, LINKS, BOB, NOW),
    "a request": lambda s: answers.story(s, LINKS, 2),
    "a bill run": lambda s: answers.about_lines(s, LINKS, "BR-00000001"),
    "a document": lambda s: answers.about_lines(s, LINKS, "INV00000001"),
    "month": lambda s: read_month(s, "2026-11"),
    "digest": lambda s: mornings_digest(s, LINKS, MORNING, NOW),
    "export": _rows,
    "home": lambda s: (
        s.status.at_home(made.ALICE, 200, 10),
        s.status.ended(10), s.homes.of(made.BOB), s.status.briefs([1, 2, 3]),
    ),
    "card of a message": lambda s: s.status.with_card("C0BILLING", "1.0"),
    "open about": lambda s: s.requests.open_about(DOCUMENTS),
    "still open": lambda s: s.requests.still_open([(2, "email_invoice", "INV00000001")]),
    "others at work": lambda s: (
        s.history.has_called_since(5, not_of=1), s.mailings.alone.has_come_since(5, not_of=1), *s.mailings.look_for_others(2),
    ),
    "asked just now": lambda s: s.requests.open_by(made.ALICE, NOW - timedelta(minutes=5)),
    "mailed": lambda s: s.mailings.effects(
        [Mailing("BR-00000001", "run", n, f"id-{n}", "", "BR-00000001", "") for n in DOCUMENTS],
        not_of=1,
    ),
    "what it mails": lambda s: (s.mailings.of(2), s.mailings.has(2), s.mailings.asked(2)),
    "outstanding": lambda s: s.calls.outstanding_about(DOCUMENTS, not_of=1),
    "sent since": lambda s: s.calls.sent_since(DOCUMENTS, NOW, not_of=1),
    "due": lambda s: (s.requests.due(NOW, 10), s.requests.next_wake_after(NOW)),
    "form": lambda s: s.requests.by_form("f1"),
    "decisions of a month": lambda s: s.history.decisions(NOW - timedelta(days=31), NOW, None, 10),
    "waits to bill too": lambda s: s.requests.waiting_to_bill_beside(s.requests.get(2)),
    "waits to mail too": lambda s: s.mailings.waiting_beside(2),
    "last of its kind": lambda s: s.at_once(s.requests.last_like(s.requests.get(2), same_subject=False)),
}  # fmt: skip


@pytest.mark.parametrize("name", READS)
async def test_no_read_looks_through_a_table(store, name):
    connection = store._database.conn
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    found = READS[name](store)
    if hasattr(found, "__await__"):
        await found
    connection.set_trace_callback(None)
    tables = {row[0] for row in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'")}  # fmt: skip

    reads = [sql for sql in asked if re.match(r"\s*(SELECT|WITH)", sql)]
    assert reads
    for sql in reads:
        for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {sql}"):
            words = detail.split()
            if words[0] == "SCAN" and words[1] in tables | {"s", "r"}:
                assert detail in THE_FIRST_FEW, f"{detail}: {sql[:400]}"
                assert "LIMIT" in sql


async def test_what_waits_for_somebody_is_found_in_order_without_sorting_all_of_it(store):
    connection = store._database.conn
    asked: list[str] = []
    rules = store.status.rules_waiting()
    connection.set_trace_callback(asked.append)
    store.status.to_decide(made.BOB, rules, NOW, 10)
    connection.set_trace_callback(None)

    plans = [
        detail for sql in asked for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {sql}")
    ]
    assert "SEARCH requests USING COVERING INDEX requests_to_decide (rule=?)" in " ".join(plans)
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


def test_a_decision_about_mails_reads_no_other_request_that_waits(store):
    one = made.request(store)

    alone = _steps(store, one)
    for _ in range(30):
        made.request(store)

    assert 0 < _steps(store, one) < 2 * alone


def _steps(store, request):
    """Return how many steps SQLite takes to find who waits beside a request, which is what a move does."""
    steps = 0

    def step():
        nonlocal steps
        steps += 1

    store._database.conn.set_progress_handler(step, 1)
    assert store.requests.waiting_to_bill_beside(request) == []
    store._database.conn.set_progress_handler(None, 0)
    return steps


def guarded():
    """SQLite's own list as some builds guard it: it refuses the statement that would change it."""
    refused: list[str] = []

    def judge(action, what, *_):
        if (action, what) != (sqlite3.SQLITE_UPDATE, "sqlite_master") or refused:
            return sqlite3.SQLITE_OK  # what SQLite itself changes there comes later
        refused.append(what)
        return sqlite3.SQLITE_DENY

    return judge


def without_the_index(path, rows, judge):
    """Bring an older database up to date while an older process beside it goes on writing."""
    append = "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(path)) as beside:
        migrations.apply(Database(old), stop_before="0064_no_index_of_hashes")
        old.executemany(append, rows[:-2])
        old.commit()
        beside.execute(append, rows[-2])  # an older process that goes on writing
        beside.commit()
        (pages,) = old.execute("PRAGMA page_count").fetchone()
        old.set_authorizer(judge)
        migrations.apply(Database(old))
        old.set_authorizer(None)
        (pages_now,) = old.execute("PRAGMA page_count").fetchone()
        assert (pages_now > pages + 10) is (judge is not None)  # then it has to copy
        beside.execute(append, rows[-1])
        beside.commit()
        assert old.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("is_guarded", [False, True])
def test_an_older_history_keeps_its_rows_and_rules_without_the_index_of_its_hashes(
    tmp_path, is_guarded
):
    path, new = tmp_path / "bot.db", tmp_path / "new.db"
    rows = [
        (number, "a time", None, "bot.started", "", "", "{}", f"before {number}", f"hash {number}")
        for number in range(1, 3001)
    ]
    without_the_index(path, rows, guarded() if is_guarded else None)
    Store.open(new).close()

    store = Store.open(path)

    with closing(sqlite3.connect(new)) as fresh:
        listed = "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"
        assert store._database.execute(listed).fetchall() == fresh.execute(listed).fetchall()
    found = store._database.execute("SELECT * FROM history ORDER BY sequence").fetchall()
    assert found == rows
    with store.transaction():
        assert store.history.append(Entry(what=What.STARTED_BOT), NOW).sequence == 3001
    for change in ("UPDATE history SET who = 'x'", "DELETE FROM history"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store._database.execute(change)
    indexes = store._database.execute("PRAGMA index_list(history)").fetchall()
    assert {name for _, name, *_ in indexes} == {
        "history_request", "history_without_request", "history_decisions",
    }  # fmt: skip
    store.close()
    with open_read_only(path) as file:
        assert file.missing_triggers() == []
