"""A start that has to wait says so, goes on by itself, and can be ended; what a person has to change ends it."""

import signal
import sqlite3

import pytest

from tests.health.operated import until
from tests.processes import ROOT

MEND_FIRST, WILL_PASS = 2, 75


@pytest.mark.parametrize(("file", "mode"), [("Procfile", "run"), ("deploy/Procfile.web", "web")])
async def test_all_that_a_procfile_starts_stays(site, file, mode):
    """`honcho start` ends all where one ends. Each line is started as it does, with the settings of one mode."""
    only = {"run": {"SLACK_SIGNING_SECRET": ""}, "web": {"SLACK_APP_TOKEN": ""}}[mode]
    lines = (ROOT / file).read_text().splitlines()
    commands = [line.partition(": ")[2].split() for line in lines]
    assert all(words[0] == "billing-bot" for words in commands)

    processes = [await site.start(command, **only) for _, command in commands]

    for each in processes:
        await each.until_ready(status="ready")
    assert not any(each.ended for each in processes)


async def test_a_start_waits_for_slack_and_goes_on_when_it_is_there(site):
    site.slack.faults.down = True
    process = await site.begin()
    await process.until_logged("start_waits")
    assert "for='Slack'" in process.log
    found = await process.ready()
    assert found == {"http": 503, "status": "waits for Slack"}
    assert (await process.get("/healthz"))[0] == 200
    assert (await process.get("/metrics"))[0] == 200

    site.slack.faults.clear()

    await process.until_logged("bot.cli.serve ready")
    await process.until_ready(status="ready")


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_a_start_that_waits_for_slack_ends_with_sigterm(site, method):
    site.slack.faults.add(method, "error", times=1000, error="internal_error")
    process = await site.begin()
    await process.until_logged("start_waits")

    assert await process.end(signal.SIGTERM) == 0
    assert "stopped before it was ready" in process.log
    assert "Traceback" not in process.log


async def test_a_start_that_zuora_does_not_answer_goes_on_and_people_are_answered(site):
    site.zuora.faults.add("/oauth/token", kind="hang", times=None)
    process = await site.begin()

    await process.until_logged("start_waits")
    assert "for='Zuora'" in process.log
    await process.until_logged("start_goes_on_without_zuora")
    await process.until_logged("bot.cli.serve ready")
    await process.until_ready(zuora="zuora not reachable")
    ack = await site.slack.slash("U0ALICE", "C0BILLING", "/billemail help")
    assert ack.ok
    site.zuora.faults.clear()
    await process.until_ready(120, status="ready")


async def test_a_login_that_zuora_refuses_ends_the_start(site):
    process = await site.begin(ZUORA_CLIENT_SECRET="not-the-right-one")

    await until(lambda: process.ended)

    assert process.process.returncode == MEND_FIRST
    last = process.log.strip().splitlines()[-1]
    assert last.startswith("ZUORA_CLIENT_ID, ZUORA_CLIENT_SECRET: Zuora refused the bot's login")
    assert "Traceback" not in process.log


async def test_an_app_token_that_slack_comes_to_refuse_ends_the_process(site):
    process = await site.start()
    site.slack.faults.add("apps.connections.open", "error", times=1000, error="invalid_auth")

    await site.slack.sockets.disconnect()
    await until(lambda: process.ended)

    assert process.process.returncode == MEND_FIRST
    assert process.log.strip().splitlines()[-1].startswith("SLACK_APP_TOKEN: Slack refuses it")
    assert "Traceback" not in process.log


async def test_a_database_that_another_program_has_locked_is_for_the_next_start(site):
    (await site.start()).send(signal.SIGTERM)
    await until(lambda: site.processes[0].ended)
    shell = sqlite3.connect(site.database, isolation_level=None)
    shell.execute("PRAGMA locking_mode = EXCLUSIVE")
    shell.execute("BEGIN EXCLUSIVE")
    process = await site.begin()

    await until(lambda: process.ended)

    shell.close()
    assert process.process.returncode == WILL_PASS
    assert process.log.strip().splitlines()[-1].startswith("DATABASE_URL: ")


async def test_the_start_says_what_starts_where(site):
    process = await site.start()

    (line,) = (line for line in process.log.splitlines() if " starting " in line)
    for said in ("version=", "mode='run'", "database='billing-bot.db'", site.zuora.base_url):
        assert said in line
    assert "tenant 12270" in process.log


async def test_a_start_says_what_is_missing(site):
    """The quick half of `billing-bot check`."""
    site.slack.workspace.groups["S0CONTROLLERS"].members.clear()
    process = await site.start()

    await process.until_logged("check_found about='group S0CONTROLLERS' found='has nobody in it'")
    assert "AUDIT_KEY" in process.log
    await process.until_ready(status="ready")
