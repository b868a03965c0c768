"""No row is in no package."""

import re
import zipfile
from datetime import timedelta

import pytest

from bot.audit.evidence.late import late_rows
from bot.audit.evidence.package import Package
from bot.audit.evidence.workbook import SHEETS
from bot.domain.history import What
from tests.audit.test_evidence import checked, entries, lines, made, of_kind, packet_of, read
from tests.audit.test_for_people import page_of, sheets_of
from tests.audit.test_package import TWO, Forger, packed_otherwise, status
from tests.stage import BOB, CARLA, CHANNEL, Stage


@pytest.fixture
async def worked(stage):
    """R-1 is mailed on 21 November."""
    for number in (2, 3):
        stage.zuora.world.add_bill_run(
            f"BR-0000000{number}", invoices=[("A00000001", "USD", "7.00")]
        )
    await mailed(stage, "BR-00000001")
    return stage


async def mailed(stage, run):
    ts = await stage.ask(text=run)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.quiet()


async def package(stage, folder, *options):
    folder.mkdir()
    return await made(stage, folder, *options)


async def test_what_was_dated_back_is_in_the_package_that_follows_and_marked(worked, tmp_path):
    stage = worked
    first, a = await package(stage, tmp_path / "a", "--from", "2026-11-20", "--to", "2026-11-22")
    assert first.exit_code == 0, first.output
    stage.clock.step(days=-57)  # 25 September
    await mailed(stage, "BR-00000002")
    stage.clock.step(days=59)  # 23 November
    await mailed(stage, "BR-00000003")

    days = ("--from", "2026-11-23", "--to", "2026-11-25")
    result, b = await package(stage, tmp_path / "b", *days, "--after", str(a))

    assert result.exit_code == 22, result.output
    found = {each["number"]: each for each in lines(b, "population.jsonl")}
    assert found[2]["asked_in_period"].startswith("late")
    assert found[2]["created_at"].startswith("2026-09-25")
    assert found[3]["asked_in_period"] == "yes"
    assert {each["request"] for each in entries(b, "late.jsonl")} == {2}
    again = checked(b)
    assert again.exit_code == 22
    assert "clock went back" in again.output
    need_marks_of_r2(b)


async def test_late_rows_of_a_start_are_by_the_clock_of_the_machine_that_started(
    worked, tmp_path, monkeypatch
):
    stage = worked
    _, first = await package(stage, tmp_path / "a", "--from", "2026-11-20", "--to", "2026-11-22")
    old = read(first, "verification.json")["host"]
    stage.clock.step(days=-57)
    await mailed(stage, "BR-00000002")
    stage.clock.step(days=1)
    monkeypatch.setattr("socket.gethostname", lambda: "a-new-machine")
    await stage.with_policy(TWO)
    stage.clock.step(days=59)
    days = ("--from", "2026-11-23", "--to", "2026-11-25", "--after", str(first))

    _, out = await package(stage, tmp_path / "b", *days)

    kinds = (What.CALL_SENT, What.POLICY_CHANGED, What.GROUPS, What.STARTED_BOT)
    by_start = dict.fromkeys(kinds[1:], "of the machine a-new-machine")
    assert clocks(out, kinds) == {What.CALL_SENT: f"of the machine {old}", **by_start}

    forger = Forger(out, "")
    for name in ("standing.jsonl", "starts.jsonl"):
        forger.files[name] = forger.files[name].replace(b"sqlite:///", b"postgresql:///")
    of_any = {What.CALL_SENT: "of a machine on which the bot ran", **by_start}
    assert clocks(forger.sealed(), kinds) == of_any


def clocks(out, kinds):
    """By which clock rows of these kinds are, as the report's maker says it."""
    with zipfile.ZipFile(out) as archive:
        late = [*late_rows(Package(archive))]
    return {each.row.what: each.clock for each in late if each.row.what in kinds}


