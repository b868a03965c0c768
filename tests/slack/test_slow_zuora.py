"""A bill run that takes longer to read than a form may wait."""

import asyncio
from typing import Any

import pytest

from bot.slack.asked import NoteForACrash
from bot.slack.asking import _given_up, _title
from bot.store.errors import NotKnownWhetherRecordedError
from tests.postgres import reading_only
from tests.stage import ALICE, BOB, CHANNEL

RUN = "/v1/bill-runs/*"
QUERY = "/object-query/billing-runs/*"
SLOW = 60.0


@pytest.fixture
async def slow(stage, monkeypatch):
    """A Zuora whose answer about a bill run takes a minute of the clock, but for a form that opens."""
    monkeypatch.setattr("bot.slack.asking.SECONDS_FOR_ZUORA", 0.05)
    await stage.restart()
    stage.zuora.faults.add(QUERY, kind="slow", seconds=SLOW, after=1)
    return stage


async def zuora_answers(stage):
    """Let Zuora's slow answer come; before the bot has asked, the clock would move without it."""
    (fault,) = stage.zuora.faults.waiting
    await stage.until(lambda: not fault.times)
    await stage.until(lambda: stage.clock.wakes_somebody_in(SLOW))
    stage.clock.advance(seconds=SLOW)


def title(stage):
    view = stage.slack.view(ALICE)
    return None if view is None else view["title"]["text"]


def said(view):
    return str(view["blocks"])


async def until_title(stage, words):
    await stage.slack.until(lambda: title(stage) == words)


async def test_the_form_says_that_it_reads_and_then_that_it_was_asked(slow):
    submitted = await slow.fill()

    assert submitted.ok
    assert title(slow) == "Reading Zuora"
    assert slow.slack.channel_messages(CHANNEL) == []
    await zuora_answers(slow)

    await until_title(slow, "Asked for approval")
    assert "R-1 waits for approval in " in said(slow.slack.view(ALICE))
    await slow.slack.until(lambda: len(slow.slack.channel_messages(CHANNEL)) == 1)
    ts = slow.slack.channel_messages(CHANNEL)[-1].ts
    await slow.press(BOB, ts)
    await slow.until_card(ts, "Accepted by Zuora")


async def test_problems_come_back_with_everything_that_was_typed(slow):
    slow.zuora.world.add_bill_run("BR-00000002", status="Completed", invoices=[])

    await slow.fill(text="BR-00000002", reason="Month end & *more*", resend=["yes"])
    assert title(slow) == "Reading Zuora"
    await zuora_answers(slow)

    await slow.slack.until(lambda: title(slow) not in (None, "Reading Zuora"))
    view = slow.slack.view(ALICE)
    assert "BR-00000002 is Completed" in said(view)
    values = view["state"]["values"]
    assert values["bill_run"]["value"]["value"] == "BR-00000002"
    assert values["reason"]["value"]["value"] == "Month end & *more*"
    (chosen,) = values["resend"]["value"]["selected_options"]
    assert chosen["value"] == "yes"
    assert slow.store.requests.get(1) is None


async def test_the_form_that_came_back_can_be_put_right_and_sent_again(slow):
    slow.zuora.world.add_bill_run("BR-00000002", status="Completed", invoices=[])
    await slow.fill(text="BR-00000002")
    await zuora_answers(slow)
    await slow.slack.until(lambda: title(slow) not in (None, "Reading Zuora"))

    submitted = await slow.slack.submit(ALICE, {"bill_run": "BR-00000001"})

    assert submitted.ok, submitted
    await slow.slack.until(lambda: len(slow.slack.channel_messages(CHANNEL)) == 1)
    assert slow.request().subject == "BR-00000001"


async def test_who_closed_the_form_meanwhile_reads_privately_that_it_was_asked(slow):
    await slow.fill()
    await slow.slack.close(ALICE)
    await zuora_answers(slow)

    await slow.until_private(ALICE, "R-1 waits for approval in ")
    await slow.slack.until(lambda: len(slow.slack.channel_messages(CHANNEL)) == 1)


async def test_who_closed_the_form_meanwhile_reads_privately_what_was_wrong(slow):
    slow.zuora.world.add_bill_run("BR-00000002", status="Completed", invoices=[])
    await slow.fill(text="BR-00000002")
    await slow.slack.close(ALICE)
    await zuora_answers(slow)

    await slow.until_private(ALICE, "BR-00000002 is Completed")
    assert "Nothing was saved" in slow.private(ALICE)[-1]
    assert slow.slack.channel_messages(CHANNEL) == []


