"""Strangers at the web mode's door, with the real process and real sockets."""

import asyncio
import gzip
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bot.slack.door import MOST_OF_ONE, MOST_STRANGERS
from tests.cli.test_commands import environment, free_port, servers, start
from tests.patient import LONG

__all__ = ["servers"]

CHANNEL = "C0BILLING"
ALICE, BOB = "U0ALICE", "U0BOB"
MEGABYTE = 1024 * 1024
HALF = (
    b"POST /slack/events HTTP/1.1\r\nHost: bot\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
)


class Web:
    """A bot in web mode, and who connects to it."""

    def __init__(self, process, port, slack, zuora, log):
        self.process = process
        self.port = port
        self.slack = slack
        self.zuora = zuora
        self.log = log

    async def connect(self, said=b"", *, of="127.0.0.1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(of, 0))
        writer.write(said)
        return reader, writer

    def memory(self):
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE

    def files(self):
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    async def is_genuine_answered(self):
        ack = await self.slack.slash(ALICE, CHANNEL, "/billemail help")
        return ack.ok


@asynccontextmanager
async def web(folder, slack, zuora):
    port = free_port()
    process = await start("web", folder, environment(slack, zuora, port))
    slack.request_url = f"http://127.0.0.1:{port}/slack/events"
    log = []

    async def read():
        log.extend([line.decode() async for line in process.stderr])

    reading = asyncio.create_task(read())
    try:
        yield Web(process, port, slack, zuora, log)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()
        await reading


async def is_closed(reader):
    """Whether the other side ends the connection, however it does."""
    try:
        return await reader.read() is not None
    except ConnectionError:
        return True


async def test_1100_silent_connections_keep_nobody_from_being_answered(tmp_path, servers):
    async with web(tmp_path, *servers) as bot:
        silent = [await bot.connect() for _ in range(1100)]

        assert await bot.is_genuine_answered()
        assert bot.files() < MOST_OF_ONE + 50
        assert all([await is_closed(reader) for reader, _ in silent])
        assert await bot.is_genuine_answered()
        for _, writer in silent:
            writer.close()
    assert not bot.log[:-1] or len("".join(bot.log)) < 2000


async def test_strangers_of_many_addresses_have_a_bound_too(tmp_path, servers):
    async with web(tmp_path, *servers) as bot:
        silent = [await bot.connect(of=f"127.0.0.{2 + at % 10}") for at in range(1000)]

        assert await bot.is_genuine_answered()
        assert bot.files() < MOST_STRANGERS + 50
        for _, writer in silent:
            writer.close()


async def test_half_sent_bodies_are_not_kept(tmp_path, servers):
    """200 posts of 1 MiB whose last byte never comes."""
    async with web(tmp_path, *servers) as bot:
        assert await bot.is_genuine_answered()
        before = bot.memory()
        half = HALF % MEGABYTE + b"x" * (MEGABYTE - 1)

        async def sent():
            reader, writer = await bot.connect()
            try:
                writer.write(half)
                await writer.drain()
            except ConnectionError:
                pass
            return reader, writer

        many = await asyncio.gather(*(sent() for _ in range(200)))

        assert await bot.is_genuine_answered()
        assert all([await is_closed(reader) for reader, _ in many])
        assert bot.memory() - before < 60
        for _, writer in many:
            writer.close()


async def test_headers_that_are_too_long_are_not_kept(tmp_path, servers):
    """200 requests with a header of 3 MB, each refused."""
    head = b"GET /slack/events HTTP/1.1\r\nX: " + b"x" * 3 * MEGABYTE
    async with web(tmp_path, *servers) as bot:
        assert await bot.is_genuine_answered()
        before = bot.memory()

        async def sent():
            reader, writer = await bot.connect(head)
            assert await is_closed(reader)
            writer.close()

        for _ in range(20):
            await asyncio.gather(*(sent() for _ in range(10)))

        assert await bot.is_genuine_answered()
        assert bot.memory() - before < 60


async def test_packed_bodies_are_not_unpacked_for_strangers(tmp_path, servers):
    """60 posts of 65 kB that would unpack to 64 MiB each, without their last byte."""
    packed = gzip.compress(bytes(64 * MEGABYTE), 9)
    head = (
        b"POST /slack/events HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
    )
    async with web(tmp_path, *servers) as bot:
        assert await bot.is_genuine_answered()
        before = bot.memory()

        many = [await bot.connect(head % len(packed) + packed[:-1]) for _ in range(60)]

        assert await bot.is_genuine_answered()
        assert bot.memory() - before < 60
        for _, writer in many:
            writer.close()


async def test_a_post_that_breaks_off_leaves_no_traceback(tmp_path, servers):
    async with web(tmp_path, *servers) as bot:
        for said in (HALF % 60 + b"x", b"POST /slack", b"nonsense\r\n\r\n", b"\x16\x03\x01" * 20):
            for _ in range(20):
                _, writer = await bot.connect(said)
                await writer.drain()
                writer.close()
        assert await bot.is_genuine_answered()
    assert "Traceback" not in "".join(bot.log), "".join(bot.log)


async def test_half_a_request_does_not_hold_up_the_end_while_mails_go_out(tmp_path, servers):
    """SIGTERM while mails are being sent."""
    slack, zuora = servers
    zuora.world.add_bill_run("BR-00000077", invoices=[("A-7", "USD", "1.00")])
    async with web(tmp_path, slack, zuora) as bot, AsyncExitStack() as stack:
        zuora.faults.add("/v1/bill-runs/*/emails", kind="slow", seconds=1.0)
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000077")
        submitted = await slack.submit(ALICE, {"reason": "Month end"})
        assert submitted.ok, submitted
        await slack.until(lambda: bool(slack.channel_messages(CHANNEL)))
        await slack.click(BOB, CHANNEL, slack.channel_messages(CHANNEL)[-1].ts, "approve")
        await zuora.until(lambda: any(c.path.endswith("/emails") for c in zuora.calls))
        for said in (b"", HALF % 60, HALF % MEGABYTE + b"x" * 1000):
            _, writer = await bot.connect(said)
            stack.callback(writer.close)

        bot.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(2 * LONG):  # a server gives strangers a minute and more
            assert await bot.process.wait() == 0
    assert "Traceback" not in "".join(bot.log), "".join(bot.log)


async def test_a_stranger_gets_one_answer_and_no_second(tmp_path, servers):
    async with web(tmp_path, *servers) as bot:
        reader, writer = await bot.connect((HALF % 1 + b"x") * 3)
        answers = await reader.read()
        writer.close()
    assert answers.count(b"HTTP/1.1 401") == 1
    assert b"Connection: close" in answers
