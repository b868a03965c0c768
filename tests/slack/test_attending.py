"""Who takes long to say what it is about keeps nobody waiting, and what was approved goes on."""

import asyncio
from urllib.parse import urlsplit

from tests.patient import LONGEST
from tests.stage import BOB

HEAD = (
    b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nX-Slack-Request-Timestamp: 1795255200\r\n"
    b"X-Slack-Signature: v0=00\r\nContent-Length: 100\r\n\r\npayload="
)


async def test_strangers_who_never_send_their_payload_hold_up_nothing(web_stage):
    stage = web_stage
    port = urlsplit(stage.slack.request_url).port
    ts = await stage.ask()
    strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    for _, writer in strangers:
        writer.write(HEAD)
        await writer.drain()
    await asyncio.wait_for(stage.store.turns.after_people(), LONGEST)
    assert stage.store.turns._waited_for == 0

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    for _, writer in strangers:
        writer.close()
