"""A server that answers an email call in 50 ms and allows so many at once: Zuora's limit alone.

It does nothing else, so that what is measured is the caller. `python -m bench.limited_server WIDTH
TOLD` with TOLD `1` names its limit in `Concurrency-Limit-*` as Zuora does; with `0` it does not.
"""

import asyncio
import sys
from typing import Any

from aiohttp import web

from bench.watch import say

SECONDS = 0.05
HOST = "127.0.0.1"


class Limited:
    """Counts what is under way, and refuses what is too many."""

    def __init__(self, width: int, *, told: bool) -> None:
        self.width = width
        self.told = told
        self.out = 0
        self.most = 0
        self.taken = 0
        self.refused = 0

    def _headers(self) -> dict[str, str]:
        if not self.told:
            return {}
        return {
            "Concurrency-Limit-Type": "Default",
            "Concurrency-Limit-Limit": str(self.width),
            "Concurrency-Limit-Remaining": str(max(0, self.width - self.out)),
        }

    async def email(self, request: web.Request) -> web.Response:
        """One mail."""
        await request.read()
        if self.out >= self.width:
            self.refused += 1
            reasons = [{"code": 50000070, "message": "Too many concurrent requests"}]
            return web.json_response(
                {"success": False, "reasons": reasons}, status=429, headers=self._headers()
            )
        self.out += 1
        self.most = max(self.most, self.out)
        try:
            await asyncio.sleep(SECONDS)
            self.taken += 1
            return web.json_response({"success": True}, headers=self._headers())
        finally:
            self.out -= 1

    async def token(self, _: web.Request) -> web.Response:
        """A token for an hour."""
        found: dict[str, Any] = {
            "access_token": "made-up", "token_type": "bearer", "expires_in": 3598, "jti": "1",
            "scope": "tenant.12270",
        }  # fmt: skip
        return web.json_response(found)


async def main(width: int, *, told: bool) -> None:
    """Serve until told to stop."""
    limited = Limited(width, told=told)
    app = web.Application()
    app.router.add_post("/oauth/token", limited.token)
    app.router.add_post("/v1/invoices/{key}/emails", limited.email)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    say(ready=runner.addresses[0][1])
    while await _asked(limited):
        limited.most = limited.taken = limited.refused = 0
    await runner.cleanup()


async def _asked(limited: Limited) -> bool:
    """Tell the figures once; False when it is time to stop."""
    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    if line.strip() in ("", "stop"):
        return False
    say(most=limited.most, taken=limited.taken, refused=limited.refused)
    return True


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), told=sys.argv[2] == "1"))
