"""Asks for the mails of a long list of numbers in a file, approves them, and says what that took of this process.

`python -m bench.a_big_list URL DOCUMENTS`, with the URL of a `bench.big_server`. Slack is the local one, in the same process;
the file goes through its form.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

from bench.big_server import STARTS
from bench.stage import ALICE, CHANNEL, Place, approval_of, place
from bench.watch import Watch, memory_of, say, until
from bot.cli.clock import SystemClock
from bot.cli.pauses import give_back_only_long_texts, keep_pauses_short
from bot.cli.sandbox import running
from bot.domain.request import State
from bot.slack.forms.document_fields import FILE
from bot.slack.reading import TITLE
from bot.wiring.build import Tuning
from bot.wiring.running import Bot
from bot.workflow.decide import decide
from bot.zuora.environments import OWN_SANDBOX


def numbers_of(documents: int) -> list[str]:
    """Every number that the server has: invoices, and a credit memo for each twenty documents."""
    memos = documents // 20
    counts = {"invoices": documents - memos, "credit-memos": memos}
    return [
        f"{STARTS[name]}{number:08}"
        for name, many in counts.items()
        for number in range(1, many + 1)
    ]


async def asked(here: Place, bot: Bot, documents: int) -> float:
    """Seconds from the submitted form to the saved card."""
    slack = here.slack
    await slack.slash(ALICE, CHANNEL, "/billemail INV00000001")
    text = "\n".join(["Document Number", *numbers_of(documents)]).encode()
    file = slack.add_file(ALICE, "november.csv", text)
    started = time.perf_counter()
    answer = await slack.submit(ALICE, {"documents": "", "reason": "Month end", FILE: [file]})
    await until(lambda: bot.parts.store.requests.newest() == 1 or _is_answered(here), 600)
    if not bot.parts.store.requests.newest():
        raise RuntimeError(f"nothing was saved: {answer.errors or slack.view(ALICE)}")
    return time.perf_counter() - started


def _is_answered(here: Place) -> bool:
    """Whether the form shows something else than that Zuora is read."""
    view = here.slack.view(ALICE)
    return view is None or view["title"]["text"] != TITLE


async def sent(bot: Bot) -> dict[str, float]:
    """Seconds from the approval to the first call out, and from there to the last answer written."""
    approved = bot.parts.clock.now()
    decide(bot.parts, approval_of(bot, 1))
    await _until_is(bot, State.RUNNING, State.SUCCEEDED)
    used = time.process_time()
    await _until_is(bot, State.SUCCEEDED, State.FAILED, State.STOPPED, State.UNKNOWN)
    used = time.process_time() - used
    tally = bot.parts.store.calls.tally(1)
    request = bot.parts.store.requests.get(1)
    if request is None or tally.began_at is None or request.state is not State.SUCCEEDED:
        raise RuntimeError(f"the request did not succeed: {request and request.result}")
    return {
        "first": (tally.began_at - approved).total_seconds(),
        "mails": (request.state_at - tally.began_at).total_seconds(),
        "processor": used,
    }


async def _until_is(bot: Bot, *states: State) -> None:
    """Look now and then, which takes next to nothing of what is measured."""
    async with asyncio.timeout(900):
        while not _is(bot, states):  # noqa: ASYNC110 - there is no event for a request's state
            await asyncio.sleep(0.2)


def _is(bot: Bot, states: Sequence[State]) -> bool:
    return any(bot.parts.store.status.numbers_in_state(each, 1) for each in states)


async def main(url: str, documents: int) -> None:
    """Measure once."""
    async with place(zuora_base_url=url) as here:
        settings = here.settings
        tuning = Tuning(seconds_a_message=0.0, where=OWN_SANDBOX)
        async with running(settings, SystemClock(), tuning, here.slack, "run") as bot:
            found = await _watched(here, bot, documents)
        size = here.database.stat().st_size
    say(**found, file=size)


async def _watched(here: Place, bot: Bot, documents: int) -> dict[str, float]:
    """The seconds, and memory, pauses and processor time of each part beside them."""
    keep_pauses_short()
    give_back_only_long_texts()
    await asyncio.sleep(1)
    rest, watch = memory_of(), Watch()
    watching = asyncio.create_task(watch.run())
    found: dict[str, float] = {"saved": await asked(here, bot, documents)}
    await until(lambda: here.slack.channel_messages(CHANNEL), 60)
    found |= {"asking_pause": watch.longest, "asked_more": memory_of() - rest}
    found |= await sent(bot)
    watching.cancel()
    return found | {"more": memory_of() - rest, "pause": watch.longest}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
