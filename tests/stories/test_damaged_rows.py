"""One damaged row in the table of requests takes nothing away from the others."""

import asyncio
import io
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from bot.audit.verify import verify_database
from bot.cards import lines
from bot.cli import main
from bot.domain.call import Verdict
from bot.domain.history import Entry, What
from bot.domain.mailing import MAYBE_MAILED
from bot.domain.message import MessageKind
from bot.domain.next_step import repeat_at
from bot.domain.request import State
from bot.status.export import export
from bot.status.lists import Links
from bot.status.month import read_month
from bot.status.morning import Timetable, mornings_digest
from bot.store.request_rows import rule_from_text
from bot.store.store import Store
from bot.store.times import LONG_AGO
from bot.workflow.receipts import direct
from bot.workflow.restored import resume
from tests.postgres import drop_trigger, only_sqlite
from tests.stage import ALICE, BOB, CARLA, CHANNEL, nothing_happens
from tests.stories.test_billstatus import ask_status
from tests.stories.test_home import opened, text_of
from tests.stories.test_updates import damaged

DOCS = Path(__file__).parents[2] / "docs"

NO_RULES = (
    "{}",
    "5",
    "damaged",
    '{"approvers": 5, "approvals": 1, "expires_after": 1}',
    '{"approvers": [5], "approvals": 1, "expires_after": 1}',
    '{"approvers": ["U0BOB"], "approvals": 0, "expires_after": 1}',
    '{"approvers": ["U0BOB"], "approvals": true, "expires_after": 1}',
    '{"approvers": ["U0BOB"], "approvals": "1", "expires_after": 1}',
)
ROWS = [
    {"state_at": "yesterday"},
    {"expires_at": ""},
    {"decided_at": "13/13/13"},
]


@pytest.fixture(autouse=True)
def _no_rule_was_read_before():
    """What cannot be read is logged once for each text, and other tests read some of these."""
    rule_from_text.cache_clear()


async def two(stage, **columns):
    """Two requests, of which the first is damaged; the `ts` of both cards."""
    first = await stage.ask()
    second = await stage.ask(text=next(iter(stage.zuora.world.invoices)))
    await stage.quiet()
    damaged(stage, **columns)
    return first, second


def shown_of(number):
    """The line of a list for a request whose row is damaged."""
    return f"R-{number} cannot be shown: its record is damaged. Tell whoever runs Billing Bot."


async def the_others_go_on(stage, second):
    """Lists, Home tab, month, file and start show the second request, and it is carried out."""
    invoice = stage.request(2).subject
    for asked in ("", "waiting", "mine", invoice):
        said = await ask_status(stage, BOB if asked == "waiting" else ALICE, asked)
        assert "R-2" in said, asked
    await opened(stage, BOB)
    assert "R-2" in text_of(stage, BOB)
    assert "Requests:" in await ask_status(stage, ALICE, "month")
    file = io.BytesIO()
    await export(stage.store, "2026-11", "csv", file)
    assert {"R-1", "R-2"} <= {line.partition(",")[0] for line in file.getvalue().decode().split()}
    await stage.restart()
    await stage.press(BOB, second)
    await stage.until_card(second, "Accepted by Zuora")


@pytest.mark.parametrize("rule", NO_RULES)
async def test_a_damaged_rule_lets_nobody_approve_and_keeps_nobody_from_the_others(
    stage, caplog, rule
):
    first, second = await two(stage, rule=rule)

    await the_others_go_on(stage, second)

    await stage.press(BOB, first)
    await stage.until_private(BOB, "nobody, because its rule cannot be read")
    assert stage.request().state is State.WAITING
    logged = [each for each in caplog.records if each.msg == "rule_unreadable"]
    assert {each.rule for each in logged} == {rule}
    assert "R-1" in text_of(stage, BOB)
    await stage.withdraw(ALICE, first)
    await stage.until_card(first, "Withdrawn")


async def test_what_waits_under_a_damaged_rule_expires(stage):
    first, _ = await two(stage, rule="damaged")

    await stage.pass_time(hours=25)

    await stage.until_card(first, "Expired")


@pytest.mark.parametrize("columns", ROWS, ids=str)
async def test_a_damaged_row_keeps_nobody_from_the_others(stage, caplog, columns):
    first, second = await two(stage, **columns)

    await the_others_go_on(stage, second)

    await stage.press(BOB, first)
    await stage.until_private(BOB, "the record of R-1 is damaged and cannot be read")
    assert "request_unreadable" in {each.msg for each in caplog.records}


