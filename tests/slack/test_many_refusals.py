"""A member without rights who clicks without end: nothing fills, nobody waits."""

import asyncio

from bot.domain.history import What
from bot.domain.message import MessageKind
from bot.store.outbox import ANSWERS_A_MINUTE
from bot.store.refusals import WRITTEN_A_MINUTE
from tests.audit.test_evidence import entries, made
from tests.slack.test_sender import calls_of, cards, fill, more_runs, pass_time, quiet, seconds
from tests.stage import ALICE, BOB, CHANNEL, MARA

CLICKS = 1200


async def flood(stage, ts, clicks=CLICKS):
    """Press again and again without the right to, twenty at once, however slow the machine is."""
    for begun in range(0, clicks, 20):
        acks = await asyncio.gather(
            *(
                stage.slack.click(MARA, CHANNEL, ts, "approve")
                for _ in range(min(20, clicks - begun))
            )
        )
        assert all(ack.ok for ack in acks)


def refused(stage):
    return [each.entry for each in stage.store.history.all() if each.entry.what is What.REFUSED]


async def test_a_thousand_refusals_of_one_person_are_some_rows_and_one_that_counts_the_rest(
    stage, tmp_path
):
    ts = await stage.ask()
    await flood(stage, ts)
    assert len(refused(stage)) == WRITTEN_A_MINUTE
    await pass_time(stage, minutes=2)

    *each, last = refused(stage)

    assert len(each) == WRITTEN_A_MINUTE
    assert (last.who, last.data["count"]) == (MARA, CLICKS - WRITTEN_A_MINUTE)
    assert last.data["first_at"].startswith("2026-11-21T10:0")
    assert stage.store.figures.refusals("2026-11") == CLICKS
    assert stage.findings() == ()
    result, out = await made(stage, tmp_path)
    assert result.exit_code == 0, result.output
    shown = entries(out, "refusals.jsonl")
    assert shown[-1]["data"]["count"] == CLICKS - WRITTEN_A_MINUTE


async def test_what_was_only_counted_when_the_bot_was_stopped_is_written_after_the_start(stage):
    ts = await stage.ask()
    await flood(stage, ts, WRITTEN_A_MINUTE + 7)
    await stage.stop()
    stage.clock.advance(minutes=1)

    await stage.start()
    await quiet(stage)

    assert refused(stage)[-1].data["count"] == 7


async def test_the_refusals_of_the_next_minute_are_written_again_after_those_that_were_counted(
    stage,
):
    ts = await stage.ask()
    await flood(stage, ts, WRITTEN_A_MINUTE + 1)
    stage.clock._now = stage.clock._now.replace(minute=59)  # without waking the loop that counts

    await flood(stage, ts, 1)

    *_, counted, after = refused(stage)
    assert counted.data["count"] == 1
    assert (after.request, after.data["wanted"]) == (1, "approve")


async def test_one_person_causes_some_private_answers_a_minute_and_reads_that_the_rest_is_left_out(
    stage,
):
    ts = await stage.ask()
    await flood(stage, ts, 200)
    await quiet(stage)

    said = [message.text for message in stage.slack.private(MARA, CHANNEL)]
    assert len(said) == ANSWERS_A_MINUTE
    assert sum("the next ones are left out for a minute" in text for text in said) == 1

    await stage.press(ALICE, ts)
    await quiet(stage)
    assert stage.slack.private(ALICE, CHANNEL)  # others are answered as ever
    stage.clock.advance(minutes=2)
    await flood(stage, ts, 1)
    await quiet(stage)
    assert len(stage.slack.private(MARA, CHANNEL)) == ANSWERS_A_MINUTE + 1


async def test_cards_go_out_while_slack_limits_private_answers_to_somebody_who_clicks_without_end(
    stage,
):
    ts = await stage.ask()
    stage.slack.faults.add("chat.postEphemeral", "ratelimited", times=10_000, retry_after=30)
    await flood(stage, ts)
    numbers = [f"BR-0000000{number}" for number in range(2, 7)]
    more_runs(stage, *numbers)

    for number in numbers:
        await fill(stage, number)
    await quiet(stage)

    assert len(cards(stage)) == 1 + len(numbers)  # no time has passed
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.store.outbox.open()) <= ANSWERS_A_MINUTE
    limited = len(calls_of(stage, "chat.postEphemeral", ok=False))
    assert limited <= ANSWERS_A_MINUTE
    await seconds(stage, 29)
    assert len(calls_of(stage, "chat.postEphemeral", ok=False)) == limited
    await pass_time(stage, minutes=3)
    assert [
        each for each in stage.store.outbox.open() if each.message.kind is MessageKind.PRIVATE
    ] == []


async def test_a_method_that_slack_limits_is_left_alone_by_every_lane(stage):
    numbers = [f"BR-0000000{number}" for number in range(2, 8)]
    more_runs(stage, *numbers)
    stage.slack.faults.add("chat.postMessage", "ratelimited", retry_after=20)

    for number in ("BR-00000001", *numbers):
        await fill(stage, number)
        await quiet(stage)
    await seconds(stage, 19)

    assert len(calls_of(stage, "chat.postMessage", ok=False)) == 1
    assert cards(stage) == []
    await seconds(stage, 5)
    assert len(cards(stage)) == 1 + len(numbers)
    assert len(calls_of(stage, "chat.postMessage", ok=False)) == 1


async def test_reading_accounts_rests_for_everybody_while_slack_limits_it(stage):
    ts = await stage.ask()
    await pass_time(stage, minutes=2)
    stage.slack.faults.add("users.info", "ratelimited", retry_after=20)

    for user in (BOB, MARA, BOB, MARA):
        await stage.press(user, ts)
        await quiet(stage)

    assert len(calls_of(stage, "users.info", ok=False)) == 1
    assert stage.request().state == "waiting"
    await seconds(stage, 21)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_a_limit_to_looking_for_a_card_does_not_let_it_be_sent_twice(stage):
    for name in ("ratelimited", "rate_limited"):
        stage.slack.faults.add("chat.postMessage", "lose_answer")
        await fill(stage)
        await quiet(stage)
        stage.slack.faults.add("conversations.history", "error", error=name)
        before = len(cards(stage))

        await seconds(stage, 90)

        assert len(cards(stage)) == before
        assert stage.store.outbox.open() == []
        await stage.press(BOB, cards(stage)[-1], "reject")
        await stage.slack.submit(BOB, {"reason": "Once more"})
        await quiet(stage)


async def test_the_home_of_somebody_who_opens_it_without_end_is_drawn_once_it_can_be(stage):
    await quiet(stage)
    stage.slack.faults.add("views.publish", "ratelimited", retry_after=60)
    await stage.slack.open_home(MARA)
    await quiet(stage)

    for _ in range(10):
        await asyncio.gather(*(stage.slack.open_home(MARA) for _ in range(20)))

    homes = [each for each in stage.store.outbox.open() if each.message.kind is MessageKind.HOME]
    assert len(homes) == 1
    await pass_time(stage, minutes=2)
    assert stage.slack.home(MARA) is not None


async def test_a_guest_who_asks_for_details_without_end_causes_some_answers_a_minute(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.workspace.users[MARA].is_restricted = True

    for _ in range(10):
        await asyncio.gather(*(stage.slack.click(MARA, CHANNEL, ts, "details") for _ in range(20)))
    await quiet(stage)

    assert len(calls_of(stage, "chat.postEphemeral")) == ANSWERS_A_MINUTE
    assert len(refused(stage)) == WRITTEN_A_MINUTE
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
