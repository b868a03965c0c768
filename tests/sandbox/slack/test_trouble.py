"""Ordered trouble, sockets that come and go, response URLs, repeated events."""

import asyncio

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.slack.conftest import over_http, over_socket


async def post(client, text="x"):
    return await client.chat_postMessage(channel="C0BILLING", text=text)


async def test_a_fault_hits_the_ordered_calls_only(slack, client):
    slack.faults.add(method="chat.postMessage", kind="error", error="fatal_error", times=2, after=1)
    await post(client)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            await post(client)
    await post(client)
    await client.auth_test()
    assert [c.error for c in slack.calls] == [None, "fatal_error", "fatal_error", None, None]


async def test_a_rate_limit_names_the_wait(slack, client):
    slack.faults.add(method="*", kind="ratelimited", retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"


async def test_a_status_is_answered_as_ordered(slack, client):
    slack.faults.add(method="chat.postMessage", kind="status", code=503)
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert caught.value.response.status_code == 503


@pytest.mark.parametrize(("kind", "posted"), [("drop", 0), ("lose_answer", 1)])
async def test_a_cut_comes_before_or_after_the_effect(slack, client, kind, posted):
    slack.faults.add(method="chat.postMessage", kind=kind)
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(client)
    assert len(slack.channel_messages("C0BILLING")) == posted


async def test_a_slow_answer_waits_for_the_clock(slack, client, clock):
    slack.faults.add(method="chat.postMessage", kind="slow", seconds=30)
    call = asyncio.create_task(post(client))
    await slack.until(lambda: bool(clock.sleeping))
    assert not slack.channel_messages("C0BILLING")
    clock.turn(30)
    assert (await call)["ok"]


async def test_a_hanging_call_outlasts_the_callers_patience(slack, client):
    hasty = AsyncWebClient(
        token="xoxb-sandbox", base_url=slack.api_url, retry_handlers=[],
        timeout=0.1,  # type: ignore[arg-type]  # aiohttp takes parts of a second
    )  # fmt: skip
    slack.faults.add(method="auth.test", kind="hang")
    with pytest.raises(TimeoutError):
        await hasty.auth_test()
    assert (await client.auth_test())["ok"]


async def test_an_unknown_fault_is_refused(slack):
    with pytest.raises(ValueError, match="unknown fault kind"):
        slack.faults.add(method="*", kind="sulk")


async def test_all_of_slack_can_be_down(slack, client, app):
    async with over_socket(slack, app):
        slack.faults.down = True
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(client)
        ack = await slack.slash("U0ALICE", "C0BILLING", "/billemail")
        assert ack.text == "/billemail failed with the error dispatch_failed"
        assert slack.sockets.connections == 0
        slack.faults.clear()
        await post(client)


async def test_without_an_app_a_command_fails_at_once(slack):
    ack = await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    assert ack.text == "/billemail failed with the error dispatch_failed"


async def test_a_disconnect_makes_the_client_come_again(slack, app):
    async with over_socket(slack, app) as handler:
        first = handler.client.current_session
        await slack.sockets.disconnect()
        await slack.until(
            lambda: handler.client.current_session is not first and slack.sockets.connections == 1
        )

        @app.command("/billemail")
        async def _(ack):
            await ack("still here")

        assert (await slack.slash("U0ALICE", "C0BILLING", "/billemail")).text == "still here"


async def open_socket(session, slack):
    client = AsyncWebClient(token="xapp-sandbox", base_url=slack.api_url)
    url = (await client.apps_connections_open(app_token="xapp-sandbox"))["url"]
    return await session.ws_connect(url)


async def test_the_eleventh_socket_is_sent_away(slack):
    async with aiohttp.ClientSession() as session:
        sockets = [await open_socket(session, slack) for _ in range(11)]
        hellos = [await socket.receive_json() for socket in sockets]
        assert [hello.get("num_connections") for hello in hellos[:10]] == list(range(1, 11))
        assert hellos[0]["type"] == "hello"
        assert "debug_info" in hellos[0]
        assert hellos[10]["reason"] == "too_many_websockets"
        for socket in sockets:
            await socket.close()


async def test_envelopes_go_to_the_sockets_in_turn(slack):
    async with aiohttp.ClientSession() as session:
        sockets = [await open_socket(session, slack) for _ in range(2)]
        got = []
        for socket in sockets:
            await socket.receive_json()

        async def answer(socket):
            envelope = await socket.receive_json()
            got.append(envelope)
            body = {"envelope_id": envelope["envelope_id"], "payload": {"text": "ok"}}
            await socket.send_json(body)

        tasks = [asyncio.create_task(answer(socket)) for socket in sockets]
        for _ in sockets:
            assert (await slack.slash("U0ALICE", "C0BILLING", "/billemail")).text == "ok"
        await asyncio.gather(*tasks)
        assert all(envelope["accepts_response_payload"] for envelope in got)
        for socket in sockets:
            await socket.close()


async def test_a_ticket_opens_one_socket(slack):
    client = AsyncWebClient(token="xapp-sandbox", base_url=slack.api_url)
    url = (await client.apps_connections_open(app_token="xapp-sandbox"))["url"]
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(url)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        await socket.close()


async def test_a_wrong_signing_secret_is_noticed_by_bolt(slack, client):
    app = AsyncApp(client=client, signing_secret="another")
    async with over_http(slack, app):
        ack = await slack.slash("U0ALICE", "C0BILLING", "/billemail")
    assert (ack.ok, ack.status) == (False, 401)


async def test_an_event_that_failed_comes_again_at_once_and_after_one_and_five_minutes(
    slack, app, clock
):
    async with aiohttp.ClientSession() as session:
        slack.ack_seconds = 0.05
        socket = await open_socket(session, slack)
        await socket.receive_json()
        assert not (await slack.open_home("U0BOB")).ok
        attempts = []
        for wait in (None, None, 60, 300):
            if wait:
                await slack.until(lambda: bool(clock.sleeping))
                clock.turn(wait)
            envelope = await socket.receive_json()
            attempts.append((envelope["retry_attempt"], envelope["retry_reason"]))
            event_id = envelope["payload"]["event_id"]
            assert event_id == slack.last_payload["event_id"]
        assert attempts == [(0, ""), (1, "timeout"), (2, "timeout"), (3, "timeout")]
        await socket.close()


@pytest.fixture
async def response_url(slack):
    async with aiohttp.ClientSession() as session:
        socket = await open_socket(session, slack)
        await socket.receive_json()
        task = asyncio.create_task(slack.slash("U0ALICE", "C0BILLING", "/billemail"))
        envelope = await socket.receive_json()
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await task).ok
        await socket.close()
    return envelope["payload"]["response_url"]


