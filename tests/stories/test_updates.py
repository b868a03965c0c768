"""A request waits while the bot is updated, and is approved afterwards."""

from dataclasses import replace

import pytest

from bot.domain.call import Verdict
from bot.domain.history import stored
from bot.domain.request import State
from bot.operations import run_documents
from bot.sandbox.zuora import LocalZuora
from bot.wiring import build
from tests.postgres import drop_trigger
from tests.stage import ALICE, BOB, CARLA, nothing_happens
from tests.stories.test_billstatus import ask_status
from tests.stories.test_home import opened, text_of

AN_UPDATE = "Billing Bot was updated after this was asked for"


@pytest.fixture
def older(monkeypatch):
    """The bot as an earlier version, until a test says otherwise."""
    with monkeypatch.context() as changed:
        changed.setattr(build, "surroundings", lambda *_: {"version": "0", "files": "of before"})
        yield changed


def reads_otherwise(older):
    lines_of = run_documents.lines_of
    older.setattr(run_documents, "lines_of", lambda documents: lines_of(documents)[::-1])


def damaged(stage, number=1, **columns):
    """Write other values into a stored request, as only a damaged file or a hand could."""
    for name in ("requests_keep_what_was_asked", "requests_keep_their_facts"):
        drop_trigger(stage.store, name)
    if "state" in columns:
        drop_trigger(stage.store, "requests_move_along_the_arrows")
    for column, value in columns.items():
        stage.store._database.execute(
            f"UPDATE requests SET {column} = ? WHERE number = ?",  # noqa: S608 - own words
            [value, number],
        )


async def test_what_waits_while_the_bot_is_updated_goes_on(stage, older):
    await stage.restart()
    ts = await stage.ask()
    older.undo()
    await stage.restart()

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")


async def test_where_the_new_version_reads_otherwise_that_is_the_reason_that_is_given(stage, older):
    reads_otherwise(older)
    await stage.restart()
    ts = await stage.ask()
    older.undo()
    await stage.restart()

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert AN_UPDATE in stage.card(ts)
    assert "Nothing else is known to have changed" in stage.card(ts)
    assert "changed, though" not in stage.card(ts)
    assert stage.orders() == []
    assert "change" in " ".join(stage.menu(ts)) + str(
        stage.slack.thread("C0BILLING", ts)[-1].blocks
    )


async def test_what_changed_in_zuora_is_said_after_an_update_too(stage, older):
    reads_otherwise(older)
    await stage.restart()
    ts = await stage.ask()
    older.undo()
    await stage.restart()
    next(iter(stage.zuora.world.invoices.values())).amount += 1

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert AN_UPDATE not in stage.card(ts)
    assert "USD 351.50" in stage.card(ts)


async def test_without_an_update_single_documents_that_changed_are_named_as_that(stage):
    ts = await stage.ask()
    first, second = list(stage.zuora.world.invoices.values())[:2]
    first.amount, second.amount = first.amount + 1, second.amount - 1

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert "single documents changed" in stage.card(ts)


async def test_what_only_a_newer_version_can_read_keeps_nobody_from_the_rest(
    stage, operations, caplog
):
    """Two versions work side by side during an update, and the newer one has one more operation."""
    await stage.ask()
    await stage.ask(text=next(iter(stage.zuora.world.invoices)))
    await stage.quiet()
    del operations[stage.request(1).operation]

    await opened(stage, BOB)
    home = text_of(stage, BOB)
    waiting = await ask_status(stage, BOB, "waiting")

    for shown in (home, waiting):
        assert "R-1 cannot be shown" in shown
    logged = [each for each in caplog.records if each.msg == "request_unreadable"]
    assert logged
    assert {each.request for each in logged} == {1}
    assert "Email invoice" in home
    for asked in ("", "R-1", "BR-00000001"):
        assert "email bill run BR-00000001" in await ask_status(stage, BOB, asked)
    await stage.press(BOB, stage.request(2).card_ts)
    await stage.until_card(stage.request(2).card_ts, "Accepted by Zuora")


