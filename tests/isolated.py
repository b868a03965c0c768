"""Runs a package's program as `python3 -I` does, in a process forked from an interpreter that was started so.

The start, the imports and compiling the program were two thirds of each of several hundred runs. As an auditor does, with a start of
its own, it is run in tests/audit/test_alone.py and for a whole package in tests/audit/test_package.py.
"""

import ast
import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from types import CodeType, ModuleType
from typing import Any

_ONE_AT_A_TIME = Lock()


def run(program: Path, *words: str, key: str = "") -> "subprocess.CompletedProcess[str]":
    """Run it with these words and nothing in its environment but the key; returns what it said, and its status."""
    with tempfile.TemporaryDirectory() as folder, _ONE_AT_A_TIME:
        said = [Path(folder, name) for name in ("out", "err")]
        order = {
            "program": str(program), "words": words, "said": [str(each) for each in said],
            "environment": {"AUDIT_KEY": key} if key else {},
        }  # fmt: skip
        maker = _maker()
        assert maker.stdin is not None
        assert maker.stdout is not None
        maker.stdin.write(json.dumps(order) + "\n")
        maker.stdin.flush()
        status = int(maker.stdout.readline())
        out, err = (each.read_text(encoding="utf-8") for each in said)
    return subprocess.CompletedProcess([str(program), *words], status, out, err)


@cache
def _maker() -> "subprocess.Popen[str]":
    """The process that all are forked from."""
    maker = subprocess.Popen(  # noqa: S603 - this file
        [sys.executable, "-I", __file__], env={}, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )  # fmt: skip
    atexit.register(maker.communicate)  # it ends at the end of its input
    return maker


@cache
def _compiled(text: str) -> CodeType:
    """The program, and what it imports: loaded once for all that run it."""
    read = ast.parse(text)
    for each in ast.walk(read):
        if isinstance(each, ast.Import):
            for name in each.names:
                import_module(name.name)
        elif isinstance(each, ast.ImportFrom) and each.module:
            import_module(each.module)
    return compile(read, "verify.py", "exec")


def _obey() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        code = _compiled(Path(order["program"]).read_text(encoding="utf-8"))
        pid = os.fork()
        if pid == 0:
            _become(order, code)
            return
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


def _become(order: dict[str, Any], code: CodeType) -> None:
    for number, file in enumerate(order["said"], 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [str(order["program"]), *order["words"]]
    sys.modules["__main__"] = main = ModuleType("__main__")
    exec(code, vars(main))  # noqa: S102 - our own program


if __name__ == "__main__":
    _obey()
