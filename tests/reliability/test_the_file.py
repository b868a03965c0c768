"""The database file: whose it is, whether it is still there, and whether it is whole."""

import ast
import asyncio
import fcntl
import os
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.cli.clock import SystemClock
from bot.domain.history import Entry, What
from bot.health.first_check import FirstCheck
from bot.settings import AuditSettings
from bot.store.database import Guarded
from bot.store.errors import StoreBusyError, StoreError
from bot.store.file.backup import back_up, put_back
from bot.store.file.reading import open_read_only
from bot.store.lock import WorkLock
from bot.store.private import beside
from bot.store.store import Store
from bot.wiring.restoring import resume_after_restore
from bot.wiring.starting import CannotStartError
from tests.audit.test_evidence import made as evidence_made
from tests.large_file import PAGE, make_large
from tests.patient import LONGEST
from tests.postgres import only_sqlite
from tests.stage import ALICE, BOB, CHANNEL, MARA
from tests.store.test_schema import NOW


def file_of(stage):
    return stage.folder / "billing-bot.db"


async def test_files_are_their_owners_alone_whatever_the_umask(stage):
    await stage.stop()
    for file in stage.folder.glob("billing-bot.db*"):
        file.unlink()
    before = os.umask(0)
    try:
        await stage.start()
        await stage.ask()
    finally:
        os.umask(before)

    modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in stage.folder.glob("billing-bot.db*")}
    ends = ("", "-wal", "-shm", ".lock", ".opening")
    assert set(modes) == {f"billing-bot.db{end}" for end in ends}
    assert set(modes.values()) == {0o600}


async def test_exports_and_evidence_are_their_owners_alone_too(stage, tmp_path, monkeypatch):
    await stage.ask()
    before = os.umask(0)
    try:
        result, evidence = await evidence_made(stage, tmp_path)
        monkeypatch.setenv("DATABASE_URL", stage.settings().database_url)
        export = tmp_path / "month.csv"
        asked = ["export", "--month", "2026-11", "--out", str(export)]
        exported = await asyncio.to_thread(CliRunner().invoke, main, asked)
    finally:
        os.umask(before)

    assert (result.exit_code, exported.exit_code) == (0, 0), exported.output
    for file in (evidence, export):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_wider_mode_is_said_at_the_start(stage, caplog):
    await stage.stop()
    file_of(stage).chmod(0o644)

    await stage.start()

    assert "others_can_open_a_file_with_billing_data" in caplog.text


@pytest.mark.parametrize("how", ["deleted", "replaced", "without -wal", "without -shm"])
async def test_nothing_is_approved_or_sent_once_the_database_is_gone(stage, how):
    """Its log holds the newest rows: without it, they are gone after a restart."""
    ts = await stage.ask()
    await stage.quiet()
    content, end = file_of(stage).read_bytes(), how.partition("without ")[2]
    beside(file_of(stage), end).unlink()
    if how == "replaced":
        file_of(stage).with_name("other.db").write_bytes(content)
        file_of(stage).with_name("other.db").rename(file_of(stage))

    await stage.press(BOB, ts)

    assert stage.request().state == "waiting"
    assert stage.orders() == []
    await stage.until_private(BOB, "I could not record this, so nothing was done")
    assert stage.bot.health()["status"] == "database deleted or replaced"


def move_the_log_into_the_file(stage):
    stage.store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def a_second_later(file):
    """Move the time at which a file was written, because the clock of files stands still for some milliseconds."""
    written = file.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(written, written))


def cut_to_nothing(file, _older):
    os.truncate(file, 0)


def cut_in_half(file, _older):
    os.truncate(file, file.stat().st_size // 2 // PAGE * PAGE)


def copy_an_older_one_over_it(file, older):
    file.write_bytes(older)


def write_noise_over_it(file, _older):
    with file.open("r+b") as opened:
        opened.write(os.urandom(file.stat().st_size))


IN_PLACE = (cut_to_nothing, cut_in_half, copy_an_older_one_over_it, write_noise_over_it)


@only_sqlite
@pytest.mark.parametrize("where", ["in the file", "in the log too"])
@pytest.mark.parametrize("happens", IN_PLACE)
async def test_other_content_in_the_open_file_is_noticed_before_the_next_click_is_recorded(
    web_stage, happens, where
):
    """The file stays the same one, and the bot has what it reads in memory."""
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    move_the_log_into_the_file(stage)
    older = file_of(stage).read_bytes()
    for number in range(2, 5):
        run = f"BR-0000001{number}"
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "7")])
        if number < 4 or where == "in the log too":
            await stage.ask(text=run)
            await stage.quiet()
        if number < 4:
            move_the_log_into_the_file(stage)
    assert await readyz(stage) == (200, "ready")
    before = stage.store.history.last()

    happens(file_of(stage), older)
    a_second_later(file_of(stage))

    status, words = await readyz(stage)
    assert status == 503
    assert words in ("database deleted or replaced", "database damaged")
    await stage.press(BOB, ts)
    await stage.until_private(BOB, "I could not record this, so nothing was done")
    assert stage.orders() == []
    assert stage.store.history.known == before


