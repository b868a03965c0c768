"""A bill run from form or line to its end in Zuora: asked for, approved, created, followed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.stage import ALICE, BOB, CHANNEL

RUNS = "/v1/bill-runs"
LINE = 'batch=Batch1,Batch2 target=2026-11-30 name="November"'


@pytest.fixture
def world(stage):
    world = stage.zuora.world
    for number, batch, currency in (("A1", "Batch1", "USD"), ("A2", "Batch2", "EUR")):
        world.add_account(number, name=f"Customer {number}", batch=batch, currency=currency)
        world.add_subscription(number, "100.00", number=f"S-{number}")
    return world


async def open_form(stage, line=""):
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {line}")
    assert ack.ok, ack
    assert stage.slack.view(ALICE) is not None, ack.text


async def fill(stage, line=LINE, **values):
    await open_form(stage, line)
    return await stage.slack.submit(ALICE, {"reason": "Month end", **values})


async def ask(stage, line=LINE, **values):
    before = len(stage.slack.channel_messages(CHANNEL))
    submitted = await fill(stage, line, **values)
    assert submitted.ok, submitted
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > before)
    return stage.slack.channel_messages(CHANNEL)[-1].ts


async def approve(stage, ts):
    """Approve; a question that is too long for Slack's own is a form."""
    await stage.press(BOB, ts)
    if stage.slack.view(BOB) is not None:
        assert (await stage.slack.submit(BOB, {})).ok
    await stage.until(lambda: stage.request().state in ("running", "unknown", "stopped", "failed"))
    await stage.quiet()


async def pass_time(stage, **span):
    """Move the clock and wake the bot: it may have been about to rest by the time before."""
    await stage.quiet()
    stage.clock.advance(**span)
    stage.bot.parts.bells.runner.set()
    stage.bot.parts.bells.sender.set()
    await stage.quiet()


async def follow(stage, *, looks=30, number=1):
    for _ in range(looks):
        if stage.request(number).state not in ("running", "unknown"):
            return
        await pass_time(stage, minutes=5)


def fields(stage):
    return {block["block_id"]: block for block in stage.slack.view(ALICE)["blocks"]}


async def choose(stage, field, value, *, shows):
    await stage.slack.choose(ALICE, f"form:{field}", value)
    await stage.slack.until(lambda: shows in fields(stage))


async def type_in(stage, field, value):
    await stage.slack.choose(ALICE, "value", value, block_id=field)


def created(stage):
    return [call for call in stage.zuora.calls if (call.method, call.path) == ("POST", RUNS)]


def looks(stage):
    return [
        call for call in stage.zuora.calls
        if call.method == "GET" and call.path.startswith(f"{RUNS}/")
    ]  # fmt: skip


async def test_a_run_by_batch_is_created_followed_and_shown_with_its_totals(stage, world):
    ts = await ask(stage)

    card = stage.card(ts)
    assert 'Bill Batch1 and Batch2 as "November"' in card
    assert "Accounts: 6 active · all bill cycle days" in card
    assert "target date 30 Nov 2026 · invoice date the day it runs" in card
    assert "Invoices are generated as drafts; nothing is posted or mailed by this run." in card
    assert "Other runs: none over the same accounts" in card
    await approve(stage, ts)
    await follow(stage)

    (call,) = created(stage)
    assert call.body == {
        "name": call.body["name"],
        "batches": ["Batch1", "Batch2"],
        "billCycleDay": "AllBillCycleDays",
        "targetDate": "2026-11-30",
        "autoPost": False,
        "autoEmail": False,
        "autoRenewal": False,
        "noEmailForZeroAmountInvoice": False,
    }
    key = call.headers["idempotency-key"]
    assert call.body["name"] == f"November [R-1 {key[-4:]}]"
    assert stage.request().state == "succeeded"
    said = "\n".join(stage.thread(ts))
    assert "Zuora created the bill run for 2 batches" in said
    assert "BR-00000002 completed" in said
    assert "2 invoices for EUR 100.00 · USD 100.00" in said
    assert "They are drafts: nothing is posted or mailed." in said
    assert "Created " in stage.card(ts)
    assert stage.zuora.mails == []


