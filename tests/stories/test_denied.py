"""*Not mine* holds up what rests on the decision: a click that was sent in somebody's name mails nothing more."""

import json
import re
from dataclasses import replace

import pytest

from bot.domain.call import NOT_SENT
from bot.domain.history import What
from bot.domain.request import State
from bot.workflow.denials import NO_RECEIPT
from bot.workflow.receipts import NOT_MINE
from bot.workflow.sending import JUST_READ
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA
from tests.status.made import exported
from tests.stories.test_approvals import two
from tests.stories.test_audit import AUDIT
from tests.stories.test_billstatus import ask_status
from tests.stories.test_email_many_documents import MAILS, add_invoices
from tests.stories.test_email_many_documents import ask as ask_for_many
from tests.stories.test_home import opened, text_of
from tests.stories.test_pass_cut_short import RUN
from tests.stories.test_policy_confirmed import changed, confirm
from tests.stories.test_receipts import direct, entries, press

__all__ = ["changed", "two"]


def said(stage, channel, words):
    return [m.text for m in stage.slack.channel_messages(channel) if words in m.text]


def receipts(stage, user):
    return [m for m in direct(stage, user) if m.text.startswith("Receipt")]


def subjects(stage, words=""):
    """What calls were saved as sent about; with words, what was settled with them."""
    what = What.CALL_SETTLED if words else What.CALL_SENT
    return {
        each.data["subject"]
        for each in entries(stage, what)
        if words in each.data.get("words", words)
    }


async def denied(stage, user):
    """Press *Not mine* on the latest receipt."""
    before = len(entries(stage, What.STATEMENT_DENIED))
    await press(stage, user, NOT_MINE)
    await stage.slack.until(lambda: len(entries(stage, What.STATEMENT_DENIED)) > before)
    await stage.quiet()


async def test_what_waits_for_a_second_approval_is_stopped_and_stays_so(two):
    stage = two
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: receipts(stage, BOB))

    await denied(stage, BOB)
    assert stage.request().state is State.STOPPED
    shown = {"type": "button", "value": stage.request().reference}
    await stage.slack.click(CARLA, CHANNEL, ts, "approve", force=True, block=shown)
    await stage.quiet()

    assert stage.request().state is State.STOPPED
    assert not stage.orders()
    card = stage.card(ts)
    assert "Result: Somebody in whose name it was approved says" in card
    assert card.count("Nothing was sent") == 1
    assert f"Not theirs: <@{BOB}> says that somebody else approved in their name" in card
    story = await ask_status(stage, MARA, "R-1")
    assert f"Not theirs: <@{BOB}> says that somebody else approved in their name" in story
    assert f"<@{BOB}> approved · ⚠ not theirs, they say" in story
    overview = await ask_status(stage, MARA)
    assert overview.endswith(f"asked by <@{ALICE}> · ⚠ not theirs, says <@{BOB}>")
    assert re.search(r"Stopped <!date[^>]*>; nothing was sent · asked by", story)
    (loud,) = said(stage, CHANNEL, "is not theirs")
    assert "R-1 was stopped; nothing was sent." in loud

    await press(stage, BOB, NOT_MINE)
    await stage.quiet()
    private = stage.slack.private(BOB, stage.slack.workspace.direct(BOB).id)
    assert "Recorded already" in private[-1].text
    assert len(entries(stage, What.STATEMENT_DENIED)) == 1
    assert said(stage, CHANNEL, "is not theirs") == [loud]


async def test_what_is_denied_between_its_plan_and_its_first_call_is_stopped_at_once(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(RUN, kind="slow", seconds=1)
    read = len(stage.zuora.calls)
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.zuora.calls) > read)
    stage.bot.runner._stopping = True  # the process dies before the next step
    await stage.as_time_passes(lambda: stage.request().state is State.RUNNING, step=0.25)
    await stage.as_time_passes(lambda: receipts(stage, BOB), step=0.25)
    await press(stage, BOB, NOT_MINE)
    await stage.slack.until(lambda: entries(stage, What.STATEMENT_DENIED))
    await stage.stop()

    began = stage.clock.now()
    await stage.start()
    await stage.as_time_passes(lambda: stage.request().state is not State.RUNNING)

    assert stage.request().state is State.STOPPED
    assert not stage.orders()
    assert not entries(stage, What.CALL_SENT)
    assert stage.clock.now() - began < JUST_READ, "it does not wait until its facts are old"


@pytest.mark.parametrize("part", [500, 8])
async def test_of_what_is_being_sent_the_rest_is_held_back(stage, monkeypatch, part):
    """A list longer than a part is read and given up part by part, and the next step ends it."""
    for module in ("store.in_parts", "store.calls", "workflow.sending", "workflow.ending"):
        monkeypatch.setattr(f"bot.{module}.PART", part)
    numbers = add_invoices(stage, 60)
    stage.zuora.knobs = replace(stage.zuora.knobs, rate_headers=False, concurrency_limit=4)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=6, times=None)
    ts = await ask_for_many(stage, numbers)
    await stage.as_time_passes(
        lambda: stage.store.calls.tally(1).went_out >= 4 and receipts(stage, BOB)
    )

    await press(stage, BOB, NOT_MINE)
    await stage.as_time_passes(lambda: stage.request().state in ("failed", "succeeded"))
    await stage.quiet()

    calls = stage.store.calls.of(1)
    sent = {call.subject for call in calls if call.verdict == "accepted"}
    assert 4 <= len(sent) < 40
    assert f"{len(sent)} of 60 mails accepted by Zuora, {60 - len(sent)} not sent." in stage.card(
        ts
    )
    assert stage.buttons(ts)[0] == "again"
    assert all(
        "in whose name it was approved" in call.words for call in calls if call.subject not in sent
    )
    assert len(stage.orders()) - sum(order.status == 429 for order in stage.orders()) == len(sent)
    (denial,) = stage.store.history.since(0, What.STATEMENT_DENIED)
    begun = [row.sequence for row in stage.store.history.of(1) if row.entry.what is What.CALL_SENT]
    assert max(begun) < denial.sequence  # not one mail was begun after it
    assert subjects(stage, NOT_SENT) <= subjects(stage)  # only what was saved as sent is taken back
    assert any(
        "Whatever has not gone out yet of R-1 is held back." in text for text in stage.thread(ts)
    )


