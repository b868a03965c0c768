"""Slack does not let the bot speak: nothing is dropped, and people hear of it."""

import pytest

from bot.domain.message import MessageKind
from bot.store.store import Store
from tests.slack.test_sender import cards, fill, pass_time, quiet
from tests.stage import ALICE, BOB, CHANNEL, EMAILS

ERRORS = [
    "not_in_channel", "channel_not_found", "is_archived", "restricted_action",
    "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel", "no_permission", "team_access_not_granted",
    "ekm_access_denied", "missing_scope", "token_expired", "org_login_required", "accesslimited",
    "message_limit_exceeded", "as_user_not_supported", "an_error_that_nobody_knows",
]  # fmt: skip


def directly(stage, user):
    said = stage.slack.channel_messages(f"D{user[1:]}")
    return [message.text.replace("\N{WORD JOINER}", "") for message in said]


def silence(stage, error):
    """Slack refuses whatever is said in the channel, and lets direct messages through."""
    stage.slack.faults.silent[CHANNEL] = error


def silence_to(stage, user, error):
    stage.slack.faults.silent[user] = error


def let_speak(stage):
    stage.slack.faults.silent.clear()


@pytest.mark.parametrize("error", ERRORS)
async def test_a_refused_card_waits_and_requester_and_approvers_are_written_to(
    stage, error, caplog
):
    """H11, O13."""
    silence(stage, error)

    await fill(stage)
    await stage.until(lambda: directly(stage, ALICE) and directly(stage, BOB))

    for user in (ALICE, BOB):
        (text,) = directly(stage, user)
        assert "R-1" in text
        assert "waits for approval" in text
        assert error in text
        assert ("/invite" in text) == (error in ("not_in_channel", "channel_not_found"))
    assert stage.bot.health()["status"] == "slack refuses messages"
    (logged,) = [r for r in caplog.records if "slack_refused_the_message" in r.message]
    assert (logged.error, logged.channel, logged.request) == (error, CHANNEL, 1)

    await pass_time(stage, minutes=30)
    assert len(directly(stage, ALICE)) == 1
    let_speak(stage)
    await pass_time(stage, minutes=5)

    assert len(cards(stage)) == 1
    assert stage.bot.health()["status"] == "ready"


@pytest.mark.never_repeated
@pytest.mark.parametrize("error", ["not_in_channel", "is_archived", "a_new_one"])
async def test_an_unknown_outcome_is_written_directly_and_the_thread_catches_up_in_order(
    stage, error
):
    ts = await stage.ask()
    await quiet(stage)
    silence(stage, error)
    stage.zuora.faults.add(EMAILS, kind="status", code=502)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "unknown")

    for user in (ALICE, BOB):
        await stage.until(
            lambda u=user: any("we don't know whether" in t for t in directly(stage, u))
        )
    assert stage.thread(ts) == []

    await pass_time(stage, minutes=20)
    let_speak(stage)
    await pass_time(stage, minutes=5)
    thread = stage.thread(ts)
    assert "approved R-1" in thread[0]
    assert "we don't know whether" in thread[2]
    assert "waiting for one approval from" not in stage.card(ts)
    assert len([text for text in directly(stage, ALICE) if "we don't know whether" in text]) == 1


async def test_the_end_is_written_directly(stage):
    ts = await stage.ask()
    await quiet(stage)
    silence(stage, "is_archived")

    await stage.press(BOB, ts)

    for user in (ALICE, BOB):
        await stage.until(lambda u=user: any("R-1 has ended" in t for t in directly(stage, u)))


async def test_something_new_is_a_reason_to_try_at_once(stage):
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A-2", "USD", "1.00")])
    ts = await stage.ask()
    await quiet(stage)
    silence(stage, "not_in_channel")
    await stage.press(BOB, ts)
    await stage.until(lambda: directly(stage, BOB))
    await pass_time(stage, minutes=20)
    let_speak(stage)

    await stage.ask(text="BR-00000002")

    await stage.until(lambda: len(stage.thread(ts)) == 3)


async def test_a_private_answer_that_could_not_be_sent_for_two_minutes_is_dropped(stage):
    ts = await stage.ask()
    stage.slack.faults.add("chat.postEphemeral", "ratelimited", retry_after=600)

    await stage.press(ALICE, ts)  # her own request
    await quiet(stage)
    await pass_time(stage, seconds=122)

    assert not [e for e in stage.store.outbox.open() if e.message.kind is MessageKind.PRIVATE]
    assert stage.private(ALICE) == []


@pytest.mark.parametrize("error", ["user_not_in_channel", "restricted_action", "a_new_one"])
async def test_whoever_clicks_where_the_bot_cannot_speak_is_answered_directly(stage, error):
    ts = await stage.ask()
    await quiet(stage)
    silence(stage, error)

    await stage.press(ALICE, ts)

    await stage.until(lambda: any("is your own request" in t for t in directly(stage, ALICE)))


async def test_that_it_could_not_be_recorded_is_said_directly_where_the_bot_cannot_speak(stage):
    ts = await stage.ask()
    await quiet(stage)
    silence(stage, "restricted_action")

    other = Store.open(stage.settings().database_path, "o" * 40)
    with other.transaction():
        other.history.begin_key(stage.clock.now())  # without this key nothing can be recorded
    other.close()

    await stage.press(BOB, ts)

    await stage.until(lambda: any("could not record this" in t for t in directly(stage, BOB)))


@pytest.mark.parametrize("error", ["channel_not_found", "user_disabled", "cannot_dm_bot"])
async def test_what_somebody_who_left_can_be_told_no_more_is_logged_and_stands_in_nobodys_way(
    stage, error, caplog
):
    """A receipt and a month's statement, which would wait for ever, with the health of all messages."""
    silence_to(stage, BOB, error)
    ts = await stage.ask()

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.pass_time(days=11)

    def said():
        return [r for r in caplog.records if "slack_refuses_a_message" in r.message]

    await stage.until(lambda: len(said()) == 2)
    assert {(each.error, each.channel) for each in said()} == {(error, BOB)}
    assert stage.bot.health()["status"] == "ready"


async def test_what_a_person_cannot_be_told_for_a_while_waits(stage):
    silence_to(stage, BOB, "missing_scope")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert stage.bot.health()["status"] == "slack refuses messages"

    let_speak(stage)
    await pass_time(stage, minutes=5)

    assert any(text.startswith("Receipt: you approved R-1") for text in directly(stage, BOB))
