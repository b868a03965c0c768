"""The lock by which one of several processes works, on a real server."""

import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit

import psycopg
import pytest

from bot.fence import Fence
from bot.store.errors import CouldNotRecordError
from bot.store.postgres.turns import KEY
from bot.store.postgres.work_lock import PostgresLock, others_at
from bot.store.store import Store
from tests.patient import LONGEST


def until(predicate, seconds=LONGEST):
    end = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def url(server):
    return server.url(server.new_database())


@pytest.fixture
def locks(url):
    """Two processes' locks on one database."""
    made = [PostgresLock(url, Fence()) for _ in range(2)]
    yield made
    for each in made:
        each.release()


def test_one_has_it_and_the_next_one_gets_it_when_it_is_given_back(locks):
    first, second = locks
    assert first.take()
    assert not second.take()
    assert (first.fence.is_open, second.fence.is_open) == (True, False)

    first.release()
    until(second.take)

    assert (first.fence.is_open, second.fence.is_open) == (False, True)
    assert not second.began_anew


GOODBYE = b"X\x00\x00\x00\x04"
"""How a client ends its session (PostgreSQL's message Terminate)."""


@contextmanager
def sessions_that_stay(server):
    """The port of a way on which a server never learns that its clients went."""
    with socket.create_server(("127.0.0.1", 0)) as way, ExitStack() as kept:

        def copy(source, target):
            with suppress(OSError):
                while (data := source.recv(65_536)) not in (b"", GOODBYE):
                    target.sendall(data)

        def let_through():
            with suppress(OSError):
                while True:
                    client, _ = way.accept()
                    kept.enter_context(client)
                    there = socket.create_connection((server.host, server.port))
                    kept.enter_context(there)
                    for ends in ((client, there), (there, client)):
                        Thread(target=copy, args=ends, daemon=True).start()

        Thread(target=let_through, daemon=True).start()
        yield way.getsockname()[1]


def test_what_was_given_back_is_free_before_the_server_ends_the_session(url, server):
    """So that a command right after the end of a bot does not find that bot, whose session a busy server ends later."""
    with sessions_that_stay(server) as port:
        lock = PostgresLock(server.url(urlsplit(url).path[1:], port), Fence())
        assert lock.take()
        lock.release()
        assert others_at(url)
        with psycopg.connect(url) as another:
            assert another.execute(f"SELECT pg_try_advisory_lock({KEY})").fetchone() == (True,)


def test_who_loses_its_session_has_lost_it_and_shuts_its_fence(locks, server):
    first, second = locks
    assert first.take()
    second.take()

    server.said(f"SELECT pg_terminate_backend({first.holder})")
    until(lambda: first.is_lost)
    until(second.take)

    assert not first.take()
    assert not first.fence.is_open
    assert "ended" in first.why_lost


def test_who_stands_by_goes_on_in_a_new_session_and_knows_that_the_server_may_be_another_one(
    locks, server
):
    _, second = locks
    locks[0].take()
    second.take()

    server.said(f"SELECT pg_terminate_backend({second.holder})")
    until(lambda: second.began_anew)

    assert not second.is_lost
    locks[0].release()
    until(second.take)


def test_a_session_that_holds_it_and_says_nothing_is_ended_by_the_server(url, server):
    """As of a process that is frozen. Here it is the statement that takes the lock, and then silence."""
    from bot.store.postgres import work_lock  # noqa: PLC0415

    with psycopg.connect(url, autocommit=True) as silent:
        silent.execute(work_lock._TRY)
        limit = silent.execute("SHOW idle_session_timeout").fetchone()
    assert limit == ("10s",)


def test_everybody_sees_who_works_and_who_stands_by(locks, url):
    for each in locks:
        each.take()
    found = others_at(url)
    assert sorted(each.works for each in found) == [False, True]
    assert all(each.quiet < 5 and each.host and each.pid for each in found)


def test_whoever_worked_before_writes_nothing_more_once_the_next_turn_has_begun(locks, url):
    first, second = locks
    before, after = Store.open(url), Store.open(url)
    try:
        assert first.take()
        before.begin_turn(first.holder)
        with before.transaction():
            pass
        first.release()
        until(second.take)
        after.begin_turn(second.holder)

        with (
            pytest.raises(CouldNotRecordError, match="another process works now"),
            before.transaction(),
        ):
            pass
        assert (before.has_lost_its_turn, after.has_lost_its_turn) == (True, False)
        with after.transaction():
            pass
    finally:
        before.close()
        after.close()


def test_who_does_not_hold_it_cannot_take_the_turn_from_the_one_that_does(locks, url):
    """It was frozen between the two, and wakes when another one works."""
    first, second = locks
    late, works = Store.open(url), Store.open(url)
    try:
        first.take()
        first.release()
        until(second.take)
        works.begin_turn(second.holder)

        with pytest.raises(CouldNotRecordError):
            late.begin_turn(first.holder)
        with works.transaction():
            pass
    finally:
        late.close()
        works.close()
