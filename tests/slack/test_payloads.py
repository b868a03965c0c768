"""Clicks that Slack's client cannot make: answered, written down, and without any effect."""

from typing import Any

import pytest

from bot.domain.history import What
from bot.domain.named import Named, named
from bot.slack.form_payloads import submission
from bot.slack.payloads import click, command, person_of, pointed
from tests.stage import BOB, CHANNEL


async def a_click(stage):
    """A genuine click's payload, of which the effect is none: MARA may not approve."""
    ts = await stage.ask()
    await stage.press("U0MARA", ts)
    await stage.until_private("U0MARA", "You may not decide")
    payload = dict(stage.slack.last_payload)
    payload["user"] = {**payload["user"], "id": BOB, "name": "bob", "username": "bob"}
    return ts, payload, dict(payload["actions"][0])


def refusals(stage):
    return [
        (written.entry.who, written.entry.request, written.entry.data["refusal"])
        for written in stage.store.history.all()
        if written.entry.what is What.REFUSED
    ]


FORGED = {
    "two actions": lambda action: [action, action],
    "an approval and a withdrawal": lambda action: [action, {**action, "action_id": "withdraw"}],
    "an empty value": lambda action: [{**action, "value": ""}],
    "no value": lambda action: [{key: value for key, value in action.items() if key != "value"}],
    "a value that is a number": lambda action: [{**action, "value": 1}],
    "a value that is a list": lambda action: [{**action, "value": ["1"]}],
    "a huge number": lambda action: [{**action, "value": "9" * 5000}],
    "a number too big for the database": lambda action: [{**action, "value": "9" * 20}],
    "a negative number": lambda action: [{**action, "value": "-1"}],
    "a number with spaces": lambda action: [{**action, "value": " 1 "}],
    "a number in another script": lambda action: [{**action, "value": "١"}],  # noqa: RUF001
    "a name": lambda action: [{**action, "value": "R-1"}],
    "a statement": lambda action: [{**action, "value": "1 OR 1=1"}],
    "an unknown request": lambda action: [{**action, "value": "999"}],
    "the request zero": lambda action: [{**action, "value": "0"}],
}


async def test_a_malformed_click_is_answered_and_written_down_and_does_nothing(stage):
    _, payload, action = await a_click(stage)
    before = len(refusals(stage))

    for name, forge in FORGED.items():
        ack = await stage.slack.deliver({**payload, "actions": forge(action)}, "interactive")
        assert ack.ok, name

    await stage.slack.until(lambda: len(stage.private(BOB)) == len(FORGED))
    assert set(stage.private(BOB)) == {"Nothing was changed: the bot does not know this request."}
    assert refusals(stage)[before:] == [(BOB, None, "no_such_request")] * len(FORGED)
    assert stage.request().state == "waiting"
    assert stage.orders() == []


async def test_what_a_forged_block_or_text_says_counts_for_nothing(stage):
    """Only the request's number is believed, and BOB may decide it: so it is a plain approval."""
    ts, payload, action = await a_click(stage)
    forged = {
        **action,
        "block_id": "decide-999",
        "text": {"type": "plain_text", "text": "Approve R-999"},
    }

    await stage.slack.deliver({**payload, "actions": [forged]}, "interactive")

    await stage.until_card(ts, "Accepted by Zuora")
    assert stage.request().decided_by == BOB


async def test_a_click_on_an_unknown_button_is_no_fault_of_the_program(stage, caplog):
    _, payload, action = await a_click(stage)
    forged = {**action, "action_id": "post_everything"}

    stage.slack.ack_seconds = 0.3
    await stage.slack.deliver({**payload, "actions": [forged]}, "interactive")
    await stage.quiet()

    assert "listener_failed" not in caplog.text
    assert stage.request().state == "waiting"


async def test_a_click_of_nobody_known_does_nothing(stage):
    _, payload, action = await a_click(stage)

    for user in ({}, {"id": ""}, {"id": None}, {"id": 7}, {"id": "U0NOBODY"}):
        before = len(refusals(stage))
        await stage.slack.deliver({**payload, "user": user, "actions": [action]}, "interactive")
        assert [refused[2] for refused in refusals(stage)[before:]] == ["barred_account"], user
    assert stage.request().state == "waiting"


async def test_a_button_of_another_state_does_nothing(stage):
    _, payload, action = await a_click(stage)
    forged = {**action, "action_id": "record_sent", "block_id": "settle-1"}

    await stage.slack.deliver({**payload, "actions": [forged]}, "interactive")

    await stage.until_private(BOB, "R-1 already has a result")
    assert refusals(stage)[-1] == (BOB, 1, "not_unknown")
    assert stage.request().state == "waiting"


