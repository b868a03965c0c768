"""How many calls to Zuora a followed bill run takes that goes on for six hours."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Options, Row
from bench.stage import BOB, Place, add_runs, ask_for, make_slack
from bench.watch import until
from bot.domain.authority import Person, Verb
from bot.domain.request import State
from bot.sandbox.slack.workspace import TEAM_ID
from bot.sandbox.zuora.options import Timings
from bot.sandbox.zuora.server import LocalZuora
from bot.wiring import Bot, Tuning, build
from bot.workflow.decide import Decision, decide

HOURS = 6
MOST_CALLS = 150


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, 10, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        """The moment."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Until the clock was moved so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._now + timedelta(seconds=seconds), asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    def move_to(self, moment: datetime) -> None:
        """Move it on."""
        self._now = max(self._now, moment)
        for due, event in self._sleepers:
            if due <= self._now:
                event.set()


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
            what=f"calls to Zuora for one bill run that is posted for {HOURS} hours, all told",
            ours=f"{calls} calls",
            goal=f"≤ {MOST_CALLS}",
            met=calls <= MOST_CALLS,
        )
    ]


async def _follow(bot: Bot, here: Place, clock: ManualClock) -> int:
    here.zuora.timings = replace(Timings(), posting=HOURS * 3600.0)
    (name,) = add_runs(here.zuora, 1000, 1, status="Completed")
    before = len(here.zuora.calls)
    (number,) = await ask_for(bot, [name], "post_bill_run")
    bot.start()
    person = Person(user_id=BOB, team_id=TEAM_ID, memberships={"S0CONTROLLERS": True})
    decide(bot.parts, Decision(verb=Verb.APPROVE, number=number, person=person))
    store = bot.parts.store
    while True:
        await until(lambda: bot.runner.is_idle and not store.requests.due(clock.now(), 1))
        request = store.requests.get(number)
        if request is None or request.state is State.SUCCEEDED:
            return len(here.zuora.calls) - before
        if request.wake_at is None:
            raise RuntimeError(f"the run is not followed: {request.state} {request.result}")
        clock.move_to(request.wake_at)
        bot.runner.wake()
