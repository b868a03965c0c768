"""What a large request consists of is written before it, and counts for nothing until that is saved."""

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.authority import Person
from bot.domain.digest import text_hash
from bot.domain.history import What
from bot.domain.mailing import Mailing
from bot.domain.operation import Deed
from bot.domain.request import APART
from bot.store.errors import CouldNotRecordError
from bot.store.in_parts import PART
from bot.store.mailings_bound import RowsHash, hash_of
from bot.store.preparing import KeptNumber
from tests.store.test_schema import NOW, REQUEST

ANN = Person(user_id="U0ANN", team_id="T1")
NUMBERS = [f"INV{number:08}" for number in range(PART + 3)]
PARTS = (b"the first", b"the second")
MINE = [Mailing(each, "document", each, f"id-{each}", "A1", "BR-1", "") for each in NUMBERS]


def prepare(store, number=1):
    with store.transaction():
        entry = store.preparing.begin(number, NOW, ANN, "email_invoice")
        rows = store.mailings.add(number, MINE)
        store.requests.add_subjects(number, NUMBERS)
        store.requests.add_facts(number, PARTS[:1])
        store.requests.add_facts(number, PARTS[1:], 1)
    return KeptNumber(number, entry, rows, len(PARTS))


def drop(store, number):
    left = True
    while left:
        with store.transaction():
            store.preparing.drop_part(number, NOW, "not saved")
        left = store.preparing.stands(number)


def left(store, number):
    counts = (
        store._database.execute(f"SELECT COUNT(*) FROM {table} WHERE request = ?", [number])  # noqa: S608 - own names
        for table in ("mailings", "request_subjects", "facts_in_parts")
    )
    return [count for cursor in counts for (count,) in cursor]


def test_what_is_prepared_counts_for_nothing_and_keeps_its_number(store):
    prepare(store)

    assert store.mailings.effects(MINE, not_of=0) == []
    assert store.requests.open_about(NUMBERS) == []
    assert store.requests.next_number() == 2
    assert store.requests.newest() == 0


def test_it_counts_as_soon_as_the_request_stands_there(store):
    kept = prepare(store)

    with store.transaction():
        store.preparing.check(kept)
        store.requests.add(REQUEST, Deed.MAILED, NUMBERS[:1])

    assert {each.number for each in store.mailings.effects(MINE, not_of=0)} == set(NUMBERS)
    assert [found for _, _, found in store.requests.open_about(NUMBERS)] == NUMBERS
    assert not store.preparing.stands(1)


def test_of_a_request_that_stands_there_nothing_is_dropped(store):
    prepare(store)
    with store.transaction():
        store.requests.add(REQUEST, Deed.MAILED, NUMBERS[:1])

    drop(store, 1)

    assert left(store, 1) == [len(NUMBERS), len(NUMBERS), len(PARTS)]
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        store._database.execute("DELETE FROM mailings WHERE request = 1")


def test_what_is_dropped_leaves_nothing_but_two_entries_and_its_number_is_not_used_again(store):
    kept = prepare(store)

    drop(store, 1)
    drop(store, 1)

    assert left(store, 1) == [0, 0, 0]
    assert store.requests.next_number() == 2
    said = [(each.entry.what, each.entry.who, each.entry.data) for each in store.history.all()]
    assert said == [
        (What.NUMBER_KEPT, ANN.user_id, {"number": 1, "operation": "email_invoice"}),
        (What.NUMBER_DROPPED, "", {"number": 1, "kept": kept.entry, "why": "not saved"}),
    ]


def test_a_request_is_not_saved_of_which_somebody_has_dropped_a_part(store):
    kept = prepare(store)
    with store.transaction():
        store.preparing.drop_part(1, NOW, "not saved")

    with pytest.raises(CouldNotRecordError, match="not written whole"), store.transaction():
        store.preparing.check(kept)


def test_a_request_is_not_saved_without_all_parts_of_its_facts(store):
    kept = prepare(store)._replace(parts=3)

    with pytest.raises(CouldNotRecordError, match="not written whole"), store.transaction():
        store.preparing.check(kept)


def test_parts_of_facts_are_read_with_their_request_and_stay_as_they_are(store):
    prepare(store)
    asked = replace(REQUEST, facts=f'{APART}["1","2"]}}')
    with store.transaction():
        store.requests.add(asked, Deed.MAILED, NUMBERS[:1])

    assert store.requests.get(1) == replace(asked, packed=PARTS)
    assert store.requests.by_form(asked.form).packed == PARTS
    for sql in (
        "UPDATE facts_in_parts SET packed = x'00'",
        "DELETE FROM facts_in_parts",
        "DELETE FROM facts_in_parts WHERE part = 1",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            store._database.execute(sql)


def test_nothing_is_written_for_a_number_that_nobody_keeps(store):
    with pytest.raises(sqlite3.IntegrityError, match="belongs to a request"):
        store.mailings.add(7, MINE[:1])
    with pytest.raises(sqlite3.IntegrityError, match="belongs to a request"):
        store.requests.add_subjects(7, ["BR-1"])
    with pytest.raises(sqlite3.IntegrityError, match="belong to a request"):
        store.requests.add_facts(7, PARTS)


def test_a_number_that_has_its_request_is_not_kept_again(store):
    with store.transaction():
        store.requests.add(replace(REQUEST, number=1), Deed.MAILED)

    with pytest.raises(sqlite3.IntegrityError, match="not prepared"):
        store.preparing.begin(1, NOW, ANN, "email_invoice")


def test_what_a_process_left_behind_is_found_by_its_age(store):
    prepare(store)

    assert store.preparing.begun_before(NOW) == []
    assert store.preparing.begun_before(NOW + timedelta(seconds=1)) == [1]


def test_calls_that_were_planned_are_forgotten_until_the_request_begins_and_not_after(store):
    kept = prepare(store)
    with store.transaction():
        store.preparing.check(kept)
        store.requests.add(REQUEST, Deed.MAILED, NUMBERS[:1])

    assert store.requests.newest() == 1
    assert store.calls.of(1) == ()


def test_all_that_a_large_request_can_mail_is_hashed_in_parts_as_it_is_at_once(store):
    prepare(store)
    hashing, parts = RowsHash(), list(store.mailings.bound_in_parts(1))
    for part in parts:
        hashing.add(part)

    assert [len(part) for part in parts] == [PART, 3]
    rows = [[each, "document", each, f"id-{each}", "A1", "", "BR-1"] for each in NUMBERS]
    assert hashing.done() == hash_of(rows) == text_hash(json.dumps(rows, ensure_ascii=False))
    assert hash_of([]) == text_hash("[]")