async def test_the_estimate_of_an_account_leaves_out_and_renews_what_the_run_does(stage, world):
    line = "account=A1 target=2026-11-30 autorenewal=yes includeorderlineitems=no"

    card = stage.card(await ask(stage, f"{line} exclude=Usage,OneTime"))

    (call,) = [c for c in stage.zuora.calls if c.path == "/v1/operations/billing-preview"]
    assert call.body == {
        "accountId": world.accounts["A1"].id,
        "targetDate": "2026-11-30",
        "chargeTypeToExclude": "OneTime,Usage",
        "assumeRenewal": "Autorenew",
        "includingEvergreenSubscription": True,
    }
    assert (
        "without tax, before what is left out besides charges, according to Zuora's preview" in card
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("account=A1 target=2026-11-30 type=CatchUp", "none; a catch-up run makes no invoices"),
        ("batch=1 target=2026-11-30 type=CatchUp", "none; a catch-up run makes no invoices"),
        (
            "account=A1 repeat=Monthly from=2026-11-30 hour=6 targetmonths=0 targetday=31",
            "none; Zuora previews up to one date, and each of these runs has its own",
        ),
    ],
)
async def test_where_nothing_was_previewed_the_card_says_why(stage, world, line, words):
    stage.zuora.knobs = replace(stage.zuora.knobs, catch_up=True)

    card = stage.card(await ask(stage, line))

    assert f"Estimate: {words}\n" in card
    assert not [c for c in stage.zuora.calls if "preview" in c.path]


async def test_what_only_an_administrator_can_put_right_is_not_to_be_tried_again(stage, world):
    refusal = {"success": False, "reasons": [{"code": 50000010, "message": "No permission."}]}
    stage.zuora.faults.add("/v1/accounts/*", kind="status", status=403, body=refusal, times=None)

    submitted = await fill(stage, "account=A1 target=2026-11-30")

    assert submitted.errors["scope"] == (
        "Zuora refused this (Zuora said no: No permission). Nothing was saved. Zuora would "
        "refuse it again until somebody fixes that in Zuora."
    )


async def test_a_customers_name_makes_no_line_and_no_format_of_its_own(stage, world):
    world.accounts["A1"].name = "Acme\nApproved: by *everybody*"

    ts = await ask(stage, "account=A1 target=2026-11-30")

    card = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    assert "*everybody*" not in card.text
    assert not [line for line in card.text.splitlines() if line.startswith("Approved")]
    assert "\n" not in card.blocks[0]["text"]["text"]


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_run_that_mails_by_itself_and_makes_nothing_claims_no_mail(stage, world, forgotten):
    ts = await ask(stage, "batch=1 target=2001-01-01 autopost=yes autoemail=yes")
    await approve(stage, ts)
    if forgotten:  # an empty run that Zuora leaves Completed
        world.bill_runs["BR-00000002"].auto_post = False
    await follow(stage, looks=60)

    assert stage.request().state == "succeeded"
    assert "it made no document. Nothing was due" in stage.request().result
    assert "mails" not in stage.request().result


async def test_each_change_of_state_is_a_line_in_the_thread(stage, world):
    ts = await ask(stage)
    await approve(stage, ts)

    await pass_time(stage, seconds=5)
    assert "BR-00000002 began to bill the accounts." in stage.thread(ts)[-1]
    await pass_time(stage, seconds=20)

    assert "BR-00000002 completed" in stage.thread(ts)[-1]


async def test_what_can_be_done_next_are_buttons_under_the_result(stage, world):
    ts = await ask(stage)
    await approve(stage, ts)
    await follow(stage)
    await stage.quiet()

    last = stage.slack.thread(CHANNEL, ts)[-1]
    buttons = [
        element["action_id"]
        for block in last.blocks for element in block.get("elements", [])
        if element.get("type") == "button"
    ]  # fmt: skip
    assert buttons == ["next:post_bill_run", "next:cancel_bill_run"]


