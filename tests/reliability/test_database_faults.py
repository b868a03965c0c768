"""The database is full, held, broken or refuses the history: nothing is done that is not recorded."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bot.store.times import to_text
from tests.patient import LONGEST
from tests.processes import ENVIRONMENT
from tests.reliability.truths import check_everything, pass_time, rest
from tests.stage import ALICE, BOB, CHANNEL, EMAILS, START

SORRY = "I could not record this, so nothing was done."
WHAT_TO_DO = "check the disk's space, rights and health of the file"
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
held.execute("ROLLBACK")
print("free", flush=True)
sys.stdin.readline()
"""


class Full:
    """A disk without space: the file may not grow by a page, and its free pages are used up."""

    what_to_do = WHAT_TO_DO

    def __init__(self, stage):
        self._database = stage.store._database

    async def begin(self):
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        self._database.execute(f"PRAGMA max_page_count = {pages}")
        filler = (
            "INSERT INTO outbox (kind, channel, user, text, blocks, created_at, tries, ended_at) "
            "VALUES ('notice', 'C1', '', ?, '[]', ?, 0, ?)"
        )
        at = to_text(START)
        for size in (3000, 300, 30):
            for _ in range(200):
                try:
                    self._database.execute(filler, ["x" * size, at, at])
                except Exception:  # noqa: BLE001 - whatever the store calls it
                    break

    async def end(self):
        self._database.execute("PRAGMA max_page_count = 1000000")


class Held:
    """Another process holds the file for longer than anybody waits for it."""

    what_to_do = "another program has locked the database; end it, or its transaction"

    def __init__(self, stage):
        self._path = stage.settings().database_path

    async def begin(self):
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOLD, self._path,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert await self._said() == b"held\n"

    async def _said(self):
        assert self._process.stdout
        return await self._process.stdout.readline()

    async def end(self):
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        assert await self._said() == b"free\n"
        await self._process.communicate(b"\n")


class NoHistory:
    """The history refuses every row, by a trigger that somebody has dropped in."""

    def __init__(self, stage):
        self._database = stage.store._database

    async def begin(self):
        self._database.executescript(
            "CREATE TRIGGER no_more BEFORE INSERT ON history "
            "BEGIN SELECT RAISE(FAIL, 'no space for history'); END;"
        )

    async def end(self):
        self._database.executescript("DROP TRIGGER no_more;")


@pytest.fixture(params=[Full, Held])
def trouble(request, web_stage):
    return request.param(web_stage)


async def test_a_click_is_answered_nothing_is_done_and_the_log_says_what_to_do(
    web_stage, trouble, caplog
):
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    await trouble.begin()

    ack = await stage.slack.click(BOB, CHANNEL, ts, "approve")

    assert ack.ok  # within Slack's three seconds
    await stage.until_private(BOB, SORRY)
    assert trouble.what_to_do in caplog.text
    assert stage.request().state == "waiting"
    assert stage.orders() == []
    await trouble.end()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    check_everything(stage)
    assert len(stage.orders()) == 1


async def test_the_loops_survive_and_go_on_when_the_fault_is_gone(web_stage, trouble):
    stage = web_stage
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "10.00")])
    first = await stage.ask()
    second = await stage.ask(text="BR-00000002")
    await rest(stage)
    stage.zuora.faults.add("*", kind="slow", seconds=0.5)  # R-1 is read while it goes wrong
    await stage.press(BOB, first)
    await trouble.begin()
    stage.clock.advance(seconds=0.5)
    for _ in range(3):
        stage.clock.advance(seconds=31)
        await asyncio.sleep(0.02)
    assert stage.orders() == []

    await trouble.end()
    await stage.press(BOB, second)
    await pass_time(stage, minutes=5)

    assert [stage.request(number).state for number in (1, 2)] == ["succeeded", "succeeded"]
    check_everything(stage)
    assert stage.bot.health()["status"] == "ready"
    assert len(stage.orders()) == 2


async def test_an_answer_that_comes_while_the_file_is_held_for_a_moment_is_kept(web_stage):
    stage = web_stage
    held = Held(stage)
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="slow", seconds=0.5)
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)
    await rest_but_for_zuora(stage)
    await held.begin()
    stage.clock.advance(seconds=0.5)
    await asyncio.sleep(0.1)
    await held.end()

    await pass_time(stage, minutes=1)

    assert "Accepted by Zuora" in stage.card(ts)
    assert len(stage.orders()) == 1
    check_everything(stage)


@pytest.mark.never_repeated
async def test_an_answer_that_cannot_be_kept_for_long_is_outcome_unknown_and_not_sent_again(
    web_stage, monkeypatch
):
    stage = web_stage
    stage.store._database.execute("PRAGMA busy_timeout = 10")
    held = Held(stage)
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="slow", seconds=0.5)
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)
    await rest_but_for_zuora(stage)
    await held.begin()
    for _ in range(60):
        stage.clock.advance(seconds=0.5)
        await asyncio.sleep(0.01)
    await held.end()

    await pass_time(stage, minutes=10)

    assert "settled it" in stage.thread(ts)[-1]
    assert any("we don't know whether" in text for text in stage.thread(ts))
    assert len(stage.orders()) == 1
    check_everything(stage)


