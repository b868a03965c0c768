"""A database of any earlier version is migrated with its open requests; a newer one is refused."""

import json
import pickle
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from sqlite_utils import Database

from bot.domain.history import FIRST_HASH, Entry, What
from bot.sandbox.panel.keep import SOON
from bot.sandbox.zuora.limits import Limits
from bot.slack.witness import MARK
from bot.store.database import Guarded
from bot.store.schema import known, migrations
from bot.store.store import Store
from tests.chained import entry_hash
from tests.older import without_documents_of_runs
from tests.reliability.test_database_faults import started
from tests.reliability.truths import check_everything, orders_of, pass_time, rest
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, Stage

NAMES = [*known()]
TABLES = ("copies", "requests", "approvals", "calls", "outbox", "history")
COPIES = "0011_clicks"
"""The migration that gives a database an id; before it, a start named none."""

OLD_RULE = ("approvers", "approvals", "expires_after")
ENDED = {
    1: "expired", 2: "succeeded", 3: "rejected", 4: "withdrawn", 5: "stopped", 6: "failed",
}  # fmt: skip
LOST, RUNNING, WAITING, APPROVED = 7, 8, 9, 10
OPEN = {LOST: "unknown", RUNNING: "running", WAITING: "waiting", APPROVED: "approved"}


in_one_loop = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Life:
    """A bot that has stopped, with all that it has left behind: its file, and what Slack and Zuora hold.

    Attributes:
        cards: The `ts` of each request's card, by its number.
        snapshot: The file as a kill left it.
    """

    stage: Stage
    cards: dict[int, str]
    snapshot: Path

    def __post_init__(self) -> None:
        stage = self.stage
        self._calls = len(stage.zuora.calls)
        self._moment = (stage.clock._now, stage.clock._passed)
        stage.zuora.world.agenda.advance(stage.clock.now() + SOON)
        self._held = pickle.dumps(
            (stage.slack.workspace, stage.zuora.world, stage.zuora._service.idempotency)
        )

    def put_back(self) -> None:
        """Let it be the moment at which it stopped, whatever has come of it since."""
        stage = self.stage
        workspace, world, keys = pickle.loads(self._held)  # noqa: S301 - bytes that were made right here
        vars(stage.slack.workspace).update(vars(workspace))
        stage.zuora.tenant.world, stage.zuora._service.idempotency = world, keys
        stage.zuora._service.limits = Limits()
        del stage.zuora.calls[self._calls :]
        stage.clock._now, stage.clock._passed = self._moment


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def life(tmp_path_factory):
    """A bot that stopped with a request in every state, lived once for all versions."""
    stage = Stage(tmp_path_factory.mktemp("life"), "web")
    stage.changes = {"repeat_lost": "no"}
    await stage.open()
    try:
        await stage.start()
        with without_documents_of_runs():
            lived = await _live(stage)
        yield lived
    finally:
        await stage.close()


@pytest_asyncio.fixture(loop_scope="module")
async def lived(life):
    life.put_back()
    yield life.stage, life.cards, life.snapshot
    await life.stage.stop()
    assert not life.stage.reader.offences, "\n".join(life.stage.reader.offences)


