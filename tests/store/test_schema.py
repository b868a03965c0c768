"""What the database itself forbids, whatever the program above it does."""

import ast
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.call import Call
from bot.domain.history import FIRST_HASH, Entry, What
from bot.domain.mailing import Mailing
from bot.domain.message import Message, MessageKind
from bot.domain.operation import Deed
from bot.domain.policy import Rule
from bot.domain.request import TRANSITIONS, Request, State
from bot.store.errors import CouldNotRecordError, StoreError
from bot.store.requests import RequestMovedError
from bot.store.store import Store
from bot.store.times import to_text
from tests.chained import entry_hash
from tests.postgres import (
    another_connection,
    columns_of,
    fresh_store,
    holding_it,
    only_sqlite,
    reading_only,
    with_a_later_migration,
    without_rules,
)

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ANN, BEN, CLEO = "U0ANN", "U0BEN", "U0CLEO"
REQUEST = Request(
    number=1, operation="email_bill_run", subject="BR-1", body="{}", facts="{}", digest="d1",
    tenant="t", requester=ANN, team="T1", reason="r", rule=Rule(approvers=(BEN, CLEO)),
    policy_hash="p", form="f1", token="k3f9", state=State.WAITING, created_at=NOW,
    expires_at=NOW + timedelta(hours=24), state_at=NOW, wake_at=NOW + timedelta(hours=24),
    channel="C1",
)  # fmt: skip
ASKED = (
    "number", "operation", "subject", "body", "facts", "digest", "tenant", "requester", "team",
    "reason", "rule", "policy_hash", "form", "created_at", "expires_at",
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return fresh_store(tmp_path / "bot.db")


@pytest.fixture
def store(path):
    store = Store.open(path)
    with store.transaction():
        store.requests.add(REQUEST, Deed.MAILED)
    yield store
    store.close()


@pytest.fixture
def raw(store, path):
    """A second connection, as somebody has who goes round the program."""
    connection = another_connection(path)
    yield connection
    connection.close()


def approve(store, person=BEN, digest="d1"):
    with store.transaction():
        store.requests.approve(replace(REQUEST, digest=digest), person, "T1", NOW)


def forbidden(raw, sql, words):
    with pytest.raises(sqlite3.IntegrityError, match=words):
        raw.execute(sql)


def test_a_requester_is_no_approver(store, raw):
    forbidden(
        raw,
        f"INSERT INTO approvals VALUES (1, '{ANN}', 'T1', '{to_text(NOW)}', 'd1')",  # noqa: S608 - our own words
        "a requester may not approve",
    )


def test_nobody_approves_twice(store):
    approve(store)

    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        approve(store)


def test_an_approval_comes_before_the_decision_or_not_at_all(store):
    with store.transaction():
        store.requests.move(
            REQUEST, REQUEST.decided(State.REJECTED, BEN, NOW, reason="no", wake_at=None)
        )

    with pytest.raises(sqlite3.IntegrityError, match="the request is decided"):
        approve(store, CLEO)


def test_an_approval_needs_a_request(store, raw):
    forbidden(
        raw,
        f"INSERT INTO approvals VALUES (99, '{BEN}', 'T1', '{to_text(NOW)}', 'd1')",  # noqa: S608 - our own words
        "the request is decided|FOREIGN KEY",
    )


@pytest.mark.parametrize(
    "sql", ["UPDATE approvals SET person = 'U9'", "DELETE FROM approvals", "DELETE FROM requests"]
)
def test_approvals_and_requests_stay(store, raw, sql):
    approve(store)

    forbidden(raw, sql, "never")


def test_of_two_decisions_the_second_finds_the_request_moved(store):
    approve(store)
    with store.transaction():
        store.requests.move(REQUEST, REQUEST.decided(State.APPROVED, BEN, NOW, wake_at=NOW))

    with pytest.raises(RequestMovedError), store.transaction():
        store.requests.move(REQUEST, REQUEST.decided(State.WITHDRAWN, ANN, NOW, wake_at=None))

    assert store.requests.get(1).state is State.APPROVED


def test_nothing_is_approved_without_an_approval(store, raw):
    forbidden(raw, "UPDATE requests SET state = 'approved'", "approved without the approvals")


def test_an_approval_of_something_else_counts_for_nothing(store, raw):
    approve(store, digest="d2")

    forbidden(raw, "UPDATE requests SET state = 'approved'", "approved without the approvals")


@pytest.mark.parametrize("column", ASKED)
def test_what_was_asked_is_never_changed(store, raw, column):
    forbidden(raw, f"UPDATE requests SET {column} = {column}", "what was asked is never changed")  # noqa: S608 - our own words


def test_two_forms_never_make_one_request_twice(store):
    with pytest.raises(sqlite3.IntegrityError, match="form"), store.transaction():
        store.requests.add(replace(REQUEST, number=2), Deed.MAILED)


def test_a_failed_transaction_leaves_nothing_behind(store):
    def fail():
        with store.transaction():
            store.requests.add(replace(REQUEST, number=2, form="f2"), Deed.MAILED)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()

    assert store.requests.get(2) is None


def test_two_calls_never_share_an_idempotency_key(store):
    call = Call(request=1, subject="BR-1", key="k", track_id="t")

    with store.transaction():
        store.calls.save(call)
    with pytest.raises(sqlite3.IntegrityError, match="key"), store.transaction():
        store.calls.save(call._replace(subject="BR-2"))


# Moves


def in_state(raw, state):
    """A request in a state, put there as only somebody with the triggers off can."""
    with without_rules(raw, "requests"):
        raw.execute("UPDATE requests SET state = ?", [state])


@pytest.mark.parametrize("before", State)
def test_the_database_knows_the_same_arrows_as_the_program(store, raw, before):
    approve(store)
    possible = set()
    for after in State:
        in_state(raw, before)
        try:
            raw.execute("UPDATE requests SET state = ?", [after])
        except sqlite3.IntegrityError as error:
            assert "no such move" in str(error)  # noqa: PT017 - one of many
        else:
            possible.add(after)

    assert possible - {before} == set(TRANSITIONS[before])


@pytest.mark.parametrize("before", State)
def test_the_program_refuses_a_move_of_its_own_that_has_no_arrow(before):
    for after in set(State) - TRANSITIONS[before]:
        with pytest.raises(ValueError, match="no way from"):
            replace(REQUEST, state=before).moved(after, NOW)


# The history


def record(store, *reasons):
    for reason in reasons:
        with store.transaction():
            store.record(
                Entry(what=What.ASKED, who=ANN, team="T1", request=1, data={"reason": reason}), NOW
            )


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE history SET who = 'U9'",
        "UPDATE history SET data = '{}' WHERE sequence = 1",
        "DELETE FROM history",
        "DELETE FROM history WHERE sequence = 2",
    ],
)
def test_the_history_is_never_changed(store, raw, sql):
    record(store, "one", "two")

    forbidden(raw, sql, "the history is append-only")


