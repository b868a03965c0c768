"""The messages of the outbox arrive in Slack: in order for each card, each once, whatever Slack does."""

import asyncio
from contextlib import closing
from typing import Any

import pytest

from bot.domain.message import File, Message, MessageKind
from bot.slack.web import MOST_BYTES
from tests.patient import LONGEST, waits_for_ever
from tests.postgres import another_connection
from tests.stage import ALICE, BOB, CHANNEL, EMAILS, MARA

STEPS = ("approved R-", "Nothing has changed in Zuora", "Zuora accepted")


def looks(stage):
    """The sender's own: what is read at a start goes back without a bound."""
    return [call for call in calls_of(stage, "conversations.history") if "oldest" in call.args]


def calls_of(stage, method, *, ok=True):
    return [call for call in stage.slack.calls if call.method == method and call.ok is ok]


def more_runs(stage, *numbers):
    for number in numbers:
        stage.zuora.world.add_bill_run(number, invoices=[("A00000001", "USD", "10.00")])


def cards(stage):
    return [message.ts for message in stage.slack.channel_messages(CHANNEL)]


def is_the_story(said):
    return len(said) == len(STEPS) and all(
        step in text for step, text in zip(STEPS, said, strict=True)
    )


async def fill(stage, text="BR-00000001"):
    submitted = await stage.fill(text=text)
    assert submitted.ok, submitted.errors


async def quiet(stage):
    """Return once the bot has nothing to do at this moment; a lane may wait behind its first."""

    def at_rest():
        now, first = stage.clock.now(), dict[str, Any]()
        for each in stage.store.outbox.open():
            first.setdefault(each.lane, each)
        waits = all(each.wake_at and each.wake_at > now for each in first.values())
        idle = not stage.bot.runner.under_way and not stage.bot.sender.under_way
        return waits and idle and not stage.store.requests.due(now, 1)

    await stage.until(at_rest)
    for _ in range(5):  # until the loops that wait on the clock have begun to
        await asyncio.sleep(0)


async def pass_time(stage, **span):
    await quiet(stage)
    stage.clock.advance(**span)
    await quiet(stage)


async def seconds(stage, number):
    for _ in range(number):
        await pass_time(stage, seconds=1)


# A lost answer


async def test_a_card_whose_answer_was_lost_is_found_and_not_sent_twice(stage):
    stage.slack.faults.add("chat.postMessage", "lose_answer")

    ts = await stage.ask()
    assert stage.request().card_ts is None
    await seconds(stage, 5)

    assert cards(stage) == [ts]
    assert stage.request().card_ts == ts
    assert len(looks(stage)) == 1
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert is_the_story(stage.thread(ts))


async def test_a_card_whose_answer_was_lost_is_found_after_a_restart(stage):
    stage.slack.faults.add("chat.postMessage", "lose_answer")
    ts = await stage.ask()
    await quiet(stage)

    await stage.restart()
    await seconds(stage, 5)

    assert cards(stage) == [ts]
    assert stage.request().card_ts == ts


async def test_a_card_that_never_arrived_is_looked_for_and_sent_again(stage):
    stage.slack.faults.add("chat.postMessage", "drop")

    await fill(stage)
    await seconds(stage, 5)

    assert len(cards(stage)) == 1
    assert len(looks(stage)) == 1


async def test_a_line_whose_answer_was_lost_is_found_in_the_thread(stage):
    ts = await stage.ask()
    stage.slack.faults.add("chat.postMessage", "lose_answer", times=2)

    await stage.press(BOB, ts)
    await quiet(stage)
    await seconds(stage, 10)

    await stage.until_card(ts, "Accepted by Zuora")
    assert is_the_story(stage.thread(ts))
    assert calls_of(stage, "conversations.replies")


async def test_another_message_of_the_same_request_is_not_taken_for_the_lost_one(stage):
    ts = await stage.ask()
    stage.slack.faults.add("chat.postMessage", "drop", after=1)

    await stage.press(BOB, ts)
    await quiet(stage)
    await seconds(stage, 5)

    await stage.until_card(ts, "Accepted by Zuora")
    assert is_the_story(stage.thread(ts))


