"""An answer that was lost is asked for again under its own key."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest

from bot.store.errors import CouldNotRecordError
from tests.postgres import drop_trigger
from tests.stage import ALICE, BOB, CARLA, EMAILS
from tests.stories.test_email_many_documents import add_invoices, ask, ended, orders_of
from tests.stories.test_mail_again import listed_row

LOST = {"kind": "lose_answer"}  # done, and the connection breaks
NEVER_CAME = {"kind": "drop"}  # not done
FAILED = {"kind": "status", "status": 500, "stored": False}  # not done, and nothing kept
BAD_GATEWAY = {"kind": "status", "status": 502}
AGAIN = "sent again under"


@pytest.fixture(autouse=True)
def marked_later(stage):
    """As Zuora does, the mail date is written minutes after the mail; until then reading shows none."""
    stage.zuora.timings = replace(stage.zuora.timings, mark=50 * 60.0)


def keys_of(orders):
    """For each path the keys that it was ordered under."""
    found: dict[str, set[str]] = {}
    for order in orders:
        found.setdefault(order.path, set()).add(order.headers["idempotency-key"])
    return found


def mailed(stage):
    stage.clock.advance(minutes=10)
    return Counter(mail.document for mail in stage.zuora.mails)


async def until_ended(stage, number=1, step=5.0):
    await stage.as_time_passes(lambda: ended(stage, number), step=step)
    await stage.quiet()


@pytest.mark.parametrize("fault", [LOST, NEVER_CAME, FAILED, BAD_GATEWAY])
async def test_of_two_hundred_mails_one_lost_answer_leaves_nobody_any_work(stage, fault):
    numbers = add_invoices(stage, 200)
    stage.zuora.faults.add(f"/v1/invoices/{numbers[70]}/emails", **fault)

    ts = await ask(stage, numbers)
    await stage.until_thread(ts, AGAIN)
    assert "OUTCOME UNKNOWN" not in stage.card(ts)
    assert "Waits: The order went out to Zuora" in stage.card(ts)
    first = stage.bot.parts.pauses.again.total_seconds()
    await stage.pass_time(seconds=first - 1)
    assert len(stage.orders()) == 200
    await stage.pass_time(seconds=1)
    await stage.until_card(ts, "Accepted by Zuora: email 200 invoices")

    assert orders_of(stage) == Counter([*numbers, numbers[70]])
    assert all(len(keys) == 1 for keys in keys_of(stage.orders()).values())
    first, second = (o for o in stage.orders() if o.path == f"/v1/invoices/{numbers[70]}/emails")
    assert first.body == second.body
    assert mailed(stage) == Counter(numbers)
    assert (
        sum(AGAIN in text for text in stage.thread(ts)) == 2
    )  # once when lost, once in the result
    assert "1 call was sent again under the same key" in stage.card(ts)


async def test_the_history_and_the_evidence_say_that_the_key_was_used_again(stage):
    stage.zuora.faults.add(EMAILS, **LOST)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await until_ended(stage)

    sent = [w.entry.data for w in stage.store.history.of(1) if w.entry.what == "call.sent"]
    assert [data.get("again_under_its_key") for data in sent] == [None, 1]
    assert len({data["key"] for data in sent}) == 1
    (call,) = stage.store.calls.of(1)
    assert (call.tries, call.repeats, call.verdict) == (2, 1, "accepted")
    assert len(stage.orders()) == 2
    assert "the order was sent again under the same key" in stage.card(ts)


async def test_five_hundred_is_said_as_that_and_not_as_a_lost_answer(stage):
    stage.zuora.faults.add(EMAILS, **FAILED)
    ts = await stage.ask()

    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)

    said = next(text for text in stage.thread(ts) if AGAIN in text)
    assert "Zuora answered HTTP 500, which does not say whether it was done" in said
    assert "lost" not in said
    assert "Nobody has to do anything" in said


async def test_a_failure_that_zuora_keeps_is_read_for_and_left_to_a_person(stage):
    stage.zuora.faults.add(EMAILS, kind="status", status=500)  # stored under the key
    ts = await stage.ask()
    await stage.press(BOB, ts)

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert "Zuora has kept its first answer (HTTP 500)" in stage.card(ts)
    assert len(stage.orders()) == 2
    assert len(stage.zuora.mails) == 0
    for _ in range(15):
        await stage.pass_time(minutes=10)
    assert len(stage.orders()) == 2
    assert "record_sent" in stage.buttons(ts)


async def test_while_zuora_is_at_work_on_the_first_it_is_waited_for(stage):
    """409: the key is in use."""
    stage.tuning.zuora_read_seconds = 3.0  # real ones: the order alone takes longer
    await stage.restart()
    stage.zuora.faults.add(EMAILS, kind="slow", seconds=100)  # on the clock
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)

    await stage.pass_time(seconds=30)
    await stage.pass_time(seconds=60)
    assert {order.status for order in stage.orders()[1:]} == {409}
    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert max(mailed(stage).values()) == 1


async def test_a_no_whose_answer_was_lost_is_a_no(stage):
    words = "The bill-to contact is missing."
    stage.zuora.faults.add(EMAILS, kind="http200_failure", category=30, message=words, lost=True)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)

    await until_ended(stage)

    await stage.until_card(ts, "Failed")
    assert words in stage.card(ts)
    assert len(stage.orders()) == 2


async def test_a_key_that_zuora_takes_for_another_call_s_is_a_person_s_business(stage):
    stage.zuora.faults.add(EMAILS, **NEVER_CAME)
    stage.zuora.faults.add(EMAILS, kind="status", status=422, body={
        "success": False, "reasons": [{"code": 50000030, "message": "used before"}],
    })  # fmt: skip
    ts = await stage.ask()
    await stage.press(BOB, ts)

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert "HTTP 422" in stage.card(ts)
    assert len(stage.orders()) == 2


@pytest.mark.parametrize("status", [403, 404, 502])
async def test_what_a_gateway_says_to_a_repetition_is_no_refusal_of_the_first(stage, status):
    stage.zuora.faults.add(EMAILS, **LOST)
    stage.zuora.faults.add(EMAILS, kind="status", status=status, text="<html></html>", times=2)
    ts = await stage.ask()
    await stage.press(BOB, ts)

    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert max(mailed(stage).values()) == 1


async def test_it_is_asked_six_times_with_growing_pauses_and_then_looked_for(stage):
    stage.zuora.faults.add(EMAILS, **{**BAD_GATEWAY, "times": None})
    ts = await stage.ask()
    await stage.press(BOB, ts)

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    times = [w.at for w in stage.store.history.of(1) if w.entry.what == "call.sent"]
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
    first = stage.bot.parts.pauses.again.total_seconds()
    assert len(pauses) == 6
    assert all(pause >= first * 2**place for place, pause in enumerate(pauses))
    assert sum("Nobody has to do anything" in text for text in stage.thread(ts)) == 1


async def test_a_process_that_died_asks_again_under_the_key_that_it_had_written(stage):
    stage.zuora.faults.add(EMAILS, kind="hang")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)
    stage.bot.runner._held[1].cancel()

    await stage.restart()
    await stage.taken_over()
    await stage.until_thread(ts, AGAIN)
    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert len(stage.orders()) == 2
    assert all(len(keys) == 1 for keys in keys_of(stage.orders()).values())
    assert max(mailed(stage).values()) == 1


async def test_a_process_that_dies_while_asking_again_asks_once_more(stage):
    stage.zuora.faults.add(EMAILS, **LOST)
    stage.zuora.faults.add(EMAILS, kind="hang")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    await stage.pass_time(seconds=0)
    stage.clock.advance(seconds=30)
    await stage.until(lambda: len(stage.orders()) == 2)
    stage.bot.runner._held[1].cancel()

    await stage.restart()
    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert max(mailed(stage).values()) == 1
    assert stage.store.calls.of(1)[0].repeats == 2


@pytest.mark.parametrize("setting", ["no", "yes"])
async def test_a_day_later_nothing_is_sent_under_a_key_that_zuora_may_have_forgotten(
    stage, setting
):
    stage.changes = {"repeat_lost": setting}
    await stage.restart()
    stage.zuora.faults.add(EMAILS, **LOST)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until(lambda: len(stage.orders()) == 1)
    await stage.quiet()
    await stage.stop()
    stage.clock.advance(hours=23, minutes=1)

    await stage.start()
    await stage.as_time_passes(lambda: ended(stage), step=5)

    assert len(stage.orders()) == 1


async def test_it_can_be_switched_off(stage):
    stage.changes = {"repeat_lost": "no"}
    await stage.restart()
    stage.zuora.faults.add(EMAILS, **LOST)
    ts = await stage.ask()

    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    await stage.pass_time(minutes=30)

    assert len(stage.orders()) == 1


async def test_a_tenant_that_keeps_no_keys_would_mail_twice_which_is_what_the_setting_is_for(stage):
    """What is relied upon where the mail history shows nothing of it, shown: see decision 0009."""
    stage.zuora.knobs = replace(stage.zuora.knobs, keeps_keys=False)
    stage.zuora.faults.add(
        "/v1/notification-history/email", kind="http200_failure", category=10, times=None
    )
    numbers = add_invoices(stage, 3)
    stage.zuora.faults.add(f"/v1/invoices/{numbers[1]}/emails", **LOST)
    await ask(stage, numbers)
    await until_ended(stage)
    assert mailed(stage) == Counter([*numbers, numbers[1]])

    stage.changes = {"repeat_lost": "no"}
    await stage.restart()
    others = add_invoices(stage, 3)
    stage.zuora.faults.add(f"/v1/invoices/{others[1]}/emails", **LOST)
    ts = await stage.ask(text=" ".join(others))
    await stage.press(BOB, ts)
    await until_ended(stage, 2)
    assert {number: mailed(stage)[number] for number in others} == dict.fromkeys(others, 1)


async def test_another_tenant_gets_nothing_under_the_old_key(stage):
    stage.zuora.faults.add(EMAILS, **NEVER_CAME)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    stage.changes = {"zuora_entity_ids": "11e6ba62b31d7c1db23700163e000000"}
    await stage.restart()

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert len(stage.orders()) == 1
    assert "another Zuora tenant" in stage.card(ts)


async def test_after_a_start_without_zuora_it_waits_until_zuora_names_which_tenant_this_is(stage):
    stage.zuora.faults.add(EMAILS, **NEVER_CAME)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    stage.zuora.faults.add("/oauth/token", kind="unauthorized", times=4)
    await stage.restart()

    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert max(mailed(stage).values()) == 1


async def test_a_clock_that_was_put_back_repeats_nothing(stage):
    stage.zuora.faults.add(EMAILS, **NEVER_CAME)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    await stage.stop()
    stage.clock.step(hours=-2)
    await stage.start()

    for _ in range(8):
        await stage.pass_time(minutes=15)
    assert len(stage.orders()) == 1


async def test_a_run_whose_creation_was_lost_is_asked_for_again_and_made_once(stage):
    stage.zuora.faults.add("/v1/bill-runs", **LOST)
    ack = await stage.slack.slash("U0ALICE", "C0BILLING", "/billrun batch=1 target=2026-11-30")
    assert ack.ok
    before = len(stage.zuora.world.bill_runs)
    submitted = await stage.slack.submit("U0ALICE", {"reason": "Month end"})
    assert submitted.ok, submitted.errors
    await stage.quiet()
    ts = stage.slack.channel_messages("C0BILLING")[-1].ts
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)

    await until_ended(stage)

    assert stage.request().state == "succeeded"
    assert len(stage.zuora.world.bill_runs) == before + 1


async def test_a_put_takes_no_key_and_is_looked_for_as_before(stage):
    run = stage.zuora.world.add_bill_run(
        "BR-00000002", status="Completed", invoices=[("A1", "USD", "1.00")]
    )
    assert run
    stage.zuora.faults.add("/v1/bill-runs/*/post", **LOST)
    ts = await stage.ask_step("post_bill_run", "BR-00000002")

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "unknown")

    assert len(stage.puts("post")) == 1
    assert "idempotency-key" not in stage.puts("post")[0].headers


# before it is sent again: is it still wanted, and does nobody else do it?

BOTH = f'requesters = ["{ALICE}"]\napprovers = ["{BOB}", "{CARLA}"]\n'
CARLA_ALONE = f'requesters = ["{ALICE}"]\napprovers = ["{CARLA}"]\n'


async def lost(stage, fault=NEVER_CAME):
    """A request whose answer was lost, and which waits for its next try; its card's `ts`."""
    stage.zuora.faults.add(EMAILS, **fault)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    return ts


