"""Entities and organizations: chosen, shown, kept apart."""

import json
from dataclasses import replace

import pytest

from tests.audit.test_evidence import lines, made
from tests.stage import ALICE, BOB, CHANNEL, MARA
from tests.status.made import exported

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
    """Two entities; in each a posted run BR-00000001 with its own invoice."""
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

    assert "This bot has no entity Asia; it has Europe, America." in ack.text


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_a_run_is_looked_at_in_the_entity_that_has_it(stage, worlds, command):
    worlds[EUROPE].add_bill_run("BR-00000002", invoices=[("A00000001", "EUR", "1.00")])

    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000002")
    assert "tenant 12270 · entity Europe" in stage.private(ALICE)[-1]
    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000001")
    assert "Type which one: " in stage.private(ALICE)[-1]
    assert f'{command} BR-00000001 entity="Europe"' in stage.private(ALICE)[-1]
    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000001 entity=America")
    assert "tenant 12270 · entity America" in stage.private(ALICE)[-1]


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_an_entity_that_is_not_listed_is_looked_into_nowhere(stage, worlds, command):
    before = len(stage.zuora.calls)

    await stage.slack.slash(ALICE, CHANNEL, f"{command} BR-00000001 entity=Asia")

    assert "This bot has no entity Asia; it has Europe, America." in stage.private(ALICE)[-1]
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
    assert "in entity Europe" in stage.private(MARA)[-1]
    await stage.slack.slash(MARA, CHANNEL, "/billstatus month")
    await stage.until(
        lambda: any("Requests in entity Europe: 1" in text for text in stage.private(MARA))
    )
    assert "entity Europe" in (await exported(stage.store, "2026-11", "csv")).decode("utf-8-sig")
    _, package = await made(stage, tmp_path)
    (row,) = lines(package, "population.jsonl")
    assert row["place_words"] == "entity Europe"


async def answer(stage, person, line):
    await stage.slack.slash(person, CHANNEL, f"/billstatus {line}")
    return stage.private(person)[-1]


@pytest.fixture
async def one_in_each(stage, worlds):
    """R-1 in Europe and R-2 in America, for runs of the same number; both wait."""
    for entity in (EUROPE, AMERICA):
        await stage.ask(entity=entity)
    return stage


STATUS = ((MARA, ""), (ALICE, "mine"), (BOB, "waiting"), (MARA, "INV00000001"), (MARA, "BR-00000001"))  # fmt: skip


async def test_every_status_keeps_to_the_entity_that_was_chosen(one_in_each):
    """`/billstatus` honours `entity=` in all its forms, wherever it stands."""
    for person, line in STATUS:
        here = await answer(one_in_each, person, f"{line} entity=Europe")
        there = await answer(one_in_each, person, f"entity=America {line}")

        assert "R-1" in here, line
        assert "R-2" not in here, line
        assert "R-2" in there, line
        assert "R-1" not in there, line


async def test_a_request_of_another_entity_is_said_to_be_there(one_in_each):
    assert await answer(one_in_each, MARA, "R-1 entity=America") == (
        "R-1 is in entity Europe, not in entity America."
    )
    assert "R-1: email BR-00000001" in await answer(one_in_each, MARA, "R-1 entity=Europe")


async def test_the_month_and_its_file_keep_to_the_entity(one_in_each):
    stage = one_in_each
    everything = await answer(stage, MARA, "month")
    here = await answer(stage, MARA, "month entity=Europe")
    before = len(stage.slack.workspace.files)
    await answer(stage, MARA, "entity=Europe export month")
    await stage.until(
        lambda: [f for f in list(stage.slack.workspace.files.values())[before:]
                 if f.name.endswith(".csv") and f.shared]
    )  # fmt: skip
    file = next(f for f in stage.slack.workspace.files.values() if f.name.endswith(".csv"))

    assert "Requests: 2" in everything
    assert "November 2026 in entity Europe" in here
    assert "Requests: 1" in here
    assert "Requests in entity Europe: 1" in here
    rows = file.content.decode("utf-8-sig").splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == ["R-1"] * (len(rows) - 1)


async def test_the_next_page_of_what_waits_stays_in_the_entity(stage, worlds):
    for entity, number in ((EUROPE, 2), (AMERICA, 3), (EUROPE, 4)):
        worlds[entity].add_bill_run(f"BR-0000000{number}", invoices=[("A00000001", "EUR", "1.00")])
        await stage.ask(text=f"BR-0000000{number}", entity=entity)
    await answer(stage, BOB, "waiting entity=Europe")
    shown = stage.slack.private(BOB, CHANNEL)[-1]
    await stage.slack.click(BOB, CHANNEL, shown.ts, "queue:next")

    await stage.until(lambda: "2 of 2" in str(stage.slack.private(BOB, CHANNEL)[-1].blocks))
    assert "R-2" not in str(stage.slack.private(BOB, CHANNEL)[-1].blocks)


async def test_an_entity_that_is_not_listed_is_said_so_everywhere(stage, worlds):
    for number, line in enumerate(
        ("", "mine", "waiting", "month", "export month", "R-1", "INV1"), 1
    ):
        words = await answer(stage, MARA, f"{line} entity=Asia")

        assert "This bot has no entity Asia; it has Europe, America." in words, line
        assert len(stage.private(MARA)) == number


