"""Starts the bot's processes by `fork` of one that has imported it: nine tenths of a start are imports.

`install` makes every `python -m bot …` and `python -m tests.… …` that the tests start such a process. It has its own
environment, folder, files and id, is waited for and killed as any other, and is a child of the tests. What needs an
interpreter that was started anew says so by an option before `-m` (see `ANEW`). Elsewhere than on Linux all are.
"""

import ctypes
import gc
import inspect
import json
import os
import runpy
import socket
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from threading import Lock
from typing import Any

import coverage

from bot.cli import COMMANDS
from tests.processes import ENVIRONMENT, MEASURED

sys.dont_write_bytecode = False
"""Where an environment asks for no compiled files, as a container does, each start would compile 700 modules anew: 2 to 4 s."""

ANEW = [sys.executable, "-P", "-m"]
"""How to start a module in a separate interpreter."""
LONGEST_ORDER = 100_000
ADOPTS = 36
"""PR_SET_CHILD_SUBREAPER: whoever sets it becomes the parent of its descendants' orphans."""


class _Launcher:
    """The process that has imported the bot, once somebody needs it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, order: dict[str, Any], files: list[int]) -> int:
        """Have a process made, with these three files; returns its id."""
        with self._lock:
            if self._socket is None:
                self._begin()
            assert self._socket is not None
            adopt = ctypes.CDLL(None).prctl
            adopt(ADOPTS, 1, 0, 0, 0)
            try:
                socket.send_fds(self._socket, [json.dumps(order).encode()], files)
                return int(self._socket.recv(LONGEST_ORDER))
            finally:
                adopt(ADOPTS, 0, 0, 0, 0)

    def _begin(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        unmeasured = {name: each for name, each in ENVIRONMENT.items() if name not in MEASURED}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this file
                [*ANEW, "tests.launched", str(theirs.fileno())],
                env=unmeasured, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
            )  # fmt: skip

    def end(self) -> None:
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.wait()
            self._socket = self._process = None


class Launched(subprocess.Popen[Any]):
    """A process whose start is left to the launcher where it can be."""

    def _execute_child(self, *given: Any) -> None:
        start: Any = super()._execute_child  # type: ignore[misc]  # of the standard library, unnamed in its types
        how = inspect.signature(start).bind(*given).arguments
        if not _can_be_forked(how):
            start(*given)
            return
        ours = [how["p2cread"], how["c2pwrite"], how["errwrite"]]
        files = [each if each >= 0 else number for number, each in enumerate(ours)]
        order = {
            "module": how["args"][2],
            "words": [os.fspath(each) for each in how["args"][3:]],
            "folder": os.fspath(how["cwd"] or os.getcwd()),  # noqa: PTH109 - it may be one that is gone
            "environment": how["env"],
        }
        self.pid = LAUNCHER.start(order, files)
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(how[each] for each in pipes))  # type: ignore[attr-defined]  # as above


def _can_be_forked(how: dict[str, Any]) -> bool:
    args, environment = how["args"], how["env"]
    plain = not (how["preexec_fn"] or how["pass_fds"] or how["shell"] or how["start_new_session"])
    return (
        plain
        and isinstance(args, list | tuple)
        and list(args[:2]) == [sys.executable, "-m"]
        and str(args[2]).partition(".")[0] in ("bot", "tests")
        and environment is not None
        and _for_python(environment) == _for_python(ENVIRONMENT)
    )


def _for_python(environment: dict[str, str]) -> dict[str, str]:
    """What the interpreter itself has read when it started."""
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


LAUNCHER = _Launcher()


def install() -> None:
    """From now on start them quickly, where this system can."""
    if sys.platform == "linux":
        setattr(subprocess, "Popen", Launched)  # noqa: B010 - asyncio looks it up there too


def _obey(orders: socket.socket) -> dict[str, Any] | None:
    """Make processes until nobody is there any more to ask for them; in each, return its order."""
    while True:
        text, files, *_ = socket.recv_fds(orders, LONGEST_ORDER, 3)
        if not text:
            return None
        readable, writable = os.pipe()
        between = os.fork()
        if between == 0:  # it ends at once, so that its child is the tests' own
            pid = os.fork()
            if pid:
                os.write(writable, str(pid).encode())
                os._exit(0)
            orders.close()
            for number, each in enumerate(files):
                os.dup2(each, number)
            os.closerange(3, max(*files, readable, writable) + 1)
            order: dict[str, Any] = json.loads(text)
            return order
        os.waitpid(between, 0)
        orders.send(os.read(readable, LONGEST_ORDER))
        for each in (*files, readable, writable):
            os.close(each)


def _become(order: dict[str, Any]) -> None:
    """Go on as an interpreter that was started with this."""
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["folder"])
    sys.path.insert(0, order["folder"])
    sys.argv = ["-m", *order["words"]]
    coverage.process_startup()
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


def _main() -> None:
    for where in COMMANDS.values():
        import_module(where.partition(":")[0])
    gc.collect()
    gc.freeze()
    with suppress(KeyboardInterrupt):  # Ctrl-C reaches the tests too, which end this
        order = _obey(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        _become(order)


if __name__ == "__main__":
    _main()
