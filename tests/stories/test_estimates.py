"""The estimate of a bill run by batch: made by Zuora in the background, shown on card and thread."""

from dataclasses import replace

import pytest

from bot.cli.sandbox import POLICY
from bot.domain.history import What
from bot.operations.catalog import OPERATIONS
from tests.postgres import drop_trigger, reading_only
from tests.stage import ALICE, BOB, CHANNEL

PREVIEWS = "/v1/billing-preview-runs"
LINE = "batch=Batch1,Batch2 target=2026-11-30"
PROMISED = "Estimate: asked of Zuora; it follows on the card while this waits for approval"


@pytest.fixture
def world(stage):
    world = stage.zuora.world
    for number, batch, currency in (("A1", "Batch1", "USD"), ("A2", "Batch2", "EUR")):
        world.add_account(number, batch=batch, currency=currency)
        world.add_subscription(number, "100.00", number=f"S-{number}")
    return world


async def ask(stage, line=LINE):
    before = len(stage.slack.channel_messages(CHANNEL))
    ack = await stage.slack.slash(ALICE, CHANNEL, f'/billrun {line} reason="Month end"')
    assert "waits for approval" in ack.text, ack.text
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > before)
    await stage.quiet()
    return stage.slack.channel_messages(CHANNEL)[-1].ts


def begun(stage):
    return [c for c in stage.zuora.calls if (c.method, c.path) == ("POST", PREVIEWS)]


def estimates(stage, ts):
    return [text for text in stage.thread(ts) if "preview" in text or "estimate" in text]


async def test_asking_does_not_wait_and_the_estimate_follows_in_the_thread(stage, world):
    ts = await ask(stage)

    assert PROMISED in stage.card(ts)
    assert estimates(stage, ts) == []
    await stage.pass_time(seconds=20)

    (said,) = estimates(stage, ts)
    assert said == (
        "Zuora's preview BPR-00000001 estimates what is due by 30 Nov 2026: "
        "EUR 100.00 · USD 100.00 in charges (2 items of 2 accounts)."
    )
    assert len(begun(stage)) == 1


async def test_an_estimate_that_arrives_is_the_amount_of_card_details_and_confirmation(
    stage, world
):
    ts = await ask(stage)
    assert "Amount: not known yet; Zuora was asked for an estimate" in stage.card(ts)
    await stage.pass_time(seconds=20)

    about = "about EUR 100.00 · USD 100.00 in charges for 2 accounts, according to Zuora's preview BPR-00000001"
    message = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    assert f"Amount: {about}" in stage.card(ts)
    assert about in str([block for block in message.blocks if block["type"] == "actions"])
    for shown in (stage.card(ts), await stage.details(ts)):
        assert about in shown
        assert "not known yet" not in shown
        assert PROMISED not in shown
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "running")
    await stage.quiet()
    assert about in stage.card(ts)


async def test_the_form_of_the_highest_tier_has_the_estimate_that_has_arrived(stage, world):
    await stage.with_policy(POLICY + '[[rule]]\nabove = { USD = "10" }\napprovals = 2\n')
    ts = await ask(stage)
    await stage.pass_time(seconds=20)

    await stage.press(BOB, ts)

    asked = str(stage.slack.view(BOB)["blocks"])
    assert "Highest approval tier. Bill Batch1 and Batch2. Amount: about EUR 100.00" in asked
    assert "not known yet" not in asked


def add_many_currencies(world):
    for currency in ("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "GBP", "HUF", "INR", "JPY", "NOK"):
        world.add_account(f"A{currency}", batch="Batch1", currency=currency)
        world.add_subscription(f"A{currency}", "1000000.00", number=f"S-{currency}")


async def test_an_estimate_too_long_for_slacks_question_is_asked_in_a_form(stage, world):
    add_many_currencies(world)
    ts = await ask(stage)
    before = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    assert "confirm" in before.blocks[-1]["elements"][0]
    await stage.pass_time(seconds=20)

    after = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    assert "confirm" not in after.blocks[-1]["elements"][0]
    await stage.press(BOB, ts)
    asked = str(stage.slack.view(BOB)["blocks"])
    assert "AUD 1,000,000.00" in asked
    assert "USD 100.00" in asked
    assert "SANDBOX" in asked
    assert stage.request().state == "waiting"


async def test_whoever_confirmed_before_a_long_estimate_came_is_not_asked_again(stage, world):
    add_many_currencies(world)
    ts = await ask(stage)
    shown = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    confirmed = shown.blocks[-1]["elements"][0]
    assert not confirmed["text"]["text"].endswith("…")
    await stage.pass_time(seconds=20)
    shown = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    assert shown.blocks[-1]["elements"][0]["text"]["text"].endswith("…")

    await stage.slack.click(BOB, CHANNEL, ts, "approve", block=confirmed, force=True)

    assert stage.slack.view(BOB) is None
    assert [each.person for each in stage.request().approvals] == [BOB]


async def test_an_estimate_that_does_not_come_leaves_no_promise_on_the_card(stage, world):
    stage.zuora.knobs = replace(stage.zuora.knobs, preview_runs=False)

    ts = await ask(stage)

    assert "Amount: not known; the thread says why there is no estimate" in stage.card(ts)
    assert "was asked" not in stage.card(ts)


async def test_what_is_decided_before_an_estimate_came_does_not_wait_for_one(stage, world):
    ts = await ask(stage)

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "running")
    await stage.quiet()

    for shown in (stage.card(ts), await stage.details(ts)):
        assert "Amount: not known; it was decided before an estimate came" in shown
        assert "asked for an estimate" not in shown
        assert PROMISED not in shown


