"""What cannot be written down is not done, and the person who acted reads so."""

import asyncio
from contextlib import ExitStack

import pytest

from tests.postgres import another_connection, holding_it, reading_only
from tests.stage import ALICE, BOB, CHANNEL, MARA

SORRY = "I could not record this, so nothing was done."


class ReadOnly:
    """The database as it is on a disk that became read-only."""

    def __init__(self, stage):
        self._store = stage.store

    def begin(self):
        reading_only(self._store, "on")

    def end(self):
        reading_only(self._store, "off")


class Locked:
    """The database while another program holds it."""

    def __init__(self, stage):
        self._other = another_connection(stage.settings().database_path)
        self._held = ExitStack()
        self._store = stage.store

    def begin(self):
        self._held.enter_context(holding_it(self._store, self._other))

    def end(self):
        self._held.close()
        self._other.close()


@pytest.fixture(params=[ReadOnly, Locked])
def trouble(request):
    return request.param


@pytest.mark.parametrize("button", ["approve", "record_sent"])
async def test_a_click_is_answered_and_nothing_is_done(stage, trouble, button):
    ts = await stage.ask()
    await stage.quiet()
    before = len(stage.store.history.all())
    database = trouble(stage)
    database.begin()

    ack = await stage.slack.click(BOB, CHANNEL, ts, button, value="1", force=True)

    assert ack.ok
    await stage.until_private(BOB, SORRY)
    database.end()
    assert stage.request().state == "waiting"
    assert stage.orders() == []
    assert len(stage.store.history.all()) == before


async def test_the_same_click_works_when_the_database_does_again(stage, trouble):
    ts = await stage.ask()
    await stage.quiet()
    database = trouble(stage)
    database.begin()
    await stage.press(BOB, ts)
    await stage.until_private(BOB, SORRY)
    database.end()

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 1


async def test_a_withdrawal_and_a_refusal_are_not_done_silently_either(stage, trouble):
    ts = await stage.ask()
    await stage.quiet()
    database = trouble(stage)
    database.begin()

    submitted = await stage.withdraw(ALICE, ts)
    await stage.press(MARA, ts)

    assert SORRY in str(submitted.view["blocks"])
    await stage.until_private(MARA, SORRY)
    database.end()
    assert stage.request().state == "waiting"


async def test_a_form_says_that_nothing_was_saved(stage, trouble):
    database = trouble(stage)
    database.begin()

    submitted = await stage.fill()

    database.end()
    assert submitted.view["title"]["text"] == "Nothing was saved"
    assert SORRY in str(submitted.view["blocks"])
    assert stage.store.requests.get(1) is None
    assert stage.slack.channel_messages(CHANNEL) == []


async def test_a_rejection_says_in_its_form_that_it_was_not_recorded(stage, trouble):
    ts = await stage.ask()
    await stage.press(BOB, ts, "reject")
    await stage.quiet()
    database = trouble(stage)
    database.begin()

    submitted = await stage.slack.submit(BOB, {"reason": "The totals are wrong"})

    database.end()
    assert SORRY in str(submitted.view["blocks"])
    assert stage.request().state == "waiting"


async def test_who_may_not_ask_reads_so_although_it_cannot_be_recorded(stage, trouble):
    database = trouble(stage)
    database.begin()

    ack = await stage.slack.slash(BOB, CHANNEL, "/billemail BR-00000001")

    database.end()
    assert "You may not ask for billing operations" in ack.text


async def test_an_order_that_cannot_be_written_down_first_is_not_sent(stage, caplog):
    ts = await stage.ask()
    await stage.quiet()
    stage.zuora.faults.add("/object-query/*", kind="slow", seconds=1)
    database = ReadOnly(stage)
    await stage.press(BOB, ts)  # the facts are being read when the disk becomes read-only
    database.begin()

    stage.clock.advance(seconds=1)
    await stage.until(lambda: "could_not_record" in caplog.text)
    assert stage.orders() == []
    database.end()
    for _ in range(100):  # both loops pause after a fault; the clock has to reach past that
        stage.clock.advance(seconds=10)
        await asyncio.sleep(0.01)

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 1


async def test_a_message_that_could_not_be_recorded_goes_out_five_seconds_later(stage):
    """A database that was away for a second must not hold a card's messages back for a minute."""
    ts = await stage.ask()
    await stage.quiet()
    stage.slack.faults.add("chat.postMessage", "ratelimited", retry_after=2)
    await stage.reject(BOB, ts, "The totals are wrong")
    await stage.quiet()
    assert "totals are wrong" not in str(stage.thread(ts))
    database = ReadOnly(stage)
    database.begin()

    stage.clock.advance(seconds=2)
    await stage.until(lambda: stage.clock.wakes_somebody_in(5.0))
    database.end()
    stage.clock.advance(seconds=5)

    await stage.until_thread(ts, "The totals are wrong")