@pytest.mark.parametrize("columns", [{"expires_at": ""}, {"state": "damaged"}], ids=str)
async def test_a_damaged_row_that_is_due_is_said_once_where_somebody_reads_it(stage, columns):
    await two(stage, **columns)

    def said():
        everything = [each.text for each in stage.slack.channel_messages(CHANNEL)]
        return [each for each in everything if "R-1 is not carried on. Its record is dam" in each]

    await stage.as_time_passes(lambda: bool(said()), step=3600)
    await stage.restart()
    await stage.as_time_passes(lambda: stage.request(2).state is State.EXPIRED, step=3600)
    stage.clock.advance(minutes=5)
    await nothing_happens(20)

    assert len(said()) == 1
    assert ALICE in said()[0]


async def test_a_request_of_a_damaged_state_is_in_no_list_of_a_state_and_named_everywhere(stage):
    await stage.ask(text=[*stage.zuora.world.invoices][1])
    second = await stage.ask(text=next(iter(stage.zuora.world.invoices)))
    await stage.quiet()
    damaged(stage, state="damaged")

    await opened(stage, BOB)
    timetable = Timetable(at=None, zone=ZoneInfo("UTC"), days=frozenset())
    digest = mornings_digest(stage.store, Links(""), timetable, stage.clock.now()).text
    for each in (await ask_status(stage, ALICE, ""), digest):
        assert "Cannot be read: 1" in each
        assert shown_of(1) in each
    assert "R-1 cannot be shown" in text_of(stage, BOB)
    await the_others_go_on(stage, second)


async def test_a_request_of_a_damaged_state_may_have_mailed(stage):
    _, second = await two(stage, state="damaged")

    await stage.press(BOB, second)

    await stage.until_card(second, "Stopped. Nothing was sent")
    assert any("R-1" in each for each in stage.thread(second))


@pytest.mark.parametrize("columns", [{"state_at": "yesterday"}, {"expires_at": ""}], ids=str)
async def test_what_waits_for_somebody_names_a_request_that_cannot_be_read(stage, columns):
    await two(stage, **columns)

    said = await ask_status(stage, BOB, "waiting")

    assert "R-1 cannot be shown" in said
    assert "R-2" in said


async def test_a_damaged_row_that_is_due_is_tried_once(stage, caplog):
    await two(stage, expires_at="")

    stage.clock.advance(hours=30)
    await stage.as_time_passes(lambda: stage.request(2).state is State.EXPIRED)
    for _ in range(5):
        stage.clock.advance(minutes=5)
        await nothing_happens(10)

    assert len([each for each in caplog.records if "request_unreadable" in each.msg]) == 1


async def test_a_damaged_row_is_logged_once_however_many_lists_would_show_it(stage, caplog):
    await two(stage, state_at="yesterday")

    for asked in ("", "mine", "R-1", "", "mine"):
        await ask_status(stage, ALICE, asked)

    assert [each.request for each in caplog.records if each.msg == "request_unreadable"] == [1]


async def test_billstatus_does_not_deny_a_request_whose_row_is_damaged(stage):
    await two(stage, state_at="yesterday")

    said = await ask_status(stage, ALICE, "R-1")

    assert "R-1 cannot be shown, because its record is damaged" in said
    assert "Tell whoever runs Billing Bot before you ask for it again" in said
    assert "There is no request R-3" in await ask_status(stage, ALICE, "R-3")


async def test_lists_and_the_digest_say_which_request_they_cannot_show(stage):
    await two(stage, state_at="yesterday")

    timetable = Timetable(at=None, zone=ZoneInfo("UTC"), days=frozenset())
    digest = mornings_digest(stage.store, Links(""), timetable, stage.clock.now())
    said = [await ask_status(stage, ALICE, asked) for asked in ("", "mine", "BR-00000001")]
    for each in (digest.text, *said):
        assert shown_of(1) in each
        assert "more;" not in each


@pytest.mark.never_repeated
async def test_no_list_hides_an_unknown_outcome_or_a_result_whose_row_is_damaged(stage):
    first, second = await two(stage)
    await stage.withdraw(ALICE, first)
    await stage.until_card(first, "Withdrawn")
    stage.zuora.faults.add("/v1/invoices/*/emails", kind="drop")
    await stage.press(BOB, second)
    await stage.until_card(second, "OUTCOME UNKNOWN")
    stage.store._database.execute("UPDATE requests SET expires_at = ''")

    said = await ask_status(stage, ALICE, "")

    assert said.startswith("OUTCOME UNKNOWN")
    assert shown_of(1) in said
    assert shown_of(2) in said


