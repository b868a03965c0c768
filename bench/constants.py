"""What each tuned constant is worth: `python -m bench.constants [ROUNDS [MAILS]]`, or `… together [ROUNDS [CLICKS]]`.

Mails go to the server of `bench.mailing` in turns: with every constant as it is, and with one of them
taken out. A turn's neighbours meet the same machine, so each is compared with the turn before it, by the
time that passes and by processor time; medians of all rounds are printed. `together` does the same with approvals
that come in one moment, which share commits or not (`AT_ONCE` of `bot/store/together.py`).
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from functools import partial

from bench.mailing import NAMED_WIDTH
from bench.stage import BOB, ROOT, Program, add_runs, ask_for, name_of, place, program
from bot.domain.authority import Person, Verb
from bot.sandbox.slack.workspace import TEAM_ID
from bot.store import together
from bot.workflow.decide import decide
from bot.workflow.decision import Decided, Decision

WITHOUT: dict[str, dict[str, float]] = {
    "as it is": {},
    "A_FEW and BETWEEN": {"bot.workflow.sending.A_FEW": 10**6},
    "BETWEEN": {"bot.workflow.sending.BETWEEN": 0.0},
    "A_PART": {"bot.workflow.sending.A_PART": 10**6},
}
"""What is set otherwise in a turn, by what is taken out by that."""

Figures = dict[str, float]


async def main(rounds: int, mails: int) -> None:
    """Measure, and print a row for each."""
    found: dict[str, list[Figures]] = {what: [] for what in WITHOUT}
    async with program("bench.limited_server", str(NAMED_WIDTH), "1", env={}) as server:
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
        said, _ = await process.communicate()
    figures: Figures = json.loads(said.splitlines()[-1])
    return figures


async def approved_together(rounds: int, clicks: int) -> None:
    """Measure approvals that come in one moment, and print a row for each number that shares a commit."""
    found: dict[int, list[Figures]] = {at_once: [] for at_once in (together.AT_ONCE, 1)}
    usual = together.AT_ONCE
    async with place() as here, here.hands() as bot:
        person = Person(user_id=BOB, team_id=TEAM_ID, memberships={"S0CONTROLLERS": True})
        runs = iter(add_runs(here.zuora, 1, rounds * len(found) * 2 * clicks))

        async def approve(at_once: int) -> Figures:
            numbers = await ask_for(bot, [next(runs) for _ in range(clicks)])
            decisions = [
                Decision(verb=Verb.APPROVE, name=name_of(bot, number), person=person)
                for number in numbers
            ]
            together.AT_ONCE = at_once
            began = time.perf_counter(), time.process_time()
            made = await asyncio.gather(
                *(
                    bot.parts.store.together.write(partial(decide, bot.parts, each))
                    for each in decisions
                )
            )
            took = time.perf_counter() - began[0], time.process_time() - began[1]
            if not all(isinstance(each, Decided) for each in made):
                msg = "not everything was approved"
                raise TypeError(msg)
            return dict(zip(("seconds", "processor"), took, strict=True))

        for _ in range(rounds):
            for at_once, ratios in found.items():
                before, without = await approve(usual), await approve(at_once)
                ratios.append({each: without[each] / before[each] for each in before})
    _print("| share a commit | time | processor time |")
    _print("|---|---|---|")
    for at_once, ratios in found.items():
        _print(f"| {at_once} | {_middle(ratios, 'seconds')} | {_middle(ratios, 'processor')} |")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:] if each != "together"]
    if "together" in sys.argv:
        asyncio.run(approved_together(*[*given, *(5, 64)[len(given) :]]))
    else:
        asyncio.run(main(*[*given, *(5, 1000)[len(given) :]]))
