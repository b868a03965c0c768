"""What was typed stays when a form changes, however long it is, and only for who typed it."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.key import tokens
from bot.slack.forms.ask_form import METADATA_LIMIT, Origin, origin_of
from bot.slack.forms.document_fields import FIELD_LIMIT, LISTS
from bot.slack.forms.email import EmailForm
from bot.store.drafts import KEPT_FOR
from tests.postgres import reading_only
from tests.stage import ALICE, BOB, CHANNEL

NUMBERS = [f"INV{number:08d}" for number in range(1, 501)]
IDS = [f"INV:{number:032x}" for number in range(1, 501)]
DASHED = [f"DM:{number:08x}-0000-0000-0000-{number:012x}" for number in range(1, 501)]
SORRY = "I could not record this, so nothing was done."


def values(stage, user=ALICE):
    """The values in the fields of the open form."""
    found = stage.slack.view(user)["state"]["values"]
    return {name: next(iter(each.values())) for name, each in found.items()}


def typed(stage):
    state = values(stage)
    return [part for name in LISTS for part in tokens((state.get(name) or {}).get("value") or "")]


async def choose(stage, name, value, *, shows, hides=""):
    await stage.slack.choose(ALICE, f"form:{name}", value)
    await stage.slack.until(lambda: shows in values(stage) and hides not in values(stage))


async def paste(stage, parts, separator=" "):
    """Fill the fields one after the other, as many as each takes."""
    fields = [name for name in LISTS if name in values(stage)]
    texts = [""]
    for part in parts:
        if len(texts[-1]) + len(separator) + len(part) > FIELD_LIMIT:
            texts.append("")
        texts[-1] = f"{texts[-1]}{separator}{part}" if texts[-1] else part
    assert len(texts) <= len(fields), f"{len(texts)} fields are needed"
    for name, text in zip(fields, texts, strict=False):
        await stage.slack.choose(ALICE, "value", text, block_id=name)


async def open_form(stage, text="INV00000001"):
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billemail {text}")
    assert ack.ok, ack


@pytest.mark.parametrize("separator", [" ", ", "])
async def test_500_numbers_are_still_there_after_the_form_was_switched_and_switched_back(
    stage, separator
):
    await open_form(stage)
    await paste(stage, NUMBERS, separator)

    await choose(stage, "what", "bill_run", shows="bill_run", hides="documents")
    view = stage.slack.view(ALICE)
    assert len(view["private_metadata"]) <= METADATA_LIMIT
    await choose(stage, "what", "documents", shows="documents")

    assert typed(stage) == NUMBERS


async def test_they_survive_several_changes_and_a_restart(stage):
    await open_form(stage)
    await paste(stage, NUMBERS)
    await choose(stage, "recipients", "addresses", shows="email_addresses")
    await stage.slack.choose(ALICE, "value", "a@example.com", block_id="email_addresses")
    await choose(stage, "what", "bill_run", shows="bill_run", hides="documents")
    await stage.restart()
    await choose(stage, "what", "documents", shows="email_addresses")
    await choose(stage, "what", "bill_run", shows="bill_run", hides="documents")
    await choose(stage, "what", "documents", shows="email_addresses")

    assert typed(stage) == NUMBERS
    assert values(stage)["email_addresses"]["value"] == "a@example.com"


@pytest.mark.parametrize("ids", [IDS, DASHED])
@pytest.mark.parametrize("separator", [" ", ", "])
async def test_500_ids_fit_the_fields(stage, ids, separator):
    await open_form(stage)
    await choose(stage, "room", "ids", shows=LISTS[-1])

    await paste(stage, ids, separator)
    await choose(stage, "recipients", "bill_to", shows="recipients")
    await choose(stage, "what", "bill_run", shows="bill_run", hides="documents")
    await choose(stage, "what", "documents", shows=LISTS[-1])

    assert typed(stage) == ids


async def test_fields_with_something_in_them_do_not_go_when_there_is_less_room(stage):
    await open_form(stage)
    await choose(stage, "room", "ids", shows=LISTS[-1])
    for name in LISTS[:5]:
        await stage.slack.choose(ALICE, "value", f"INV0000{LISTS.index(name)}", block_id=name)

    await choose(stage, "room", "numbers", shows=LISTS[4], hides=LISTS[-1])

    assert typed(stage) == [f"INV0000{place}" for place in range(5)]


async def test_nobody_else_reads_what_somebody_typed(stage):
    await open_form(stage)
    await paste(stage, NUMBERS)
    await choose(stage, "what", "bill_run", shows="bill_run", hides="documents")
    draft = origin_of(stage.slack.view(ALICE)["private_metadata"]).draft
    now = stage.clock.now()

    assert draft
    assert stage.store.drafts.get(draft, BOB, now) == {}
    assert stage.store.drafts.get("another", ALICE, now) == {}
    assert len(stage.store.drafts.get(draft, ALICE, now)["documents"]) > METADATA_LIMIT / 2


async def test_it_is_forgotten_after_a_week(stage):
    await stage.quiet()
    drafts, now = stage.store.drafts, stage.clock.now()
    with stage.store.transaction():
        drafts.add("one", ALICE, {"a": "b"}, now)
    almost = now + KEPT_FOR - timedelta(seconds=1)
    assert drafts.get("one", ALICE, almost) == {"a": "b"}
    assert drafts.get("one", ALICE, now + KEPT_FOR) == {}

    with stage.store.transaction():
        drafts.add("two", ALICE, {}, now + KEPT_FOR)

    rows = stage.store._database.execute("SELECT id FROM drafts").fetchall()
    assert rows == [("two",)]


async def test_what_is_short_is_kept_by_slack_and_not_written_down(stage):
    await open_form(stage)
    await choose(stage, "what", "bill_run", shows="bill_run", hides="documents")

    assert stage.store._database.execute("SELECT COUNT(*) FROM drafts").fetchone() == (0,)


async def test_a_form_whose_draft_cannot_be_written_stays_as_it_is(stage):
    await open_form(stage)
    await paste(stage, NUMBERS)
    reading_only(stage.store, "on")

    await stage.slack.choose(ALICE, "form:what", "bill_run")
    await stage.until_private(ALICE, SORRY)
    reading_only(stage.store, "off")

    assert typed(stage) == NUMBERS
    assert "bill_run" not in values(stage)


@given(st.text(max_size=40))
def test_whatever_a_form_carries_it_is_an_origin(text):
    assert isinstance(origin_of(text), Origin)
    assert isinstance(origin_of(json.dumps({"draft": text, "kept": text})).draft, str)


PART = st.from_regex(r"[A-Z]{2,3}:[a-z0-9-]{1,40}", fullmatch=True)


@given(st.lists(PART, max_size=500), st.sampled_from([" ", "\n", ", "]))
def test_a_list_of_any_length_is_in_the_fields_whole_and_in_order(parts, separator):
    shown = EmailForm().blocks({"what": "documents", "documents": separator.join(parts)})

    fields = {block["block_id"]: block["element"] for block in shown if block["type"] == "input"}
    found = [fields[name].get("initial_value", "") for name in LISTS if name in fields]
    assert [part for text in found for part in tokens(text)] == parts
    assert all(len(text) <= FIELD_LIMIT for text in found)


@given(st.lists(st.one_of(st.none(), st.text("INV0123 ,\n", max_size=60)), max_size=len(LISTS)))
def test_no_field_with_something_in_it_is_taken_away(texts):
    typed = {name: text for name, text in zip(LISTS, texts, strict=False) if text}
    shown = EmailForm().blocks({"what": "documents", **typed})

    fields = {block["block_id"]: block["element"] for block in shown if block["type"] == "input"}
    assert typed == {name: fields[name].get("initial_value") for name in typed}


async def test_a_request_that_is_changed_begins_with_each_of_its_documents_once(stage):
    world = stage.zuora.world
    world.add_account("A00000077", name="Acme")
    for number in ("INV00000077", "INV00000078"):
        world.add_invoice("A00000077", "USD", "120.50", number=number)
    world.add_debit_memo("A00000077", "USD", "20.50", number="DM00000079")
    await open_form(stage, "INV00000077")
    submitted = await stage.slack.submit(
        ALICE, {"more_documents": "DM00000079 INV00000078", "reason": "Month end"}
    )
    assert submitted.ok, submitted
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) == 1)
    (card,) = stage.slack.channel_messages(CHANNEL)

    await stage.reject(BOB, card.ts, "Not these")
    await stage.until_thread(card.ts, "Not these")
    line = stage.slack.thread(CHANNEL, card.ts)[-1]
    await stage.slack.click(ALICE, CHANNEL, line.ts, "change")
    await stage.slack.until(lambda: stage.slack.view(ALICE) is not None)

    assert typed(stage) == ["INV00000077", "DM00000079", "INV00000078"]
