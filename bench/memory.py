"""Memory and processor time of `billing-bot run` at rest, and with many bill runs followed."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bench.figures import Options, Row
from bench.stage import Place, add_runs, approval_of, ask_for, empty_app, make_slack, place
from bench.start import running_command
from bench.watch import memory_of, processor_seconds, until
from bot.domain.request import State
from bot.sandbox.zuora.options import Timings
from bot.workflow.decide import decide

FIRST_RUN = 1000
SETTLED_SECONDS = 3.0
MEGABYTE = 1024 * 1024
A_DAY = 24 * 3600


async def measure(options: Options) -> list[Row]:
    """The empty app beside the bot at rest, then the bot that follows many runs."""
    async with place() as here, _followed(options) as there:
        empty, rest, follows, day = [], [], [], 0.0
        for turn in range(min(3, options.rounds)):
            empty.append(await _empty())
            process = await running_command(here)
            await asyncio.sleep(SETTLED_SECONDS)
            rest.append(memory_of(process.pid))
            if turn == 0:
                used = processor_seconds(process.pid)
                await asyncio.sleep(options.rest_seconds)
                used = processor_seconds(process.pid) - used
                day = used / options.rest_seconds * A_DAY
            process.send_signal(signal.SIGTERM)
            await process.wait()
            follows.append(await _while_following(there, options))
    return [
        _row("memory at rest", rest, empty, 1.5),
        _row(f"memory with {options.followed} bill runs followed", follows, empty, 2.0),
        Row(
            part="memory",
            what="processor time of a day at rest",
            ours=f"{day:.0f} s, {day / A_DAY:.2%} of one core",
            note=f"from {options.rest_seconds:.0f} s",
        ),
    ]


def _row(what: str, ours: list[int], theirs: list[int], most: float) -> Row:
    return Row(
        part="memory",
        what=what,
        ours=f"{sorted(ours)[len(ours) // 2] / MEGABYTE:.0f} MB",
        against=f"the empty Bolt app, {sorted(theirs)[len(theirs) // 2] / MEGABYTE:.0f} MB",
        rounds=tuple(a / b for a, b in zip(ours, theirs, strict=True)),
        goal=f"≤ {most:g}",
        most=most,
    )


async def _empty() -> int:
    slack = make_slack()
    await slack.start()
    try:
        async with empty_app("run", slack) as app:
            await asyncio.sleep(SETTLED_SECONDS)
            return memory_of(app.process.pid)
    finally:
        await slack.stop()


@asynccontextmanager
async def _followed(options: Options) -> AsyncIterator[Place]:
    """A bot's database in which so many bill runs are being posted, for as long as it lasts."""
    async with place() as here:
        here.zuora.timings = replace(Timings(), posting=A_DAY)
        names = add_runs(here.zuora, FIRST_RUN, options.followed, status="Completed")
        async with here.hands() as bot:
            bot.start()
            for name in names:
                (number,) = await ask_for(bot, [name], "post_bill_run")
                decide(bot.parts, approval_of(bot, number))
            status, outbox = bot.parts.store.status, bot.parts.store.outbox
            await until(
                lambda: status.in_states((State.RUNNING,), 1)[0].number == options.followed, 300
            )
            await until(lambda: not outbox.open(1), 300)
        yield here


async def _while_following(here: Place, options: Options) -> int:
    """Memory once every run was looked at."""
    before = len(here.zuora.calls)
    process = await running_command(here)
    await until(lambda: len(here.zuora.calls) >= before + options.followed, 120)
    await asyncio.sleep(SETTLED_SECONDS)
    found = memory_of(process.pid)
    process.send_signal(signal.SIGTERM)
    await process.wait()
    return found
