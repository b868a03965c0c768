"""`/billrun`: a form, one line, or a look at a run with a button for what is legal in it."""

from datetime import timedelta

import pytest

from bot.slack.commands import bill_run as command
from tests.operations.examples import EXAMPLES
from tests.stage import ALICE, BOB, CHANNEL, MARA

RUN = "BR-00000002"
LINES = [("A00000001", "USD", "100.00"), ("A00000003", "EUR", "80.00")]
POST, EMAIL, CANCEL = "run:post_bill_run", "run:email_bill_run", "run:cancel_bill_run"


def add(stage, status, **fields):
    return stage.zuora.world.add_bill_run(
        RUN, name="December", status=status, invoices=LINES, **fields
    )


def buttons(message):
    return [
        element["action_id"]
        for block in message.blocks
        for element in block.get("elements", [])
        if element.get("type") == "button"
    ]


STATES = ["Pending", "Paused", "Processing", "Completed", "Error", "PostInProgress", "Posted",
          "CancelInProgress", "Canceled", "RemoveInProgress", "Melted"]  # fmt: skip


async def test_the_card_has_exactly_the_buttons_that_are_legal(stage):
    """`legal_in` of `tests/operations/examples.py` says which."""
    for status in STATES:
        legal = [f"run:{name}" for name, each in EXAMPLES.items() if status in each.legal_in]
        add(stage, status)

        shown = await stage.show(RUN)

        assert f"Bill run BR-00000002: {status}" in shown.text
        assert buttons(shown) == legal
        assert shown.ephemeral_to == ALICE


async def test_a_completed_run_with_a_posted_document_can_only_be_posted(stage):
    run = add(stage, "Completed")
    stage.zuora.world.documents_of(run)[0].status = "Posted"

    shown = await stage.show(RUN)

    assert buttons(shown) == [POST]
    assert "1 document posted, 1 not: some failed to post, or were unposted" in shown.text


async def test_a_completed_catch_up_run_cannot_be_canceled(stage):
    add(stage, "Completed", run_type="CatchUp")

    assert buttons(await stage.show(RUN)) == [POST]


async def test_the_card_shows_state_name_dates_counts_and_totals(stage):
    add(stage, "Completed")

    shown = await stage.show(RUN)

    assert "SANDBOX · local Zuora" in shown.text
    assert "Name: December" in shown.text
    assert "Completed. Its documents are drafts" in shown.text
    assert "target date 21 Nov 2026 · invoice date 21 Nov 2026" in shown.text
    assert "Invoices: 2 · EUR 80.00 · USD 100.00" in shown.text
    assert "Emailed: no; only posted documents can be" in shown.text


async def test_the_card_shows_what_was_mailed_and_when(stage):
    add(stage, "Posted", mailed_at=stage.clock.now() - timedelta(days=1))

    shown = (await stage.show(RUN)).text

    assert "Emailed: both documents, last <!date^" in shown
    assert "|20 Nov 2026 10:00 UTC>" in shown


async def test_the_card_shows_that_nothing_was_mailed(stage):
    add(stage, "Posted")

    assert "Emailed: Zuora shows no mail of 2 documents" in (await stage.show(RUN)).text


async def test_the_card_shows_zuoras_words_about_a_failure(stage):
    add(stage, "Error", error_message="Tax engine <!channel> did not answer")

    shown = (await stage.show(RUN)).text

    assert "Tax engine &lt;!channel&gt; did not answer" in shown


async def test_the_card_of_a_schedule_shows_when_it_runs(stage):
    schedule = {"repeatFrom": "2026-12-01", "repeatType": "Monthly", "runTime": 10}
    at = stage.clock.now() + timedelta(days=10)
    add(stage, "Pending", schedule=schedule, scheduled_at=at)

    shown = (await stage.show(RUN)).text

    assert "Schedule: Monthly · this occurrence runs <!date^" in shown
    assert "|1 Dec 2026 10:00 UTC>" in shown


async def test_a_run_is_found_by_its_id_too(stage):
    run = add(stage, "Completed")

    assert "Bill run BR-00000002" in (await stage.show(run.id)).text
    assert "Bill run BR-00000002" in (await stage.show(RUN.lower())).text


async def test_an_unknown_run_is_said_plainly(stage):
    assert (
        await stage.show("BR-00000099")
    ).text == "Zuora knows no bill run, invoice or memo BR-00000099."


