"""The confirmation of a policy's change is performed again from the rows of a package, and of a database.

Whoever forges here has the key: the chain is whole, and every file is made again.
"""

import asyncio
import json
import re
import shutil
import zipfile
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.audit.evidence.archive import readable
from bot.audit.evidence.said import confirmed_by
from bot.audit.rows import FileRow, compact
from bot.domain.confirmations import Confirmations
from bot.domain.history import SEALED, What, stored
from bot.domain.request import State
from bot.sandbox.slack.workspace import BOT_USER
from bot.slack.explaining import SIGN
from tests.audit.test_as_approved import status, with_data
from tests.audit.test_evidence import KEY, checked, lines, made
from tests.audit.test_for_people import sheets_of
from tests.audit.test_package import Forger, rebuilt, written
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA, Stage
from tests.stories.test_audit import AUDIT
from tests.stories.test_denied import denied
from tests.stories.test_policy_confirmed import change_to, confirm, notices

MAILS = f"""
requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]
[[rule]]
operations = ["email_bill_run"]
approvers = ["{CARLA}"]
"""
BOB_TOO = MAILS.replace(f'["{CARLA}"]', f'["{CARLA}", "{BOB}"]')


async def story(folder, policy_changes="confirm"):
    """Bob may approve mails too: Carla confirms that where it must be confirmed, and Bob approves one."""
    stage = Stage(folder, "run")
    stage.policy = MAILS
    stage.changes = {
        "audit_key": SecretStr(KEY),
        "policy_changes": policy_changes,
        "audit_channel": AUDIT,
    }
    await stage.open()
    stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
    stage.slack.workspace.channels[AUDIT].members += [BOT_USER, ALICE, BOB, CARLA, MARA]
    await stage.start()
    await change_to(stage, BOB_TOO)
    if policy_changes == "confirm":
        await confirm(stage, CARLA)
        await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.quiet()
    return stage


async def packed(folder, *options, policy_changes="confirm"):
    stage = await story(folder, policy_changes)
    try:
        result, out = await made(stage, folder, *options, key=KEY)
        assert result.exit_code == 0, result.output
        return out
    finally:
        await stage.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return asyncio.run(packed(tmp_path_factory.mktemp("confirmed")))


@pytest.fixture
def package(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path / "out.zip"))


def rows_of(path, name="history.jsonl"):
    return [FileRow(*line) for line in lines(path, name)]


def test_a_change_that_was_confirmed_as_it_should_be_is_no_finding(package):
    result = status(package, KEY)
    assert result.exit_code == 0, result.output
    assert "is not confirmed" not in result.output


FIRST_HEAD = 5
"""Its row; what stands before it would no longer fit it."""


def listed(members):
    """Say of each group that this is who Slack listed at the start with the new policy."""

    def change(row):
        if row.what != What.GROUPS or row.sequence <= FIRST_HEAD:
            return row
        data = json.loads(row.data)
        return row._replace(data=compact({"groups": dict.fromkeys(data["groups"], members)}))

    return change


def test_a_group_that_slack_did_not_list_says_nothing_of_who_was_in_it(package, tmp_path):
    """The program from FORMAT.md alone says the same of it."""
    for members, code in ((None, 0), ([], 23)):
        forged = rebuilt(package, KEY, change=listed(members))
        forger, again = Forger(forged, KEY), tmp_path / str(code)
        again.mkdir()
        forger.files |= {each.name: each.read_bytes() for each in readable(forged, again)}

        result = status(forger.sealed(), KEY)

        assert result.exit_code == code, result.output


HELD_UP = "goes on although nobody had confirmed the change of the policy in row"


def by(who, **more):
    def change(row):
        if row.what != What.POLICY_CONFIRMED:
            return row
        return row._replace(who=who, data=compact({**json.loads(row.data), **more}))

    return change


def data(**more):
    return with_data("policy.confirmed", lambda data: data.update(more), None)