@only_sqlite
async def test_another_program_may_compact_the_open_file_and_move_its_log_into_it(web_stage):
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    with closing(sqlite3.connect(file_of(stage), isolation_level=None)) as another:
        another.execute("CREATE TABLE more AS SELECT zeroblob(1000000) AS more")
        another.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert await readyz(stage) == (200, "ready")
        large = file_of(stage).stat().st_size
        another.execute("DROP TABLE more")
        another.execute("VACUUM")
        another.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert file_of(stage).stat().st_size < large

    assert await readyz(stage) == (200, "ready")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


@only_sqlite
async def test_a_compacted_file_whose_log_has_new_pages_already_is_not_damaged(web_stage):
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    with closing(sqlite3.connect(file_of(stage), isolation_level=None)) as another:
        another.execute("PRAGMA wal_autocheckpoint = 0")
        another.execute("CREATE TABLE more AS SELECT zeroblob(1000000) AS more")
        another.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert await readyz(stage) == (200, "ready")
        large = file_of(stage).stat().st_size
        another.execute("DROP TABLE more")
        another.execute("VACUUM")
        another.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        another.execute("CREATE TABLE more AS SELECT zeroblob(100000) AS more")
        assert file_of(stage).stat().st_size < large

        assert await readyz(stage) == (200, "ready")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


@only_sqlite
async def test_a_last_row_whose_hash_is_no_text_any_more_is_noticed_as_damage(web_stage):
    stage = web_stage
    await stage.ask()
    await stage.quiet()
    move_the_log_into_the_file(stage)
    assert await readyz(stage) == (200, "ready")
    last = stage.store.history.known.hash.encode()

    content = file_of(stage).read_bytes()
    noise = b"\xff" * len(last)
    with file_of(stage).open("r+b") as opened:
        opened.write(content.replace(last, noise))
    a_second_later(file_of(stage))

    assert await readyz(stage) == (503, "database damaged")
    assert stage.store.trouble == "database damaged"


def test_a_start_with_a_damaged_file_is_refused(tmp_path):
    """Pages in the middle of the file are overwritten."""
    path = tmp_path / "bot.db"
    Store.open(path).close()
    content = bytearray(path.read_bytes())
    half = len(content) // 8192 * 4096
    content[half : half + 3 * 4096] = os.urandom(3 * 4096)
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"damaged|malformed"):
        Store.open(path)


def emptied(path):
    path.write_bytes(b"")