async def test_a_run_for_one_account_shows_its_name_and_zuoras_estimate(stage, world):
    ts = await ask(stage, "account=A1 target=2026-11-30")

    card = stage.card(ts)
    assert "Bill account A1 (Customer A1)" in card
    assert (
        "Estimate: USD 100.00 in charges, 1 item, without tax, according to Zuora's preview" in card
    )
    await approve(stage, ts)
    await follow(stage)

    (call,) = created(stage)
    account = world.accounts["A1"].id
    assert call.body["billRunFilters"] == [{"filterType": "Account", "accountId": account}]
    assert "batches" not in call.body
    assert "1 invoice for USD 100.00" in stage.request().result


async def test_subscriptions_are_sent_by_the_id_of_their_latest_version(stage, world):
    world.add_subscription("A1", "7.00", number="S-B1")
    await open_form(stage)
    await choose(stage, "scope", "subscriptions", shows="subscriptions")

    submitted = await stage.slack.submit(
        ALICE,
        {"subscriptions": "S-A1,\nS-B1 S-A1", "target_date": "2026-11-30", "reason": "Due"},
    )
    assert submitted.ok, submitted
    await stage.quiet()
    ts = stage.slack.channel_messages(CHANNEL)[-1].ts
    assert "Bill S-A1 and S-B1 of account A1 (Customer A1)" in stage.card(ts)
    await approve(stage, ts)

    (call,) = created(stage)
    account = world.accounts["A1"].id
    assert call.body["billRunFilters"] == [
        {
            "filterType": "Subscription",
            "accountId": account,
            "subscriptionId": world.subscriptions[number].id,
        }
        for number in ("S-A1", "S-B1")
    ]


async def test_a_look_that_zuora_refuses_is_said_once_and_that_it_can_be_read_again(stage, world):
    ts = await ask(stage)
    await approve(stage, ts)
    await stage.until_card(ts, "Running in Zuora")
    refusal = {"success": False, "reasons": [{"code": 50000010, "message": "No permission."}]}
    stage.zuora.faults.add(f"{RUNS}/*", kind="status", status=403, body=refusal, times=None)

    for _ in range(4):
        await pass_time(stage, minutes=5)

    said = [line for line in stage.thread(ts) if "cannot be read" in line]
    (only,) = said
    assert only == (
        "BR-00000002 cannot be read: Zuora said no: No permission. The bot keeps trying."
    )
    assert "when it could last be read; Zuora said no: No permission." in stage.card(ts)
    stage.zuora.faults.clear()
    await follow(stage)
    assert stage.request().state == "succeeded"
    assert "when it could last be read" not in stage.card(ts)


async def test_that_nobody_is_billed_is_said_once(stage, world):
    card = stage.card(await ask(stage, "batch=9 target=2026-11-30"))

    shown = card.partition("\nR-1: ")[0]
    assert "\nCustomers: ⚠ 0 active accounts, so the run would bill nothing\n" in shown
    assert shown.count("⚠") == 2  # in the headline for the amounts, and here


async def test_a_weekly_run_is_followed_in_its_first_occurrence(stage, world):
    line = "batch=1 repeat=Weekly from=2026-11-23 to=2026-12-31 hour=6 days=Mon,Fri"
    ts = await ask(stage, line)

    card = stage.card(ts)
    assert "every week on Mon and Fri from 23 Nov 2026 to 31 Dec 2026, at 6:00" in card
    assert "Zuora creates a new run each time" in card
    await approve(stage, ts)
    assert "every later one is another run in Zuora" in "\n".join(stage.thread(ts))

    for _ in range(30):
        await pass_time(stage, hours=2)
    (call,) = created(stage)
    assert call.body["schedule"] == {
        "repeatType": "Weekly",
        "repeatFrom": "2026-11-23",
        "repeatTo": "2026-12-31",
        "runTime": 6,
        "weeklyOnDay": ["Mon", "Fri"],
    }
    assert stage.request().state == "succeeded"
    assert "BR-00000002 completed" in stage.request().result


