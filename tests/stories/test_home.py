"""The home tab: for each kind of person, empty, one, and more than a page."""

import json

import pytest

from bot.domain.message import MessageKind
from bot.sandbox.slack.workspace import User
from bot.slack.home import MOST_BLOCKS, Section, pages_of
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA

STRANGER = "U0STRAY"


async def opened(stage, user):
    ack = await stage.slack.open_home(user)
    assert ack.ok
    await stage.slack.until(lambda: stage.slack.home(user) is not None)
    await stage.quiet()


def blocks_of(stage, user):
    return stage.slack.home(user)["blocks"]


def text_of(stage, user):
    return json.dumps(blocks_of(stage, user), ensure_ascii=False)


def headings(stage, user):
    return [b["text"]["text"] for b in blocks_of(stage, user) if b["type"] == "header"]


def buttons(stage, user):
    return [
        (e["action_id"], e["value"])
        for b in blocks_of(stage, user)
        if b["type"] == "actions"
        for e in b["elements"]
        if e["type"] == "button"
    ]


async def test_an_empty_home_has_the_one_button_to_begin(stage):
    await opened(stage, ALICE)

    assert "Nothing here yet." in text_of(stage, ALICE)
    assert buttons(stage, ALICE) == [("home:begin", "email")]
    await stage.slack.choose(ALICE, "home:begin")
    assert stage.slack.view(ALICE)["callback_id"] == "ask:email"


async def test_whoever_may_not_ask_has_no_button_to_begin(stage):
    await opened(stage, MARA)

    assert buttons(stage, MARA) == []


async def test_whoever_only_looks_sees_what_waits_for_others(stage):
    await stage.ask()
    await opened(stage, MARA)
    await opened(stage, BOB)

    assert headings(stage, MARA) == ["Waiting for others: 1"]
    assert "R-1" in text_of(stage, MARA)
    assert buttons(stage, MARA) == []
    assert headings(stage, BOB) == ["Waiting for you: 1"]


async def test_a_new_request_leads_to_its_card_once_that_is_there(stage):
    await opened(stage, BOB)
    stage.slack.faults.add("chat.postMessage", "ratelimited", retry_after=30, times=1)
    assert (await stage.fill()).ok
    await stage.slack.until(lambda: "R-1" in text_of(stage, BOB))
    await stage.quiet()
    assert "/archives/" not in text_of(stage, BOB)

    await stage.pass_time(seconds=31)

    ts = stage.slack.channel_messages(CHANNEL)[-1].ts
    await stage.slack.until(lambda: f"p{ts.replace('.', '')}" in text_of(stage, BOB))


async def test_whoever_a_new_policy_leaves_out_sees_nothing_more(stage):
    await stage.ask()
    await opened(stage, BOB)
    await opened(stage, CARLA)
    stage.policy = 'requesters = ["S0BILLING"]\napprovers = ["U0CARLA"]\n'

    await stage.restart()

    await stage.slack.until(lambda: "You may not see billing requests" in text_of(stage, BOB))
    assert "BR-" not in text_of(stage, BOB)
    await stage.quiet()
    assert headings(stage, CARLA) == ["Waiting for you: 1"]


async def test_a_stranger_sees_who_may_and_nothing_else_and_is_not_drawn_for_again(stage):
    stage.slack.workspace.users[STRANGER] = User(STRANGER, "stray", "Stray")
    await stage.ask()
    await opened(stage, STRANGER)
    before = blocks_of(stage, STRANGER)
    calls = len([c for c in stage.slack.calls if c.method == "views.publish"])

    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "1.00")])
    await stage.ask(text="BR-00000002")
    await stage.quiet()

    assert len(before) == 1
    assert "You may not see billing requests" in text_of(stage, STRANGER)
    assert "BR-" not in text_of(stage, STRANGER)
    assert len([c for c in stage.slack.calls if c.method == "views.publish"]) == calls


async def test_it_changes_when_something_changes_for_those_who_have_opened_it(stage):
    await opened(stage, ALICE)
    await opened(stage, BOB)

    ts = await stage.ask()
    await stage.quiet()

    assert headings(stage, BOB) == ["Waiting for you: 1"]
    name = stage.request().reference
    assert buttons(stage, BOB) == [("approve", name), ("reject", name), ("details", name)]
    assert headings(stage, ALICE) == ["Your open requests: 1"]
    assert buttons(stage, ALICE) == [("home:begin", "email")]
    assert stage.slack.home(MARA) is None

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    assert headings(stage, BOB) == headings(stage, ALICE) == ["Last results"]


