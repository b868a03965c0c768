"""Before a lost order is sent again its documents are read again: C5, and whoever mailed them meanwhile.

A repetition may be what takes effect, so what is wrong to send is looked for before it as before the first try.
"""

from datetime import timedelta

import pytest

from tests.stage import BOB, EMAILS
from tests.stories.test_again_under_its_key import AGAIN, LOST, NEVER_CAME, mailed, until_ended
from tests.stories.test_email_many_documents import add_invoices, ask


def invoice(stage, number):
    return stage.zuora.world.invoices[number]


def reversed_(document):
    document.reversed = True


def canceled(document):
    document.status = "Canceled"


def dearer(document):
    document.amount += 1


async def lost_one(stage, fault=NEVER_CAME, **values):
    """One invoice whose answer was lost; the card's `ts` and the invoice's number."""
    (number,) = add_invoices(stage, 1)
    stage.zuora.faults.add(f"/v1/invoices/{number}/emails", **fault)
    ts = await stage.ask(text=number, **values)
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    return ts, number


@pytest.mark.parametrize("change", [reversed_, canceled, dearer])
async def test_what_became_wrong_to_send_is_not_sent_again(stage, change):
    ts, number = await lost_one(stage)
    change(invoice(stage, number))

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert len(stage.orders()) == 1
    assert "It will not be sent again (" in stage.card(ts)
    assert number in stage.card(ts).partition("It will not be sent again (")[2]
    (call,) = stage.store.calls.of(1)
    assert number in call.no_more


async def test_what_somebody_mailed_in_zuora_meanwhile_is_not_mailed_again(stage):
    ts, number = await lost_one(stage)
    invoice(stage, number).last_email_sent = stage.clock.now() + timedelta(seconds=3)

    await until_ended(stage)
    await stage.until_card(ts, "Accepted by Zuora")

    assert len(stage.orders()) == 1
    assert f"Zuora shows a mail of {number} that was not there before" in stage.card(ts)
    assert mailed(stage)[number] == 0


async def test_of_many_the_others_are_sent_again(stage):
    numbers = add_invoices(stage, 5)
    for number in numbers[:3]:
        stage.zuora.faults.add(f"/v1/invoices/{number}/emails", **NEVER_CAME)
    ts = await ask(stage, numbers)
    await stage.until_thread(ts, AGAIN)
    reversed_(invoice(stage, numbers[0]))
    invoice(stage, numbers[1]).last_email_sent = stage.clock.now() + timedelta(seconds=3)

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert mailed(stage) == dict.fromkeys(numbers[2:], 1)
    by_subject = {call.subject: call for call in stage.store.calls.of(1)}
    assert "reversed" in by_subject[numbers[0]].no_more
    assert by_subject[numbers[1]].verdict == "accepted"
    assert by_subject[numbers[2]].repeats == 1


async def test_a_run_of_which_a_document_was_reversed_is_not_sent_again(stage):
    stage.zuora.faults.add(EMAILS, **NEVER_CAME)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    reversed_(next(iter(stage.zuora.world.invoices.values())))

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert len(stage.orders()) == 1
    assert "reversed" in stage.store.calls.of(1)[0].no_more


@pytest.mark.parametrize("fault", [LOST, NEVER_CAME])
async def test_a_run_that_is_as_it_was_is_sent_again(stage, fault):
    stage.zuora.faults.add(EMAILS, **fault)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)

    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert max(mailed(stage).values()) == 1


async def test_while_zuora_cannot_be_read_nothing_is_sent_again(stage):
    ts, number = await lost_one(stage)
    stage.zuora.faults.down = True

    await stage.as_time_passes(lambda: stage.request().looks > 1, step=5)
    assert len(stage.orders()) == 1
    stage.zuora.faults.clear()
    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert mailed(stage) == {number: 1}


