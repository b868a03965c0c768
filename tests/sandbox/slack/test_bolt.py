"""A real Bolt app, in both modes."""

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.slack.errors import NotOnScreenError

BUTTONS = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Send?"}},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "R-1",
                "style": "primary",
            }
        ],
    },
]


def form(title="Mail", **extra):
    return {
        "type": "modal",
        "callback_id": "ask",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Ask"},
        "blocks": [
            {
                "type": "input",
                "block_id": "run",
                "label": {"type": "plain_text", "text": "Bill run"},
                "element": {"type": "plain_text_input", "action_id": "v"},
            },
            {
                "type": "input",
                "block_id": "kind",
                "label": {"type": "plain_text", "text": "Kind"},
                "optional": True,
                "element": {
                    "type": "static_select",
                    "action_id": "v",
                    "options": [
                        {"text": {"type": "plain_text", "text": "All"}, "value": "all"},
                        {"text": {"type": "plain_text", "text": "New"}, "value": "new"},
                    ],
                },
            },
        ],
        **extra,
    }


async def test_a_slash_answer_is_seen_by_its_asker_alone(slack, connected):
    @connected.command("/billemail")
    async def _(ack, body):
        await ack(f"got {body['text']} from {body['user_name']} in {body['channel_name']}")

    ack = await slack.slash("U0ALICE", "C0BILLING", "/billemail BR-1")
    assert ack.ok
    assert ack.text == "got BR-1 from alice in billing"
    assert [m.text for m in slack.private("U0ALICE", "C0BILLING")] == [ack.text]
    assert slack.private("U0BOB") == []
    assert slack.channel_messages("C0BILLING") == []


async def test_a_slash_answer_can_be_for_the_channel(slack, connected):
    @connected.command("/billemail")
    async def _(ack):
        await ack(response_type="in_channel", text="for all")

    await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    assert [m.text for m in slack.channel_messages("C0BILLING")] == ["for all"]


async def test_a_click_carries_message_state_and_a_response_url(slack, connected, client):
    seen = {}

    @connected.action("approve")
    async def _(ack, body, respond):
        await ack()
        seen.update(body)
        await respond("not you")

    posted = await client.chat_postMessage(channel="C0BILLING", text="Send?", blocks=BUTTONS)
    ack = await slack.click("U0BOB", "C0BILLING", posted["ts"], "approve")
    assert ack.ok
    await slack.until(lambda: bool(slack.private("U0BOB")))
    assert slack.private("U0BOB")[0].text == "not you"
    assert seen["user"]["id"] == "U0BOB"
    assert seen["container"]["message_ts"] == posted["ts"]
    assert seen["message"]["blocks"][1]["block_id"] == "decide"
    assert seen["actions"][0]["value"] == "R-1"


async def test_a_button_that_is_gone_can_only_be_forged(slack, connected, client):
    values = []

    @connected.action("approve")
    async def _(ack, body):
        await ack()
        values.append(body["actions"][0]["value"])

    posted = await client.chat_postMessage(channel="C0BILLING", text="Send?", blocks=BUTTONS)
    await client.chat_update(channel="C0BILLING", ts=posted["ts"], text="Done", blocks=[])
    with pytest.raises(NotOnScreenError):
        await slack.click("U0BOB", "C0BILLING", posted["ts"], "approve")
    await slack.click("U0BOB", "C0BILLING", posted["ts"], "approve", force=True, value="R-9")
    assert values == ["R-9"]


async def test_a_modal_is_opened_filled_in_and_submitted(slack, connected):
    states = []

    @connected.command("/billemail")
    async def _(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form(private_metadata="x"))

    @connected.view("ask")
    async def _(ack, view):
        states.append(view["state"]["values"])
        await ack()

    await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    await slack.until(lambda: slack.view("U0ALICE") is not None)
    missing = await slack.submit("U0ALICE", {"kind": "new"})
    assert missing.errors == {"run": "Please complete this required field."}
    assert states == []
    done = await slack.submit("U0ALICE", {"Bill run": "BR-1"})
    assert done.ok
    assert done.view is None
    assert states[0]["run"]["v"] == {"type": "plain_text_input", "value": "BR-1"}
    assert states[0]["kind"]["v"]["selected_option"]["value"] == "new"


async def _opened(slack, app, answer):
    @app.command("/billemail")
    async def _(ack, body, client):
        await client.views_open(trigger_id=body["trigger_id"], view=form())
        await ack()

    @app.view("ask")
    async def _(ack):
        await ack(**answer)

    assert (await slack.slash("U0ALICE", "C0BILLING", "/billemail")).ok
    return await slack.submit("U0ALICE", {"run": "BR-1"})


