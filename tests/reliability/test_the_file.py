"""The database file: whose it is, whether it is still there, and whether it is whole (rows H14 to H16)."""

import asyncio
import fcntl
import os
import re
import stat

import aiohttp
import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.settings import AuditSettings
from bot.store.errors import StoreError
from bot.store.store import Store
from tests.audit.test_evidence import made as evidence_made
from tests.stage import ALICE, BOB, CHANNEL, MARA


def file_of(stage):
    return stage.folder / "billing-bot.db"


async def test_files_are_their_owners_alone_whatever_the_umask(stage):
    """H16."""
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
    """H16."""
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


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_nothing_is_approved_or_sent_once_the_database_is_gone(stage, how):
    """H14."""
    ts = await stage.ask()
    await stage.quiet()
    content = file_of(stage).read_bytes()
    file_of(stage).unlink()
    if how == "replaced":
        file_of(stage).with_name("other.db").write_bytes(content)
        file_of(stage).with_name("other.db").rename(file_of(stage))

    await stage.press(BOB, ts)

    assert stage.request().state == "waiting"
    assert stage.orders() == []
    await stage.until_told(BOB, "I could not record this, so nothing was done")
    assert stage.bot.health()["status"] == "database deleted or replaced"


def test_a_start_with_a_damaged_file_is_refused(tmp_path):
    """H15: pages in the middle of the file are overwritten."""
    path = tmp_path / "bot.db"
    Store.open(path).close()
    content = bytearray(path.read_bytes())
    half = len(content) // 8192 * 4096
    content[half : half + 3 * 4096] = os.urandom(3 * 4096)
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"damaged|malformed"):
        Store.open(path)


async def healthz(stage):
    """What `/healthz` answers over HTTP."""
    address = stage.slack.request_url.replace("/slack/events", "/healthz")
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, (await answer.json())["status"]


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
    assert await healthz(stage) == (200, "ready")

    trouble(stage)
    for _ in range(30):  # what is left of the last page is filled
        await stage.press(MARA, ts)
    await stage.press(BOB, ts)

    assert stage.orders() == []
    await stage.until_told(BOB, "I could not record this, so nothing was done")
    assert await healthz(stage) == (503, TROUBLES[trouble])
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
    assert await healthz(stage) == (503, "database full")

    stage.store._database.execute("PRAGMA max_page_count = 1000000")
    stage.clock.advance(minutes=2)
    await stage.until(lambda: stage.store.trouble == "")

    assert await healthz(stage) == (200, "ready")


def test_the_full_check_of_verify_finds_an_index_that_does_not_fit(tmp_path):
    path = tmp_path / "bot.db"
    store = Store.open(path)
    database = store._database
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
            await asyncio.wait_for(opening, 5)
    finally:
        os.close(descriptor)


def test_a_check_of_a_large_file_is_broken_off(tmp_path):
    path = tmp_path / "bot.db"
    store = Store.open(path)
    store._database.execute("CREATE TABLE more (text TEXT)")
    store._database.conn.executemany("INSERT INTO more VALUES (?)", [("x" * 200,)] * 100_000)
    store._database.conn.commit()
    store.close()

    with pytest.raises(StoreError, match="interrupted"):
        Store.open(path, given_up=lambda: True)


def test_a_database_in_memory_is_refused():
    with pytest.raises(ValueError, match=re.escape("names no file")):
        AuditSettings.model_validate({"database_url": "sqlite:///:memory:"})
