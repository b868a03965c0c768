"""Strangers at the bot's door, in a process of their own: `python -m bench.strangers KIND PORT FILE`.

FILE holds the body of a click. It says `ready`, begins, and says when its input ends how often it was answered.
"""

import asyncio
import gzip
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from bench.watch import say
from bot.cli.sandbox import SIGNING_SECRET
from bot.sandbox.slack.http_delivery import sign

HOST = "127.0.0.1"
ANSWER_SECONDS = 60.0
MEGABYTE = 1024 * 1024
PACKED = gzip.compress(bytes(64 * MEGABYTE), 9)


class Line:
    """One caller: posts again and again, on the same connection as long as it is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: str, timestamp: str = "1", signature: str = "v0=0") -> int:
        """The status of the answer; 0 for none."""
        request = (
            "POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"X-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: {signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = self._streams or await asyncio.open_connection(HOST, self._port)
                self._streams = (reader, writer)
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = next(
                    (
                        int(line[15:])
                        for line in head.split("\r\n")
                        if line.startswith("content-length:")
                    ),
                    0,
                )
                await reader.readexactly(length)
        except (OSError, EOFError, TimeoutError):
            self.leave()
            return 0
        if "connection: close" in head:
            self.leave()
        return int(head.split()[1])

    async def wait(self, said: bytes = b"") -> None:
        """Connect, say something, and wait for the end of it."""
        self._streams = await asyncio.open_connection(HOST, self._port)
        try:
            self._streams[1].write(said)
            await self._streams[0].read()
        finally:
            self.leave()

    def leave(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def click(line: Line, body: str) -> bool:
    """Press once, as Slack says it; whether it was answered."""
    at = str(int(time.time()))
    return await line.post(body, at, sign(SIGNING_SECRET, at, body)) == HTTPStatus.OK


async def unsigned(line: Line, body: str) -> bool:
    """Post once what nobody signed; whether it was answered."""
    return await line.post(body) != 0


async def silent(line: Line, _body: str) -> bool:
    """Connect and say nothing until the other side ends it."""
    with suppress(OSError):
        await line.wait()
    await asyncio.sleep(1.0)
    return True


async def half(line: Line, _body: str) -> bool:
    """Post 1 MiB whose last byte never comes, until the other side ends it."""
    return await _unfinished(line, b"x" * (MEGABYTE - 1))


async def packed(line: Line, _body: str) -> bool:
    """Post 64 MiB packed into 64 KB, whose last byte never comes, until the other side ends it."""
    return await _unfinished(line, PACKED[:-1], "Content-Encoding: gzip\r\n")


async def _unfinished(line: Line, part: bytes, header: str = "") -> bool:
    head = (
        "POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"{header}Content-Length: {len(part) + 1}\r\n\r\n"
    )
    with suppress(OSError):
        await line.wait(head.encode() + part)
    await asyncio.sleep(1.0)
    return True


KINDS: dict[str, tuple[Callable[[Line, str], Awaitable[bool]], int]] = {
    "clicks": (click, 20), "unsigned": (unsigned, 40), "silent": (silent, 1_100),
    "half": (half, 200), "packed": (packed, 60), "many": (unsigned, 400),
}  # fmt: skip
"""What each of them does again and again, and how many there are at once."""


async def main(kind: str, port: int, body: str) -> None:
    """Do it until the input ends, and say how often it was answered."""
    again, at_once = KINDS[kind]
    number = 0

    async def one() -> None:
        nonlocal number
        line = Line(port)
        while True:
            if await again(line, body):
                number += 1

    say(ready=port)
    begun = time.monotonic()
    tasks = [asyncio.create_task(one()) for _ in range(at_once)]
    await asyncio.to_thread(sys.stdin.readline)
    say(number=number, seconds=time.monotonic() - begun)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_text()))
