"""Several requests that are sent at once share what Zuora allows."""

from collections import Counter

from bot.workflow.sending import A_FEW, A_PART
from tests.stage import BOB
from tests.stories.test_email_many_documents import MAILS, add_invoices, ask, ended, orders_of


def written_as_sent(stage, number):
    return [call for call in stage.store.calls.of(number) if call.tries]


def all_out(stage):
    """Whether as many calls are out as may be, and Zuora has received each of them."""
    zuora = stage.bot.parts.tenancy.zuora
    return orders_of(stage).total() == zuora.under_way >= zuora.width


async def test_of_many_no_more_are_written_down_as_sent_than_are_out(stage):
    stage.zuora.faults.add(MAILS, kind="hang", times=None)
    await ask(stage, add_invoices(stage, 60))

    await stage.until(lambda: all_out(stage) and stage.bot.runner._held)
    out = stage.bot.parts.tenancy.zuora.under_way

    assert len(written_as_sent(stage, 1)) == out
    assert orders_of(stage).total() == out


def most_said_to_be_sent(stage, *numbers):
    """A condition that holds once the requests ended, and how many calls of them were under way at each look."""
    seen = []

    def all_ended():
        calls = [call for number in numbers for call in stage.store.calls.of(number)]
        seen.append(sum(1 for call in calls if call.is_under_way))
        return all(ended(stage, number) for number in numbers)

    return all_ended, seen


def few(stage):
    """As many as may be out or wait at the gate, with those that are ready."""
    width = stage.bot.parts.tenancy.zuora.width
    return width + width // A_PART + A_FEW


async def test_requests_share_the_width_and_few_are_said_to_be_sent_that_wait(stage):
    invoices = add_invoices(stage, 400)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=2, times=None)
    cards = [await stage.ask(text=" ".join(some)) for some in (invoices[:200], invoices[200:])]
    # asked with 40 mails out, Zuora would be too busy for the second until the clock moves
    for ts in cards:
        await stage.press(BOB, ts)
    all_ended, seen = most_said_to_be_sent(stage, 1, 2)

    await stage.as_time_passes(all_ended, step=0.25)

    assert max(seen) <= few(stage)
    assert orders_of(stage) == Counter(invoices)


async def test_while_the_token_is_renewed_no_more_are_said_to_be_sent(stage):
    invoices = add_invoices(stage, 400)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=1, times=None)
    await ask(stage, invoices)
    await stage.until(lambda: all_out(stage))
    stage.zuora.faults.add("/oauth/token", kind="slow", seconds=20)
    all_ended, seen = most_said_to_be_sent(stage, 1)

    stage.clock.advance(hours=1)  # the answers come, and the token is too old
    await stage.as_time_passes(all_ended, step=0.25)

    assert max(seen) <= few(stage)
    assert orders_of(stage) == Counter(invoices)


async def test_a_small_request_does_not_wait_for_a_large_one(stage):
    invoices = add_invoices(stage, 210)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=2, times=None)
    small = await stage.ask(text=" ".join(invoices[200:]))
    await ask(stage, invoices[:200])
    await stage.until(lambda: all_out(stage))

    await stage.press(BOB, small)
    await stage.as_time_passes(lambda: ended(stage, 1), step=0.25)

    assert stage.request(1).state == "succeeded"
    assert stage.request(2).state == "running"
