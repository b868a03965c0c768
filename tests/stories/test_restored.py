"""A database that is older than the world."""

import asyncio
import zipfile

import pytest
from click.testing import CliRunner

from bot.cli.resume import resume
from bot.domain.history import What
from bot.wiring.restoring import resume_after_restore
from bot.wiring.starting import CannotStartError
from tests.audit.test_evidence import checked, made
from tests.postgres import only_sqlite
from tests.stage import ALICE, BOB, CHANNEL, EMAILS
from tests.stories.test_clicks import begin_anew, copied

HELD = "resume-after-restore"


def held_lines(stage):
    return [m.text for m in stage.slack.channel_messages(CHANNEL) if HELD in m.text]


async def in_state(stage, state):
    """A request in a state; returns its card's `ts`."""
    ts = await stage.ask()
    if state == "approved":
        stage.zuora.faults.add("*", kind="status", status=503, times=None)
    if state == "unknown":
        stage.changes = {"repeat_lost": "no"}
        await stage.restart()
        stage.zuora.faults.add(EMAILS, kind="lose_answer")
    if state == "running":  # its answer was lost, and it waits to be sent again under its key
        stage.zuora.faults.add(EMAILS, kind="lose_answer")
    if state != "waiting":
        await stage.press(BOB, ts)
    if state == "approved":
        await stage.as_time_passes(lambda: any("keeps trying" in line for line in stage.thread(ts)))
    if state == "unknown":
        await stage.slack.until(lambda: stage.request().state == "unknown")
    if state == "running":
        await stage.until_thread(ts, "sent again under")
    assert stage.request().state == state
    return ts


async def finished(stage, ts):
    """Let the request come to its end, as it did after the copy was made."""
    stage.zuora.faults.clear()
    if stage.request().state == "waiting":
        await stage.press(BOB, ts)
    if stage.request().state == "unknown":
        assert (await stage.record(BOB, ts, "record_sent")).ok
    await stage.as_time_passes(lambda: stage.request().state == "succeeded")
    await stage.quiet()


async def nothing_goes_out(stage):
    """Whatever is due by the clock, no order goes to Zuora."""
    before = len(stage.orders())
    stage.clock.advance(hours=1)
    await asyncio.sleep(0)
    await stage.quiet() if not stage.store.copies.held else await asyncio.sleep(0.05)
    assert len(stage.orders()) == before
    assert len({order.headers["idempotency-key"] for order in stage.orders()}) == 1


async def resumed(stage):
    """Stop the bot, run the command, start again."""
    await stage.stop()
    await stage.gone()
    found = await resume_after_restore(stage.settings(), stage.clock)
    await stage.start()
    return found


@pytest.mark.parametrize("state", ["waiting", "approved", "running", "unknown"])
async def test_an_older_copy_carries_nothing_out_again(stage, state):
    ts = await in_state(stage, state)
    put_back = await copied(stage)
    await finished(stage, ts)

    await put_back()

    assert stage.request().state == state
    assert stage.bot.health()["status"] == "held"
    assert HELD in stage.bot.health()["database"]
    await stage.slack.until(lambda: "older copy" in " ".join(held_lines(stage)))
    name = stage.request().reference
    await stage.slack.click(BOB, CHANNEL, ts, "approve", value=name, force=True)
    await stage.slack.until(lambda: any(HELD in text for text in stage.private(BOB)))
    await nothing_goes_out(stage)


@pytest.mark.parametrize("state", ["waiting", "approved", "running", "unknown"])
async def test_resume_after_restore_ends_what_was_open(stage, state):
    ts = await in_state(stage, state)
    put_back = await copied(stage)
    await finished(stage, ts)
    await put_back()

    assert await resumed(stage) == (["R-1"], 2)

    await stage.until_card(ts, "Stopped, look in Zuora first")
    assert stage.buttons(ts) == ["details"]  # it may have been done: nobody is led to ask again
    assert stage.request().state == "stopped"
    assert [e.entry.what for e in stage.store.history.all() if e.entry.what is What.RESUMED]
    assert stage.bot.health()["database"] == "ready"
    await nothing_goes_out(stage)


async def test_numbers_go_on_behind_the_highest_that_was_seen(stage, tmp_path):
    await stage.ask()
    put_back = await copied(stage)
    for number in (2, 3):
        run = f"BR-0000000{number}"
        stage.zuora.world.add_bill_run(run, invoices=[("A1", "USD", "1.00")])
        await stage.ask(text=run)
    await put_back()

    await resumed(stage)
    await stage.pass_time(minutes=61)
    await stage.ask(text="BR-00000003")

    assert stage.request(4).subject == "BR-00000003"
    assert stage.store.requests.get(2) is None
    _, out = await made(stage, tmp_path)
    ((sequence, _, _, _),) = stage.store.history.since(0, What.RESUMED)
    found = checked(out)
    assert found.exit_code == 0, found.output
    assert f"Before row {sequence} an older copy of the database was put back" in found.output
    with zipfile.ZipFile(out) as package:
        report = package.read("00-report.html").decode()
    assert f"before row {sequence} an older copy of the database was put back" in report


