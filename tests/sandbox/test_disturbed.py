"""A story of the sandbox in which somebody does something by hand: it says what, and what to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from bot.cli.sandbox import opened
from bot.sandbox.panel.clock import MovableClock
from bot.sandbox.panel.stories import STORIES
from bot.sandbox.panel.teller import DisturbedError, Teller, why_stopped
from bot.sandbox.panel.troubles import Troubles
from tests.stage import ALICE, CHANNEL


@dataclass
class Disturbed(Teller):
    """Does something by hand after the scene whose caption begins so."""

    scene: str = ""
    by_hand: Callable[[Teller], Awaitable[None]] | None = None

    async def step(self, actor, caption, *, thread=None):
        await super().step(actor, caption, thread=thread)
        if self.by_hand and caption.startswith(self.scene):
            await self.by_hand(self)


async def close_the_form(story):
    await story.slack.close(ALICE)


async def withdraw(story):
    card = story.slack.channel_messages(CHANNEL)[-1]
    menus = (each for block in card.blocks for each in block.get("elements", ()))
    values = (option["value"] for each in menus for option in each.get("options", ()))
    chosen = next(value for value in values if value.startswith("withdraw"))
    await story.slack.click(ALICE, CHANNEL, card.ts, "more", value=chosen)
    assert (await story.slack.submit(ALICE, {})).ok
    await story.slack.until(lambda: "Withdrawn" in story.slack.channel_messages(CHANNEL)[-1].text)


async def mend_the_line(story):
    story.troubles.turn("zuora_losing", on=False)


async def test_a_story_that_somebody_disturbs_says_what_was_done_by_hand_and_what_to_do():
    async with opened("run", 0, seconds_a_message=0.0) as (slack, zuora):
        troubles = Troubles(slack, zuora)
        for name, scene, by_hand, why in (
            ("mail_a_run", "A form opens", close_the_form,
             "Alice's form was closed or submitted by hand"),
            ("mail_a_run", "Bob reads the card", withdraw,
             "Bob has no button “Approve” any more; somebody decided by hand"),
            ("a_lost_answer", "Bob presses Approve", mend_the_line,
             "“Zuora: loses answers” was switched off by hand"),
        ):  # fmt: skip
            story = Disturbed(
                name, slack, zuora, MovableClock(), troubles, lambda _: None, 0.0,
                scene=scene, by_hand=by_hand,
            )  # fmt: skip
            with pytest.raises(DisturbedError) as stopped:
                await STORIES[name].play(story)

            assert (
                why_stopped(story, stopped.value) == f"{why}. Press the story again to start over"
            )
            story.tidy()
            assert not zuora.faults.waiting