@only_sqlite
def test_replacing_an_entry_is_changing_it(store, raw):
    record(store, "one", "two")

    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(
            "INSERT OR REPLACE INTO history SELECT 1, at, request, what, 'U9', team, data, before, "
            "'x' FROM history WHERE sequence = 1"
        )


@pytest.mark.parametrize("sequence", [1, 2, 4, 40])
def test_the_history_has_no_gap(store, raw, sequence):
    record(store, "one", "two")

    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(
            f"INSERT INTO history SELECT {sequence}, at, request, what, who, team, data, before, "  # noqa: S608 - our own words
            "'x' FROM history WHERE sequence = 2"
        )


def test_each_entry_holds_the_hash_of_the_one_before(store, raw):
    record(store, "one", "two", "three")

    rows = raw.execute(
        "SELECT sequence, at, before, hash, data FROM history ORDER BY sequence"
    ).fetchall()
    before = FIRST_HASH
    for (sequence, at, saved_before, saved, data), written in zip(
        rows, store.history.all(), strict=True
    ):
        stored = json.loads(data)
        assert stored == {**written.entry.data, "salts": {"reason": stored["salts"]["reason"]}}
        assert saved_before == before
        assert saved == entry_hash(before, sequence, at, replace(written.entry, data=stored))
        before = saved
    assert [row[0] for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    "changed",
    [
        {"who": CLEO},
        {"team": "T2"},
        {"what": What.APPROVED},
        {"request": 2},
        {"data": {"reason": "another"}},
    ],
)
def test_whatever_is_changed_in_an_entry_breaks_the_chain(changed):
    entry = Entry(what=What.ASKED, who=ANN, team="T1", request=1, data={"reason": "one"})
    made = entry_hash(FIRST_HASH, 1, to_text(NOW), entry)

    assert entry_hash(FIRST_HASH, 1, to_text(NOW), replace(entry, **changed)) != made
    assert entry_hash("1" * 64, 1, to_text(NOW), entry) != made
    assert entry_hash(FIRST_HASH, 2, to_text(NOW), entry) != made
    assert entry_hash(FIRST_HASH, 1, to_text(NOW + timedelta(seconds=1)), entry) != made


