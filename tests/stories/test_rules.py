"""Rules of Zuora that no other story breaks; docs/zuora-notes.md says where each rule is broken."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from bot.operations.cancel_bill_run import CancelBillRunBody
from bot.operations.create_bill_run.body import CreateBillRunBody
from bot.operations.email_bill_run import EmailBillRunBody
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.post_bill_run import PostBillRun, PostBillRunBody
from bot.operations.typed import Problems
from bot.wiring.starting import CannotStartError
from tests.stage import ALICE, BOB, CHANNEL

RUN = {"bill_run": "BR-00000001"}


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (CreateBillRunBody, {"batches": ("Batch1",), "noEmailForZeroAmountInvoices": True}),
        (EmailBillRunBody, {**RUN, "resnd": True}),
        (EmailDocumentsBody, {"documents": ("INV1",), "emailAdresses": "a@b.example"}),
        (PostBillRunBody, {**RUN, "invoiceDat": "2026-11-30"}),
        (CancelBillRunBody, {**RUN, "cancelOnce": True}),
    ],
)
def test_a_body_has_no_field_that_nobody_knows(body, values):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        body.model_validate(values)


@pytest.mark.parametrize("typed", ["20261130", "2026-W48-1", "30.11.2026"])
def test_a_date_is_typed_in_one_form_only(typed):
    read = PostBillRun.read({**RUN, "invoice_date": typed})

    assert isinstance(read, Problems)
    assert set(read.by_field) == {"invoice_date"}


@pytest.fixture
def account(stage):
    """An account that is billed on the fifteenth and has no address."""
    world = stage.zuora.world
    account = world.add_account(
        "A00000077", name="Acme", currency="EUR", email=None, batch="Batch7", bill_cycle_day=15
    )
    world.add_subscription("A00000077", "100.00", number="S-77")
    return account


async def fill(stage, line):
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {line}")
    assert ack.ok, ack
    return await stage.slack.submit(ALICE, {"reason": "Month end"})


@pytest.mark.parametrize(("field", "key"), [("account", "A00000077"), ("subscriptions", "S-77")])
async def test_an_account_that_is_not_active_is_said_at_its_field(stage, account, field, key):
    account.status = "Canceled"
    word = {"account": "account", "subscriptions": "subs"}[field]

    submitted = await fill(stage, f"{word}={key} target=2026-11-30")

    assert submitted.errors[field] == (
        "Account A00000077 (Acme) is Canceled; only an Active account is billed."
    )


async def test_the_card_shows_what_an_account_is_billed_by_and_that_it_has_no_address(
    stage, account
):
    submitted = await fill(stage, "account=A00000077 target=2026-11-30 autopost=yes autoemail=yes")
    assert submitted.ok, submitted.errors
    await stage.slack.until(lambda: stage.slack.channel_messages(CHANNEL))

    card = stage.slack.channel_messages(CHANNEL)[-1].text
    assert "Account: EUR · Batch7 · bill cycle day 15 · Active" in card
    assert "The account's bill-to contact has no mail address." in card


async def test_a_client_of_another_tenant_gets_nothing_from_zuora(stage):
    stage.changes = {"zuora_tenant_id": "9999"}
    await stage.restart()

    submitted = await stage.fill()

    assert "speaks for tenant 12270, and ZUORA_TENANT_ID is 9999" in submitted.errors["bill_run"]
    assert "ZUORA_TENANT_ID" in stage.bot.health()["zuora"]


async def test_a_tenant_that_is_another_one_after_the_approval_stops_it(stage):
    ts = await stage.ask()
    stage.changes = {"zuora_tenant_id": "9999"}
    await stage.restart()

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert stage.orders() == []


async def test_an_entity_that_the_token_names_stands_on_the_card(stage):
    stage.changes = {"zuora_entity_ids": "11e6ba62-b31d-7c1d-b237-00163e000000"}
    await stage.restart()

    ts = await stage.ask()

    assert "entity 11e6ba62-b31d-7c1d-b237-00163e000000" in stage.card(ts)


async def test_an_entity_that_the_token_does_not_name_keeps_the_bot_from_starting(stage):
    stage.changes = {"zuora_entity_ids": "33a8"}

    with pytest.raises(CannotStartError, match="ZUORA_ENTITY_IDS names 33a8"):
        await stage.restart()


async def test_an_entity_is_compared_as_soon_as_zuora_can_be_read_and_nothing_is_sent_before(stage):
    """Zuora gave no token at the start."""
    ts = await stage.ask()
    stage.changes = {"zuora_entity_ids": "33a8"}
    stage.zuora.faults.add("/oauth/token", kind="status", status=503, times=1)
    await stage.restart()
    before = [call for call in stage.zuora.calls if "oauth" not in call.path]

    await stage.as_time_passes(lambda: "33a8" in stage.bot.health()["zuora"], step=5)
    await stage.press(BOB, ts)
    for _ in range(5):
        await stage.pass_time(minutes=1)

    assert stage.bot.health()["status"] == "zuora login failed"
    assert [call for call in stage.zuora.calls if "oauth" not in call.path] == before


@pytest.mark.parametrize(("setting", "starts"), [("o-1", True), ("o-1,o-9", False), ("o-9", False)])
async def test_an_organization_that_zuora_refuses_keeps_the_bot_from_starting(
    stage, setting, starts
):
    knobs = stage.zuora.knobs
    stage.zuora.knobs = replace(knobs, orgs=frozenset({"o-1"}))
    stage.changes = {"zuora_org_ids": setting}

    if starts:
        await stage.done_as_time_passes(stage.restart())
        assert stage.bot.health()["zuora"] == "ready"
    else:
        with pytest.raises(CannotStartError, match="ZUORA_ORG_IDS names o-9, which Zuora refuses"):
            await stage.done_as_time_passes(stage.restart())


async def test_a_right_that_is_missing_is_not_taken_for_an_organization_that_is(stage):
    stage.changes = {"zuora_org_ids": "o-1"}
    stage.zuora.faults.add("/object-query/*", kind="status", status=403, times=2)

    await stage.done_as_time_passes(stage.restart())

    assert stage.bot.health()["database"] == "ready"


async def test_health_is_not_ready_while_zuora_does_not_let_the_bot_in(stage):
    stage.zuora.faults.add("/object-query/*", kind="unauthorized")
    stage.zuora.faults.add("/oauth/token", kind="unauthorized", times=2)
    await stage.fill()

    assert stage.bot.health()["status"] == "zuora login failed"

    await stage.as_time_passes(lambda: stage.bot.health()["status"] == "ready", step=1)


async def test_an_organization_is_asked_for_once_zuora_answers_and_before_anything_is_sent(
    stage,
):
    """Zuora was away at the start; one of two organizations is refused since."""
    knobs = stage.zuora.knobs
    stage.zuora.knobs = replace(knobs, orgs=frozenset({"o-1", "o-9"}))
    stage.changes = {"zuora_org_ids": "One=o-1, Nine=o-9"}
    await stage.done_as_time_passes(stage.restart())
    ts = await stage.ask(org="o-1")
    await stage.stop()
    stage.zuora.knobs = replace(knobs, orgs=frozenset({"o-1"}))
    stage.zuora.faults.down = True
    await stage.done_as_time_passes(stage.start(), step=5)

    await stage.press(BOB, ts)
    stage.zuora.faults.clear()
    await stage.as_time_passes(lambda: "names o-9, which Zuora refuses" in stage.card(ts), step=10)

    assert stage.orders() == []

    stage.zuora.knobs = replace(knobs, orgs=frozenset({"o-1", "o-9"}))
    await stage.as_time_passes(lambda: len(stage.orders()) == 1, step=10)
    await stage.until_card(ts, "Accepted by Zuora")
