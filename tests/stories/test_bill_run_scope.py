"""Batches beyond the fiftieth, other runs over the same accounts, and lines that are typed twice."""

import asyncio

import pytest

from bot.sandbox.slack.errors import NotOnScreenError
from bot.sandbox.zuora.options import Knobs
from bot.zuora.bill_runs import MOST_LISTED
from tests.stage import ALICE, BOB, CHANNEL, MARA

LINE = "batch=Batch1,Batch2 target=2026-11-30"


@pytest.fixture
def world(stage):
    world = stage.zuora.world
    for number, batch in (("A1", "Batch1"), ("A2", "Batch2"), ("A77", "Batch77")):
        world.add_account(number, batch=batch)
        world.add_subscription(number, "100.00", number=f"S-{number}")
    return world


async def line(stage, text, user=ALICE):
    ack = await stage.slack.slash(user, CHANNEL, f'/billrun {text} reason="Month end"')
    await stage.quiet()
    return ack.text


async def others(stage, text):
    """The card's line on other runs."""
    before = len(stage.slack.channel_messages(CHANNEL))
    answer = await line(stage, text)
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > before)
    if "waits for approval" not in answer:  # Zuora took too long for the answer of the command
        await stage.until_private(ALICE, "waits for approval")
    card = stage.card(stage.slack.channel_messages(CHANNEL)[-1].ts)
    return next(each for each in card.splitlines() if each.startswith("Other runs:"))


async def with_batches(stage, number):
    stage.changes["zuora_batches"] = number
    stage.zuora.knobs = Knobs(max_batch=number)
    await stage.restart()


# Batches


async def test_a_tenant_with_200_batches_is_billed_in_the_77th(stage, world):
    await with_batches(stage, 200)
    await stage.slack.slash(ALICE, CHANNEL, "/billrun batch=Batch1,Batch200 target=2026-11-30")

    submitted = await stage.slack.submit(ALICE, {"batches": ["Batch77", "Batch200"], "reason": "x"})

    assert submitted.ok, submitted
    await stage.quiet()
    ts = stage.slack.channel_messages(CHANNEL)[-1].ts
    assert "Bill Batch77 and Batch200" in stage.card(ts)
    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "running")
    await stage.quiet()
    (call,) = [c for c in stage.zuora.calls if (c.method, c.path) == ("POST", "/v1/bill-runs")]
    assert call.body["batches"] == ["Batch77", "Batch200"]


async def test_what_a_line_chose_is_chosen_in_the_menu_of_every_group(stage, world):
    await with_batches(stage, 200)
    await stage.slack.slash(ALICE, CHANNEL, "/billrun batch=all target=2026-11-30")
    await stage.slack.close(ALICE)

    await stage.slack.slash(ALICE, CHANNEL, "/billrun batch=1,150,200 target=2026-11-30")

    chosen = stage.slack.view(ALICE)["state"]["values"]["batches"]["value"]["selected_options"]
    assert [each["value"] for each in chosen] == ["Batch1", "Batch150", "Batch200"]


async def test_more_batches_than_a_menu_begins_with_are_not_lost(stage, world):
    await with_batches(stage, 200)
    many = ",".join(str(each) for each in range(1, 151))
    await stage.slack.slash(ALICE, CHANNEL, f"/billrun batch={many} target=2026-11-30")
    await stage.slack.choose(ALICE, "form:scope", "account")
    await stage.slack.until(lambda: "account" in fields(stage))
    await stage.slack.choose(ALICE, "form:scope", "batches")
    await stage.slack.until(lambda: "batches" in fields(stage))

    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})

    assert submitted.ok, submitted
    await stage.quiet()
    assert stage.request().subject.startswith("Batch1, Batch2")
    assert "and 142 more" in stage.request().subject


async def test_a_tenant_with_50_batches_is_offered_50_and_a_line_names_the_setting(stage, world):
    said = await line(stage, "batch=Batch77 target=2026-11-30")
    assert "Batch77 is above Batch50" in said
    assert "ZUORA_BATCHES" in said

    ack = await stage.slack.slash(ALICE, CHANNEL, "/billrun batch=Batch77 target=2026-11-30")
    assert "ZUORA_BATCHES" in ack.text
    assert stage.slack.view(ALICE) is None
    await stage.slack.slash(ALICE, CHANNEL, "/billrun")
    with pytest.raises(NotOnScreenError):
        await stage.slack.choose(ALICE, "value", ["Batch51"], block_id="batches")
    assert stage.slack.channel_messages(CHANNEL) == []


async def test_a_form_of_before_the_setting_was_lowered_is_said_at_its_field(stage, world):
    await with_batches(stage, 200)
    await stage.slack.slash(ALICE, CHANNEL, "/billrun batch=Batch77 target=2026-11-30")
    await with_batches(stage, 50)

    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})

    assert "Batch77 is above Batch50" in submitted.errors["batches"]
    assert "ZUORA_BATCHES" in submitted.errors["batches"]


