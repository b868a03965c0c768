"""`python -m bench.floods`: what genuine clicks cost while strangers or a broken Zuora flood the bot.

The bot runs in web mode in a separate process with 1,024 open files, strangers in another one, everything on
loopback. `--before FOLDER` floods another version too, checked out there; `--write` puts both into docs/reliability.md.
"""

import asyncio
import itertools
import os
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click

from bench.figures import percentile
from bench.stage import ALICE, BOB, CHANNEL, MARA, ROOT, Place, Program, add_runs, place, program
from bench.watch import processor_seconds, until
from bot.sandbox.slack.http_delivery import encoded

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- floods -->\n", "<!-- end of floods -->"
OPEN_FILES = 1024
PRESSED = 100
ACK_SECONDS = 3.0
"""How long Slack waits for an acknowledgement."""

ENOUGH = 5
"""So many unanswered clicks show that nobody is answered."""

PAUSE = 0.05  # seconds between two genuine clicks
SECONDS_ALONE = 1.0  # before the first of them
MEGABYTE = 1024 * 1024
WORDS = {
    "rest": "at rest",
    "silent": "1,100 connections that say nothing, each made again a second after it is ended",
    "half": "200 posts of 1 MiB whose last byte never comes, each made again a second after it is ended",
    "packed": "60 posts of 64 KB that would unpack to 64 MiB and whose last byte never comes, each made again",
    "clicks": "clicks of a member without rights, 20 at once, while Slack limits private answers",
    "unsigned": "unsigned posts over 40 connections, as fast as they come",
    "many": "the same over 400 connections",
    "huge": "an answer of Zuora of 1 GB (genuine commands instead of clicks)",
    "endless": "pages of 2,000 documents without end (genuine commands instead of clicks)",
}
KINDS = {
    "silent": "connections ended",
    "half": "posts ended",
    "packed": "posts ended",
    "clicks": "clicks answered",
    "unsigned": "posts answered",
    "many": "posts answered",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a flood did. Times in seconds, memory in bytes.

    Attributes:
        clicks: How long each genuine click took until its acknowledgement.
        unanswered: How many genuine clicks were not acknowledged.
        memory: Most that the bot's process held.
        pause: Longest time for which its event loop was late.
        processor: Processor time of the bot meanwhile.
        more: What else is to be said.
    """

    clicks: list[float]
    unanswered: int
    memory: int
    pause: float | None
    processor: float
    more: str = ""

    def __str__(self) -> str:
        """As in the document's table."""
        if not self.clicks:
            return f"no genuine click is answered; {self._rest()}"
        p50, p95 = (percentile(self.clicks, percent) * 1000 for percent in (50, 95))
        lost = f", {self.unanswered} not answered" if self.unanswered else ""
        return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {max(self.clicks) * 1000:.0f} ms{lost}; {self._rest()}"

    def _rest(self) -> str:
        pause = "" if self.pause is None else f"longest pause {self.pause * 1000:.0f} ms, "
        words = (
            f"memory {self.memory / MEGABYTE:.0f} MB, {pause}{self.processor:.1f} s of processor"
        )
        return f"{words}; {self.more}" if self.more else words


class Flooded:
    """A bot that people use while it is flooded."""

    def __init__(self, here: Place, bot: Program) -> None:
        self.here = here
        self.bot = bot
        self._runs = itertools.count(1000, PRESSED)

    async def cards(self) -> list[str]:
        """Ask for mails of runs, as people do; the `ts` of their cards."""
        slack = self.here.slack
        runs = add_runs(self.here.zuora, next(self._runs), PRESSED)
        before = len(slack.channel_messages(CHANNEL))
        for run in runs:
            await slack.slash(ALICE, CHANNEL, f"/billemail {run}")
            submitted = await slack.submit(ALICE, {"reason": "Month end"})
            if not submitted.ok:
                raise RuntimeError(f"{run} could not be asked for: {submitted}")
        await until(lambda: len(slack.channel_messages(CHANNEL)) >= before + PRESSED)
        return [message.ts for message in slack.channel_messages(CHANNEL)[before:]]

    async def measured(self, press: Callable[[int], Awaitable[object]]) -> Figures:
        """Press so many times, and measure meanwhile."""
        slack, pid = self.here.slack, self.bot.process.pid
        slack.taken()
        slack.ack_seconds = ACK_SECONDS
        _forget_memory(pid)
        processor, clicks = processor_seconds(pid), list[float]()
        unanswered = 0
        for number in range(PRESSED):
            try:
                await press(number)
                clicks.append(slack.taken()[-1])
            except RuntimeError:
                unanswered += 1
                if unanswered == ENOUGH:
                    break
            await asyncio.sleep(PAUSE)
        memory, pause = _most_memory(pid), None
        processor = processor_seconds(pid) - processor
        with suppress(RuntimeError):  # it cannot open one more file to say it
            pause = (await self.bot.report())["longest_pause"]
        return Figures(
            clicks=clicks,
            unanswered=unanswered,
            memory=memory,
            pause=pause,
            processor=processor,
        )

    async def approvals(self, kind: str) -> Figures:
        """Approve one card after the other, while strangers of a kind come (or none, at rest)."""
        body = await self.click_of_mara()
        cards = await self.cards()
        slack = self.here.slack
        slack.faults.add("chat.postEphemeral", "ratelimited", times=1_000_000, retry_after=30)

        def approve(number: int) -> Awaitable[object]:
            return slack.click(BOB, CHANNEL, cards[number], "approve")

        await self.bot.report()  # pauses count from here
        if kind == "rest":
            return await self.measured(approve)
        file = self.here.folder / "body.txt"
        file.write_text(body)
        async with program(
            "bench.strangers", kind, str(self.bot.ready), str(file), env={}
        ) as crowd:
            await asyncio.sleep(SECONDS_ALONE)
            found = await self.measured(approve)
            came = await crowd.report()
        of = KINDS[kind]
        return replace(found, more=f"{came['number']:,} {of} in {came['seconds']:.0f} s")

    async def click_of_mara(self) -> str:
        """The body of a click on Approve by somebody who may not."""
        slack = self.here.slack
        runs = add_runs(self.here.zuora, 1, 1)
        await slack.slash(ALICE, CHANNEL, f"/billemail {runs[0]}")
        await slack.submit(ALICE, {"reason": "Month end"})
        await until(lambda: slack.channel_messages(CHANNEL))
        await slack.click(MARA, CHANNEL, slack.channel_messages(CHANNEL)[0].ts, "approve")
        body, _ = encoded("interactive", slack.last_payload or {})
        return body


def _forget_memory(pid: int) -> None:
    """The most memory that was held is counted from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _most_memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def _open_files(number: int) -> Iterator[None]:
    """So many for the processes that are started here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def flooded(root: Path, broken: str = "") -> AsyncIterator[tuple[Flooded, Program | None]]:
    """A bot of a version, with a Zuora that can be broken."""
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(place("web"))
        zuora = None
        if broken:
            address = here.zuora.base_url
            zuora = await stack.enter_async_context(
                program("bench.endless_zuora", broken, address, env={})
            )
            here.changes["zuora_base_url"] = f"http://127.0.0.1:{zuora.ready}"
        with _open_files(OPEN_FILES):
            bot = await stack.enter_async_context(here.the_bot(root))
        yield Flooded(here, bot), zuora


async def flood(kind: str, root: Path) -> Figures:
    """Flood the bot of a version in one way, and measure."""
    broken = kind if kind in ("huge", "endless") else ""
    async with flooded(root, broken) as (it, zuora):
        return await (_broken(it, zuora, kind) if zuora else it.approvals(kind))


async def _broken(it: Flooded, zuora: Program, kind: str) -> Figures:
    """Somebody asks for a run while Zuora is broken; others type commands meanwhile."""
    slack = it.here.slack
    run = add_runs(it.here.zuora, 1, 1)[0]
    await slack.slash(ALICE, CHANNEL, f"/billemail {run}")
    await zuora.report()
    await it.bot.report()
    submitting = asyncio.ensure_future(slack.submit(ALICE, {"reason": "Month end"}))
    found = await it.measured(lambda _: slack.slash(BOB, CHANNEL, "/billemail help"))
    submitting.cancel()
    sent = (await zuora.report())["sent"]
    return replace(
        found, more=f"{sent / MEGABYTE:,.0f} MB sent" if kind == "huge" else f"{sent} pages sent"
    )


async def _all(kinds: tuple[str, ...], before: Path | None) -> dict[str, list[Figures]]:
    """The figures of each kind: of the version before, if there is one, and of this one."""
    found: dict[str, list[Figures]] = {}
    for kind in kinds:
        found[kind] = []
        for root in (before, ROOT) if before else (ROOT,):
            found[kind].append(await flood(kind, root))
            click.echo(
                f"{kind}, {'now' if root == ROOT else 'before'}: {found[kind][-1]}", err=True
            )
    return found


def table(found: dict[str, list[Figures]], load: float) -> str:
    """As the document shows it."""
    lines = [
        f"{PRESSED} genuine clicks each, load {load:.1f} on {os.cpu_count()} cores:",
        "",
        "| | before | now |",
        "|---|---|---|",
        *(f"| {WORDS[kind]} | {' | '.join(map(str, each))} |" for kind, each in found.items()),
    ]
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(tuple(WORDS)))
@click.option("--before", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--write", is_flag=True, help="Write the figures into docs/reliability.md.")
def main(kinds: tuple[str, ...], before: Path | None, *, write: bool) -> None:
    """Flood the bot in all ways, or in those that are named."""
    load = os.getloadavg()[0]
    words = table(asyncio.run(_all(kinds or tuple(WORDS), before)), load)
    click.echo(words)
    if write:
        head, _, rest = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(f"{head}{BEGIN}{words}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
