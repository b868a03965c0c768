"""Within one pass over many calls: what was one too many goes out again; the end is shown in time."""

import asyncio
from collections import Counter
from datetime import timedelta

from tests.stage import BOB, CHANNEL
from tests.stories.test_email_many_documents import (
    MAILS,
    add_invoices,
    ask,
    ended,
    orders_of,
    progress_gaps,
)

DELAYED = "request.delayed"


def tries_of(stage):
    return Counter(call.tries for call in stage.store.calls.of(1))


async def test_what_was_one_too_many_goes_out_again_in_the_same_pass(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="too_many", times=4, after=20)

    ts = await ask(stage, numbers)
    await stage.until_card(ts, "Accepted by Zuora: email 60 invoices")
    await stage.quiet()

    assert DELAYED not in stage.happened()
    assert not any("busy" in text for text in stage.thread(ts))
    accepted = Counter(o.path.split("/")[3] for o in stage.orders() if o.status == 200)
    assert accepted == Counter(numbers)
    assert sum(tries * calls for tries, calls in tries_of(stage).items()) == 64
    assert stage.happened().count("call.sent") == 64
    assert stage.happened().count("call.answered") == 64
    keys = {(order.path, order.headers["idempotency-key"]) for order in stage.orders()}
    assert len(keys) == 60  # what was not done goes out under its own key again


async def test_a_short_rest_that_zuora_asks_for_is_sat_out_within_the_pass(stage):
    numbers = add_invoices(stage, 30)
    stage.zuora.faults.add(MAILS, kind="too_many", times=1, after=20, retry_after=4)
    ts = await ask(stage, numbers)
    await stage.until(lambda: orders_of(stage).total() == 30)
    (refused,) = [o for o in stage.orders() if o.status == 429]

    await stage.as_time_passes(lambda: ended(stage), step=0.5)

    assert DELAYED not in stage.happened()
    assert tries_of(stage) == {1: 29, 2: 1}
    again = stage.orders()[-1]
    assert again.path == refused.path
    (call,) = [call for call in stage.store.calls.of(1) if call.tries == 2]
    assert call.sent_at - call.first_sent_at >= timedelta(seconds=4)
    await stage.until_card(ts, "Accepted by Zuora: email 30 invoices")


async def test_a_long_rest_is_noted_and_left_to_a_later_pass(stage):
    numbers = add_invoices(stage, 30)
    stage.zuora.faults.add(MAILS, kind="too_many", times=1, after=20, retry_after=120)
    ts = await ask(stage, numbers)

    await stage.until_thread(ts, "Zuora is busy")

    assert any("29 of 30 went out" in text for text in stage.thread(ts))
    await stage.pass_time(seconds=119)
    assert len(stage.orders()) == 30
    await stage.pass_time(seconds=2)
    await stage.until_card(ts, "Accepted by Zuora: email 30 invoices")
    assert len(stage.orders()) == 31


async def test_before_one_was_accepted_none_is_repeated_without_reading_zuora_again(stage):
    numbers = add_invoices(stage, 3)
    stage.zuora.faults.add(MAILS, kind="too_many", times=3)
    ts = await ask(stage, numbers)
    await stage.until_thread(ts, "Nothing was sent.")
    stage.zuora.world.invoices[numbers[1]].status = "Canceled"

    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert {order.status for order in stage.orders()} == {429}


async def test_the_last_progress_waits_its_turn_and_keeps_nothing_else_waiting(stage):
    numbers = add_invoices(stage, 30)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=1, after=25)
    ts = await stage.ask(text=" ".join(numbers))
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 30)
    await stage.until_thread(ts, "of 30 mails accepted by Zuora")

    await stage.as_time_passes(lambda: ended(stage), step=0.1)
    await stage.until_card(ts, "Accepted by Zuora: email 30 invoices")
    await stage.quiet()
    said = [m.text for m in stage.slack.thread(CHANNEL, ts) if m.text.startswith(("▰", "▱"))]
    assert len(said) == 1
    assert "30 of 30" not in said[0]

    await stage.pass_time(seconds=4)

    assert [m.text for m in stage.slack.thread(CHANNEL, ts) if m.text.startswith("▰" * 20)]
    assert min(progress_gaps(stage)) >= 3


async def test_the_last_progress_keeps_its_distance_from_one_that_was_just_going_out(stage):
    numbers = add_invoices(stage, 30)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=1, after=25)
    ts = await stage.ask(text=" ".join(numbers))
    await stage.quiet()
    stage.slack.faults.add("chat.postMessage", "slow", seconds=2.5, after=3)  # the first progress
    await stage.press(BOB, ts)

    await stage.as_time_passes(lambda: ended(stage), step=0.1)
    assert not any(text.startswith(("▰", "▱")) for text in stage.thread(ts))
    await stage.as_time_passes(lambda: any("▰" * 20 in text for text in stage.thread(ts)), step=0.1)

    assert min(progress_gaps(stage)) >= 3


async def test_progress_is_shown_although_each_write_is_run_again(stage, monkeypatch):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=1, times=None)
    ts = await stage.ask(text=" ".join(numbers))
    write, runs = stage.store.together.write, Counter[str]()

    def fails():
        runs["of what fails"] += 1
        with stage.store.transaction():
            raise ValueError

    async def beside_what_fails(work):
        answers = await asyncio.gather(write(work), write(fails), return_exceptions=True)
        if isinstance(answers[0], BaseException):
            raise answers[0]
        runs["of what shares its commit"] += 1
        return answers[0]

    monkeypatch.setattr(stage.store.together, "write", beside_what_fails)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: ended(stage), step=0.5)

    shown = [str(call.args.get("text", "")) for call in stage.slack.calls]
    assert any(text.startswith(("▰", "▱")) and "▰" * 20 not in text for text in shown)
    assert runs["of what fails"] > runs["of what shares its commit"] > 0
    assert orders_of(stage) == Counter(numbers)


async def test_many_refusals_in_the_same_moment_do_not_end_the_pass(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="too_many", times=6, after=8)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=1, times=None, after=8)
    ts = await ask(stage, numbers)

    await stage.as_time_passes(lambda: ended(stage), step=0.5)

    assert DELAYED not in stage.happened()
    assert sum(order.status == 429 for order in stage.orders()) == 6
    await stage.until_card(ts, "Accepted by Zuora: email 60 invoices")