def fields(stage):
    return {block["block_id"]: block for block in stage.slack.view(ALICE)["blocks"]}


# Other runs over the same accounts


def account_run(world, number):
    filters = [{"filterType": "Account", "accountId": world.accounts[number].id}]
    return world.add_bill_run(status="Processing", batches=None, filters=filters)


async def test_a_run_by_batch_sees_a_run_for_an_account_of_one_of_its_batches(stage, world):
    run = account_run(world, "A2")

    assert run.number in await others(stage, LINE)


async def test_a_run_by_batch_does_not_mind_a_run_for_an_account_of_another_batch(stage, world):
    account_run(world, "A77")

    assert await others(stage, LINE) == "Other runs: none over the same accounts"


async def test_where_a_tenant_has_more_runs_than_are_looked_at_the_card_says_so(stage, world):
    for _ in range(MOST_LISTED):
        world.add_bill_run(status="Posted", batches=["Batch9"])

    said = await others(stage, LINE)

    assert said == (
        "Other runs: none over the same accounts · only the newest 1,000 runs were looked at"
    )


async def test_a_run_for_an_account_sees_runs_over_its_batch_and_over_all(stage, world):
    over = world.add_bill_run(status="Processing", batches=["Batch1", "Batch9"])
    everything = world.add_bill_run(status="Pending", batches=["AllBatches"])
    other = world.add_bill_run(status="Pending", batches=["Batch2"])

    said = await others(stage, "account=A1 target=2026-11-30")

    assert over.number in said
    assert everything.number in said
    assert other.number not in said


async def test_a_run_over_all_batches_sees_every_run(stage, world):
    runs = [account_run(world, "A77"), world.add_bill_run(status="Pending", batches=["Batch2"])]

    said = await others(stage, "batch=all target=2026-11-30")

    assert all(run.number in said for run in runs)


async def test_a_run_for_an_account_of_the_batch_that_began_meanwhile_stops_it(stage, world):
    await line(stage, LINE)
    ts = stage.slack.channel_messages(CHANNEL)[-1].ts
    run = account_run(world, "A1")

    await stage.press(BOB, ts)
    await stage.until(lambda: stage.request().state == "stopped")

    assert f"another run over the same accounts has begun: {run.number}" in stage.request().result


async def test_runs_of_which_the_list_shows_no_accounts_are_read_one_by_one(stage, world):
    stage.zuora.knobs = Knobs(runs_show_scope=False)
    one = account_run(world, "A2")
    two = world.add_bill_run(status="Pending", batches=["Batch1"])
    world.add_bill_run(status="Pending", batches=["Batch9"])

    assert await others(stage, LINE) == (
        "Other runs: over the same accounts and not ended: "
        f"{one.number} (Month end, Processing) and {two.number} (Month end, Pending)"
    )


# A line that is typed again


async def test_a_line_typed_again_is_answered_with_the_request_that_waits(stage, world):
    await line(stage, LINE)
    said = await line(stage, LINE)

    assert "R-1 of a moment ago already waits for exactly this" in said
    assert "submit the form" in said
    assert len(stage.slack.channel_messages(CHANNEL)) == 1


async def test_the_same_in_other_words_is_the_same(stage, world):
    await line(stage, LINE)

    assert "already waits" in await line(stage, "batches=1,2 targetDate=2026-11-30")


async def test_two_lines_that_are_read_at_once_make_one_request(stage, world):
    text = f'/billrun {LINE} reason="Month end"'

    acks = await asyncio.gather(*(stage.slack.slash(ALICE, CHANNEL, text) for _ in range(2)))
    await stage.quiet()

    assert len(stage.slack.channel_messages(CHANNEL)) == 1
    assert sorted("already waits" in ack.text for ack in acks) == [False, True]


@pytest.mark.parametrize("text", [f"{LINE} name=x", "batch=Batch1 target=2026-11-30"])
async def test_another_line_is_another_request(stage, world, text):
    await line(stage, LINE)

    assert "R-2 waits for approval" in await line(stage, text)


async def test_the_same_line_of_somebody_else_is_another_request(stage, world):
    await line(stage, LINE)
    said = await line(stage, LINE, user=MARA)

    assert "already waits" not in said


async def test_after_a_while_or_a_decision_the_same_line_asks_again(stage, world):
    await line(stage, LINE)
    await stage.pass_time(minutes=11)
    assert "R-2 waits for approval" in await line(stage, LINE)
    for ts in [message.ts for message in stage.slack.channel_messages(CHANNEL)]:
        await stage.reject(BOB, ts, "Not yet")
    await stage.until(lambda: stage.request(2).state == "rejected")

    assert "R-3 waits for approval" in await line(stage, LINE)


async def test_the_form_asks_for_it_twice(stage, world):
    await line(stage, LINE)
    await stage.slack.slash(ALICE, CHANNEL, f"/billrun {LINE}")

    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})

    assert submitted.ok, submitted
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 2)
