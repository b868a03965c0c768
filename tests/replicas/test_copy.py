"""`billing-bot copy` through the real process: everything, both ways, and nothing over what is there."""

import asyncio
import sqlite3
import sys
from contextlib import closing

import psycopg
import pytest

from bot.audit.verify import verify_database
from bot.cli.clock import SystemClock
from bot.domain.history import Entry, What
from bot.fence import Fence
from bot.store.copied_file import FileSource
from bot.store.copying import MARKER, every_table
from bot.store.errors import StoreError
from bot.store.moving import copy
from bot.store.postgres.promises import asked
from bot.store.postgres.work_lock import PostgresLock
from bot.store.store import Store
from tests.processes import ENVIRONMENT
from tests.stage import BOB, Stage


async def billing_bot(folder, *arguments):
    """Its exit status, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, cwd=folder, env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.fixture
async def file(tmp_path):
    """A database in which a mail was asked for, approved and sent, and another one waits."""
    stage = Stage(tmp_path, "run")
    await stage.open()
    try:
        for run in ("BR-00000001", "BR-00000002"):
            stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "10.00")])
        await stage.start()
        first = await stage.ask()
        await stage.press(BOB, first)
        await stage.until_thread(first, "accepted")
        await stage.ask(text="BR-00000002")
        await stage.quiet()
    finally:
        await stage.close()
    return tmp_path / "billing-bot.db"


@pytest.fixture
def url(server):
    return server.url(server.new_database())


def rows_of(path):
    with FileSource.of(path) as side:
        return {table.name: [*side.rows(table.selected)] for table in every_table()}


async def test_a_database_goes_to_a_server_and_back_and_is_the_same(file, url, tmp_path):
    status, said = await billing_bot(tmp_path, "copy", f"sqlite:///{file}", url)
    assert status == 0, said
    assert "each the same on both sides" in said

    status, said = await billing_bot(tmp_path, "copy", url, "sqlite:///back.db")
    assert status == 0, said

    assert rows_of(tmp_path / "back.db") == rows_of(file)
    assert verify_database(tmp_path / "back.db", key="").findings == ()
    assert len(rows_of(file)["history"]) > 5


async def test_what_was_copied_goes_on_where_it_stood_and_its_rules_hold(file, url):
    copy(str(file), url)

    store = Store.open(url)
    try:
        assert store.requests.next_number() == 3
        store.history.last()
    finally:
        store.close()
    with psycopg.connect(url, autocommit=True) as anybody, pytest.raises(psycopg.IntegrityError):
        anybody.execute("DELETE FROM history")


async def test_a_target_that_holds_something_else_is_refused(file, url, tmp_path):
    copy(str(file), url)

    status, said = await billing_bot(tmp_path, "copy", f"sqlite:///{file}", url)

    assert status == 3
    assert "holds another database already" in said


@pytest.mark.parametrize("side", ["source", "target"])
async def test_while_somebody_works_on_either_side_nothing_is_copied(side, file, url, tmp_path):
    copy(str(file), url)
    lock = PostgresLock(url, Fence())
    assert lock.take()
    try:
        places = (url, "sqlite:///new.db") if side == "source" else (f"sqlite:///{file}", url)
        status, said = await billing_bot(tmp_path, "copy", *places)
    finally:
        lock.release()

    assert status == 2
    assert "still works on" in said


async def test_a_copy_that_was_broken_off_is_gone_on_with_and_nobody_works_on_it_before(file, url):
    read = []

    def break_off(table, _rows):
        read.append(table)
        if table == "history":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(str(file), url, break_off)
    with pytest.raises(StoreError, match="was broken off"):
        Store.open(url)
    with pytest.raises(StoreError, match="was broken off"):
        copy(url, str(file.with_name("half.db")))
    with pytest.raises(StoreError, match="was broken off"):
        asked(url)
    again = []
    copy(str(file), url, lambda table, _rows: again.append(table))

    assert set(read) & set(again) == {"history"}
    Store.open(url).close()


def test_a_file_that_was_half_copied_is_neither_whole_nor_a_source(url, tmp_path):
    """An empty history is whole: without the mark `verify` would say so."""
    Store.open(url).close()
    half = tmp_path / "half.db"

    def break_off(table, _rows):
        if table == "history":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(url, str(half), break_off)

    with pytest.raises(StoreError, match="was broken off"):
        verify_database(half, key="")
    with pytest.raises(StoreError, match="was broken off"):
        copy(str(half), url)


async def test_a_copy_whose_source_went_on_meanwhile_begins_anew(file, url):
    def break_off(table, _rows):
        if table == "history":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(str(file), url, break_off)
    store = Store.open(file)
    try:
        with store.transaction():
            store.record(Entry(what=What.STARTED_BOT, data={}), SystemClock().now())
    finally:
        store.close()
    with closing(sqlite3.connect(file)) as changed, changed:
        before = changed.execute("SELECT COUNT(*) FROM history").fetchone()
    copy(str(file), url)

    with psycopg.connect(url) as there:
        assert there.execute("SELECT COUNT(*) FROM history").fetchone() == before
        assert there.execute(f"SELECT to_regclass('{MARKER}')").fetchone() == (None,)


async def test_a_row_that_is_not_the_same_at_the_end_makes_the_copy_unusable(file, url):
    """Text with a character that PostgreSQL does not take."""
    with closing(sqlite3.connect(file)) as odd, odd:
        odd.execute("UPDATE outbox SET refusal = 'a' || char(0) || 'b' WHERE sequence = 1")

    with pytest.raises(StoreError, match="outbox is not the same on both sides"):
        copy(str(file), url)
    with pytest.raises(StoreError, match="was broken off"):
        Store.open(url)


async def test_what_is_no_address_is_said_without_its_password(tmp_path):
    status, said = await billing_bot(
        tmp_path, "copy", "sqlite:///a.db", "mysql://bot:secret@host/b"
    )

    assert status == 2
    assert "write FROM and TO like" in said
    assert "secret" not in said
