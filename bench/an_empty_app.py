"""The smallest Bolt app, with Bolt's defaults: a listener that acknowledges and does nothing else."""

import asyncio
import json
import os
import sys
import time
from typing import Any

import aiohttp
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bench.watch import answer_until_stopped, say

HOST = "127.0.0.1"


def make_app(round_trips: list[float], session: aiohttp.ClientSession) -> AsyncApp:
    """The app: one button, and one command that times a single `views.open`."""
    # Not SLACK_BOT_TOKEN: Bolt looks for that one itself, and warns of a client beside it.
    token, url = os.environ["BENCH_BOT_TOKEN"], os.environ["SLACK_API_URL"]
    app = AsyncApp(
        client=AsyncWebClient(token=token, base_url=url),
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
    )
    kept = AsyncWebClient(token=token, base_url=url, session=session)
    view = json.loads(os.environ["BENCH_VIEW"])

    @app.action("approve")
    async def approve(ack: Any) -> None:
        await ack()

    @app.command("/billemail")
    async def billemail(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        started = time.perf_counter()
        await kept.views_open(trigger_id=body["trigger_id"], view=view)
        round_trips.append(time.perf_counter() - started)

    return app


async def main(mode: str) -> None:
    """Run until a signal stops it."""
    round_trips: list[float] = []
    async with aiohttp.ClientSession() as session:
        app = make_app(round_trips, session)
        if mode == "web":
            runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
            await runner.setup()
            site = web.TCPSite(runner, HOST, 0)
            await site.start()
            say(ready=runner.addresses[0][1])
            await answer_until_stopped(round_trips=round_trips)
            await runner.cleanup()
            return
        token, url = os.environ["SLACK_APP_TOKEN"], os.environ["SLACK_API_URL"]
        handler = AsyncSocketModeHandler(
            app, token, web_client=AsyncWebClient(token=token, base_url=url)
        )
        await handler.connect_async()  # type: ignore[no-untyped-call]
        say(ready=0)
        await answer_until_stopped(round_trips=round_trips)
        await handler.close_async()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
