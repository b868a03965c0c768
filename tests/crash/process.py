"""The bot as a process that dies and is started again, seen from the test."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.crash.clock import FastClock

LAUNCH = Path(__file__).parent / "launch.py"


class Launcher:
    """Starts one process after the other through `launch.py`."""

    def __init__(self, folder: Path, clock: FastClock, *, seconds_a_message: float) -> None:
        self.folder = folder
        self.log = folder / "bot.log"
        self._order: dict[str, Any] = {
            "log": str(self.log),
            "begun": clock.begun,
            "speed": clock.speed,
            "seconds_a_message": seconds_a_message,
        }
        self._zygote: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        self._zygote = await asyncio.create_subprocess_exec(
            sys.executable, str(LAUNCH), cwd=self.folder,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def close(self) -> None:
        if self._zygote is not None and self._zygote.stdin is not None:
            self._zygote.stdin.close()
            await self._zygote.wait()

    async def start(
        self, env: dict[str, str], points: Path, *, command: str = "run", **death: Any
    ) -> "Life":
        """Start a process of the bot; `death` as in `points.Points`, or nothing."""
        assert self._zygote is not None
        assert self._zygote.stdin is not None
        order = {
            **self._order,
            "env": env,
            "points": str(points),
            "command": command,
            "death": death,
        }
        self._zygote.stdin.write((json.dumps(order) + "\n").encode())
        answer = await self._reported()
        assert answer, "the launcher died"
        return Life(answer["pid"], asyncio.create_task(self._reported()))

    async def _reported(self) -> dict[str, int]:
        """What the launcher says next; nothing if it has ended."""
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        line = await self._zygote.stdout.readline()
        answer: dict[str, int] = json.loads(line or "{}")
        return answer


class Life:
    """One process from its start to its end."""

    def __init__(self, pid: int, end: "asyncio.Task[dict[str, int]]") -> None:
        self.pid = pid
        self._end = end

    @property
    def is_over(self) -> bool:
        return self._end.done()

    async def ended(self, seconds: float) -> int | None:
        """Its exit status, negative for a signal; None if it still lives after so many seconds."""
        done, _ = await asyncio.wait({self._end}, timeout=seconds)
        return self._end.result()["status"] if done else None

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send it a signal and wait for its end."""
        with contextlib.suppress(ProcessLookupError):  # it may just have ended by itself
            if not self._end.done():
                os.kill(self.pid, number)
        return (await self._end)["status"]
