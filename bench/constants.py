"""What each tuned constant is worth: `python -m bench.constants WHAT [ROUNDS [SIZE [CONSTANT …]]]`.

WHAT is `mails` (to the server of `bench.mailing`), `clicks` (SIZE approvals in one moment, through Socket Mode), or
`reads` (one bill run with SIZE documents is asked for and approved). Each turn is taken twice, by a process that has
every constant as it is and by one that has a constant taken out; both meet the same machine, so each is compared with
its neighbour. Medians of all rounds are printed as they are found. docs/structure.md says what was found.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from bench.a_big_run import LARGEST_PAGE
from bench.figures import percentile
from bench.mailing import NAMED_WIDTH
from bench.otherwise import started_with
from bench.stage import BOB, CHANNEL, ROOT, add_runs, ask_for, place, program
from bench.watch import no_collections, processor_seconds, until

Constants = Mapping[str, float]
Figures = dict[str, float]
AS_IT_IS: Constants = {}
WITHOUT: dict[str, Constants] = {
    "nothing": AS_IT_IS,
    "A_FEW": {"bot.workflow.sending.A_FEW": 10**6},
    "AT_ONCE": {"bot.store.together.AT_ONCE": 1},
    "NEW_OBJECTS": {"bot.cli.pauses.NEW_OBJECTS": 700},
    "TURN_SECONDS": {"bot.cli.pauses.TURN_SECONDS": 0.005},
    "MANY": {"bot.zuora.aside.MANY": 10**9},
    "IN_THE_LOOP": {"bot.zuora.caller.AT_ONCE": 10**9},
    "QUICK": {"bot.zuora.judge.QUICK": 10**9},
}
"""What is set otherwise, by what is taken out by that: Python's own defaults, no bundling, or no thread."""

SIZES = {"mails": 1000, "clicks": 40, "reads": 5000}


async def main(what: str, rounds: int, size: int, names: Sequence[str]) -> None:
    """Measure, and print a row for each constant as soon as it is known."""
    heading_stands = False
    for name in names:
        ratios: dict[str, list[float]] = {}
        async with AsyncExitStack() as stack:
            turn = {"mails": _mails, "clicks": _clicks, "reads": _reads}[what]
            usual = await stack.enter_async_context(turn(size, AS_IT_IS))
            without = await stack.enter_async_context(turn(size, WITHOUT[name]))
            for _ in range(rounds):
                before, after = await usual(), await without()
                for figure, value in after.items():
                    ratios.setdefault(figure, []).append(value / before[figure])
        if not heading_stands:
            _print(f"| without | {' | '.join(ratios)} |")
            _print(f"|---|{'---|' * len(ratios)}")
            heading_stands = True
        _print(f"| {name} | {' | '.join(map(_middle, ratios.values()))} |")


def _middle(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


@asynccontextmanager
async def _mails(
    size: int, constants: Constants
) -> AsyncIterator[Callable[[], Awaitable[Figures]]]:
    async with program("bench.limited_server", str(NAMED_WIDTH), "1", env={}) as server:
        url = f"http://127.0.0.1:{server.ready}"

        async def mailed() -> Figures:
            with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
                return await _once(constants, "a_mailer", "runner", url, str(size), folder)

        yield mailed


@asynccontextmanager
async def _reads(
    size: int, constants: Constants
) -> AsyncIterator[Callable[[], Awaitable[Figures]]]:
    async with program("bench.big_server", str(size), str(LARGEST_PAGE), env={}) as server:
        url = f"http://127.0.0.1:{server.ready}"
        yield partial(_once, constants, "a_big_run", url, str(size))


async def _once(constants: Constants, module: str, *arguments: str) -> Figures:
    with started_with(constants):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"bench.{module}", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )  # fmt: skip
    said, _ = await process.communicate()
    found: Figures = json.loads(said.splitlines()[-1])
    return {
        name: found[name]
        for name in ("seconds", "saved", "processor", "pause", "late")
        if name in found
    }


@asynccontextmanager
async def _clicks(
    size: int, constants: Constants
) -> AsyncIterator[Callable[[], Awaitable[Figures]]]:
    async with place() as here, AsyncExitStack() as stack:
        with started_with(constants):
            bot = await stack.enter_async_context(here.the_bot())
        hands = await stack.enter_async_context(here.hands())
        store, clock, slack = hands.parts.store, hands.parts.clock, here.slack
        runs = iter(add_runs(here.zuora, 1000, 100 * size))

        def is_quiet() -> bool:
            return not store.requests.due(clock.now(), 1) and not store.outbox.open(1)

        async def clicked() -> Figures:
            before = len(slack.channel_messages(CHANNEL))
            await ask_for(hands, [next(runs) for _ in range(size)])
            await until(lambda: len(slack.channel_messages(CHANNEL)) >= before + size)
            await until(is_quiet)
            cards = [message.ts for message in slack.channel_messages(CHANNEL)[before:]]
            slack.taken()
            await bot.report()
            used = processor_seconds(bot.process.pid)
            with no_collections():
                await asyncio.gather(*(slack.click(BOB, CHANNEL, ts, "approve") for ts in cards))
                acks = slack.taken()
                await until(is_quiet)
            return {
                "ack p50": percentile(acks, 50),
                "ack p95": percentile(acks, 95),
                "processor": processor_seconds(bot.process.pid) - used,
                "pause": (await bot.report())["longest_pause"],
            }

        yield clicked


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    numbers = [int(each) for each in rest if each.isdigit()]
    turns, many, *_ = [*numbers, *(3, SIZES[kind])[len(numbers) :]]
    chosen = [each for each in rest if not each.isdigit()] or list(WITHOUT)
    asyncio.run(main(kind, turns, many, chosen))
