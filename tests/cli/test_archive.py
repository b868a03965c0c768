"""`billing-bot archive` through the real process: what goes verifies, what stays still keeps customers from a second mail."""

import asyncio
import shutil
import sqlite3
import stat
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bot.cli import main
from tests.cli.test_restore import command
from tests.processes import ENVIRONMENT
from tests.stage import BOB, CARLA, CHANNEL, EMAILS, MARA, Stage

KEY = "k" * 40
BEFORE = ("--before", "2025-01-01")
MANY = [(f"A{number:08}", "USD", "10.00") for number in range(1, 41)]


class Years(Stage):
    """A stage on which it is December 2024."""

    def __init__(self, folder):
        super().__init__(folder, "run", datetime(2024, 12, 20, 10, tzinfo=UTC))

    def up_to_today(self):
        """As late as it is for the command, which has the machine's clock."""
        self.clock.advance(seconds=(datetime.now(UTC) - self.clock.now()).total_seconds())

    def environment(self, path=None):
        settings = self.settings()
        return ENVIRONMENT | {
            "DATABASE_URL": f"sqlite:///{path or settings.database_path}",
            "AUDIT_KEY": KEY,
            "ZUORA_BASE_URL": settings.zuora_base_url,
            "ZUORA_CLIENT_ID": settings.zuora_client_id,
            "ZUORA_CLIENT_SECRET": settings.zuora_client_secret.get_secret_value(),
        }

    async def command(self, *words, path=None):
        return await command(self.folder, self.environment(path), *words)


@asynccontextmanager
async def years_in(folder):
    stage = Years(folder)
    stage.changes = {
        "repeat_lost": "no", "audit_key": SecretStr(KEY), "audit_channel": "C0GENERAL",
    }  # fmt: skip
    await stage.open()
    stage.slack.workspace.channels["C0GENERAL"].members.append("U0BOT")
    for number in range(1, 6):
        memos = [("A00000001", "USD", "2.00")] if number == 1 else []
        stage.zuora.world.add_bill_run(f"BR-{number:08}", invoices=MANY, credit_memos=memos)
    await stage.start()
    ts = await stage.ask()
    await stage.press(MARA, ts)  # who may not
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    second = await stage.ask(text="BR-00000002")
    await stage.reject(CARLA, second, "Not agreed")
    await stage.quiet()
    stage.zuora.faults.add(EMAILS, kind="lose_answer")
    third = await stage.ask(text="BR-00000003")
    await stage.press(BOB, third)
    await stage.slack.until(lambda: stage.request(3).state == "unknown")
    await stage.quiet()
    await stage.pass_time(minutes=61)  # what was sent is bound in the year in which it was
    await stage.until(
        lambda: {1, 2}.isdisjoint(each.request for each in stage.store.outbox.unbound(200))
    )
    stage.clock.advance(days=40)
    await stage.quiet()
    await stage.restart()
    await stage.ask(text="BR-00000004")
    await stage.quiet()
    await stage.stop()
    yield stage
    await stage.close()


@pytest.fixture
async def years(tmp_path):
    """R-1 mailed, R-2 rejected in 2024; R-3 unknown and then settled, R-4 asked for in 2025. The bot is stopped."""
    async with years_in(tmp_path) as stage:
        yield stage


@pytest.fixture(scope="module")
def once_archived(tmp_path_factory):
    """A folder with the database and its archive, made once; `archived_folder` has a copy."""
    folder = tmp_path_factory.mktemp("archived")

    async def made():
        async with years_in(folder) as stage:
            await archived(stage)

    asyncio.run(made())
    return folder


@pytest.fixture
def archived_folder(once_archived, tmp_path):
    return shutil.copytree(once_archived, tmp_path / "archived")


def verified(folder, monkeypatch, *words):
    """Run `billing-bot verify` in a folder, in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///billing-bot.db")
    monkeypatch.setenv("AUDIT_KEY", KEY)
    return CliRunner().invoke(main, ["verify", *words])


def read(path, sql):
    with closing(sqlite3.connect(path)) as file, file:
        return file.execute(sql).fetchall()


def changed(path, *statements):
    """Change a database as somebody does who can write the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file, file:
        triggers = file.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            file.execute(f"DROP TRIGGER {name}")
        for each in statements:
            file.execute(each)
        for _, sql in triggers:
            file.execute(sql)


