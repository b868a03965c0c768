"""Stories 26 to 35 of docs/stories.md: once only."""

import asyncio
import copy

import pytest

from bot.domain.history import What
from bot.sandbox.slack.delivery import Retry
from tests.field.listeners import Who, click, dispatch, frame, name_of, view
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA

DRAFTS = "BR-00000002"
POST = "/v1/bill-runs/*/post"


def decision(stage, form, who, **typed):
    state = {
        name: {"e": {"type": "plain_text_input", "value": each}} for name, each in typed.items()
    }
    return {**frame("view_submission", Who(who)), "view": view(form, name_of(stage), state)}


async def together(stage, *bodies):
    return await asyncio.gather(*(dispatch(stage.bot.app, body) for body in bodies))


async def test_story_26_fifty_clicks_at_once_are_one_decision_and_one_order(stage):
    ts = await stage.ask()

    answers = await together(
        stage, *(click("approve", Who(who), name_of(stage)) for who in [BOB, CARLA] * 25)
    )  # fmt: skip

    assert {answer.status for answer in answers} == {200}
    await stage.until_card(ts, "Accepted by Zuora")
    assert stage.happened().count(What.APPROVED) == 1
    assert stage.happened().count(What.REFUSED) == 49
    assert len(stage.orders()) == 1


WINNERS = {"approved": What.APPROVED, "rejected": What.REJECTED, "withdrawn": What.WITHDRAWN}


@pytest.mark.parametrize("turn", range(3))
async def test_story_27_of_approve_reject_and_withdraw_one_wins_and_the_others_read_it(stage, turn):
    ts = await stage.ask()
    bodies = [
        click("approve", Who(BOB), name_of(stage)),
        decision(stage, "decide:reject", CARLA, reason="No"),
        decision(stage, "decide:withdraw", ALICE, reason="Mine"),
    ]
    bodies = bodies[turn:] + bodies[:turn]

    answers = await together(stage, *bodies)
    await stage.quiet()

    happened = stage.happened()
    assert sum(happened.count(each) for each in WINNERS.values()) == 1
    assert happened.count(What.REFUSED) == 2
    (won,) = [word for word, what in WINNERS.items() if what in happened]
    said = [*stage.private(BOB), *(str(answer.body) for answer in answers)]
    assert sum(f"R-1 was {won} by" in each for each in said) == 2
    assert len(stage.orders()) == (won == "approved")
    assert stage.buttons(ts) == (["details"] if won == "approved" else ["change", "details"])


async def test_story_27_a_click_at_the_moment_of_expiry_does_not_win(stage):
    ts = await stage.ask()
    await stage.quiet()
    stage.clock.advance(hours=24)

    await together(stage, click("approve", Who(BOB), name_of(stage)))

    await stage.until_private(BOB, "R-1 expired")
    await stage.until_card(ts, "Expired")
    assert stage.orders() == []