async def test_it_is_made_once_and_approval_and_sending_make_no_other(stage, world):
    ts = await ask(stage)
    await stage.pass_time(seconds=20)
    world.add_subscription("A1", "55.00")  # the estimate would be another one now

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state in ("running", "stopped"))
    await stage.quiet()
    await stage.pass_time(minutes=10)

    assert stage.request().state in ("running", "succeeded")
    assert len(begun(stage)) == 1
    assert len(estimates(stage, ts)) == 1


async def test_once_it_is_decided_no_estimate_is_shown_any_more(stage, world):
    ts = await ask(stage)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "running")

    await stage.pass_time(seconds=60)

    assert estimates(stage, ts) == []
    assert [c for c in stage.zuora.calls if c.path.startswith(f"{PREVIEWS}/")] == []
    assert stage.store.estimates.next_wake() is None


async def test_a_bot_that_is_restarted_goes_on_waiting_for_the_same_preview(stage, world):
    ts = await ask(stage)
    assert len(begun(stage)) == 1
    await stage.restart()
    await stage.pass_time(seconds=20)

    assert len(estimates(stage, ts)) == 1
    assert len(begun(stage)) == 1


async def test_a_tenant_without_the_permission_is_no_reason_to_refuse(stage, world):
    stage.zuora.knobs = replace(stage.zuora.knobs, preview_runs=False)

    ts = await ask(stage)

    assert stage.request().state == "waiting"
    (said,) = estimates(stage, ts)
    assert said.startswith("Zuora gave no estimate: ")
    assert "permission" in said


async def test_a_preview_that_fails_in_zuora_is_shown(stage, world):
    ts = await ask(stage)
    (run,) = world.preview_runs.values()
    run.ends_in = "Error"
    await stage.pass_time(seconds=20)

    (said,) = estimates(stage, ts)
    assert said.startswith("Zuora gave no estimate; its preview run BPR-00000001 ended in Error")
    assert said.endswith(": The preview could not be made.")


async def test_a_preview_that_never_ends_is_not_waited_for_for_ever(stage, world):
    stage.zuora.timings = replace(stage.zuora.timings, preview=10**6)
    ts = await ask(stage)
    for _ in range(40):
        await stage.pass_time(minutes=5)

    assert estimates(stage, ts) == ["Zuora gave no estimate within 2 hours."]
    looked = [c for c in stage.zuora.calls if c.path.startswith(f"{PREVIEWS}/")]
    assert len(looked) < 40


async def test_an_outage_is_waited_out(stage, world):
    stage.zuora.faults.add(PREVIEWS, kind="status", times=4, status=503)
    ts = await ask_through_an_outage(stage)
    for _ in range(6):
        await stage.pass_time(seconds=30)

    assert len(estimates(stage, ts)) == 1
    assert "EUR 100.00 · USD 100.00 in charges" in estimates(stage, ts)[0]
    keys = [call.headers["idempotency-key"] for call in begun(stage)]
    assert len(set(keys)) == 2, "Zuora repeats a failure under its key for a day"


async def ask_through_an_outage(stage):
    """The tries of a read rest on the clock, so that it has to move while it is asked."""
    await stage.slack.slash(ALICE, CHANNEL, f'/billrun {LINE} reason="Month end"')
    await stage.slack.until(lambda: bool(stage.slack.channel_messages(CHANNEL)))
    await stage.as_time_passes(lambda: len(begun(stage)) == 4)
    await stage.quiet()
    return stage.slack.channel_messages(CHANNEL)[-1].ts