async def test_its_buttons_are_those_of_the_card(stage):
    ts = await stage.ask()
    await opened(stage, BOB)
    message = stage.slack.workspace.channels[CHANNEL].message(ts)
    on_card = {e["action_id"]: e for b in message.blocks if b["type"] == "actions"
               for e in b["elements"]}  # fmt: skip
    on_home = {e["action_id"]: e for b in blocks_of(stage, BOB) if b["type"] == "actions"
               for e in b["elements"]}  # fmt: skip

    assert on_home == on_card


async def test_approve_on_the_home_carries_the_request_out(stage):
    ts = await stage.ask()
    await opened(stage, BOB)

    await stage.slack.choose(BOB, "approve")
    await stage.until_card(ts, "Accepted by Zuora")

    assert len(stage.orders()) == 1
    assert stage.request().decided_by == BOB
    assert headings(stage, BOB) == ["Last results"]


async def test_reject_on_the_home_asks_for_the_reason(stage):
    ts = await stage.ask()
    await opened(stage, BOB)

    await stage.slack.choose(BOB, "reject")
    await stage.slack.submit(BOB, {"reason": "Not yet"})

    await stage.until_card(ts, "Rejected")
    assert "Not yet" in stage.card(ts)


async def test_a_stale_button_on_the_home_is_refused_in_a_direct_message(stage):
    ts = await stage.ask()
    await opened(stage, BOB)
    stage.slack.faults.add("views.publish", "error", error="internal_error", times=50)
    await stage.press(CARLA, ts)
    await stage.slack.until(lambda: "Accepted by Zuora" in stage.card(ts))

    await stage.slack.choose(BOB, "approve")

    direct = stage.slack.workspace.direct(BOB).id
    await stage.slack.until(lambda: bool(stage.slack.channel_messages(direct)))
    assert "R-1 was approved by" in stage.slack.channel_messages(direct)[-1].text
    assert len(stage.orders()) == 1
    stage.slack.faults.clear()


async def test_changes_that_come_fast_are_drawn_together(stage):
    await opened(stage, MARA)
    stage.tuning.seconds_a_message = 0.0

    with stage.store.transaction():
        for run in range(2, 12):
            stage.store.requests._database.execute(
                "INSERT INTO outbox (kind, channel, user, text, blocks, created_at, tries) "
                "VALUES ('home', '', ?, '', '[]', ?, 0)",
                [MARA, f"2026-11-21T10:00:{run:02}.000000+00:00"],
            )
    before = len([c for c in stage.slack.calls if c.method == "views.publish"])
    stage.bot.parts.bells.sender.set()
    await stage.quiet()

    assert len([c for c in stage.slack.calls if c.method == "views.publish"]) == before + 1


async def test_a_home_that_waits_takes_further_changes_in_one_row(stage):
    await opened(stage, MARA)
    await stage.quiet()
    stage.slack.faults.add("views.publish", "ratelimited", retry_after=3600, times=1)
    await stage.ask()
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "1.00")])
    await stage.ask(text="BR-00000002")
    stage.zuora.world.add_bill_run("BR-00000003", invoices=[("A00000001", "USD", "1.00")])
    await stage.ask(text="BR-00000003")

    waiting = [each for each in stage.store.outbox.open() if each.message.kind is MessageKind.HOME]

    assert len(waiting) == 1


@pytest.mark.parametrize("number", [30])
async def test_more_than_a_page_has_buttons_to_turn(stage, number):
    for each in range(2, number + 2):
        run = f"BR-{each:08}"
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "1.00")])
        await stage.ask(text=run)
    await opened(stage, BOB)

    first = text_of(stage, BOB)
    assert len(blocks_of(stage, BOB)) <= 100
    assert "Page 1 of 2" in first
    assert headings(stage, BOB) == [f"Waiting for you: {number}"]
    kinds = [each["type"] for each in blocks_of(stage, BOB)]
    assert kinds.count("divider") == text_of(stage, BOB).count('"approve"')
    await stage.slack.choose(BOB, "home:page:next")
    await stage.slack.until(lambda: "Page 2 of 2" in text_of(stage, BOB))
    second = text_of(stage, BOB)

    assert ("home:page:previous", "0") in buttons(stage, BOB)
    for each in range(2, number + 2):
        assert f"bill run BR-{each:08}" in first or f"bill run BR-{each:08}" in second


def test_pages_lose_no_entry_and_keep_to_the_limit():
    entries = [Section(f"h{n // 7}", 1 + n % 2, n, lambda *_: []) for n in range(400)]

    pages = pages_of(entries)

    assert [entry for page in pages for entry in page] == entries
    for page in pages:
        size = sum(entry.size for entry in page) + len({entry.heading for entry in page})
        assert size <= MOST_BLOCKS