async def test_what_was_approved_by_somebody_taken_out_is_not_sent_again(stage):
    await stage.with_policy(BOTH)
    ts = await lost(stage)
    await stage.with_policy(CARLA_ALONE)

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert len(stage.orders()) == 1
    assert "It needs 1 approval from people who may approve it today" in stage.card(ts)


async def test_what_was_approved_by_somebody_who_left_the_group_is_not_sent_again(stage):
    ts = await lost(stage)
    stage.slack.workspace.groups["S0CONTROLLERS"].members.remove(BOB)
    stage.zuora.faults.add(
        EMAILS, kind="status", status=502, times=1
    )  # the second try shows nothing

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=70)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert "only 0 of those given are from them" in stage.card(ts)
    assert len(stage.zuora.mails) == 0


async def test_while_slack_does_not_say_who_may_approve_nothing_is_sent_again(stage):
    ts = await lost(stage)
    stage.clock.advance(minutes=2)
    stage.slack.faults.add("usergroups.users.list", "status", code=500, times=1000)
    await stage.restart()
    for _ in range(5):
        await stage.pass_time(minutes=10)
    assert len(stage.orders()) == 1
    await stage.until_card(ts, "approvals cannot be counted")
    assert "Sent, outcome not known yet" in stage.card(ts)

    stage.slack.faults.clear()
    await until_ended(stage)

    await stage.until_card(ts, "Accepted by Zuora")
    assert max(mailed(stage).values()) == 1


