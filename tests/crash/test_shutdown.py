"""SIGTERM in the middle of work: what is out gets its answer, nothing new begins, the rest waits."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from tests.crash.people import CHANNEL
from tests.crash.plan import Fate, Wanted
from tests.crash.story import Story
from tests.patient import LONGEST

EMAILS = "/v1/bill-runs/*/emails"
LONGEST_SECONDS = 10
PATIENCE_SECONDS = 7  # an end that waits for something gives it eight


@pytest.fixture
async def story(tmp_path):
    """The servers and the launcher of the story, in real time, with two bill runs to mail."""
    story = Story(tmp_path, tmp_path, seed=1, kills=0, speed=1.0)
    for number in ("BR-00000001", "BR-00000002"):
        story.zuora.world.add_bill_run(number, invoices=[(f"A-{number}", "USD", "1.00")])
    story.zuora.faults.clear()
    story.slack.faults.clear()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(story.servers())
        nothing = await story.start(command="--help")  # by then the launcher has imported the bot
        assert await nothing.ended(LONGEST) == 0
        yield story


def mail(run):
    return Wanted("email_bill_run", f"/billemail {run}", run, Fate.APPROVE)


async def ask(story, run):
    async with asyncio.timeout(LONGEST):
        await story.people.ask("U0OPERATOR0", mail(run))
        return (await story.people.card(mail(run))).ts


async def approve(story, run):
    async with asyncio.timeout(LONGEST):
        await story.people.decide("U0BOB", mail(run), "")


def orders(story):
    return [call.path for call in story.zuora.calls if call.path.endswith("/emails")]


def thread(story, ts):
    return [message.text for message in story.slack.thread(CHANNEL, ts)]


async def begun(story):
    """Start it; from how long that took, people and this test know how slow the machine is."""
    since = time.monotonic()
    life = await story.start()
    await story.slack.until(lambda: story.slack.sockets.connections > 0)
    story.be_patient(time.monotonic() - since)
    story.slack.ack_seconds = 30.0
    return life


async def stopped(story, life):
    """End it with SIGTERM; how long that took, in seconds of an idle machine."""
    since = time.monotonic()
    assert await life.end(signal.SIGTERM) == 0
    return (time.monotonic() - since) / story.slow


async def test_a_call_that_is_out_gets_its_answer_before_the_process_ends(story):
    life = await begun(story)
    ts = await ask(story, "BR-00000001")
    story.zuora.faults.add(EMAILS, kind="slow", seconds=1.5)
    await approve(story, "BR-00000001")
    await story.zuora.until(lambda: len(orders(story)) == 1)

    assert await stopped(story, life) < LONGEST_SECONDS

    assert story.states() == {1: "succeeded"}
    assert len(orders(story)) == 1
    life = await story.start()
    await story.slack.until(lambda: any("Zuora accepted" in text for text in thread(story, ts)))
    assert await stopped(story, life) < LONGEST_SECONDS
    assert len(orders(story)) == 1
    assert len(thread(story, ts)) == len(set(thread(story, ts))) == 3


async def test_what_was_not_begun_is_done_by_the_next_process(story):
    life = await begun(story)
    ts = await ask(story, "BR-00000001")
    story.zuora.faults.add("/object-query/*", kind="slow", seconds=60.0)
    await approve(story, "BR-00000001")

    took = await stopped(story, life)

    assert took < PATIENCE_SECONDS  # reading is not waited for
    assert story.states() == {1: "approved"}
    assert orders(story) == []
    story.zuora.faults.clear()
    life = await story.start()
    await story.slack.until(lambda: any("Zuora accepted" in text for text in thread(story, ts)))
    assert await stopped(story, life) < LONGEST_SECONDS
    assert len(orders(story)) == 1
    assert len(thread(story, ts)) == len(set(thread(story, ts))) == 3


async def test_a_zuora_that_hangs_holds_the_end_up_for_less_than_ten_seconds(story):
    # As Zuora does, the mail date is written minutes later: until then reading settles nothing.
    story.zuora.timings = replace(story.zuora.timings, mark=50 * 60.0)
    life = await begun(story)
    ts = await ask(story, "BR-00000001")
    story.zuora.faults.add(EMAILS, kind="hang")
    await approve(story, "BR-00000001")
    await story.zuora.until(lambda: len(orders(story)) == 1)
    story.zuora.faults.add("/object-query/*", kind="hang", times=None)
    await story.slack.slash("U0OPERATOR1", CHANNEL, "/billemail BR-00000002")
    form = await story.slack.submit("U0OPERATOR1", {"reason": "Month end"})
    assert form.ok, form
    assert "Reading Zuora" in str(form.view)  # so that a reading is under way too

    assert await stopped(story, life) < LONGEST_SECONDS

    assert story.states() == {1: "running"}
    story.zuora.faults.clear()
    life = await story.start()
    await story.slack.until(lambda: any("Zuora accepted" in text for text in thread(story, ts)))
    assert await stopped(story, life) < LONGEST_SECONDS
    assert len(orders(story)) == 2  # asked again under its key
    first, again = (call for call in story.zuora.calls if call.path.endswith("/emails"))
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"]
    assert (first.replayed, again.replayed) == (False, True)
