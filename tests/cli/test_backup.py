"""`billing-bot backup` while the bot works: the copy is whole, and only its owner can read it."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from bot.audit.verify import verify_database
from tests.patient import LONGEST
from tests.processes import ENVIRONMENT
from tests.stage import BOB

ROOT = Path(__file__).parent.parent.parent


def back_up(stage, to):
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{stage.settings().database_path}",
    }
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "bot", "backup", str(to)],
        cwd=stage.folder, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST,
    )  # fmt: skip


async def test_a_backup_of_a_working_bot_is_whole_and_verifies(stage, tmp_path):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    before = os.umask(0)
    try:
        done = back_up(stage, tmp_path / "copy.db")
    finally:
        os.umask(before)

    assert done.returncode == 0, done.stderr
    copy = tmp_path / "copy.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert verify_database(copy, key="").findings == ()
    with closing(sqlite3.connect(copy)) as database:
        (state,) = database.execute("SELECT state FROM requests").fetchone()
    assert state == "succeeded"


async def test_a_backup_replaces_an_older_one_only_once_it_is_whole(stage, tmp_path):
    copy = tmp_path / "copy.db"
    copy.write_text("the older one")

    assert back_up(stage, copy).returncode == 0
    assert copy.read_bytes().startswith(b"SQLite format 3")


async def test_a_backup_that_cannot_be_written_says_so(stage, tmp_path):
    done = back_up(stage, tmp_path / "copy.db" / "deeper.db")

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
