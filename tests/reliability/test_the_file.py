"""The database file: whose it is, whether it is still there, and whether it is whole (rows H14 to H16)."""

import os
import re
import stat

import pytest

from bot.settings import AuditSettings
from bot.store.errors import StoreError
from bot.store.store import Store
from tests.stage import BOB


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
    assert {"billing-bot.db", "billing-bot.db-wal", "billing-bot.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}


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


def test_a_database_in_memory_is_refused():
    with pytest.raises(ValueError, match=re.escape("names no file")):
        AuditSettings.model_validate({"database_url": "sqlite:///:memory:"})