DAMAGE = {
    "by Bob, who gains by it": (
        by(BOB), f"is by {BOB}: {BOB} gains by it: {BOB} may approve under rule 1 what only others could approve before", HELD_UP,
    ),
    "by somebody who approves nothing": (
        by(ALICE), f"is by {ALICE}: {ALICE} may not approve under the policy that was confirmed last", HELD_UP,
    ),
    "by somebody who is in the group by this row alone": (
        by(MARA, members={"S0CONTROLLERS": [BOB, CARLA, MARA], "S0BILLING": []}),
        f"says by itself alone whether {MARA} is in S0CONTROLLERS", HELD_UP,
    ),
    "with others in the group than Slack listed": (
        data(members={"S0CONTROLLERS": [CARLA], "S0BILLING": [ALICE]}), "lists others in S0CONTROLLERS than the row of groups before it", HELD_UP,
    ),
    "before the change": (data(change=99), "confirms a change of the policy that no row before it makes", HELD_UP),
    "of another policy": (data(new="0" * 64), "confirms a change of the policy that no row before it makes", HELD_UP),
    "compared with another policy": (data(base=99), "compares it with row 99, and the last that was confirmed is in row 2", HELD_UP),
    "as one of two": (data(needed=2), f"is by {CARLA}: of people like this one 1 must confirm it", HELD_UP),
    "with no groups": (data(members=3), "cannot be performed again", HELD_UP),
    "as an older version would say it": (
        with_data("policy.confirmed", lambda data: [data.pop(name) for name in ("base", "needed", "members")], None),
        "says nothing of base, members, needed, as the bot did at that time", HELD_UP,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_confirmation_that_does_not_hold_is_found(package, name):
    change, *words = DAMAGE[name]
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23, result.output
    for each in words:
        assert each in result.output


def test_people_who_are_listed_only_after_a_confirmation_do_not_bear_it_out(package):
    """The bot lists who came or went before it."""
    others = {"S0CONTROLLERS": [CARLA], "S0BILLING": [ALICE]}

    def change(row):
        if row.what != What.POLICY_CONFIRMED:
            return row
        said = row._replace(data=compact({**json.loads(row.data), "members": others}))
        now = row._replace(what="people.groups", who="", team="", data=compact({"groups": others}))
        return [said, now]

    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23, result.output
    assert "lists others in S0CONTROLLERS than the row of groups before it" in result.output


def test_a_confirmation_that_was_taken_out_is_found_by_what_began(package):
    forged = rebuilt(package, KEY, without=("policy.confirmed", CARLA))
    result = status(forged, KEY)
    assert result.exit_code == 23
    assert HELD_UP in result.output
    assert "is not confirmed; 1 request was decided under it" in result.output


def test_a_confirmation_that_was_denied_before_it_began_does_not_count(package):
    """The row with which Carla got her receipt becomes her denial."""
    (confirmed,) = (row.sequence for row in rows_of(package) if row.what == "policy.confirmed")

    def change(row):
        if row.what != "request.approved":
            return row
        return row._replace(
            request=None, what="statement.denied", who=CARLA, data=compact({"rows": [confirmed]})
        )

    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23
    assert HELD_UP in result.output
    assert "says in row" in result.output


@pytest.mark.parametrize("old", ["", "0" * 64])
def test_a_change_whose_policy_before_is_missing_is_found(package, old):
    def change(row):
        if row.what != "policy.changed" or not json.loads(row.data)["old"]:
            return row
        return row._replace(data=compact({**json.loads(row.data), "old": old}))

    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 19
    assert "changes another policy than one that a row before it has" in result.output


async def test_what_is_not_confirmed_is_said_and_is_no_finding_where_nothing_waits_for_it(tmp_path):
    out = await packed(tmp_path, policy_changes="tell")
    result = status(out, KEY)
    assert result.exit_code == 0, result.output
    assert "the change of the policy in row" in result.output
    assert "UTC) is not confirmed; 1 request was decided under it" in result.output
    report = report_of(out)
    assert "The control held for the one request of this package" in report
    assert "1 change of the policy is not confirmed" in report
    assert re.search(
        r"<td>Control</td><td>not known</td>.+but the change of the policy in row", report
    )
    assert re.search(
        r"<p>The change of the policy in row \d+ [^<]+ is not confirmed; 1 request was decided under it.</p>",
        report,
    )
    assert "<td>not confirmed</td>" in report


async def test_two_of_those_who_all_gain_are_both_named(tmp_path):
    """Both may approve what needed two of them before; each receives one row."""
    stage = Stage(tmp_path, "run")
    stage.policy = MAILS + "[[rule]]\napprovals = 2\n"
    stage.changes = {
        "audit_key": SecretStr(KEY),
        "policy_changes": "confirm",
        "audit_channel": AUDIT,
    }
    await stage.open()
    stage.slack.workspace.channels[AUDIT].members += [BOT_USER, ALICE, BOB, CARLA, MARA]
    await stage.start()
    try:
        await change_to(stage, MAILS)
        await confirm(stage, BOB)
        await stage.slack.until(lambda: "one more person must confirm it" in notices(stage, BOB))
        _, half = await made(stage, tmp_path, key=KEY)
        assert re.search(
            r"<td>not confirmed; not enough: U0BOB</td>|<td>not confirmed; not enough: Bob [^<]+</td>",
            report_of(half),
        )
        await confirm(stage, CARLA)
        await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
        (tmp_path / "whole").mkdir()
        _, out = await made(stage, tmp_path / "whole", key=KEY)
    finally:
        await stage.close()
    assert status(out, KEY).exit_code == 0
    assert re.search(r"<td>by Bob [^<]+ and by Carla [^<]+</td>", report_of(out))


def report_of(path):
    with zipfile.ZipFile(path) as archive:
        return unescape(archive.read("00-report.html").decode())


def test_the_report_says_what_was_changed_and_who_confirmed_it(package):
    report = report_of(package)
    assert f'+approvers = ["{CARLA}", "{BOB}"]' in report
    assert re.search(rf"<td>by Carla [^<]+ \({CARLA}\) on 2026-11-21 10:00:00 UTC</td>", report)
    assert "not confirmed" not in report
    heads, *rows = sheets_of(package)["Policy changes"]
    confirmed = [dict(zip(heads, each, strict=False)).get("Confirmed", "") for each in rows]
    assert [each[:8] for each in confirmed if each] == ["not need", "by Carla"]


async def next_month(stage, folder):
    """Bob approves a mail in the next month; the package of its last days."""
    await stage.pass_time(days=20)
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "7.00")])
    ts = await stage.ask(text="BR-00000002")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.quiet()
    start = (stage.clock.now() - timedelta(days=5)).date().isoformat()
    days = ("--from", start, "--to", stage.clock.now().date().isoformat())
    return await made(stage, folder, *days, key=KEY)