async def test_a_zuora_that_refuses_is_said_plainly(stage):
    stage.zuora.faults.add("*", kind="status", status=403, body={"code": 1}, times=None)

    assert "Zuora refused this (" in (await stage.show("BR-00000001")).text


async def test_a_slow_zuora_is_answered_in_time_and_the_card_follows(stage, monkeypatch):
    monkeypatch.setattr("bot.slack.replying.SECONDS_FOR_ZUORA", 0.05)
    add(stage, "Completed")
    stage.zuora.faults.add("/object-query/billing-runs/*", kind="slow", seconds=2.5)

    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {RUN}")

    assert ack.ok
    assert ack.text == "Looking for BR-00000002 in Zuora…"
    stage.clock.advance(seconds=3)
    await stage.until_private(ALICE, "Bill run BR-00000002: Completed")
    assert buttons(stage.slack.private(ALICE, CHANNEL)[-1]) == [POST, CANCEL]


async def test_the_card_comes_over_signed_http_too(web_stage):
    shown = await web_stage.show("BR-00000001")

    assert "Bill run BR-00000001: Posted" in shown.text
    assert buttons(shown) == [EMAIL]


async def test_a_zuora_that_is_down_is_said_plainly_in_the_end(stage):
    stage.zuora.faults.down = True
    ack = await stage.done_as_time_passes(stage.slack.slash(ALICE, CHANNEL, "/billrun BR-00000001"))
    assert ack.ok

    await stage.as_time_passes(lambda: "Zuora did not answer (" in "".join(stage.private(ALICE)))


@pytest.mark.parametrize(
    ("status", "button", "title"),
    [
        ("Completed", POST, "Post a bill run"),
        ("Completed", CANCEL, "Cancel a bill run"),
        ("Posted", EMAIL, "Email"),
    ],
)
async def test_a_button_opens_the_form_with_the_run_filled_in(stage, status, button, title):
    add(stage, status)
    shown = await stage.show(RUN)

    await stage.slack.click(ALICE, CHANNEL, shown.ts, button)

    view = stage.slack.view(ALICE)
    assert view["title"]["text"].startswith(title)
    assert RUN in str(view["blocks"])


async def test_a_request_from_the_card_works_to_its_end(stage):
    add(stage, "Completed")
    shown = await stage.show(RUN)
    await stage.slack.click(ALICE, CHANNEL, shown.ts, POST)
    assert (await stage.slack.submit(ALICE, {"reason": "Month end"})).ok
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 1)
    ts = stage.slack.channel_messages(CHANNEL)[0].ts

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Posted bill run BR-00000002")


@pytest.mark.parametrize("forged", ["", "R-1", "../x", "BR-1 OR 1=1"])
async def test_a_forged_button_opens_nothing(stage, forged):
    shown = await stage.show("BR-00000001")

    await stage.slack.click(
        ALICE, CHANNEL, shown.ts, POST, force=True, block={"type": "button", "value": forged}
    )

    await stage.until_private(ALICE, "does not know what this button belongs to")
    assert stage.slack.view(ALICE) is None


async def test_a_button_for_an_unknown_operation_opens_nothing(stage):
    shown = await stage.show("BR-00000001")
    block = {"type": "button", "value": "BR-00000001"}

    await stage.slack.click(ALICE, CHANNEL, shown.ts, "run:drop", force=True, block=block)

    await stage.until_private(ALICE, "does not know what this button belongs to")


@pytest.mark.parametrize("text", ["", "batch=Batch1"])
async def test_strangers_read_who_may_ask_and_see_nothing(stage, text):
    before = len(stage.zuora.calls)

    ack = await stage.slack.slash(MARA, CHANNEL, f"/billrun {text}")

    assert "You may not ask for billing operations" in ack.text
    assert "<!subteam^S0BILLING>" in ack.text
    assert stage.slack.view(MARA) is None
    assert len(stage.zuora.calls) == before


async def test_who_may_look_sees_a_run_by_any_number_and_no_button(stage):
    stage.zuora.world.add_bill_run("ACMERUN", invoices=[("A00000001", "USD", "5.00")])

    await stage.slack.slash(MARA, CHANNEL, "/billrun ACMERUN")

    shown = stage.slack.private(MARA, CHANNEL)[-1]
    assert "Bill run ACMERUN: Posted" in shown.text
    assert "Ask to" not in str(shown.blocks)
    assert not any(block["type"] == "actions" for block in shown.blocks)


