"""A pass that is cut short, late or refused: what came is kept, and no more is claimed than is known."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.postgres import reading_only
from tests.stage import BOB
from tests.stories.test_email_many_documents import MAILS, add_invoices, ask, ended, orders_of
from tests.stories.test_several_at_once import all_out

RUN = "/v1/bill-runs/*"


def verdicts(stage):
    return Counter(call.verdict for call in stage.store.calls.of(1))


async def test_answers_that_could_not_be_written_before_the_pass_was_cut_short_are_kept(stage):
    numbers = add_invoices(stage, 5)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=1, times=None)
    ts = await ask(stage, numbers)
    answers = stage.clock.monotonic() + 1
    await stage.until(lambda: [due for due, _ in stage.clock._sleepers].count(answers) == 5)
    await stage.until(lambda: not stage.store.outbox.open() and not stage.bot.sender.under_way)
    reading_only(stage.store, "on")
    stage.clock.advance(seconds=1)
    again = stage.clock.monotonic() + 1
    await stage.until(
        lambda: stage.bot.parts.tenancy.zuora._pace.at_the_gate == 0
    )  # every answer has come
    await stage.until(lambda: again in {due for due, _ in stage.clock._sleepers})
    reading_only(stage.store, "off")
    stage.bot.runner._held[1].cancel()

    await stage.restart()
    await stage.quiet()

    assert verdicts(stage) == {"accepted": 5}
    assert stage.happened().count("call.answered") == 5
    await stage.until_card(ts, "Accepted by Zuora: email 5 invoices")
    assert orders_of(stage) == Counter(numbers)


@pytest.mark.never_repeated
async def test_what_was_never_sent_is_not_sent_a_day_after_the_approval(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="hang", times=None)
    ts = await ask(stage, numbers)
    await stage.until(lambda: all_out(stage))
    stage.bot.runner._held[1].cancel()  # the process dies with calls under way
    await stage.stop()
    sent = orders_of(stage)
    stage.zuora.faults.clear()
    stage.clock.advance(hours=24)

    await stage.start()
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert orders_of(stage) == sent
    assert verdicts(stage) == {"lost": len(sent), "rejected": 60 - len(sent)}
    assert stage.findings() == ()


async def test_a_pass_that_takes_until_a_day_after_the_approval_sends_no_more(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=1, times=None)
    await ask(stage, numbers)
    await stage.until(lambda: all_out(stage))
    sent = orders_of(stage)

    stage.clock.advance(hours=23)
    await stage.until(lambda: ended(stage))

    assert orders_of(stage) == sent
    assert verdicts(stage) == {"accepted": len(sent), "rejected": 60 - len(sent)}
    assert stage.findings() == ()


async def planned(stage):
    """The card of a request whose order is planned when the process dies, and did not go out."""
    ts = await stage.ask()
    stage.zuora.faults.add(RUN, kind="slow", seconds=1)
    read = len(stage.zuora.calls)
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.zuora.calls) > read)
    stage.bot.runner._stopping = True  # the process dies between the plan and the order
    await stage.as_time_passes(lambda: stage.request().state == "running", step=0.25)
    await stage.stop()
    assert stage.orders() == []
    return ts


@pytest.mark.parametrize(("change", "hours"), [("later", 24), ("changed", 2)])
async def test_an_order_that_was_planned_long_ago_is_checked_before_it_goes_out(
    stage, change, hours
):
    ts = await planned(stage)
    if change == "changed":
        next(iter(stage.zuora.world.invoices.values())).amount += 1
    stage.clock.advance(hours=hours)

    await stage.start()
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert stage.orders() == []


async def test_what_was_planned_a_moment_ago_for_one_tenant_does_not_go_out_in_another(stage):
    ts = await planned(stage)
    stage.zuora._service.tokens._tenant = "99999"

    await stage.start()
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert "another Zuora tenant" in stage.card(ts)
    assert stage.orders() == []


@pytest.mark.never_repeated
async def test_after_a_lost_answer_nothing_says_that_nothing_was_sent(stage):
    numbers = add_invoices(stage, 3)
    stage.zuora.faults.add(f"/v1/invoices/{numbers[0]}/emails", kind="lose_answer")
    for number in numbers[1:]:
        stage.zuora.faults.add(f"/v1/invoices/{number}/emails", kind="too_many")
    ts = await ask(stage, numbers)
    await stage.until_thread(ts, "1 of 3 went out")
    stage.zuora.world.invoices[numbers[1]].amount += 1

    await stage.pass_time(seconds=10)
    await stage.until(lambda: orders_of(stage).total() == 5)
    await stage.until_card(ts, "OUTCOME UNKNOWN for 1 of 3")

    assert not any("nothing was sent" in text.lower() for text in stage.thread(ts))


async def test_of_what_zuora_never_took_the_history_records_that_it_was_given_up(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="too_many", times=None, after=5, retry_after=600)
    await ask(stage, numbers)
    for _ in range(30):
        await stage.pass_time(hours=1)

    found = verdicts(stage)
    assert stage.request().state == "failed"
    assert found == {"accepted": 5, "rejected": 55}
    assert any(call.tries == 0 for call in stage.store.calls.of(1))
    assert stage.findings() == ()


async def test_what_was_planned_just_before_it_became_too_late_is_stopped_at_once(stage):
    ts = await stage.ask()
    span = 23 * 3600 - 20
    stage.zuora.faults.add(RUN, kind="slow", seconds=span)
    read = stage.clock.monotonic() + span
    await stage.press(BOB, ts)
    await stage.until(lambda: read in {due for due, _ in stage.clock._sleepers})
    stage.bot.runner._stopping = True  # the process dies between the plan and the order
    stage.clock.advance(seconds=span)
    await stage.until(lambda: stage.request().state == "running")
    await stage.stop()
    stage.clock.advance(seconds=30)

    await stage.start()
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert stage.orders() == []


@pytest.mark.parametrize("silent", ["zuora", "slack"])
async def test_a_list_that_half_went_out_never_ends_as_if_nothing_had_been_sent(stage, silent):
    numbers = add_invoices(stage, 6)
    stage.zuora.faults.add(MAILS, kind="too_many", times=None, after=2, retry_after=60)
    ts = await ask(stage, numbers)
    await stage.until_thread(ts, "2 of 6 went out")
    stage.zuora.faults.clear()
    if silent == "zuora":
        stage.zuora.faults.add("/object-query/*", kind="status", status=503, times=None)
    else:
        for method in ("usergroups.users.list", "usergroups.list"):
            stage.slack.faults.add(method, "error", error="internal_error", times=9_999)
        stage.clock.advance(minutes=20)  # who is in the groups is not known from before

    nearly_a_day = stage.clock.now() + timedelta(hours=22)
    await stage.as_time_passes(lambda: stage.clock.now() > nearly_a_day, step=970)
    assert not ended(stage)
    await stage.as_time_passes(lambda: ended(stage), step=97)  # the last wait would end too late
    await stage.until_card(ts, "4 of 6 failed")

    assert orders_of(stage) == Counter(dict.fromkeys(numbers, 1))
    assert verdicts(stage) == {"accepted": 2, "rejected": 4}
    assert "2 of 6 mails accepted by Zuora, 4 not sent" in stage.card(ts)
    assert "it could not be sent in time" in " ".join(stage.thread(ts))
    assert not any(
        "nothing was sent" in text.lower() for text in [stage.card(ts), *stage.thread(ts)]
    )
    assert stage.findings() == ()
