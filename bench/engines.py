"""`python -m bench.engines`: what people read, on PostgreSQL and on SQLite, in the same database of years.

Both are asked in turns. A server of this machine holds a copy of the file; its commits wait for its disk.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import click

from bench.reads import LOOKS, Look, command
from bench.seed import big_database
from bench.stage import ALICE, BOB, CHANNEL, Place, place
from bench.status import reads
from bench.watch import until
from bot.domain.request import State
from bot.status.month import catch_up
from bot.store.moving import copy
from bot.store.store import Store
from tests.postgres_tcp import TcpServer

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- engines -->\n", "<!-- end of engines -->"
WARM = 6
"""Times that do not count: after five a server keeps a statement's plan."""

REST_SECONDS = 2.0
MOST_FORMS = 9
Pair = tuple[list[float], list[float]]
"""Seconds on SQLite, and on PostgreSQL."""


@click.command()
@click.option("--requests", default=100_000, show_default=True)
@click.option("--history", default=600_000, show_default=True)
@click.option("--rounds", default=15, show_default=True, help="How often each is asked.")
@click.option("--file", type=click.Path(path_type=Path), help="A file that is there, made by this.")
@click.option("--server", default="", help="The address of its copy, made by this.")
@click.option("--write/--no-write", default=False, help="Write the figures into the document.")
def main(
    requests: int, history: int, rounds: int, file: Path | None, server: str, *, write: bool
) -> None:
    """Measure every read that a person asks for, and what the bot reads for it, on both engines."""
    lines = asyncio.run(_measured(requests, history, rounds, file, server))
    click.echo("\n".join(lines))
    if write:
        head, _, rest = DOCUMENT.read_text().partition(BEGIN)
        _, _, tail = rest.partition(END)
        DOCUMENT.write_text(f"{head}{BEGIN}" + "".join(f"{each}\n" for each in lines) + END + tail)


async def _measured(
    requests: int, history: int, rounds: int, file: Path | None, url: str
) -> list[str]:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    said = f"Measured {now} with {requests:,} requests and {history:,} rows of history, {rounds} times each in turns"
    async with _both(requests, history, file, url) as (path, address):
        load = f"load of the machine, which has two cores, {os.getloadavg()[0]:.1f}"
        return [
            f"{said}; {load}.",
            "",
            *_table("A person asks for", await _over_slack(path, address, rounds)),
            "",
            *_table("The bot reads for it", await _without_slack(path, address, requests, rounds)),
            "",
            *_table("One statement", await _statements(path, address, requests, rounds)),
        ]


@asynccontextmanager
async def _both(
    requests: int, history: int, file: Path | None, url: str
) -> AsyncIterator[tuple[str, str]]:
    """The database as a file and on a server, made where they are not there."""
    with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
        path = file or Path(folder) / "billing-bot.db"
        if not path.exists():
            await big_database(
                path.parent, requests=requests, still_open=requests // 100, history=history
            )
        if url:
            yield str(path), url
            return
        server = TcpServer(durable=True)
        server.open()
        try:
            address = server.url(server.new_database())
            await asyncio.to_thread(copy, str(path), address)
            server.said("VACUUM ANALYZE", address.rpartition("/")[2])
            yield str(path), address
        finally:
            server.close()


def _table(what: str, found: dict[str, Pair]) -> list[str]:
    return [
        f"| {what} | SQLite | PostgreSQL | times |",
        "|---|---|---|---|",
        *(
            f"| {name} | {_ms(here)} | {_ms(there)} | {median(there) / median(here):.1f} |"
            for name, (here, there) in found.items()
        ),
    ]


def _ms(seconds: list[float]) -> str:
    return f"{median(seconds) * 1000:.2f} ms"


async def _over_slack(path: str, address: str, rounds: int) -> dict[str, Pair]:
    """From the person's command or click to the answer."""
    async with (
        place(database_url=f"sqlite:///{path}") as here,
        place(database_url=address) as there,
        here.the_bot(),
        there.the_bot(),
    ):
        for each in (here, there):
            await _a_card(each)
            await _at_rest(each)
        return {
            name: await _in_turns(look, here, there, rounds) for name, look in SLACK_LOOKS.items()
        }


