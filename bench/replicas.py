"""`python -m bench.replicas`: several processes on PostgreSQL beside one on SQLite, and how soon they do without one or a server.

Real processes, the local Slack and Zuora, and a server of this machine whose commits wait for its disk.
"""

import asyncio
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from statistics import median
from typing import Any

import click
import psycopg

from bot.store.postgres.connection import LONGEST_SECONDS
from tests.postgres_tcp import TcpServer
from tests.reliability import test_two_processes
from tests.replicas import processes
from tests.replicas.test_listening import Probe
from tests.stage import BOB, CHANNEL

AT_ONCE = 20
BETWEEN_PROBES = 0.02
SLOW_SECONDS = 0.4
SLOW, LOCKED = f"slow, {SLOW_SECONDS} s an answer", "locked at a console"
DOCUMENT = Path(__file__).parent.parent / "docs" / "postgresql.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->"


@click.command()
@click.option("--cards", default=100, show_default=True, help="Approved in each measurement.")
@click.option("--deaths", default=3, show_default=True, help="Of each kind.")
@click.option("--write/--no-write", default=False, help="Write the figures into the document.")
def main(cards: int, deaths: int, *, write: bool) -> None:
    """Measure decisions with 1, 2 and 4 replicas, the time from a death to the next one's work, and to an answer."""
    lines = asyncio.run(_measured(cards, deaths))
    click.echo("\n".join(lines))
    if write:
        head, _, rest = DOCUMENT.read_text().partition(BEGIN)
        _, _, tail = rest.partition(END)
        DOCUMENT.write_text(f"{head}{BEGIN}" + "".join(f"{each}\n" for each in lines) + END + tail)


async def _measured(cards: int, deaths: int) -> list[str]:
    found = ["| | decisions a second | ack p50 | ack p95 |", "|---|---|---|---|"]
    async with _on_a_file() as pair:
        await pair.start("worker")
        found.append(_row("SQLite, 1 process", await _decisions(pair, cards)))
    server = TcpServer(durable=True)
    server.open()
    try:
        for number in (1, 2, 4):
            async with _replicas(server) as replicas:
                for each in range(number):
                    await replicas.start(f"replica-{each}", direct=True)
                named = "replica" if number == 1 else "replicas"
                found.append(
                    _row(f"PostgreSQL, {number} {named}", await _decisions(replicas, cards))
                )
        found += [
            "",
            f"| the server is | {AT_ONCE} clicks are answered as not recorded after | the longest that a probe took meanwhile |",
            "|---|---|---|",
        ]
        for how in ("frozen", "cut off", "gone", SLOW, LOCKED):
            measured = [await _not_recorded(server, how) for _ in range(deaths)]
            answers, probes = zip(*measured, strict=True)
            found.append(
                f"| {how} | {median(answers):.1f} s (longest {max(answers):.1f} s) | {max(probes):.2f} s |"
            )
        found += ["", "| the one that works is | the next one works after |", "|---|---|"]
        for how in ("killed", "frozen", "cut off"):
            seconds = [await _death(server, how) for _ in range(deaths)]
            found.append(f"| {how} | {median(seconds):.1f} s (longest {max(seconds):.1f} s) |")
    finally:
        server.close()
    return found


def _row(what: str, measured: tuple[float, list[float]]) -> str:
    a_second, acks = measured
    acks = sorted(acks)
    p50, p95 = (acks[int(len(acks) * share)] * 1000 for share in (0.5, 0.95))
    return f"| {what} | {a_second:.0f} | {p50:.0f} ms | {p95:.0f} ms |"