async def rest_but_for_zuora(stage):
    await stage.until(lambda: not stage.bot.sender.under_way and not stage.store.outbox.open())


@pytest.mark.parametrize("person_and_button", [(BOB, "approve"), (ALICE, "withdraw")])
async def test_what_the_history_refuses_does_not_happen(web_stage, person_and_button):
    stage = web_stage
    person, button = person_and_button
    ts = await stage.ask()
    await stage.quiet()
    before = len(stage.store.history.all())
    trouble = NoHistory(stage)
    await trouble.begin()

    if button == "withdraw":
        await stage.withdraw(person, ts)
    else:
        await stage.press(person, ts)
    await pass_time(stage, minutes=2)

    assert stage.request().state == "waiting"
    assert stage.request().approvals == ()
    assert len(stage.store.history.all()) == before
    assert stage.orders() == []
    await trouble.end()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    check_everything(stage)


async def test_no_order_goes_out_whose_history_row_is_refused(web_stage):
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    stage.store._database.executescript(
        "CREATE TRIGGER no_more BEFORE INSERT ON history WHEN NEW.what = 'call.sent' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END;"
    )

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "running")
    for _ in range(10):
        stage.clock.advance(seconds=31)
        await asyncio.sleep(0.01)

    assert stage.request().state == "running"
    assert stage.orders() == []
    stage.store._database.executescript("DROP TRIGGER no_more;")
    await pass_time(stage, minutes=2)
    assert "Accepted by Zuora" in stage.card(ts)
    assert len(stage.orders()) == 1


@pytest.mark.parametrize("act", ["approve", "form", "rejection"])
async def test_a_file_that_became_corrupt_is_said_to_who_acts(web_stage, caplog, act):
    stage = web_stage
    ts = await stage.ask()
    await stage.quiet()
    if act == "rejection":
        await stage.press(BOB, ts, "reject")
    elif act == "form":
        await stage.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    break_the_file(stage)

    if act == "approve":
        await stage.slack.click(BOB, CHANNEL, ts, "approve")
        await stage.until_private(BOB, SORRY)
    else:
        person = BOB if act == "rejection" else ALICE
        submitted = await stage.slack.submit(person, {"reason": "Month end"})
        assert SORRY in str(submitted.view["blocks"])

    assert WHAT_TO_DO in caplog.text
    assert stage.orders() == []
    stage.clock.advance(minutes=2)
    await asyncio.sleep(0.05)
    assert not stage.bot._worker.done()  # it goes on trying, and says so again and again
    assert stage.orders() == []


def break_the_file(stage):
    """Overwrite every page but the first, as a failing disk does."""
    database = stage.store._database
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = Path(stage.settings().database_path)
    with path.open("r+b") as file:
        size = path.stat().st_size
        for start in range(4096, size, 4096):
            file.seek(start)
            file.write(b"\xff" * 200)
    database.execute("PRAGMA shrink_memory")
    with pytest.raises(Exception, match="malformed"):
        database.execute("SELECT COUNT(*) FROM requests").fetchone()


@pytest.mark.parametrize("what", ["corrupt", "a folder", "not ours to write"])
def test_a_bot_does_not_start_on_a_file_that_it_cannot_use(tmp_path, what):
    path = tmp_path / "bot.db"
    if what == "corrupt":
        path.write_bytes(b"this is no database, but it is long enough" * 50)
    elif what == "a folder":
        path.mkdir()
    else:
        sqlite3.connect(path).close()
        path.write_bytes(b"")
        path = Path("/proc/1/bot.db")  # nobody may make a file there, root neither

    ended = started(tmp_path, path)

    assert ended.returncode == 2, ended.stderr
    assert "cannot be opened" in ended.stderr
    assert "Traceback" not in ended.stderr


def started(folder, database):
    """The end of a real process that was started on a database file."""
    (folder / "policy.toml").write_text('requesters = ["U0A"]\napprovers = ["U0B"]\n')
    return subprocess.run(
        [sys.executable, "-m", "bot", "run"], cwd=folder, capture_output=True, text=True,
        check=False, timeout=LONGEST,
        env={
            **ENVIRONMENT,
            "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1",
            "SLACK_API_URL": "http://127.0.0.1:9/api/", "BILLING_CHANNEL": "C0BILLING",
            "ZUORA_BASE_URL": "http://127.0.0.1:9", "ZUORA_CLIENT_ID": "id",
            "ZUORA_CLIENT_SECRET": "secret", "DATABASE_URL": f"sqlite:///{database}",
        },
    )  # fmt: skip