async def test_the_next_period_rests_on_all_changes_before_it(tmp_path):
    """Another request in the next month, under the policy that was confirmed in this one."""
    stage = await story(tmp_path)
    try:
        result, out = await next_month(stage, tmp_path)
        assert not result.exit_code, result.output
        database = checked(stage.settings().database_path, key=KEY)
    finally:
        await stage.close()

    assert database.exit_code == 0, database.output
    standing = rows_of(out, "standing.jsonl")
    kinds = [row.what for row in standing]
    assert (kinds.count("policy.changed"), kinds.count("policy.confirmed")) == (2, 1)
    assert status(out, KEY).exit_code == 24, "no package before it was named"
    for what, code in (("policy.confirmed", 23), ("policy.changed", 19)):
        forger = Forger(out, KEY)
        left = next(row for row in standing if row.what == what)
        forger.files["standing.jsonl"] = written(row for row in standing if row != left)
        found = status(forger.sealed(), KEY)
        assert found.exit_code == code, found.output


async def test_a_confirmation_that_was_denied_long_ago_is_denied_in_the_next_period_too(tmp_path):
    stage = await story(tmp_path, "tell")
    try:
        await confirm(stage, CARLA)
        await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
        await stage.quiet()
        await denied(stage, CARLA)
        _, out = await next_month(stage, tmp_path)
    finally:
        await stage.close()

    kinds = [row.what for row in rows_of(out, "standing.jsonl")]
    assert kinds.count("statement.denied") == 1
    result = status(out, KEY)
    assert result.exit_code == 24, "no package before it was named"
    assert "UTC) is not confirmed; 1 request was decided under it" in result.output


