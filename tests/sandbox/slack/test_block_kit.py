"""What Slack takes as blocks and as views, and what it does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.slack.block_kit import BLOCKS, check_blocks, check_view, with_block_ids
from bot.sandbox.slack.elements import ELEMENTS


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text="x", **extra):
    return {"type": "section", "text": mrkdwn(text), **extra}


def button(**extra):
    return {"type": "button", "action_id": "a", "text": plain("Go"), **extra}


def option(value="v", text="Text"):
    return {"text": plain(text), "value": value}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def field(element, **extra):
    return {"type": "input", "label": plain("Label"), "element": element, **extra}


def modal(*blocks, **extra):
    return {"type": "modal", "title": plain("T"), "blocks": list(blocks), **extra}


CONFIRM = {"title": plain("Sure?"), "text": plain("All"), "confirm": plain("Y"), "deny": plain("N")}
CELL = {"type": "raw_text", "text": "x"}
SELECT = {"type": "static_select", "action_id": "s", "options": [option()]}


def test_everything_that_is_fine_is_taken():
    blocks = [
        {"type": "header", "text": plain("H")},
        section(fields=[mrkdwn("a"), plain("b")], accessory=button(confirm=CONFIRM)),
        {"type": "divider"},
        {"type": "context", "elements": [mrkdwn("c"), {"type": "image", "image_url": "u", "alt_text": "i"}]},
        actions(
            button(style="danger", value="1"),
            SELECT,
            {"type": "overflow", "action_id": "o", "options": [option()]},
            {"type": "datepicker", "action_id": "d", "initial_date": "2026-11-30"},
        ),
        {"type": "table", "rows": [[CELL, CELL], [CELL, CELL]], "column_settings": [{"align": "right"}]},
        {"type": "markdown", "text": "**x**"},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "text", "text": "x", "style": {"bold": True}}],
                        }
                    ],
                }
            ],
        },
    ]  # fmt: skip
    assert check_blocks(blocks, "message") == []


@pytest.mark.parametrize(
    ("blocks", "pointer"),
    [
        ([section("")], "/blocks/0/text/text"),
        ([{"type": "section"}], "/blocks/0"),
        ([section(fields=[mrkdwn("x")] * 11)], "/blocks/0/fields"),
        ([section(fields=[mrkdwn("x" * 2001)])], "/blocks/0/fields/0/text"),
        ([section(colour="red")], "/blocks/0"),
        ([section()] * 51, "/blocks"),
        ([{"type": "banner"}], "/blocks/0/type"),
        ([{}], "/blocks/0"),
        ([{"type": "header", "text": mrkdwn("x")}], "/blocks/0/text/type"),
        ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text"),
        ([actions()], "/blocks/0/elements"),
        ([actions(*[button(action_id=str(n)) for n in range(26)])], "/blocks/0/elements"),
        ([actions(button(), button())], "/blocks/0"),
        ([actions(button(text=plain("x" * 76)))], "/blocks/0/elements/0/text/text"),
        ([actions(button(value="x" * 2001))], "/blocks/0/elements/0/value"),
        ([actions(button(style="bold"))], "/blocks/0/elements/0/style"),
        ([actions(button(action_id="x" * 256))], "/blocks/0/elements/0/action_id"),
        ([actions(button(confirm={**CONFIRM, "title": plain("x" * 101)}))], "/blocks/0/elements/0/confirm/title/text"),
        ([actions(button(confirm={**CONFIRM, "text": plain("x" * 301)}))], "/blocks/0/elements/0/confirm/text/text"),
        ([actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)}))], "/blocks/0/elements/0/confirm/deny/text"),
        ([actions(button(confirm={"title": plain("T")}))], "/blocks/0/elements/0/confirm"),
        ([actions({"type": "external_select", "action_id": "e"})], "/blocks/0/elements/0/type"),
        ([actions({"type": "plain_text_input", "action_id": "e"})], "/blocks/0/elements/0/type"),
        ([actions({**SELECT, "options": []})], "/blocks/0/elements/0/options"),
        ([actions({**SELECT, "options": [option("x" * 151)]})], "/blocks/0/elements/0/options/0/value"),
        ([actions({**SELECT, "options": [option(), option()]})], "/blocks/0/elements/0/options"),
        ([actions({**SELECT, "initial_option": option("w")})], "/blocks/0/elements/0"),
        ([actions({**SELECT, "placeholder": plain("x" * 151)})], "/blocks/0/elements/0/placeholder/text"),
        ([actions({"type": "overflow", "action_id": "o", "options": [option(str(n)) for n in range(6)]})], "/blocks/0/elements/0/options"),
        ([actions({"type": "checkboxes", "action_id": "o", "options": [option(str(n)) for n in range(11)]})], "/blocks/0/elements/0/options"),
        ([actions({"type": "datepicker", "action_id": "o", "initial_date": "30.11.2026"})], "/blocks/0/elements/0/initial_date"),
        ([{"type": "context", "elements": [mrkdwn("x")] * 11}], "/blocks/0/elements"),
        ([{"type": "image", "image_url": "u"}], "/blocks/0"),
        ([{"type": "image", "alt_text": "u"}], "/blocks/0"),
        ([section(block_id="a"), section(block_id="a")], "/blocks/1/block_id"),
        ([section(block_id="x" * 256)], "/blocks/0/block_id"),
        ([field({"type": "plain_text_input", "action_id": "e"})], "/blocks/0/type"),
        ([{"type": "table", "rows": [[CELL]]}] * 2, "/blocks"),
        ([{"type": "table", "rows": [[CELL], [CELL, CELL]]}], "/blocks/0/rows"),
        ([{"type": "table", "rows": [[CELL] * 21]}], "/blocks/0/rows/0"),
        ([{"type": "table", "rows": [[CELL]] * 101}], "/blocks/0/rows"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x" * 10_001}]]}], "/blocks/0/rows"),
        ([{"type": "data_table", "rows": [[CELL]]}], "/blocks/0"),
        ([{"type": "markdown", "text": "x" * 7000}] * 2, "/blocks"),
        ([{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}], "/blocks/0/elements/0/type"),
        ("text", "/blocks"),
        (["text"], "/blocks/0"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_message_is_found_at_its_place(blocks, pointer):
    assert any(m.endswith(f"[json-pointer:{pointer}]") for m in check_blocks(blocks, "message"))


NUMBER = {"type": "number_input", "action_id": "n", "is_decimal_allowed": False}


@pytest.mark.parametrize(
    ("view", "pointer"),
    [
        (modal(section(), title=plain("x" * 25)), "/view/title/text"),
        (modal(section(), submit=plain("x" * 25)), "/view/submit/text"),
        (modal(section(), close=plain("x" * 25)), "/view/close/text"),
        (modal(section(), private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(section(), private_metadata={"a": 1}), "/view/private_metadata"),
        (modal(section(), callback_id="x" * 256), "/view/callback_id"),
        (modal(), "/view/blocks"),
        (modal(*[section()] * 101), "/view/blocks"),
        (modal(field(NUMBER)), "/view"),
        (modal({"type": "table", "rows": [[CELL]]}), "/view/blocks/0/type"),
        (modal(field(button()), submit=plain("S")), "/view/blocks/0/element/type"),
        (modal(field({"type": "number_input"}), submit=plain("S")), "/view/blocks/0/element"),
        (modal(field({**NUMBER, "min_value": "5", "max_value": "1"}), submit=plain("S")), "/view/blocks/0/element"),
        (modal(field(NUMBER, label=plain("x" * 2001)), submit=plain("S")), "/view/blocks/0/label/text"),
        (modal(field({**NUMBER, "focus_on_load": True}), field({**NUMBER, "focus_on_load": True}), submit=plain("S")), "/view/blocks"),
        ({"type": "modal", "blocks": [section()]}, "/view"),
        ({"type": "home", "blocks": [section()]}, "/view/type"),
        ("text", "/view"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_modal_is_found_at_its_place(view, pointer):
    assert any(m.endswith(f"[json-pointer:{pointer}]") for m in check_view(view, "modal"))


def test_a_modal_that_is_fine_is_taken():
    view = modal(field(NUMBER), *[section()] * 99, submit=plain("S"), close=plain("C"))
    assert check_view(view, "modal") == []


def test_missing_ids_are_made_up_and_given_ones_kept():
    block = actions({"type": "button", "text": plain("Go")}, button())
    (made,) = with_block_ids([block])
    assert made["block_id"]
    assert made["elements"][0]["action_id"]
    assert made["elements"][1]["action_id"] == "a"
    assert "block_id" not in block


WORDS = sorted(
    {*BLOCKS, *ELEMENTS, "plain_text", "mrkdwn", "raw_text", "text", "rich_text_section", "x"}
)
KEYS = ["type", "text", "elements", "element", "accessory", "options", "option_groups", "value",
        "initial_option", "initial_options", "rows", "fields", "block_id", "action_id",
        "min_length", "max_length", "confirm", "title", "label"]  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS) | st.text(max_size=3)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=15,
)
BLOCK = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5).flatmap(
    lambda rest: st.sampled_from(sorted(BLOCKS)).map(lambda kind: {**rest, "type": kind})
)


@settings(max_examples=60, deadline=None)
@given(st.lists(BLOCK | JSON, max_size=3))
def test_whatever_is_sent_gets_an_answer(blocks):
    for surface in ("message", "modal", "home"):
        problems = check_blocks(blocks, surface)
        assert all(p.startswith("[ERROR] ") for p in problems)
        if not problems:
            assert len(with_block_ids(blocks)) == len(blocks)