async def archived(stage, file="2024.db"):
    status, out, err = await stage.command("archive", *BEFORE, file)
    assert status == 0, err
    return out


@pytest.fixture
async def unheard(tmp_path):
    """A year's stage, with one bill run more, on which Slack takes no message to Bob."""
    stage = Years(tmp_path)
    stage.changes = {"audit_key": SecretStr(KEY)}
    await stage.open()
    for number in (1, 2):
        stage.zuora.world.add_bill_run(f"BR-{number:08}", invoices=MANY)
    await stage.start()
    stage.slack.faults.silent[BOB] = "restricted_action"
    yield stage
    await stage.close()


async def test_a_request_stays_until_the_receipts_of_its_decisions_were_sent(unheard):
    stage = unheard
    for number in (
        1,
        2,
    ):  # the receipt of the second one waits behind that of the first one, untried
        ts = await stage.ask(text=f"BR-0000000{number}")
        await stage.reject(BOB, ts, f"Not agreed for the reason {number}")
        await stage.quiet()
    await stage.pass_time(minutes=61)
    await stage.until(lambda: not stage.store.outbox.unbound(200))
    stage.clock.advance(days=40)
    await stage.restart()
    await stage.quiet()
    await stage.stop()

    out = await archived(stage)
    stage.slack.faults.silent.clear()
    await stage.start()
    await stage.pass_time(minutes=6)
    await stage.quiet()

    received = stage.slack.channel_messages(stage.slack.workspace.direct(BOB).id)
    texts = [each.text for each in received if each.text.startswith("Receipt")]
    assert [each.split(" (")[0] for each in texts] == [
        "Receipt: you rejected R-1", "Receipt: you rejected R-2"
    ]  # fmt: skip
    assert "the reason 2" in texts[1]
    assert "Archived 1 request," in out


async def test_what_goes_verifies_by_itself_and_against_the_chain_that_stays(years):
    path, file = years.folder / "billing-bot.db", years.folder / "2024.db"
    rows = read(path, "SELECT COUNT(*) FROM history")[0][0]

    out = await archived(years)

    assert "Archived 2 requests" in out
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert read(path, "SELECT request FROM archived") == [(1,), (2,)]
    assert read(path, "SELECT number FROM requests WHERE facts = ''") == [(1,), (2,)]
    assert read(path, "SELECT COUNT(*) FROM history WHERE request IN (1, 2)") == [(0,)]
    assert read(path, "SELECT COUNT(*) FROM history")[0][0] < rows
    assert read(path, "SELECT COUNT(*) FROM outbox WHERE request IN (1, 2)") == [(0,)]
    assert read(path, "PRAGMA freelist_count") == [(0,)]
    status, _, err = await years.command("verify", file)
    assert status == 0, err
    status, out, err = await years.command("verify", "--archive", file)
    assert status == 0, err
    assert "2024.db is the archive that row" in out
    assert "requests that ended before 2025-01-01 are in 2024.db" in out


async def test_an_outcome_that_a_person_recorded_goes_too_and_what_stays_verifies(unheard):
    stage = unheard
    stage.slack.faults.silent.clear()
    stage.changes["repeat_lost"] = "no"
    await stage.restart()
    stage.zuora.faults.add(EMAILS, kind="drop")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: stage.request().state == "unknown")
    await stage.quiet()
    await stage.record(CARLA, ts, "record_sent")
    await stage.slack.until(lambda: stage.request().state == "succeeded")
    await stage.pass_time(minutes=61)
    await stage.until(lambda: 1 not in {each.request for each in stage.store.outbox.unbound(200)})
    stage.clock.advance(days=40)
    await stage.quiet()
    await stage.stop()

    assert "Archived 1 request" in await archived(stage)

    recorded = read(stage.folder / "billing-bot.db", "SELECT recorded_by FROM calls")
    assert recorded == [(CARLA,)]
    status, out, err = await stage.command("verify")
    assert status == 0, out + err