async def test_a_package_does_not_say_that_nothing_was_decided_before_its_period(tmp_path):
    """A request was decided in November under what nobody confirmed; the package of December has no request."""
    stage = await story(tmp_path, "tell")
    try:
        await stage.pass_time(days=20)
        days = ("--from", "2026-12-02", "--to", stage.clock.now().date().isoformat())
        _, out = await made(stage, tmp_path, *days, key=KEY)
    finally:
        await stage.close()

    notes = [line for line in status(out, KEY).output.splitlines() if "is not confirmed" in line]
    assert len(notes) == 1
    assert notes[0].endswith("is not confirmed; 0 requests were decided under it in this period")
    with zipfile.ZipFile(out) as archive:
        report = archive.read("00-report.html").decode()
    assert "0 requests were decided under it in this period." in report


async def test_names_of_who_confirmed_are_masked(tmp_path):
    out = await packed(tmp_path, "--redact")
    assert status(out, KEY).exit_code == 0
    (row,) = (row for row in rows_of(out) if row.what == "policy.confirmed")
    assert row.masked
    assert "[name " in row.data
    assert "Carla" not in row.data
    assert json.loads(row.data)["needed"] == 1
    assert re.search(rf"<td>by \[name \d+\] \({CARLA}\) on ", report_of(out))


async def test_the_database_itself_is_asked_the_same(tmp_path):
    stage = await story(tmp_path, "tell")
    path = stage.settings().database_path
    assert stage.request().state is State.SUCCEEDED
    await stage.close()
    result = checked(path, key=KEY)
    assert result.exit_code == 0, result.output
    assert "is not confirmed; 1 request was decided under it" in result.output


NEWER = {"policy.confirmed", "bot.started"}
CANCELED = [f"BR-000001{each:02}" for each in range(12)]


@pytest.fixture
async def by_hand(tmp_path):
    """The bot's mails beside bill runs that somebody canceled by hand: exceptions that people can explain."""
    stage = Stage(tmp_path, "run")
    stage.policy = MAILS
    stage.changes = {
        "audit_key": SecretStr(KEY),
        "policy_changes": "confirm",
        "audit_channel": AUDIT,
    }
    await stage.open()
    world = stage.zuora.world
    for number in ("BR-00000001", "BR-00000002"):
        world.add_bill_run(number, invoices=[("A00000001", "USD", "7.00")])
    for number in CANCELED:
        world.add_bill_run(number, status="Canceled").updated_at = stage.clock.now()
    stage.slack.workspace.channels[AUDIT].members += [BOT_USER, ALICE, BOB, CARLA, MARA]
    await stage.start()
    yield stage
    await stage.close()


async def signed(stage, who, number=CANCELED[0]):
    await stage.slack.slash(who, CHANNEL, f"/billstatus explain {number} By hand")
    private = stage.slack.private(who, CHANNEL)[-1]
    await stage.slack.click(who, CHANNEL, private.ts, SIGN)
    await stage.until_private(who, f"The evidence shows it beside {number}")


