"""The same number in two entities is two things, in everything that is shown, compared and kept."""

from contextlib import closing
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.slack.explaining import SIGN
from bot.status.lists import Links
from bot.status.morning import Timetable, mornings_digest
from bot.workflow.receipts import NOT_MINE
from tests.audit.test_evidence import lines, made
from tests.audit.test_outside_the_bot import HAND, found, signed_by_bob
from tests.audit.test_package import status
from tests.audit.test_period import package
from tests.postgres import another_connection, without_rules
from tests.stage import ALICE, BOB, CARLA, CHANNEL
from tests.stories.test_places import AMERICA, ENTITIES, EUROPE, RULED, accepted, worlds

__all__ = ["worlds"]  # a fixture


MORNING = Timetable(at=time(8), zone=ZoneInfo("UTC"), days=frozenset(range(7)))


async def answer(stage, user, line):
    await stage.slack.slash(user, CHANNEL, line)
    return stage.private(user)[-1]


@pytest.fixture
async def mailed_in_europe(stage, worlds):
    """R-1 has mailed BR-00000001 in Europe."""
    await accepted(stage, await stage.ask(entity=EUROPE), BOB)
    return stage


async def test_the_ledger_keeps_a_document_of_one_entity_from_its_namesake(mailed_in_europe):
    stage = mailed_in_europe

    again = await stage.fill(text="INV1", documents="INV00000001", entity=EUROPE)
    other = await stage.fill(text="INV1", documents="INV00000001", entity=AMERICA)

    assert "R-1 has ordered the mails of BR-00000001" in again.errors["documents"]
    assert other.ok, other.errors


async def test_the_digest_names_the_entity_of_each(mailed_in_europe):
    stage = mailed_in_europe
    await stage.ask(entity=AMERICA)

    now = stage.clock.now() + timedelta(days=1)
    words = mornings_digest(stage.store, Links("https://x.example/"), MORNING, now).text

    assert "email BR-00000001 in entity America" in words
    assert "email BR-00000001 in entity Europe" in words


async def test_receipt_and_denial_name_the_entity(mailed_in_europe):
    stage = mailed_in_europe
    direct = stage.slack.workspace.direct(BOB).id
    await stage.until(lambda: stage.slack.channel_messages(direct))
    receipt = stage.slack.channel_messages(direct)[-1]
    assert "you approved R-1 (send 1 mail, BR-00000001 in entity Europe)" in receipt.text

    await stage.slack.click(BOB, direct, receipt.ts, NOT_MINE)

    said = "the decision about R-1 (BR-00000001 in entity Europe) is not theirs"
    await stage.until(lambda: any(said in m.text for m in stage.slack.channel_messages(CHANNEL)))


async def test_an_estimate_is_made_in_the_entity_that_was_chosen(stage, worlds):
    for entity, amount in ((EUROPE, "100.00"), (AMERICA, "400.00")):
        worlds[entity].add_account("A9", batch="Batch2")
        worlds[entity].add_subscription("A9", amount)
    for name in ("Europe", "America"):
        await answer(
            stage, ALICE, f"/billrun batch=Batch2 target=2026-11-30 entity={name} reason=x"
        )
        await stage.quiet()
    await stage.pass_time(minutes=3)

    cards = [stage.card(each.ts) for each in stage.slack.channel_messages(CHANNEL)]
    assert "entity Europe" in cards[0]
    assert "about USD 100.00 in charges" in cards[0]
    assert "about USD 400.00 in charges" in cards[1]
    asked = [call for call in stage.zuora.calls
             if (call.method, call.path) == ("POST", "/v1/billing-preview-runs")]  # fmt: skip
    assert [call.headers["zuora-entity-ids"] for call in asked] == [EUROPE, AMERICA]


async def test_a_run_is_compared_with_the_last_one_of_its_own_entity(mailed_in_europe, worlds):
    stage = mailed_in_europe
    for world, currency in ((worlds[EUROPE], "EUR"), (worlds[AMERICA], "USD")):
        world.add_bill_run("BR-00000002", invoices=[("A00000001", currency, "77.00")])

    here = await stage.ask(text="BR-00000002", entity=EUROPE)
    there = await stage.ask(text="BR-00000002", entity=AMERICA)

    assert "Against last time: +10 % (BR-00000001, " in stage.card(here)
    assert "Against last time" not in stage.card(there)


