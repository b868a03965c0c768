"""Secrets and policy are read again, a locked database keeps nobody waiting, one request can be followed, an update
leaves what waits."""

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing

from bot.cli.sandbox import APP_TOKEN, BOT_TOKEN, POLICY, SIGNING_SECRET
from tests.health.operated import until
from tests.processes import ROOT
from tests.stage import ALICE, BOB, CARLA, CHANNEL


def env_file(site, **settings):
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (site.folder / ".env").write_text("".join(lines))


async def test_a_secret_that_zuora_refuses_holds_the_work_until_it_is_read_again(site):
    """Nothing is refused, nothing fails."""
    env_file(site, ZUORA_CLIENT_SECRET=site.zuora.client_secret)
    process = await site.start(ZUORA_CLIENT_SECRET="")
    first, second = await site.ask("BR-00000001"), await site.ask("BR-00000002")
    tokens = site.zuora._service.tokens
    site.zuora.client_secret = tokens.client_secret = "rotated-secret-of-zuora"
    fault = site.zuora.faults.add("/*", kind="unauthorized", times=None)

    await site.approve(first)
    await site.approve(second)

    await process.until_ready(zuora="zuora login failed")
    await process.until_logged("zuora_gives_no_token")
    assert " ERROR " in next(x for x in process.log.splitlines() if "zuora_gives_no_token" in x)
    assert {site.state(1), site.state(2)} <= {"approved", "running"}
    site.zuora.faults.clear()
    del fault
    env_file(site, ZUORA_CLIENT_SECRET="rotated-secret-of-zuora")
    process.send(signal.SIGHUP)
    await process.until_logged("read_again")
    await until(lambda: {site.state(1), site.state(2)} == {"succeeded"}, 120)
    assert "changed=['ZUORA_CLIENT_SECRET']" in process.log
    assert "rotated-secret" not in process.log
    await process.until_ready(status="ready")


async def test_a_policy_that_is_read_again_holds_from_then_on(site):
    process = await site.start()
    policy = site.folder / "policy.toml"
    policy.write_text(POLICY.replace('requesters = ["S0BILLING"]', 'requesters = ["U0CARLA"]'))

    process.send(signal.SIGHUP)

    await process.until_logged("read_again")
    ack = await site.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    assert "may not" in ack.text or site.slack.view(ALICE) is None
    with closing(sqlite3.connect(site.database)) as connection, connection:
        (number,) = connection.execute(
            "SELECT COUNT(*) FROM history WHERE what = 'policy.changed'"
        ).fetchone()
    connection.close()
    assert number == 2


async def test_a_group_that_slack_does_not_know_is_named_when_the_policy_is_read_again(site):
    """Nobody may ask then, and the file itself is as it should be."""
    process = await site.start()
    policy = site.folder / "policy.toml"
    policy.write_text(POLICY.replace('requesters = ["S0BILLING"]', 'requesters = ["S0MISTYPED"]'))

    process.send(signal.SIGHUP)

    await process.until_logged("S0MISTYPED")
    assert "check_found" in next(x for x in process.log.splitlines() if "S0MISTYPED" in x)
    assert not process.ended


async def test_what_cannot_be_read_again_changes_nothing(site):
    process = await site.start()
    (site.folder / "policy.toml").write_text("approvers = 7")

    process.send(signal.SIGHUP)

    await process.until_logged("read_again_refused")
    assert not process.ended
    await site.ask()