async def test_a_monthly_run_takes_months_and_a_day_for_its_dates(stage, world):
    line = (
        "batch=all repeat=Monthly from=2026-11-30 hour=4 endofmonth=yes "
        "targetmonths=1 targetday=31 invoicemonths=0 invoiceday=15 bcd=AsRunDay"
    )
    ts = await ask(stage, line)

    card = stage.card(ts)
    assert "at the end of every month from 30 Nov 2026, without an end, at 4:00" in card
    assert "target date the last day of the month 1 month after the run" in card
    assert "invoice date day 15 of the month it runs in" in card
    assert "AllBatches bills every active account of the tenant." in card
    await approve(stage, ts)

    (call,) = created(stage)
    body = call.body
    assert (body["targetDateMonthOffset"], body["targetDateDayOfMonth"]) == (1, 31)
    assert (body["invoiceDateMonthOffset"], body["invoiceDateDayOfMonth"]) == (0, 15)
    assert body["schedule"]["monthlyOnEndOfMonth"] is True
    assert body["billCycleDay"] == "AsRunDay"
    assert "targetDate" not in body


async def test_a_run_that_posts_and_mails_by_itself_says_so_and_is_followed_until_posted(
    stage, world
):
    ts = await ask(stage, f"{LINE} autopost=yes autoemail=yes")

    assert "This run posts itself and mails customers without another approval." in stage.card(ts)
    assert "Invoices of zero are mailed too." in stage.card(ts)
    await approve(stage, ts)
    await follow(stage)
    await stage.quiet()

    assert stage.request().state == "succeeded"
    assert "BR-00000002 posted" in stage.request().result
    assert "Zuora mails them by itself" in stage.request().result
    stage.clock.advance(minutes=10)
    await stage.zuora.until(lambda: len(stage.zuora.mails) == 2)
    assert stage.slack.thread(CHANNEL, ts)[-1].blocks[-1]["type"] != "actions"


async def test_completed_after_posting_began_is_shown_as_a_posting_that_failed_in_part(
    stage, world
):
    world.plans.append({"post_ends_in": "Completed"})
    ts = await ask(stage, f"{LINE} autopost=yes")
    await approve(stage, ts)

    for _ in range(12):
        await pass_time(stage, seconds=2)
    await follow(stage)

    assert stage.request().state == "failed"
    assert "1 of 2 documents posted, 1 did not" in stage.request().result
    assert "Failed" in stage.card(ts)


async def test_a_partly_failed_posting_between_two_looks_is_seen_by_the_documents(stage, world):
    world.plans.append({"post_ends_in": "Completed"})
    ts = await ask(stage, f"{LINE} autopost=yes")
    await approve(stage, ts)

    await follow(stage)  # every look is minutes apart: PostInProgress is never seen

    assert stage.request().state == "failed"
    assert "1 of 2 documents posted, 1 did not" in stage.request().result


async def test_a_run_that_is_never_posted_though_it_was_to_be_ends_with_that(stage, world):
    ts = await ask(stage, f"{LINE} autopost=yes")
    await approve(stage, ts)
    world.bill_runs["BR-00000002"].auto_post = False  # as if Zuora had forgotten it

    await follow(stage, looks=60)

    assert stage.request().state == "failed"
    assert "completed but Zuora has not posted it: 2 invoices" in stage.request().result


async def test_a_run_that_fails_in_zuora_is_a_failed_request_with_zuoras_words(stage, world):
    world.plans.append({"ends_in": "Error", "error_message": "A tax engine did not answer."})
    ts = await ask(stage)
    await approve(stage, ts)
    await follow(stage)

    assert stage.request().state == "failed"
    assert stage.request().result == ("BR-00000002 ended in Error: A tax engine did not answer.")


async def test_a_run_that_somebody_cancels_in_zuora_ends_the_request(stage, world):
    ts = await ask(stage, "batch=1 repeat=Daily from=2026-11-25 hour=6")
    await approve(stage, ts)
    world.bill_runs["BR-00000002"].status = "Canceled"
    await follow(stage)

    assert stage.request().state == "failed"
    assert "BR-00000002 was canceled in Zuora" in stage.request().result


async def test_a_run_that_somebody_deletes_in_zuora_ends_the_request(stage, world):
    ts = await ask(stage, "batch=1 repeat=Daily from=2026-11-25 hour=6")
    await approve(stage, ts)
    world.remove_bill_run(world.bill_runs["BR-00000002"])
    await follow(stage)

    assert stage.request().state == "failed"
    assert "BR-00000002 is gone" in stage.request().result


