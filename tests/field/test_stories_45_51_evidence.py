"""Stories 45 to 51 of docs/stories.md: evidence, secrets, the door, and two workspaces."""

import asyncio
import json
import logging
import shutil
import sqlite3
import time
from contextlib import closing
from urllib.parse import urlencode

import aiohttp
import pytest
import yaml
from pydantic import SecretStr

from bot.cli.sandbox import APP_TOKEN, MANIFEST, SIGNING_SECRET
from bot.domain.history import What
from bot.sandbox.slack.http_delivery import sign
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import sandbox_workspace
from bot.sandbox.zuora import LocalZuora, World
from bot.store.outbox import ANSWERS_A_MINUTE
from tests.audit.test_verify import Tampering, checked
from tests.field.listeners import Who, click, dispatch, frame, name_of, view
from tests.patient import LONGEST
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA, Stage

MANIPULATIONS = {
    10: "UPDATE history SET who = 'U0CARLA' WHERE sequence = 4",
    11: "DELETE FROM history WHERE sequence = 4",
    14: "DELETE FROM history WHERE sequence > (SELECT MAX(sequence) - 2 FROM history)",
    15: "DELETE FROM history",
}


async def test_story_45_each_manipulation_of_the_history_is_found_with_its_own_code(
    stage, tmp_path
):
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.stop()
    whole = stage.settings().database_path
    assert checked(whole).exit_code == 0

    for code, statement in MANIPULATIONS.items():
        path = shutil.copy(whole, tmp_path / f"{code}.db")
        with Tampering(path) as connection:
            connection.execute(statement)
        assert checked(path).exit_code == code, statement
    path = shutil.copy(whole, tmp_path / "16.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER history_is_never_deleted")
    connection.close()
    assert checked(path).exit_code == 16


@pytest.mark.never_repeated
async def test_story_46_what_did_not_succeed_is_in_the_history_too(stage):
    for number in (2, 3, 4):
        stage.zuora.world.add_bill_run(
            f"BR-0000000{number}", invoices=[(f"A0000000{number}", "USD", "1.00")]
        )
    first = await stage.ask()
    await stage.press(MARA, first)
    await stage.reject(BOB, first, "No")
    await stage.withdraw(ALICE, await stage.ask(text="BR-00000002"))
    failing = await stage.ask(text="BR-00000003")
    stage.zuora.faults.add(EMAILS, kind="http200_failure", category=30, message="No.")
    await stage.press(BOB, failing)
    await stage.until_card(failing, "Failed")
    lost = await stage.ask(text="BR-00000004")
    stage.zuora.faults.add(EMAILS, kind="drop")
    await stage.press(BOB, lost)
    await stage.until_card(lost, "OUTCOME UNKNOWN")
    await stage.ask()
    await stage.pass_time(hours=24)

    written = [each.entry for each in stage.store.history.all()]
    happened = {entry.what for entry in written}
    assert {What.REFUSED, What.REJECTED, What.WITHDRAWN, What.CALL_LOST, What.EXPIRED} <= happened
    ended = [entry.data["state"] for entry in written if entry.what is What.ENDED]
    assert ended == ["failed", "unknown"]


def submitted():
    state = {
        name: {"e": {"type": "plain_text_input", "value": value}}
        for name, value in {"bill_run": "BR-00000001", "reason": "Now"}.items()
    }
    return {**frame("view_submission", Who(ALICE)), "view": view("ask:email", "", state)}


