"""A thousand mails against a server's own limit, and against Zuora's own SDK."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import Options, Row
from bench.stage import CACHE, ROOT, Program, program

SDK = (ROOT / "requirements" / "sdk.txt").read_text().strip()
NAMED_WIDTH, UNNAMED_WIDTH = 40, 25
SECONDS = 0.05


async def measure(options: Options) -> list[Row]:
    """In turns: the runner, the client, the SDK; then the first two at a width that the server does not name."""
    sdk = await _sdk()
    rows = []
    async with program("bench.limited_server", str(NAMED_WIDTH), "1", env={}) as server:
        rows += await _at_a_named_width(server, sdk, options)
    async with program("bench.limited_server", str(UNNAMED_WIDTH), "0", env={}) as server:
        for how, words in WAYS.items():
            rows.append(await _at_an_unnamed_width(server, how, words, options))
    return rows


WAYS = {"runner": "the bot's way, with every step in the database", "client": "its client alone"}
BY_TYPES = "its client alone, by httpx2's types without httpx2's client"


async def _at_a_named_width(server: Program, sdk: Path, options: Options) -> list[Row]:
    found: dict[str, list[dict[str, Any]]] = {"runner": [], "client": [], "types": [], "sdk": []}
    for _ in range(options.rounds):
        for how, rounds in found.items():
            rounds.append(await _run(how, server, options.mails, sdk))
    limit = options.mails * SECONDS / NAMED_WIDTH
    rows = []
    others = {"types": BY_TYPES, "sdk": f"{SDK}, 40 threads"}
    for how, words in {**WAYS, **others}.items():
        seconds = [each["seconds"] for each in found[how]]
        rows.append(
            Row(
                part="mailing",
                what=f"{options.mails:,} mails, 50 ms each, 40 at once: {words}",
                ours=f"{_middle(seconds):.2f} s",
                against=f"the server's limit, {limit:.2f} s",
                rounds=tuple(limit / each for each in seconds),
                goal="" if how in others else "≥ 0.9",
                least=None if how in others else 0.9,
            )
        )
    for how, words in {**WAYS, "types": BY_TYPES}.items():
        ours = [each["processor"] / each["calls"] for each in found[how]]
        theirs = [each["processor"] / each["calls"] for each in found["sdk"]]
        rows.append(
            Row(
                part="mailing",
                what=f"processor time a call: {words}",
                ours=f"{_middle(ours) * 1000:.2f} ms",
                against=f"the SDK, {_middle(theirs) * 1000:.2f} ms",
                rounds=tuple(a / b for a, b in zip(ours, theirs, strict=True)),
                goal="≤ 0.75" if how in WAYS else "",
                most=0.75 if how in WAYS else None,
            )
        )
    options.paused(f"{options.mails:,} mails", 1000 * max(e["pause"] for e in found["runner"]))
    return rows


async def _at_an_unnamed_width(server: Program, how: str, words: str, options: Options) -> Row:
    limit = options.mails * SECONDS / UNNAMED_WIDTH
    found = [await _run(how, server, options.mails, None) for _ in range(options.rounds)]
    refused = [each["refused"] / (each["taken"] + each["refused"]) for each in found]
    rounds = tuple(limit / each["seconds"] for each in found)
    share = _middle(refused)
    met = _middle(rounds) >= 0.85 and share < 0.02  # noqa: PLR2004 - the goal
    return Row(
        part="mailing",
        what=f"the same with {UNNAMED_WIDTH} at once allowed and no header that says so: {words}",
        ours=f"{_middle([each['seconds'] for each in found]):.2f} s, {share:.1%} refused",
        against=f"that server's limit, {limit:.2f} s",
        rounds=rounds,
        goal="≥ 0.85, < 2 % refused",
        met=met,
    )


async def _run(how: str, server: Program, mails: int, sdk: Path | None) -> dict[str, Any]:
    """One round in a separate process, with what the server saw of it."""
    url = f"http://127.0.0.1:{server.ready}"
    with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
        if how == "sdk" and sdk is not None:
            command = [str(sdk), str(Path(__file__).with_name("an_sdk_mailer.py")), url, str(mails)]
        else:
            command = [sys.executable, "-m", "bench.a_mailer", how, url, str(mails), folder]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ}
        )
        said, _ = await process.communicate()
    found: dict[str, Any] = json.loads(said.splitlines()[-1])  # the SDK prints too
    return found | await server.report()


async def mails_of_sdk(server: Program, mails: int) -> float:
    """Seconds of processor time that the SDK takes for a mail."""
    found = await _run("sdk", server, mails, await _sdk())
    return float(found["processor"] / mails)


async def _sdk() -> Path:
    """The SDK's own environment, made once."""
    python = CACHE / "sdk" / "bin" / "python"
    marker = CACHE / "sdk" / ".ready"
    if not (marker.exists() and python.exists()):
        for command in (
            [sys.executable, "-m", "venv", str(CACHE / "sdk")],
            [str(python), "-m", "pip", "install", "--quiet", SDK],
        ):
            process = await asyncio.create_subprocess_exec(*command)
            if await process.wait():
                raise RuntimeError(f"the environment for {SDK} could not be made")
        marker.touch()
    return python


def _middle(values: Any) -> float:
    ordered = sorted(values)
    return float(ordered[len(ordered) // 2])
