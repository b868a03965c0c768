"""A pooler between the bot and its server: each client its own session works, one for all is refused at once."""

import pytest

from bot.domain.history import Entry, What
from bot.fence import Fence
from bot.store.errors import StoreError
from bot.store.postgres.work_lock import PostgresLock
from bot.store.store import Store
from tests.replicas.pooler import Pooler
from tests.store.test_schema import NOW


@pytest.fixture
def through(server):
    """The address of a new database through a pooler of some kind."""
    made = []

    def address(*, shares):
        made.append(Pooler(server.port, shares=shares))
        return server.url(server.new_database(), made[-1].port)

    yield address
    for each in made:
        each.close()


def test_in_session_mode_who_holds_the_lock_works_and_hears_the_others_alone(through):
    """PgBouncer gives libpq another number for the session than the server knows it by."""
    address = through(shares=False)
    lock, store = PostgresLock(address, Fence()), Store.open(address)
    another = Store.open(address)
    try:
        assert lock.take()
        store.begin_turn(lock.holder)
        write(store)
        assert not store.others_have_written()
        write(another)
        store.history.last()  # an answer, behind which the notice has come
        assert store.others_have_written()
    finally:
        for each in (store, another):
            each.close()
        lock.release()


def test_in_transaction_mode_the_start_is_refused_in_one_sentence(through):
    with pytest.raises(StoreError, match="name the server itself, or set the pooler's mode"):
        Store.open(through(shares=True))


def write(store):
    with store.transaction():
        store.record(Entry(what=What.REFUSED, who="U1"), NOW)
