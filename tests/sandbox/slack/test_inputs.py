"""What people type and choose, as Slack's client reports it and checks it."""

import pytest

from bot.sandbox.slack.errors import NotOnScreenError
from bot.sandbox.slack.inputs import client_problem, initial_values, state_value

OPTIONS = [
    {"text": {"type": "plain_text", "text": "All"}, "value": "all"},
    {"text": {"type": "plain_text", "text": "New"}, "value": "new"},
]


@pytest.mark.parametrize(
    ("element", "value", "state"),
    [
        ({"type": "plain_text_input"}, "x", {"value": "x"}),
        ({"type": "plain_text_input"}, "", {"value": None}),
        ({"type": "number_input"}, 5, {"value": "5"}),
        ({"type": "email_text_input"}, "a@b.de", {"value": "a@b.de"}),
        ({"type": "datepicker"}, "2026-11-30", {"selected_date": "2026-11-30"}),
        ({"type": "timepicker"}, "09:30", {"selected_time": "09:30"}),
        ({"type": "users_select"}, "U0BOB", {"selected_user": "U0BOB"}),
        ({"type": "static_select", "options": OPTIONS}, "new", {"selected_option": OPTIONS[1]}),
        ({"type": "radio_buttons", "options": OPTIONS}, "New", {"selected_option": OPTIONS[1]}),
        ({"type": "checkboxes", "options": OPTIONS}, ["all"], {"selected_options": OPTIONS[:1]}),
        ({"type": "multi_static_select", "options": OPTIONS}, None, {"selected_options": []}),
        (
            {"type": "static_select", "option_groups": [{"options": OPTIONS}]},
            {"type": "static_select", "selected_option": OPTIONS[0]},
            {"selected_option": OPTIONS[0]},
        ),
        ({"type": "plain_text_input"}, {"type": "plain_text_input"}, {"value": None}),
    ],
)
def test_a_value_becomes_a_state_as_slack_sends_it(element, value, state):
    assert state_value(element, value) == {"type": element["type"], **state}


def test_an_option_that_is_not_offered_cannot_be_chosen():
    with pytest.raises(NotOnScreenError):
        state_value({"type": "static_select", "options": OPTIONS, "action_id": "s"}, "old")


@pytest.mark.parametrize(
    ("element", "typed", "words"),
    [
        ({"type": "plain_text_input", "max_length": 3}, "four", "3 characters or fewer"),
        ({"type": "plain_text_input", "min_length": 5}, "four", "at least 5"),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "valid number"),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "1"}, "1.5", "or equal to 1"),
        ({"type": "number_input", "is_decimal_allowed": False, "min_value": "2"}, "1", "or equal to 2"),
        ({"type": "email_text_input"}, "nobody", "valid email"),
        ({"type": "checkboxes", "options": OPTIONS}, [], "required"),
    ],
)  # fmt: skip
def test_the_client_refuses_what_does_not_fit(element, typed, words):
    element = {**element, "action_id": "a"}
    block = {"type": "input", "block_id": "b", "element": element}
    values = {"b": {"a": state_value(element, typed)}}
    assert words in (client_problem(block, values) or "")


def test_what_was_typed_stays_where_the_ids_stay():
    block = {
        "type": "input",
        "block_id": "b",
        "element": {"type": "plain_text_input", "action_id": "a", "initial_value": "first"},
    }
    fresh = initial_values([block], {})
    assert fresh["b"]["a"]["value"] == "first"
    kept = {"b": {"a": {"type": "plain_text_input", "value": "typed"}}}
    assert initial_values([block], kept)["b"]["a"]["value"] == "typed"
    assert initial_values([{**block, "block_id": "c"}], kept)["c"]["a"]["value"] == "first"