@pytest.mark.parametrize("reads", [reads_otherwise, lambda _: None])
async def test_another_zuora_is_the_reason_that_is_given_although_the_bot_was_updated_too(
    stage, older, reads
):
    """The operator set another address with the new version, whether or not that reads as the older one did."""
    reads(older)
    await stage.restart()
    ts = await stage.ask()
    older.undo()
    await stage.stop()
    await stage.zuora.stop()
    stage.zuora = LocalZuora(stage.clock, world=stage.zuora.world)
    await stage.zuora.start()
    await stage.start()

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert AN_UPDATE not in stage.card(ts)
    assert "another Zuora tenant" in stage.card(ts)


async def test_where_an_older_version_did_not_record_which_zuora_that_is_not_known(stage, older):
    def as_before(entry, salt):
        data = {name: value for name, value in entry.data.items() if name != "bound"}
        return stored(replace(entry, data=data), salt)

    older.setattr("bot.store.history.stored", as_before)
    reads_otherwise(older)
    await stage.restart()
    ts = await stage.ask()
    older.undo()
    await stage.restart()

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert AN_UPDATE in stage.card(ts)
    assert "Nothing else is known to have changed" not in stage.card(ts)
    assert "Whether it was asked for in another Zuora tenant is not known." in stage.card(ts)


@pytest.mark.parametrize(
    "columns",
    [{"facts": "{}"}, {"facts": "damaged"}, {"body": "5"}, {"facts": '{"x": 1}'}],
    ids=str,
)
async def test_nobody_approves_what_cannot_be_read(stage, caplog, columns):
    ts = await stage.ask()
    await stage.quiet()
    damaged(stage, **columns)

    await stage.press(BOB, ts)
    await stage.until_private(BOB, "Nothing was approved: R-1 cannot be read")
    await stage.press(BOB, ts)
    await stage.quiet()

    assert stage.request().state is State.WAITING
    assert stage.orders() == []
    told = [each for each in stage.thread(ts) if "R-1 cannot be approved" in each]
    assert len(told) == 1
    assert ALICE in told[0]
    assert "request_unreadable" in {each.msg for each in caplog.records}


async def test_what_cannot_be_read_can_be_rejected_and_its_card_says_that(stage):
    ts = await stage.ask()
    await stage.quiet()
    damaged(stage, facts="{}")

    await stage.reject(BOB, ts, "cannot be read")

    await stage.until_card(ts, "Rejected")
    assert "R-1 cannot be shown" in stage.card(ts)
    assert "Tell whoever runs Billing Bot" in stage.card(ts)
    assert "Do not approve it" not in stage.card(ts)


DOWN = {"kind": "status", "status": 503, "times": None}


async def approved_while_zuora_is_down(stage):
    ts = await stage.ask()
    stage.zuora.faults.add("*", **DOWN)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: "Zuora could not be read again" in stage.card(ts))
    return ts


async def test_the_card_of_what_cannot_be_read_has_no_button_to_approve_it_once_it_is_drawn_again(
    stage,
):
    ts = await stage.ask()
    await stage.quiet()
    damaged(stage, facts="{}")

    second = await stage.ask(text=next(iter(stage.zuora.world.invoices)))
    await stage.press(BOB, second)
    await stage.until_card(second, "Accepted by Zuora")

    assert "R-1 cannot be shown" in stage.card(ts)
    assert not [each for each in stage.buttons(ts) if each.startswith("approve")]


async def test_what_cannot_be_read_once_it_is_approved_waits_says_so_and_stops_in_the_end(stage):
    ts = await approved_while_zuora_is_down(stage)
    damaged(stage, facts="{}")
    stage.zuora.faults.clear()

    await stage.as_time_passes(lambda: "What was approved cannot be read" in stage.card(ts))
    await stage.as_time_passes(lambda: stage.request().state is State.STOPPED, step=3600)
    await stage.until_card(ts, "Stopped. Nothing was sent")

    assert stage.orders() == []


async def test_an_operation_that_only_a_newer_version_knows_is_left_to_that_and_said_once(
    stage, operations, caplog
):
    ts = await approved_while_zuora_is_down(stage)
    known = dict(operations)
    del operations[stage.request().operation]
    stage.zuora.faults.clear()

    def left():
        return [each for each in caplog.records if "leaves it alone" in each.msg]

    await stage.as_time_passes(lambda: bool(left()))
    for _ in range(5):
        stage.clock.advance(minutes=10)
        await nothing_happens(20)
    assert len(left()) == 1
    assert stage.request().state is State.APPROVED
    operations.clear()
    operations.update(known)
    await stage.restart()

    await stage.until_card(ts, "Accepted by Zuora")


