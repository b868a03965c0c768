"""The mails of one large bill run, and of as long a list of numbers in a file: asked for, approved and sent.

`python -m bench big` takes some ten minutes and writes its own table and picture into docs/benchmarks.md; with
`--only run-20000` and the like it measures a section in less than three and leaves the figures of the others.
"""

import asyncio
import json
import os
import statistics
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

from bench.big_server import SECONDS, WIDTH
from bench.figures import Options, Row
from bench.mailing import mails_of_sdk
from bench.stage import ROOT, Program, program

LARGEST_PAGE = 99
MEGABYTE = 1024 * 1024
MOST_MORE = 60.0
LONGEST_PAUSE = 0.05
JUDGED = 20_000
"""The size that the goals are about; that of memory and pauses is the largest."""

ROUNDS = 3
LEAST_OF_THE_LIMIT = 0.93
SDK_MAILS = 2_000
A_FILE = "export of a list"
MOST_BYTES = 1126
"""Half of 2.2 KiB."""


async def measure(options: Options) -> list[Row]:
    """Each size in a server and in separate processes."""
    sizes = (500, 1500) if options.small else (2_500, 20_000, 50_000)
    rows: list[Row] = []
    for documents in sizes:
        largest = documents == sizes[-1]
        if _is_wanted(options, f"run-{documents}"):
            async with _server(documents) as server:
                times = range(min(ROUNDS, options.rounds))
                rounds = [await _once(server, "bench.a_big_run", documents) for _ in times]
            rows += _rows(documents, rounds, largest=largest)
        if _is_wanted(options, f"list-{documents}"):
            async with _server(documents) as server:
                listed = await _once(server, "bench.a_big_list", documents)
                sdk = await mails_of_sdk(server, min(documents, SDK_MAILS))
            rows += _rows_of_list(documents, listed, sdk, largest=largest)
    if _is_wanted(options, "views"):
        rows += await _views(100, 500 if options.small else JUDGED)
    return rows


def _is_wanted(options: Options, section: str) -> bool:
    return options.small or not options.only or section in options.only


def _server(documents: int) -> AbstractAsyncContextManager[Program]:
    return program("bench.big_server", str(documents), str(LARGEST_PAGE), env={})


async def _views(few: int, many: int) -> list[Row]:
    """What is shown of a request, of many documents against few."""
    found: list[dict[str, float]] = []
    for documents in (few, many):
        async with _server(documents) as server:
            found.append(await _once(server, "bench.a_big_view", documents))
    return [
        *(
            Row(
                part="big",
                what=f"{name}, {many:,} documents",
                ours=f"{1000 * found[1][name]:.1f} ms",
                against=f"{few} documents, {1000 * found[0][name]:.1f} ms",
                rounds=(found[1][name] / found[0][name],),
                goal="≤ 2",
                most=2.0,
            )
            for name in found[0]
            if " of a " in name and name != A_FILE
        ),
        _file(many, found[1]),
    ]


def _file(documents: int, found: dict[str, float]) -> Row:
    """The file has a line for each document, so what counts is that it is never whole in memory."""
    return Row(
        part="big",
        what=f"{A_FILE}, {documents:,} documents",
        ours=f"{1000 * found[A_FILE]:.0f} ms, at most {found['held'] / MEGABYTE:.1f} MB in memory",
        against=f"the file, {found['exported'] / MEGABYTE:.1f} MB",
        goal="streams",
        met=found["held"] < found["exported"],
    )


async def _once(server: Program, module: str, documents: int) -> dict[str, Any]:
    """One round in a separate process, with what the server saw of it."""
    await server.report()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, f"http://127.0.0.1:{server.ready}", str(documents),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ},
    )  # fmt: skip
    said, _ = await process.communicate()
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found | await server.report()


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
            what=f"the database, for each document {of}",
            ours=f"{_middle(rounds, 'file') / documents:.0f} bytes",
        ),
    ]
    if largest:
        more, pause = _middle(rounds, "more") / MEGABYTE, max(each["pause"] for each in rounds)
        found += _cost(of, more, pause)
    return found


def _cost(of: str, more: float, pause: float) -> list[Row]:
    """What the largest size takes of memory (MB) and of the event loop (seconds)."""
    return [
        Row(
            part="big",
            what=f"memory above that at rest, from the form to the end, {of}",
            ours=f"{more:.0f} MB",
            goal=f"≤ {MOST_MORE:.0f} MB",
            met=more <= MOST_MORE,
        ),
        Row(
            part="big",
            what=f"longest pause of the event loop, from the form to the end, {of}",
            ours=f"{1000 * pause:.0f} ms",
            goal=f"≤ {1000 * LONGEST_PAUSE:.0f} ms",
            met=pause <= LONGEST_PAUSE,
        ),
    ]


def _rows_of_list(
    documents: int, found: dict[str, float], sdk: float, *, largest: bool
) -> list[Row]:
    """Those of a list of numbers in a file, measured once: its mails take minutes."""
    of, judged = f"{documents:,} numbers in a file", documents == JUDGED
    limit = documents * SECONDS / WIDTH
    rows = [
        Row(
            part="big",
            what=f"from the form to the saved card, {of}",
            ours=f"{found['saved']:.2f} s",
        ),
        Row(
            part="big",
            what=f"from the approval to the first call out, {of}",
            ours=f"{found['first']:.2f} s",
            against=f"from the form to the saved card, {found['saved']:.2f} s",
            rounds=(found["first"] / found["saved"],),
            goal="≤ 1.1",
            most=1.1,
        ),
        Row(
            part="big",
            what=f"mails one by one, every step in the database, {of}",
            ours=f"{found['mails']:.1f} s",
            against=f"the server's limit, {limit:.1f} s",
            rounds=(limit / found["mails"],),
            goal=f"≥ {LEAST_OF_THE_LIMIT}" if judged else "",
            least=LEAST_OF_THE_LIMIT if judged else None,
        ),
        Row(
            part="big",
            what=f"processor time a mail, every step in the database, {of}",
            ours=f"{1000 * found['processor'] / documents:.2f} ms",
            against=f"zuora-sdk a call, 40 threads, {1000 * sdk:.2f} ms",
            rounds=(found["processor"] / documents / sdk,),
            goal="≤ 0.8" if judged else "",
            most=0.8 if judged else None,
        ),
        Row(
            part="big",
            what=f"the database, for each document of {of}",
            ours=f"{found['file'] / documents:.0f} bytes",
            goal=f"≤ {MOST_BYTES} bytes",
            met=found["file"] / documents <= MOST_BYTES,
        ),
    ]
    if largest:
        rows += _cost(of, found["more"] / MEGABYTE, found["pause"])
    return rows


def _middle(rounds: list[dict[str, Any]], name: str) -> float:
    return statistics.median(float(each[name]) for each in rounds)