def replaced_by_an_empty_database(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM")


def replaced_by_another_programs(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE songs (name TEXT)")


def cut(size):
    def cut_to(path):
        path.write_bytes(path.read_bytes()[:size])

    return cut_to


def deleted_without_its_log(path):
    path.unlink()
    path.with_name(f"{path.name}-wal").write_bytes(b"what was committed last")


LOST = {
    "empty": (emptied, "is empty"),
    "an empty database": (replaced_by_an_empty_database, "is empty"),
    "another program's": (replaced_by_another_programs, "a database of another program"),
    "50 bytes": (cut(50), "not a database|malformed"),
    "100 bytes": (cut(100), "not a database|malformed"),
    "one page": (cut(4096), "malformed|damaged"),
    "40 pages and a half": (cut(40 * 4096 + 2048), "malformed|damaged"),
    "its log alone": (deleted_without_its_log, "the log of one"),
}


@pytest.mark.parametrize(("lose", "said"), LOST.values(), ids=LOST)
def test_a_start_begins_no_database_where_one_was_lost(tmp_path, lose, said):
    path = tmp_path / "bot.db"
    Store.open(path).close()
    lose(path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    with pytest.raises(StoreError, match=said) as refused:
        Store.open(path)

    assert not isinstance(refused.value, StoreBusyError)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("lose", [emptied, replaced_by_another_programs])
async def test_no_command_takes_what_is_no_database_for_one(stage, tmp_path, monkeypatch, lose):
    await stage.ask()
    await stage.stop()
    lost, good = tmp_path / "lost.db", tmp_path / "good.db"
    good.write_bytes(file_of(stage).read_bytes())
    lost.write_bytes(b"")
    lose(lost)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{lost}")
    before = lost.read_bytes()

    for words in (
        ["backup", str(tmp_path / "copy.db")],
        ["archive", "--before", "2020-01-01", str(tmp_path / "archive.db")],
        ["verify"],
        ["export", "--month", "2026-11", "--out", str(tmp_path / "month.csv")],
        ["copy", f"sqlite:///{lost}", f"sqlite:///{tmp_path / 'there.db'}"],
        ["copy", f"sqlite:///{good}", f"sqlite:///{lost}"],
        ["resume-after-restore"],
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code not in (0, 1), (words, done.output)
        assert "Traceback" not in done.output
        assert lost.read_bytes() == before, words
    assert CliRunner().invoke(main, ["restore", str(lost)]).exit_code not in (0, 1)
    assert {"lost.db", "good.db"} <= {each.name for each in tmp_path.iterdir()}
    assert not {"copy.db", "archive.db", "month.csv"} & {each.name for each in tmp_path.iterdir()}


@pytest.mark.parametrize("end", ["-wal", "-shm"])
async def test_a_stop_in_order_writes_everything_into_the_file_though_its_log_was_deleted(
    stage, end
):
    ts = await stage.ask()
    await stage.quiet()
    beside(file_of(stage), end).unlink()
    assert stage.store.trouble == "database deleted or replaced"

    await stage.stop()

    with closing(sqlite3.connect(file_of(stage))) as database:
        assert database.execute("SELECT COUNT(*) FROM requests").fetchone() == (1,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    await stage.start()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


def left_by_a_kill(path):
    """Write six rows, of which the sixth is only in the log, and a backup of five; return the log."""
    store = Store.open(path)
    for number in range(6):
        if number == 5:
            store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            back_up(path, path.with_name("backup.db"))
        with store.transaction():
            store.history.append(Entry(what=What.STARTED_BOT, data={"number": number}), NOW)
    log = beside(path, "-wal").read_bytes()
    store.close()
    return log


@pytest.mark.parametrize("is_there", [False, True])
def test_what_a_refused_start_says_to_do_leaves_a_database_that_opens_and_the_log(
    tmp_path, is_there
):
    path = tmp_path / "bot.db"
    log = left_by_a_kill(path)
    if is_there:
        path.write_bytes(b"")
    else:
        path.unlink()
    beside(path, "-wal").write_bytes(log)
    with pytest.raises(StoreError, match="put a backup back"):
        Store.open(path)

    kept = put_back(tmp_path / "backup.db", path, NOW)

    store = Store.open(path)
    assert len(store.history.all()) == 5
    store.close()
    assert kept is not None
    assert kept.exists()
    (kept_log,) = tmp_path.glob("bot.db.before-*-wal")
    assert kept_log.read_bytes() == log


def look_by_reading(path):
    with open_read_only(path):
        pass


@pytest.mark.parametrize(
    "look",
    [Store.open, look_by_reading, lambda path: back_up(path, path.with_name("new.db"))],
    ids=["a start", "a reading command", "a backup"],
)
def test_nothing_that_refuses_an_empty_file_deletes_its_log(tmp_path, look):
    path = tmp_path / "bot.db"
    log = left_by_a_kill(path)
    path.write_bytes(b"")
    beside(path, "-wal").write_bytes(log)

    with pytest.raises(StoreError):
        look(path)

    assert beside(path, "-wal").read_bytes() == log


def test_a_first_start_that_is_killed_leaves_no_database_that_the_next_one_refuses(
    tmp_path, monkeypatch
):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("bot.store.opening.refuse_newer", killed)
        with pytest.raises(KeyboardInterrupt):
            Store.open(tmp_path / "bot.db")

    Store.open(tmp_path / "bot.db").close()


@pytest.mark.parametrize("tables", ["of today", "of yesterday"])
async def test_a_large_file_is_checked_before_its_tables_are_changed(tmp_path, tables):
    """Otherwise it is opened, and the bot checks it before it sends anything."""
    path = tmp_path / "bot.db"
    Store.open(path).close()
    make_large(path, damaged=True)
    if tables == "of today":
        store = await Store.opened(path)
        assert not store.is_checked
        store.close()
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute("DELETE FROM _sqlite_migrations WHERE name = '0059_any_deed'")
            database.commit()
        with pytest.raises(StoreError, match="it is damaged"):
            await Store.opened(path)


async def test_a_file_that_cannot_be_read_counts_as_not_checked_until_it_can(stage, caplog):
    """What sends to Zuora goes on waiting; here the file is back when the check is tried again."""
    file, elsewhere = file_of(stage), stage.folder / "elsewhere.db"

    class UntilItIsBack(SystemClock):
        async def sleep(self, seconds):
            assert not check.is_passed
            elsewhere.rename(file)

    bot = stage.bot
    bot.parts.store.is_checked = False
    check = FirstCheck(bot.parts.store, bot.watch, UntilItIsBack())
    file.rename(elsewhere)

    await check.run()

    assert "file_not_checked" in caplog.text
    assert check.is_passed


async def test_while_a_file_cannot_be_checked_the_probes_say_so(stage, monkeypatch):
    """A disk's error cannot be made here, so the check says what it says then."""
    answers = [None, False]
    seen = []

    class Looking(SystemClock):
        async def sleep(self, seconds):
            seen.extend([bot.readiness.ready()["status"], bot.readiness.healthy()])
            seen.append(bot.readiness.standstill)

    monkeypatch.setattr("bot.health.watch.is_damaged", lambda *_: answers.pop(0))
    bot = stage.bot
    bot.parts.store.is_checked = False

    await FirstCheck(bot.parts.store, bot.watch, Looking()).run()

    words = "The database file cannot be read to its end, so nothing is sent to Zuora."
    assert seen == ["database file cannot be checked"] * 2 + [words]
    assert bot.readiness.healthy() == "ready"
    assert not bot.readiness.standstill


@pytest.mark.parametrize("table", ["history", "_sqlite_migrations"])
async def test_a_large_file_whose_start_reads_damage_is_refused_in_words(tmp_path, table):
    path = tmp_path / "bot.db"
    store = Store.open(path)
    with store.transaction():
        store.record(Entry(what=What.REFUSED, who="U1"), NOW)
    store.close()
    make_large(path, damaged=False)
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", [table]
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)

    with pytest.raises(StoreError, match=r"DATABASE_URL: .* it is damaged .*restore a backup"):
        await Store.opened(path)


async def test_a_path_that_the_system_refuses_is_said_in_words(tmp_path):
    with pytest.raises(StoreError, match=r"DATABASE_URL: .* File name too long"):
        await Store.opened(tmp_path / ("x" * 300))


async def test_a_check_that_breaks_is_not_waited_for_for_ever(stage, monkeypatch):
    def broken(_path, _given_up):
        raise RuntimeError("no thread")

    monkeypatch.setattr("bot.health.watch.is_damaged", broken)
    with pytest.raises(RuntimeError, match="no thread"):
        await stage.bot.watch.check_database()


async def said(stage, path):
    """What a path answers over HTTP: its status and its words."""
    address = stage.slack.request_url.replace("/slack/events", path)
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, (await answer.json())["status"]


async def readyz(stage):
    """What `/readyz` answers, and `/healthz` too: the trouble is nothing that ends by itself."""
    found = await said(stage, "/readyz")
    assert await said(stage, "/healthz") == found
    assert await said(stage, "/livez") == (200, "ready")
    return found


def delete(stage):
    file_of(stage).unlink()


def replace(stage):
    other = file_of(stage).with_name("other.db")
    other.write_bytes(file_of(stage).read_bytes())
    other.rename(file_of(stage))


def damage(stage):
    """Overwrite everything but the first page, in the file and in its log."""
    database = stage.store._database
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    length = file_of(stage).stat().st_size
    with file_of(stage).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(length - 4096))
    database.execute("PRAGMA shrink_memory")  # what is in its cache is forgotten


def fill(stage):
    """Let the file not grow any more, as on a full disk."""
    database = stage.store._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")


TROUBLES = {
    delete: "database deleted or replaced", replace: "database deleted or replaced",
    damage: "database damaged", fill: "database full",
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_with_the_database_is_said_over_http_and_by_billstatus(web_stage, trouble):
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    assert await readyz(stage) == (200, "ready")

    trouble(stage)
    for _ in range(30):  # what is left of the last page is filled
        await stage.press(MARA, ts)
    await stage.press(BOB, ts)

    assert stage.orders() == []
    await stage.until_private(BOB, "I could not record this, so nothing was done")
    assert await readyz(stage) == (503, TROUBLES[trouble])
    ack = await stage.slack.slash(ALICE, CHANNEL, "/billstatus")
    assert TROUBLES[trouble] in ack.text
    stage.slack.workspace.users[MARA].is_restricted = True
    stage.clock.advance(minutes=2)
    ack = await stage.slack.slash(MARA, CHANNEL, "/billstatus")
    assert "database" not in ack.text


async def test_a_disk_that_takes_writes_again_is_noticed_by_itself(web_stage):
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    fill(stage)
    for _ in range(30):
        await stage.press(MARA, ts)
    assert await readyz(stage) == (503, "database full")

    stage.store._database.execute("PRAGMA max_page_count = 1000000")
    stage.clock.advance(minutes=2)
    await stage.until(lambda: stage.store.trouble == "")
    await stage.quiet()

    assert await readyz(stage) == (200, "ready")


def test_the_full_check_of_verify_finds_an_index_that_does_not_fit(tmp_path):
    path = tmp_path / "bot.db"
    store = Store.open(path)
    database = cast("Guarded", store._database)
    database.execute("CREATE TABLE more (n INTEGER)")
    database.conn.executemany("INSERT INTO more VALUES (?)", [(n,) for n in range(1000)])
    database.execute("CREATE INDEX more_n ON more (n)")
    database.execute("PRAGMA writable_schema = ON")
    database.execute(
        "UPDATE sqlite_master SET sql = 'CREATE INDEX more_n ON more (-n)' WHERE name = 'more_n'"
    )
    database.conn.commit()
    store.close()

    done = CliRunner().invoke(main, ["verify", str(path)])

    assert done.exit_code == 3
    assert "is damaged: " in done.output


def test_a_start_does_not_wait_for_who_locks_the_folder(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        Store.open(tmp_path / "bot.db").close()
    finally:
        os.close(descriptor)
    assert stat.S_IMODE((tmp_path / "bot.db.opening").stat().st_mode) == 0o600


async def test_a_start_that_checks_the_file_is_broken_off(tmp_path):
    """The lock of another start stands for whatever takes long."""
    Store.open(tmp_path / "bot.db").close()
    descriptor = os.open(tmp_path / "bot.db.opening", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        opening = asyncio.create_task(Store.opened(tmp_path / "bot.db"))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(opening, LONGEST)
    finally:
        os.close(descriptor)


def test_a_check_of_a_large_file_is_broken_off(tmp_path):
    path = tmp_path / "bot.db"
    store = Store.open(path)
    store._database.execute("CREATE TABLE more (text TEXT)")
    cast("Guarded", store._database).conn.executemany(
        "INSERT INTO more VALUES (?)", [("x" * 200,)] * 100_000
    )
    cast("Guarded", store._database).conn.commit()
    store.close()

    with pytest.raises(StoreError, match="interrupted"):
        Store.open(path, given_up=lambda: True)


@pytest.mark.parametrize(
    "name",
    [
        ":memory:", ":MEMORY:", " :memory: ", "/:memory:", "%3Amemory%3A", ":memory:?cache=shared", ":",
        "file::memory:", "file::memory:?cache=shared", "FILE:bot.db?mode=memory", "file:bot.db",
        "bot.db?mode=memory&cache=shared", "file:/bot.db?vfs=memdb", "file%3Abot.db%3Fmode%3Dmemory", "/",
    ],
)  # fmt: skip
def test_a_database_in_memory_is_refused_however_it_is_written(name):
    with pytest.raises(ValueError, match=re.escape("names no file that lasts")):
        AuditSettings.model_validate({"database_url": f"sqlite:///{name}"})


@pytest.mark.parametrize("name", [":memory:", "file:x?mode=memory", ""])
def test_the_store_takes_every_name_for_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    if name:
        Store.open(name).close()
        assert (tmp_path / name).read_bytes().startswith(b"SQLite format 3")
    else:
        with pytest.raises(StoreError):
            Store.open(name)


def test_a_database_that_keeps_nothing_is_refused():
    with pytest.raises(StoreError, match="no file that keeps what is written"):
        Store.open("/dev/null")


async def commands_write(stage, tmp_path, monkeypatch, target):
    """What each command that writes a file makes of `target`, by the command's name."""
    result, _ = await evidence_made(stage, tmp_path, "--out", str(target("evidence.zip")))
    monkeypatch.setenv("DATABASE_URL", stage.settings().database_url)
    done = {"evidence": result}
    for asked in (
        ["export", "--month", "2026-11", "--out", str(target("month.csv"))],
        ["backup", str(target("copy.db"))],
    ):
        done[asked[0]] = await asyncio.to_thread(CliRunner().invoke, main, asked)
    return done


async def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(
    stage, tmp_path, monkeypatch
):
    """`--out` over a file of mode 0644, which somebody has open."""
    await stage.ask()
    there = {}

    def target(name):
        file = tmp_path / name
        file.write_text("from before")
        file.chmod(0o644)
        there[file] = file.open()
        return file

    done = await commands_write(stage, tmp_path, monkeypatch, target)

    assert {name: each.exit_code for name, each in done.items()} == dict.fromkeys(done, 0), done
    for file, opened in there.items():
        with opened:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert opened.read() == "from before"
            assert file.read_bytes() != b"from before"


async def test_a_link_is_not_followed(stage, tmp_path, monkeypatch):
    await stage.ask()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("somebody's")

    def target(name):
        (tmp_path / name).symlink_to(elsewhere)
        return tmp_path / name

    done = await commands_write(stage, tmp_path, monkeypatch, target)

    for name, each in done.items():
        assert each.exit_code not in (0, 1), name
        assert "name a file" in each.output
        assert "Traceback" not in each.output
    assert elsewhere.read_text() == "somebody's"


async def test_a_folder_that_others_can_write_in_is_named(stage, caplog):
    await stage.stop()
    stage.folder.chmod(0o777)

    await stage.start()

    assert "others_can_replace_files_with_billing_data" in caplog.text


def test_a_lock_file_that_others_could_hold_is_narrowed(tmp_path):
    lock = tmp_path / "bot.db.lock"
    lock.touch(0o644)
    (tmp_path / "bot.db.opening").touch(0o666)

    assert WorkLock(lock).take()
    Store.open(tmp_path / "bot.db").close()

    for file in tmp_path.glob("bot.db.*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_two_names_of_one_database_have_one_lock(stage, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(stage.settings().database_path)
    settings = stage.settings().model_copy(update={"database_url": f"sqlite:///{link}"})

    with pytest.raises(CannotStartError, match="still works on this database"):
        await resume_after_restore(settings, stage.clock)

    assert not link.with_name("link.db.lock").exists()


WRITES = {"write_bytes", "write_text", "mkstemp", "NamedTemporaryFile", "open", "ZipFile"}
MAY_WRITE = {
    "bot/store/private.py": "the one home of it",
    "bot/cli/sandbox.py": "made-up data in a folder of its own",
    "bot/audit/evidence/archive.py": "into the file that `replaced` has made",
    "bot/cli/export.py": "into the file that `replaced` has made",
    "bot/fence.py": "to a socket, whose writing aiohttp calls so",
    "bot/workflow/anchoring.py": "heads of the history, which hold no billing data and are for others",
}


def test_every_file_is_made_in_one_place():
    found = {}
    for file in Path("bot").rglob("*.py"):
        if "sandbox" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and writes(node):
                found[file.as_posix()] = ast.unparse(node)
    assert set(found) == set(MAY_WRITE), found


def writes(call):
    """Whether a call opens a file to write it, by its name and its mode."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in WRITES:
        return False
    if name in ("open", "ZipFile"):
        said = [
            each.value
            for each in (*call.args, *(k.value for k in call.keywords))
            if isinstance(each, ast.Constant)
        ]
        flags = ast.unparse(call)
        return (
            any(mode in ("w", "a", "x", "wb", "ab", "xb", "r+b", "w+b") for mode in said)
            or "O_CREAT" in flags
        )
    return True


@pytest.mark.parametrize("end", ["", "-wal", ".lock"])
async def test_no_command_replaces_the_database_itself(stage, tmp_path, monkeypatch, end):
    await stage.ask()
    ours = file_of(stage).with_name(f"billing-bot.db{end}")
    link = tmp_path / "folder"
    link.symlink_to(stage.folder)
    before = ours.stat().st_ino

    done = await commands_write(stage, tmp_path, monkeypatch, lambda _: link / ours.name)

    for name, each in done.items():
        assert each.exit_code not in (0, 1), name
        assert "belongs to the database itself" in each.output
    assert ours.stat().st_ino == before


async def test_a_file_that_cannot_be_written_is_named_as_it_was_typed(stage, tmp_path, monkeypatch):
    done = await commands_write(
        stage, tmp_path, monkeypatch, lambda name: tmp_path / "nowhere" / name
    )

    for each in done.values():
        assert each.exit_code not in (0, 1)
        assert ".part" not in each.output
        assert str(tmp_path / "nowhere") in each.output
