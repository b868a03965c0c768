"""Entities and organizations: chosen, shown, kept apart (rows S1 and S12)."""

import json
from dataclasses import replace

import pytest

from bot.status.export import export
from tests.audit.test_evidence import lines, made
from tests.stage import ALICE, BOB, CHANNEL, MARA

EUROPE, AMERICA = "11e6ba62b31d7c1db23700163e000001", "11e6ba62b31d7c1db23700163e000002"
ENTITIES = f"Europe={EUROPE}, America={AMERICA}"
EMAILS = "/v1/bill-runs/BR-00000001/emails"
RULED = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
entities = ["America"]
approvals = 2
"""


@pytest.fixture
async def worlds(stage):
    """Two entities; in each a posted run BR-00000001 with an invoice of its own."""
    found = {}
    for entity, currency in ((EUROPE, "EUR"), (AMERICA, "USD")):
        found[entity] = stage.zuora.add_entity(entity)
        found[entity].add_bill_run("BR-00000001", invoices=[("A00000001", currency, "70.00")])
    stage.changes = {"zuora_entity_ids": ENTITIES}
    await stage.restart()
    return found


def headers(stage, name, path=""):
    return {call.headers.get(name) for call in stage.zuora.calls
            if path in call.path and not call.path.startswith("/oauth")}  # fmt: skip


async def accepted(stage, ts, *people):
    for person in people:
        await stage.press(person, ts)
    await stage.until_card(ts, "Accepted by Zuora")


async def test_where_there_is_one_entity_nobody_is_asked_and_no_header_is_sent(stage):
    await stage.open_form()

    assert "entity" not in [block.get("block_id") for block in stage.slack.view(ALICE)["blocks"]]
    assert headers(stage, "zuora-entity-ids") <= {None}


async def test_the_form_asks_in_which_entity_where_there_are_several(stage, worlds):
    submitted = await stage.fill()

    assert "required" in submitted.errors["entity"]  # Slack itself asks


async def test_the_entity_that_was_chosen_is_on_the_card_and_in_every_header(stage, worlds):
    before = len(stage.zuora.calls)

    ts = await stage.ask(entity=EUROPE)
    asked = stage.card(ts)
    await accepted(stage, ts, BOB)

    assert "tenant 12270 · entity Europe" in asked
    assert "EUR 70.00" in asked
    sent = [call for call in stage.zuora.calls[before:] if not call.path.startswith("/oauth")]
    assert {call.headers.get("zuora-entity-ids") for call in sent} == {EUROPE}
    await stage.pass_time(minutes=5)
    stage.zuora.tenant.advance()
    assert worlds[EUROPE].mails
    assert worlds[AMERICA].mails == []


async def test_the_same_number_in_two_entities_is_two_runs(stage, worlds):
    """Guards keep them apart: mailing one is not mailing the other."""
    for entity in (EUROPE, AMERICA):
        ts = await stage.ask(entity=entity)
        assert not any("also open" in text for text in stage.thread(ts))
        await accepted(stage, ts, BOB)

    assert stage.request(1).digest != stage.request(2).digest
    again = await stage.fill(entity=EUROPE)
    assert "R-1 has ordered the mails" in again.errors["bill_run"]
    await stage.pass_time(minutes=5)
    stage.zuora.tenant.advance()
    assert [len(world.mails) for world in worlds.values()] == [1, 1]


async def test_a_line_takes_the_entity(stage, worlds):
    worlds[AMERICA].account("A00000001")
    line = "/billrun account=A00000001 target=2026-11-30 entity=america reason=x"

    await stage.slack.slash(ALICE, CHANNEL, line)

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).place == f"entity={AMERICA}"
    assert "entity America" in stage.request(1).tenant


async def test_a_line_with_an_entity_that_is_not_listed_is_refused(stage, worlds):
    line = "/billrun account=A00000001 target=2026-11-30 entity=Asia reason=x"

    ack = await stage.slack.slash(ALICE, CHANNEL, line)

    assert "This bot has no entity Asia; these are: Europe, America." in ack.text


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_a_run_is_looked_at_in_the_entity_that_has_it(stage, worlds, command):
    worlds[EUROPE].add_bill_run("BR-00000002", invoices=[("A00000001", "EUR", "1.00")])

    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000002")
    assert "tenant 12270 · entity Europe" in stage.told(ALICE)[-1]
    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000001")
    assert "is there in entity Europe and entity America" in stage.told(ALICE)[-1]
    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000001 entity=America")
    assert "tenant 12270 · entity America" in stage.told(ALICE)[-1]


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_an_entity_that_is_not_listed_is_looked_into_nowhere(stage, worlds, command):
    before = len(stage.zuora.calls)

    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000001 entity=Asia")

    assert "This bot has no entity Asia; these are: Europe, America." in stage.told(ALICE)[-1]
    assert len(stage.zuora.calls) == before


async def test_the_button_of_a_run_opens_the_form_in_its_entity(stage, worlds):
    shown = await stage.show("BR-00000001 entity=America")
    await stage.slack.click(ALICE, CHANNEL, shown.ts, "run:email_bill_run")

    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).place == f"entity={AMERICA}"


async def test_status_month_export_and_evidence_name_the_entity(stage, worlds, tmp_path):
    ts = await stage.ask(entity=EUROPE)
    await accepted(stage, ts, BOB)

    await stage.slack.slash(MARA, CHANNEL, "/billstatus")
    assert "in entity Europe" in stage.told(MARA)[-1]
    await stage.slack.slash(MARA, CHANNEL, "/billstatus month")
    await stage.until(
        lambda: any("Requests in entity Europe: 1" in text for text in stage.told(MARA))
    )
    assert "entity Europe" in (await export(stage.store, "2026-11", "csv")).decode("utf-8-sig")
    _, package = await made(stage, tmp_path)
    (row,) = lines(package, "population.jsonl")
    assert row["place_words"] == "entity Europe"


async def test_the_policy_rules_an_entity(stage, worlds):
    stage.policy = RULED
    await stage.restart()

    ts = await stage.ask(entity=AMERICA)
    await stage.press(BOB, ts)
    await stage.quiet()
    assert stage.orders() == []
    other = await stage.ask(entity=EUROPE)
    await accepted(stage, other, BOB)

    assert stage.request(1).rule.name == "rule 1"
    assert stage.request(2).rule.approvals == 1


async def test_a_policy_for_an_entity_that_nobody_can_choose_is_refused_at_the_start(stage, worlds):
    stage.policy = RULED.replace("America", "Asia")

    with pytest.raises(Exception, match="'Asia' is not listed in ZUORA_ENTITY_IDS"):
        await stage.restart()


async def test_changing_the_list_of_entities_stops_what_was_approved_for_one_that_changed(stage):
    """A request without a place is not carried out where there is a choice of places now."""
    ts = await stage.ask()
    stage.zuora.add_entity(EUROPE).add_bill_run("BR-00000001", invoices=[("A1", "EUR", "70.00")])
    stage.zuora.add_entity(AMERICA)
    stage.changes = {"zuora_entity_ids": ENTITIES}
    await stage.restart()

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Stopped. Nothing was sent")


async def test_organizations_go_into_the_header_and_the_body(stage):
    """S12: with Multi-Org the organizations are required."""
    stage.zuora.knobs = replace(stage.zuora.knobs, multi_org=True, orgs=frozenset({"o1", "o2"}))
    stage.changes = {"zuora_org_ids": "Retail=o1, Both=o1+o2"}
    stage.zuora.world.account("A00000001")
    await stage.restart()

    line = "/billrun account=A00000001 target=2026-11-30 reason=x"
    ack = await stage.slack.slash(ALICE, CHANNEL, line)
    assert "Choose the organization: Retail, Both." in ack.text
    ack = await stage.slack.slash(ALICE, CHANNEL, f"{line} org=Both")
    assert "for which organizations" in ack.text
    await stage.slack.slash(ALICE, CHANNEL, f"{line} org=Both organizations=Retail")

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert json.loads(stage.request(1).body)["organizations"] == [{"id": "", "name": "Retail"}]
    assert "o1,o2" in headers(stage, "zuora-org-ids", "/v1/accounts")
    assert "organization Both" in stage.request(1).tenant


async def test_one_list_of_organizations_is_sent_as_it_is(stage):
    stage.changes = {"zuora_org_ids": "o1+o2"}
    await stage.restart()

    await stage.ask()

    assert "o1,o2" in headers(stage, "zuora-org-ids", "/v1/bill-runs")


async def test_an_organization_that_the_user_may_not_see_is_refused_in_zuoras_words(stage):
    stage.changes = {"zuora_org_ids": "o9"}
    await stage.restart()
    stage.zuora.knobs = replace(stage.zuora.knobs, orgs=frozenset({"o1"}))  # since the start

    submitted = await stage.fill()

    assert "does not have access to the specified organizations" in submitted.errors["bill_run"]


async def test_a_document_that_is_reached_through_two_organizations_is_mailed_once(stage):
    stage.changes = {"zuora_org_ids": "Retail=o1, Both=o1+o2"}
    await stage.done_as_time_passes(stage.restart())
    ts = await stage.ask(org="o1")
    await accepted(stage, ts, BOB)

    submitted = await stage.fill(org="o1,o2")

    assert "R-1 has ordered the mails" in submitted.errors["bill_run"]
    assert len(stage.orders()) == 1
