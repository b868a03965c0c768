"""A server that answers an email call in 50 ms and allows so many at once: Zuora's limit alone.

It does nothing else, and that with as little work as possible, so that what is measured is the caller: with a
web framework the server itself stayed a tenth below its limit. `python -m bench.limited_server WIDTH
TOLD` with TOLD `1` names its limit in `Concurrency-Limit-*` as Zuora does; with `0` it does not.
"""

import asyncio
import json
import selectors
import sys

from bench.watch import say

SECONDS = 0.05
HOST = "127.0.0.1"
END_OF_HEADERS = b"\r\n\r\n"
TOKEN = json.dumps({
    "access_token": "made-up", "token_type": "bearer", "expires_in": 3598, "jti": "1",
    "scope": "tenant.12270",
}).encode()  # fmt: skip
TAKEN = b'{"success": true}'
REFUSED = json.dumps({
    "success": False,
    "reasons": [{"code": 50000070, "message": "Too many concurrent requests"}],
}).encode()  # fmt: skip
A_RUN = json.dumps({
    "success": True, "id": "1" * 32, "billRunNumber": "BR-00000001", "status": "Posted",
}).encode()  # fmt: skip
OTHERS = {b" /oauth/token ": TOKEN, b" /v1/bill-runs/": A_RUN}


class Limited:
    """Counts what is under way, and refuses what is too many."""

    def __init__(self, width: int, *, names_limit: bool) -> None:
        self.width = width
        self.names_limit = names_limit
        self.out = 0
        self.most = 0
        self.taken = 0
        self.refused = 0

    def begin(self) -> bool:
        """Whether there is a place for one more mail, which is then taken."""
        if self.out >= self.width:
            self.refused += 1
            return False
        self.out += 1
        self.most = max(self.most, self.out)
        return True

    def end(self) -> None:
        """A mail is done."""
        self.taken += 1
        self.out -= 1

    @property
    def headers(self) -> str:
        """What is said of the limit, as lines of an answer."""
        if not self.names_limit:
            return ""
        return (
            "Concurrency-Limit-Type: Default\r\n"
            f"Concurrency-Limit-Limit: {self.width}\r\n"
            f"Concurrency-Limit-Remaining: {max(0, self.width - self.out)}\r\n"
        )


class Connection(asyncio.Protocol):
    """One caller, who waits for each answer before the next request."""

    def __init__(self, limited: Limited) -> None:
        self._limited = limited
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is one of TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of a request, or the whole of it."""
        self._came += data
        head, found, body = self._came.partition(END_OF_HEADERS)
        if found and len(body) >= length(head):
            self._came = b""
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        line = head.partition(b"\r\n")[0]
        if b"/emails " in line:
            if self._limited.begin():
                asyncio.get_running_loop().call_later(SECONDS, self._done)
            else:
                self._say("429 Too Many Requests", REFUSED)
        elif answer := next((each for path, each in OTHERS.items() if path in line), None):
            self._say("200 OK", answer)
        else:
            self._say("404 Not Found", b"{}")

    def _done(self) -> None:
        self._say("200 OK", TAKEN)
        self._limited.end()

    def _say(self, status: str, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{self._limited.headers}\r\n"
        )
        self._transport.write(head.encode() + body)


def length(head: bytes) -> int:
    """Bytes of the body that follow these headers."""
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def main(width: int, *, names_limit: bool) -> None:
    """Serve until stopped."""
    limited = Limited(width, names_limit=names_limit)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(limited), HOST, 0)
    say(ready=server.sockets[0].getsockname()[1])
    while await _asked(limited):
        limited.most = limited.taken = limited.refused = 0
    server.close()


async def _asked(limited: Limited) -> bool:
    """Write the figures once; return False when it is time to stop."""
    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    if line.strip() in ("", "stop"):
        return False
    say(most=limited.most, taken=limited.taken, refused=limited.refused)
    return True


def exact_loop() -> asyncio.AbstractEventLoop:
    """One whose timers are as exact as the system's: epoll rounds up to the next millisecond."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(main(int(sys.argv[1]), names_limit=sys.argv[2] == "1"))
