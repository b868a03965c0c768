"""What each tuned constant is worth: `python -m bench.constants [ROUNDS [MAILS]]`, or `… clicks [ROUNDS [CLICKS]]`.

Mails go to the server of `bench.mailing` in turns: with every constant as it is, and with one of them
taken out. A turn's neighbours meet the same machine, so each is compared with the turn before it, by the
time that passes and by processor time; medians of all rounds are printed. `clicks` does the same with approvals
that come in one moment. docs/structure.md says what was found.
"""

import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial

from bench.mailing import NAMED_WIDTH
from bench.stage import BOB, ROOT, Program, add_runs, ask_for, name_of, place, program
from bot.cli.pauses import keep_pauses_short
from bot.domain.authority import Person, Verb
from bot.sandbox.slack.workspace import TEAM_ID
from bot.store import together
from bot.workflow.decide import decide
from bot.workflow.decision import Decided, Decision

WITHOUT: dict[str, dict[str, float]] = {
    "as it is": {},
    "A_FEW": {"bot.workflow.sending.A_FEW": 10**6},
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
    _print_all(found)


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


def _share(writes: int) -> None:
    together.AT_ONCE = writes


WITHOUT_FOR_CLICKS: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
    "as it is": (lambda: None, lambda: None),
    "AT_ONCE": (partial(_share, 1), partial(_share, together.AT_ONCE)),
    "NEW_OBJECTS": (partial(gc.set_threshold, *gc.get_threshold()), keep_pauses_short),
    "TURN_SECONDS": (partial(sys.setswitchinterval, 0.005), keep_pauses_short),
}
"""How each constant is taken out of this process, and how it is put back."""


async def for_clicks(rounds: int, clicks: int) -> None:
    """Measure approvals that come in one moment, and print a row for each constant."""
    found: dict[str, list[Figures]] = {what: [] for what in WITHOUT_FOR_CLICKS}
    keep_pauses_short()
    async with place() as here, here.hands() as bot:
        person = Person(user_id=BOB, team_id=TEAM_ID, memberships={"S0CONTROLLERS": True})
        runs = iter(add_runs(here.zuora, 1, rounds * len(found) * 2 * clicks))

        async def approve(without: Callable[[], None], put_back: Callable[[], None]) -> Figures:
            numbers = await ask_for(bot, [next(runs) for _ in range(clicks)])
            decisions = [
                Decision(verb=Verb.APPROVE, name=name_of(bot, number), person=person)
                for number in numbers
            ]
            without()
            began = time.perf_counter(), time.process_time()
            made = await asyncio.gather(
                *(
                    bot.parts.store.together.write(partial(decide, bot.parts, each))
                    for each in decisions
                )
            )
            took = time.perf_counter() - began[0], time.process_time() - began[1]
            put_back()
            if not all(isinstance(each, Decided) for each in made):
                msg = "not everything was approved"
                raise TypeError(msg)
            return dict(zip(("seconds", "processor"), took, strict=True))

        for _ in range(rounds):
            for what, (take_out, put_back) in WITHOUT_FOR_CLICKS.items():
                before = await approve(lambda: None, lambda: None)
                without = await approve(take_out, put_back)
                found[what].append({each: without[each] / before[each] for each in before})
    _print_all(found)


def _print_all(found: Mapping[str, list[Figures]]) -> None:
    _print("| without | time | processor time |")
    _print("|---|---|---|")
    for what, ratios in found.items():
        _print(f"| {what} | {_middle(ratios, 'seconds')} | {_middle(ratios, 'processor')} |")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:] if each != "clicks"]
    if "clicks" in sys.argv:
        asyncio.run(for_clicks(*[*given, *(5, 64)[len(given) :]]))
    else:
        asyncio.run(main(*[*given, *(5, 1000)[len(given) :]]))