async def test_clicks_on_a_locked_database_are_answered_whatever_their_number(site):
    """Twenty at once, and the log names who holds it."""
    process = await site.start()
    ts = await site.ask()
    shell = await asyncio.create_subprocess_exec(
        sys.executable, "-c",
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()",
        site.database, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert shell.stdin
    assert shell.stdout
    await shell.stdout.readline()

    begun = time.monotonic()
    acks = await asyncio.gather(
        *(site.slack.click((BOB, CARLA)[n % 2], CHANNEL, ts, "approve", value="1", force=True)
          for n in range(20))
    )  # fmt: skip
    took = time.monotonic() - begun

    assert all(ack.ok for ack in acks)  # the local Slack gives up after 3 s, as Slack does
    await until(lambda: site.slack.private(BOB, CHANNEL))
    assert any("could not record" in each.text for each in site.slack.private(BOB, CHANNEL))
    await process.until_logged(f"(pid {shell.pid})")
    assert "another program has locked the database" in process.log
    shell.stdin.close()
    await shell.wait()
    await process.until_ready(status="ready")
    await site.approve(ts)
    await until(lambda: site.state() == "succeeded")
    assert took < 60  # a bound against hanging, nothing else


async def test_one_request_can_be_followed_and_no_secret_address_or_customer_is_said(site):
    """At the lowest level, as JSON, through a whole story with faults on the way."""
    process = await site.start(LOG_LEVEL="debug", LOG_FORMAT="json")
    first = await site.ask("BR-00000001")
    await site.slack.slash(ALICE, CHANNEL, "/billstatus BR-00000001")
    site.slack.faults.add("chat.postMessage", "error", times=1, error="internal_error")
    site.zuora.faults.add("/v1/bill-runs/*/emails", kind="status", status=500)
    await site.approve(first)
    await until(lambda: site.state() != "approved" and site.state() != "waiting")
    second = await site.ask("BR-00000002", reason="mail to jane.doe@example.com")
    await site.approve(second)
    await until(lambda: site.state(2) == "succeeded")
    await process.end(signal.SIGTERM)

    lines = [json.loads(line) for line in process.log.splitlines()]
    story = [line["event"] for line in lines if line.get("request") == "R-2"]
    order = [
        story.index(each)
        for each in (
            "request.asked",
            "slack_said",
            "request.approved",
            "zuora_call",
            "request.ended",
        )
    ]
    assert order == sorted(order)
    assert story.count("slack_sent") >= 3
    world = site.zuora.world
    customers = {each.name for each in world.accounts.values()}
    secrets = {BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, site.zuora.client_secret, "Bearer"}
    for said in customers | secrets | {"jane.doe", "example.com", "A00000001"}:
        assert said not in process.log, said
    assert not re.search(r"[\w.]+@[\w.]+", process.log)


async def test_a_line_without_a_terminal_is_json(site):
    process = await site.begin(LOG_FORMAT="")

    await process.until_logged('"event": "ready"')

    assert all(json.loads(line)["level"] for line in process.log.splitlines())


async def test_a_secret_that_is_rotated_while_120_mails_go_out_holds_those_that_are_left(site):
    """Each is mailed once, and none counts as refused."""
    env_file(site, ZUORA_CLIENT_SECRET=site.zuora.client_secret)
    process = await site.start(ZUORA_CLIENT_SECRET="")
    world = site.zuora.world
    numbers = [world.add_invoice("A00000001", "USD", f"{i}.10").number for i in range(1, 121)]
    ts = await site.ask(" ".join(numbers))
    site.zuora.faults.add("/v1/invoices/*/emails", kind="unauthorized", times=None, after=30)
    site.zuora.client_secret = site.zuora._service.tokens.client_secret = "rotated"

    await site.approve(ts)

    await process.until_ready(zuora="zuora login failed")
    assert set(mailed(site).values()) == {1}
    assert verdicts(site).get("rejected", 0) == 0
    assert site.state() == "running"
    site.zuora.faults.clear()
    env_file(site, ZUORA_CLIENT_SECRET="rotated")
    process.send(signal.SIGHUP)
    await until(lambda: site.state() == "succeeded", 120)
    assert mailed(site) == Counter(numbers)
    assert verdicts(site) == {"accepted": 120}
    await process.until_ready(status="ready")


async def test_a_reconnect_whose_handshake_is_swallowed_is_given_up_and_begun_anew(site):
    """It was deaf for 309 s, and said nothing."""
    process = await site.start()
    site.slack.faults.add("websocket", "hang", times=1)
    site.slack.sockets.abort()
    await until(lambda: site.slack.sockets.connections == 0)

    await until(lambda: site.slack.sockets.connections == 1)

    assert "slack_handshake_given_up" in process.log
    await process.until_ready(status="ready")
    await site.ask()


async def test_what_waits_while_the_program_is_replaced_is_carried_out_by_the_next_one(site):
    """A process of other files asked for it, as the starts in the history say."""
    older = site.folder / "older"
    shutil.copytree(ROOT / "bot", older / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    with (older / "bot" / "__init__.py").open("a") as file:
        file.write("# of before\n")
    before = await site.start(PYTHONPATH=f"{older}{os.pathsep}{ROOT}")
    ts = await site.ask()
    assert await before.end(signal.SIGTERM) == 0

    await site.start()
    await site.approve(ts)

    await until(lambda: site.state() in ("succeeded", "stopped"))
    assert site.state() == "succeeded"
    with closing(sqlite3.connect(site.database)) as connection, connection:
        found = connection.execute(
            "SELECT COUNT(DISTINCT json_extract(data, '$.files')) FROM history WHERE what = 'bot.started'"
        )
        assert found.fetchone() == (2,)
    connection.close()


def mailed(site):
    """How often Zuora took an order to mail each invoice."""
    return Counter(
        call.path.split("/")[3]
        for call in site.zuora.calls
        if call.method == "POST" and call.path.endswith("/emails") and call.status == 200
    )


def verdicts(site):
    with closing(sqlite3.connect(site.database)) as connection, connection:
        found = dict(connection.execute("SELECT verdict, COUNT(*) FROM calls GROUP BY 1"))
    connection.close()
    return {each: number for each, number in found.items() if each}