async def test_what_only_another_version_knows_is_reminded_of_and_expires_all_the_same(
    stage, operations
):
    ts = await stage.ask()
    await stage.quiet()
    del operations[stage.request().operation]

    await stage.pass_time(hours=4)
    await stage.until_thread(ts, "R-1 still waits for 1 approval")
    await stage.pass_time(hours=25)

    assert stage.request().state is State.EXPIRED
    assert "R-1 cannot be shown" in str(stage.slack.thread("C0BILLING", ts)[-2].blocks)


async def left_under_way(stage):
    """A call goes out, its answer is lost, and it waits to be sent again."""
    ts = await stage.ask()
    stage.zuora.faults.add("/v1/bill-runs/*/emails", kind="drop", times=None)
    await stage.press(BOB, ts)
    await stage.until_thread(ts, "sent again under")
    return ts


def lines_about_that(stage, ts):
    return [each for each in stage.thread(ts) if "R-1 is under way. This version" in each]


async def test_a_call_under_way_that_cannot_be_read_any_more_is_said_once_and_left_to_people_in_the_end(
    stage,
):
    ts = await left_under_way(stage)
    damaged(stage, facts="{}")

    await stage.as_time_passes(lambda: bool(lines_about_that(stage, ts)), step=60)
    await stage.as_time_passes(lambda: "Nothing more is sent of it" in stage.card(ts))
    assert "Nobody has to do anything" not in stage.card(ts)
    sent = len(stage.orders())
    await stage.restart()
    await stage.as_time_passes(lambda: stage.request().state is State.UNKNOWN, step=3600)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    assert len(lines_about_that(stage, ts)) == 1
    assert len(stage.orders()) == sent
    await stage.record(CARLA, ts, "record_sent")
    await stage.slack.until(lambda: stage.card(ts).startswith(("Done", "Accepted")))


async def test_a_call_under_way_of_an_operation_that_only_a_newer_version_knows_is_left_to_that(
    stage, operations
):
    ts = await left_under_way(stage)
    known = dict(operations)
    del operations[stage.request().operation]

    await stage.as_time_passes(lambda: bool(lines_about_that(stage, ts)), step=60)
    for _ in range(5):
        stage.clock.advance(hours=1)
        await nothing_happens(20)
    assert stage.request().state is State.RUNNING
    operations.update(known)
    stage.zuora.faults.clear()
    await stage.restart()

    await stage.as_time_passes(lambda: stage.request().state is State.SUCCEEDED, step=60)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_what_was_not_sent_yet_of_what_cannot_be_read_any_more_is_given_up_with_what_was_lost(
    stage,
):
    lost, *rest = [*stage.zuora.world.invoices][:3]
    ts = await stage.ask(text=" ".join([lost, *rest]))
    stage.zuora.faults.add(f"/v1/invoices/{lost}/emails", kind="drop", times=None)
    for each in rest:
        stage.zuora.faults.add(
            f"/v1/invoices/{each}/emails", kind="status", status=429, body={}, times=None
        )
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: any("is busy" in each for each in stage.thread(ts)))
    damaged(stage, facts="{}")
    stage.zuora.faults.clear()

    await stage.as_time_passes(lambda: stage.request().state is State.UNKNOWN, step=3600)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    verdicts = {each.subject: each.verdict for each in stage.store.calls.of(1)}
    assert verdicts == {lost: Verdict.LOST} | dict.fromkeys(rest, Verdict.REFUSED)
    await stage.until_thread(ts, "it could not be sent in time")


async def test_where_no_newer_version_comes_the_outcome_is_left_to_people(stage, operations):
    ts = await left_under_way(stage)
    del operations[stage.request().operation]

    await stage.as_time_passes(lambda: stage.request().state is State.UNKNOWN, step=3600)

    await stage.until_card(ts, "OUTCOME UNKNOWN")
    await stage.until_thread(ts, "we don't know whether")


async def test_the_card_of_what_only_another_version_knows_says_that_it_expired_here(
    stage, operations
):
    ts = await stage.ask()
    await stage.quiet()
    del operations[stage.request().operation]

    await stage.pass_time(hours=25)
    await stage.until_card(ts, "Expired")

    assert not [each for each in stage.buttons(ts) if each.startswith("approve")]
