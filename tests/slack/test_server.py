"""The web mode's door: who is not Slack gets 401 before anything of ours has looked at it."""

import json
import time
from io import BytesIO
from urllib.parse import urlencode

import aiohttp
import pytest
from pydantic import SecretStr

from bot.cli.sandbox import SIGNING_SECRET
from bot.sandbox.slack.http_delivery import sign
from tests.stage import ALICE, BOB, CHANNEL

FORM = "application/x-www-form-urlencoded"
SECRET_TEXT = "a-text-that-no-log-may-show"


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


def command(text="BR-00000001", **more):
    return urlencode(
        {
            "command": "/billemail", "text": text, "user_id": ALICE, "team_id": "T0SANDBOX",
            "channel_id": CHANNEL, "trigger_id": "1.2.3", "api_app_id": "A0SANDBOX", **more,
        }
    )  # fmt: skip


def signed(body, *, secret=SIGNING_SECRET, age=0, content_type=FORM):
    timestamp = str(int(time.time()) - age)
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(secret, timestamp, body),
    }


def untouched(stage):
    """What would have changed if anything of ours had looked at a request."""
    return len(stage.slack.calls), len(stage.store.history.all()), len(stage.store.outbox.open())


BODY = command(SECRET_TEXT)
REFUSED = {
    "a wrong secret": signed(BODY, secret="not-the-secret"),
    "a signature of another body": signed(command("BR-00000002")),
    "an empty signature": {**signed(BODY), "X-Slack-Signature": ""},
    "a broken signature": {**signed(BODY), "X-Slack-Signature": "v0=äöü"},
    "no signature": {k: v for k, v in signed(BODY).items() if k != "X-Slack-Signature"},
    "no timestamp": {k: v for k, v in signed(BODY).items() if not k.endswith("Timestamp")},
    "no header at all": {"Content-Type": FORM},
    "a stale one": signed(BODY, age=400),
    "one from the future": signed(BODY, age=-100_000),
    "a timestamp that is no number": {**signed(BODY), "X-Slack-Request-Timestamp": "yesterday"},
    "a timestamp in another script": {**signed(BODY), "X-Slack-Request-Timestamp": "١٢٣"},
    "a negative timestamp": {**signed(BODY), "X-Slack-Request-Timestamp": "-1"},
    "a timestamp with a point": {**signed(BODY), "X-Slack-Request-Timestamp": "1.5"},
    "an empty timestamp": {**signed(BODY), "X-Slack-Request-Timestamp": ""},
    "an endless timestamp": {**signed(BODY), "X-Slack-Request-Timestamp": "9" * 5000},
}


async def test_who_cannot_sign_is_refused_before_anything_of_ours(web_stage, http, caplog):
    before = untouched(web_stage)

    for name, headers in REFUSED.items():
        async with http.post(web_stage.slack.request_url, data=BODY, headers=headers) as answer:
            assert answer.status == 401, name
            assert json.loads(await answer.text()) == {"error": "invalid request"}, name

    assert untouched(web_stage) == before
    assert "listener_failed" not in caplog.text
    assert SECRET_TEXT not in caplog.text


async def test_a_click_that_is_not_signed_decides_nothing(web_stage, http):
    ts = await web_stage.ask()
    await web_stage.quiet()
    name = web_stage.request().reference
    payload = {
        "type": "block_actions", "user": {"id": BOB, "team_id": "T0SANDBOX"},
        "team": {"id": "T0SANDBOX"}, "channel": {"id": CHANNEL}, "trigger_id": "1",
        "actions": [{
            "type": "button", "action_id": "approve", "block_id": "b", "value": name,
            "text": {"type": "plain_text", "text": "Approve"},
        }],
    }  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)})

    headers = signed(body, secret="guessed")
    async with http.post(web_stage.slack.request_url, data=body, headers=headers) as answer:
        assert answer.status == 401

    assert web_stage.request().state == "waiting"
    async with http.post(web_stage.slack.request_url, data=body, headers=signed(body)) as answer:
        assert answer.status == 200
    await web_stage.until_card(ts, "Accepted by Zuora")


async def test_a_signed_request_of_five_minutes_ago_is_still_taken(web_stage, http):
    body = command("help")

    headers = signed(body, age=290)
    async with http.post(web_stage.slack.request_url, data=body, headers=headers) as answer:
        assert answer.status == 200
        assert "/billemail" in await answer.text()


@pytest.mark.parametrize("is_signed", [True, False])
async def test_slack_may_check_the_certificate(web_stage, http, is_signed):
    body = urlencode({"ssl_check": "1", "token": "x", "command": "/billemail", "user_id": ALICE})
    before = untouched(web_stage)

    headers = signed(body) if is_signed else {"Content-Type": FORM}
    async with http.post(web_stage.slack.request_url, data=body, headers=headers) as answer:
        assert answer.status == 200
        assert await answer.text() == ""

    assert untouched(web_stage) == before


