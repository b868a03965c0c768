"""A bad day in the real process: an end among 500 mails, clicks without end, a database that is gone or damaged.

With real sockets and the real file.
"""

import asyncio
import os
import re
import signal
import sqlite3
from collections import Counter
from contextlib import closing, suppress

import aiohttp
import pytest

from bot.domain.history import What
from bot.store.outbox import ANSWERS_A_MINUTE
from bot.store.refusals import WRITTEN_A_MINUTE
from tests.cli.test_commands import MODULE, environment, servers
from tests.patient import LONGEST
from tests.reliability.test_strangers import ALICE, BOB, CHANNEL, HALF, web

__all__ = ["servers"]

MARA = "U0MARA"
PAGE = 4096
STATES = "SELECT state FROM requests"


async def ask(slack, text, **values):
    """Ask for mails and return the card's `ts`."""
    before = len(slack.channel_messages(CHANNEL))
    await slack.slash(ALICE, CHANNEL, f"/billemail {text}")
    submitted = await slack.submit(ALICE, {"reason": "Month end", **values})
    assert submitted.ok, submitted
    await slack.until(lambda: len(slack.channel_messages(CHANNEL)) > before)
    return slack.channel_messages(CHANNEL)[-1].ts


def rows(folder, sql):
    with closing(sqlite3.connect(folder / "billing-bot.db")) as database:
        return database.execute(sql).fetchall()


def orders(zuora):
    """How often each document was ordered to be mailed."""
    return Counter(call.path for call in zuora.calls if call.path.endswith("/emails"))


@pytest.mark.parametrize(("seconds", "many"), [(0.3, 500), (8.0, 150)])
async def test_the_end_comes_while_many_mails_go_out_and_a_stranger_holds_half_a_request(
    tmp_path, servers, seconds, many
):
    """Nothing new begins, and the next process sends the rest, each mail once.

    An answer that takes as long as the end may is asked for again under its own key.
    """
    slack, zuora = servers
    slack.ack_seconds = 30.0
    numbers = [
        zuora.world.add_invoice(f"A0000{i % 10:04d}", "USD", f"{i}.10").number
        for i in range(1, many + 1)
    ]
    zuora.faults.add("/v1/invoices/*/emails", kind="slow", seconds=seconds, times=None)
    async with web(tmp_path, slack, zuora) as bot:
        ts = await ask(slack, " ".join(numbers))
        _, writer = await bot.connect(HALF % 60)
        await slack.click(BOB, CHANNEL, ts, "approve")
        await zuora.until(lambda: len(orders(zuora)) > 5)

        bot.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LONGEST):
            assert await bot.process.wait() == 0
        writer.close()
    out = len(orders(zuora))
    assert out <= 100
    assert rows(tmp_path, STATES) == [("running",)]
    assert "Traceback" not in "".join(bot.log)

    zuora.faults.clear()
    async with web(tmp_path, slack, zuora):
        await zuora.until(lambda: len(orders(zuora)) == len(numbers))
        await slack.until(lambda: rows(tmp_path, STATES) == [("succeeded",)])
    await zuora.until(lambda: len(zuora.mails) >= len(numbers))
    assert Counter(mail.document for mail in zuora.mails) == dict.fromkeys(numbers, 1)


async def test_somebody_without_rights_who_clicks_without_end_keeps_nobody_waiting(
    tmp_path, servers
):
    """1,200 clicks while Slack limits private answers."""
    slack, zuora = servers
    slack.ack_seconds = 30.0
    for number in ("BR-00000077", "BR-00000078"):
        zuora.world.add_bill_run(number, invoices=[("A-7", "USD", "1.00")])
    async with web(tmp_path, slack, zuora):
        ts = await ask(slack, "BR-00000077")
        slack.faults.add("chat.postEphemeral", "ratelimited", times=10_000, retry_after=300)
        for _ in range(60):
            acks = await asyncio.gather(
                *(slack.click(MARA, CHANNEL, ts, "approve") for _ in range(20))
            )
            assert all(ack.ok for ack in acks)

        await ask(slack, "BR-00000078")
        await slack.click(BOB, CHANNEL, ts, "approve")
        await zuora.until(lambda: len(orders(zuora)) == 1)
    limited = [call for call in slack.calls if call.method == "chat.postEphemeral"]
    assert len(limited) <= ANSWERS_A_MINUTE
    happened = rows(tmp_path, "SELECT what FROM history")
    written = happened.count((What.REFUSED.value,))
    assert WRITTEN_A_MINUTE <= written <= 4 * WRITTEN_A_MINUTE  # the clicks may take some minutes


async def test_nothing_is_sent_once_the_database_is_deleted(tmp_path, servers):
    """Two approvals after it."""
    slack, zuora = servers
    for number in ("BR-00000077", "BR-00000078"):
        zuora.world.add_bill_run(number, invoices=[("A-7", "USD", "1.00")])
    async with web(tmp_path, slack, zuora):
        cards = [await ask(slack, "BR-00000077"), await ask(slack, "BR-00000078")]
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"billing-bot.db{end}").unlink()

        for ts in cards:
            await slack.click(BOB, CHANNEL, ts, "approve")

        for path in ("/readyz", "/healthz"):
            address = slack.request_url.replace("/slack/events", path)
            async with aiohttp.ClientSession() as session, session.get(address) as answer:
                assert answer.status == 503
                assert (await answer.json())["status"] == "database deleted or replaced"
        await slack.until(lambda: bool(slack.private(BOB, CHANNEL)))
        assert "nothing was done" in slack.private(BOB, CHANNEL)[-1].text
        assert orders(zuora) == {}
    assert orders(zuora) == {}


async def test_a_process_ends_whose_whole_folder_was_emptied(tmp_path, servers):
    """With its lock another process could work."""
    slack, zuora = servers
    zuora.world.add_bill_run("BR-00000077", invoices=[("A-7", "USD", "1.00")])
    async with web(tmp_path, slack, zuora) as bot:
        ts = await ask(slack, "BR-00000077")
        for file in tmp_path.glob("billing-bot.db*"):
            file.unlink()

        with suppress(aiohttp.ClientError):
            await slack.click(BOB, CHANNEL, ts, "approve")
        async with asyncio.timeout(LONGEST):
            await bot.process.wait()
    assert orders(zuora) == {}
    assert "work_lock_lost" in "".join(bot.log)


async def started(folder, slack, zuora):
    """Start the bot where it may refuse to; its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *MODULE, "web", cwd=folder, env=environment(slack, zuora, 0), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(LONGEST):
        _, log = await process.communicate()
    return process.returncode, log.decode()


async def test_a_start_with_damaged_pages_is_refused_wherever_they_are(tmp_path, servers):
    """Six places."""
    slack, zuora = servers
    zuora.world.add_bill_run("BR-00000077", invoices=[("A-7", "USD", "1.00")])
    async with web(tmp_path, slack, zuora):
        await ask(slack, "BR-00000077")
    file = tmp_path / "billing-bot.db"
    assert not file.with_name("billing-bot.db-wal").exists()
    whole = file.read_bytes()
    pages = len(whole) // PAGE

    for part in range(6):
        damaged = bytearray(whole)
        at = pages * part // 6 * PAGE
        damaged[at : at + 3 * PAGE] = os.urandom(3 * PAGE)
        file.write_bytes(damaged)
        status, log = await started(tmp_path, slack, zuora)
        assert status == 2, log
        assert re.search(r"DATABASE_URL: the database .* cannot be opened: .*", log), log
        assert "Traceback" not in log
    assert orders(zuora) == {}