async def test_a_response_url_works_five_times(slack, response_url):
    async with aiohttp.ClientSession() as session:
        for n in range(5):
            async with session.post(response_url, json={"text": str(n)}) as answer:
                assert await answer.text() == "ok"
        async with session.post(response_url, json={"text": "6"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "used_url")
    assert [m.text for m in slack.private("U0ALICE")] == ["0", "1", "2", "3", "4"]


async def test_a_response_url_lives_thirty_minutes(slack, clock, response_url):
    clock.turn(30 * 60 + 1)
    async with (
        aiohttp.ClientSession() as session,
        session.post(response_url, json={"text": "late"}) as answer,
    ):
        assert (await answer.json())["error"] == "expired_url"


async def test_a_response_url_can_speak_to_all_and_checks_its_blocks(slack, response_url):
    async with aiohttp.ClientSession() as session:
        body = {"text": "all", "response_type": "in_channel"}
        async with session.post(response_url, json=body) as answer:
            assert answer.status == 200
        async with session.post(response_url, json={"blocks": [{"type": "x"}]}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "invalid_blocks")
    assert [m.text for m in slack.channel_messages("C0BILLING")] == ["all"]


async def test_a_private_message_is_replaced_and_deleted_through_its_own_url(slack, app, client):
    button = {"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}}
    blocks = [{"type": "actions", "elements": [button]}]

    @app.action("ok")
    async def _(ack, respond, body):
        await ack()
        first = body["container"]["is_ephemeral"] and len(slack.private("U0BOB")[0].blocks) == 1
        if first:
            await respond(text="done", blocks=blocks * 2, replace_original=True)
        else:
            await respond(delete_original=True)

    async with over_socket(slack, app):
        await client.chat_postEphemeral(channel="C0BILLING", user="U0BOB", text="?", blocks=blocks)
        (message,) = slack.private("U0BOB")
        await slack.click("U0BOB", "C0BILLING", message.ts, "ok")
        await slack.until(lambda: message.text == "done")
        await slack.click("U0BOB", "C0BILLING", message.ts, "ok")
        await slack.until(lambda: slack.private("U0BOB") == [])


async def test_waiting_in_vain_says_what_there_is(slack, client):
    await post(client, "hello")
    with pytest.raises(AssertionError, match=r"C0BILLING .* 'hello'"):
        await slack.until(lambda: False, seconds=0.05)