async def test_story_28_a_click_that_was_processed_is_answered_again_and_done_once(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    payload = stage.slack.last_payload

    for number in (1, 2, 3):
        delivered = await stage.slack.send("interactive", payload, Retry(number, "http_timeout"))
        assert delivered.error is None
    await stage.quiet()

    assert sum("R-1 was approved by you" in each for each in stage.private(BOB)) == 3
    assert stage.happened().count(What.APPROVED) == 1
    assert len(stage.orders()) == 1


@pytest.mark.parametrize("mode", ["run", "web"])
async def test_story_28_a_redelivery_of_a_click_never_seen_is_processed(stage, mode, tmp_path):
    if mode == "web":
        stage.mode = "web"
        await stage.restart()
    ts = await stage.ask()

    unseen = click("approve", Who(BOB), name_of(stage))
    await stage.slack.send("interactive", unseen, Retry(3, "http_timeout"))

    await stage.until_card(ts, "Accepted by Zuora")


async def test_story_29_a_form_submitted_several_times_at_once_is_one_request(stage):
    await stage.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    shown = stage.slack.view(ALICE)
    shown["state"]["values"] = {
        "bill_run": {"value": {"type": "plain_text_input", "value": "BR-00000001"}},
        "reason": {"value": {"type": "plain_text_input", "value": "Month end"}},
    }
    body = {**frame("view_submission", Who(ALICE)), "view": shown}

    await together(stage, *(copy.deepcopy(body) for _ in range(5)))
    await together(stage, body)
    await stage.quiet()

    assert len(stage.slack.channel_messages(CHANNEL)) == 1
    assert stage.store.requests.get(2) is None


async def test_story_30_the_second_to_ask_for_the_same_run_reads_of_the_first(stage):
    await stage.with_policy('requesters = ["U0ALICE", "U0MARA"]\napprovers = ["S0CONTROLLERS"]\n')
    await stage.ask()

    second = await stage.ask(user=MARA)

    await stage.until_thread(second, "R-1 (email bill run) is also open for BR-00000001")
    first = stage.slack.channel_messages(CHANNEL)[0].ts
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora")
    await stage.press(CARLA, second)
    await stage.until_card(second, "Stopped. Nothing was sent")
    assert len(stage.orders()) == 1


async def test_story_31_a_strangers_click_takes_nothing_from_the_approver(stage):
    ts = await stage.ask()
    await stage.quiet()
    row = "SELECT * FROM requests"
    before = stage.store._database.execute(row).fetchall()

    await together(stage, *(click("approve", Who(MARA), name_of(stage)) for _ in range(5)))
    assert stage.store._database.execute(row).fetchall() == before
    await stage.quiet()
    assert not [call for call in stage.slack.calls if call.method == "chat.update"]
    await together(
        stage,
        *(click("approve", Who(MARA), name_of(stage)) for _ in range(5)),
        click("approve", Who(BOB), name_of(stage)),
        *(click("approve", Who(MARA), name_of(stage)) for _ in range(5)),
    )

    await stage.until_card(ts, "Accepted by Zuora")
    assert stage.request().decided_by == BOB
    assert not any(f"<@{MARA}>" in line for line in stage.thread(ts))


@pytest.mark.never_repeated
async def test_story_32_a_mail_order_whose_answer_was_lost_is_never_sent_again(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="drop")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    for _ in range(14):
        await stage.pass_time(minutes=10)
    await stage.restart()
    await stage.pass_time(hours=30)

    assert len(stage.orders()) == 1
    assert stage.request().state == "unknown"
    await stage.record(CARLA, ts, "record_not_sent")
    await stage.until_card(ts, "Failed")
    again = await stage.ask(reason="Nobody got it")  # a new approval decides
    await stage.press(CARLA, again)
    await stage.until_card(again, "Accepted by Zuora")
    assert len(stage.orders()) == 2


@pytest.fixture
def drafts(stage):
    lines = [("A00000001", "USD", "100.00"), ("A00000003", "EUR", "80.00")]
    return stage.zuora.world.add_bill_run(DRAFTS, status="Completed", invoices=lines)


@pytest.mark.never_repeated
async def test_story_33_a_posting_whose_answer_was_lost_is_settled_by_reading(stage, drafts):
    ts = await stage.ask_step("post_bill_run", DRAFTS)
    stage.zuora.faults.add(POST, kind="lose_answer")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    for _ in range(8):
        await stage.pass_time(seconds=30)

    await stage.until_card(ts, "Posted bill run BR-00000002")
    assert len(stage.puts("post")) == 1


async def test_story_33_completed_with_drafts_left_is_shown_as_a_failure_in_part(stage, drafts):
    drafts.post_ends_in = "Completed"
    ts = await stage.ask_step("post_bill_run", DRAFTS)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")

    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Failed: post bill run")
    assert "failed in part: 1 of 2 documents is not posted" in stage.thread(ts)[-1]


async def test_story_34_puts_have_no_key_posts_keep_theirs_and_no_body_is_missing(stage, drafts):
    mail = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="too_many", times=2, retry_after=5)
    await stage.press(BOB, mail)
    for _ in range(4):
        await stage.pass_time(seconds=30)
    await stage.until_card(mail, "Accepted by Zuora")
    post = await stage.ask_step("post_bill_run", DRAFTS)
    await stage.press(BOB, post)
    await stage.until_card(post, "Running in Zuora")

    assert len(stage.orders()) == 3
    assert len({order.headers["idempotency-key"] for order in stage.orders()}) == 1
    (put,) = stage.puts("post")
    assert "idempotency-key" not in put.headers
    assert put.body == {}
    assert all(isinstance(order.body, dict) for order in stage.orders())


def several(body):
    return body | {"actions": body["actions"] * 2}


def valued(value):
    return lambda body: body | {"actions": [body["actions"][0] | {"value": value}]}


MALFORMED = {
    "two actions": several,
    "no value": lambda body: body | {"actions": [{"type": "button", "action_id": "approve", "block_id": "b"}]},
    "an empty value": valued(""),
    "a value that is no text": valued(1),
    "an oversized value": valued("1" * 100_000),
    "an unknown request": valued("999"),
    "a request by name": valued("R-1"),
    "digits of another script": valued("\u0661"),
    "spaces": valued(" 1 "),
    "a negative number": valued("-1"),
    "a list": valued(["1"]),
}  # fmt: skip


async def test_story_35_a_malformed_click_is_answered_recorded_and_does_nothing(stage):
    await stage.ask()
    await stage.quiet()

    for count, (name, malform) in enumerate(MALFORMED.items(), 1):
        answer = await dispatch(stage.bot.app, malform(click("approve", Who(BOB), name_of(stage))))
        assert answer.status == 200, name
        assert stage.store.history.all()[-1].entry.data["refusal"] == "no_such_request", name
        await stage.until(lambda count=count: len(stage.private(BOB)) == count)

    assert set(stage.private(BOB)) == {"Nothing was changed: the bot does not know this request."}
    assert stage.request().state == "waiting"
    assert stage.orders() == []