async def test_an_answer_that_slack_could_not_give_is_looked_for_too(stage):
    stage.slack.faults.add("chat.postMessage", "status", code=503)
    stage.slack.faults.add("conversations.history", "error", error="internal_error")

    await fill(stage)
    await seconds(stage, 12)

    assert len(cards(stage)) == 1


PAGES: dict[str, dict[str, Any]] = {
    "a gateway's page": {"code": 502},
    "a page that is said to be right": {"code": 200},
    "a page that is said to be JSON": {"code": 502, "content_type": "application/json"},
    "half an answer": {"code": 200, "text": '{"ok":tr', "content_type": "application/json"},
    "a list": {"code": 200, "text": "[1]", "content_type": "application/json"},
    "a number": {"code": 200, "text": "1", "content_type": "application/json"},
    "a number without an end": {
        "code": 200, "text": f'{{"ok":true,"ts":{"1" * 5000}}}', "content_type": "application/json",
    },
    "neither yes nor no": {"code": 200, "text": "{}", "content_type": "application/json"},
    "a no without a reason": {
        "code": 200, "text": '{"ok":false,"error":{}}', "content_type": "application/json",
    },
    "too much": {
        "code": 200, "text": f'{{"ok":true,"x":"{"x" * MOST_BYTES}"}}', "content_type": "application/json",
    },
}  # fmt: skip


async def test_a_card_whose_answer_is_not_slacks_is_looked_for_and_not_sent_twice(stage):
    for said in PAGES.values():
        stage.slack.faults.add("chat.postMessage", "page", **said)
        await fill(stage)
        await seconds(stage, 5)
        await stage.reject(BOB, cards(stage)[-1], "Not this one")
        await quiet(stage)

    assert len(cards(stage)) == len(PAGES)
    assert len(looks(stage)) == len(PAGES)


async def test_a_process_that_died_while_sending_differs_from_one_that_did_not_send(stage):
    hang = stage.slack.faults.add("chat.postMessage", "hang")
    await fill(stage)
    await stage.until(lambda: not hang.times)  # Slack has the message
    for lane in stage.bot.sender._lanes.values():
        lane.cancel()  # the process dies with the message under way

    await stage.restart()
    await seconds(stage, 5)

    assert len(cards(stage)) == 1
    assert len(looks(stage)) == 1


# Slack's no


async def test_a_429_is_waited_for_as_long_as_slack_says(stage):
    stage.slack.faults.add("chat.postMessage", "ratelimited", retry_after=30)

    await fill(stage)
    await pass_time(stage, seconds=29)
    assert cards(stage) == []
    await pass_time(stage, seconds=1)

    assert len(cards(stage)) == 1
    assert looks(stage) == []  # a refused message is not looked for


async def test_blocks_that_slack_refuses_become_plain_text_that_says_it_all(stage):
    stage.slack.faults.add("chat.postMessage", "error", error="invalid_blocks")

    ts = await stage.ask()

    (message,) = stage.slack.channel_messages(CHANNEL)
    assert message.blocks == []
    for words in ("waiting for one approval", "BR-00000001", "Why: Month end", f"<@{ALICE}>"):
        assert words in stage.card(ts)
    without = "Slack did not take the buttons that belong here; "
    assert stage.card(ts).endswith(f"{without}R-1 can be decided on the bot's Home tab.")

    stage.slack.faults.add("chat.update", "error", error="invalid_blocks")
    await stage.slack.click(BOB, CHANNEL, ts, "reject", value="1", force=True)
    await stage.slack.submit(BOB, {"reason": "Not now"})
    await quiet(stage)
    assert stage.card(ts).endswith(f"{without}/billstatus R-1 shows the rest.")