async def test_a_database_that_was_resumed_is_not_held_at_its_next_start(stage):
    ts = await stage.ask()
    put_back = await copied(stage)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await put_back()
    await resumed(stage)
    await stage.quiet()

    await stage.restart()

    assert stage.bot.health()["status"] == "ready"


async def test_a_copy_that_lacks_nothing_is_not_held(stage):
    ts = await stage.ask()
    await stage.quiet()
    put_back = await copied(stage)
    await put_back()

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")


async def test_another_database_that_posted_since_holds_this_one(stage):
    await stage.ask()
    put_back = await copied(stage)
    await begin_anew(stage)
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A1", "USD", "1.00")])
    await stage.ask(text="BR-00000002")
    await stage.quiet()

    await put_back()

    assert "Another database has posted here" in stage.bot.health()["database"]


async def test_a_command_and_a_form_are_answered_while_it_is_held(stage):
    ts = await stage.ask()
    put_back = await copied(stage)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.open_form()
    await put_back()

    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})
    ack = await stage.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    direct = stage.slack.workspace.direct(ALICE).id
    await stage.slack.share_file(ALICE, direct, "november.csv", b"INV00000001")

    assert HELD in str(submitted.view)
    assert HELD in ack.text
    await stage.slack.until(lambda: HELD in stage.slack.channel_messages(direct)[-1].text)


async def test_where_slack_cannot_be_read_what_was_asked_for_before_waits(stage):
    ts = await in_state(stage, "approved")
    await stage.done_as_time_passes(stage.stop())
    stage.zuora.faults.clear()
    stage.slack.faults.add("conversations.history", "error", error="missing_scope", times=1000)
    await stage.start()
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A1", "USD", "1.00")])
    said = stage.slack.channel_messages
    await stage.slack.until(lambda: any("missing_scope" in m.text for m in said(CHANNEL)))

    other = await stage.ask(text="BR-00000002")
    await stage.press(BOB, other)
    await stage.slack.until(lambda: "Accepted by Zuora" in stage.card(other))

    assert stage.request(1).state == "approved"
    assert "missing_scope" in stage.bot.health()["database"]
    stage.slack.faults.clear()
    await stage.as_time_passes(lambda: stage.request(1).state == "succeeded")
    await stage.until_card(ts, "Accepted by Zuora")


async def test_nobody_resumes_a_database_on_which_the_bot_works(stage):
    with pytest.raises(CannotStartError, match="stop it first"):
        await resume_after_restore(stage.settings(), stage.clock)


