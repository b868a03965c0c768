"""Runs inside a program that is measured: its memory, its processor time, its longest pause."""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY = 0.004


class Watch:
    """Notes by how much the event loop was late when it should have woken a sleeper."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.late = 0.0
        self.wakes = 0

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            late = loop.time() - due
            self.longest = max(self.longest, late)
            self.late += late
            self.wakes += 1


def memory_of(process: int | str = "self") -> int:
    """Resident memory in bytes, without the pages of files that others share."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def processor_seconds(process: int) -> float:
    """Processor time of another process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(**found: object) -> None:
    """Write something for the process that started this one, as a line of JSON."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


async def answer_until_stopped(watching: bool = True, **more: object) -> None:  # noqa: FBT001, FBT002
    """Answer each line of standard input with the figures; return at its end or at `stop`.

    Args:
        watching: Whether pauses are watched for, which itself costs a little.
        more: Beside the figures: lists that the program fills; they are emptied at each report.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    watch = Watch()
    task = asyncio.create_task(watch.run()) if watching else None
    while (line := await reader.readline()) and line.strip() != b"stop":
        say(
            memory=memory_of(), processor=time.process_time(), longest_pause=watch.longest,
            **{name: list(each) if isinstance(each, list) else each for name, each in more.items()},
        )  # fmt: skip
        watch.longest = 0.0
        for each in more.values():
            if isinstance(each, list):
                each.clear()
    if task is not None:
        task.cancel()


@contextmanager
def no_collections() -> Iterator[None]:
    """The process that measures collects no garbage meanwhile: a collection would be in all figures."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def until(holds: Callable[[], object], seconds: float = 120.0) -> None:
    """Return once something holds, which another process may bring about; looked at every 2 ms.

    Raises:
        TimeoutError: It did not come to hold.
    """
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - there is no event of another process to wait for
            await asyncio.sleep(0.002)
