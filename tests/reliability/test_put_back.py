"""An older copy that is put back, in the real process: B4, also where Slack cannot be read at the start."""

import asyncio
from collections import Counter

import aiohttp
import pytest

from tests.cli.test_commands import MODULE, environment, servers
from tests.reliability.test_bad_day import ask, orders, rows
from tests.reliability.test_strangers import BOB, CHANNEL, web

__all__ = ["servers"]

RUN, DRAFTS = "BR-00000077", "BR-00000078"
STATES = "SELECT state FROM requests ORDER BY number"
OPEN = "SELECT 1 FROM outbox WHERE ended_at IS NULL"
A_WHILE = 3.0  # seconds: the bot looks at its file and at what is due many times in it


def files(folder):
    return [
        each
        for each in folder.glob("billing-bot.db*")
        if each.suffix in (".db", ".db-wal", ".db-shm")
    ]


def said(slack, words):
    return [m.text for m in slack.channel_messages(CHANNEL) if words in m.text]


def cards_of(slack, run):
    return {m.ts for m in slack.channel_messages(CHANNEL) if run in m.text.splitlines()[0]}


async def health(slack, path):
    address = slack.request_url.replace("/slack/events", path)
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.text()


@pytest.fixture
async def put_back(tmp_path, servers):
    """R-1 was approved when the copy was made, and was carried out after it; R-2 is of after it."""
    slack, zuora = servers
    for number in (RUN, DRAFTS):
        zuora.world.add_bill_run(number, invoices=[("A-7", "USD", "1.00")])
    async with web(tmp_path, slack, zuora):
        ts = await ask(slack, RUN)
        zuora.faults.add("*", kind="status", status=503, times=None)
        await slack.click(BOB, CHANNEL, ts, "approve")
        await slack.until(lambda: rows(tmp_path, STATES) == [("approved",)])
        await slack.until(lambda: rows(tmp_path, OPEN) == [])
    kept = {each.name: each.read_bytes() for each in files(tmp_path)}
    zuora.faults.clear()
    async with web(tmp_path, slack, zuora):
        await slack.until(lambda: rows(tmp_path, STATES) == [("succeeded",)])
        other = await ask(slack, DRAFTS)
        await slack.until(lambda: rows(tmp_path, OPEN) == [])
    for each in files(tmp_path):
        each.unlink()
    for name, content in kept.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    assert rows(tmp_path, STATES) == [("approved",)]
    return ts, other


async def resume(folder, slack, zuora):
    process = await asyncio.create_subprocess_exec(
        *MODULE, "resume-after-restore", cwd=folder, env=environment(slack, zuora, 1),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_what_was_approved_in_it_is_not_mailed_again(tmp_path, servers, put_back):
    slack, zuora = servers
    ts, other = put_back
    before = orders(zuora)
    assert before.total() == 1

    async with web(tmp_path, slack, zuora):
        await slack.until(lambda: said(slack, "resume-after-restore"))
        assert (await health(slack, "/readyz"))[0] == 503
        assert "resume-after-restore" in (await health(slack, "/healthz"))[1]
        for card in (ts, other):  # the second one is of a request that this file does not know
            await slack.click(BOB, CHANNEL, card, "approve", force=True)
        await asyncio.sleep(A_WHILE)
    assert orders(zuora) == before
    assert rows(tmp_path, STATES) == [("approved",)]

    status, out = await resume(tmp_path, slack, zuora)
    assert status == 0, out
    async with web(tmp_path, slack, zuora):
        assert (await health(slack, "/readyz"))[0] == 200
        await ask(slack, DRAFTS, resend=["yes"])
        await slack.until(lambda: cards_of(slack, DRAFTS) > {other})
        (new,) = cards_of(slack, DRAFTS) - {other}
        await slack.click(BOB, CHANNEL, new, "approve")
        await zuora.until(lambda: orders(zuora).total() == 2)
        await slack.click(BOB, CHANNEL, other, "approve", force=True)
        await asyncio.sleep(A_WHILE)
    assert rows(tmp_path, STATES)[0] == ("stopped",)
    assert orders(zuora) == before + Counter({f"/v1/bill-runs/{DRAFTS}/emails": 1})


@pytest.mark.parametrize("error", ["missing_scope", "not_in_channel", "internal_error"])
async def test_while_slack_cannot_be_read_what_was_approved_before_waits(
    tmp_path, servers, put_back, error
):
    slack, zuora = servers
    before = orders(zuora)
    slack.faults.add("conversations.history", "error", error=error, times=None)

    async with web(tmp_path, slack, zuora):
        await slack.until(lambda: said(slack, "Slack cannot be read"))
        await asyncio.sleep(A_WHILE)
        assert orders(zuora) == before
        assert rows(tmp_path, STATES)[0] == ("approved",)
    assert orders(zuora) == before
