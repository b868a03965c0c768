"""Memory, time and size of the evidence of many requests: `python -m bench.evidence [REQUESTS ...]`.

Each command is a separate process, whose largest memory and processor time the system itself counts. Zuora is not reachable,
so the package says that it was not compared with it (status 26).
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from bench.seed import big_database

KEY = "a key for the benchmark, which protects nothing"
NOT_DONE = 26
ROWS_EACH = 11
"""What a request that was carried out has in the history, and a little more."""
PERIOD = ("--from", "2000-01-01", "--to", "2999-12-31")


class Used(NamedTuple):
    """What a process took: MiB at its largest, seconds of the processor."""

    memory: float
    seconds: float


WAITS = """
import json, os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, ended, usage = os.wait4(child, 0)
print(json.dumps([os.waitstatus_to_exitcode(ended), usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime]), file=sys.stderr)
"""
"""A process that is as small as can be: the system counts what a child had of its parent, too."""


def used_by(environment: dict[str, str], expected: int, *command: str) -> Used:
    """Run a command to its end.

    Raises:
        RuntimeError: It ended otherwise than it should.
    """
    waiting = (sys.executable, "-I", "-S", "-c", WAITS, *command)
    done = subprocess.run(waiting, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    ended, memory, seconds = json.loads(done.stderr.splitlines()[-1])
    if ended != expected:
        raise RuntimeError(f"{command} ended with {ended}: {done.stderr}")
    return Used(memory, seconds)


def measured(folder: Path, requests: int) -> None:
    """Print one line for each of the three commands."""
    path = asyncio.run(
        big_database(
            folder, requests=requests, still_open=20, history=ROWS_EACH * requests, key=KEY
        )
    )
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{path}",
        "AUDIT_KEY": KEY,
        "ZUORA_BASE_URL": "http://127.0.0.1:9",
        "ZUORA_CLIENT_ID": "nobody",
        "ZUORA_CLIENT_SECRET": "of-nobody",
    }
    out, script = folder / "out.zip", folder / "verify.py"
    bot = (sys.executable, "-m", "bot")
    made = used_by(environment, NOT_DONE, *bot, "evidence", *PERIOD, "--out", str(out))
    with zipfile.ZipFile(out) as archive:
        script.write_bytes(archive.read("verify.py"))
    checked = used_by(environment, 0, *bot, "verify", str(out))
    alone = used_by(environment, 0, sys.executable, "-I", str(script), str(out))
    size = out.stat().st_size / 1024**2
    for name, used in (("evidence", made), ("verify", checked), ("verify.py", alone)):
        sys.stdout.write(
            f"{requests:,} requests, {name}: {used.memory:.0f} MiB, {used.seconds:.0f} s of the processor\n"
        )
    sys.stdout.write(f"{requests:,} requests, the package: {size:.0f} MiB\n")


def main() -> None:
    """Measure each number of requests in a separate folder."""
    for each in sys.argv[1:] or ("1000",):
        with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
            measured(Path(folder), int(each))


if __name__ == "__main__":
    main()