@pytest.mark.never_repeated
async def test_a_card_without_its_buttons_asks_for_help_where_only_they_would_help(stage):
    stage.zuora.faults.add("/v1/bill-runs/*/emails", kind="lose_answer")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: stage.request().state == "unknown")
    await quiet(stage)
    stage.slack.faults.add("chat.update", "error", error="invalid_blocks")

    with stage.store.transaction():
        edit = Message(kind=MessageKind.UPDATE, request=1, channel=CHANNEL, text="", blocks=[])
        stage.store.outbox.add(edit, stage.clock.now())
    stage.bot.parts.bells.sender.set()
    await quiet(stage)

    assert stage.card(ts).endswith("belong here; please tell whoever runs Billing Bot.")


async def test_a_text_that_goes_out_without_its_blocks_keeps_to_slacks_limit(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.postMessage", "error", error="invalid_blocks")
    with stage.store.transaction():
        row = {"type": "actions", "block_id": "b", "elements": []}
        reply = Message(
            kind=MessageKind.REPLY, request=1, channel=CHANNEL, text="ab " * 2000, blocks=[row]
        )
        stage.store.outbox.add(reply, stage.clock.now())
    stage.bot.parts.bells.sender.set()
    await quiet(stage)

    (said,) = stage.thread(ts)
    assert 3800 < len(said) <= 4000
    assert said.endswith("R-1 can be decided on the bot's Home tab.")


MALFORMED = [
    "invalid_blocks", "msg_too_long", "no_text", "invalid_arguments", "metadata_too_large",
    "attachment_payload_limit_exceeded",
]  # fmt: skip


@pytest.mark.parametrize("error", MALFORMED)
async def test_a_line_that_slack_takes_not_even_as_plain_text_is_said_in_short_and_in_its_place(
    stage, error, caplog
):
    ts = await stage.ask()
    await quiet(stage)
    write(stage, (MessageKind.REPLY, "before"))
    await quiet(stage)
    stage.slack.faults.add("chat.postMessage", "error", error=error, times=1)

    write(stage, (MessageKind.REPLY, "what Slack does not like"), (MessageKind.REPLY, "after"))
    await quiet(stage)

    before, short, after = stage.thread(ts)
    assert (before, after) == ("before", "after")
    assert short.startswith("R-1: Waiting for approval. Slack did not take the message")
    assert "/billstatus R-1" in short
    assert "slack_refuses_the_text" in caplog.text


async def test_a_file_that_slack_calls_malformed_leaves_a_line_in_its_place(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("files.getUploadURLExternal", "error", error="invalid_arguments")
    file = File(name="R-1-results.csv", title="Results", content="a,b")
    with stage.store.transaction():
        stage.store.outbox.add(
            Message(
                kind=MessageKind.FILE, request=1, channel=CHANNEL, text="All", blocks=[], file=file
            ),
            stage.clock.now(),
        )
    write(stage, (MessageKind.REPLY, "after"))
    await quiet(stage)

    short, after = stage.thread(ts)
    assert short.startswith("R-1: Waiting for approval. ")
    assert after == "after"


async def test_a_card_that_slack_takes_in_short_only_says_where_it_can_be_decided(stage):
    stage.slack.faults.add("chat.postMessage", "error", error="msg_too_long", times=2)

    ts = await stage.ask()

    assert stage.card(ts).startswith("R-1: Waiting for approval. ")
    assert "Home tab" in stage.card(ts)
    await quiet(stage)
    stage.slack.faults.add("chat.update", "error", error="msg_too_long", times=2)
    await stage.slack.click(BOB, CHANNEL, ts, "reject", value="1", force=True)
    await stage.slack.submit(BOB, {"reason": "Not now"})
    await quiet(stage)
    assert stage.card(ts).startswith("R-1: Rejected. ")


async def test_a_notice_and_a_private_answer_are_said_in_short_too(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.postEphemeral", "error", error="msg_too_long", times=2)
    await stage.press(ALICE, ts)
    await quiet(stage)
    (said,) = [message.text for message in stage.slack.private(ALICE, CHANNEL)]
    assert "/billstatus R-1" in said

    stage.slack.faults.add("chat.postMessage", "error", error="msg_too_long", times=1)
    with stage.store.transaction():
        notice = Message(kind=MessageKind.NOTICE, channel=CHANNEL, text="a notice", blocks=[])
        stage.store.outbox.add(notice, stage.clock.now())
    stage.bot.parts.bells.sender.set()
    await quiet(stage)

    assert stage.card(cards(stage)[-1]).startswith("Slack did not take a message of the bot")


@pytest.mark.parametrize("error", ["invalid_arguments", "view_too_large", "invalid_blocks"])
async def test_a_home_that_slack_does_not_take_is_one_sentence(stage, error):
    stage.slack.faults.add("views.publish", "error", error=error)

    await stage.slack.open_home(BOB)
    await quiet(stage)

    (section,) = stage.slack.home(BOB)["blocks"]
    assert "/billstatus shows how things stand" in str(section)


async def test_a_line_that_slack_takes_in_no_form_waits_and_people_are_written_to(stage):
    """Then it is not the line that is at fault."""
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.update", "error", error="msg_too_long", times=1000)

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")
    for user in (ALICE, BOB):
        await stage.until(
            lambda u=user: any(
                "R-1 has ended" in m.text.replace("\N{WORD JOINER}", "")
                for m in stage.slack.channel_messages(f"D{u[1:]}")
            )
        )

    stage.slack.faults.clear()
    for _ in range(5):
        await pass_time(stage, minutes=5)
    assert stage.card(ts).startswith("R-1: Accepted by Zuora")
    assert "approve" not in stage.buttons(ts)
    assert is_the_story(stage.thread(ts))


async def test_a_lost_card_is_shown_even_where_nobody_may_look_for_it(stage, caplog):
    stage.slack.faults.add("chat.postMessage", "drop")
    stage.slack.faults.add("conversations.history", "error", error="missing_scope")

    await fill(stage)
    await pass_time(stage, seconds=10)

    assert len(cards(stage)) == 1
    assert "slack_lets_nobody_look" in caplog.text


async def test_a_token_that_slack_refuses_for_a_while_loses_nothing(stage):
    stage.slack.faults.add("chat.postMessage", "error", error="account_inactive", times=8)

    await fill(stage)
    await pass_time(stage, seconds=10)
    assert cards(stage) == []
    for _ in range(8):
        await pass_time(stage, minutes=1)

    assert len(cards(stage)) == 1


# Edits


async def test_edits_that_wait_become_one(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.update", "ratelimited", retry_after=60)

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")
    await pass_time(stage, seconds=60)

    assert "Accepted by Zuora" in stage.card(ts)
    assert len(calls_of(stage, "chat.update")) == 1
    assert is_the_story(stage.thread(ts))


async def test_an_edit_shows_the_card_as_it_stands_when_it_goes_out_and_that_is_kept(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.update", "ratelimited", retry_after=60)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")
    waiting = [each.message for each in stage.store.outbox.open() if each.message.kind == "update"]
    assert {message.text for message in waiting[1:]} == {""}  # the first was drawn and refused

    await pass_time(stage, seconds=60)

    with closing(another_connection(stage.settings().database_path)) as database:
        text, blocks = database.execute(
            "SELECT text, blocks FROM outbox WHERE kind = 'update' AND outcome = 'sent'"
        ).fetchone()
    assert text == stage.card(ts)
    assert "Accepted by Zuora" in text
    assert "Accepted by Zuora" in blocks


def write(stage, *said):
    """Put lines and progress of R-1 into the outbox."""
    with stage.store.transaction():
        for kind, text in said:
            message = Message(kind=kind, request=1, channel=CHANNEL, text=text, blocks=[])
            stage.store.outbox.add(message, stage.clock.now())
    stage.bot.parts.bells.sender.set()


async def test_progress_that_has_not_gone_out_is_shown_as_it_stands_now_in_its_place(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.postMessage", "ratelimited", retry_after=60)
    write(stage, (MessageKind.PROGRESS, "1 of 2"))
    await stage.until(lambda: calls_of(stage, "chat.postMessage", ok=False))

    write(stage, (MessageKind.REPLY, "done"), (MessageKind.PROGRESS, "2 of 2"))
    await pass_time(stage, seconds=60)

    assert stage.thread(ts) == ["2 of 2", "done"]
    shown = [
        reply.metadata["event_payload"]["sequence"] for reply in stage.slack.thread(CHANNEL, ts)
    ]
    assert shown == sorted(shown)


async def test_progress_whose_answer_was_lost_is_found_and_then_edited_not_posted_twice(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.postMessage", "lose_answer")
    write(stage, (MessageKind.PROGRESS, "1 of 2"))
    await stage.until(lambda: stage.thread(ts) == ["1 of 2"])

    write(stage, (MessageKind.REPLY, "done"), (MessageKind.PROGRESS, "2 of 2"))
    await seconds(stage, 10)

    assert stage.thread(ts) == ["2 of 2", "done"]


async def test_a_card_that_cannot_be_drawn_holds_up_nothing_of_its_thread(
    stage, caplog, operations
):
    """Only a newer version beside this one knows its operation."""
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.update", "ratelimited", retry_after=60)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")
    del operations[stage.request().operation]

    await pass_time(stage, seconds=60)
    await pass_time(stage, seconds=60)

    assert "message_could_not_be_drawn" in caplog.text
    assert is_the_story(stage.thread(ts))


async def test_an_edit_whose_blocks_slack_refuses_becomes_plain_text(stage):
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.update", "error", error="invalid_blocks")

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "succeeded")
    await quiet(stage)

    (message,) = stage.slack.channel_messages(CHANNEL)
    assert "Accepted by Zuora" in message.text


async def test_a_card_that_is_gone_is_shown_anew_and_its_thread_goes_on_there(stage):
    ts = await stage.ask()
    stage.slack.workspace.channels[CHANNEL].message(ts).deleted = True

    await stage.slack.click(BOB, CHANNEL, ts, "approve", value="1", force=True)
    await stage.until(lambda: stage.request().state == "succeeded")
    await quiet(stage)

    (new,) = cards(stage)
    assert new != ts
    assert "Accepted by Zuora" in stage.card(new)
    assert is_the_story(stage.thread(new))


async def test_a_card_that_is_gone_while_its_edits_wait_keeps_every_line(stage):
    ts = await stage.ask()
    stage.slack.workspace.channels[CHANNEL].message(ts).deleted = True
    stage.slack.faults.add("chat.update", "ratelimited", retry_after=60)

    await stage.slack.click(BOB, CHANNEL, ts, "approve", value="1", force=True)
    await stage.until(lambda: stage.request().state == "succeeded")
    await pass_time(stage, seconds=60)

    (new,) = cards(stage)
    assert "Accepted by Zuora" in stage.card(new)
    assert is_the_story(stage.thread(new))


# Private answers


async def test_a_private_answer_to_somebody_outside_the_channel_arrives_directly(stage):
    ts = await stage.ask()
    stage.slack.workspace.channels[CHANNEL].members.remove(MARA)

    await stage.slack.click(MARA, CHANNEL, ts, "approve", value="1", force=True)
    await quiet(stage)

    assert stage.private(MARA) == []
    (direct,) = stage.slack.workspace.direct(MARA).messages
    assert "You may not decide R-1" in direct.text
    assert len(cards(stage)) == 1


async def test_a_private_answer_does_not_wait_for_the_card(stage):
    ts = await stage.ask()
    stage.slack.faults.add("chat.update", "ratelimited", retry_after=600)
    await stage.press(BOB, ts)

    await stage.press(MARA, ts)

    await stage.until_private(MARA, "You may not decide R-1")


# Order and pace


async def test_the_messages_of_one_card_go_out_in_order_and_hold_up_no_other_card(stage):
    more_runs(stage, "BR-00000002")
    first = await stage.ask()
    await quiet(stage)
    stage.slack.faults.add("chat.postMessage", "slow", seconds=10, after=1)  # the first line of R-1

    await stage.press(BOB, first)
    await stage.until(lambda: stage.request().state == "succeeded")
    second = await stage.ask(text="BR-00000002")
    await stage.press(BOB, second)
    await stage.until(lambda: is_the_story(stage.thread(second)))
    assert stage.thread(first) == []

    stage.clock.advance(seconds=10)
    await stage.until(lambda: is_the_story(stage.thread(first)))
    await stage.until_card(first, "Accepted by Zuora")


async def test_one_message_a_second_goes_to_a_channel(stage):
    more_runs(stage, "BR-00000002", "BR-00000003")
    stage.tuning.seconds_a_message = 1.0
    await stage.restart()

    for number in ("BR-00000001", "BR-00000002", "BR-00000003"):
        await fill(stage, number)
    for sent in (1, 2, 3):
        await stage.until(lambda sent=sent: len(calls_of(stage, "chat.postMessage")) == sent)
        stage.clock.advance(seconds=0.5)
        stage.clock.advance(seconds=0.5)

    await stage.until(lambda: not stage.bot.sender.under_way)
    times = [call.time for call in calls_of(stage, "chat.postMessage")]
    gaps = [(after - before).total_seconds() for before, after in zip(times, times[1:])]  # noqa: B905, RUF007
    assert len(gaps) == 2
    assert all(gap >= 1 for gap in gaps)


async def test_stopping_does_not_wait_for_messages_whose_turn_is_to_come(stage, monkeypatch):
    more_runs(stage, "BR-00000002")
    stage.tuning.seconds_a_message = 3600.0
    await stage.restart()
    await fill(stage)
    await fill(stage, "BR-00000002")
    await stage.until(lambda: len(cards(stage)) == 1)

    waits_for_ever(monkeypatch)
    async with asyncio.timeout(LONGEST):
        await stage.stop()

    stage.tuning.seconds_a_message = 0.0
    await stage.start()
    await stage.until(lambda: len(cards(stage)) == 2)
    await quiet(stage)
    assert len(cards(stage)) == 2


# Slack away


async def test_an_hour_without_slack_delays_everything_and_loses_and_doubles_nothing(web_stage):
    stage = web_stage
    more_runs(stage, "BR-00000002")
    first, second = await stage.ask(), await stage.ask(text="BR-00000002")
    await quiet(stage)
    stage.zuora.faults.add(EMAILS, kind="slow", times=2, seconds=30)
    await stage.press(BOB, first)
    await stage.press(BOB, second)
    await stage.until(lambda: len(stage.orders()) == 2)
    stage.slack.faults.down = True
    stage.clock.advance(seconds=30)
    await stage.until(lambda: stage.request(1).state == stage.request(2).state == "succeeded")

    for _ in range(60):
        await pass_time(stage, minutes=1)
    assert len(stage.store.outbox.open()) >= 2
    stage.slack.faults.down = False
    await seconds(stage, 70)

    assert stage.store.outbox.open() == []
    for ts in (first, second):
        assert "Accepted by Zuora" in stage.card(ts)
        assert is_the_story(stage.thread(ts))
    assert len(stage.orders()) == 2


async def test_a_long_backlog_of_one_card_arrives_in_order_each_once(web_stage):
    stage = web_stage
    ts = await stage.ask()
    await quiet(stage)
    stage.slack.faults.down = True
    with stage.store.transaction():
        for number in range(30):
            stage.store.outbox.add(
                Message(
                    kind=MessageKind.REPLY,
                    request=1,
                    channel=CHANNEL,
                    text=f"line {number}",
                    blocks=[],
                ),
                stage.clock.now(),
            )
    stage.bot.parts.bells.sender.set()
    for _ in range(10):
        await pass_time(stage, minutes=6)

    stage.slack.faults.down = False
    stage.slack.faults.add("chat.postMessage", "lose_answer", after=10)
    await seconds(stage, 70)

    assert stage.thread(ts) == [f"line {number}" for number in range(30)]
