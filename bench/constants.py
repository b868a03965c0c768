"""What each tuned constant of sending is worth: `python -m bench.constants [ROUNDS [MAILS]]`.

Mails go to the server of `bench.mailing` in turns: with every constant as it is, and with one of them
taken out. A turn's neighbours meet the same machine, so each is compared with the turn before it, by the
time that passes and by processor time; medians of all rounds are printed.
"""

import asyncio
import json
import statistics
import sys
import tempfile

from bench.mailing import TOLD_WIDTH
from bench.stage import ROOT, Program, program

WITHOUT: dict[str, dict[str, float]] = {
    "as it is": {},
    "A_FEW and BETWEEN": {"bot.workflow.sending.A_FEW": 10**6},
    "BETWEEN": {"bot.workflow.sending.BETWEEN": 0.0},
    "A_MOMENT": {"bot.workflow.sending.MANY": 10**6},
    "A_PART": {"bot.workflow.sending.A_PART": 10**6},
}
"""What is set otherwise in a turn, by what is taken out by that."""

Figures = dict[str, float]


async def main(rounds: int, mails: int) -> None:
    """Measure, and print a row for each."""
    found: dict[str, list[Figures]] = {what: [] for what in WITHOUT}
    async with program("bench.limited_server", str(TOLD_WIDTH), "1", env={}) as server:
        for _ in range(rounds):
            for what, otherwise in WITHOUT.items():
                before = await _mailed(server, mails, {})
                without = await _mailed(server, mails, otherwise)
                found[what].append(
                    {each: without[each] / before[each] for each in ("seconds", "processor")}
                )
    _print("| without | time | processor time |")
    _print("|---|---|---|")
    for what, ratios in found.items():
        _print(f"| {what} | {_middle(ratios, 'seconds')} | {_middle(ratios, 'processor')} |")


def _middle(ratios: list[Figures], name: str) -> str:
    values = sorted(each[name] for each in ratios)
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"


async def _mailed(server: Program, mails: int, otherwise: dict[str, float]) -> Figures:
    url = f"http://127.0.0.1:{server.ready}"
    with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.a_mailer", "runner", url, str(mails), folder,
            json.dumps(otherwise), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, _ = await process.communicate()
    figures: Figures = json.loads(told.splitlines()[-1])
    return figures


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    asyncio.run(main(*[*given, *(5, 1000)[len(given) :]]))