async def _decisions(pair: Any, cards: int) -> tuple[float, list[float]]:
    """Approve so many cards, a few at once: how many a second, and the seconds to each acknowledgement."""
    await pair.until(lambda: any(each.works for each in pair.processes))
    asked = await _asked(pair, cards)
    gate = asyncio.Semaphore(AT_ONCE)
    acks: list[float] = []

    async def approve(ts: str) -> None:
        async with gate:
            begun = time.perf_counter()
            ack = await pair.slack.click(BOB, CHANNEL, ts, "approve")
            acks.append(time.perf_counter() - begun)
            if not ack.ok:
                raise RuntimeError(ack)

    begun = time.perf_counter()
    await asyncio.gather(*map(approve, asked))
    return cards / (time.perf_counter() - begun), acks


async def _asked(pair: Any, cards: int) -> list[str]:
    for number in range(cards):
        pair.zuora.world.add_bill_run(
            f"BR-{5000 + number:08d}", invoices=[("A00000001", "USD", "10.00")]
        )
    return [await pair.ask(f"BR-{5000 + number:08d}") for number in range(cards)]


async def _not_recorded(server: TcpServer, how: str) -> tuple[float, float]:
    """What clicks meet right after something became of the server.

    Returns:
        Seconds until all who clicked read that it was not recorded, and the longest that a probe took until then.
    """
    async with _replicas(server) as replicas:
        probe: Any = Probe()  # type: ignore[no-untyped-call]
        replicas.environment |= {
            "LONGEST_SECONDS": str(LONGEST_SECONDS), "HEALTH_PORT": str(probe.port),
        }  # fmt: skip
        (worker,) = await replicas.worker_and()
        asked = await _asked(replicas, AT_ONCE)
        replicas.slack.ack_seconds = 30.0
        with closing(psycopg.connect(server.url(replicas.database))) as console:
            _make(server, worker, console, how)
            begun = time.monotonic()
            clicks = asyncio.gather(
                *(replicas.slack.click(BOB, CHANNEL, ts, "approve") for ts in asked)
            )
            probes: list[float] = []
            probing = asyncio.create_task(_probe_on(probe, probes))
            await replicas.until(lambda: len(replicas.slack.private(BOB, CHANNEL)) >= len(asked))
            seconds = time.monotonic() - begun
            probing.cancel()
            await clicks
            server.freeze(on=False)
            if how == "gone":
                server.start()
        return seconds, max(probes, default=0.0)


async def _probe_on(probe: Any, found: list[float]) -> None:
    """Ask a probe again and again, apart from the clicks, whose time must not wait for it."""
    while True:
        begun = time.monotonic()
        await probe.says()
        found.append(time.monotonic() - begun)
        await asyncio.sleep(BETWEEN_PROBES)


def _make(server: TcpServer, worker: Any, console: psycopg.Connection[Any], how: str) -> None:
    match how:
        case "frozen":
            server.freeze(on=True)
        case "cut off":
            worker.way.cut()
        case "gone":
            server.stop()
        case _ if how == SLOW:
            worker.way.slow_down(SLOW_SECONDS)
        case _:
            console.execute("LOCK TABLE requests")


async def _death(server: TcpServer, how: str) -> float:
    """Seconds from the death of the one that works until the next one does."""
    async with _replicas(server) as replicas:
        worker, standby = await replicas.worker_and("standby")
        begun = time.monotonic()
        await _end(worker, how)
        await replicas.until(lambda: standby.works)
        return time.monotonic() - begun


async def _end(worker: Any, how: str) -> None:
    if how == "cut off":
        worker.way.cut()
    else:
        await worker.send(signal.SIGKILL if how == "killed" else signal.SIGSTOP)


@asynccontextmanager
async def _on_a_file() -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        pair: Any = test_two_processes.Pair(Path(folder))  # type: ignore[no-untyped-call]
        await pair.open()
        try:
            yield pair
        finally:
            await pair.close()


@asynccontextmanager
async def _replicas(server: TcpServer) -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        replicas: Any = processes.Replicas(Path(folder), server)  # type: ignore[no-untyped-call]
        await replicas.open()
        try:
            yield replicas
        finally:
            await replicas.close()


if __name__ == "__main__":
    main()