@pytest.mark.parametrize(
    "columns", [{"state_at": "yesterday"}, {"created_at": "yesterday"}], ids=str
)
async def test_the_month_says_which_request_it_does_not_count(stage, columns):
    await two(stage, **columns)

    assert "Not counted, because damaged: R-1\n" in await ask_status(stage, ALICE, "month")


async def test_a_month_does_not_name_what_was_asked_for_in_another(stage):
    await two(stage, state_at="yesterday")

    assert "Not counted" not in await ask_status(stage, ALICE, "month 2026-10")


async def test_a_row_that_was_mended_is_carried_out_without_a_restart(stage):
    ts = await stage.ask()
    await stage.quiet()
    ((good,),) = stage.store._database.execute("SELECT expires_at FROM requests").fetchall()
    damaged(stage, expires_at="")
    stage.clock.advance(hours=5)
    await nothing_happens(200)
    stage.store._database.execute("UPDATE requests SET expires_at = ?", [good])

    await stage.press(BOB, ts)

    await stage.as_time_passes(lambda: "Accepted by Zuora" in stage.card(ts))


@pytest.mark.parametrize(
    "at", ["2026-13-45", "9999", "yesterday", "", "2026-11-30 10:00:00", "2026-11-30"]
)
@pytest.mark.parametrize(
    ("table", "column"),
    [("requests", "wake_at"), ("outbox", "wake_at"), ("outbox", "tried_at")],
)
async def test_a_damaged_time_stops_no_loop(stage, table, column, at):
    """Each loop looks at the times of all of them, and at a start whether the clock was put back."""
    await stage.ask()
    await stage.quiet()
    stage.store._database.execute(f"UPDATE {table} SET {column} = ?", [at])  # noqa: S608 - own words

    await stage.restart()
    await stage.ask(text=next(iter(stage.zuora.world.invoices)))
    await stage.slack.until(lambda: stage.request(2).card_ts is not None)
    second = stage.request(2).card_ts
    stage.clock.step(hours=-1)
    await stage.press(BOB, second)

    await stage.slack.until(lambda: "Accepted by Zuora" in stage.card(second))


@pytest.mark.parametrize("at", ["yesterday", "2026-11-30 10:00:00"])
async def test_a_damaged_time_of_an_approval_is_a_damaged_row(stage, at):
    first, _ = await two(stage)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    drop_trigger(stage.store, "approvals_are_never_changed")
    stage.store._database.execute("UPDATE approvals SET at = ?", [at])

    assert stage.store.requests.get(1) is None
    assert [each.number for each in stage.store.requests.to_judge([1, 2])] == [2]
    assert "R-2" in await ask_status(stage, ALICE, "mine")


@only_sqlite  # a file of its own is written to
@pytest.mark.parametrize("at", ["yesterday", ""])
@pytest.mark.parametrize("column", ["wake_at", "tried_at", "created_at"])
async def test_a_message_that_waits_with_a_damaged_time_is_sent(stage, column, at):
    ts = await stage.ask()
    await stage.quiet()
    request = stage.request()
    await stage.stop()
    store = Store.open(stage.file())
    with store.transaction():
        store.outbox.add(lines.reply(request, "THE ONE"), stage.clock.now())
    store._database.execute(f"UPDATE outbox SET {column} = ? WHERE ended_at IS NULL", [at])  # noqa: S608 - own words
    since = store.outbox.waits_since(stage.clock.now())
    assert since == (LONG_AGO if column == "created_at" else stage.clock.now())
    store.close()

    await stage.start()

    await stage.slack.until(lambda: any("THE ONE" in each for each in stage.thread(ts)))


@pytest.mark.parametrize("columns", [("tried_at",), ("tried_at", "created_at")])
async def test_a_message_whose_answer_was_lost_is_not_sent_twice_after_its_time_was_damaged(
    stage, columns
):
    stage.slack.faults.add("chat.postMessage", "lose_answer")
    ts = await stage.ask()
    await stage.quiet()
    for column in columns:
        stage.store._database.execute(
            f"UPDATE outbox SET {column} = 'yesterday' WHERE ended_at IS NULL"  # noqa: S608 - own words
        )

    await stage.as_time_passes(lambda: stage.request().card_ts is not None)

    assert stage.request().card_ts == ts
    assert [each.ts for each in stage.slack.channel_messages(CHANNEL)] == [ts]


