"""A request that stops because another reached some of its documents offers the rest."""

import pytest

from tests.stage import ALICE, BOB, CHANNEL
from tests.stories.test_ledger import RUN, accepted, asked, held, stopped

pytestmark = pytest.mark.never_repeated
__all__ = ["held"]


def offer(stage, ts):
    """The thread's message that offers the others, or None."""
    return next(
        (m for m in stage.slack.thread(CHANNEL, ts) if "Mail just the other" in str(m.blocks)), None
    )


async def pressed(stage, ts):
    await stage.slack.click(ALICE, CHANNEL, offer(stage, ts).ts, "others")
    assert stage.slack.view(ALICE) is not None, stage.private(ALICE)
    before = len(stage.slack.channel_messages(CHANNEL))
    submitted = await stage.slack.submit(ALICE, {"reason": "The rest"})
    assert submitted.ok, submitted.errors
    await stage.quiet()
    return [m.ts for m in stage.slack.channel_messages(CHANNEL)[before:]]


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
async def test_a_run_offers_the_documents_that_nobody_else_mailed(stage, held, kind):
    run = await asked(stage, RUN)
    one = await asked(stage, held[kind])
    await accepted(stage, one)
    await stopped(stage, run)

    assert "Mail just the other 4 by number" in str(offer(stage, run).blocks)
    for card in await pressed(stage, run):
        await accepted(stage, card)

    stage.clock.advance(minutes=30)
    mailed = [mail.document for mail in stage.zuora.world.mails]
    documents = stage.zuora.world.documents_of(stage.zuora.world.bill_runs[RUN])
    reached = {each.number for each in documents if each.account.bill_to.work_email}
    assert len(mailed) == len(set(mailed))
    assert set(mailed) == reached


async def test_what_was_mailed_between_the_offer_and_the_press_is_left_out_too(stage, held):
    run = await asked(stage, RUN)
    await accepted(stage, await asked(stage, held["invoice"]))
    await stopped(stage, run)
    await accepted(stage, await asked(stage, held["credit_memo"]))

    await pressed(stage, run)

    texts = [stage.request(number).subject for number in (4,)]
    assert texts == ["3 invoices"]


async def test_a_run_that_stops_as_zuora_shows_the_mail_of_one_offers_the_others_too(stage, held):
    run = await asked(stage, RUN)
    await accepted(stage, await asked(stage, held["invoice"]))
    await stage.pass_time(minutes=10)
    said = await stopped(stage, run)

    assert "mailed before then" in said or "meanwhile" in said
    assert "Mail just the other 4 by number" in str(offer(stage, run).blocks)


async def test_while_a_document_is_unknown_the_others_can_be_mailed(stage, held):
    run = await asked(stage, RUN)
    one = await asked(stage, held["credit_memo"])
    stage.zuora.faults.add("/v1/*/*/emails", kind="lose_answer")
    await stage.press(BOB, one)
    await stage.until_card(one, "OUTCOME UNKNOWN")

    assert "R-2 has an order for" in await stopped(stage, run)
    assert "Mail just the other 4 by number" in str(offer(stage, run).blocks)


async def test_one_document_that_stops_has_no_others(stage, held):
    one = await asked(stage, held["credit_memo"])
    await accepted(stage, await asked(stage, RUN))
    await stopped(stage, one)

    assert offer(stage, one) is None


async def test_a_request_that_stops_for_another_reason_offers_no_others(stage):
    run = await asked(stage, RUN)
    stage.zuora.world.documents_of(stage.zuora.world.bill_runs[RUN])[0].amount += 1
    await stopped(stage, run)

    assert offer(stage, run) is None


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
async def test_the_form_itself_offers_the_documents_that_nobody_has_mailed_lately(
    stage, held, kind
):
    await accepted(stage, await asked(stage, held[kind]))
    await stage.fill(text=RUN, reason="The rest")

    await stage.slack.choose(ALICE, "form:others")
    await stage.slack.until(lambda: "Who gets the mail" in str(stage.slack.view(ALICE)))
    before = len(stage.slack.channel_messages(CHANNEL))
    submitted = await stage.slack.submit(ALICE)
    await stage.quiet()

    assert submitted.ok, submitted.errors
    for card in [m.ts for m in stage.slack.channel_messages(CHANNEL)[before:]]:
        await accepted(stage, card)
    stage.clock.advance(minutes=30)
    mailed = [mail.document for mail in stage.zuora.world.mails]
    documents = stage.zuora.world.documents_of(stage.zuora.world.bill_runs[RUN])
    assert len(mailed) == len(set(mailed))
    assert set(mailed) == {e.number for e in documents if e.account.bill_to.work_email}
    assert stage.request(2).reason == "The rest"


async def test_the_form_for_several_documents_offers_those_of_other_kinds_too(stage, held):
    await accepted(stage, await asked(stage, held["credit_memo"]))
    both = f"{held['invoice']} {held['credit_memo']}"

    await stage.fill(text=both, recipients="bill_to")
    await stage.slack.choose(ALICE, "form:others")
    await stage.slack.until(lambda: held["credit_memo"] not in str(stage.slack.view(ALICE)))
    submitted = await stage.slack.submit(ALICE)
    await stage.quiet()

    assert submitted.ok, submitted.errors
    assert stage.request(2).subject == held["invoice"]
    assert '"recipients":"bill_to"' in stage.request(2).body


async def test_the_button_of_the_form_offers_nothing_to_somebody_else(stage, held):
    await accepted(stage, await asked(stage, held["invoice"]))
    submitted = await stage.fill(text=RUN)
    value = submitted.view["blocks"][0]["elements"][0]["value"]

    assert stage.store.drafts.get(value, ALICE, stage.clock.now())
    assert not stage.store.drafts.get(value, BOB, stage.clock.now())
