"""Verification of the history, against reading the rows and one HMAC each: processor time.

Both read the same file and wait for nothing else, so on a machine at rest it is the time itself; on
one that is not, the time that other programs take is left out.
"""

import hmac
import sqlite3
import tempfile
import time
from pathlib import Path

from bench.figures import Options, Row
from bench.seed import big_database
from bot.audit.verify import verify_database

KEY = "a key for the benchmark, which protects nothing"


async def measure(options: Options) -> list[Row]:
    """In turns over the same file."""
    with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
        path = await big_database(
            Path(folder), requests=options.history // 100, still_open=100,
            history=options.history, key=KEY,
        )  # fmt: skip
        ours, theirs = [], []
        for _ in range(min(3, options.rounds)):
            theirs.append(_bare(path))
            started = time.process_time()
            verified = verify_database(path, key=KEY)
            ours.append(time.process_time() - started)
            if verified.flaw is not None:
                raise RuntimeError(f"the history is not whole: {verified.findings[:3]}")
    return [
        Row(
            part="verifying",
            what=f"verification of {options.history:,} rows of the history and all other tables",
            ours=f"{sorted(ours)[len(ours) // 2]:.2f} s",
            against=f"reading the rows and one HMAC each, {sorted(theirs)[len(theirs) // 2]:.2f} s",
            rounds=tuple(a / b for a, b in zip(ours, theirs, strict=True)),
            goal="≤ 1.5",
            most=1.5,
            note="processor time",
        )
    ]


def _bare(path: Path) -> float:
    key = KEY.encode()
    started = time.process_time()
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT sequence, at, request, what, who, team, data, before, hash FROM history "
        "ORDER BY sequence"
    )
    for sequence, at, request, what, who, team, data, before, _ in rows:
        text = f"{before}{sequence}{at}{request}{what}{who}{team}{data}"
        hmac.digest(key, text.encode(), "sha256").hex()
    connection.close()
    return time.process_time() - started
