"""Asks for the mails of one large bill run, approves them, and says what that took of this process.

`python -m bench.a_big_run URL DOCUMENTS`, with the URL of a `bench.big_server`. Slack is the local one, in the same process.
"""

import asyncio
import json
import sys
import time

from bench.big_server import RUN
from bench.otherwise import set_constants
from bench.stage import approval_of, ask_for, place
from bench.watch import Watch, memory_of, say
from bot.cli.pauses import give_back_only_long_texts, keep_pauses_short
from bot.domain.request import State
from bot.wiring.running import Bot
from bot.workflow.decide import decide
from bot.zuora.client import http_client
from bot.zuora.paging import MOST_ROWS

LARGEST_PAGE = 99
LISTS = ("invoices", "credit-memos")


async def by_one_cursor(url: str) -> float:
    """Seconds that both lists take, one page after the other, read and thrown away."""
    started = time.perf_counter()
    async with http_client() as http:
        for objects in LISTS:
            cursor, page = "", f"{url}/object-query/{objects}?pageSize={LARGEST_PAGE}"
            while cursor is not None:
                answer = await http.get(page + (f"&cursor={cursor}" if cursor else ""))
                cursor = json.loads(answer.content).get("nextPage")
    return time.perf_counter() - started


async def asked_and_approved(bot: Bot) -> dict[str, float]:
    """The seconds from the form to the saved card, and from the approval to the first call out."""
    started = time.perf_counter()
    (number,) = await ask_for(bot, [RUN])
    saved = time.perf_counter() - started
    decide(bot.parts, approval_of(bot, number))
    approved = bot.parts.clock.now()
    while (
        request := bot.parts.store.requests.get(number)
    ) and request.state is not State.SUCCEEDED:
        if request.state not in (State.APPROVED, State.RUNNING):
            raise RuntimeError(f"the request is {request.state}: {request.result}")
        await asyncio.sleep(0.1)
    (call,) = bot.parts.store.calls.of(number)
    if call.sent_at is None:
        raise RuntimeError("the call did not go out")
    first = (call.sent_at - approved).total_seconds()
    return {"saved": saved, "first": first}


async def main(url: str, documents: int) -> None:
    """Measure once."""
    if documents > MOST_ROWS:
        raise ValueError(documents)
    cursor = await by_one_cursor(url)
    async with place(zuora_base_url=url) as here:
        async with here.hands() as bot:
            found = await _watched(bot)
        size = here.database.stat().st_size  # once what was written beside it is in it
    say(**found, cursor=cursor, file=size)


async def _watched(bot: Bot) -> dict[str, float]:
    """The seconds, and the memory, pauses and processor time beside them."""
    bot.start()
    keep_pauses_short()
    give_back_only_long_texts()
    await asyncio.sleep(1)
    rest, used, watch = memory_of(), time.process_time(), Watch()
    watching = asyncio.create_task(watch.run())
    found = await asked_and_approved(bot)
    watching.cancel()
    return found | {
        "more": memory_of() - rest,
        "pause": watch.longest,
        "late": watch.late / watch.wakes,
        "processor": time.process_time() - used,
    }


if __name__ == "__main__":
    set_constants()
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
