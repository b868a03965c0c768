"""What people type and paste is read as they see it (rows H12 and H13)."""

import json

import pytest

from bot.domain.clean import as_key, clean, unescaped
from tests.stage import ALICE, CHANNEL

LINE = "account=A00000001 target=2026-11-30"


async def made_of(stage, line):
    """The body of the request that a line asks for."""
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {line}")
    assert ack.ok, ack.text
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    return stage.request(1)


@pytest.fixture
def account(stage):
    return stage.zuora.world.account("A00000001")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ('name="R&D <Q4>"', "R&D <Q4>"),
        ('name="R&amp;D"', "R&amp;D"),  # these five characters were typed
        ("name=the \u201cQ4\u201d run", "the \u201cQ4\u201d run"),
        ('name="the "Q4" run"', 'the "Q4" run'),
        ("name=O'Brien\u2019s", "O'Brien\u2019s"),
        ("name=\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        (r"name=a\b", r"a\b"),
        ("name=Q4\u20132026", "Q4\u20132026"),
    ],
)
async def test_a_name_keeps_its_characters(stage, account, typed, name):
    """Row H12: Slack sends `&`, `<` and `>` as entities."""
    request = await made_of(stage, f"{LINE} {typed} reason=x")

    assert json.loads(request.body)["name"] == name


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("reason=don\u2019t forget", "don\u2019t forget"),
        ("reason=don't forget", "don't forget"),
        ("reason='don't forget'", "don't forget"),
        ("reason=\u201cMonth end\u201d", "Month end"),
        ("reason=\u00abMonth end\u00bb", "Month end"),
        ("reason=Month end & more", "Month end & more"),
    ],
)
async def test_a_reason_needs_no_quotation_marks(stage, account, typed, reason):
    """Row H13: `reason=don't forget`."""
    assert (await made_of(stage, f"{LINE} {typed}")).reason == reason


@pytest.mark.parametrize(
    "typed",
    [
        "account=*A00000001* target=2026\u201311\u201330 reason=x",
        "\ufeffaccount=A00000001. target=\u200b2026-11-30 reason=x",
        "account=A0000\u200b0001 target=2026-11-30, reason=x",
        "account\u00a0=\u00a0A00000001\u00a0target=\u201c2026-11-30\u201d\u00a0reason=x",
    ],
)
async def test_a_line_is_what_it_looks_like(stage, account, typed):
    request = await made_of(stage, typed)

    assert '"target_date":"2026-11-30"' in request.body
    assert "A00000001" in request.facts


@pytest.mark.parametrize(
    "typed",
    ["BR\u201300000001", "BR\u201100000001", "\ufeffBR-0000\u200b0001", "*BR-00000001*",
     "BR-00000001.", "`br-00000001`", "\u2066BR-00000001\u2069", "BR\u221200000001"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_a_bill_runs_number_is_what_it_looks_like(stage, typed, command):
    await stage.slack.slash(ALICE, CHANNEL, f"{command} {typed}")

    assert "Bill run BR-00000001: Posted" in stage.told(ALICE)[-1]


@pytest.mark.parametrize("typed", ["BR\u201300000001", "*BR-00000001*.", "\ufeffBR-00000001"])
async def test_a_number_in_a_form_is_what_it_looks_like(stage, typed):
    ts = await stage.ask(bill_run=typed)

    assert "BR-00000001" in stage.card(ts)


@pytest.mark.parametrize("typed", ["INV\u201300000077", "*INV-00000077*, ", "(INV-00000077)."])
async def test_a_document_in_a_form_is_what_it_looks_like(stage, typed):
    stage.zuora.world.add_invoice("A00000001", "USD", "120.50", number="INV-00000077")

    ts = await stage.ask(text="INV-1", documents=typed)

    assert "INV-00000077" in stage.card(ts)


def test_entities_are_read_once():
    assert unescaped("&amp;lt;") == "&lt;"
    assert unescaped("&lt;&gt;&amp;&copy;") == "<>&&copy;"


def test_what_has_no_look_is_no_part_of_a_text_and_joiners_are():
    assert clean("a\u00a0b\ufeffc\u200e") == "a bc"
    assert clean("\u200d\u200c") == "\u200d\u200c"


@pytest.mark.parametrize("typed", ["**", "...", "", " ", "__", '""', "*", "\u2014"])
def test_nothing_but_marks_is_no_exception(typed):
    as_key(typed)