@pytest.fixture
def without_the_guard(monkeypatch):
    """Two requests about the same documents begin, as a version without the ledger let happen."""
    monkeypatch.setattr("bot.workflow.guard.Guard.why_not_begin", lambda *_: "")


def memo_of_the_run(stage):
    world = stage.zuora.world
    documents = world.documents_of(world.bill_runs["BR-00000001"])
    return next(each.number for each in documents if each.kind == "credit_memo")


async def memo_is_lost(stage, memo):
    """R-1 mails a memo and its answer is lost; R-2, the memo's run, waits. Cards of both."""
    stage.zuora.faults.add(f"/v1/credit-memos/{memo}/emails", **NEVER_CAME)
    one, run = await stage.ask(text=memo), await stage.ask()
    await stage.press(BOB, one)
    await stage.until_thread(one, AGAIN)
    return one, run


@pytest.mark.usefixtures("without_the_guard")
async def test_a_document_that_another_request_mailed_meanwhile_is_not_sent_again(stage):
    memo = memo_of_the_run(stage)
    one, run = await memo_is_lost(stage, memo)
    await stage.press(BOB, run)
    await stage.until_card(run, "Accepted by Zuora")

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_thread(one, "we don't know whether")

    (call,) = stage.store.calls.of(1)
    assert call.no_more.startswith("R-2 has an order for")
    assert call.tries == 1
    assert mailed(stage)[memo] == 1


