"""Stories 18 to 25 of docs/stories.md: what was approved is what happens."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.money import Money
from bot.domain.policy import Asked
from bot.operations.catalog import opened
from tests.field.listeners import Who, click, dispatch, frame, name_of
from tests.stage import ALICE, BOB, CARLA, CHANNEL

RUN = "BR-00000001"
DRAFTS = "BR-00000002"
HEAD = 'requesters = ["S0BILLING"]\napprovers = ["S0CONTROLLERS"]\n'


def run(stage):
    return stage.zuora.world.bill_runs[RUN]


def first(stage):
    return stage.zuora.world.documents_of(run(stage))[0]


def amount(stage):
    first(stage).amount += Decimal("0.01")


def currency(stage):
    first(stage).currency = "GBP"


def more_credit(stage):
    stage.zuora.world.add_run_document(run(stage), "credit_memo", "A00000001", "USD", "5.00")


def less(stage):
    stage.zuora.world.invoices.pop(first(stage).number)


def swap(stage):
    one, other, *_ = stage.zuora.world.documents_of(run(stage))
    one.amount, other.amount = other.amount, one.amount


def invoice_date(stage):
    run(stage).invoice_date += timedelta(days=1)


def target_date(stage):
    run(stage).target_date += timedelta(days=1)


@pytest.mark.parametrize(
    "change", [amount, currency, more_credit, less, swap, invoice_date, target_date]
)
async def test_story_18_a_run_that_changed_is_not_mailed_and_its_approvals_are_void(stage, change):
    await stage.with_policy(HEAD + "[[rule]]\napprovals = 2\n")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, f"Approved: by <@{BOB}>")
    change(stage)

    await stage.press(CARLA, ts)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert "Something has changed since it was asked for" in stage.thread(ts)[-1]
    assert stage.orders() == []
    again = await stage.ask(reason="As it is now")
    assert stage.request(2).approvals == ()
    await stage.press(BOB, again)
    await stage.until_card(again, f"Approved: by <@{BOB}>")
    assert stage.orders() == []


async def test_story_19_what_does_not_matter_is_no_drift(stage):
    ts = await stage.ask()
    world, run_now = stage.zuora.world, run(stage)
    run_now.name = "Renamed"
    run_now.updated_at += timedelta(hours=1)
    for document in world.documents_of(run_now):
        document.updated_at = stage.clock.now()
        document.amount = Decimal(f"{document.amount}000")
    world.invoices = dict(reversed(world.invoices.items()))

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")


@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": "status", "status": 403, "body": {"message": "no"}},
        {"kind": "status", "status": 200, "text": "<html>maintenance</html>"},
        {"kind": "status", "status": 200, "body": {"data": "not a list"}},
        {"kind": "status", "status": 200, "body": {"data": [{"number": None}]}},
        {"kind": "status", "status": 200, "body": []},
    ],
)
async def test_story_20_what_cannot_be_read_again_is_not_taken_for_unchanged(stage, trouble):
    ts = await stage.ask()
    stage.zuora.faults.add("/object-query/*", times=None, **trouble)

    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: "othing was sent" in "".join(stage.thread(ts)))

    assert stage.request().state in ("approved", "stopped")
    assert stage.orders() == []


async def test_story_21_an_approval_acts_on_the_request_of_its_own_card_alone(stage):
    stage.zuora.world.add_bill_run("BR-00000009", invoices=[("A00000001", "USD", "9.00")])
    one = await stage.ask()
    other = await stage.ask(text="BR-00000009")

    await stage.press(BOB, other)
    await stage.until_card(other, "Accepted by Zuora")

    assert stage.request(1).state == "waiting"
    assert [order.path for order in stage.orders()] == ["/v1/bill-runs/BR-00000009/emails"]
    assert not any("approved" in line for line in stage.thread(one))
    assert "waiting for one approval from" in stage.card(one)


async def test_story_21_a_button_of_one_card_with_the_number_of_another_moves_only_that_one(stage):
    stage.zuora.world.add_bill_run("BR-00000009", invoices=[("A00000001", "USD", "9.00")])
    one = await stage.ask()
    other = await stage.ask(text="BR-00000009")

    container = {"type": "message", "message_ts": one, "channel_id": CHANNEL}
    forged = click("approve", Who(BOB), name_of(stage, 2), container=container, message={"ts": one})
    await stage.slack.deliver(forged, "interactive")

    await stage.until_card(other, "Accepted by Zuora")
    assert stage.request(1).state == "waiting"
    assert not any("approved" in line for line in stage.thread(one))


def changed(body: Any, field: str) -> Any:
    """Another value; of another type where nothing else is known to be another."""
    value = getattr(body, field)
    if isinstance(value, bool):
        return not value
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, tuple):
        return (*value, "x")
    return f"{value or ''}x"


@pytest.mark.filterwarnings("ignore:Pydantic serializer")  # of a body with a value of no sense
async def test_story_22_each_field_of_every_body_changes_the_digest(stage):
    world = stage.zuora.world
    for number in (DRAFTS, "BR-00000003"):
        world.add_bill_run(number, status="Completed", invoices=[("A00000001", "USD", "1.00")])
    world.add_account("A1", batch="Batch1")
    world.add_subscription("A1", "100.00")
    invoice = world.add_invoice("A1", "USD", "7.00").number
    await stage.ask()
    await stage.ask_step("post_bill_run", DRAFTS)
    await stage.ask_step("cancel_bill_run", "BR-00000003")
    await stage.slack.slash(ALICE, CHANNEL, f"/billemail {invoice}")
    assert (await stage.slack.submit(ALICE, {"reason": "One"})).ok
    line = "/billrun batch=Batch1 target=2026-11-30 reason=New"
    assert (await stage.slack.slash(ALICE, CHANNEL, line)).ok
    await stage.until(lambda: stage.store.requests.get(5) is not None)
    tried = set()

    for asked in range(1, 6):
        request = stage.request(asked)
        order = opened(request)
        body = order.body
        assert stage.bot.parts.tenancy.digest_of(order, "") == request.digest
        digests = {request.digest}
        for field in type(body).model_fields:
            other = body.model_copy(update={field: changed(body, field)})
            digests.add(stage.bot.parts.tenancy.digest_of(type(order)(other, order.facts), ""))
        assert len(digests) == len(type(body).model_fields) + 1, order.name
        tried.add(order.name)
        elsewhere = replace(stage.bot.parts.tenancy, address="https://other.zuora.com")
        assert elsewhere.digest_of(order, "") not in digests
        assert stage.bot.parts.tenancy.digest_of(order, "entity=11e6") not in digests

    assert tried == {
        "email_bill_run", "post_bill_run", "cancel_bill_run", "email_invoice", "create_bill_run",
    }  # fmt: skip


SENDS = HEAD + "[[rule]]\nsends = true\napprovals = 2\n"


@pytest.mark.parametrize(
    ("smuggled", "needed"),
    [("", 1), (" autoPost=true autoEmail=true", 2), (" AUTO_POST=1 auto-email=yes", 2)],
)
async def test_story_23_a_run_that_would_post_and_mail_itself_is_a_sending_one(
    stage, smuggled, needed
):
    await stage.with_policy(SENDS)
    world = stage.zuora.world
    world.add_account("A1", batch="Batch1")
    world.add_subscription("A1", "100.00")

    line = f"/billrun batch=Batch1 target=2026-11-30{smuggled} reason=New"
    await stage.slack.slash(ALICE, CHANNEL, line)
    await stage.until(lambda: stage.store.requests.get(1) is not None)

    assert stage.request().rule.approvals == needed


@pytest.mark.parametrize("word", ["name=x&autoPost=true", "autoPosts=true", '{"autoPost":true}'])
async def test_story_23_what_is_no_word_of_the_bot_reaches_no_body(stage, word):
    line = f"/billrun batch=Batch1 target=2026-11-30 {word} reason=New"
    await stage.slack.slash(ALICE, CHANNEL, line)
    await stage.quiet()

    request = stage.store.requests.get(1)
    assert request is None or opened(request).body.auto_post is False


@pytest.mark.parametrize("active", [True, False])
async def test_story_23_posting_counts_as_sending_whatever_the_notifications_say(stage, active):
    await stage.with_policy(SENDS)
    stage.zuora.world.add_bill_run(
        DRAFTS, status="Completed", invoices=[("A00000001", "USD", "1.00")]
    )
    if active:
        stage.zuora.knobs = replace(stage.zuora.knobs, inactive_notifications=frozenset())

    ts = await stage.ask_step("post_bill_run", DRAFTS)

    assert stage.request().rule.approvals == 2
    assert ("Posting itself mails customers" in stage.card(ts)) is active


TIER = HEAD + '[[rule]]\nabove = { USD = "100000.00", EUR = "90000.00" }\napprovals = 2\n'


AMOUNTS = [
    ("USD", "100000.00", 1),
    ("USD", "100000.01", 2),
    ("USD", "1E+6", 2),
    ("USD", "-3712000.0", 2),
    ("USD", "100000.0000001", 2),
    ("EUR", "90001", 2),
    ("JPY", "1", 2),
    ("usd", "1", 2),
]


async def test_story_24_an_amount_of_an_odd_form_does_not_fall_below_its_tier(stage):
    await stage.with_policy(TIER)

    for number, (currency, amount, needed) in enumerate(AMOUNTS, 1):
        key = f"BR-0000010{number}"
        stage.zuora.world.add_bill_run(key, invoices=[(f"A0000010{number}", currency, amount)])
        await stage.ask(text=key)
        assert stage.request(number).rule.approvals == needed, (currency, amount)
    for amount in ("NaN", "sNaN", "Infinity", "-Infinity"):  # what no JSON of Zuora's can hold
        rule = stage.bot.parts.rules.policy.rule(
            Asked(
                operation="email_bill_run", tenant="sandbox", sends=True, documents=1,
                amounts=(Money("USD", Decimal(amount)),),
            )
        )  # fmt: skip
        assert rule.approvals == 2, amount


TYPED = [
    "``` break out ``` and `tick`",
    "<https://evil.example|Approve here>",
    "<!channel> <!here> <@U0BOB> <#C0GENERAL>",
    "ok\nasked by <@U0CARLA>\nRequester: Carla\nNeeds: nobody",
    "\u202ereversed\u202c \u2066isolated\u2069 \u200b zero",
    "left open \u2066\u2067 and \u202e turned",
    "&" * 1000,
    "<" * 500 + ">" * 500,
    "*" * 999 + "_",
]


def literal(message):
    return literal_blocks(message.blocks)


def literal_blocks(blocks):
    return [
        element["text"]
        for block in blocks if block["type"] == "rich_text"
        for section in block["elements"]
        for element in section["elements"] if element["type"] == "text"
    ]  # fmt: skip


async def test_story_25_what_people_type_is_literal_and_the_card_still_posts(stage):
    for typed in TYPED:
        run(stage).name = typed[:255]
        await shown_literally(stage, typed)

    ts = stage.slack.channel_messages(CHANNEL)[-1].ts
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def shown_literally(stage, typed):
    await stage.ask(reason=typed)
    message = stage.slack.channel_messages(CHANNEL)[-1]
    for sign in ("<!channel>", "<!here>", "<@U0CARLA>", "<https://evil", "<#C0GENERAL>"):
        assert sign not in message.text
    one_line = " ⏎ ".join(typed.splitlines())  # nothing typed begins a line of its own
    assert any(one_line[:100] in each for each in literal(message))
    await stage.press(BOB, message.ts, "details")  # which has all of it
    assert any(one_line in each for each in literal_blocks(stage.slack.view(BOB)["blocks"]))
    await stage.slack.close(BOB)


async def test_story_25_a_reason_of_4000_ampersands_is_refused_at_its_field(stage):
    await stage.slack.slash(ALICE, CHANNEL, "/billemail")
    shown = stage.slack.view(ALICE)
    typed = {"bill_run": RUN, "reason": "&" * 4000}  # Slack's own form takes 1,000
    shown["state"]["values"] = {
        name: {"value": {"type": "plain_text_input", "value": each}} for name, each in typed.items()
    }
    body = {**frame("view_submission", Who(ALICE)), "view": shown}

    answer = await dispatch(stage.bot.app, body)

    assert "At most 1000 characters" in answer.body
    assert stage.slack.channel_messages(CHANNEL) == []