async def test_what_was_mailed_is_known_and_said_although_it_is_archived(years):
    await archived(years)
    years.up_to_today()
    await years.start()
    first = years.slack.channel_messages(CHANNEL)[0].ts

    await years.slack.click(MARA, CHANNEL, first, "details")
    await years.until_private(MARA, "R-1 is archived: its documents and history are in 2024.db")
    await years.slack.click(
        BOB, CHANNEL, first, "approve", value=years.request(1).reference, force=True
    )
    await years.until_private(BOB, "R-1 was approved by")
    ack = await years.slack.slash(MARA, CHANNEL, "/billstatus R-1")
    assert "2024.db" in ack.text
    assert "Accepted by Zuora" in ack.text
    world = years.zuora.world
    found = world.documents_of(world.bill_runs["BR-00000001"])
    memo = next(each.number for each in found if each.kind == "credit_memo")
    again = await years.ask(text=memo)
    assert f"R-1 already mailed {memo}" in years.card(again)
    assert years.request(5).number == 5
    ack = await years.slack.slash(MARA, CHANNEL, "/billstatus export month 2024-12")
    await years.slack.until(
        lambda: any("archived in 2024.db" in text for text in years.private(MARA))
    )
    await years.quiet()
    await years.stop()

    status, _, err = await years.command("verify")
    assert status == 0, err
    assert read(years.folder / "billing-bot.db", "SELECT MAX(number) FROM requests") == [(5,)]


async def test_a_card_of_an_archived_request_is_not_drawn_anew_by_a_button_that_means_another(
    years,
):
    await archived(years)
    await years.start()
    first = years.slack.channel_messages(CHANNEL)[0]
    before = first.text
    wrong = f"R-1.{years.request(2).token}"

    for action in ("approve", "details", "record_sent"):
        await years.slack.click(BOB, CHANNEL, first.ts, action, value=wrong, force=True)
    await years.quiet()

    assert years.card(first.ts) == before
    assert years.bot.health()["status"] == "ready"


async def test_evidence_of_the_time_before_comes_from_the_archive_and_goes_on_from_it(years):
    await archived(years)
    y2024 = ("evidence", "--from", "2024-12-01", "--to", "2024-12-31")
    y2025 = ("evidence", "--from", "2025-01-01", "--to", "2025-12-31")

    status, _, err = await years.command(*y2024, "--out", "x.zip")
    assert status == 3
    assert "are in the archive 2024.db" in err
    status, _, err = await years.command(*y2024, "--out", "2024.zip", path="2024.db")
    assert status == 0, err
    status, _, err = await years.command(*y2025, "--out", "2025.zip", "--after", "2024.zip")
    assert status == 0, err

    for package in ("2024.zip", "2025.zip"):
        status, _, err = await years.command("verify", package)
        assert status == 0, err


async def test_a_month_is_exported_from_the_archive(years):
    await archived(years)
    month = ("export", "--month", "2024-12", "--out", "m.csv")

    status, _, err = await years.command(*month)
    assert status == 2
    assert "archived in 2024.db" in err
    assert (await years.command(*month, path="2024.db"))[0] == 0
    assert "R-1,email_bill_run,BR-00000001" in (years.folder / "m.csv").read_text()


async def test_the_second_archive_takes_what_the_first_left(years):
    await archived(years)
    years.up_to_today()
    await years.start()
    await years.slack.until(lambda: years.request(4).state == "expired")
    await years.quiet()
    await years.stop()

    status, out, err = await years.command("archive", "--before", "2025-04-01", "2025.db")

    assert status == 0, err
    assert "Archived 1 request," in out
    both = ("--archive", "2024.db", "--archive", "2025.db")
    status, _, err = await years.command("verify", *both)
    assert status == 0, err
    status, _, err = await years.command("verify", "2025.db", "--archive", "2024.db")
    assert status == 0, err


