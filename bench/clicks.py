"""From a click on Approve to its acknowledgement, and from `/billemail` to the open form."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from slack_sdk.web.async_client import AsyncWebClient

from bench.figures import Options, Row, ms, percentile
from bench.stage import (
    ALICE,
    BOB,
    CHANNEL,
    Place,
    Program,
    TimedSlack,
    add_runs,
    ask_for,
    empty_app,
    make_slack,
    place,
)
from bench.watch import no_collections, until
from bot.cli.sandbox import BOT_TOKEN
from bot.settings import Mode
from bot.wiring.running import Bot

PERCENT = (50, 95, 99)
FIRST_RUN = 1000
MODES: dict[Mode, str] = {"run": "Socket Mode", "web": "signed HTTP"}


@dataclass(kw_only=True)
class _Both:
    """The bot and the empty app, side by side, each on its own local Slack."""

    here: Place
    bot: Program
    hands: Bot
    empty: Program
    other: TimedSlack
    asked: int = 0

    async def cards(self, count: int) -> list[str]:
        """Ask for so many mails and wait until their cards stand; their `ts`."""
        before = len(self.here.slack.channel_messages(CHANNEL))
        runs = add_runs(self.here.zuora, FIRST_RUN + self.asked, count)
        self.asked += count
        await ask_for(self.hands, runs)
        slack = self.here.slack
        await until(lambda: len(slack.channel_messages(CHANNEL)) >= before + count)
        await self.quiet()
        return [message.ts for message in slack.channel_messages(CHANNEL)[before:]]

    async def same_cards(self, cards: list[str]) -> list[str]:
        """The same messages in the other Slack, by the empty app's hand."""
        client = AsyncWebClient(token=BOT_TOKEN, base_url=self.other.api_url)
        shown = {m.ts: m for m in self.here.slack.channel_messages(CHANNEL)}
        found = []
        for ts in cards:
            blocks = json.loads(json.dumps(shown[ts].blocks))
            answer = await client.chat_postMessage(
                channel=CHANNEL, text=shown[ts].text, blocks=blocks
            )
            found.append(str(answer["ts"]))
        return found

    async def note_pauses(self, what: str, options: Options) -> None:
        """The longest pause of each since it was last asked."""
        ours, empty = await self.bot.report(), await self.empty.report()
        options.paused(what, ours["longest_pause"] * 1000, empty["longest_pause"] * 1000)

    async def quiet(self) -> None:
        """Until the bot has written and sent everything that it can now."""
        store = self.hands.parts.store
        clock = self.hands.parts.clock
        await until(lambda: not store.requests.due(clock.now(), 1) and not store.outbox.open(1))


@asynccontextmanager
async def _both(mode: Mode) -> AsyncIterator[_Both]:
    other = make_slack()
    await other.start()
    try:
        async with (
            place(mode) as here,
            here.the_bot() as bot,
            here.hands() as hands,
            empty_app(mode, other) as empty,
        ):
            yield _Both(here=here, bot=bot, hands=hands, empty=empty, other=other)
    finally:
        await other.stop()


async def measure(options: Options) -> list[Row]:
    """Clicks in both modes, then the command."""
    rows: list[Row] = []
    for mode in MODES:
        async with _both(mode) as both:
            rows += await _at_rest(both, mode, options)
            rows += await _at_once(both, mode, options)
            if mode == "run":
                rows.append(await _form(both, options))
    return rows


async def _click(slack: TimedSlack, ts: str) -> None:
    await slack.click(BOB, CHANNEL, ts, "approve")