async def test_zuoras_refusal_to_create_it_is_shown_in_its_words(stage, world):
    ts = await ask(stage, f"{LINE} org=Europe")  # the local tenant has no Multi-Org
    await approve(stage, ts)

    assert stage.request().state == "failed"
    assert "The Multi-Org feature is not enabled" in stage.request().result
    assert set(world.bill_runs) == {"BR-00000001"}
    said = stage.slack.thread(CHANNEL, ts)[-1]
    await stage.slack.click(ALICE, CHANNEL, said.ts, "change")
    assert fields(stage)["organizations"]["element"]["initial_value"] == "Europe"


@pytest.mark.never_repeated
async def test_a_lost_answer_is_settled_by_the_name_and_the_run_is_followed(stage, world):
    ts = await ask(stage)
    stage.zuora.faults.add(RUNS, method="POST", kind="lose_answer")
    await approve(stage, ts)
    assert stage.request().state == "unknown"

    await follow(stage)

    assert stage.request().state == "succeeded"
    assert "BR-00000002 completed" in stage.request().result
    assert "Zuora has the bill run BR-00000002 of the name that was sent" in "\n".join(
        stage.thread(ts)
    )
    assert len(created(stage)) == 1


@pytest.mark.never_repeated
async def test_a_lost_answer_of_which_zuora_shows_nothing_stays_unknown(stage, world):
    ts = await ask(stage)
    stage.zuora.faults.add(RUNS, method="POST", kind="drop")
    await approve(stage, ts)

    await follow(stage)

    assert stage.request().state == "unknown"
    assert "OUTCOME UNKNOWN" in stage.card(ts)
    assert "Look: at Zuora's bill runs for one whose name ends in [R-1 …], then" in stage.card(ts)
    assert "Reading Zuora proved nothing" in "\n".join(stage.thread(ts))


async def test_a_bot_that_is_restarted_goes_on_following(stage, world):
    ts = await ask(stage)
    await approve(stage, ts)
    await pass_time(stage, seconds=5)

    await stage.restart()
    await follow(stage)

    assert stage.request().state == "succeeded"
    assert len(created(stage)) == 1


async def test_a_look_that_fails_is_made_again(stage, world):
    ts = await ask(stage)
    await approve(stage, ts)
    stage.zuora.faults.add(f"{RUNS}/*", method="GET", kind="status", status=404, body={}, times=2)

    await follow(stage)

    assert stage.request().state == "succeeded"


async def test_six_hours_of_a_run_take_at_most_150_calls(stage, world):
    world.plans.append({"ends_in": "stuck"})
    ts = await ask(stage)
    await approve(stage, ts)
    before = len(stage.zuora.calls)

    for _ in range(6 * 60 * 2):
        await pass_time(stage, seconds=30)

    assert 60 <= len(looks(stage)) <= 150
    assert len(stage.zuora.calls) - before <= 150
    assert stage.request().state == "running"


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        ("inactive", "Account A1 (Customer A1) is Canceled; only an Active account is billed."),
        ("currency", "A1 was billed in USD, now in EUR"),
        ("version", "S-A1 has a new version: version 1 then, version 2 now"),
        (
            "run",
            "another run over the same accounts has begun: BR-00000009 (Month end, Processing)",
        ),
    ],
)
async def test_what_changed_since_the_approval_was_asked_for_stops_it(stage, world, drift, words):
    ts = await ask(stage, "subs=S-A1 target=2026-11-30")

    match drift:
        case "inactive":
            world.accounts["A1"].status = "Canceled"
        case "currency":
            world.accounts["A1"].currency = "EUR"
        case "version":
            world.subscriptions["S-A1"].id = world.new_id()
            world.subscriptions["S-A1"].version = 2
        case _:
            world.add_bill_run("BR-00000009", status="Processing", batches=["Batch1"])
    await approve(stage, ts)

    assert stage.request().state == "stopped"
    assert words in stage.request().result
    assert created(stage) == []