async def test_the_app_can_answer_with_errors_at_inputs(slack, connected):
    done = await _opened(
        slack, connected, {"response_action": "errors", "errors": {"run": "no such run"}}
    )
    assert not done.ok
    assert done.errors == {"run": "no such run"}
    assert done.view["title"]["text"] == "Mail"


async def test_errors_at_something_that_is_no_input_are_trouble(slack, connected):
    done = await _opened(slack, connected, {"response_action": "errors", "errors": {"v": "x"}})
    assert done.error == "invalid_error_keys"
    assert done.errors == {}


@pytest.mark.parametrize(("action", "titles"), [("update", ["B"]), ("push", ["Mail", "B"])])
async def test_the_app_can_answer_with_another_view(slack, connected, action, titles):
    done = await _opened(slack, connected, {"response_action": action, "view": form("B")})
    assert done.ok
    stack = slack.workspace.views["U0ALICE"]
    assert [v.content["title"]["text"] for v in stack] == titles


async def test_clear_closes_everything(slack, connected):
    done = await _opened(slack, connected, {"response_action": "clear"})
    assert done.view is None


async def test_a_bad_view_in_the_answer_is_trouble(slack, connected):
    done = await _opened(slack, connected, {"response_action": "update", "view": form("B" * 25)})
    assert done.error == "invalid_arguments"


async def test_closing_informs_the_app_that_wants_to_know(slack, connected, client):
    closed = []

    @connected.shortcut("new_request")
    async def _(ack, shortcut):
        await client.views_open(trigger_id=shortcut["trigger_id"], view=form(notify_on_close=True))
        await ack()

    @connected.view_closed("ask")
    async def _(ack, body):
        closed.append(body["view"]["callback_id"])
        await ack()

    assert (await slack.shortcut("U0ALICE", "new_request")).ok
    await slack.close("U0ALICE")
    assert closed == ["ask"]
    assert slack.view("U0ALICE") is None


async def test_a_message_shortcut_carries_the_message(slack, connected, client):
    seen = []

    @connected.shortcut("look")
    async def _(ack, shortcut):
        seen.append(shortcut["message"]["text"])
        await ack()

    posted = await client.chat_postMessage(channel="C0BILLING", text="look at me")
    await slack.message_shortcut("U0MARA", "look", "C0BILLING", posted["ts"])
    assert seen == ["look at me"]


async def test_home_is_published_when_it_is_opened(slack, connected):
    @connected.event("app_home_opened")
    async def _(event, client):
        blocks = [
            {"type": "header", "text": {"type": "plain_text", "text": f"Hello {event['user']}"}},
            BUTTONS[1],
        ]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    clicks = []

    @connected.action("approve")
    async def _(ack, body):
        await ack()
        clicks.append(body["view"]["type"])

    assert (await slack.open_home("U0BOB")).ok
    await slack.until(lambda: slack.home("U0BOB") is not None)
    assert slack.home("U0BOB")["blocks"][0]["text"]["text"] == "Hello U0BOB"
    assert (await slack.choose("U0BOB", "approve")).ok
    assert clicks == ["home"]


async def test_an_app_that_does_not_acknowledge_shows_as_a_timeout(slack, connected):
    slack.ack_seconds = 0.2

    @connected.command("/billemail")
    async def _(body):
        pass

    ack = await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    assert ack.text == "/billemail failed with the error operation_timeout"
    assert slack.workspace.notices["U0ALICE"] == ack.text


async def test_a_payload_can_be_delivered_again(slack, connected):
    seen = []

    @connected.command("/billemail")
    async def _(ack, body):
        seen.append(body["trigger_id"])
        await ack()

    await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    await slack.deliver(slack.last_payload, slack.last_kind)
    assert len(seen) == 2
    assert len(set(seen)) == 1


async def test_a_trigger_opens_one_view_within_three_seconds(slack, connected, client, clock):
    triggers = []

    @connected.command("/billemail")
    async def _(ack, body):
        triggers.append(body["trigger_id"])
        await ack()

    await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    await client.views_open(trigger_id=triggers[0], view=form())
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id=triggers[0], view=form())
    clock.turn(3.1)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=triggers[1], view=form())
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await client.views_open(trigger_id="1.2.3", view=form())


async def test_a_mention_reaches_the_app(slack, connected):
    seen = []

    @connected.event("app_mention")
    async def _(event):
        seen.append(event["text"])

    await slack.say("U0ALICE", "C0BILLING", "<@U0BOT> hello")
    await slack.until(lambda: seen == ["<@U0BOT> hello"])


async def test_an_unknown_command_never_reaches_the_app(slack, connected):
    ack = await slack.slash("U0ALICE", "C0BILLING", "/other")
    assert ack.text == "/other is not a valid command"
    assert slack.last_payload is None
