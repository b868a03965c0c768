"""What is remembered of a request that shares no document with another holds only until another has come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.history import Entry, What
from bot.domain.mailing import Certainty, Mailing
from bot.domain.operation import Deed
from bot.store.in_parts import PART
from bot.store.store import Store
from tests.store.test_schema import NOW, REQUEST


def mailing(number, run="BR-1"):
    return Mailing(number or run, "document" if number else "auto", number, "", "A1", run, "")


def ask(store, number, *mailings):
    request = replace(REQUEST, number=number, form=f"f{number}", token=f"t{number}")
    entry = Entry(what=What.ASKED, request=number, who=REQUEST.requester)
    store.requests.add(request, Deed.MAILED)
    store.mailings.add(number, mailings)
    store.record(entry, NOW)


def others(store, number=1):
    return [(each.request, each.how) for each in store.mailings.effects_of(number, "")]


def test_a_request_that_comes_later_for_one_of_the_documents_is_found(store):
    with store.transaction():
        ask(store, 1, mailing("INV1"), mailing("INV2"))
    assert others(store) == others(store) == []

    with store.transaction():
        ask(store, 2, mailing("INV3"))
    assert others(store) == others(store) == []
    with store.transaction():
        ask(store, 3, mailing("INV2"))

    assert others(store) == others(store) == [(3, Certainty.OPEN)]


def test_what_was_seen_in_a_transaction_that_was_undone_is_not_remembered(store):
    with store.transaction():
        ask(store, 1, mailing("INV1"))

    class UndoneError(Exception):
        pass

    def undone():
        with store.transaction():
            for number in range(2, 9):  # the rows that take their sequences are others
                ask(store, number, mailing(f"INV{number}"))
            assert others(store) == []
            raise UndoneError

    with pytest.raises(UndoneError):
        undone()
    with store.transaction():
        ask(store, 2, mailing("INV1"))

    assert others(store) == [(2, Certainty.OPEN)]


def test_a_run_that_learns_its_number_later_is_found_by_it(store):
    with store.transaction():
        ask(store, 2, mailing("", run=""))
        ask(store, 1, mailing("INV1", run="BR-7"))
    assert others(store) == others(store) == []

    store._database.execute(
        """UPDATE requests SET progress = '{"number":"BR-7"}' WHERE number = 2"""
    )

    assert others(store) == [(2, Certainty.OPEN)]


def test_what_another_process_writes_is_found(store, tmp_path):
    with store.transaction():
        ask(store, 1, mailing("INV1"))
    assert others(store) == []
    other = Store.open(tmp_path / "billing-bot.db")
    with other.transaction():
        ask(other, 2, mailing("INV1"))
    other.close()

    assert others(store) == [(2, Certainty.OPEN)]


def test_rows_of_others_that_come_before_their_request_are_found_with_it(store):
    with store.transaction():
        ask(store, 1, mailing("INV1"))
    assert others(store) == []
    with store.transaction():
        store._database.execute(
            "INSERT INTO preparing (number, at) VALUES (2, ?)", [f"{NOW + timedelta(seconds=1)}"]
        )
        store.mailings.add(2, [mailing("INV1")])
    assert others(store) == []
    with store.transaction():
        ask(store, 2)

    assert others(store) == [(2, Certainty.OPEN)]


def looked(store, number=1):
    """A look for others, one part after the other, with what has to happen between them."""
    return iter(store.mailings.look_for_others(number))


def is_remembered_as_alone(store, number=1):
    return store.mailings.alone.is_alone(number)


def test_a_look_in_parts_is_remembered_until_another_comes_whatever_its_number(store):
    with store.transaction():
        ask(store, 3, *(mailing(f"INV{each:05}") for each in range(2 * PART)))
    for _ in looked(store, 3):
        assert not is_remembered_as_alone(store, 3)
    assert is_remembered_as_alone(store, 3)

    store.record(Entry(what=What.STARTED, request=3, who=""), NOW)  # it begins itself
    assert is_remembered_as_alone(store, 3)
    with store.transaction():
        ask(store, 2, mailing("INV00007"))  # its number was kept before

    assert others(store, 3) == [(2, Certainty.OPEN)]


def test_who_comes_between_two_parts_of_a_look_is_found_by_the_next_question(store):
    with store.transaction():
        ask(store, 1, *(mailing(f"INV{each:05}") for each in range(2 * PART)))
    for place, _ in enumerate(looked(store)):
        if place == 1:
            with store.transaction():
                ask(store, 2, mailing("INV00007"))

    assert others(store) == [(2, Certainty.OPEN)]


def test_a_look_in_parts_that_finds_somebody_remembers_nothing(store):
    with store.transaction():
        ask(store, 1, mailing("INV1"))
        ask(store, 2, mailing("INV1"))
    assert not list(looked(store))

    assert not is_remembered_as_alone(store)
    assert others(store) == [(2, Certainty.OPEN)]


def test_what_a_request_can_mail_besides_is_looked_at_anew(store):
    with store.transaction():
        ask(store, 2, mailing("INV1"))
        ask(store, 1)
    assert others(store) == []
    with store.transaction():
        store.mailings.add(1, [mailing("INV1")])

    assert others(store) == [(2, Certainty.OPEN)]
