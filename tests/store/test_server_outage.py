"""A PostgreSQL server that does not answer: refused at once, asked again beside, and never taken for one that did."""

import asyncio
import logging
import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from bot.awaited import Awaited, making
from bot.domain.history import START, Entry, What
from bot.store.errors import (
    LOCKED_BY_OTHERS,
    NO_ROOM,
    NOT_ANSWERING,
    REPLACED,
    CouldNotRecordError,
    NotKnownWhetherRecordedError,
)
from bot.store.measuring import why_not_writable
from bot.store.store import Store
from tests.patient import LONGEST
from tests.postgres import fresh_database, name_of, needs_postgres, quick, said
from tests.store.test_schema import NOW

pytestmark = needs_postgres


@pytest.fixture
def address():
    return fresh_database()


@pytest.fixture
def store(address):
    store = Store.open(address)
    yield store
    store.close()


def write(store, who="U1"):
    with store.transaction():
        store.record(Entry(what=What.REFUSED, who=who), NOW)


def frozen(store):
    """Let the server's process for this store stand still; its number."""
    pid = store._database._connection.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    return pid


@contextmanager
def logged(words: str) -> Iterator[threading.Event]:
    """An event that is set once these words are logged, in whatever thread."""
    found = threading.Event()

    class Bell(logging.Handler):
        def emit(self, record):
            if words in self.format(record):
                found.set()

    bell = Bell()
    logging.getLogger().addHandler(bell)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(bell)


def connected_again():
    for thread in threading.enumerate():
        if thread.name == "postgres":
            thread.join(60)


def test_what_does_not_answer_is_refused_and_asked_again_beside(store):
    write(store)
    before = store._database._connection
    pid = frozen(store)
    try:
        with quick(), pytest.raises(CouldNotRecordError, match=NOT_ANSWERING):
            write(store)
        assert (
            store._database._connection is not before
        )  # so that whoever comes now does not wait for it
        connected_again()
        assert store.trouble == ""
        write(store, "U2")
    finally:
        os.kill(pid, signal.SIGCONT)

    assert [each.entry.who for each in store.history.all()] == ["U1", "U2"]


def test_reading_does_not_wait_for_it_either(store):
    pid = frozen(store)
    try:
        with quick(), pytest.raises(CouldNotRecordError, match=NOT_ANSWERING):
            store.history.all()
    finally:
        os.kill(pid, signal.SIGCONT)
    connected_again()
    assert store.history.all() == []


def test_several_reads_at_once_do_not_wait_for_it_either_and_are_refused_together(store):
    none = ("SELECT number FROM requests WHERE number = ?", [1])
    one = ("SELECT CAST(? AS TEXT)", ["1"])
    with pytest.raises(CouldNotRecordError, match="no_such_table"):
        store._database.at_once(one, ("SELECT 1 FROM no_such_table", []), one)
    assert store._database.at_once(one, none, one) == [[("1",)], [], [("1",)]]

    pid = frozen(store)
    try:
        with quick(), pytest.raises(CouldNotRecordError, match=NOT_ANSWERING):
            store._database.at_once(one, none)
    finally:
        os.kill(pid, signal.SIGCONT)
    connected_again()
    assert store._database.at_once(one, none) == [[("1",)], []]


def test_a_connection_that_the_server_ends_is_made_again(store, address):
    write(store)
    pid = store._database._connection.info.backend_pid
    said(f"SELECT pg_terminate_backend({pid})")

    with pytest.raises(CouldNotRecordError, match=NOT_ANSWERING):
        write(store)
    connected_again()
    write(store)

    assert len(store.history.all()) == 2


