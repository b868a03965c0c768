"""Who acts while a process ends is answered: nothing was done, and what was typed is kept."""

import asyncio
import signal
from contextlib import asynccontextmanager

import pytest

from tests.cli.test_commands import environment, free_port, servers, start
from tests.patient import LONGEST
from tests.stage import ALICE, BOB, CHANNEL, MARA, nothing_happens

__all__ = ["servers"]

ENDING = "Nothing was done: Billing Bot is being restarted. Please try again in a minute."
EMAILS = "/v1/bill-runs/*/emails"


def card(slack, run):
    return next(each for each in slack.channel_messages(CHANNEL) if run in each.text)


async def asked(slack, run):
    """A request to mail a run, whose card is in the channel; returns the card's `ts`."""
    await slack.slash(ALICE, CHANNEL, f"/billemail {run}")
    submitted = await slack.submit(ALICE, {"reason": "Month end"})
    assert submitted.ok, submitted
    await slack.until(lambda: any(run in each.text for each in slack.channel_messages(CHANNEL)))
    return card(slack, run).ts


@asynccontextmanager
async def another(mode, folder, slack, zuora):
    """A process that is reached in one of the two ways; it is killed if it has not ended."""
    port = free_port()
    process = await start(mode, folder, environment(slack, zuora, port))
    if mode == "web":
        slack.request_url = f"http://127.0.0.1:{port}/slack/events"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def says_that_it_stops(process):
    async with asyncio.timeout(LONGEST):
        while b"stopping" not in await process.stderr.readline():
            pass


@pytest.mark.parametrize("mode", ["run", "web"])
async def test_who_acts_while_the_process_ends_is_told_and_the_next_one_does_it(
    tmp_path, servers, mode
):
    slack, zuora = servers
    slack.ack_seconds = LONGEST
    for number in "12":
        zuora.world.add_bill_run(f"BR-0000007{number}", invoices=[(f"A-{number}", "USD", "1.00")])
    async with another(mode, tmp_path, slack, zuora) as process:
        first, second = await asked(slack, "BR-00000071"), await asked(slack, "BR-00000072")
        await slack.click(BOB, CHANNEL, second, "reject")  # opens a form
        zuora.faults.add(EMAILS, kind="hang")  # so the process waits for this answer
        await slack.click(BOB, CHANNEL, first, "approve")
        await zuora.until(lambda: any(each.path.endswith("/emails") for each in zuora.calls))
        process.send_signal(signal.SIGTERM)
        await says_that_it_stops(process)

        rejected = await slack.submit(BOB, {"reason": "Typed with care"})
        clicked = await slack.click(BOB, CHANNEL, second, "approve")
        typed = await slack.slash(ALICE, CHANNEL, "/billstatus")

        assert set(rejected.errors.values()) == {ENDING}
        assert clicked.ok
        assert typed.text == ENDING
        async with asyncio.timeout(LONGEST):
            _, log = await process.communicate()
        assert process.returncode == 0
        assert b"Traceback" not in log
    assert [each.text for each in slack.private(BOB, CHANNEL)] == [ENDING]
    zuora.faults.clear()

    async with another(mode, tmp_path, slack, zuora):
        again = await slack.submit(BOB, {"reason": "Typed with care"})

        assert again.ok, again
        await slack.until(lambda: "Typed with care" in card(slack, "BR-00000072").text)


async def test_a_shortcut_and_a_forged_click_are_answered_too_and_nothing_is_recorded(stage):
    ts = await stage.ask()
    await stage.quiet()
    before = len(stage.store.history.all())
    await stage.bot.finish()

    for act in (
        stage.slack.shortcut(ALICE, "email_documents"),
        stage.slack.click(BOB, CHANNEL, ts, "approve"),
        stage.slack.click(BOB, CHANNEL, ts, "approve", value="of no request", force=True),
    ):
        assert (await act).ok
    await stage.slack.until(lambda: len(stage.private(BOB)) == 2)

    direct = stage.slack.workspace.direct(ALICE).id
    await stage.slack.until(
        lambda: [each.text for each in stage.slack.channel_messages(direct)] == [ENDING]
    )
    assert stage.private(BOB) == [ENDING, ENDING]
    assert len(stage.store.history.all()) == before


async def test_an_event_is_left_to_the_next_process_to_which_slack_delivers_it_again(web_stage):
    stage = web_stage
    await stage.bot.finish()
    opened = await stage.slack.open_home(ALICE)
    assert opened.status == 503

    await stage.restart()
    await stage.pass_time(minutes=1)

    await stage.slack.until(lambda: stage.slack.home(ALICE) is not None)


async def test_an_answer_that_is_being_made_goes_out_before_the_connection_is_closed(stage):
    ts = await stage.ask()
    await stage.quiet()
    stage.slack.faults.add("users.info", "slow", seconds=1)
    click = asyncio.create_task(stage.slack.click(MARA, CHANNEL, ts, "approve"))
    await nothing_happens(3)
    assert not click.done()

    stopping = asyncio.create_task(stage.stop())
    await nothing_happens(3)
    stage.clock.advance(seconds=1)

    assert (await click).ok
    await stopping
