"""A broken Zuora in a separate process: it passes calls on, and answers lists of invoices without an end.

`python -m bench.endless_zuora KIND ADDRESS`; lists are passed on too until a line comes in.

    huge: one answer of 1 GB
    endless: pages of 2,000 invoices, each with a next page
"""

import asyncio
import json
import sys

import aiohttp
from aiohttp import web

from bench.watch import say

LIST = "/object-query/invoices"
GIGABYTE = 10**9
PART = b" " * 1_000_000
ROWS = 2_000
NOT_PASSED_ON = (
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Content-Encoding",
    "Accept-Encoding",
)


class Broken:
    """Passes calls on to a Zuora that works until it is broken."""

    def __init__(self, kind: str, address: str, session: aiohttp.ClientSession) -> None:
        self._kind = kind
        self._address = address
        self._session = session
        self._pages = 0
        self.is_broken = False
        self.sent = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        is_list = request.path == LIST
        if self.is_broken and is_list and self._kind == "huge":
            return await self._huge(request)
        query = [pair for pair in request.query.items() if pair[0] != "cursor" or not is_list]
        headers = {k: v for k, v in request.headers.items() if k not in NOT_PASSED_ON}
        url = self._address + request.path
        async with self._session.request(
            request.method, url, params=query, data=await request.read(), headers=headers
        ) as found:
            body = await found.read()
            status, kind = found.status, found.content_type
        if self.is_broken and is_list and (first := json.loads(body).get("data")):
            body = self._page(first[0])
            self.sent += 1
        return web.Response(body=body, status=status, content_type=kind)

    async def _huge(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        answer.content_length = GIGABYTE
        await answer.prepare(request)
        for _ in range(GIGABYTE // len(PART)):
            await answer.write(PART)
            self.sent += len(PART)
        return answer

    def _page(self, first: dict[str, object]) -> bytes:
        """The first invoice again and again, as others, and one page more."""
        self._pages += 1
        start = self._pages * ROWS
        data = [
            first | {"id": f"{number:032x}", "invoiceNumber": f"INV{number:08}"}
            for number in range(start, start + ROWS)
        ]
        return json.dumps({"data": data, "nextPage": f"page-{self._pages}"}).encode()


async def main(kind: str, address: str) -> None:
    """Serve until stopped; the first line breaks it, each line is answered with what was sent."""
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        broken = Broken(kind, address, session)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", broken.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        say(ready=runner.addresses[0][1])
        while (line := await asyncio.to_thread(sys.stdin.readline)).strip() not in ("", "stop"):
            broken.is_broken = line.strip() == "report" or broken.is_broken
            say(sent=broken.sent)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