async def test_an_entry_of_a_kind_that_only_a_newer_version_knows_hides_no_other(
    stage, monkeypatch
):
    monkeypatch.setattr("bot.store.past._KINDS", {"request.asked", "slack.shown"})
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    said = await ask_status(stage, BOB, "R-1")

    assert "asked" in said
    assert "approved" not in said


@pytest.mark.never_repeated
@pytest.mark.parametrize("documents", [1, 3])
async def test_a_lost_answer_of_what_cannot_be_read_any_more_is_reminded_of_and_recorded(
    stage, documents
):
    """People look in Zuora by its number, which the request has beside its facts."""
    ts = await stage.ask(text=" ".join([*stage.zuora.world.invoices][:documents]))
    stage.zuora.faults.add("/v1/invoices/*/emails", kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    damaged(stage, facts="{}")

    await stage.as_time_passes(
        lambda: any("R-1 cannot be shown" in each for each in stage.thread(ts)), step=600
    )
    await stage.record(CARLA, ts, "record_sent")

    await stage.slack.until(lambda: stage.card(ts).startswith(("Done", "Accepted")))


async def test_the_month_is_exported_by_the_command_with_what_cannot_be_read_named(
    stage, monkeypatch, tmp_path
):
    await two(stage, state_at="yesterday")
    await stage.stop()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{stage.file()}")
    to = tmp_path / "month.csv"

    words = ["export", "--month", "2026-11", "--out", str(to)]
    done = await asyncio.to_thread(CliRunner().invoke, main, words)

    assert done.exit_code == 0, done.output
    (said,) = [each for each in to.read_text("utf-8-sig").splitlines() if each.startswith("R-1,")]
    assert "its record is damaged" in said


@pytest.mark.never_repeated
@pytest.mark.parametrize("columns", [{"facts": "{}"}, {"state_at": "yesterday"}], ids=str)
async def test_what_cannot_be_read_keeps_another_from_mailing_the_same(stage, columns):
    """What each request can mail is in rows of its own."""
    invoice = next(iter(stage.zuora.world.invoices))
    first = await stage.ask(text=invoice)
    second = await stage.ask(text=invoice)
    stage.zuora.faults.add("/v1/invoices/*/emails", kind="drop")
    await stage.press(BOB, first)
    await stage.until_card(first, "OUTCOME UNKNOWN")
    await stage.quiet()
    damaged(stage, **columns)

    await stage.press(CARLA, second)
    await stage.until_card(second, "Stopped. Nothing was sent")

    assert "R-1" in stage.card(second)


async def test_resuming_ends_what_is_damaged_too_and_names_it(stage):
    first, second = await two(stage, state_at="yesterday", decided_at="13/13/13")

    ended = resume(stage.store, stage.clock.now(), [], "f" * 32, CHANNEL)

    assert [each.name for each in ended] == ["R-1", "R-2"]
    assert stage.store.copies.open_numbers() == []
    (said,) = stage.store.history.since(0, What.RESUMED)
    assert said.entry.data["ended"] == ["R-1", "R-2"]
    assert said.entry.data["damaged"] == ["R-1"]
    await stage.restart()
    await stage.until_card(first, "Stopped, look in Zuora first")
    await stage.until_card(second, "Stopped, look in Zuora first")
    said_in_slack = " ".join(each.text for each in stage.slack.channel_messages(CHANNEL))
    assert (
        "2 open requests stopped: look in Zuora first. The record of R-1 is damaged"
        in said_in_slack
    )


@pytest.mark.parametrize("rule", NO_RULES)
async def test_a_damaged_rule_is_named_by_verify_and_keeps_no_evidence_from_being_made(
    stage, monkeypatch, tmp_path, rule
):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.quiet()
    damaged(stage, rule=rule)
    file = stage.file()
    await stage.stop()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    made = tmp_path / "november.zip"

    for words in (
        ["verify"],
        [
            "evidence",
            "--from",
            "2026-11-01",
            "--to",
            "2026-11-30",
            "--without-zuora",
            "--out",
            str(made),
        ],
        ["verify", str(made)],
    ):
        done = await asyncio.to_thread(CliRunner().invoke, main, words)
        assert done.exit_code not in (0, 1, 3), (words, done.output)
        assert "R-1" in done.output, words


@only_sqlite
@pytest.mark.never_repeated
async def test_a_lost_answer_under_a_damaged_rule_is_recorded_once_the_rule_is_put_back_as_the_guide_says(
    stage,
):
    first = await stage.ask(text=next(iter(stage.zuora.world.invoices)))
    await stage.ask()
    stage.zuora.faults.add("/v1/invoices/*/emails", kind="drop")
    await stage.press(BOB, first)
    await stage.until_card(first, "OUTCOME UNKNOWN")
    await stage.quiet()
    triggers = stage.store._database.execute(
        "SELECT sql FROM sqlite_master WHERE name IN ('requests_keep_what_was_asked', 'requests_keep_their_facts')"
    ).fetchall()
    damaged(stage, rule="damaged")
    for (sql,) in triggers:
        stage.store._database.execute(sql)
    await stage.press(CARLA, first, "record_sent")
    await stage.until_private(CARLA, "nobody, because its rule cannot be read")
    await stage.stop()
    assert "R-1" in verify_database(stage.file(), key="").findings[0].words

    _, _, after = (DOCS / "operate.md").read_text().partition("<!-- the damaged rule -->\n```sql\n")
    statements = after.partition("```")[0]
    with closing(sqlite3.connect(stage.file())) as database:
        database.executescript(statements.replace("12", "2").replace("17", "1"))

    assert verify_database(stage.file(), key="").findings == ()
    await stage.start()
    await stage.record(CARLA, first, "record_sent")
    await stage.slack.until(lambda: stage.card(first).startswith(("Done", "Accepted")))


DAMAGED = [
    ("approvals", "at"),
    ("calls", "first_sent_at"),
    ("calls", "sent_at"),
    ("calls", "answered_at"),
    ("calls", "verdict"),
    ("calls", "retry_at"),
    ("history", "data"),
]


async def with_damage(stage, table, column):
    """R-1 is done and one of its rows damaged; R-2 waits. The `ts` of R-2's card."""
    one, other = [*stage.zuora.world.invoices][:2]
    first = await stage.ask(text=one)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    second = await stage.ask(ALICE, text=other)
    await stage.quiet()
    drop_triggers(stage, table)
    stage.store._database.execute(f"UPDATE {table} SET {column} = 'yesterday' WHERE request = 1")  # noqa: S608 - own words
    return second


def drop_triggers(stage, table):
    database = stage.store._database
    for (name,) in database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", [table]
    ).fetchall():
        database.execute(f"DROP TRIGGER {name}")


