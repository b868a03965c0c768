"""The log is moved into the database file beside the event loop, and nothing committed is lost."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.history import Entry, What
from bot.store.checkpoints import MANY_ROWS, checkpoint
from bot.store.store import Store
from tests.postgres import only_sqlite

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def write(store, many=MANY_ROWS):
    for _ in range(0, many, 100):
        with store.transaction():
            for _ in range(100):
                store.record(Entry(what=What.REFUSED, data={"reason": "x" * 500}), NOW)


def in_the_file_alone(path, folder):
    """How much of the history the file holds without its log."""
    alone = shutil.copy(path, folder / "alone.db")
    with closing(sqlite3.connect(alone)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'history'").fetchone():
            return 0
        return database.execute("SELECT COUNT(*) FROM history").fetchone()[0]


def size_of_the_file(stage):
    return Path(stage.settings().database_path).stat().st_size


def test_a_commit_leaves_it_to_the_checkpoint(store, tmp_path):
    path = tmp_path / "billing-bot.db"
    store.checkpoints.take_over()
    assert not store.checkpoints.due

    write(store)

    assert store.checkpoints.due
    assert in_the_file_alone(path, tmp_path) == 0
    checkpoint(store.checkpoints.begin())
    assert in_the_file_alone(path, tmp_path) == MANY_ROWS
    assert not store.checkpoints.due


def test_what_was_committed_is_there_without_any_checkpoint(store, tmp_path):
    store.checkpoints.take_over()
    write(store)
    for name in ("billing-bot.db", "billing-bot.db-wal"):  # as a crash would leave them
        shutil.copy(tmp_path / name, tmp_path / f"copy-{name}")
    (tmp_path / "copy-billing-bot.db-wal").rename(tmp_path / "copy.db-wal")
    (tmp_path / "copy-billing-bot.db").rename(tmp_path / "copy.db")

    after = Store.open(tmp_path / "copy.db")

    assert len(after.history.all()) == MANY_ROWS
    after.close()


def test_a_checkpoint_that_cannot_be_made_is_logged_and_tried_again(store, tmp_path, caplog):
    checkpoint(str(tmp_path))

    assert "checkpoint_failed" in caplog.text


@only_sqlite
async def test_a_running_bot_does_it_when_enough_was_written(stage):
    write(stage.store)
    assert size_of_the_file(stage) < MANY_ROWS * 500

    stage.clock.advance(seconds=5)

    await stage.until(lambda: size_of_the_file(stage) > MANY_ROWS * 500)