async def _live(stage):
    for number in range(1, 11):
        run = f"BR-000000{number:02}"
        stage.zuora.world.add_bill_run(run, invoices=[(f"A{number:08}", "USD", "10.00")])
    await stage.ask(text="BR-00000001")
    await pass_time(stage, step=3600 * 6, hours=24)
    cards = {1: stage.slack.channel_messages(CHANNEL)[0].ts}
    for number in range(2, 11):
        cards[number] = await stage.ask(text=f"BR-000000{number:02}")
        await rest(stage)
    await stage.press(BOB, cards[2])
    await stage.reject(BOB, cards[3], "The totals are wrong")
    await stage.withdraw(ALICE, cards[4])
    list(stage.zuora.world.invoices.values())[5 - 1].amount += 1  # of the fifth run
    await stage.press(CARLA, cards[5])
    await rest(stage)
    for number, fault in (
        (6, {"kind": "http200_failure", "category": 30}), (7, {"kind": "drop"}),
        (8, {"kind": "slow", "seconds": 0.9}),
    ):  # fmt: skip
        stage.zuora.faults.add(EMAILS, **fault)
        await stage.press(BOB, cards[number])
        await stage.until(lambda number=number: len(orders_of(stage, number)) == 1)
        if number != RUNNING:
            await rest(stage)
    stage.zuora.faults.add("/object-query/*", kind="status", status=503, times=None)
    await stage.press(BOB, cards[10])
    await stage.until(lambda: stage.request(APPROVED).state == "approved")
    await stage.until(lambda: not stage.bot.sender.under_way and not stage.store.outbox.open())
    states = {number: stage.request(number).state for number in cards}
    assert states == ENDED | OPEN
    snapshot = snapshot_of(stage, stage.folder / "snapshot.db")
    await stage.done_as_time_passes(stage.stop())
    stage.zuora.faults.clear()
    return Life(stage, cards, snapshot)


def snapshot_of(stage, path):
    with closing(sqlite3.connect(path)) as copy:
        cast("Guarded", stage.store._database).conn.backup(copy)
    return path


def made_old(snapshot, path, last):
    """The snapshot as the version would have written it that knew migrations up to `last`.

    Returns:
        The mark of each row of the history that Slack shows, and the one it would have shown.
    """
    for each in path.parent.glob(path.name + "*"):
        each.unlink()
    following = NAMES[NAMES.index(last) + 1 :]
    with closing(sqlite3.connect(snapshot)) as new, closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        migrations.apply(Database(old), stop_before=following)
        triggers = old.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            old.execute(f"DROP TRIGGER {name}")
        known = {name for (name,) in old.execute("SELECT name FROM sqlite_master")}
        if "copies" in known:
            old.execute("DELETE FROM copies")  # the file has made itself an id
        for table in [each for each in TABLES if each in known]:
            for row in rows_of(new, table):
                columns = [c for (_, c, *_) in old.execute(f"PRAGMA table_info({table})")]
                older = as_old(table, row, last)
                names = [name for name in columns if name in older]
                old.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) "  # noqa: S608 - our own words
                    f"VALUES ({', '.join(':' + name for name in names)})",
                    older,
                )
        marks = chain_anew(old)
        for _, sql in triggers:
            old.execute(sql)
        old.commit()
    return marks


def marked_anew(stage, marks):
    """Let the messages in Slack carry what that version would have sent with them."""
    for message in stage.slack.workspace.channel(CHANNEL).messages:
        payload = (message.metadata or {}).get("event_payload", {})
        if payload.get("mark"):
            payload["mark"] = marks.get(payload["mark"], payload["mark"])


def rows_of(connection, table):
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608 - our own words
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def as_old(table, row, last):
    """A row without what an earlier version did not write."""
    if table == "history":
        row = _unbound(row)
        if last < COPIES and row["what"] == What.STARTED_BOT:
            row = row | {"data": _without(row["data"], "database")}
    if last >= NAMES[3]:
        return row
    if table == "requests" and last < NAMES[2]:
        rule = json.loads(row["rule"])
        return row | {"rule": json.dumps({name: rule[name] for name in OLD_RULE})}
    if table == "history" and row["what"] == What.ASKED:
        data = json.loads(row["data"])
        data = {
            name: value for name, value in data.items() if name not in ("record", "card", "rule")
        }
        return row | {"data": json.dumps(data, sort_keys=True, separators=(",", ":"))}
    return row


def _unbound(row):
    """A row of the history of before it bound messages and what a request can mail, with the same number."""
    if row["what"] == What.SHOWN:
        return row | {"what": What.DELAYED.value, "data": "{}"}
    if row["what"] == What.STARTED:
        return row | {"data": _without(row["data"], "mailings")}
    return row


