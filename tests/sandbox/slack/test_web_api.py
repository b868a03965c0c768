"""The Web API as slack_sdk's own client meets it, each refusal included."""

import json

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.methods import METHODS
from tests.sandbox.slack.conftest import MANIFEST

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
META = {"event_type": "card", "event_payload": {"request": "R-1"}}


async def refused(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def test_auth_test_names_the_bot(client):
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == (
        "U0BOT",
        "B0BOT",
        "T0SANDBOX",
    )
    assert "chat:write" in answer.headers["X-OAuth-Scopes"]


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("xoxb-wrong", "invalid_auth"),
        (None, "not_authed"),
        ("xapp-sandbox", "not_allowed_token_type"),
    ],
)
async def test_a_wrong_token_is_refused(slack, token, error):
    other = AsyncWebClient(token=token, base_url=slack.api_url)
    assert (await refused(other.users_list()))["error"] == error


async def test_a_bot_token_opens_no_socket(client, slack):
    answer = await refused(client.api_call("apps.connections.open"))
    assert answer["error"] == "not_allowed_token_type"


async def test_an_unknown_method_is_refused(client):
    assert (await refused(client.api_call("chat.shout")))["error"] == "unknown_method"


async def test_a_scope_that_the_manifest_lacks_is_named(clock):
    lean = {**MANIFEST, "oauth_config": {"scopes": {"bot": ["commands"]}}}
    server = LocalSlack(clock, manifest=lean)
    await server.start()
    try:
        client = AsyncWebClient(token="xoxb-sandbox", base_url=server.api_url)
        answer = await refused(client.chat_postMessage(channel="C0BILLING", text="x"))
        assert (answer["error"], answer["needed"], answer["provided"]) == (
            "missing_scope",
            "chat:write",
            "commands",
        )
        answer = await refused(client.conversations_history(channel="C0BILLING"))
        assert answer["needed"] == "channels:history"
    finally:
        await server.stop()


async def test_json_that_is_none_is_refused(slack):
    headers = {"Authorization": "Bearer xoxb-sandbox", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body, error in (("{", "invalid_json"), ("[]", "json_not_object")):
            async with session.post(slack.api_url + "chat.postMessage", data=body) as answer:
                assert (await answer.json())["error"] == error


async def test_a_token_may_stand_in_the_form(slack):
    form = {"token": "xoxb-sandbox", "channel": "C0BILLING", "text": "by form"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(slack.api_url + "chat.postMessage", data=form) as answer,
    ):
        assert (await answer.json())["ok"]
    assert slack.channel_messages("C0BILLING")[0].text == "by form"
    assert "token" not in slack.calls[-1].args


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel": "C9", "text": "x"}, "channel_not_found"),
        ({"channel": "C0GENERAL", "text": "x"}, "not_in_channel"),
        ({"channel": "C0BILLING"}, "no_text"),
        ({"channel": "C0BILLING", "text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        ({"channel": "C0BILLING", "text": "x", "metadata": "{"}, "invalid_metadata_format"),
        ({"channel": "C0BILLING", "text": "x", "blocks": "{}"}, "invalid_blocks_format"),
        ({"channel": "U0BOT", "text": "x"}, "cannot_dm_bot"),
        ({"text": "x"}, "invalid_arguments"),
    ],
)
async def test_a_message_that_cannot_be_posted_is_refused(client, slack, args, error):
    answer = await refused(client.api_call("chat.postMessage", json=args))
    assert answer["error"] == error
    assert slack.calls[-1].error == error
    assert not list(slack.workspace.messages())


async def test_an_archived_channel_takes_nothing(client, slack):
    slack.workspace.channels["C0BILLING"].is_archived = True
    answer = await refused(client.chat_postMessage(channel="C0BILLING", text="x"))
    assert answer["error"] == "is_archived"


async def test_wrong_blocks_are_refused_with_their_place(client):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    answer = await refused(client.chat_postMessage(channel="C0BILLING", text="x", blocks=blocks))
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/text]",
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ]


async def test_too_many_characters_in_blocks_are_refused(client):
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}
    answer = await refused(
        client.chat_postMessage(channel="C0BILLING", text="x", blocks=[long] * 5)
    )
    assert answer["error"] == "msg_blocks_too_long"


async def test_a_message_to_a_person_goes_into_the_direct_message(client, slack):
    answer = await client.chat_postMessage(channel="U0ALICE", text="only you")
    opened = await client.conversations_open(users="U0ALICE")
    assert answer["channel"] == opened["channel"]["id"]
    assert slack.channel_messages(answer["channel"])[0].text == "only you"


async def test_an_update_keeps_blocks_that_are_not_sent(client, slack):
    posted = await client.chat_postMessage(channel="C0BILLING", text="a", blocks=[SECTION])
    assert posted["message"]["blocks"][0]["block_id"]
    await client.chat_update(channel="C0BILLING", ts=posted["ts"], text="b")
    message = slack.channel_messages("C0BILLING")[0]
    assert (message.text, len(message.blocks)) == ("b", 1)
    await client.chat_update(channel="C0BILLING", ts=posted["ts"], text="c", blocks=[])
    assert message.blocks == []