@pytest.mark.parametrize("metadata", ["", "999", "R-1", "9" * 30, "[]", "1;2"])
async def test_a_rejection_that_names_no_request_says_so_and_does_nothing(stage, metadata):
    ts = await stage.ask()
    await stage.press(BOB, ts, "reject")
    payload_view = stage.slack._core.workspace.views[BOB][-1]
    payload_view.content["private_metadata"] = metadata

    submitted = await stage.slack.submit(BOB, {"reason": "no"})

    assert submitted.view["title"]["text"] == "Nothing was changed"
    assert stage.request().state == "waiting"
    assert refusals(stage)[-1] == (BOB, None, "no_such_request")


async def test_a_form_with_forged_metadata_is_still_only_a_form(stage):
    await stage.slack.slash("U0ALICE", CHANNEL, "/billemail BR-00000001")
    view = stage.slack._core.workspace.views["U0ALICE"][-1]
    view.content["private_metadata"] = '{"channel": ["C0GENERAL"]}'

    submitted = await stage.slack.submit("U0ALICE", {"reason": "Month end"})

    assert submitted.ok
    await stage.slack.until(lambda: bool(stage.slack.channel_messages(CHANNEL)))
    assert stage.request().channel == CHANNEL


# Reading, without Slack


@pytest.mark.parametrize(
    ("text", "number", "token"),
    [
        ("R-1.k3f9-9ac2", 1, "k3f9-9ac2"), ("R-999999999999.a", 999999999999, "a"),
        ("1", 1, ""), ("007", 7, ""), ("999999999999", 999999999999, ""),
    ],
)  # fmt: skip
def test_a_request_is_named_by_up_to_twelve_ascii_digits_and_its_random_part(text, number, token):
    assert named(text) == Named(number=number, token=token)


@pytest.mark.parametrize(
    "text",
    [
        "1" * 13, "", "-1", "+1", "1.0", "1_000", "²", " 1", "R-1", "R-1.", "R-1.k3 f9", "R-1.é",
        "r-1.k3f9", "1.k3f9", "R-1.k3f9\n", "R-1.k3f9.x", "R-²." + "a", "R-1." + "a" * 101,
    ],
)  # fmt: skip
def test_anything_else_names_no_request(text):
    assert named(text) is None


NOTHING = [{}, {"user": None}, {"user": "U1"}, {"actions": None}, {"view": []}, {"container": 3}]


@pytest.mark.parametrize("body", NOTHING, ids=repr)
def test_a_payload_with_nothing_in_it_names_nobody_and_nothing(body):
    assert click(body).named is None
    assert click(body).actor.user_id == ""
    assert submission(body).values == {}
    assert command(body).text == ""


@pytest.mark.parametrize(
    "actions", ["approve", {"0": {}}, [None], ["approve"], [[]], [7], 7], ids=repr
)
def test_actions_of_a_wrong_type_name_no_request(actions):
    assert click({"actions": actions}).named is None


@pytest.mark.parametrize(
    "values",
    [
        {"reason": None},
        {"reason": []},
        {"reason": {"value": None}},
        {"reason": {"value": "text"}},
        {"resend": {"value": {"type": "checkboxes", "selected_options": [None]}}},
        {"resend": {"value": {"type": "static_select", "selected_option": "yes"}}},
    ],
    ids=repr,
)
def test_form_values_of_a_wrong_type_are_read_as_nothing(values):
    form = submission({"view": {"state": {"values": values}}}).values

    assert not any(form.values())


def test_the_first_view_of_a_stack_names_the_form():
    view = {"id": "V2", "root_view_id": "V1"}

    assert submission({"view": view}).view_id == "V1"
    assert submission({"view": {"id": "V2"}}).view_id == "V2"


@pytest.mark.parametrize(
    "message",
    [
        {"text": "is INV00000012 out?"},
        {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*INV00000012*"}}]},
        {"text": "", "blocks": [{"type": "rich_text", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "INV00000012"}]}]}]},
        {"attachments": [{"title": "Mailed", "fields": [{"title": "Invoice", "value": "INV00000012"}]}]},
    ],
)  # fmt: skip
def test_a_message_is_searched_for_numbers_wherever_its_words_stand(message):
    assert "INV00000012" in pointed({"message": message}).text


def test_a_message_is_read_from_its_begin_and_as_deep_as_it_is():
    deep: dict[str, Any] = {"text": "last"}
    for _ in range(5000):
        deep = {"elements": [deep]}

    said = pointed({"message": {"text": "first", "blocks": [{"text": "second"}, deep]}}).text

    assert said == "first second last"


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "U0MARA", "command": "/billstatus"},
        {"user": {"id": "U0MARA"}, "type": "block_actions"},
        {"event": {"type": "app_home_opened", "user": "U0MARA"}},
    ],
)
def test_every_payload_says_whose_it_is(body):
    assert person_of(body) == "U0MARA"


@pytest.mark.parametrize("body", [{}, [], None, "text", {"user": "U0MARA"}, {"event": []}])
def test_a_payload_that_says_nobody_is_nobodys(body):
    assert person_of(body) == ""