def test_the_command_says_which_settings_are_missing(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_BOT_TOKEN", "BILLING_CHANNEL"):
        monkeypatch.delenv(name, raising=False)

    done = CliRunner().invoke(resume)

    assert done.exit_code == 2
    assert "SLACK_BOT_TOKEN" in done.output


@pytest.mark.parametrize("state", ["waiting", "approved", "unknown"])
async def test_what_may_have_been_mailed_after_the_copy_counts_as_mailed_and_is_not_at_once_again(
    stage, state
):
    ts = await in_state(stage, state)
    put_back = await copied(stage)
    await finished(stage, ts)
    await put_back()
    await resumed(stage)
    world = stage.zuora.world
    memo = next(
        each.number
        for each in world.documents_of(world.bill_runs["BR-00000001"])
        if each.kind == "credit_memo"
    )

    at_once = await stage.fill(text=memo)

    assert "may have mailed" in at_once.errors["documents"]
    await stage.slack.close(ALICE)
    stage.clock.advance(minutes=61)
    later = await stage.ask(text=memo)
    assert f"R-1 may have mailed {memo} before an older copy" in stage.card(later)
    assert "look in Zuora first" in stage.card(later)


def slack_is_closed(stage):
    stage.slack.faults.add("conversations.history", "error", error="missing_scope", times=1000)


async def until_said(stage, times=1):
    """Until the channel says so many times that Slack cannot be read."""

    def said():
        return sum("missing_scope" in m.text for m in stage.slack.channel_messages(CHANNEL))

    await stage.slack.until(lambda: said() == times)


async def mailed_another(stage, run):
    """A request of this start, which waits for nothing."""
    stage.zuora.world.add_bill_run(run, invoices=[("A1", "USD", "1.00")])
    ts = await stage.ask(text=run)
    await stage.press(BOB, ts)
    await stage.slack.until(lambda: "Accepted by Zuora" in stage.card(ts))


@pytest.mark.parametrize("state", ["approved", "running"])
async def test_an_older_copy_does_not_hide_behind_starts_at_which_slack_could_not_be_read(
    stage, state
):
    """By then the copy's own history is longer than the one that Slack shows."""
    ts = await in_state(stage, state)
    put_back = await copied(stage)
    await finished(stage, ts)
    lost_head, _ = stage.store.history.last()
    done = len(stage.orders())
    slack_is_closed(stage)
    await put_back()
    for times in (1, 2):
        await until_said(stage, times)
        await mailed_another(stage, f"BR-0000000{times + 1}")
        await stage.done_as_time_passes(stage.stop())
        await stage.start()
    await until_said(stage, 3)
    while stage.store.history.last()[0] <= lost_head:
        await stage.slack.slash("U0EVE", CHANNEL, "/billemail BR-00000001")
    stage.slack.faults.clear()
    await stage.done_as_time_passes(stage.stop())

    await stage.start()

    assert "older copy" in stage.bot.health()["database"]
    assert len(stage.orders()) == done + 2
    assert stage.request(1).state == state


async def test_another_database_does_not_hide_behind_starts_at_which_slack_could_not_be_read(stage):
    await stage.ask()
    put_back = await copied(stage)
    await begin_anew(stage)
    await mailed_another(stage, "BR-00000002")
    slack_is_closed(stage)
    await put_back()
    await until_said(stage)
    await mailed_another(stage, "BR-00000003")  # its own message is the newest now
    stage.slack.faults.clear()

    await stage.restart()

    assert "Another database has posted here" in stage.bot.health()["database"]


async def test_what_the_database_has_posted_itself_does_not_hold_it(stage):
    await stage.ask()
    await stage.quiet()
    slack_is_closed(stage)
    await stage.restart()
    await until_said(stage)
    await mailed_another(stage, "BR-00000002")
    stage.slack.faults.clear()

    await stage.as_time_passes(lambda: stage.bot.health()["database"] == "ready")
    await stage.restart()

    assert stage.bot.health()["status"] == "ready"


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
async def test_what_the_lost_future_was_asked_for_and_mailed_is_not_mailed_again_unawares(
    stage, kind
):
    """Neither the copy nor, for an hour, Zuora knows of it."""
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A1", "USD", "1.00")])
    await stage.ask(text="BR-00000002")
    put_back = await copied(stage)
    world = stage.zuora.world
    one = next(
        each.number
        for each in world.documents_of(world.bill_runs["BR-00000001"])
        if each.kind == kind
    )
    ts = await stage.ask(text=one)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await put_back()
    await resumed(stage)

    at_once = await stage.fill(text=one)
    assert (
        "An older copy of the database was put back on 21 Nov 2026 11:00 CET"
        in at_once.errors["documents"]
    )
    await stage.slack.close(ALICE)
    again = await stage.ask(text=one, resend=["yes"])
    assert stage.card(again).startswith("⚠ Mails again")
    await stage.pass_time(minutes=61)

    later = await stage.ask(text=one)

    assert stage.card(later).startswith("⚠ Mails again")


async def lose_the_log(stage):
    """A stopped database of which only the file is left, after its first request was mailed."""
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.quiet()
    file = stage.folder / "billing-bot.db"
    without_its_log = file.read_bytes()
    await stage.stop()
    for each in stage.folder.glob("billing-bot.db*"):
        each.unlink()
    file.write_bytes(without_its_log)


async def chat(stage, messages):
    """Others write in the channel."""
    for number in range(messages):
        await stage.slack.say(ALICE, CHANNEL, f"message {number}")


@only_sqlite
@pytest.mark.parametrize("since", [0, 1, 450])
async def test_a_young_database_whose_log_was_lost_is_held_however_much_others_wrote_since(
    stage, since, caplog
):
    """Its rows were only in the log; its file has the tables and its id, and Slack shows rows of just that id."""
    caplog.set_level("INFO")
    await lose_the_log(stage)
    await chat(stage, since)

    await stage.start()

    assert "older copy" in stage.store.copies.held
    looked = [each for each in caplog.records if each.message == "slack_compared"][-1]
    assert looked.messages > since
    assert looked.back_to.startswith("2026-11-21T")


@only_sqlite
async def test_how_far_the_channel_was_read_is_said_where_it_goes_on(stage, monkeypatch, caplog):
    monkeypatch.setattr("bot.slack.witness.PAGES_WITHOUT_A_MARK", 2)
    await lose_the_log(stage)
    await chat(stage, 450)

    await stage.start()

    assert not stage.store.copies.held
    (looked,) = [each for each in caplog.records if "slack_compared_in_part" in each.message]
    assert looked.messages == 400


@only_sqlite
async def test_a_new_database_starts_where_another_has_posted_and_where_slack_cannot_be_read(
    stage, caplog
):
    ts = await stage.ask()
    await stage.quiet()
    await stage.stop()
    for each in stage.folder.glob("billing-bot.db*"):
        each.unlink()
    stage.slack.faults.add("conversations.history", "error", error="missing_scope", times=1)

    await stage.start()
    assert "missing_scope" not in stage.bot.health()["database"]
    (said,) = [each for each in caplog.records if "slack_not_compared" in each.message]
    assert said.error == "missing_scope"
    await stage.stop()
    for each in stage.folder.glob("billing-bot.db*"):
        each.unlink()
    await stage.start()

    assert not stage.store.copies.held
    assert await stage.ask() != ts