async def test_an_event_that_speaks_of_such_a_check_is_an_event(web_stage, http):
    event = {"type": "app_home_opened", "user": BOB, "tab": "home", "words": "a&ssl_check=1&b"}
    body = json.dumps({"type": "event_callback", "team_id": "T0SANDBOX", "event": event})
    before = len(web_stage.slack.calls)

    headers = signed(body, content_type="application/json")
    async with http.post(web_stage.slack.request_url, data=body, headers=headers) as answer:
        assert answer.status == 200

    await web_stage.until(lambda: len(web_stage.slack.calls) > before)


async def test_a_command_may_speak_of_a_payload(web_stage, http):
    """Bolt takes any form in which the word stands for one of a click, and would not answer."""
    body = command("payload", command="/billstatus")

    async with http.post(web_stage.slack.request_url, data=body, headers=signed(body)) as answer:
        assert answer.status == 200
        assert "Zuora knows no bill run, invoice or memo payload" in await answer.text()


async def test_what_is_typed_comes_as_it_was_typed(web_stage, http):
    body = command("ü+ß %41 100% “net” 日本 🎉 a=b;c #7", command="/billstatus")

    async with http.post(web_stage.slack.request_url, data=body, headers=signed(body)) as answer:
        assert answer.status == 200
        assert "ü+ß %41 100% “net” 日本 🎉 a=b;c #7. Put" in await answer.text()


async def test_slack_may_ask_whether_the_address_is_ours(web_stage, http):
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"})

    headers = signed(body, content_type="application/json")
    async with http.post(web_stage.slack.request_url, data=body, headers=headers) as answer:
        assert answer.status == 200
        assert "3eZbrw1aB" in await answer.text()


@pytest.mark.parametrize("is_signed", [True, False])
async def test_a_body_that_is_too_large_is_not_read(web_stage, http, is_signed):
    body = command("x" * (1024 * 1024 + 1))
    before = untouched(web_stage)

    headers = signed(body) if is_signed else {"Content-Type": FORM}
    large = BytesIO(body.encode())
    async with http.post(web_stage.slack.request_url, data=large, headers=headers) as answer:
        assert answer.status in ({413} if is_signed else {401, 413})

    assert untouched(web_stage) == before


SENSELESS = [
    ("", FORM),
    ("payload=", FORM),
    ("payload={", FORM),
    ("payload=[]", FORM),
    ("payload=1", FORM),
    (urlencode({"payload": "{}"}), FORM),
    (urlencode({"payload": '{"type": "block_actions", "actions": []}'}), FORM),
    (urlencode({"payload": '{"type": "block_actions", "actions": [7]}'}), FORM),
    ("{", "application/json"),
    ("[]", "application/json"),
    ("\x00", "application/octet-stream"),
]


async def test_a_signed_body_without_sense_is_answered_and_does_nothing(web_stage, http):
    before = untouched(web_stage)

    for body, content_type in SENSELESS:
        headers = signed(body, content_type=content_type)
        async with http.post(web_stage.slack.request_url, data=body, headers=headers) as answer:
            assert 200 <= answer.status < 600, body

    assert untouched(web_stage) == before


async def test_a_fault_of_the_program_is_answered_without_a_look_at_the_body(
    web_stage, http, caplog
):
    async def broken(*_):
        raise RuntimeError("broken")

    web_stage.bot.answering.people.person = broken
    before = untouched(web_stage)
    body = command(SECRET_TEXT, response_url=f"{web_stage.slack.page_url}commands/T0SANDBOX/x")

    headers = signed(body)
    async with http.post(web_stage.slack.request_url, data=body, headers=headers) as answer:
        assert answer.status == 500
        assert await answer.text() == ""

    assert "listener_failed" in caplog.text
    assert SECRET_TEXT not in caplog.text
    assert untouched(web_stage) == before


async def test_health_shows_a_stranger_whether_the_bot_works_and_nothing_else(web_stage, http):
    addresses = [
        web_stage.slack.request_url.replace("/slack/events", path)
        for path in ("/healthz", "/livez")
    ]

    for address in addresses:
        async with http.get(address) as answer:
            assert answer.status == 200
            assert await answer.json() == {"status": "ready"}

    worker = web_stage.bot._worker
    worker.cancel()
    await web_stage.until(worker.done)
    for address in addresses:
        async with http.get(address) as answer:
            assert answer.status == 503
            assert await answer.json() == {"status": "failed"}


async def test_what_zuora_says_to_the_bot_is_not_for_strangers(web_stage, http):

    web_stage.changes = {"zuora_client_secret": SecretStr("wrong")}
    await web_stage.restart()

    address = web_stage.slack.request_url.replace("/slack/events", "/readyz")
    async with http.get(address) as answer:
        assert answer.status == 503
        assert await answer.json() == web_stage.bot.readiness.ready()
        assert (await answer.json())["status"] == "zuora login failed"
    async with http.get(address.replace("/readyz", "/healthz")) as answer:
        assert (answer.status, await answer.json()) == (503, {"status": "zuora login failed"})
    trouble = web_stage.bot.health()["zuora"]
    assert trouble != "ready"
    assert "wrong" not in trouble.split()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/slack/events", 405), ("POST", "/healthz", 405), ("GET", "/", 404)],
)
async def test_there_is_nothing_else_at_the_door(web_stage, http, method, path, status):
    root = web_stage.slack.request_url.removesuffix("/slack/events")

    async with http.request(method, root + path) as answer:
        assert answer.status == status