async def test_a_file_that_cannot_be_read_is_not_shown_as_nothing(stage, world):
    ts = await ask(stage)
    stage.clock.advance(seconds=4)
    world.agenda.advance(stage.clock.now())
    (run,) = world.preview_runs.values()
    run.file = b"PK broken"
    await stage.pass_time(seconds=20)

    assert estimates(stage, ts) == [
        "Zuora gave no estimate: The file of Zuora's preview run could not be read."
    ]


async def test_a_batch_that_is_being_previewed_for_another_request_is_waited_for(stage, world):
    first = await ask(stage)
    second = await ask(stage, f"{LINE} name=Other")
    assert len(begun(stage)) == 2
    assert estimates(stage, second) == []
    for _ in range(5):
        await stage.pass_time(seconds=10)

    for ts in (first, second):
        (said,) = estimates(stage, ts)
        assert "EUR 100.00 · USD 100.00 in charges" in said
    assert "BPR-00000001" in estimates(stage, first)[0]
    assert "BPR-00000002" in estimates(stage, second)[0]


async def test_a_batch_that_is_previewed_for_long_is_shown_in_zuoras_words(stage, world):
    stage.zuora.timings = replace(stage.zuora.timings, preview=10**6)
    await ask(stage)
    second = await ask(stage, f"{LINE} name=Other")
    for _ in range(8):
        await stage.pass_time(minutes=5)

    assert estimates(stage, second) == [
        "Zuora gave no estimate: Zuora said no: BPR-00000001 previews some of these batches already."
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("batch=1 target=2026-11-30 type=CatchUp", "none; a catch-up run makes no invoices"),
        ("subscriptions=S-A1 target=2026-11-30", "none; Zuora's preview is for whole accounts"),
    ],
)
async def test_where_nothing_can_be_previewed_nothing_is_asked(stage, world, line, words):
    stage.zuora.knobs = replace(stage.zuora.knobs, catch_up=True)
    ts = await ask(stage, line)
    await stage.pass_time(seconds=20)

    assert words in stage.card(ts)
    assert begun(stage) == []


async def test_what_cannot_be_written_down_is_done_later(stage, world):
    ts = await ask(stage)
    reading_only(stage.store, "on")
    stage.clock.advance(seconds=10)
    await stage.until(lambda: any(c.path.startswith("/v1/files/") for c in stage.zuora.calls))
    await stage.until(lambda: not stage.bot.estimates.under_way)
    reading_only(stage.store, "off")
    for _ in range(3):
        stage.clock.advance(seconds=30)
        await stage.quiet()

    assert len(estimates(stage, ts)) == 1


async def test_a_fault_of_the_bots_own_is_said_once_and_does_not_come_again(stage, world):
    ts = await ask(stage)
    drop_trigger(stage.store, "requests_keep_their_facts")
    stage.store._database.execute("UPDATE requests SET facts = 'broken' WHERE number = 1")
    for _ in range(3):
        stage.clock.advance(seconds=30)
        await stage.quiet()

    assert estimates(stage, ts) == ["There is no estimate: the bot failed while asking for one."]
    assert stage.store.estimates.next_wake() is None


def test_an_approval_is_not_bound_to_an_estimate():
    facts = OPERATIONS["create_bill_run"].facts_type

    assert "estimate" not in facts.model_validate({"today": "2026-11-21"}).material()


async def test_one_that_breaks_the_bot_holds_up_no_other(stage, world):
    await ask(stage)
    database = stage.store._database
    drop_trigger(stage.store, "requests_keep_what_was_asked")
    database.execute("UPDATE requests SET body = '{}' WHERE number = 1")
    second = await ask(stage, f"{LINE} name=Other")

    for _ in range(5):
        await stage.pass_time(seconds=10)

    assert "EUR 100.00 · USD 100.00 in charges" in estimates(stage, second)[0]


async def test_the_preview_that_is_asked_for_before_the_approval_is_in_the_history(stage, world):
    """A request that is made before an approval."""
    ts = await ask(stage)
    await stage.quiet()

    (call,) = [each for each in stage.zuora.calls if each.path == "/v1/billing-preview-runs"]
    said = {entry.entry.what: entry.entry.data for entry in stage.store.history.of(1)}
    assert said[What.ESTIMATE_ASKED]["key"] == call.headers["idempotency-key"]
    assert said[What.ESTIMATE_BEGUN]["preview"]
    assert What.APPROVED not in said
    assert "waiting for one approval from" in stage.card(ts)