async def test_of_two_hundred_what_zuora_shows_as_mailed_is_not_sent_again(stage):
    """E2, where Zuora has written the mail date before the first pause is over."""
    numbers = add_invoices(stage, 200)
    for number in numbers[::20]:
        stage.zuora.faults.add(f"/v1/invoices/{number}/emails", **LOST)
    ts = await ask(stage, numbers)

    await until_ended(stage)
    await stage.until_card(ts, "Accepted by Zuora: email 200 invoices")

    assert len(stage.orders()) == 200
    assert mailed(stage) == dict.fromkeys(numbers, 1)
    assert "For 10 calls the first answer was unclear. Zuora shows the mail" in stage.card(ts)


# What is left of many, after a rest


async def half_sent(stage, number=30):
    """Some of many went out, and Zuora takes no more right now; the card's `ts`, and all numbers."""
    numbers = add_invoices(stage, number)
    stage.zuora.faults.add("/v1/invoices/*/emails", kind="too_many", after=5, times=200)
    ts = await ask(stage, numbers)
    await stage.until_thread(ts, "went out")
    await stage.quiet()
    assert 0 < len(mailed_now(stage)) < number
    return ts, numbers


def mailed_now(stage):
    return {call.subject for call in stage.store.calls.of(1) if call.verdict == "accepted"}


async def goes_on(stage, ts):
    stage.clock.advance(minutes=2)
    stage.zuora.faults.clear()
    await stage.as_time_passes(lambda: stage.request().state in ("failed", "succeeded"), step=5)
    await stage.quiet()


async def test_what_became_wrong_while_the_rest_waited_is_left_out(stage):
    ts, numbers = await half_sent(stage)
    left = [number for number in numbers if number not in mailed_now(stage)]
    reversed_(invoice(stage, left[0]))
    invoice(stage, left[1]).last_email_sent = stage.clock.now()

    await goes_on(stage, ts)

    assert stage.request().state == "failed"
    assert mailed(stage) == dict.fromkeys([n for n in numbers if n not in left[:2]], 1)
    words = {call.subject: call.words for call in stage.store.calls.of(1)}
    assert "reversed" in words[left[0]]
    assert "mailed meanwhile" in words[left[1]]


async def test_whoever_was_taken_out_sends_nothing_of_the_rest(stage):
    ts, _ = await half_sent(stage)
    went_out = mailed_now(stage)
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    stage.clock.advance(minutes=10)

    await goes_on(stage, ts)

    assert stage.request().state == "failed"
    assert set(mailed(stage)) == went_out
    assert "only 0 of those given are from them" in "".join(stage.thread(ts)) + "".join(
        call.words for call in stage.store.calls.of(1)
    )


async def test_the_rest_is_not_sent_to_another_tenant(stage):
    ts, _ = await half_sent(stage)
    went_out = mailed_now(stage)
    stage.zuora.faults.clear()
    stage.changes = {"zuora_entity_ids": "11e6ba62b31d7c1db23700163e000000"}
    orders = len(stage.orders())
    await stage.restart()

    await goes_on(stage, ts)

    assert len(stage.orders()) == orders
    assert set(mailed(stage)) == went_out


async def test_of_a_list_of_several_kinds_each_is_read_as_its_own(stage):
    (number,) = add_invoices(stage, 1)
    memo = stage.zuora.world.add_debit_memo("A00000001", "USD", "10.00").number
    for path in (f"/v1/invoices/{number}/emails", f"/v1/debitmemos/{memo}/emails"):
        stage.zuora.faults.add(path, **NEVER_CAME)
    ts = await ask(stage, [number, memo])
    await stage.until_thread(ts, AGAIN)
    reversed_(invoice(stage, number))

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.quiet()

    by_subject = {call.subject: call for call in stage.store.calls.of(1)}
    assert "reversed" in by_subject[number].no_more
    assert by_subject[memo].verdict == "accepted"
    assert mailed(stage) == {memo: 1}