# A file that cannot be used


def test_a_database_of_a_newer_version_is_refused_in_one_sentence(store, raw, path):
    with_a_later_migration(raw, "9999_from_the_future")
    store.close()

    with pytest.raises(StoreError) as refused:
        Store.open(path)

    assert "newer version of Billing Bot (9999_from_the_future)" in str(refused.value)
    assert "nothing was changed" in str(refused.value)
    assert str(refused.value).count(".") == 1


def test_opening_twice_changes_nothing(store, path):
    again = Store.open(path)

    assert again.requests.get(1) == REQUEST
    again.close()


@pytest.mark.parametrize("content", [b"this is no database, but it is long enough" * 50])
def test_a_file_that_is_no_database_is_said_so(tmp_path, content):
    path = tmp_path / "bot.db"
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"cannot be opened: file is not a database"):
        Store.open(path)

    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(StoreError, match=r"no/bot\.db cannot be opened: .*No such file"):
        Store.open(tmp_path / "no" / "bot.db")


def write(store):
    with store.transaction():
        store.outbox.add(
            Message(kind=MessageKind.REPLY, channel="C1", text="t", blocks=[], request=1), NOW
        )


def test_a_database_that_became_read_only_is_could_not_record(store, caplog):
    reading_only(store, "on")

    with pytest.raises(CouldNotRecordError, match=r"could not record this: .*read-?only"):
        write(store)

    assert "could_not_record" in caplog.text
    reading_only(store, "off")
    write(store)
    assert len(store.outbox.open()) == 1


def test_a_database_that_somebody_else_holds_is_could_not_record(store, raw):
    with holding_it(store, raw), pytest.raises(CouldNotRecordError, match="lock"):
        write(store)

    write(store)


@only_sqlite
def test_a_full_disk_is_could_not_record_and_nothing_half_is_left(store):
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages}")

    def fill():
        with store.transaction():
            for number in range(2, 400):
                other = replace(REQUEST, number=number, form=f"f{number}", reason="r" * 900)
                store.requests.add(other, Deed.MAILED)

    with pytest.raises(CouldNotRecordError, match="full"):
        fill()

    assert store.requests.next_number() == 2
    assert not store._database.conn.in_transaction


@only_sqlite
def test_a_database_that_became_corrupt_is_could_not_record(path):
    store = Store.open(path)
    store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(":memory:")) as database:
        (page_size,) = database.execute("PRAGMA page_size").fetchone()
    for start in range(page_size, len(content), page_size):
        content[start : start + 100] = b"\xff" * 100
    path.write_bytes(content)

    with pytest.raises(StoreError, match="malformed"):
        _open_and_write(path)


def _open_and_write(path: Path) -> None:
    store = Store.open(path)
    try:
        write(store)
    finally:
        store.close()


@only_sqlite
def test_the_file_is_durable_and_strict(store, raw):
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._database.execute("PRAGMA foreign_keys").fetchone() == (1,)
    tables = raw.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name IN "
        "('requests', 'approvals', 'calls', 'outbox', 'history')"
    ).fetchall()
    assert len(tables) == 5
    assert all(re.search(r"\)\s*STRICT\s*$", sql) for (sql,) in tables)


SENDING = "UPDATE calls SET tries = tries + 1 WHERE request = 2"


def planned(store, operation, deed):
    """R-2 with a call that has not gone out."""
    with store.transaction():
        store.requests.add(replace(REQUEST, number=2, form="f2", operation=operation), deed)
        store.calls.save(Call(request=2, subject="BR-1", key="k1", track_id="t1"))


@pytest.mark.parametrize("operation", ["email_bill_run", "statement_of_account"])
def test_no_order_to_mail_goes_out_without_the_documents_it_can_mail(store, raw, operation):
    """Whatever the operation is called."""
    planned(store, operation, Deed.MAILED)
    forbidden(raw, SENDING, "written before it goes out")

    with store.transaction():
        store.mailings.add(2, [Mailing("BR-1", "run", "INV1", "", "A1", "BR-1", "")])

    assert raw.execute(SENDING).rowcount == 1


