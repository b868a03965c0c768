"""Everything that happens is in the history, or it does not happen; and nothing leaks."""

import logging
from contextlib import closing

import pytest
from pydantic import SecretStr

from bot.domain.history import What
from bot.sandbox.slack.workspace import BOT_USER
from bot.store.errors import CouldNotRecordError, StoreError
from bot.store.store import Store
from bot.workflow.anchoring import Anchors
from bot.workflow.heads import Heads
from tests.audit.test_verify import checked
from tests.postgres import another_connection
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA

AUDIT = "C0GENERAL"


def kinds(stage):
    return [written.entry.what for written in stage.store.history.all()]


async def whole(stage):
    """Whatever happened on the stage, the history records all of it."""
    await stage.quiet()
    result = checked(stage.settings().database_path)
    assert result.exit_code == 0, result.output


# 46: refused, expired, withdrawn, failed and unknown attempts are all in the log


async def test_the_refusal_of_a_stranger_is_recorded(stage):
    ts = await stage.ask()
    await stage.press(MARA, ts)
    await stage.quiet()

    refused = stage.store.history.all()[-1].entry
    assert (refused.what, refused.who, refused.request) == (What.REFUSED, MARA, 1)
    await whole(stage)


async def test_who_may_not_ask_is_recorded(stage):
    await stage.slack.slash(MARA, CHANNEL, "/billemail BR-00000001")

    refused = stage.store.history.all()[-1].entry
    assert (refused.what, refused.who, refused.request) == (What.REFUSED, MARA, None)
    assert refused.data["refusal"] == "not_a_requester"
    await whole(stage)


async def test_a_click_on_an_unknown_request_is_recorded(stage):
    ts = await stage.ask()
    await stage.slack.click(BOB, CHANNEL, ts, "approve", value="999", force=True)
    await stage.quiet()

    refused = stage.store.history.all()[-1].entry
    assert refused.data["refusal"] == "no_such_request"
    await whole(stage)


async def test_an_expired_request_is_recorded(stage):
    await stage.ask()
    await stage.pass_time(hours=25)

    assert stage.happened()[-1] is What.EXPIRED
    await whole(stage)


async def test_a_withdrawn_request_is_recorded(stage):
    ts = await stage.ask()
    await stage.withdraw(ALICE, ts)
    await stage.slack.until(lambda: stage.request().state != "waiting")

    assert stage.happened()[-1] is What.WITHDRAWN
    await whole(stage)


async def test_a_failed_call_is_recorded_with_what_zuora_said(stage):
    stage.zuora.faults.add(EMAILS, kind="http200_failure", category=20, message="no")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: stage.request().state == "failed")

    answered = next(
        written.entry for written in stage.store.history.of(1)
        if written.entry.what is What.CALL_ANSWERED
    )  # fmt: skip
    assert answered.data["verdict"] == "rejected"
    await whole(stage)


@pytest.mark.never_repeated
async def test_an_unknown_outcome_and_what_a_person_recorded_of_it_are_recorded(stage):
    stage.zuora.faults.add(EMAILS, kind="lose_answer")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: stage.request().state == "unknown")
    assert What.CALL_LOST in stage.happened()
    await whole(stage)

    await stage.record(CARLA, ts, "record_sent")
    await stage.slack.until(lambda: stage.request().state == "succeeded")

    assert stage.happened()[-1] is What.SETTLED
    await whole(stage)


# 47: what cannot be written is not done


