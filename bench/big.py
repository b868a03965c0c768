"""The mails of one large bill run: read, asked for, approved and sent, beside a cursor that does nothing else."""

import asyncio
import json
import os
import statistics
import sys
from typing import Any

from bench.figures import Options, Row
from bench.stage import ROOT, Program, program

LARGEST_PAGE = 99
MEGABYTE = 1024 * 1024
MOST_MORE = 60.0
LONGEST_PAUSE = 0.05
JUDGED = 20_000
"""The size that the goals are about; that of memory and pauses is the largest."""

ROUNDS = 3


async def measure(options: Options) -> list[Row]:
    """Each size in a server and in processes of its own."""
    sizes = (500, 1500) if options.small else (2_500, 20_000, 50_000)
    rows: list[Row] = []
    for documents in sizes:
        async with program("bench.big_server", str(documents), str(LARGEST_PAGE), env={}) as server:
            rounds = [await _once(server, documents) for _ in range(min(ROUNDS, options.rounds))]
        rows += _rows(documents, rounds, largest=documents == sizes[-1])
        options.paused(f"{documents:,} documents", 1000 * max(e["pause"] for e in rounds))
    return rows


async def _once(server: Program, documents: int) -> dict[str, Any]:
    """One round in a process of its own, with what the server saw of it."""
    await server.tell()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.a_big_run", f"http://127.0.0.1:{server.ready}", str(documents),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ},
    )  # fmt: skip
    said, _ = await process.communicate()
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found | await server.tell()


def _rows(documents: int, rounds: list[dict[str, Any]], *, largest: bool) -> list[Row]:
    of = f"of a run of {documents:,}"
    judged = documents == JUDGED
    pages = -(-(documents - documents // 20) // LARGEST_PAGE) + -(-documents // 20 // LARGEST_PAGE)
    found = [
        Row(
            part="big",
            what=f"from the form to the saved card, {of}",
            ours=f"{_middle(rounds, 'saved'):.2f} s",
            against=f"one cursor of {LARGEST_PAGE} rows a page, {_middle(rounds, 'cursor'):.2f} s",
            rounds=tuple(each["saved"] / each["cursor"] for each in rounds),
            goal="≤ 0.2" if judged else "",
            most=0.2 if judged else None,
        ),
        Row(
            part="big",
            what=f"pages of its lists, read twice, {of}",
            ours=f"{_middle(rounds, 'pages') - pages:.0f}",
            against=f"rows by the largest page, {2 * pages}",
            rounds=tuple((each["pages"] - pages) / (2 * pages) for each in rounds),
            goal="≤ 1.3",
            most=1.3,
        ),
        Row(
            part="big",
            what=f"from the approval to the first call out, {of}",
            ours=f"{_middle(rounds, 'first'):.2f} s",
            against=f"from the form to the saved card, {_middle(rounds, 'saved'):.2f} s",
            rounds=tuple(each["first"] / each["saved"] for each in rounds),
            goal="≤ 1.1",
            most=1.1,
        ),
        Row(
            part="big",
            what=f"the database, each document {of}",
            ours=f"{_middle(rounds, 'file') / documents:.0f} bytes",
        ),
    ]
    if largest:
        more, pause = _middle(rounds, "more") / MEGABYTE, max(each["pause"] for each in rounds)
        found += [
            Row(
                part="big",
                what=f"memory more than at rest, asked and sent, {of}",
                ours=f"{more:.0f} MB",
                goal=f"≤ {MOST_MORE:.0f} MB",
                met=more <= MOST_MORE,
            ),
            Row(
                part="big",
                what=f"longest pause of the event loop in all of it, {of}",
                ours=f"{1000 * pause:.0f} ms",
                goal=f"≤ {1000 * LONGEST_PAUSE:.0f} ms",
                met=pause <= LONGEST_PAUSE,
            ),
        ]
    return found


def _middle(rounds: list[dict[str, Any]], name: str) -> float:
    return statistics.median(float(each[name]) for each in rounds)