async def test_a_receipt_is_of_one_decision_and_what_is_over_is_said_as_it_is(stage):
    stage.changes["repeat_lost"] = "no"
    await stage.restart()
    stage.zuora.faults.add("/v1/bill-runs/*/emails", kind="lose_answer")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: "record_sent" in stage.buttons(ts))
    await stage.record(BOB, ts, "record_sent", "Email history, 11:05")
    await stage.slack.until(lambda: len(receipts(stage, BOB)) == 2)
    await opened(stage, MARA)
    assert "not theirs" not in text_of(stage, MARA)

    await denied(stage, BOB)
    recorded_by = f"<@{BOB}> says that somebody else recorded the outcome in their name"
    assert f"Not theirs: {recorded_by}" in stage.card(ts)
    assert "⚠ not theirs, says " in text_of(stage, MARA)
    assert any("the decision about R-1 is not theirs" in text for text in stage.thread(ts))

    (recorded,) = [each for each in stage.store.history.of(1) if each.entry.what is What.SETTLED]
    assert [each.data["rows"] for each in entries(stage, What.STATEMENT_DENIED)] == [
        [recorded.sequence]
    ]
    await stage.slack.click(
        BOB, stage.slack.workspace.direct(BOB).id, receipts(stage, BOB)[0].ts, NOT_MINE
    )
    await stage.slack.until(lambda: len(entries(stage, What.STATEMENT_DENIED)) == 2)
    await stage.quiet()
    assert "R-1: Accepted by Zuora." in said(stage, CHANNEL, "is not theirs")[-1]
    assert any("the approval of R-1 is not theirs" in text for text in stage.thread(ts))
    assert f"Not theirs: <@{BOB}> says that somebody else approved in their name" in stage.card(ts)
    (row, *_) = json.loads(await exported(stage.store, "2026-11", "json"))
    assert (row["approved_by"], row["denied_by"]) == (BOB, BOB)


async def test_a_rejection_that_is_denied_is_on_the_card_and_in_the_thread(stage):
    ts = await stage.ask()
    await stage.reject(BOB, ts, "Wrong month")
    await stage.slack.until(lambda: receipts(stage, BOB))

    await denied(stage, BOB)

    assert f"Not theirs: <@{BOB}> says that somebody else rejected it in their name" in stage.card(
        ts
    )
    (loud,) = said(stage, CHANNEL, "is not theirs")
    assert "R-1: Rejected. Somebody else may hold" in loud
    assert any("the decision about R-1 is not theirs" in text for text in stage.thread(ts))
    assert f"<@{BOB}> rejected: Wrong month · ⚠ not theirs" in await ask_status(stage, MARA, "R-1")


async def test_a_confirmation_of_the_policy_has_a_receipt_and_counts_no_more_once_it_is_denied(
    changed,
):
    stage = changed
    await confirm(stage, CARLA)
    await stage.slack.until(
        lambda: any(
            "you confirmed the change of the policy" in m.text for m in direct(stage, CARLA)
        )
    )

    await denied(stage, CARLA)

    assert said(stage, AUDIT, "confirmed the change of the policy in row")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.quiet()
    assert stage.request().state is State.APPROVED
    assert not stage.orders()
    await confirm(stage, BOB)
    await stage.as_time_passes(lambda: stage.request().state is State.SUCCEEDED)


async def test_a_signature_below_an_explanation_has_a_receipt(stage):
    await stage.slack.slash(BOB, CHANNEL, "/billstatus explain BR-00000001 posted by hand")
    shown = stage.slack.private(BOB, CHANNEL)[-1]
    await stage.slack.click(BOB, CHANNEL, shown.ts, "exception:sign")
    await stage.slack.until(lambda: receipts(stage, BOB))

    assert "you signed the explanation of BR-00000001" in receipts(stage, BOB)[0].text


async def test_a_button_that_names_no_row_of_theirs_denies_nothing(two):
    stage = two
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: receipts(stage, BOB))
    mine = stage.store.history.of(1)
    asked = f"row-{mine[0].sequence}-{mine[0].hash[:16]}"
    channel, receipt = stage.slack.workspace.direct(BOB).id, receipts(stage, BOB)[0].ts
    for value in ("row-", "row-1-", "row-99-" + "0" * 16, f"row-{'9' * 40}-a", "row-٣-a", asked):
        block = {"type": "button", "value": value}
        await stage.slack.click(BOB, channel, receipt, NOT_MINE, force=True, block=block)
    await stage.quiet()

    shown = [each.text for each in stage.slack.private(BOB, channel)]
    assert shown == [NO_RECEIPT] * 6
    assert not entries(stage, What.STATEMENT_DENIED)
    assert stage.request().state is State.WAITING