async def test_without_its_history_row_an_approval_does_not_happen(stage):
    ts = await stage.ask()
    await stage.quiet()
    with closing(another_connection(stage.settings().database_path)) as other:
        other.execute(
            "CREATE TRIGGER disk_is_full BEFORE INSERT ON history "
            "WHEN NEW.what = 'request.approved' BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )

    await stage.press(BOB, ts)
    await stage.quiet()

    assert stage.request().state == "waiting"
    assert stage.orders() == []
    assert stage.store._database.execute("SELECT COUNT(*) FROM approvals").fetchone() == (0,)


async def test_a_process_without_the_key_of_the_history_can_do_nothing(stage):
    ts = await stage.ask()
    await stage.quiet()
    other = Store.open(stage.settings().database_path, "o" * 40)
    with other.transaction():
        other.history.begin_key(stage.clock.now())
    other.close()

    await stage.press(BOB, ts)
    await stage.until_private(BOB, "I could not record this, so nothing was done.")

    assert stage.request().state == "waiting"
    assert stage.orders() == []


@pytest.mark.parametrize("key", ["", "p" * 40], ids=["without a key", "with another key"])
async def test_the_bot_does_not_start_with_another_key_than_its_history(stage, key):
    stage.changes["audit_key"] = SecretStr("o" * 40)
    await stage.restart()
    await stage.stop()
    stage.changes["audit_key"] = SecretStr(key)

    with pytest.raises(StoreError, match="AUDIT_KEY") as refused:
        await stage.start()

    assert not isinstance(refused.value, CouldNotRecordError)
    assert "oooo" not in str(refused.value)


# 48: a reason comes back byte for byte


@pytest.mark.parametrize(
    "reason",
    [
        "Ticket: FIN-12: month end",
        'quotes " and \\ and <!channel> & `ticks`',
        "zwei\nZeilen\tmit Umlaut ä, 日本語, 🧾",
        "\u202eright to left",
    ],
)
async def test_a_reason_comes_back_byte_for_byte(stage, reason):
    await stage.ask(reason=reason)
    await stage.quiet()

    assert stage.request().reason == reason
    assert stage.store.history.of(1)[0].entry.data["reason"] == reason
    await whole(stage)


# 49: no token, address or customer name in a log line


class Everything(logging.Handler):
    """Keeps all that a formatter could print of every record, traces too."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{logging.Formatter().format(record)} {record.__dict__}")


@pytest.fixture
def logged():
    """Every line of the bot's own loggers, from DEBUG on."""
    logger, handler = logging.getLogger("bot"), Everything()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(level)


async def test_no_log_line_shows_a_token_an_address_or_a_customer(stage, logged):
    stage.changes["audit_key"] = SecretStr("a-very-secret-audit-key-of-this-test")
    await stage.restart()
    stage.zuora.faults.add(EMAILS, kind="too_many", retry_after=30)
    ts = await stage.ask(reason="Write to jane.doe@example.com")
    await stage.press(MARA, ts)
    await stage.press(BOB, ts)
    await stage.quiet()
    await stage.pass_time(minutes=1)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.restart()
    await stage.quiet()

    text = "\n".join(logged)
    assert "work_lock_acquired" in text
    assert "zuora_call" in text
    settings = stage.settings()
    secrets = (
        settings.slack_bot_token, settings.slack_app_token, settings.zuora_client_secret,
        settings.audit_key,
    )  # fmt: skip
    for secret in secrets:
        assert secret.get_secret_value() not in text
    customers = [account.name for account in stage.zuora.world.accounts.values()]
    assert customers
    for hidden in ("@example", "jane.doe", "Bearer", *customers):
        assert hidden not in text, hidden


# The policy, the key and the daily head


async def test_a_start_and_a_changed_policy_are_recorded(stage):
    await stage.restart()
    assert kinds(stage).count(What.STARTED_BOT) == 2
    assert kinds(stage).count(What.POLICY_CHANGED) == 1
    first = stage.store.history.last_of(What.POLICY_CHANGED).entry.data

    await stage.with_policy('requesters = ["S0BILLING"]\napprovers = ["U0CARLA"]\n')

    second = stage.store.history.last_of(What.POLICY_CHANGED).entry.data
    assert second["old"] == first["new"] != second["new"]
    assert second["approvers"] == ["U0CARLA"]
    await whole(stage)


def heads(stage):
    return [
        message.text for message in stage.slack.channel_messages(AUDIT) if "Head of" in message.text
    ]


@pytest.fixture
async def audited(stage):
    stage.slack.workspace.channels[AUDIT].members.append(BOT_USER)
    stage.changes["audit_channel"] = AUDIT
    await stage.restart()
    await stage.slack.until(lambda: len(heads(stage)) == 1)
    return stage


async def test_the_head_is_noted_once_an_hour_whoever_restarts(audited):
    stage = audited
    await stage.restart()
    await stage.quiet()
    assert len(heads(stage)) == 1

    await stage.pass_time(hours=14, minutes=1)  # over midnight
    await stage.slack.until(lambda: len(heads(stage)) == 2)
    await stage.restart()
    await stage.quiet()

    assert len(heads(stage)) == 2
    said = [w.entry.data for w in stage.store.history.all() if w.entry.what is What.HEAD]
    assert [each["date"] for each in said] == ["2026-11-21", "2026-11-22"]
    for text, each in zip(heads(stage), said, strict=True):
        assert f"{each['sequence']}:{each['hash']}" in text
        result = checked(
            stage.settings().database_path, "--head", f"{each['sequence']}:{each['hash']}"
        )
        assert result.exit_code == 0, result.output


async def test_two_processes_note_one_head(audited):
    other = Store.open(audited.settings().database_path)
    woken = []
    heads_of_other = Heads(
        other, audited.clock, anchors=Anchors(AUDIT), wake_sender=lambda: woken.append(True)
    )

    heads_of_other.note_if_due()

    assert woken == []
    other.close()


async def test_without_a_channel_no_head_is_noted(stage):
    await stage.pass_time(days=2)

    assert What.HEAD not in kinds(stage)
