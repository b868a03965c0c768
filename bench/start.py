"""From the start of `billing-bot run` until it says that it is ready."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from bench.figures import Options, Row
from bench.seed import big_database
from bench.stage import ROOT, Place, environment_of, place


async def measure(options: Options) -> list[Row]:
    """In turns: an empty database, and one of years."""
    async with place() as empty, place() as full:
        await big_database(
            full.folder, requests=options.history // 10, still_open=options.open_requests,
            history=options.history,
        )  # fmt: skip
        await start_once(empty)
        await start_once(full)
        ours, theirs = [], []
        checks = [
            await asyncio.to_thread(quick_check, full.database) for _ in range(options.rounds)
        ]
        for _ in range(options.rounds):
            theirs.append(await start_once(empty))
            ours.append(await start_once(full))
    return [
        Row(
            part="start",
            what=f"start to ready with {options.open_requests:,} open requests and "
            f"{options.history:,} rows of history",
            ours=f"{sorted(ours)[len(ours) // 2]:.2f} s",
            against=f"with an empty database, {sorted(theirs)[len(theirs) // 2]:.2f} s",
            rounds=tuple(a / b for a, b in zip(ours, theirs, strict=True)),
            goal="≤ 2",
            most=2.0,
        ),
        Row(
            part="start",
            what=f"SQLite's quick check beside each start, in a thread, with {options.history:,} rows of history",
            ours=f"{sorted(checks)[len(checks) // 2]:.2f} s",
        ),
    ]


def quick_check(path: Path) -> float:
    """Seconds that it takes, as the bot does it."""
    with closing(sqlite3.connect(path)) as connection:
        begun = time.perf_counter()
        connection.execute("PRAGMA quick_check(1)").fetchone()
        return time.perf_counter() - begun


async def start_once(here: Place) -> float:
    """Start the command, wait for `ready` in its log, end it; seconds until it was ready."""
    started = time.perf_counter()
    process = await running_command(here)
    seconds = time.perf_counter() - started
    process.send_signal(signal.SIGTERM)
    await process.wait()
    return seconds


async def running_command(here: Place) -> asyncio.subprocess.Process:
    """`billing-bot run` in a separate process, ready."""
    command = Path(sys.executable).with_name("billing-bot")
    process = await asyncio.create_subprocess_exec(
        str(command), "run", cwd=ROOT, env={**os.environ, **environment_of(here.settings), "LOG_FORMAT": "text"},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    log = process.stderr
    if log is None:
        raise RuntimeError("started with a pipe")
    while line := await log.readline():
        if b" bot.cli.serve ready" in line:
            here.tasks.append(asyncio.create_task(_read_on(log)))
            return process
    raise RuntimeError("the bot did not start")


async def _read_on(log: asyncio.StreamReader) -> None:
    while await log.readline():
        pass
