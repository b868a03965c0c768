"""What the browser page asks for and does."""

import asyncio
import json

import aiohttp
import pytest

from bot.sandbox.slack.page_api import PAGE
from tests.patient import LONGEST
from tests.sandbox.slack.conftest import over_socket

FIELD = {
    "type": "input",
    "block_id": "b",
    "label": {"type": "plain_text", "text": "Who"},
    "element": {"type": "users_select", "action_id": "v"},
}
FORM = {
    "type": "modal",
    "callback_id": "ask",
    "title": {"type": "plain_text", "text": "T"},
    "submit": {"type": "plain_text", "text": "S"},
    "blocks": [FIELD],
}


@pytest.fixture
async def browser(slack):
    async with aiohttp.ClientSession(slack.page_url) as session:
        yield session


async def state(browser, person="U0ALICE"):
    async with browser.get("/sandbox/state", params={"as": person}) as answer:
        return await answer.json()


async def act(browser, **what):
    async with browser.post("/sandbox/act", json={"as": "U0ALICE", **what}) as answer:
        return await answer.json()


async def test_the_state_holds_what_the_page_shows(slack, browser, client):
    posted = await client.chat_postMessage(channel="C0BILLING", text="a")
    await client.chat_postMessage(channel="C0BILLING", text="b", thread_ts=posted["ts"])
    await client.chat_postEphemeral(channel="C0BILLING", user="U0ALICE", text="c")
    seen = await state(browser)
    assert {c["id"]: c["member"] for c in seen["channels"]} == {
        "C0BILLING": True,
        "C0GENERAL": True,
        "D0ALICE": True,
    }
    first, private = seen["messages"]["C0BILLING"]
    assert [r["text"] for r in first["replies"]] == ["b"]
    assert (first["reply_count"], first["is_bot"]) == (1, True)
    assert (private["text"], private["ephemeral"]) == ("c", True)
    assert len((await state(browser, "U0BOB"))["messages"]["C0BILLING"]) == 1
    assert seen["commands"][0]["command"] == "/billemail"
    assert [g["handle"] for g in seen["groups"]] == ["billing", "controllers", "finance"]
    assert (seen["home"], seen["views"], seen["notice"]) == (None, [], None)


async def test_a_deleted_parent_stays_as_a_tombstone(browser, client):
    posted = await client.chat_postMessage(channel="C0BILLING", text="secret")
    await client.chat_postMessage(channel="C0BILLING", text="b", thread_ts=posted["ts"])
    await client.chat_delete(channel="C0BILLING", ts=posted["ts"])
    (gone,) = (await state(browser))["messages"]["C0BILLING"]
    assert (gone["deleted"], gone["text"]) == (True, "This message was deleted.")


async def test_changes_reach_those_who_can_see_them(browser, client):
    async with browser.get("/sandbox/events", params={"as": "U0BOB"}) as stream:

        async def next_seq():
            line = await stream.content.readline()
            await stream.content.readline()
            return json.loads(line.removeprefix(b"data: "))["seq"]

        before = await next_seq()
        await client.chat_postEphemeral(channel="C0BILLING", user="U0ALICE", text="not for bob")
        await client.chat_postMessage(channel="C0BILLING", text="for all")
        assert await asyncio.wait_for(next_seq(), LONGEST) == before + 1


async def test_the_page_acts_as_the_methods_do(slack, browser, app):
    submitted = []

    @app.command("/billemail")
    async def _(ack, body, client):
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)
        await ack()

    @app.view("ask")
    async def _(ack, view):
        submitted.append(view["state"]["values"]["b"]["v"])
        await ack()

    async with over_socket(slack, app):
        done = await act(browser, kind="slash", channel="C0BILLING", text="/billemail")
        assert done == {"ok": True, "error": None, "errors": {}}
        assert (await state(browser))["views"][0]["title"]["text"] == "T"
        assert (await act(browser, kind="submit", values={}))["errors"] == {
            "b": "Please complete this required field."
        }
        assert list((await state(browser))["views"][0]["errors"]) == ["b"]
        chosen = {"type": "users_select", "selected_user": "U0BOB"}
        assert (await act(browser, kind="submit", values={"b": {"v": chosen}}))["ok"]
    assert submitted == [chosen]
    assert (await state(browser))["views"] == []


async def test_failures_come_back_as_words(slack, browser):
    cases = [
        {"kind": "click", "channel": "C0BILLING", "ts": "1.1", "action_id": "a"},
        {"kind": "submit"},
        {"kind": "dance"},
        {"kind": "slash", "channel": "C9", "text": "/billemail"},
        {"kind": "shortcut", "callback_id": "nothing"},
        {"kind": "message"},
    ]
    for case in cases:
        answer = await act(browser, **case)
        assert (answer["ok"], bool(answer["error"])) == (False, True)
    await act(browser, kind="slash", channel="C0BILLING", text="/billemail")
    notice = (await state(browser))["notice"]
    assert notice == "/billemail failed with the error dispatch_failed"


async def test_talk_and_faults_and_calls_go_through_the_page(slack, browser, client):
    await act(browser, kind="message", channel="C0BILLING", text="hi")
    assert slack.channel_messages("C0BILLING")[0].user == "U0ALICE"
    fault = {"method": "auth.test", "kind": "status", "code": 500}
    async with browser.post("/sandbox/faults", json=fault) as answer:
        assert (await answer.json())["ok"]
    async with browser.post("/sandbox/faults", json={**fault, "kind": "no"}) as answer:
        assert answer.status == 400
    async with browser.post(slack.api_url + "auth.test") as answer:
        assert answer.status == 500
    async with browser.get("/sandbox/calls") as answer:
        assert (await answer.json())["calls"][-1]["error"] == "http_500"


async def test_the_bot_and_strangers_have_no_screen(browser):
    for person in ("U0BOT", "U9"):
        async with browser.get("/sandbox/state", params={"as": person}) as answer:
            assert answer.status == 404


async def test_another_site_cannot_act_with_a_simple_post(browser):
    async with browser.post("/sandbox/act", data="{}", headers={"Content-Type": "text/plain"}) as a:
        assert a.status == 415


async def test_files_outside_the_page_are_not_served(browser):
    for name in ("..%2f__init__.py", "nothing.js"):
        async with browser.get(f"/page/{name}") as answer:
            assert answer.status == 404
    async with browser.get("/") as answer:
        assert answer.status == (200 if (PAGE / "index.html").is_file() else 404)


async def test_a_select_in_a_message_reports_its_choice_and_keeps_it(slack, browser, app, client):
    chosen = []

    @app.action("pick")
    async def _(ack, body):
        await ack()
        chosen.append((body["actions"][0]["selected_user"], body["state"]["values"]["who"]))

    element = {"type": "users_select", "action_id": "pick"}
    blocks = [{"type": "actions", "block_id": "who", "elements": [element]}]
    posted = await client.chat_postMessage(channel="C0BILLING", text="Who?", blocks=blocks)
    state_of = {"type": "users_select", "selected_user": "U0BOB"}
    what = {"ts": posted["ts"], "block_id": "who", "action_id": "pick", "value": state_of}
    async with over_socket(slack, app):
        assert (await act(browser, kind="choose", channel="C0BILLING", **what))["ok"]
    assert chosen == [("U0BOB", {"pick": state_of})]
    (message,) = (await state(browser))["messages"]["C0BILLING"]
    assert message["inputs"] == {"who": {"pick": state_of}}


async def test_a_failure_has_slacks_name_for_the_page(browser):
    answer = await act(browser, kind="slash", channel="C0BILLING", text="/billemail")
    assert answer["error"] == "dispatch_failed"