@only_sqlite
@pytest.mark.parametrize(("table", "column"), DAMAGED)
async def test_a_row_beside_a_damaged_request_keeps_nobody_from_the_others(stage, table, column):
    """`/billstatus month` had no answer at all for anybody, or said that it could not record this."""
    second = await with_damage(stage, table, column)

    await read_month(stage.store, "2026-11")
    await the_others_go_on(stage, second)


@only_sqlite
@pytest.mark.parametrize(("table", "column"), DAMAGED)
async def test_no_command_ends_in_a_traceback_over_such_a_row(
    stage, monkeypatch, tmp_path, table, column
):
    await with_damage(stage, table, column)
    await stage.stop()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{stage.file()}")
    period = ["--from", "2026-11-01", "--to", "2026-11-30", "--without-zuora"]
    for words in (
        ["verify"],
        ["export", "--month", "2026-11", "--out", str(tmp_path / "month.csv")],
        ["evidence", *period, "--out", str(tmp_path / "november.zip")],
    ):
        done = await asyncio.to_thread(CliRunner().invoke, main, words)
        assert done.exit_code != 1, (words, done.output, done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), words


@pytest.mark.never_repeated
@pytest.mark.parametrize("verdict", ["yesterday", "done_by_a_newer_version"])
async def test_a_call_whose_verdict_cannot_be_read_is_one_whose_answer_is_not_known(stage, verdict):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    stage.store._database.execute("UPDATE calls SET verdict = ?", [verdict])
    calls = stage.store.calls

    tally = calls.tally(1)
    assert (tally.calls, tally.accepted, tally.lost, tally.refused) == (1, 0, 1, 0)
    (lost,) = calls.lost(1)
    assert [lost] == [*calls.of(1)] == [each for part in calls.in_brief(1) for each in part]
    assert lost.verdict is Verdict.LOST
    assert [*calls.open_in_parts(1)] == []
    assert repeat_at(lost, stage.clock.now(), timedelta(seconds=1)) is None
    mailed = stage.store.mailings
    effects = mailed.effects(mailed.of(1), not_of=2)
    assert {each.how for each in effects} <= {*MAYBE_MAILED}
    assert effects