@pytest.mark.parametrize("deed", [each for each in Deed if each is not Deed.MAILED])
def test_an_order_that_only_may_mail_goes_out_without_any(store, raw, deed):
    """A run that is posted and has no document."""
    planned(store, "post_bill_run", deed)

    assert raw.execute(SENDING).rowcount == 1


def test_what_a_request_does_in_zuora_stands_in_it_and_is_never_changed(raw):
    columns = columns_of(raw, "requests")
    values = {"number": "2", "form": "'f2'", "deed": "''"}
    copied = ", ".join(values.get(name, name) for name in columns)

    insert = f"INSERT INTO requests SELECT {copied} FROM requests"  # noqa: S608 - names of our own
    forbidden(raw, insert, "stands in it")
    forbidden(raw, "UPDATE requests SET deed = 'created'", "what was asked is never changed")


# Recording by hand what became of a lost answer


def of_two(store):
    """R-2, whose rule wants two people, and of which an answer was lost."""
    rule = Rule(approvers=(BEN, CLEO), approvals=2)
    with store.transaction():
        store.requests.add(replace(REQUEST, number=2, form="f2", rule=rule), Deed.MAILED)
        store.record(Entry(what=What.CALL_LOST, request=2, data={}), NOW)


def by_hand(store, what, who, *, accepted=True):
    with store.transaction():
        by = {"by": "person"} if what is What.SETTLED else {}
        store.record(
            Entry(what=what, who=who, team="T1", request=2, data={"accepted": accepted, **by}), NOW
        )


TOO_FEW = "a record by hand takes as many people as an approval"


@pytest.mark.parametrize(
    "before",
    [
        [],
        [(BEN, True)],  # the same person twice
        [(CLEO, False)],  # the other one saw the opposite
        [(CLEO, True), (CLEO, False)],  # and it is the last word that counts
    ],
)
def test_one_person_does_not_settle_what_takes_two(store, before):
    of_two(store)
    for who, accepted in before:
        by_hand(store, What.RECORDED, who, accepted=accepted)

    with pytest.raises(CouldNotRecordError) as refused:
        by_hand(store, What.SETTLED, BEN)

    assert TOO_FEW in str(refused.value.__cause__ or refused.value)


def test_two_people_who_saw_the_same_settle_it(store):
    of_two(store)
    by_hand(store, What.RECORDED, CLEO)

    by_hand(store, What.SETTLED, BEN)


def test_a_record_of_before_another_lost_answer_does_not_count(store):
    of_two(store)
    by_hand(store, What.RECORDED, CLEO)
    with store.transaction():
        store.record(Entry(what=What.CALL_LOST, request=2, data={}), NOW)

    with pytest.raises(CouldNotRecordError):
        by_hand(store, What.SETTLED, BEN)


@pytest.mark.parametrize("what", [What.RECORDED, What.SETTLED])
def test_nobody_records_the_outcome_of_an_own_request(store, what):
    of_two(store)
    by_hand(store, What.RECORDED, CLEO)

    with pytest.raises(CouldNotRecordError):
        by_hand(store, what, ANN)


@pytest.mark.parametrize(
    "call",
    ["'accepted', 1", "'lost', 1", "NULL, 1"],
    ids=["accepted", "lost", "under way"],
)
def test_a_request_of_which_something_went_out_is_never_stopped_as_if_nothing_had(store, raw, call):
    approve(store)
    approved = REQUEST.decided(State.APPROVED, BEN, NOW, reason="", wake_at=NOW)
    running = approved.moved(State.RUNNING, NOW, wake_at=NOW)
    with store.transaction():
        store.requests.move(REQUEST, approved)
        store.requests.move(approved, running)
        store.calls.save(Call(request=1, subject="BR-1", key="k", track_id="t"))
    raw.execute("DROP TRIGGER calls_that_mail_have_their_documents")
    verdict, tries = call.split(", ")
    raw.execute(f"UPDATE calls SET verdict = {verdict}, tries = {tries}")  # noqa: S608 - our own words

    forbidden(raw, "UPDATE requests SET state = 'stopped'", "nothing was sent")
    raw.execute("UPDATE requests SET state = 'stopped', progress = '{\"look_first\": true}'")


def test_no_statement_numbers_its_values():
    """Python 3.14 refuses `?2` with a list of values, and 3.12 warns; `:name` may stand several times."""
    numbered = [
        (path, each.lineno)
        for path in Path("bot").rglob("*.py")
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Constant) and re.search(r"\?\d", str(each.value))
    ]

    assert numbered == []