@pytest.mark.parametrize(
    "stored",
    [f"entity={EUROPE}", f"entity={EUROPE[:8]}-{EUROPE[8:]}", f"entity={EUROPE.upper()}"],
)
async def test_a_run_is_compared_with_one_whose_place_was_written_otherwise(
    mailed_in_europe, worlds, stored
):
    """Older versions kept the ids as the settings had them, and an entity may get another name."""
    stage = mailed_in_europe
    await stage.stop()
    _as_of_before(stage, stored)
    stage.changes = {"zuora_entity_ids": ENTITIES.replace("Europe", "EU North")}
    await stage.start()
    worlds[EUROPE].add_bill_run("BR-00000002", invoices=[("A00000001", "EUR", "77.00")])

    ts = await stage.ask(text="BR-00000002", entity=EUROPE)

    assert "Against last time: +10 % (br-00000001, " in stage.card(ts)


def _as_of_before(stage, place):
    """R-1 as an older version stored it; the database itself lets nobody change that."""
    with (
        closing(another_connection(stage.settings().database_path)) as other,
        without_rules(other, "requests"),
    ):
        other.execute("UPDATE requests SET place = ?, subject = lower(subject)", [place])


async def test_the_policy_names_who_approves_in_an_entity(stage, worlds):
    await stage.with_policy(RULED.replace("approvals = 2", f'approvers = ["{CARLA}"]'))
    here, there = [await stage.ask(entity=entity) for entity in (EUROPE, AMERICA)]

    await stage.press(BOB, there)
    await stage.until_private(BOB, f"You may not decide R-2. These may: <@{CARLA}>.")
    await accepted(stage, here, BOB)
    await accepted(stage, there, CARLA)

    assert [call.headers["zuora-entity-ids"] for call in stage.orders()] == [EUROPE, AMERICA]


async def test_the_evidence_attributes_nothing_to_a_request_of_another_entity(
    mailed_in_europe, worlds, tmp_path
):
    stage = mailed_in_europe
    await stage.pass_time(minutes=10)
    by_hand = next(iter(worlds[AMERICA].invoices.values()))
    by_hand.last_email_sent = by_hand.updated_at = stage.clock.now()
    by_hand.updated_by = HAND

    _, package = await made(stage, tmp_path)

    assert found(package)["INV00000001", "mailed outside the bot"]["place"] == "entity America"


async def test_an_explanation_is_of_one_entity(mailed_in_europe, worlds, tmp_path):
    stage = mailed_in_europe
    for world in worlds.values():
        run = world.add_bill_run("ACME R2", invoices=[("A00000001", "EUR", "7.00")])
        run.updated_by = HAND
    await stage.pass_time(hours=1)  # the runs are posted half an hour after they were created
    line = "explain “ACME R2” by hand"
    assert "Choose the entity: Europe, America." in await answer(stage, BOB, f"/billstatus {line}")
    assert "about ACME R2: by hand" in await answer(
        stage, BOB, f"/billstatus {line} entity=America"
    )
    await stage.slack.click(BOB, CHANNEL, stage.slack.private(BOB, CHANNEL)[-1].ts, SIGN)
    await stage.until_private(BOB, "The evidence shows it beside ACME R2")

    _, package = await made(stage, tmp_path)

    assert _signed_of(package, "exceptions.jsonl", "ACME R2") == {
        "entity Europe": "",
        "entity America": "by hand",
    }


def _signed_of(package, name, number):
    """What is signed of each posting of a run, by the words of its place."""
    about = (number, "posted outside the bot")
    posted = [each for each in lines(package, name) if (each["number"], each["what"]) == about]
    return {each["place"]: each.get("explanation", "") for each in posted}


async def test_what_was_explained_is_closed_in_its_entity_also_without_zuora_or_under_a_new_name(
    stage, worlds, tmp_path
):
    number = "BR-00000001"
    await stage.pass_time(hours=1)
    await signed_by_bob(stage, number, "by hand entity=Europe")
    await stage.pass_time(days=3)
    await signed_by_bob(stage, number, "by Mara's hand entity=Europe")  # and signed anew
    days = ("--from", "2026-11-20", "--to", "2026-11-22")
    _, first = await package(stage, tmp_path / "first", *days)
    said = {"entity Europe": "by Mara's hand", "entity America": ""}
    assert _signed_of(first, "exceptions.jsonl", number) == said
    await signed_by_bob(stage, number, "by hand too entity=America")
    renamed = f"EMEA={EUROPE}, Americas={AMERICA}"
    for names, of_america in (
        (ENTITIES, "by hand too"),
        (renamed, ""),  # nobody knows which entity America was
        ("", ""),
    ):
        stage.changes["zuora_entity_ids"] = names
        more = ("--from", "2026-11-23", "--to", "2026-11-25", "--after", str(first))

        _, out = await made(stage, tmp_path, *more, "--without-zuora", zuora=None)

        left = _signed_of(out, "brought_forward.jsonl", number)
        assert left == {"entity America": of_america}, names
        assert status(out, "").exit_code == 0
