"""Backup and restore through the real process, while people ask and approve."""

import asyncio
import sqlite3
import stat
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.audit.verify import verify_database
from bot.cli.sandbox import POLICY
from bot.workflow.backups import NAMED, Backups
from tests.cli.test_commands import MODULE, environment, servers, start, stop
from tests.patient import LONGEST
from tests.stage import ALICE, BOB, CHANNEL

__all__ = ["servers"]

MANY = 30


async def command(folder, settings, *words):
    process = await asyncio.create_subprocess_exec(
        *MODULE, *map(str, words), cwd=folder, env=settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(LONGEST):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def mail(slack, zuora, number):
    """Ask for a mail of a run and approve it; the card's `ts`."""
    zuora.world.add_bill_run(f"BR-{number:08}", invoices=[("A1", "USD", "1.00")])
    before = {message.ts for message in slack.channel_messages(CHANNEL)}
    await slack.slash(ALICE, CHANNEL, f"/billemail BR-{number:08}")
    await slack.submit(ALICE, {"reason": "Month end"})
    await slack.until(lambda: any(m.ts not in before for m in slack.channel_messages(CHANNEL)))
    card = next(m for m in slack.channel_messages(CHANNEL) if m.ts not in before)
    await slack.click(BOB, CHANNEL, card.ts, "approve")
    return card.ts


async def quick(folder, settings):
    """The bot as `billing-bot run` starts it, without its pause between two messages."""
    (folder / "policy.toml").write_text(POLICY)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.reliability.bot_process", cwd=folder, env=settings,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr
    async with asyncio.timeout(LONGEST):
        while "bot.cli.serve ready" not in (await process.stderr.readline()).decode():
            assert process.returncode is None
    return process


async def until(holds):
    async with asyncio.timeout(LONGEST):
        while not holds():  # noqa: ASYNC110 - a file says nothing of itself
            await asyncio.sleep(0.02)


def shown(slack, ts):
    return str(next(m for m in slack.channel_messages(CHANNEL) if m.ts == ts))


def rows(path):
    with closing(sqlite3.connect(path)) as file, file:
        return file.execute("SELECT COUNT(*), MAX(sequence) FROM history").fetchone()


async def test_backups_of_a_busy_bot_are_whole_and_one_is_put_back(tmp_path, servers):
    slack, zuora = servers
    settings = environment(slack, zuora, 0)
    bot = await quick(tmp_path, settings)

    async def busy():
        for number in range(1000, 1000 + MANY):
            await mail(slack, zuora, number)

    working, copies = asyncio.create_task(busy()), list[Path]()
    while not working.done():
        copies.append(tmp_path / f"copy-{len(copies)}.db")
        status, _, err = await command(tmp_path, settings, "backup", copies[-1])
        assert status == 0, err
    await working

    status, _, err = await command(tmp_path, settings, "restore", copies[0])
    assert status == 2
    assert "stop it first. Nothing was changed." in err
    await stop(bot)

    assert len(copies) > 2
    assert rows(copies[0])[0] < rows(copies[-1])[0]
    for copy in copies:
        assert verify_database(copy, key="").findings == ()
    newest = rows(tmp_path / "billing-bot.db")

    status, out, err = await command(tmp_path, settings, "restore", copies[-2])

    assert status == 0, err
    path = tmp_path / "billing-bot.db"
    assert rows(path) == rows(copies[-2])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part"))
    (kept,) = tmp_path.glob("billing-bot.db.before-*Z")
    assert str(kept.name) in out
    assert rows(kept) == newest
    assert (await command(tmp_path, settings, "verify"))[0] == 0


async def test_what_happened_after_the_backup_holds_the_bot_that_is_started_on_it(
    tmp_path, servers
):
    """The guard against older copies holds after `restore`."""
    slack, zuora = servers
    settings = environment(slack, zuora, 0)
    bot = await start("run", tmp_path, settings)
    await mail(slack, zuora, 1000)
    assert (await command(tmp_path, settings, "backup", "copy.db"))[0] == 0
    ts = await mail(slack, zuora, 1001)
    await slack.until(lambda: "Accepted by Zuora" in shown(slack, ts))
    await stop(bot)
    assert (await command(tmp_path, settings, "restore", "copy.db"))[0] == 0

    bot = await asyncio.create_subprocess_exec(
        *MODULE, "run", cwd=tmp_path, env=settings, stderr=asyncio.subprocess.PIPE
    )
    said = lambda: [m.text for m in slack.channel_messages(CHANNEL)]  # noqa: E731
    await slack.until(lambda: any("resume-after-restore" in text for text in said()))
    await stop(bot)
    orders = len([call for call in zuora.calls if call.path.endswith("/emails")])
    status, out, err = await command(tmp_path, settings, "resume-after-restore")

    assert status == 0, err
    assert "the next request is R-3" in out
    assert orders == len([call for call in zuora.calls if call.path.endswith("/emails")]) == 2
    assert (await command(tmp_path, settings, "verify"))[0] == 0


async def test_a_host_that_was_lost_is_restored_to_nothing(tmp_path, servers):
    slack, zuora = servers
    settings = environment(slack, zuora, 0)
    bot = await start("run", tmp_path, settings)
    await command(tmp_path, settings, "backup", "copy.db")
    await stop(bot)
    other = settings | {"DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}"}

    status, out, err = await command(tmp_path, other, "restore", "copy.db")

    assert status == 0, err
    assert "is kept as" not in out
    assert rows(tmp_path / "new.db") == rows(tmp_path / "copy.db")


async def test_a_log_that_was_left_by_a_crash_is_kept_with_its_database(tmp_path, servers):
    slack, zuora = servers
    settings = environment(slack, zuora, 0)
    bot = await start("run", tmp_path, settings)
    await command(tmp_path, settings, "backup", "copy.db")
    await mail(slack, zuora, 1000)
    bot.kill()
    await bot.communicate()
    assert (tmp_path / "billing-bot.db-wal").stat().st_size

    assert (await command(tmp_path, settings, "restore", "copy.db"))[0] == 0

    (kept,) = tmp_path.glob("billing-bot.db.before-*Z")
    assert rows(kept)[0] > rows(tmp_path / "copy.db")[0]
    assert rows(tmp_path / "billing-bot.db") == rows(tmp_path / "copy.db")


@pytest.mark.parametrize("case", ["no database", "damaged", "changed", "itself"])
async def test_what_is_no_whole_backup_is_not_put_back(tmp_path, servers, case):
    slack, zuora = servers
    settings = environment(slack, zuora, 0)
    bot = await start("run", tmp_path, settings)
    await mail(slack, zuora, 1000)
    await stop(bot)
    path = tmp_path / "billing-bot.db"
    await command(tmp_path, settings, "backup", "copy.db")
    copy = tmp_path / "copy.db"
    if case == "no database":
        copy.write_text("not one")
    if case == "damaged":
        content = bytearray(copy.read_bytes())
        content[8192:12288] = b"\xff" * 4096
        copy.write_bytes(content)
    if case == "changed":
        with closing(sqlite3.connect(copy)) as file, file:
            file.execute("DROP TRIGGER history_is_never_changed")
            file.execute("UPDATE history SET who = 'U0EVE' WHERE sequence = 2")
    before = path.read_bytes()

    status, _, err = await command(
        tmp_path, settings, "restore", path if case == "itself" else copy
    )

    assert status == 3, err
    assert "Traceback" not in err
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.before-*"))
    if case == "changed":
        assert "edited: Row 2" in err
        anyway = await command(tmp_path, settings, "restore", copy, "--even-if-not-whole")
        assert anyway[0] == 0


# On a timer


async def test_a_running_bot_makes_copies_by_itself(tmp_path, servers):
    slack, zuora = servers
    folder = tmp_path / "backups"
    folder.mkdir()
    settings = environment(slack, zuora, 0) | {"BACKUP_DIR": str(folder)}

    bot = await start("run", tmp_path, settings)
    await until(lambda: list(folder.glob("*.db")))
    log = await stop(bot)

    (copy,) = folder.iterdir()
    assert verify_database(copy, key="").findings == ()
    assert "Traceback" not in log


async def test_a_folder_for_backups_that_cannot_be_written_is_named_at_the_start(tmp_path, servers):
    slack, zuora = servers
    settings = environment(slack, zuora, 0) | {"BACKUP_DIR": str(tmp_path / "none")}
    (tmp_path / "policy.toml").write_text('requesters = ["U1"]\napprovers = ["U2"]\n')

    status, _, err = await command(tmp_path, settings, "run")

    assert status == 2
    assert "BACKUP_DIR: " in err
    assert "Traceback" not in err


def backups(stage, tmp_path, **changes):
    given = {"folder": tmp_path, "every": timedelta(hours=6), "keep": 3}
    return Backups(stage.clock, str(stage.folder / "billing-bot.db"), **given | changes)


async def test_copies_are_made_every_so_often_and_so_many_stay(stage, tmp_path):
    tmp_path /= "copies"
    tmp_path.mkdir()
    (tmp_path / "billing-bot-of-somebody.db").write_text("not ours")
    made = backups(stage, tmp_path)
    assert made.last is None
    running = asyncio.create_task(made.run())
    times = []

    def copies():
        return sorted(p.name for p in tmp_path.glob("*.db") if "somebody" not in p.name)

    for _ in range(5):
        at = stage.clock.now()
        times.append(at.strftime(NAMED))
        await until((tmp_path / times[-1]).exists)
        await until(lambda: len(copies()) <= 3)
        stage.clock.advance(hours=5, minutes=59)
        await stage.quiet()
        assert made.last == at
        stage.clock.advance(minutes=1)
    times.append(stage.clock.now().strftime(NAMED))
    await until(lambda: copies() == times[-3:])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert (tmp_path / "billing-bot-of-somebody.db").exists()


async def test_a_copy_that_could_not_be_made_is_logged_and_tried_again(stage, tmp_path, caplog):
    folder = tmp_path / "away"
    made = backups(stage, folder)
    running = asyncio.create_task(made.run())
    await until(lambda: "backup_failed" in caplog.text)

    folder.mkdir()
    await stage.as_time_passes(lambda: made.last is not None, 60)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert made.last > datetime(2026, 11, 21, tzinfo=UTC)


async def test_after_a_start_the_next_copy_is_made_when_it_is_due(stage, tmp_path):
    earlier = stage.clock.now() - timedelta(hours=5)
    (tmp_path / earlier.strftime(NAMED)).write_text("a copy")
    made = backups(stage, tmp_path)
    running = asyncio.create_task(made.run())
    await stage.quiet()
    assert made.last == earlier

    stage.clock.advance(hours=1)
    await until(lambda: made.last == stage.clock.now())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