@only_sqlite
async def test_an_approval_that_is_gone_does_not_count_however_fresh_it_was(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    now, rules = stage.clock.now(), stage.bot.parts.rules
    assert await rules.not_approved_any_more(stage.request(), now) == ""

    drop_triggers(stage, "approvals")
    stage.store._database.execute("DELETE FROM approvals")

    why = await rules.not_approved_any_more(stage.request(), now)
    assert why.startswith("It needs 1 approval from people who may approve it today, and only 0")


async def with_a_damaged_message(stage, kind, columns):
    """R-1 with its card in Slack, and in its thread a damaged message before a good one. The card's `ts`."""
    ts = await stage.ask()
    await stage.quiet()
    request, store, now = stage.request(), stage.store, stage.clock.now()
    with store.transaction():
        damaged_one = lines.reply(request, "THE DAMAGED ONE")
        sequence = store.outbox.add(replace(damaged_one, kind=kind), now)
        store.outbox.add(lines.reply(request, "THE NEXT ONE"), now)
        for column, value in columns.items():
            store._database.execute(
                f"UPDATE outbox SET {column} = ? WHERE sequence = ?",  # noqa: S608 - own words
                [value, sequence],
            )
    stage.bot.parts.bells.sender.set()
    await stage.until_thread(ts, "THE NEXT ONE")
    await stage.quiet()
    return ts


@pytest.mark.parametrize("blocks", ["damaged", "", "5", "null", '{"a": [1]}', "[1]", "[" * 5000])
async def test_a_message_with_damaged_blocks_is_sent_as_text_and_stops_no_lane(
    stage, caplog, blocks
):
    ts = await with_a_damaged_message(stage, MessageKind.REPLY, {"blocks": blocks})

    assert [each for each in stage.thread(ts) if "ONE" in each] == [
        "THE DAMAGED ONE",
        "THE NEXT ONE",
    ]
    assert [each.msg for each in caplog.records].count("message_damaged") == 1
    assert stage.store.outbox.open() == []


@pytest.mark.parametrize("blocks", ["[{}]", '[{"type": 7}]', '[{"elements": []}]'])
async def test_a_message_whose_blocks_are_none_that_slack_knows_is_sent_as_text(stage, blocks):
    ts = await with_a_damaged_message(stage, MessageKind.REPLY, {"blocks": blocks})

    assert [each for each in stage.thread(ts) if "ONE" in each] == [
        "THE DAMAGED ONE",
        "THE NEXT ONE",
    ]
    assert stage.store.outbox.open() == []


@pytest.mark.parametrize(
    "columns",
    [{"kind": "damaged"}, {"kind": ""}, {"file": "damaged"}, {"file": "5"}, {"file": "{}"}],
    ids=str,
)
async def test_a_message_that_nobody_can_read_is_set_aside_and_said_in_its_thread(stage, columns):
    ts = await with_a_damaged_message(stage, MessageKind.FILE, columns)

    assert any("A message about R-1 cannot be sent any more" in each for each in stage.thread(ts))
    assert not any("THE DAMAGED ONE" in each for each in stage.thread(ts))
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_a_damaged_notice_is_set_aside_and_said_in_the_channel(stage):
    store, now = stage.store, stage.clock.now()
    with store.transaction():
        for each in ("THE DAMAGED ONE", "THE NEXT ONE"):
            store.outbox.add(direct(CHANNEL, (each,)), now)
        store._database.execute("UPDATE outbox SET kind = 'x' WHERE text = 'THE DAMAGED ONE'")
    stage.bot.parts.bells.sender.set()

    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > 1)
    await stage.quiet()

    said = [each.text for each in stage.slack.channel_messages(CHANNEL)]
    assert "THE NEXT ONE" in said
    assert any(
        each.startswith("⚠ A message cannot be sent any more, because it is damaged")
        for each in said
    )


