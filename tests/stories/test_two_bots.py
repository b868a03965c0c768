"""Two bots with a database each on one Slack app: which of them is held, also over signed HTTP."""

from contextlib import asynccontextmanager

import pytest

from bot.domain.history import What
from bot.wiring.restoring import resume_after_restore
from tests.audit.test_verify import checked
from tests.stage import ALICE, BOB, CHANNEL, Stage
from tests.stories.test_clicks import MANY, copied
from tests.stories.test_restored import HELD

OTHER = "BR-00000002"


@asynccontextmanager
async def a_second_bot(stage, folder):
    """Another bot on the same Slack app and the same Zuora, with its own database."""
    folder.mkdir()
    second = Stage(folder, "run")
    second.clock, second.slack, second.zuora = stage.clock, stage.slack, stage.zuora
    stage.zuora.world.add_bill_run(OTHER, name="All", invoices=MANY)
    await second.start()
    try:
        yield second
    finally:
        await second.stop()


def to(stage, bot):
    """Slack hands the next payload to this one's socket: 0 the first bot's, 1 the second's."""
    sockets = stage.slack.sockets
    assert len(sockets._connections) == 2
    sockets._turn = bot - 1


async def one_of_each(stage, second):
    """R-1 of either: four mails of the first bot's, two hundred of the second's; both cards."""
    cards = []
    for bot, (text, its) in enumerate((("BR-00000001", stage), (OTHER, second))):
        to(stage, bot)
        await stage.slack.slash(ALICE, CHANNEL, f"/billemail {text}")
        to(stage, bot)
        submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})
        assert submitted.ok, submitted.errors
        await its.quiet()
        cards.append(stage.slack.channel_messages(CHANNEL)[-1].ts)
    return cards


async def test_a_click_on_the_others_card_approves_nothing_whichever_gets_it(stage, tmp_path):
    async with a_second_bot(stage, tmp_path / "second") as second:
        mine, theirs = await one_of_each(stage, second)

        for bot, card in ((1, mine), (0, theirs)):
            to(stage, bot)
            await stage.press(BOB, card)
            await stage.slack.until(
                lambda bot=bot: (
                    len([t for t in stage.private(BOB) if "another database" in t]) > bot % 1
                )
            )

        assert {stage.request(1).state, second.request(1).state} == {"waiting"}
        refused = [its.store.history.all()[-1].entry.data["refusal"] for its in (stage, second)]
        assert refused == ["another_database", "another_database"]
        to(stage, 0)
        await stage.press(BOB, mine)
        await stage.until_card(mine, "Accepted by Zuora")
        assert [each.path for each in stage.orders()] == ["/v1/bill-runs/BR-00000001/emails"]


async def test_whichever_is_started_next_is_held(stage, tmp_path):
    async with a_second_bot(stage, tmp_path / "second") as second:
        await one_of_each(stage, second)
        await one_of_each(stage, second)

        await stage.restart()
        await second.restart()

        for its in (stage, second):
            assert its.bot.health()["status"] == "held"
            assert "Another database has posted here" in its.bot.health()["database"]


@pytest.fixture
async def held_stage(web_stage):
    """An older copy that was put back, over signed HTTP; a memo's form is still open."""
    stage = web_stage
    ts = await stage.ask()
    put_back = await copied(stage)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.open_form()
    await put_back()
    return stage, ts


async def test_what_is_held_answers_each_signed_payload_with_the_sentence_and_does_nothing(
    held_stage,
):
    stage, ts = held_stage
    name, before = stage.request().reference, stage.store.history.last()

    ack = await stage.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})
    for button in ("approve", "reject", "details", "record_sent"):
        said = len(stage.private(BOB))
        await stage.slack.click(BOB, CHANNEL, ts, button, value=name, force=True)
        await stage.slack.until(lambda said=said: len(stage.private(BOB)) > said)
        assert HELD in stage.private(BOB)[-1]

    assert HELD in ack.text
    assert HELD in str(submitted.view)
    assert stage.slack.view(BOB) is None
    assert stage.request().state == "waiting"
    assert stage.store.history.last() == before
    assert len(stage.orders()) == 1


async def test_after_a_resume_the_history_and_all_else_in_the_file_agree(held_stage):
    stage, ts = held_stage
    await stage.stop()
    await resume_after_restore(stage.settings(), stage.clock)
    await stage.start()
    await stage.quiet()
    stage.zuora.world.add_bill_run(OTHER, invoices=MANY[:2])
    await stage.pass_time(minutes=61)
    again = await stage.ask(text=OTHER)
    await stage.press(BOB, again)
    await stage.until_card(again, "Accepted by Zuora")

    result = checked(stage.settings().database_path)

    assert result.exit_code == 0, result.output
    kinds = [each.entry.what for each in stage.store.history.all()]
    assert What.HELD in kinds
    assert What.RESUMED in kinds
    assert "Stopped, look in Zuora first" in stage.card(ts)