async def test_a_stranger_cannot_use_a_button_that_was_forged(stage):
    shown = await stage.show("BR-00000001")
    payload = {"type": "button", "value": "BR-00000001"}
    await stage.slack.click(ALICE, CHANNEL, shown.ts, EMAIL, force=True, block=payload)
    stolen = stage.slack.last_payload | {
        "user": stage.slack.last_payload["user"] | {"id": MARA, "username": "mara"}
    }

    await stage.slack.deliver(stolen, stage.slack.last_kind)

    await stage.until_private(MARA, "You may not ask for billing operations")
    assert stage.slack.view(MARA) is None


async def test_help_is_for_everybody(stage):
    ack = await stage.slack.slash(MARA, CHANNEL, "/billrun help")

    assert "/billrun BR-00000001" in ack.text
    assert "batch=Batch1,Batch2" in ack.text
    assert f"<#{CHANNEL}>" in ack.text
    assert stage.slack.view(MARA) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hlep", "help"),
        ("417", "BR-00000417"),
        ("br 417", "BR-00000417"),
        ("BR_00000417", "BR-00000417"),
        ("cancle", "BR-00000001"),
        ("bach", "batch=Batch1"),
        ("tagret", "target=2026-11-30"),
        ("?", "help"),
        ("<!here>", "help"),
    ],
)
def test_a_word_it_does_not_know_gets_the_nearest(typed, meant):
    said = command.nearest(typed)

    assert f"`/billrun {meant}" in said or meant in said.split("`/billrun")[1]
    assert "<!here>" not in said


async def test_an_unknown_word_opens_no_form(stage):
    ack = await stage.slack.slash(ALICE, CHANNEL, "/billrun hlep")

    assert ack.text.endswith("bill run, invoice or memo hlep. Did you mean `/billrun help`?")
    assert stage.slack.view(ALICE) is None


async def test_the_empty_command_opens_the_form_of_a_new_run(stage):
    await stage.slack.slash(ALICE, CHANNEL, "/billrun")

    assert stage.slack.view(ALICE)["callback_id"] == "ask:bill_run"


async def test_one_line_without_a_reason_opens_the_form_filled_in(stage):
    text = '/billrun batch=Batch1,Batch2 target=2026-11-30 name="November"'

    assert (await stage.slack.slash(ALICE, CHANNEL, text)).ok

    view = stage.slack.view(ALICE)
    assert view["callback_id"] == "ask:bill_run"
    shown = {block.get("block_id"): block.get("element") for block in view["blocks"]}
    assert shown["name"]["initial_value"] == "November"
    assert shown["target_date"]["initial_date"] == "2026-11-30"


async def test_one_line_with_a_reason_asks_at_once(stage):
    text = '/billrun batch=Batch1 target=2026-11-30 name="November" reason="Month end"'

    ack = await stage.slack.slash(ALICE, CHANNEL, text)

    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 1)
    assert "R-1 waits for approval" in ack.text
    assert stage.slack.view(ALICE) is None
    assert stage.request().operation == "create_bill_run"
    assert stage.request().reason == "Month end"


async def test_a_line_that_was_delivered_twice_asks_once(stage):
    text = "/billrun batch=Batch1 target=2026-11-30 reason=Again"
    await stage.slack.slash(ALICE, CHANNEL, text)

    await stage.slack.deliver(stage.slack.last_payload, stage.slack.last_kind)
    await stage.quiet()

    assert len(stage.slack.channel_messages(CHANNEL)) == 1


async def test_everything_wrong_with_a_line_is_said_at_once_and_nothing_saved(stage):
    text = "/billrun batch=Batch99 target=soon reason=Now"

    ack = await stage.slack.slash(ALICE, CHANNEL, text)

    assert "Batch99" in ack.text
    assert "soon" in ack.text
    assert stage.slack.view(ALICE) is None
    assert stage.slack.channel_messages(CHANNEL) == []


async def test_a_line_that_lacks_something_says_what(stage):
    ack = await stage.slack.slash(ALICE, CHANNEL, "/billrun batch=Batch1 reason=Now")

    assert "Nothing was saved." in ack.text
    assert stage.slack.channel_messages(CHANNEL) == []


async def test_a_stranger_cannot_ask_with_a_line(stage):
    text = "/billrun batch=Batch1 target=2026-11-30 reason=Now"

    ack = await stage.slack.slash(BOB, CHANNEL, text)

    assert "You may not ask for billing operations" in ack.text
    assert stage.slack.channel_messages(CHANNEL) == []