async def test_harmless_changes_do_not_stop_it(stage, world):
    ts = await ask(stage, LINE)

    world.accounts["A1"].name = "Another name"
    world.add_account("A77", batch="Batch1")
    world.add_bill_run("BR-00000009", status="Processing", batches=["Batch7"])
    await approve(stage, ts)

    assert len(created(stage)) == 1


async def test_other_runs_over_the_same_accounts_are_on_the_card(stage, world):
    world.add_bill_run("BR-00000008", name="Early", status="Pending", batches=["AllBatches"])
    world.add_bill_run("BR-00000009", name="Done", status="Posted", batches=["Batch1"])

    ts = await ask(stage)

    assert "over the same accounts and not ended: BR-00000008 (Early, Pending)" in stage.card(ts)


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("", {}, "batches", "Please complete this required field."),
    ("batch=1", {}, "target_date", "Please complete this required field."),
    ("account=A404 target=2026-11-30", {}, "account", "Zuora knows no account A404."),
    ("sub=S-404 target=2026-11-30", {}, "subscriptions", "no subscription S-404"),
    ("subs=S-A1,S-A2 target=2026-11-30", {}, "subscriptions", "the same account; these go to"),
    ("batch=1 target=2026-11-30", {"batches": ["AllBatches", "Batch1"]}, "batches", "alone"),
    (
        "batch=1 target=2026-11-30",
        {"exclude": ["OneTime", "Recurring", "Usage"]},
        "exclude",
        "At most two",
    ),
    (
        "batch=1 target=2026-11-30",
        {"leave_out": ["subscriptions", "order_line_items"]},
        "leave_out",
        "Keep one",
    ),
    ("batch=1 target=2026-11-30 type=CatchUp", {}, "run_type", "not enabled in this Zuora"),
    ("batch=1 repeat=Daily from=2026-11-20 hour=6", {}, "repeat_from", "is in the past"),
    ("batch=1 repeat=None from=2026-11-21 hour=6", {}, "run_time", "has passed today"),
    (
        "batch=1 repeat=Daily from=2026-11-25 hour=6",
        {"repeat_to": "2026-11-24"},
        "repeat_to",
        "before the first day",
    ),
    (
        "batch=1 repeat=Weekly from=2026-11-25 hour=6",
        {"weekly_on": []},
        "weekly_on",
        "at least one day",
    ),
    (
        "batch=1 repeat=Monthly from=2026-11-25 hour=6",
        {"on_end_of_month": ["yes"]},
        "on_end_of_month",
        "the last of its month",
    ),
]


async def test_what_is_wrong_is_said_at_its_field(stage, world):
    for line, values, field, words in WRONG:
        submitted = await fill(stage, line, **values)

        assert not submitted.ok
        assert words in submitted.errors[field], submitted.errors
        assert stage.store.requests.get(1) is None
        await stage.slack.close(ALICE)


async def test_posting_by_itself_is_refused_where_zuoras_rule_forbids_it(stage, world):
    stage.zuora.knobs = type(stage.zuora.knobs)(auto_post_rule=False)

    submitted = await fill(stage, f"{LINE} autopost=yes")

    assert "Support Bill Run Auto-Post?" in submitted.errors["posting"]


async def test_rules_that_cannot_be_read_are_a_line_of_the_card(stage, world):
    stage.zuora.knobs = type(stage.zuora.knobs)(settings_allowed=False)

    ts = await ask(stage, f"{LINE} autopost=yes")

    assert "Whether Zuora allows a run to post itself could not be checked." in stage.card(ts)


async def newest_card(stage, submitted):
    assert submitted.ok, submitted.errors
    await stage.slack.until(lambda: bool(stage.slack.channel_messages(CHANNEL)))
    return stage.slack.channel_messages(CHANNEL)[-1].text


async def test_an_old_version_is_refused_and_s10_a_canceled_subscription_is_left_to_zuora(
    stage, world
):
    world.subscriptions["S-A1"].latest = False
    old = await fill(stage, "sub=S-A1 target=2026-11-30")
    world.subscriptions["S-A1"].latest = True
    world.subscriptions["S-A1"].status = "Cancelled"
    ended = await fill(stage, "sub=S-A1 target=2026-11-30")

    assert "not the latest version of S-A1" in old.errors["subscriptions"]
    assert "Not Active: S-A1 (Cancelled)" in await newest_card(stage, ended)


