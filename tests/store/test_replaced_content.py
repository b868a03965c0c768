"""Other content is put into the file of an open store, as `cp backup.db billing-bot.db` does."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from bot.domain.history import Entry, What
from bot.store.errors import REPLACED, CouldNotRecordError
from bot.store.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bot.db"


@pytest.fixture
def store(path):
    with_rows = Store.open(path)
    write(with_rows)
    yield with_rows
    with_rows.close()


def write(store, rows=1):
    with store.transaction():
        for _ in range(rows):
            store.record(Entry(what=What.STARTED_BOT), NOW)


def content(store, path):
    """What stands in the file itself, once its log was written into it."""
    store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def put(store, path, content):
    path.write_bytes(content)
    store._database.execute("PRAGMA shrink_memory")  # what is in its cache is forgotten


def refused(store):
    with pytest.raises(CouldNotRecordError, match="replaced"):
        write(store)
    return store.trouble == REPLACED


def test_nothing_is_written_after_a_row_that_an_older_copy_does_not_have(store, path):
    older = content(store, path)
    write(store)
    content(store, path)

    put(store, path, older)

    assert refused(store)
    assert refused(store)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_nothing_is_written_into_another_history_however_long_it_is(store, path, rows):
    content(store, path)
    other = path.with_name("other.db")
    with_other = Store.open(other)
    with with_other.transaction():
        with_other.record(Entry(what=What.STARTED_BOT, data={"version": "another"}), NOW)
    write(with_other, rows - 1)
    with_other.close()

    put(store, path, other.read_bytes())

    assert refused(store)


def test_rows_of_another_process_are_no_other_history(store, path):
    other = Store.open(path)
    write(other, 3)
    write(store)
    write(other)

    assert store.history.last().sequence == other.history.known.sequence == 6
    other.close()


def test_what_was_taken_back_does_not_count_as_written(store):
    before = store.history.known

    with suppress(ZeroDivisionError), store.transaction():
        store.record(Entry(what=What.STARTED_BOT), NOW)
        raise ZeroDivisionError

    assert store.history.known == before
    write(store)
    assert store.history.known.sequence == before.sequence + 1