async def _in_turns(look: Look, here: Place, there: Place, rounds: int) -> Pair:
    await look(here)
    await look(there)
    pairs = [(await look(here), await look(there)) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


async def _a_card(here: Place) -> None:
    """Ask for a request, whose card is looked at; a form that a database has had before asks for nothing new."""
    here.zuora.world.add_bill_run("BR-09000001", invoices=[("A00000001", "USD", "10.00")] * 40)
    for _ in range(MOST_FORMS):
        await here.slack.slash(ALICE, CHANNEL, "/billemail BR-09000001")
        await here.slack.submit(ALICE, {"reason": "Month end"})
        with suppress(TimeoutError):
            await until(lambda: here.slack.channel_messages(CHANNEL), REST_SECONDS)
            return
    msg = "no card came"
    raise RuntimeError(msg)


async def _at_rest(here: Place) -> None:
    """Wait until the bot has caught up with what was due when it started."""
    before = -1
    while before != len(here.slack.calls):
        before = len(here.slack.calls)
        await asyncio.sleep(REST_SECONDS)


async def _details(here: Place) -> float:
    """*Details* of a card, until the window is there."""
    card = here.slack.channel_messages(CHANNEL)[-1].ts
    await here.slack.close(BOB) if here.slack.view(BOB) else None
    started = time.perf_counter()
    await here.slack.click(BOB, CHANNEL, card, "details")
    await until(lambda: here.slack.view(BOB) is not None)
    return time.perf_counter() - started


SLACK_LOOKS: dict[str, Look] = {
    **LOOKS,
    "/billstatus of an invoice": command("/billstatus INV00000500"),
    "*Details* of a card": _details,
}


async def _without_slack(path: str, address: str, last: int, rounds: int) -> dict[str, Pair]:
    """Everything that is read for an answer, without Slack and its words' way there."""
    here, there = Store.open(path), Store.open(address)
    try:
        for each in (here, there):
            await catch_up(each)
        return {
            name: await _in_both(read, here, there, rounds) for name, read in reads(last).items()
        }
    finally:
        here.close()
        there.close()


async def _in_both(
    read: Callable[[Store], Awaitable[object]], here: Store, there: Store, rounds: int
) -> Pair:
    found: Pair = ([], [])
    for turn in range(rounds + WARM):
        for seconds, store in zip(found, (here, there), strict=True):
            started = time.perf_counter()
            await read(store)
            if turn >= WARM:
                seconds.append(time.perf_counter() - started)
    return found


async def _statements(path: str, address: str, last: int, rounds: int) -> dict[str, Pair]:
    here, there = Store.open(path), Store.open(address)
    middle = last // 2
    statements: dict[str, Callable[[Store], object]] = {
        "a request by its number": lambda store: store.requests.get(middle),
        "a line of a list by its number": lambda store: store.status.briefs([middle]),
        "the first five that wait, and how many": lambda store: store.status.in_states(
            (State.WAITING,), 5
        ),
        "the last ten results": lambda store: store.status.ended(10),
        "somebody's open and last requests": lambda store: store.status.own(ALICE, 200, 10),
        "requests about a bill run": lambda store: store.status.about(f"BR-{middle:08}", 100),
        "what became of a request's calls": lambda store: store.status.verdicts(middle),
        "rules that requests wait under": lambda store: store.status.rules_waiting(),
        "the calls of a request": lambda store: store.calls.of(middle),
        "the history of a request": lambda store: store.history.of(middle),
        "a month's days": lambda store: store.figures.of_days("2026-11"),
    }
    try:
        return {
            name: await _in_both(_now(read), here, there, rounds)
            for name, read in statements.items()
        }
    finally:
        here.close()
        there.close()


def _now(read: Callable[[Store], object]) -> Callable[[Store], Awaitable[object]]:
    async def awaited(store: Store) -> object:
        return read(store)

    return awaited


if __name__ == "__main__":
    main()