async def test_more_than_500_pending_runs_are_a_warning_as_some_may_not_count(stage, world):
    for _ in range(501):
        world.add_bill_run(status="Pending", batches=["Batch9"])

    shown = await newest_card(stage, await fill(stage))

    assert "501 bill runs are Pending in Zuora" in shown


async def test_the_form_shows_what_the_choices_allow_and_keeps_what_was_typed(stage, world):
    await open_form(stage)
    assert "schedule" not in " ".join(fields(stage))
    await type_in(stage, "name", "November")
    await type_in(stage, "batches", ["Batch1", "Batch3"])
    await type_in(stage, "target_date", "2026-11-30")

    await choose(stage, "scope", "account", shows="account")
    assert "batches" not in fields(stage)
    assert "bill_cycle_day" not in fields(stage)
    await type_in(stage, "account", "A1")
    await choose(stage, "when", "scheduled", shows="repeat_type")
    assert {"repeat_from", "run_time"} <= set(fields(stage))
    assert "weekly_on" not in fields(stage)
    await choose(stage, "repeat_type", "Weekly", shows="weekly_on")
    await type_in(stage, "weekly_on", ["Mon"])
    await choose(stage, "repeat_type", "Monthly", shows="on_end_of_month")
    await choose(stage, "target_by", "month", shows="target_months")
    await choose(stage, "repeat_type", "Weekly", shows="weekly_on")
    await choose(stage, "scope", "batches", shows="batches")

    values = stage.slack.view(ALICE)["state"]["values"]
    assert values["name"]["value"]["value"] == "November"
    chosen = values["batches"]["value"]["selected_options"]
    assert [option["value"] for option in chosen] == ["Batch1", "Batch3"]
    assert values["target_date"]["value"]["selected_date"] == "2026-11-30"
    (day,) = values["weekly_on"]["value"]["selected_options"]
    assert day["value"] == "Mon"


async def test_a_choice_that_was_hidden_for_a_while_is_as_it_was(stage, world):
    await open_form(stage, "account=A1 repeat=Monthly from=2026-11-30 hour=4 targetmonths=1")
    await choose(stage, "scope", "batches", shows="batches")
    await choose(stage, "repeat_type", "Weekly", shows="weekly_on")
    assert not {"account", "target_months"} & set(fields(stage))

    await choose(stage, "repeat_type", "Monthly", shows="target_months")
    months = stage.slack.view(ALICE)["state"]["values"]["target_months"]
    assert months["value"]["value"] == "1"
    await choose(stage, "scope", "account", shows="account")
    assert stage.slack.view(ALICE)["state"]["values"]["account"]["value"]["value"] == "A1"


async def test_a_catch_up_run_offers_no_posting(stage, world):
    await open_form(stage, "batch=1 target=2026-11-30")
    assert "posting" in fields(stage)

    await stage.slack.choose(ALICE, "form:run_type", "CatchUp")
    await stage.slack.until(lambda: "posting" not in fields(stage))


async def test_a_line_with_a_reason_asks_at_once_without_a_form(stage, world):
    ack = await stage.slack.slash(ALICE, CHANNEL, f'/billrun {LINE} reason="Month end"')
    await stage.quiet()

    assert stage.slack.view(ALICE) is None
    assert "R-1 waits for approval" in ack.text
    assert stage.request().reason == "Month end"


async def test_a_line_fills_the_form_in(stage, world):
    await open_form(stage, LINE)

    values = stage.slack.view(ALICE)["state"]["values"]
    assert values["name"]["value"]["value"] == "November"
    assert values["target_date"]["value"]["selected_date"] == "2026-11-30"
    assert len(values["batches"]["value"]["selected_options"]) == 2


async def test_a_line_with_an_unknown_word_says_which_was_meant(stage, world):
    ack = await stage.slack.slash(ALICE, CHANNEL, "/billrun batch=Batch1 targt=2026-11-30")

    assert "targt= is not a field; did you mean target?" in ack.text
    assert stage.slack.view(ALICE) is None