async def test_story_47_what_cannot_be_written_into_the_history_does_not_happen(stage):
    ts = await stage.ask()
    await stage.quiet()
    with closing(sqlite3.connect(stage.settings().database_path)) as other, other:
        other.execute(
            "CREATE TRIGGER no_space BEFORE INSERT ON history "
            "BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )
    other.close()

    await dispatch(stage.bot.app, click("approve", Who(BOB), name_of(stage)))
    await dispatch(stage.bot.app, submitted())
    await stage.quiet()

    assert "waiting for one approval from" in stage.card(ts)
    assert stage.request().state == "waiting"
    assert stage.request().approvals == ()
    assert stage.store.requests.get(2) is None
    assert stage.orders() == []


REASONS = [
    "Ticket: FIN-12: month end",
    "quotes \" \\ ' ` & <!channel> %s {0} \\u0041",
    "zwei\nZeilen\tmit Umlaut ä, 日本語, 🧾, \u202eright to left\u202c e\u0301",
]


async def test_story_48_reasons_come_back_byte_for_byte(stage):
    for number, reason in enumerate(REASONS, 1):
        ts = await stage.ask(reason=reason)
        await stage.reject(BOB, ts, reason)
        await stage.until(lambda number=number: stage.request(number).state == "rejected")

        request = stage.request(number)
        asked, rejected = [written.entry for written in stage.store.history.of(number)]
        assert request.reason.encode() == request.decision_reason.encode() == reason.encode()
        assert asked.data["reason"] == rejected.data["reason"] == reason


class Everything(logging.Handler):
    """Keeps all that a formatter could print of every record of every logger."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        if record.name.partition(".")[0] in ("bot", "slack_bolt", "slack_sdk", "httpx2"):
            self.lines.append(f"{logging.Formatter().format(record)} {record.__dict__}")


async def test_story_49_no_log_line_and_no_card_shows_a_token_or_an_address(stage):
    bot, kept = logging.getLogger("bot"), Everything()
    level = bot.level
    bot.addHandler(kept)
    bot.setLevel(logging.DEBUG)
    try:
        await stage.restart()
        stage.zuora.faults.add(EMAILS, kind="unauthorized")
        ts = await stage.ask(reason="Write to jane.doe@example.com")
        await stage.press(BOB, ts)
        await stage.until_card(ts, "Accepted by Zuora")
    finally:
        bot.removeHandler(kept)
        bot.setLevel(level)

    settings, lines = stage.settings(), "\n".join(kept.lines)
    said = json.dumps([[m.text, m.blocks] for m in stage.slack.workspace.messages()])
    assert "zuora_call" in lines
    for secret in (
        settings.slack_bot_token,
        settings.slack_app_token,
        settings.zuora_client_secret,
    ):
        assert secret.get_secret_value() not in lines + said
    assert "jane.doe" not in lines
    assert "Bearer" not in lines + said
    for account in stage.zuora.world.accounts.values():
        assert account.bill_to.work_email not in lines + said
        assert account.name not in lines


async def test_story_50_who_cannot_sign_is_refused_before_anything_is_read(web_stage):
    await web_stage.ask()
    await web_stage.quiet()
    body = urlencode({"payload": json.dumps(click("approve", Who(BOB), name_of(web_stage)))})
    now = int(time.time())

    def headers(secret=SIGNING_SECRET, at=now, text=body):
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": str(at),
            "X-Slack-Signature": sign(secret, str(at), text),
        }

    refused = {
        "bad": headers(secret="guessed"),
        "of another body": headers(text=body + "&x=1"),
        "missing": {"Content-Type": "application/x-www-form-urlencoded"},
        "stale": headers(at=now - 301),
        "a replay with a new time": {
            **headers(at=now - 400),
            "X-Slack-Request-Timestamp": str(now),
        },
    }
    before = len(web_stage.store.history.all()), len(web_stage.slack.calls)
    async with aiohttp.ClientSession() as session:
        for name, each in refused.items():
            async with session.post(web_stage.slack.request_url, data=body, headers=each) as answer:
                assert answer.status == 401, name
        assert (len(web_stage.store.history.all()), len(web_stage.slack.calls)) == before
        for _ in range(2):  # a replay within five minutes is a click made twice
            signed = headers()
            async with session.post(
                web_stage.slack.request_url, data=body, headers=signed
            ) as answer:
                assert answer.status == 200
    await web_stage.until(lambda: web_stage.request().state == "succeeded")
    assert web_stage.happened().count(What.APPROVED) == 1
    assert len(web_stage.orders()) == 1


def workspace_of(team, channel):
    """A workspace with the same people's ids, another team and another channel."""
    workspace = sandbox_workspace()
    workspace.team_id = team
    for user in workspace.users.values():
        user.team_id = team
    billing = workspace.channels.pop(CHANNEL)
    billing.id, billing.name = channel, channel.lower()
    workspace.channels[channel] = billing
    return workspace


class Tenant:
    """A bot with its own workspace, tenant, tokens, policy and channel, in this process."""

    def __init__(self, folder, name, approver):
        folder.mkdir()
        self.team, self.channel, self.approver = f"T0{name}", f"C0{name}", approver
        self.token, self.secret = f"xoxb-{name}", f"secret-{name}"
        self.stage = Stage(folder, "run")
        self.stage.zuora = LocalZuora(
            self.stage.clock, client_id=f"client-{name}", client_secret=self.secret,
            world=World(self.stage.clock.now()),
        )  # fmt: skip
        self.stage.slack = LocalSlack(
            self.stage.clock, manifest=yaml.safe_load(MANIFEST.read_text()),
            workspace=workspace_of(self.team, self.channel), bot_token=self.token,
            app_token=APP_TOKEN, signing_secret=SIGNING_SECRET,
        )  # fmt: skip
        self.stage.policy = f'requesters = ["{ALICE}"]\napprovers = ["{approver}"]\n'
        self.stage.changes = {
            "slack_bot_token": SecretStr(self.token),
            "billing_channel": self.channel,
        }

    async def open(self):
        await self.stage.open()
        self.stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A1", "USD", "1.00")])
        await self.stage.start()
        self.stage.store._database.execute("PRAGMA synchronous = OFF")
        command = {
            "command": "/billemail", "text": "BR-00000001", "user_id": ALICE,
            "team_id": self.team, "channel_id": self.channel, "api_app_id": "A0SANDBOX",
            "trigger_id": self.stage.slack._core.triggers.issue(ALICE),
        }  # fmt: skip
        await dispatch(self.app, command)
        await self.stage.slack.until(lambda: self.stage.slack.view(ALICE) is not None)
        submitted = await self.stage.slack.submit(ALICE, {"reason": f"Month end of {self.team}"})
        assert submitted.ok, submitted

    @property
    def app(self):
        assert self.stage.bot
        return self.stage.bot.app

    async def until(self, is_so, seconds=LONGEST):
        await self.stage.until(lambda: is_so(self.stage), seconds)

    def click(self, who):
        body = click(
            "approve", Who(who, self.team), name_of(self.stage), channel={"id": self.channel}
        )
        return dispatch(self.app, body)


async def test_story_51_two_workspaces_interleaved_a_thousand_times_never_cross(tmp_path):
    one = Tenant(tmp_path / "one", "ONE", BOB)
    other = Tenant(tmp_path / "other", "OTHER", CARLA)
    try:
        for tenant in (one, other):
            await tenant.open()
        for _ in range(250):  # in each the other's approver presses, and one from the other team
            await asyncio.gather(
                one.click(CARLA), other.click(BOB), one.click(MARA), other.click(MARA)
            )
        for tenant in (one, other):
            tenant.stage.clock.advance(minutes=1)  # what is beyond some a minute is counted then
            await tenant.until(lambda on: not on.store.refusals.are_counted(on.clock.now()))
            assert tenant.stage.request().state == "waiting"
            await tenant.click(tenant.approver)
            await tenant.until(lambda on: on.request().state == "succeeded")
            await tenant.until(lambda on: not on.store.outbox.open(), 20)
            apart(tenant, one if tenant is other else other)
    finally:
        await one.stage.close()
        await other.stage.close()


def apart(tenant, other):
    """Nothing of the other is in what this one said, called, asked or wrote."""
    stage = tenant.stage
    approvals = stage.request().approvals
    assert [(each.person, each.team) for each in approvals] == [(tenant.approver, tenant.team)]
    history = [written.entry for written in stage.store.history.all()]
    refused = [entry.data for entry in history if entry.what is What.REFUSED]
    assert sum(data.get("count", 1) for data in refused) == 500
    assert {entry.team for entry in history if entry.who} == {tenant.team}
    private = list(stage.slack.workspace.ephemerals)
    assert len(private) == 2 * ANSWERS_A_MINUTE  # what two people can cause in a minute
    assert {message.channel for message in private} == {tenant.channel}
    assert all(f"<@{tenant.approver}>" in message.text for message in private)
    assert not any(f"<@{other.approver}>" in message.text for message in private)
    assert all(call.ok for call in stage.slack.calls)  # the other's token would be refused
    assert len(stage.orders()) == 1
    assert not {call.status for call in stage.zuora.calls} & {401, 403}  # nor at Zuora
    said = json.dumps([message.text for message in stage.slack.workspace.messages()])
    for foreign in (other.team, other.channel, other.token, other.secret):
        assert foreign not in said