@pytest.mark.usefixtures("without_the_guard")
async def test_while_the_outcome_of_another_request_about_it_is_unknown_it_waits(stage):
    memo = memo_of_the_run(stage)
    one, run = await memo_is_lost(stage, memo)
    stage.zuora.faults.add(EMAILS, **LOST)
    await stage.press(BOB, run)
    await stage.until_thread(run, AGAIN)

    for _ in range(12):
        await stage.pass_time(minutes=10)

    await stage.until_card(one, "R-2 has an order for")
    assert len(stage.orders()) == 2
    assert mailed(stage)[memo] == 1
    assert "Sent, outcome not known yet" in stage.card(one)


# what people see meanwhile


async def test_the_card_says_what_is_known_since_when_and_what_happens_next(stage):
    ts = await lost(stage)

    await stage.until_card(ts, "Sent, outcome not known yet")
    card = stage.card(ts)
    assert "Not known yet: since " in card
    assert "sends the same call again under the same key, up to 6 times" in card
    assert "Nobody has to do anything now" in card
    assert "approve" not in stage.buttons(ts)
    ack = await stage.slack.slash(ALICE, "C0BILLING", "/billstatus")
    assert "sent, outcome not known yet; the bot asks again by itself" in ack.text

    await until_ended(stage)
    await stage.until_card(ts, "Accepted by Zuora")
    assert "not known yet" not in stage.card(ts)