def test_a_server_that_takes_no_more_connections_is_not_said_to_be_silent(address):
    role = f"limited_{name_of(address)}"
    said(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0 PASSWORD 'x'")
    parts = urlsplit(address)
    limited = urlunsplit(parts._replace(netloc=f"{role}:x@{parts.netloc.rpartition('@')[2]}"))

    assert why_not_writable(limited, START) == NO_ROOM
    assert why_not_writable(address, START) == ""


def test_why_there_is_no_connection_is_logged_once_and_a_full_or_locked_server_in_a_word(
    store, address, caplog
):
    name = name_of(address)
    store._database.execute("SET lock_timeout = '10ms'")
    with psycopg.connect(address) as console:
        console.execute("LOCK TABLE history")
        with pytest.raises(CouldNotRecordError):
            write(store)
    assert caplog.records[-1].trouble == LOCKED_BY_OTHERS
    assert not caplog.records[-1].exc_info

    with logged("not currently accepting connections") as is_logged:
        said(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        said(f"SELECT pg_terminate_backend({store._database._connection.info.backend_pid})")
        with pytest.raises(CouldNotRecordError, match=NOT_ANSWERING):
            write(store)
        assert is_logged.wait(LONGEST)
    said(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    connected_again()

    assert caplog.text.count("not currently accepting connections") == 1
    write(store)


def test_a_commit_without_an_answer_is_not_said_to_be_nothing(store):
    write(store)

    def write_and_freeze():
        with store.transaction():
            store.record(Entry(what=What.REFUSED, who="U2"), NOW)
            pids.append(frozen(store))

    pids = list[int]()
    with quick(), pytest.raises(NotKnownWhetherRecordedError):
        write_and_freeze()
    os.kill(pids[0], signal.SIGCONT)  # it gets the commit that it was sent
    connected_again()
    write(store, "U3")  # behind whatever became of it

    assert [each.entry.who for each in store.history.all()] in (["U1", "U2", "U3"], ["U1", "U3"])


def test_a_standby_that_lacks_a_row_is_not_written_to(store, address):
    write(store)
    write(store)
    database = name_of(address)
    said(
        "ALTER TABLE history DISABLE TRIGGER USER; DELETE FROM history WHERE sequence = 2; "
        "ALTER TABLE history ENABLE TRIGGER USER",
        database,
    )
    said(f"SELECT pg_terminate_backend({store._database._connection.info.backend_pid})")

    with pytest.raises(CouldNotRecordError, match=NOT_ANSWERING):
        write(store)
    connected_again()

    assert store.trouble == REPLACED
    with pytest.raises(CouldNotRecordError, match=REPLACED):
        write(store)


def test_what_another_process_writes_is_heard_and_what_this_one_writes_is_not(store, address):
    other = Store.open(address)
    try:
        store.others_have_written()
        write(store)
        assert not store.others_have_written()
        write(other)
        # the server sends a notice when it comes to it
        select.select([store._database._connection], [], [], LONGEST)
        assert store.others_have_written()
        assert not store.others_have_written()
    finally:
        other.close()


def test_a_process_that_lost_its_turn_writes_nothing(store, address):
    store._database.turn = 1
    with pytest.raises(CouldNotRecordError, match="another process works"):
        write(store)
    assert store.history.all() == []
    said("UPDATE turns_of_work SET turn = 1", name_of(address))
    write(store)


def who_is_there(store):
    return [each.entry.who for each in store.history.all()]


def test_of_what_was_answered_as_not_recorded_nothing_is_committed_and_nothing_more_is_asked(store):
    """What listens gives up on a separate thread: here between the last statement and the commit."""
    answer = Awaited()

    def write_too_late():
        with store.transaction():
            store.record(Entry(what=What.REFUSED, who="U1"), NOW)
            assert not answer.give_up()

    with making(answer):
        with pytest.raises(CouldNotRecordError):
            write_too_late()
        with pytest.raises(CouldNotRecordError):
            store.history.all()

    write(store, "U2")
    assert who_is_there(store) == ["U2"]


def test_what_may_have_been_committed_is_not_answered_as_not_recorded(store):
    answer = Awaited()
    with making(answer):
        write(store)

    assert answer.give_up()
    assert who_is_there(store) == ["U1"]


async def test_of_two_that_share_a_commit_one_that_was_answered_leaves_the_other_its_own(store):
    given_up, other = Awaited(), Awaited()

    async def click(answer, who):
        with making(answer):
            return await store.together.write(lambda: write(store, who))

    clicks = asyncio.gather(
        click(given_up, "U1"), click(other, "U2"), return_exceptions=True
    )  # begun, and not yet written
    await asyncio.sleep(0)
    given_up.give_up()
    first, second = await clicks

    assert isinstance(first, CouldNotRecordError)
    assert second is None
    assert who_is_there(store) == ["U2"]
    assert not given_up.give_up()
    assert other.give_up()