def _without(data, name):
    kept = {each: value for each, value in json.loads(data).items() if each != name}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chain_anew(old):
    """Make the chain fit what was taken out of it, and the head fit the chain where there is one."""
    before, marks = FIRST_HASH, {}
    for sequence, at, request, what, who, team, data, was in old.execute(
        "SELECT sequence, at, request, what, who, team, data, hash FROM history ORDER BY sequence"
    ).fetchall():
        entry = Entry(what=What(what), who=who, team=team, request=request, data=json.loads(data))
        hashed = entry_hash(before, sequence, at, entry)
        old.execute(
            "UPDATE history SET before = ?, hash = ? WHERE sequence = ?", [before, hashed, sequence]
        )
        before = hashed
        marks[was[:MARK]] = hashed[:MARK]
    tables = {name for (name,) in old.execute("SELECT name FROM sqlite_master")}
    if "history_head" in tables:
        old.execute("UPDATE history_head SET sequence = ?, hash = ?", [sequence, before])
    return marks


@in_one_loop
@pytest.mark.parametrize("last", NAMES)
async def test_a_database_of_every_earlier_version_goes_on_with_its_open_requests(lived, last):
    stage, cards, snapshot = lived
    marked_anew(stage, made_old(snapshot, Path(stage.settings().database_path), last))

    await stage.start()
    card = cards[WAITING]  # as it was posted then, with the number alone
    await stage.slack.click(CARLA, CHANNEL, card, "approve", value=str(WAITING), force=True)
    await pass_time(stage, step=120, minutes=20)

    for number, state in ENDED.items():
        assert stage.request(number).state == state
    for number in (RUNNING, WAITING, APPROVED):
        assert stage.request(number).state == "succeeded", number
        assert len(orders_of(stage, number)) == 1
    assert any("R-8: we don't know whether" in text for text in stage.thread(cards[RUNNING]))
    assert stage.request(LOST).state == "unknown"
    await pass_time(stage, step=600, minutes=60)  # Zuora may still show it before that
    card = cards[LOST]
    await stage.slack.click(CARLA, CHANNEL, card, "record_not_sent", value=str(LOST), force=True)
    assert (await stage.slack.submit(CARLA, {"reason": "No mail in its history at noon"})).ok
    await rest(stage)
    assert stage.request(LOST).state == "failed"
    assert len(orders_of(stage, LOST)) == 1
    check_everything(stage)
    applied = cast("Guarded", stage.store._database)["_sqlite_migrations"].rows
    assert [row["name"] for row in applied] == NAMES


def test_two_processes_that_open_a_new_file_at_once_both_get_it(tmp_path):
    for attempt in range(8):
        path, ready = tmp_path / f"{attempt}.db", threading.Barrier(3)
        problems = list[BaseException]()

        def opened(path=path, problems=problems, ready=ready):
            ready.wait()
            try:
                Store.open(path).close()
            except Exception as error:  # noqa: BLE001 - the test shows it
                problems.append(error)

        threads = [threading.Thread(target=opened) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert problems == []
        store = Store.open(path)
        assert [
            row["name"] for row in cast("Guarded", store._database)["_sqlite_migrations"].rows
        ] == NAMES
        store.close()


def test_an_older_bot_refuses_a_newer_database_in_one_sentence(tmp_path):
    path = tmp_path / "bot.db"
    Store.open(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('billing-bot', '9999_from_the_future', '2030-01-01')"
        )
        newer.commit()
    before = path.read_bytes()

    ended = started(tmp_path, path)

    assert ended.returncode == 2
    *_, sentence = ended.stderr.strip().splitlines()  # behind the line that says that it starts
    assert sentence.count(".") == 1
    assert "newer version of Billing Bot (9999_from_the_future)" in sentence
    assert path.read_bytes() == before