async def test_a_form_that_could_not_be_noted_is_not_read_on(slow):
    """If the bot died while it reads, nobody would hear of it."""
    reading_only(slow.store, "on")
    submitted = await slow.fill()

    assert title(slow) == "Nothing was saved"
    assert "I could not record this" in str(submitted.view["blocks"])
    reading_only(slow.store, "off")
    slow.clock.advance(seconds=SLOW)
    await slow.quiet()
    assert slow.store.requests.get(1) is None


async def test_what_could_not_be_recorded_is_said_late_too(slow):
    await slow.fill()
    reading_only(slow.store, "on")
    await zuora_answers(slow)

    await until_title(slow, "Nothing was saved")
    assert "I could not record this" in said(slow.slack.view(ALICE))
    reading_only(slow.store, "off")
    assert slow.store.requests.get(1) is None


async def test_if_the_bot_dies_meanwhile_the_person_is_answered_after_the_restart(slow):
    await slow.fill()
    for task in list(slow.bot.answering._tasks):  # the process dies while it reads
        task.cancel()
    await slow.restart()
    slow.zuora.faults.clear()

    slow.clock.advance(minutes=16)
    slow.bot.parts.bells.sender.set()

    await slow.until_private(ALICE, "nothing was saved. If it is still needed, please ask again")
    assert slow.store.requests.get(1) is None


async def test_if_the_bot_dies_once_it_is_saved_nobody_is_asked_to_ask_again(slow):
    """The view still says that Zuora is read; to ask again would make a second card."""
    await slow.fill()
    slow.bot.sender._stopping = True  # the card does not get out
    slow.bot.answering.client = None  # nor does the answer
    await zuora_answers(slow)
    await slow.until(lambda: slow.store.requests.get(1) is not None)
    await slow.restart()
    slow.slack.faults.add("chat.postMessage", "error", error="restricted_action", times=3)
    await slow.pass_time(minutes=16)

    await slow.until_private(ALICE, "R-1 waits for approval")
    assert not any("ask again" in text for text in slow.private(ALICE))


async def test_who_was_answered_reads_nothing_more(slow):
    await slow.fill()
    await zuora_answers(slow)
    await until_title(slow, "Asked for approval")
    await slow.until(lambda: not slow.bot.answering._tasks)

    slow.clock.advance(minutes=16)
    slow.bot.parts.bells.sender.set()
    await slow.quiet()

    assert slow.private(ALICE) == []


async def test_the_status_of_a_run_follows_when_zuora_has_answered(slow, monkeypatch):
    monkeypatch.setattr("bot.slack.replying.SECONDS_FOR_ZUORA", 0.05)
    slow.zuora.faults.clear()
    slow.zuora.faults.add(RUN, kind="slow", seconds=SLOW)

    ack = await slow.slack.slash(ALICE, CHANNEL, "/billstatus BR-00000001")

    assert ack.text == "Looking for BR-00000001 in Zuora…"
    await slow.slack.until(
        lambda: any(call.path.startswith("/v1/bill-runs/") for call in slow.zuora.calls)
    )
    await zuora_answers(slow)
    await slow.until_private(ALICE, "Bill run BR-00000001: Posted")
    assert "Requests: none" in slow.private(ALICE)[-1]


async def test_if_the_answer_itself_breaks_the_person_still_hears_something(slow):
    await slow.fill()
    slow.bot.answering.client = None  # whatever it is that nobody thought of
    await zuora_answers(slow)
    await slow.slack.until(lambda: len(slow.slack.channel_messages(CHANNEL)) == 1)
    await slow.quiet()

    await slow.pass_time(minutes=16)

    await slow.until_private(ALICE, "R-1 waits for approval in")


@pytest.mark.parametrize("saved", [(), ("R-1",)], ids=["nothing", "a request"])
async def test_a_form_that_is_given_up_says_what_came_of_it(saved: Any):
    async def reads_on() -> Any:
        note.requests = saved
        await asyncio.Event().wait()

    note = NoteForACrash.__new__(NoteForACrash)  # it writes nothing here
    work = asyncio.create_task(reads_on())
    await asyncio.sleep(0)

    given_up = await _given_up(work, note)

    assert given_up == saved if saved else _title(given_up) == "Nothing was saved"


def test_what_is_not_known_is_not_called_unsaved():
    assert _title(NotKnownWhetherRecordedError("gone")) == "Not known whether saved"
