"""A person who waits for a long reading sees its progress, and can stop it."""

from dataclasses import replace

import pytest

from bot.slack.reading import STOP
from tests.slack.test_slow_zuora import said, slow, title
from tests.stage import ALICE, CHANNEL

__all__ = ["slow"]
INVOICES = "/object-query/invoices"


@pytest.fixture
async def long_run(slow, monkeypatch):
    """A run of 150 invoices whose second page takes a minute."""
    monkeypatch.setattr("bot.slack.reading.SECONDS_BETWEEN", 0.05)
    slow.zuora.faults.clear()
    lines = [(f"A{number:08}", "USD", "1.00") for number in range(1, 151)]
    slow.zuora.world.add_bill_run("BR-00000009", invoices=lines)
    slow.zuora.knobs = replace(slow.zuora.knobs, max_page_size=99)
    slow.zuora.faults.add(INVOICES, kind="slow", after=1, seconds=60.0)
    return slow


async def test_a_person_sees_how_many_documents_were_read_of_how_many(long_run):
    await long_run.fill(text="BR-00000009")

    await long_run.slack.until(
        lambda: "of 150 documents so far" in said(long_run.slack.view(ALICE))
    )
    assert title(long_run) == "Reading Zuora"


async def test_reading_is_stopped_with_a_button_and_what_was_typed_is_still_there(long_run):
    await long_run.fill(text="BR-00000009", reason="Month end")
    assert title(long_run) == "Reading Zuora"

    await long_run.slack.choose(ALICE, STOP)

    await long_run.slack.until(lambda: title(long_run) != "Reading Zuora")
    view = long_run.slack.view(ALICE)
    assert "Reading was stopped" in said(view)
    assert view["state"]["values"]["reason"]["value"]["value"] == "Month end"
    assert long_run.store.requests.get(1) is None
    assert long_run.slack.channel_messages(CHANNEL) == []

    long_run.zuora.faults.clear()
    assert (await long_run.slack.submit(ALICE, {})).ok
    await long_run.slack.until(lambda: len(long_run.slack.channel_messages(CHANNEL)) == 1)


async def test_a_button_of_before_a_restart_stops_nothing_and_says_so(long_run):
    await long_run.fill(text="BR-00000009")
    for task in list(long_run.bot.answering._tasks):
        task.cancel()
    await long_run.restart()

    await long_run.slack.choose(ALICE, STOP)

    await long_run.slack.until(
        lambda: "Nothing is being read any more" in said(long_run.slack.view(ALICE))
    )
