"""How many calls to Zuora a followed bill run takes that goes on for six hours."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Options, Row
from bench.stage import Place, add_runs, approval_of, ask_for, make_slack
from bench.watch import until
from bot.domain.request import State
from bot.sandbox.zuora.options import Timings
from bot.sandbox.zuora.server import LocalZuora
from bot.wiring.build import Tuning, build
from bot.wiring.running import Bot
from bot.workflow.decide import decide
from tests.stage import ManualClock, nothing_happens

HOURS = 6
MOST_CALLS = 150
LONGEST_STEP = 60.0
"""Seconds by which the clock moves at most, so that whoever calls now and then does so as often as in real time."""


async def measure(options: Options) -> list[Row]:  # noqa: ARG001 - every part takes them
    """One run, with the clock moved from look to look."""
    clock = ManualClock()
    zuora, slack = LocalZuora(clock), make_slack()
    await zuora.start()
    await slack.start()
    try:
        with TemporaryDirectory(prefix="billing-bot-bench-") as folder:
            here = Place(folder=Path(folder), slack=slack, zuora=zuora, mode="run", changes={})
            settings = here.settings.model_copy(update={"poll_seconds": 5.0})
            bot = await build(settings, clock, Tuning(seconds_a_message=0.0))
            try:
                calls = await _follow(bot, here, clock)
            finally:
                await bot.stop()
    finally:
        await slack.stop()
        await zuora.stop()
    return [
        Row(
            part="following",
            what=f"calls to Zuora for one bill run that is posted for {HOURS} hours, with everything beside it",
            ours=f"{calls} calls",
            goal=f"≤ {MOST_CALLS}",
            met=calls <= MOST_CALLS,
        )
    ]


async def _follow(bot: Bot, here: Place, clock: ManualClock) -> int:
    here.zuora.timings = replace(Timings(), posting=HOURS * 3600.0)
    (name,) = add_runs(here.zuora, 1000, 1, status="Completed")
    clock.on_move = bot.parts.bells.runner.set
    before = len(here.zuora.calls)
    (number,) = await ask_for(bot, [name], "post_bill_run")
    bot.start()
    decide(bot.parts, approval_of(bot, number))
    store = bot.parts.store
    while True:
        await until(lambda: not bot.runner.under_way and not store.requests.due(clock.now(), 1))
        request = store.requests.get(number)
        if request is None or request.state is State.SUCCEEDED:
            return len(here.zuora.calls) - before
        if request.wake_at is None:
            raise RuntimeError(f"the run is not followed: {request.state} {request.result}")
        left = (request.wake_at - clock.now()).total_seconds()
        clock.advance(seconds=min(max(0.0, left), LONGEST_STEP))
        await nothing_happens(3)  # until those who slept have done what they do now and then
