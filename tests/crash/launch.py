"""Starts the real bot again and again: `python launch.py`, an order a line on standard input.

The libraries are imported once, and each order makes a separate process by `fork`, which then
runs `python -m bot run` with the environment of the order. An order is a JSON object with `env`,
`log`, `points` (a folder), `command` (`run`, or another of the bot's), `begun` and `speed` (see `clock.FastClock`), `seconds_a_message` and
`death` (see `points.Points`). Written to standard output: `{"pid": …}` at a start and `{"status": …}`
at an end. One process at a time; the end of standard input ends it.
"""

import gc
import json
import os
import runpy
import select
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

import bot.cli.resume  # noqa: E402 - imported here once for all processes
import bot.cli.serve  # noqa: E402 - imported here once for all processes
import bot.wiring.build  # noqa: E402
from tests.crash.clock import FastClock  # noqa: E402
from tests.crash.points import Points, watch  # noqa: E402

LOOK_SECONDS = 0.005
LONGEST_ORDER = 1_000_000


def main() -> None:
    """Obey orders until standard input ends."""
    gc.collect()
    gc.freeze()  # or each process copies all that was imported, as soon as it looks for garbage
    while order := os.read(0, LONGEST_ORDER):
        pid = os.fork()
        if pid == 0:
            _become_the_bot(json.loads(order))
        _report(pid=pid)
        _report(status=os.waitstatus_to_exitcode(_wait(pid)))


def _wait(pid: int) -> int:
    """Wait for its end, and end it when nobody is there any more to give orders."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        readable, _, _ = select.select([0], [], [], LOOK_SECONDS)
        if readable:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            sys.exit(0)


def _report(**what: Any) -> None:
    os.write(1, (json.dumps(what) + "\n").encode())


def _become_the_bot(order: dict[str, Any]) -> None:
    """Run the bot as `python -m bot run` does; never returns."""
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(order["env"])
    clock = FastClock(order["begun"], order["speed"])
    setattr(bot.cli.serve, "SystemClock", lambda: clock)  # noqa: B010 - a class of another name
    setattr(bot.cli.resume, "SystemClock", lambda: clock)  # noqa: B010 - a class of another name
    tuning = partial(bot.wiring.build.Tuning, seconds_a_message=order["seconds_a_message"])
    bot.wiring.build.Tuning = tuning  # type: ignore[assignment, misc]
    watch(Points(Path(order["points"]), **order["death"]))
    sys.argv = ["billing-bot", order["command"]]
    try:
        runpy.run_module("bot", run_name="__main__", alter_sys=False)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001 - it must never go on as the launcher
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
