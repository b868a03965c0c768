"""Slack takes so many characters in a field; whatever is longer is never left out without a word.

Issue *Three seconds*: "nothing that was typed or pasted is cut without a word".
"""

import pytest

from bot.slack.forms import fields
from bot.slack.forms.ask_form import Origin
from bot.slack.forms.catalog import FORMS
from bot.slack.forms.document_fields import LISTS
from bot.slack.forms.email_values import DOCUMENTS, WHAT

LONG = 5_000


def inputs(blocks):
    return {
        block["block_id"]: block
        for block in blocks
        if (block.get("element") or {}).get("type") == "plain_text_input"
    }


@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.callback_id)
def test_every_text_field_of_every_form_says_what_it_leaves_out(form):
    names = {*inputs(form.all_blocks({WHAT: DOCUMENTS, "recipients": "addresses"}))} - {*LISTS}
    chosen = {WHAT: DOCUMENTS, "recipients": "addresses", **dict.fromkeys(names, "x" * LONG)}
    shown = inputs(form.view(chosen, Origin())["blocks"])

    for name in names:
        element, limit = shown[name]["element"], shown[name]["element"]["max_length"]
        assert element["initial_value"] == "x" * limit
        words = f"Only the first {limit:,} of the 5,000 characters typed fit here"
        assert shown[name]["hint"]["text"].startswith(words)


def test_what_fits_has_no_such_words_and_is_as_it_was_typed():
    block = fields.text("name", "Name", {"name": "x" * 150}, hint="Anything.")

    assert block["element"]["initial_value"] == "x" * 150
    assert block["hint"]["text"] == "Anything."


def test_a_list_beyond_all_fields_is_carried_along_whole():
    text = " ".join(f"INV:{'N' * 60}{n:04d}" for n in range(500))
    form = FORMS["ask:email"]
    values = {WHAT: DOCUMENTS, "documents": text}
    blocks = form.all_blocks(values)

    assert "500 documents in a list that is too long to show." in str(blocks)
    assert form.kept(values, blocks) == {"documents": text}