def need_marks_of_r2(out):
    """Page, list and workbook say which rows bear an older time, by which clock, why, and whose day it is."""
    late = [row[0] for row in lines(out, "late.jsonl")]
    text = " ".join(page_of(out).text.split())
    assert text.count("⚠ Late") == 1
    page = text[text.index("R-2: email bill run") : text.index("R-3: email bill run")]
    mark = f"{len(late)} of its rows ({late[0]} to {late[-1]}) bear a time before the period (2026-09-25 "
    assert mark in page
    assert "it was asked for before the period, recorded in it" in page
    row = f"{late[0]} 2026-09-25 10:00:"
    (line,) = re.findall(f"{row}.*?2026-09-25 (?={late[1]} )", text)
    host = read(out, "verification.json")["host"]
    why = f"of the machine {host} R-2 request.asked the clock was set back: the earlier row 1 bears 2026-11-21"
    assert why in line
    assert line.endswith("one whose period has 2026-09-25 ")
    sheets = sheets_of(out)
    column = SHEETS["Requests"].index("late")
    marked = {row[0]: mark in row[column] for row in sheets["Requests"][1:]}
    assert marked == {"R-2": True, "R-3": False}
    assert [int(row[0]) for row in sheets["Late rows"][1:]] == late


async def test_each_package_begins_with_the_row_after_the_last_of_the_one_before(worked, tmp_path):
    stage = worked
    _, a = await package(stage, tmp_path / "a", "--from", "2026-11-20", "--to", "2026-11-22")
    await stage.pass_time(days=1)
    await mailed(stage, "BR-00000002")
    await stage.pass_time(days=30)

    days = ("--from", "2026-12-01", "--to", "2026-12-31")
    result, b = await package(stage, tmp_path / "b", *days, "--after", str(a))

    assert result.exit_code == 0, result.output
    before, after = read(a, "chain.json"), read(b, "chain.json")
    assert lines(b, "history.jsonl")[0][0] == before["last"] + 1
    assert after["before"]["sequence"] == before["last"]
    assert after["package_before"] is not None
    assert before["package_before"] is None
    line = next(each for each in lines(b, "population.jsonl") if each["number"] == 2)
    assert line["asked_in_period"].startswith("late")
    assert "in its order: no package before this one goes so far" in page_of(b).text
    hashed = after["before"]["hash"]
    assert checked(b, "--head", f"{before['last']}:{hashed}").exit_code == 0
    assert checked(a, "--head", f"{before['last']}:{hashed}").exit_code == 0
    need_what_stood(b, before["last"], hashed)
    assert status(a, "", str(b)).exit_code == 0
    forger = Forger(a, "")
    assert forger.files["things.jsonl"]
    forger.put("things.jsonl", [])
    forger.put("exceptions.jsonl", [])
    found = status(forger.sealed(), "", str(b))
    assert found.exit_code == 18
    assert "names another manifest than this one has" in found.output


def need_what_stood(out, last, head):
    """Without the rows from before the period, or without the policy among them, the package is not whole."""
    for left, code, words in (
        (set(), 19, f"no row from before the period, which begins after row {last}"),
        (
            {"people.groups", "bot.started"},
            23,
            "of which no row before it says that it was in force",
        ),
    ):
        forger = Forger(out, "")
        rows = [row for row in lines(out, "standing.jsonl") if row[3] in left]
        assert {row[3] for row in rows} == left
        forger.put("standing.jsonl", rows)
        found = status(forger.sealed(), "", f"{last}:{head}")
        assert found.exit_code == code, found.output
        assert words in found.output


async def test_a_package_of_another_history_is_not_gone_on_from(worked, tmp_path):
    other = Stage(tmp_path / "other", "run")
    (tmp_path / "other").mkdir()
    await other.open()
    await other.start()
    _, a = await package(other, tmp_path / "a", "--from", "2026-11-20", "--to", "2026-11-22")
    await other.close()

    days = ("--from", "2026-11-23", "--to", "2026-11-25")
    result, _ = await package(worked, tmp_path / "b", *days, "--after", str(a))

    assert result.exit_code == 18, result.output
    broken = tmp_path / "broken.zip"
    broken.write_text("no zip")
    result, _ = await package(worked, tmp_path / "c", *days, "--after", str(broken))
    assert result.exit_code == 3