async def test_updates_and_deletions_are_refused_where_slack_refuses_them(client, slack):
    talk = await slack.say("U0ALICE", "C0BILLING", "mine")
    posted = await client.chat_postMessage(channel="C0BILLING", text="a")
    where = {"channel": "C0BILLING"}
    cases = [
        (client.chat_update(**where, ts=talk.ts, text="x"), "cant_update_message"),
        (client.chat_update(**where, ts="1.1", text="x"), "message_not_found"),
        (client.chat_update(channel="C9", ts="1.1", text="x"), "channel_not_found"),
        (client.chat_update(**where, ts=posted["ts"], text="x" * 4001), "msg_too_long"),
        (client.api_call("chat.update", json={**where, "ts": posted["ts"]}), "no_text"),
        (client.chat_delete(**where, ts=talk.ts), "cant_delete_message"),
        (client.chat_delete(**where, ts="1.1"), "message_not_found"),
    ]
    for call, error in cases:
        assert (await refused(call))["error"] == error
    await client.chat_delete(**where, ts=posted["ts"])
    assert [m.text for m in slack.channel_messages("C0BILLING")] == ["mine"]


async def test_metadata_comes_back_only_when_asked_for(client):
    posted = await client.chat_postMessage(channel="C0BILLING", text="a", metadata=META)
    await client.chat_postMessage(channel="C0BILLING", text="b", thread_ts=posted["ts"])
    without = await client.conversations_replies(channel="C0BILLING", ts=posted["ts"])
    assert [m["text"] for m in without["messages"]] == ["a", "b"]
    assert without["messages"][0]["reply_count"] == 1
    assert all("metadata" not in m for m in without["messages"])
    found = await client.conversations_history(channel="C0BILLING", include_all_metadata=True)
    assert found["messages"][0]["metadata"] == META


async def test_history_is_paged_newest_first(client):
    sent = [
        (await client.chat_postMessage(channel="C0BILLING", text=str(n)))["ts"] for n in range(5)
    ]
    first = await client.conversations_history(channel="C0BILLING", limit=2)
    assert [m["text"] for m in first["messages"]] == ["4", "3"]
    cursor = first["response_metadata"]["next_cursor"]
    rest = await client.conversations_history(channel="C0BILLING", limit=9, cursor=cursor)
    assert [m["text"] for m in rest["messages"]] == ["2", "1", "0"]
    part = await client.conversations_history(channel="C0BILLING", oldest=sent[1], latest=sent[3])
    assert [m["text"] for m in part["messages"]] == ["2"]
    answer = await refused(client.conversations_history(channel="C0BILLING", oldest="noon"))
    assert answer["error"] == "invalid_ts_oldest"
    answer = await refused(client.conversations_replies(channel="C0BILLING", ts="1.1"))
    assert answer["error"] == "thread_not_found"


async def test_an_ephemeral_needs_its_reader_in_the_channel(client, slack):
    slack.workspace.channels["C0BILLING"].members.remove("U0MARA")
    where = {"channel": "C0BILLING", "text": "psst"}
    answer = await refused(client.chat_postEphemeral(user="U0MARA", **where))
    assert answer["error"] == "user_not_in_channel"
    await client.chat_postEphemeral(user="U0BOB", **where)
    assert [m.text for m in slack.private("U0BOB")] == ["psst"]
    assert slack.channel_messages("C0BILLING") == []


async def test_a_permalink_points_into_the_thread(client):
    posted = await client.chat_postMessage(channel="C0BILLING", text="a")
    reply = await client.chat_postMessage(channel="C0BILLING", text="b", thread_ts=posted["ts"])
    link = await client.chat_getPermalink(channel="C0BILLING", message_ts=reply["ts"])
    assert link["permalink"].endswith(f"?thread_ts={posted['ts']}&cid=C0BILLING")


async def test_a_mail_address_is_given_only_for_its_own_scope(client, monkeypatch):
    async def profiles():
        one = (await client.users_info(user="U0BOB"))["user"]["profile"]
        return one, *(each["profile"] for each in (await client.users_list())["members"])

    assert not any("email" in each for each in await profiles())

    scopes = MANIFEST["oauth_config"]["scopes"]
    monkeypatch.setitem(scopes, "bot", [*scopes["bot"], "users:read.email"])

    one, *everybody = await profiles()
    assert "@" in one["email"]
    assert one in everybody
    assert any("email" not in each for each in everybody)  # a bot has none


async def test_people_and_groups_are_as_the_workspace_says(client, slack):
    assert (await client.users_info(user="U0BOB"))["user"]["profile"]["title"] == "Controller"
    slack.workspace.users["U0BOB"].deleted = True
    assert (await client.users_info(user="U0BOB"))["user"]["deleted"] is True
    assert (await refused(client.users_info(user="U9")))["error"] == "user_not_found"
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert {g["handle"]: g["users"] for g in groups}["controllers"] == ["U0BOB", "U0CARLA"]
    assert (await client.usergroups_users_list(usergroup="S0BILLING"))["users"] == ["U0ALICE"]
    answer = await refused(client.usergroups_users_list(usergroup="S9"))
    assert answer["error"] == "no_such_subteam"
    assert len((await client.users_list(limit=2))["members"]) == 2
    info = (await client.conversations_info(channel="C0BILLING"))["channel"]
    assert info["is_member"] is True
    assert "U0BOT" in (await client.conversations_members(channel="C0BILLING"))["members"]