@only_sqlite  # a file of its own is written to
async def test_a_card_with_damaged_blocks_is_drawn_anew_and_can_be_approved(stage):
    stage.slack.faults.add("chat.postMessage", "ratelimited")
    await stage.fill()
    await stage.stop()
    with closing(sqlite3.connect(stage.file())) as database, database:
        assert database.execute(
            "UPDATE outbox SET blocks = 'damaged' WHERE kind = 'card' AND ended_at IS NULL"
        ).rowcount

    await stage.start()
    await stage.as_time_passes(lambda: stage.request().card_ts is not None)
    await stage.quiet()

    await stage.press(BOB, stage.request().card_ts)
    await stage.until_card(stage.request().card_ts, "Accepted by Zuora")


async def test_a_card_whose_edit_has_damaged_blocks_is_drawn_anew_and_can_be_approved(stage):
    ts = await with_a_damaged_message(stage, MessageKind.UPDATE, {"blocks": "damaged"})

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


KINDS = (
    "bot.started", "policy.changed", "people.groups", "policy.posted", "audit.head", "statement.sent", "statement.denied",
    "request.asked", "request.approved", "request.started", "request.ended", "call.sent", "call.answered", "slack.shown",
    "number.kept", "exception.written", "refused",
)  # fmt: skip


@only_sqlite
@pytest.mark.parametrize("columns", [{"at": "yesterday"}, {"data": "damaged"}, {"data": "5"}, {"data": '{"rows": 7, "new": []}'}], ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
async def test_no_damaged_row_of_the_history_stops_a_start_or_anybody_else(stage, kind, columns):
    """A row that nothing made in this story is put in, as an older version or another process may have written it."""
    second = await with_damage(stage, "approvals", "team")
    drop_triggers(stage, "history")
    with stage.store.transaction():
        found = stage.store._database.execute(
            "SELECT MAX(sequence) FROM history WHERE what = ?", [kind]
        )
        ((last,),) = found.fetchall()
        if last is None:
            about = 1 if kind.startswith(("request", "call", "slack")) else None
            entry = Entry(what=What(kind), request=about, who=CARLA, data={})
            last = stage.store.history.append(entry, stage.clock.now()).sequence
        ((column, value),) = columns.items()
        stage.store._database.execute(
            f"UPDATE history SET {column} = ? WHERE sequence = ?",  # noqa: S608 - own words
            [value, last],
        )
    await stage.restart()

    await the_others_go_on(stage, second)
    await ask_status(stage, ALICE, "R-1")
    await stage.pass_time(hours=2)


@only_sqlite
async def test_a_denial_that_cannot_be_read_denies_all_that_its_person_had_decided(stage):
    first, _ = await two(stage)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    drop_triggers(stage, "history")
    entry = Entry(what=What.STATEMENT_DENIED, who=BOB, data={"rows": []})
    with stage.store.transaction():
        head = stage.store.history.append(entry, stage.clock.now())
        stage.store._database.execute(
            "UPDATE history SET data = 'damaged' WHERE sequence = ?", [head.sequence]
        )

    assert "not theirs, says" in await ask_status(stage, ALICE, "R-1")
    assert stage.store.history.approval_is_denied(1)
    assert len(stage.store.history.denied()) == 1
    assert not stage.store.history.approval_is_denied(2)


@pytest.mark.parametrize("rows", [["x"], [None], [2**70], [[1]], ["", 1]], ids=str)
async def test_a_denial_of_rows_that_are_no_numbers_denies_all_that_its_person_had_decided(
    stage, rows
):
    first, _ = await two(stage)
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    with stage.store.transaction():
        denied = Entry(what=What.STATEMENT_DENIED, who=BOB, data={"rows": rows})
        stage.store.history.append(denied, stage.clock.now())

    assert "not theirs, says" in await ask_status(stage, ALICE, "R-1")
    assert stage.store.history.approval_is_denied(1)
    assert not stage.store.history.approval_is_denied(2)


@only_sqlite
async def test_a_copy_that_was_put_back_at_a_damaged_time_was_put_back_before_the_next_row(stage):
    entry = Entry(what=What.RESUMED, data={})
    with stage.store.transaction():
        drop_triggers(stage, "history")
        stage.store.history.append(entry, stage.clock.now())
        stage.store._database.execute("UPDATE history SET at = '' WHERE what = 'database.resumed'")
    await stage.restart()
    too_soon = await stage.fill()
    assert "An older copy of the database was put back" in str(too_soon.errors)

    await stage.pass_time(hours=2)
    ts = await stage.ask()
    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")
