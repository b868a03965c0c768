"""A click counts for what its card showed."""

import pytest

from tests.stage import ALICE, BOB, CHANNEL, MARA, Stage

MANY = [(f"A{number:08}", "USD", "10.00") for number in range(1, 201)]


def button_of(stage, ts, action):
    message = stage.slack.workspace.channels[CHANNEL].message(ts)
    return next(
        element["value"]
        for block in message.blocks
        for element in block.get("elements", ())
        if element.get("action_id") == action
    )


async def begin_anew(stage):
    """Start the bot with a new database, as somebody does who lost the old one."""
    await stage.stop()
    stage.lose_the_database()
    await stage.start()


async def copied(stage):
    """A copy of the database as it is now, to be put back by what this returns."""
    await stage.until(lambda: not stage.bot.sender.under_way and not stage.store.outbox.open())
    await stage.done_as_time_passes(stage.stop())
    lay_back = stage.keep_the_database()
    await stage.start()

    async def put_back():
        await stage.stop()
        lay_back()
        await stage.start()

    return put_back


async def test_an_old_card_approves_nothing_of_a_new_database(stage):
    old = await stage.ask()
    stage.zuora.world.add_bill_run("BR-00000002", name="All", invoices=MANY)
    await begin_anew(stage)
    new = await stage.ask(text="BR-00000002")

    await stage.press(BOB, old)

    await stage.until_private(BOB, "this R-1 belongs to another database")
    assert stage.request().state == "waiting"
    await stage.quiet()
    assert stage.orders() == []
    assert stage.store.history.all()[-1].entry.data["refusal"] == "another_database"
    await stage.press(BOB, new)
    await stage.until_card(new, "Accepted by Zuora")


async def test_after_an_older_copy_a_card_of_the_same_number_approves_nothing(stage):
    await stage.ask()
    stage.zuora.world.add_bill_run("BR-00000002", name="A", invoices=MANY[:3])
    put_back = await copied(stage)
    old = await stage.ask(text="BR-00000002")
    value = button_of(stage, old, "approve")
    await put_back()
    request = stage.request(1)
    wrong = f"R-1.{value.partition('.')[2]}"

    await stage.slack.click(BOB, CHANNEL, request.card_ts, "approve", value=wrong, force=True)
    await stage.quiet()

    assert stage.request(1).state == "waiting"
    assert stage.orders() == []


@pytest.mark.parametrize("action", ["approve", "reject", "withdraw", "record_sent", "change"])
async def test_no_button_counts_without_the_random_part_but_on_its_own_card(stage, action):
    await stage.ask()
    stage.zuora.world.add_bill_run("BR-00000002", name="Other", invoices=MANY[:3])
    other = await stage.ask(text="BR-00000002")
    who = ALICE if action in ("withdraw", "change") else BOB

    for value in ("1", "R-1.k3f9-9ac2", f"R-1.{stage.request(2).token}"):
        before = len(stage.private(who))
        await stage.slack.click(who, CHANNEL, other, action, value=value, force=True)
        await stage.slack.until(lambda before=before: len(stage.private(who)) > before)
        assert "Nothing was changed" in stage.private(who)[-1]
        assert stage.slack.view(who) is None

    assert stage.request(1).state == "waiting"
    assert stage.store.history.all()[-1].entry.request == 1


async def test_a_card_of_before_counts_for_its_own_request(stage):
    """Cards that were posted before names had a random part stay usable."""
    ts = await stage.ask()

    await stage.slack.click(BOB, CHANNEL, ts, "approve", value="1", force=True)

    await stage.until_card(ts, "Accepted by Zuora")


async def test_an_approve_whose_label_slack_does_not_say_opens_the_form(stage):
    ts = await stage.ask()
    shown = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    block = {**shown.blocks[-1]["elements"][0], "text": {}}

    await stage.slack.click(BOB, CHANNEL, ts, "approve", block=block, force=True)

    assert stage.request().approvals == ()
    assert stage.slack.view(BOB) is not None


@pytest.mark.parametrize("button", ["reject", "withdraw"])
async def test_a_form_that_stayed_open_over_another_database_decides_nothing(stage, button):
    ts = await stage.ask()
    who = BOB if button == "reject" else ALICE
    await stage.press(who, ts, button)
    await begin_anew(stage)
    stage.slack.workspace.groups["S0BILLING"].members.append(MARA)
    await stage.ask(MARA)

    submitted = await stage.slack.submit(who, {"reason": "No"})

    assert submitted.view["title"]["text"] == "Nothing was changed"
    assert "another database" in str(submitted.view)
    assert stage.request().state == "waiting"


async def test_a_form_to_change_a_request_of_another_database_asks_for_nothing(stage):
    ts = await stage.ask()
    await stage.reject(BOB, ts, "No")
    await stage.until_card(ts, "Rejected")
    line = stage.slack.thread(CHANNEL, ts)[-1]
    await stage.slack.click(ALICE, CHANNEL, line.ts, "change")
    await begin_anew(stage)

    submitted = await stage.slack.submit(ALICE, {"reason": "Again"})

    assert submitted.view["title"]["text"] == "Nothing was saved"
    assert stage.store.requests.get(1) is None


async def test_a_button_of_the_home_tab_counts_for_what_it_showed(stage):
    await stage.ask()
    await stage.slack.open_home(BOB)
    await stage.quiet()
    shown = stage.slack.home(BOB)
    await begin_anew(stage)
    await stage.ask()
    stage.slack._core.workspace.homes[BOB].content["blocks"] = shown["blocks"]

    await stage.slack.choose(BOB, "approve")
    await stage.quiet()

    assert stage.request().state == "waiting"
    assert stage.orders() == []


async def test_of_two_bots_on_one_app_each_decides_its_own_requests_alone(stage, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    other = Stage(folder, "run")
    other.zuora, other.slack, other.clock = stage.zuora, stage.slack, stage.clock
    ts = await stage.ask()
    await stage.stop()  # so that Slack hands the click to the other one
    await other.start()
    try:
        await other.ask()
        await other.press(BOB, ts)

        await other.until_private(BOB, "Another bot posts here")
        assert other.request().state == "waiting"
        assert stage.orders() == []
    finally:
        await other.stop()