async def test_a_request_stays_until_the_history_binds_what_was_sent_about_it(years):
    changed(
        years.settings().database_path,
        "UPDATE outbox SET unbound = 1 WHERE sequence = "
        "(SELECT MAX(sequence) FROM outbox WHERE request = 2 AND outcome = 'sent')",
    )
    await archived(years)

    assert read(years.settings().database_path, "SELECT request FROM archived") == [(1,)]


TAMPERED = {
    "who decided": ("UPDATE requests SET decided_by = 'U0EVE' WHERE number = 1", 19),
    "an approval": ("UPDATE approvals SET person = 'U0EVE' WHERE request = 1", 19),
    "a document that was mailed": ("DELETE FROM mailings WHERE request = 1", 19),
    "an answer": ("UPDATE calls SET verdict = 'rejected' WHERE request = 1", 19),
    "that it is archived": ("DELETE FROM archived WHERE request = 2", 19),
    "where it is": ("UPDATE archives SET sha256 = substr(sha256, 2) || substr(sha256, 1, 1)", 19),
    "a row that stayed": ("UPDATE history SET who = 'U0EVE' WHERE request = 3 AND what = 'request.asked'", 10),
    "that a row stayed": ("DELETE FROM history WHERE request = 3 AND what = 'request.asked'", 11),
    "a request": ("DELETE FROM requests WHERE number = 2", 19),
    "a row after it": ("DELETE FROM history WHERE request = 4", 11),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_what_stayed_is_bound_by_the_chain(archived_folder, monkeypatch, what):
    statement, code = TAMPERED[what]
    changed(archived_folder / "billing-bot.db", statement)

    checked = verified(archived_folder, monkeypatch)

    assert checked.exit_code == code, checked.output


def test_another_file_is_not_taken_for_the_archive(archived_folder, monkeypatch):
    other = archived_folder / "other.db"
    other.write_bytes((archived_folder / "2024.db").read_bytes())
    changed(other, "UPDATE figures SET day = '2024-01-01'")

    checked = verified(archived_folder, monkeypatch, "--archive", "other.db")

    assert checked.exit_code == 19
    assert "is not an archive that" in checked.stderr


def test_the_database_lets_nothing_else_go(archived_folder):
    with closing(sqlite3.connect(archived_folder / "billing-bot.db")) as file, file:
        for statement in (
            "DELETE FROM history WHERE request = 3",
            "DELETE FROM history WHERE what = 'policy.changed'",
            "DELETE FROM history WHERE what = 'database.archived'",
            "UPDATE requests SET facts = '{}' WHERE number = 1",
            "UPDATE requests SET facts = '' WHERE number = 3",
            "INSERT INTO archived VALUES (3, 1)",
            "DELETE FROM archived",
            "DELETE FROM archives",
            "INSERT INTO archives VALUES (2, '', '', 'f', printf('%064d', 0), 3, 'x', 5)",
            "DELETE FROM requests WHERE number = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                file.execute(statement)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--before", "2024-12-01", "2024.db"), 3, "Nothing was changed"),
        (("--before", "2999-01-01", "2024.db"), 2, "at least 31 days ago"),
        ((*BEFORE, "billing-bot.db"), 3, "never overwritten"),
        ((*BEFORE, "nowhere/2024.db"), 3, "was not made"),
    ],
)
async def test_what_cannot_be_archived_changes_nothing(years, words, status, said):
    before = read(years.folder / "billing-bot.db", "SELECT COUNT(*) FROM history")

    found, _, err = await years.command("archive", *words)

    assert (found, said in err) == (status, True), err
    assert "Traceback" not in err
    assert read(years.folder / "billing-bot.db", "SELECT COUNT(*) FROM history") == before
    assert not (years.folder / "2024.db").exists()


async def test_nothing_is_archived_while_a_bot_works(years):
    await years.start()
    # a bot that was stopped just now may still hold the lock, and then the new one tries again later
    await years.as_time_passes(lambda: years.bot._lock.is_taken)

    status, _, err = await years.command("archive", *BEFORE, "2024.db")

    assert status == 2
    assert "stop it first" in err
    assert not (years.folder / "2024.db").exists()