async def _at_rest(both: _Both, mode: Mode, options: Options) -> list[Row]:
    """One click at a time, in turns, with both programs at rest before each."""
    warm = 5
    cards = await both.cards(options.clicks_at_rest + warm)
    others = await both.same_cards(cards)
    ours: list[float] = []
    theirs: list[float] = []
    await asyncio.gather(both.bot.report(), both.empty.report())  # their pauses count from here
    with no_collections():
        for place_, (ts, other) in enumerate(zip(cards, others, strict=True)):
            await _click(both.here.slack, ts)
            await until(partial(_shows, both.here.slack, ts, "Accepted by Zuora"))
            await both.quiet()
            await asyncio.sleep(0.02)
            await _click(both.other, other)
            await asyncio.sleep(0.02)
            mine, their = both.here.slack.taken(), both.other.taken()
            if place_ >= warm:
                ours += mine
                theirs += their
    await both.note_pauses(f"clicks at rest, {MODES[mode]}", options)
    title = f"Approve to its ack at rest, {MODES[mode]}"
    return [
        _of(title, percent, [ours], [theirs], 0.25, f"{len(ours)} clicks") for percent in PERCENT
    ]


async def _at_once(both: _Both, mode: Mode, options: Options) -> list[Row]:
    """Many clicks in the same moment, in turns; what they set off begins meanwhile."""
    rounds: list[tuple[list[float], list[float]]] = []
    for _ in range(options.rounds):
        cards = await both.cards(options.clicks_at_once)
        others = await both.same_cards(cards)
        await asyncio.gather(both.bot.report(), both.empty.report())
        with no_collections():
            await asyncio.gather(*(_click(both.other, ts) for ts in others))
            await asyncio.gather(*(_click(both.here.slack, ts) for ts in cards))
            rounds.append((both.here.slack.taken(), both.other.taken()))
            await both.quiet()
        await both.note_pauses(f"{options.clicks_at_once} clicks at once, {MODES[mode]}", options)
    title = f"Approve to its ack, {options.clicks_at_once} at once, {MODES[mode]}"
    ours, theirs = [mine for mine, _ in rounds], [their for _, their in rounds]
    return [_of(title, percent, ours, theirs, 1.0, "") for percent in PERCENT]


def _of(
    what: str, percent: int, ours: list[list[float]], theirs: list[list[float]], most: float,
    note: str,
) -> Row:  # fmt: skip
    if len(ours) == 1:  # one long round: cut into five, to know the spread
        parts = 5
        ours = [ours[0][part::parts] for part in range(parts)]
        theirs = [theirs[0][part::parts] for part in range(parts)]
    mine = [percentile(each, percent) for each in ours]
    their = [percentile(each, percent) for each in theirs]
    return Row(
        part="clicks",
        what=f"{what}: p{percent}",
        ours=ms(sorted(mine)[len(mine) // 2]),
        against=f"empty Bolt listener, {ms(sorted(their)[len(their) // 2])}",
        rounds=tuple(a / b for a, b in zip(mine, their, strict=True)),
        goal=f"≤ {most}" if percent == 95 else "",  # noqa: PLR2004 - the goal is of this one
        most=most if percent == 95 else None,  # noqa: PLR2004
        note=note,
    )


async def _form(both: _Both, options: Options) -> Row:
    """The command until its form is open, against one `views.open` by a client with no more to do."""
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(10 * options.rounds):
        started = time.perf_counter()
        await both.here.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")  # until both are seen
        mine = [time.perf_counter() - started]
        await both.other.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        await until(lambda: both.other.view(ALICE) is not None)
        await asyncio.sleep(0.02)
        their = (await both.empty.report())["round_trips"]
        for slack in (both.here.slack, both.other):
            while slack.view(ALICE) is not None:
                await slack.close(ALICE)
        if turn:
            ours += mine
            theirs += their
    size = max(1, len(ours) // 5)
    slices = [slice(at, at + size) for at in range(0, size * 5, size)]
    rounds = [percentile(ours[s], 50) / percentile(theirs[s], 50) for s in slices]
    return Row(
        part="clicks",
        what="/billemail until its form is open and the command acknowledged: p50",
        ours=ms(percentile(ours, 50)),
        against=f"one views.open round trip, {ms(percentile(theirs, 50))}",
        rounds=tuple(rounds),
        goal="≤ 1.3",
        most=1.3,
    )


def _shows(slack: TimedSlack, ts: str, words: str) -> bool:
    return any(m.ts == ts and words in m.text for m in reversed(slack.channel_messages(CHANNEL)))