@pytest.mark.parametrize("damaged", ["history.jsonl", "exceptions.jsonl"])
async def test_a_package_before_that_is_damaged_is_not_readable_however_it_is_packed(
    worked, tmp_path, damaged
):
    _, a = await package(worked, tmp_path / "a", "--from", "2026-11-20", "--to", "2026-11-22")
    days = ("--from", "2026-11-23", "--to", "2026-11-25")
    broken = packed_otherwise(a, damaged)

    result, out = await package(worked, tmp_path / "b", *days, "--after", str(broken))

    assert result.exit_code == 3, result.output
    assert f"{broken} is no evidence, or is damaged" in result.output
    assert not out.exists()


async def test_a_period_that_is_not_over_says_so(worked, tmp_path):
    result, out = await package(
        worked, tmp_path / "a", "--from", "2026-11-01", "--to", "2999-12-31"
    )

    assert "The period is not over" in result.output
    assert read(out, "chain.json")["made_at"] < read(out, "chain.json")["end"]
    assert read(out, "chain.json")["last"] == worked.store.history.last()[0]
    assert "the period was not over" in checked(out).output


async def test_days_are_those_of_a_zone(worked, tmp_path):
    days = ("--from", "2026-11-21", "--to", "2026-11-21")
    _, out = await package(worked, tmp_path / "a", *days, "--zone", "Europe/Berlin")

    about = read(out, "chain.json")
    assert about["start"] == "2026-11-20T23:00:00.000000+00:00"
    assert about["end"] == "2026-11-21T23:00:00.000000+00:00"
    result, _ = await package(worked, tmp_path / "b", *days, "--zone", "Berlin")
    assert result.exit_code == 2
    assert "not a time zone" in result.output


async def test_heads_go_on_after_a_start_with_a_date_in_the_future(stage):
    stage.changes = {"audit_channel": CHANNEL}
    await stage.restart()
    await stage.quiet()
    stage.clock.step(days=400)
    await stage.restart()
    await stage.quiet()
    stage.clock.step(days=-400)
    await stage.restart()
    await stage.quiet()
    await stage.pass_time(days=1)
    await stage.ask()
    await stage.pass_time(minutes=2)
    await stage.quiet()

    heads = [each.entry for each in stage.store.history.all() if each.entry.what is What.HEAD]
    today = stage.clock.now().date()
    dates = [each.data["date"] for each in heads]
    assert dates[-1] == today.isoformat()
    assert (today - timedelta(days=1)).isoformat() in dates
    assert len(dates) == len(set(dates)) + 1  # the first day's once more, after the mistake


async def test_what_was_decided_later_is_in_the_package_of_its_day_with_what_was_asked(
    worked, tmp_path
):
    stage = worked
    ts = await stage.ask(text="BR-00000002")
    await stage.quiet()
    _, a = await package(stage, tmp_path / "a", "--from", "2026-11-20", "--to", "2026-11-21")
    await stage.pass_time(hours=20)
    await stage.reject(CARLA, ts, "Not agreed")
    await stage.quiet()
    days = ("--from", "2026-11-22", "--to", "2026-11-22")
    result, b = await package(stage, tmp_path / "b", *days, "--after", str(a))

    assert result.exit_code == 0, result.output
    line = lines(b, "population.jsonl")[-1]
    assert (line["number"], line["state"], line["asked_in_period"]) == (2, "rejected", "no")
    packet = packet_of(b, 2)
    assert packet["history"][0]["what"] == "request.asked"
    assert of_kind(packet, "request.rejected")[0]["data"]["reason"] == "Not agreed"
    assert checked(b).exit_code == 0