async def test_a_reaction_is_set_once(client, slack):
    posted = await client.chat_postMessage(channel="C0BILLING", text="a")
    where = {"channel": "C0BILLING", "timestamp": posted["ts"], "name": "eyes"}
    await client.reactions_add(**where)
    assert (await refused(client.reactions_add(**where)))["error"] == "already_reacted"
    assert slack.channel_messages("C0BILLING")[0].reactions == {"eyes": ["U0BOT"]}


async def test_a_file_is_announced_uploaded_and_shared_in_the_thread(client, slack):
    posted = await client.chat_postMessage(channel="C0BILLING", text="a")
    answer = await client.files_upload_v2(
        content="number,total\n1,2\n",
        filename="run.csv",
        title="Invoices",
        channel="C0BILLING",
        thread_ts=posted["ts"],
    )
    (message,) = slack.thread("C0BILLING", posted["ts"])
    assert message.files == [answer["file"]["id"]]
    info = (await client.files_info(file=answer["file"]["id"]))["file"]
    assert (info["title"], info["size"]) == ("Invoices", 17)
    async with aiohttp.ClientSession() as session, session.get(info["url_private"]) as raw:
        assert await raw.read() == b"number,total\n1,2\n"


async def test_a_file_that_was_not_uploaded_cannot_be_shared(client):
    announced = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    files = [{"id": announced["file_id"]}]
    answer = await refused(client.files_completeUploadExternal(files=files))
    assert answer["error"] == "file_not_found"


async def test_views_are_refused_where_slack_refuses_them(client, slack):
    home = {"type": "home", "blocks": [SECTION]}
    published = await client.views_publish(user_id="U0BOB", view=home)
    old = published["view"]["hash"]
    await client.views_publish(user_id="U0BOB", view=home, hash=old)
    cases = [
        (client.views_publish(user_id="U0BOB", view=home, hash=old), "hash_conflict"),
        (client.views_publish(user_id="U9", view=home), "user_not_found"),
        (client.views_update(view_id="V9", view=home), "not_found"),
        (client.views_open(trigger_id="x", view=home), "invalid_arguments"),
        (client.views_publish(user_id="U0BOB", view={"type": "home"}), "invalid_arguments"),
        (
            client.views_publish(user_id="U0BOB", view={**home, "x": "y" * 250_001}),
            "view_too_large",
        ),
    ]
    for call, error in cases:
        assert (await refused(call))["error"] == error


async def test_a_home_that_is_switched_off_cannot_be_published(client, slack):
    slack._core.manifest = {**MANIFEST, "features": {}}
    view = {"type": "home", "blocks": [SECTION]}
    answer = await refused(client.views_publish(user_id="U0BOB", view=view))
    assert answer["error"] == "not_enabled"


async def test_a_fourth_modal_is_refused_and_an_external_id_is_unique(client, slack):
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [SECTION]}
    issue = slack._core.triggers.issue
    first = await client.views_open(trigger_id=issue("U0BOB"), view={**view, "external_id": "one"})
    answer = await refused(
        client.views_push(
            trigger_id=issue("U0BOB", in_modal=True), view={**view, "external_id": "one"}
        )
    )
    assert answer["error"] == "duplicate_external_id"
    for _ in range(2):
        pushed = await client.views_push(trigger_id=issue("U0BOB", in_modal=True), view=view)
        assert pushed["view"]["root_view_id"] == first["view"]["id"]
    trigger = issue("U0BOB", in_modal=True)
    answer = await refused(client.views_push(trigger_id=trigger, view=view))
    assert answer["error"] == "push_limit_reached"
    updated = await client.views_update(external_id="one", view=json.dumps(view))
    assert updated["view"]["hash"] != first["view"]["hash"]


async def test_one_message_a_second_and_channel(clock):
    server = LocalSlack(clock, manifest=MANIFEST, enforce_rates=True)
    await server.start()
    try:
        client = AsyncWebClient(token="xoxb-sandbox", base_url=server.api_url)
        for n in range(3):
            await client.chat_postMessage(channel="C0BILLING", text=str(n))
        answer = await refused(client.chat_postMessage(channel="C0BILLING", text="too soon"))
        assert (answer.status_code, answer["error"]) == (429, "ratelimited")
        assert answer.headers["Retry-After"] == "1"
        await client.chat_postMessage(channel="U0BOB", text="elsewhere")
        clock.turn(1)
        await client.chat_postMessage(channel="C0BILLING", text="now")
        for _ in range(20):
            await client.users_list()
        assert (await refused(client.users_list())).headers["Retry-After"] == "60"
        clock.turn(60)
        await client.users_list()
    finally:
        await server.stop()


def test_every_method_has_a_known_tier():
    assert {method.tier for method in METHODS.values()} <= {None, 2, 3, 4}