async def test_of_many_the_card_says_of_how_many_the_outcome_is_not_known_yet(stage):
    numbers = add_invoices(stage, 5)
    stage.zuora.faults.add(f"/v1/invoices/{numbers[2]}/emails", **NEVER_CAME)
    ts = await ask(stage, numbers)

    await stage.until_card(ts, "Sent, outcome not known yet for 1 of 5")
    await until_ended(stage)
    await stage.until_card(ts, "Accepted by Zuora: email 5 invoices")


# what the database itself refuses


@pytest.mark.parametrize(
    "change", ["UPDATE calls SET key = 'other'", "UPDATE calls SET content = 'other'"]
)
async def test_the_database_refuses_another_key_or_content_of_what_may_have_been_done(
    stage, change
):
    await lost(stage)

    with pytest.raises(CouldNotRecordError) as refused, stage.store.transaction():
        stage.store._database.execute(change)

    assert "keeps its key and content" in str(refused.value.__cause__ or refused.value)
    assert stage.store.calls.of(1)[0].key.startswith("billing-bot:R-1:")


async def test_what_another_version_sent_otherwise_is_not_sent_again_under_its_key(stage):
    stage.zuora.faults.add(EMAILS, **NEVER_CAME)
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_thread(ts, AGAIN)
    drop_trigger(stage.store, "calls_keep_their_key")
    with stage.store.transaction():  # as that version would have written it
        stage.store._database.execute("UPDATE calls SET content = ?", ["0" * 64])

    await stage.as_time_passes(lambda: stage.request().state == "unknown", step=5)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert len(stage.orders()) == 1
    assert "this version of the bot would send something else" in stage.card(ts)


@pytest.mark.parametrize(
    ("notification", "result"), [("Invoice Overdue", "OK"), ("Manual Email For Invoice", "Failed")]
)
async def test_an_order_that_never_arrived_is_not_proved_by_a_reminder_or_a_failed_mail(
    stage, notification, result
):
    invoice = stage.zuora.world.add_invoice("A200", "USD", "7.00")
    ts = await stage.ask(text=invoice.number)
    stage.zuora.faults.add("/v1/*/*/emails", kind="drop")
    await stage.press(BOB, ts)
    await stage.until_thread(ts, "sent again under")
    listed_row(stage, invoice, notification, result)
    for _ in range(6):
        await stage.pass_time(minutes=2)

    assert len(stage.zuora.mails) == 1
