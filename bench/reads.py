"""What managers look at, in a database of years against a small one, over Slack and back."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.figures import Options, Row, ms
from bench.seed import big_database
from bench.stage import BOB, CHANNEL, MARA, Place, Program, place
from bench.watch import until

Look = Callable[[Place], Awaitable[float]]
SMALL = 1000
MOST_PAUSE = 20.0
A_SECOND_AT_REST = 0.05
"""Seconds of the processor."""


async def measure(options: Options) -> list[Row]:
    """Each look in turns at the small and the large database."""
    async with place() as small, place() as large:
        await big_database(small.folder, requests=SMALL, still_open=100, history=10 * SMALL)
        await big_database(
            large.folder, requests=options.requests, still_open=options.requests // 100,
            history=options.history,
        )  # fmt: skip
        async with small.the_bot(), large.the_bot() as bot:
            await _at_rest(bot)
            return [
                await _row(name, look, small, large, bot, options) for name, look in LOOKS.items()
            ]


async def _at_rest(bot: Program) -> None:
    """Wait until the start's work is done: the check of the file beside it, and what it sends after that."""
    used = -1.0
    while (now := (await bot.report())["processor"]) - used > A_SECOND_AT_REST:
        used = now
        await asyncio.sleep(1.0)


async def _row(
    name: str, look: Look, small: Place, large: Place, bot: Program, options: Options
) -> Row:
    await look(small)
    await look(large)
    await bot.report()
    ours, theirs, pauses = [], [], []
    for _ in range(3 * options.rounds):
        theirs.append(await look(small))
        await bot.report()
        ours.append(await look(large))
        await asyncio.sleep(0.05)
        pauses.append((await bot.report())["longest_pause"] * 1000)
    options.paused(name, max(pauses))
    rounds = tuple(a / b for a, b in zip(ours, theirs, strict=True))
    held = sorted(pauses)[len(pauses) // 2]
    middle = sorted(rounds)[len(rounds) // 2]
    return Row(
        part="reads",
        what=f"{name} at {options.requests:,} requests and {options.history:,} rows of history",
        ours=f"{ms(sorted(ours)[len(ours) // 2])}; the event loop held {held:.0f} ms "
        f"(longest {max(pauses):.0f})",
        against=f"at {SMALL:,} requests, {ms(sorted(theirs)[len(theirs) // 2])}",
        rounds=rounds,
        goal="≤ 2, ≤ 20 ms",
        met=middle <= 2 and held <= MOST_PAUSE,  # noqa: PLR2004 - the goal
    )


async def _month(here: Place) -> float:
    """The table; its picture is waited for too, so that it is not drawn beside the next look."""
    pictures = len(here.slack.workspace.files)
    seconds = await command("/billstatus month")(here)
    await until(
        lambda: (
            len(here.slack.workspace.files) > pictures
            and all(file.shared for file in here.slack.workspace.files.values())
        )
    )
    return seconds


def command(text: str) -> Look:
    """A command, until it is answered."""

    async def look(here: Place) -> float:
        started = time.perf_counter()
        ack = await here.slack.slash(MARA, CHANNEL, text)
        if not ack.ok:
            raise RuntimeError(ack.text)
        return time.perf_counter() - started

    return look


async def _home(here: Place) -> float:
    """The home tab until it is drawn."""
    published = len([c for c in here.slack.calls if c.method == "views.publish"])
    started = time.perf_counter()
    await here.slack.open_home(BOB)
    await until(
        lambda: len([c for c in here.slack.calls if c.method == "views.publish"]) > published
    )
    seconds = time.perf_counter() - started
    await asyncio.sleep(0.2)
    return seconds


LOOKS: dict[str, Look] = {
    "/billstatus": command("/billstatus"),
    "/billstatus mine": command("/billstatus mine"),
    "/billstatus waiting": command("/billstatus waiting"),
    "/billstatus of one request": command("/billstatus R-500"),
    "/billstatus of a bill run": command("/billstatus BR-00000500"),
    "/billstatus month": _month,
    "home tab": _home,
}
