"""What requests act on, by one row for each thing: also for requests of a version before that."""

import json
import sqlite3
from dataclasses import replace

import pytest
from sqlite_utils import Database

from bot.domain.operation import Deed
from bot.domain.request import State
from bot.store.schema import migrations
from bot.store.store import Store
from tests.fresh import fresh
from tests.store.test_schema import BEN, NOW, REQUEST


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bot.db"


@pytest.fixture
def store(path):
    store = Store.open(fresh(path))
    yield store
    store.close()


def add(store, number, subjects=(), **changes):
    made = replace(REQUEST, number=number, form=f"f{number}", **changes)
    with store.transaction():
        store.requests.add(made, Deed.MAILED, subjects)
    return made


def withdraw(store, request):
    ended = request.decided(State.WITHDRAWN, request.requester, NOW, reason="no", wake_at=None)
    with store.transaction():
        store.requests.move(request, ended)


def test_open_requests_are_found_by_whatever_they_act_on(store):
    add(store, 1, ["INV1", "INV2", "INV3"], operation="email_invoice")
    add(store, 2, ["BR-1"], operation="post_bill_run")
    withdraw(store, add(store, 3, ["INV2"], operation="email_invoice"))

    assert store.requests.open_about(["INV3", "INV2", "BR-1", "INV9"]) == [
        (1, "email_invoice", "INV2"), (1, "email_invoice", "INV3"), (2, "post_bill_run", "BR-1"),
    ]  # fmt: skip
    assert store.requests.open_about(["INV2", "INV2"]) == [(1, "email_invoice", "INV2")]
    assert store.requests.open_about([]) == []
    assert store.status.about("INV2", 10) == [3, 1]


def test_a_request_without_further_subjects_acts_on_its_own(store):
    add(store, 1)

    assert store.requests.open_about(["BR-1"]) == [(1, "email_bill_run", "BR-1")]


def test_a_run_that_a_request_made_leads_to_the_request(store):
    made = add(store, 1, subject="Batch1", operation="create_bill_run")
    with store.transaction():
        store.requests.move(made, replace(made, progress=json.dumps({"number": "BR-7"})))

    assert store.status.about("BR-7", 10) == [1]


@pytest.fixture
def old(path):
    """A file as the version before wrote it: without the table."""
    connection = sqlite3.connect(path, isolation_level=None)
    migrations.apply(Database(connection), stop_before="0008_subjects")
    yield connection
    connection.close()


def insert(connection, number, operation, subject, facts, state="waiting"):
    columns = {
        "number": number, "operation": operation, "subject": subject, "body": "{}",
        "facts": facts, "digest": "d", "tenant": "t", "requester": "U0ANN", "team": "T",
        "reason": "r", "rule": '{"approvals": 0}', "policy_hash": "p", "form": f"f{number}",
        "state": "waiting", "created_at": "c", "expires_at": "e", "state_at": "s",
        "channel": "C", "decision_reason": "", "looks": 0, "result": "",
    }  # fmt: skip
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    connection.execute(f"INSERT INTO requests ({names}) VALUES ({marks})", list(columns.values()))  # noqa: S608 - own names
    if state != "waiting":
        connection.execute("UPDATE requests SET state = ? WHERE number = ?", [state, number])


def documents(*numbers):
    return json.dumps({"kind": "invoice", "documents": [{"number": each} for each in numbers]})


def test_requests_of_the_version_before_are_found_after_the_migration(path, old):
    insert(old, 1, "post_bill_run", "BR-1", "{}")
    insert(old, 2, "email_invoice", "3 invoices", documents("INV1", "INV2", "INV3"))
    insert(old, 3, "email_invoice", "INV4", documents("INV4"))
    insert(old, 4, "email_invoice", "2 invoices", documents("INV1", "INV5"), state="expired")
    insert(old, 5, "email_invoice", "2 invoices", documents("INV6", "INV7"), state="expired")
    insert(old, 6, "email_credit_memo", "2 credit memos", "no JSON")
    insert(old, 7, "create_bill_run", "all batches", "{}")
    old.execute(
        "INSERT INTO calls (request, subject, key, track_id, tries, words, zuora_request_id) "
        "VALUES (5, 'INV6', 'k', 't', 1, '', '')"
    )
    old.close()

    store = Store.open(path)

    wanted = ["BR-1", "INV1", "INV2", "INV3", "INV4", "INV5", "INV6", "all batches"]
    assert store.requests.open_about(wanted) == [
        (1, "post_bill_run", "BR-1"), (2, "email_invoice", "INV1"), (2, "email_invoice", "INV2"),
        (2, "email_invoice", "INV3"), (3, "email_invoice", "INV4"),
        (7, "create_bill_run", "all batches"),
    ]  # fmt: skip
    assert store.status.about("INV6", 10) == [5]
    assert store.status.about("3 invoices", 10) == []
    store.close()


def test_what_has_moved_since_it_was_read_is_known(store):
    made = add(store, 1)

    assert store.requests.stands(made)
    withdraw(store, made)
    assert not store.requests.stands(made)


def test_rules_that_are_longer_than_an_entry_of_an_index_are_found(store):
    many = tuple(f"U{number:010}" for number in range(400))
    add(store, 1, rule=replace(REQUEST.rule, approvers=(*many, "U0LAST")))
    add(store, 2, rule=replace(REQUEST.rule, approvers=(*many, "U0OTHER")))
    add(store, 3)

    rules = store.status.rules_waiting()

    assert sorted(rule.approvers[-1] for rule in rules.values()) == sorted(
        ("U0LAST", "U0OTHER", REQUEST.rule.approvers[-1])
    )


def test_what_waits_is_found_by_rule_without_what_one_asked_approved_or_what_expired(store):
    two = replace(REQUEST.rule, approvals=2)
    add(store, 1)
    add(store, 2, requester=BEN)
    add(store, 3, expires_at=NOW)
    seen = add(store, 4, rule=two)
    add(store, 5, rule=replace(REQUEST.rule, approvers=("S0OTHERS",)))
    withdraw(store, add(store, 6))
    with store.transaction():
        store.requests.approve(seen, BEN, "T1", NOW)

    rules = store.status.rules_waiting()
    known = [text for text, rule in rules.items() if BEN in rule.approvers]

    assert len(rules) == 3
    assert len(known) == 2
    assert store.status.to_decide(BEN, known, NOW, 10) == [1]
    assert store.status.to_decide("U0CLEO", known, NOW, 10) == [1, 2, 4]
    assert store.status.to_decide("U0CLEO", known, NOW, 2) == [1, 2]
    assert store.status.to_decide("U0CLEO", [], NOW, 10) == []