async def mailed(stage, number, by):
    ts = await stage.ask(text=number)
    await stage.press(by, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.quiet()


async def test_an_explanation_signed_after_the_period_changes_no_confirmation_in_it(
    by_hand, tmp_path
):
    stage = by_hand
    await mailed(stage, "BR-00000001", CARLA)
    await change_to(stage, BOB_TOO)
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    await mailed(stage, "BR-00000002", BOB)
    _, before = await made(stage, tmp_path, "--to", "2026-11-21", key=KEY)
    assert status(before, KEY).exit_code in (0, 24), status(before, KEY).output
    await stage.pass_time(hours=16)
    for number in CANCELED:
        await signed(stage, BOB, number)
    await stage.quiet()

    _, out = await made(stage, tmp_path, "--to", "2026-11-21", key=KEY)

    found = status(out, KEY)
    assert found.exit_code == 0, found.output


async def test_whoever_signs_an_explanation_after_the_period_is_masked(by_hand, tmp_path):
    stage = by_hand
    await mailed(stage, "BR-00000001", CARLA)
    await stage.pass_time(hours=16)
    await signed(stage, BOB)
    await stage.quiet()

    _, out = await made(stage, tmp_path, "--to", "2026-11-21", "--redact", key=KEY)

    with zipfile.ZipFile(out) as archive:
        there = [name for name in archive.namelist() if b"Bob Tanaka" in archive.read(name)]
    assert not there


@pytest.fixture
def earlier(monkeypatch):
    """As an earlier version wrote these rows: without salts, and less in them."""

    def as_before(entry, salt):
        left = {"base", "needed", "members", "confirms"} if entry.what in NEWER else set()
        data = {name: value for name, value in entry.data.items() if name not in left}
        return stored(replace(entry, data=data), salt)

    kinds = tuple(each for each in SEALED if each != "policy.confirmed")
    monkeypatch.setattr("bot.domain.history.SEALED", kinds)
    monkeypatch.setattr("bot.store.history.stored", as_before)
    return monkeypatch


async def test_a_confirmation_that_an_earlier_version_recorded_without_salts_can_be_masked(
    earlier, by_hand, tmp_path
):
    stage = by_hand
    await change_to(stage, BOB_TOO)
    await confirm(stage, CARLA)
    await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
    await mailed(stage, "BR-00000002", BOB)
    earlier.undo()

    _, out = await made(stage, tmp_path, "--redact", key=KEY)

    found = status(out, KEY)
    assert found.exit_code == 0, found.output


def test_whoever_denied_a_confirmation_is_not_named_among_those_who_confirmed():
    found: Any = Confirmations()
    two = f'requesters = ["{ALICE}"]\napprovers = ["{BOB}", "{CARLA}", "{MARA}"]\n'
    for row, text in ((1, f"{two}[[rule]]\napprovals = 2\n"), (2, two)):
        found.note(
            row,
            "policy.changed",
            "",
            {"old": str(row - 1) * (row > 1), "new": str(row), "text": text},
        )
    said = {"change": 2, "new": "2", "base": 1, "needed": 2}
    found.note(3, "policy.confirmed", BOB, said)
    found.note(4, "statement.denied", BOB, {"rows": [3]})
    found.note(5, "policy.confirmed", CARLA, said)
    found.note(6, "policy.confirmed", MARA, said)
    found.at = dict.fromkeys(range(9), "2026-11-30T10:00:00.000000+00:00")
    package: Any = SimpleNamespace(changes=found, named=str)

    assert BOB not in confirmed_by(package, 2)


async def test_a_group_that_the_policy_left_may_change_before_the_change_is_confirmed(tmp_path):
    """The bot looks no more at a group that the new policy does not name, so no row says who joined it."""
    stage = Stage(tmp_path, "run")
    stage.policy = MAILS
    stage.changes = {
        "audit_key": SecretStr(KEY),
        "policy_changes": "confirm",
        "audit_channel": AUDIT,
    }
    await stage.open()
    stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
    stage.slack.workspace.channels[AUDIT].members += [BOT_USER, ALICE, BOB, CARLA, MARA]
    await stage.start()
    try:
        await change_to(stage, MAILS.replace('["S0CONTROLLERS"]', f'["{CARLA}"]'))
        stage.slack.workspace.groups["S0CONTROLLERS"].members.append(MARA)
        stage.clock.advance(minutes=2)
        await confirm(stage, CARLA)
        await stage.slack.until(lambda: "Confirmed." in notices(stage, CARLA))
        await stage.quiet()
        await mailed(stage, "BR-00000001", CARLA)
        result, out = await made(stage, tmp_path, key=KEY)
        database = checked(stage.settings().database_path, key=KEY)
    finally:
        await stage.close()

    assert result.exit_code == 0, result.output
    assert database.exit_code == 0, database.output
    assert status(out, KEY).exit_code == 0