async def test_two_entities_in_a_line_are_none(stage, worlds):
    words = await answer(stage, MARA, "BR-00000001 entity=Europe entity=America")

    assert "This bot has no entity Europe and also America" in words


async def test_an_entity_where_none_are_listed_is_said_so(stage):
    words = await answer(stage, MARA, "BR-00000001 entity=Asia")

    assert "This bot has no entity Asia; its settings list none." in words


async def test_the_policy_rules_an_entity(stage, worlds):
    await stage.with_policy(RULED)

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
    """With Multi-Org the organizations are required."""
    stage.zuora.knobs = replace(stage.zuora.knobs, multi_org=True, orgs=frozenset({"o1", "o2"}))
    stage.changes = {"zuora_org_ids": "Retail=o1, Both=o1+o2"}
    stage.zuora.world.account("A00000001")
    await stage.restart()

    line = "/billrun account=A00000001 target=2026-11-30 reason=x"
    ack = await stage.slack.slash(ALICE, CHANNEL, line)
    assert "Choose the organization: Retail, Both." in ack.text
    ack = await stage.slack.slash(ALICE, CHANNEL, f"{line} org=Both")
    assert "needs the organizations for which" in ack.text
    await stage.slack.slash(ALICE, CHANNEL, f"{line} org=Both organizations=Retail")

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert json.loads(stage.request(1).body)["organizations"] == [{"id": "", "name": "Retail"}]
    assert "o1,o2" in headers(stage, "zuora-org-ids", "/v1/accounts")
    assert "organization Both" in stage.request(1).tenant


@pytest.mark.parametrize("scope", ["account=A00000001", "batch=Batch1"])
async def test_multi_org_is_seen_from_the_accounts_where_no_setting_says_so(stage, scope):
    """The organizations are required, also where `ZUORA_ORG_IDS` is empty."""
    stage.zuora.knobs = replace(stage.zuora.knobs, multi_org=True)
    stage.zuora.world.account("A00000001")
    line = f"/billrun {scope} target=2026-11-30 reason=x"

    await stage.slack.slash(ALICE, CHANNEL, line)
    assert "needs the organizations for which" in stage.private(ALICE)[-1]
    await stage.slack.slash(ALICE, CHANNEL, f"{line} organizations=Retail")

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert json.loads(stage.request(1).body)["organizations"] == [{"id": "", "name": "Retail"}]


async def test_without_multi_org_no_organization_is_asked_for(stage):
    stage.zuora.world.account("A00000001")

    await stage.slack.slash(ALICE, CHANNEL, "/billrun account=A00000001 target=2026-11-30 reason=x")

    await stage.until(lambda: stage.store.requests.get(1) is not None)


ANYWHERE = [
    "BR-00000001 entity=America",
    "entity=America BR-00000001",
    "ENTITY = “America” BR-00000001",
    "‘BR-00000001’ entity=‘america’",  # noqa: RUF001 - as phones write them
    f"entity={AMERICA.upper()} BR-00000001",
    f"BR-00000001 entity={AMERICA[:8]}-{AMERICA[8:12]}-{AMERICA[12:16]}-{AMERICA[16:20]}-{AMERICA[20:]}",
]


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_the_entity_stands_anywhere_in_the_line(stage, worlds, command):
    for at, line in enumerate(ANYWHERE):
        await stage.slack.slash(ALICE, CHANNEL, f"{command} {line}")

        assert "tenant 12270 · entity America" in stage.private(ALICE)[at], line


async def test_the_entity_before_a_new_run_s_words(stage, worlds):
    worlds[AMERICA].account("A00000001")

    await stage.slack.slash(
        ALICE, CHANNEL, '/billrun entity="America" account=A00000001 target=2026-11-30 reason=x'
    )

    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).place == f"entity={AMERICA}"


async def test_the_email_form_takes_the_entity_from_the_line(stage, worlds):
    await stage.open_form(text="entity=America BR-00000001")

    submitted = await stage.slack.submit(ALICE, {"reason": "Month end"})

    assert submitted.ok, submitted.errors
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    assert stage.request(1).place == f"entity={AMERICA}"


async def test_the_advice_for_two_organizations_of_an_entity_shows_one_of_them(stage, worlds):
    stage.changes = {"zuora_entity_ids": ENTITIES, "zuora_org_ids": "Retail=o1, Both=o1+o2"}
    await stage.done_as_time_passes(stage.restart())

    await stage.slack.slash(ALICE, CHANNEL, "/billrun BR-00000001 entity=Europe")
    advice = stage.private(ALICE)[-1].rpartition("Type which one: ")[2]
    await stage.slack.slash(ALICE, CHANNEL, advice)

    assert "Bill run BR-00000001: Posted" in stage.private(ALICE)[-1]
    assert "organization Retail" in stage.private(ALICE)[-1]


async def test_an_entity_that_is_written_in_another_way_is_the_same(stage, worlds):
    ts = await stage.ask(entity=EUROPE)
    spelled = ENTITIES.replace(EUROPE, f"{EUROPE[:8]}-{EUROPE[8:]}".upper())
    stage.changes = {"zuora_entity_ids": spelled}
    await stage.restart()

    await accepted(stage, ts, BOB)
    again = await stage.fill(entity=spelled.partition(",")[0].partition("=")[2])

    assert "R-1 has ordered the mails" in again.errors["bill_run"]
    assert stage.request(1).place == f"entity={EUROPE}"


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
