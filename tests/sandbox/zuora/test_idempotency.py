"""Idempotency-Key: the same key gives the same answer, for a day, for the same request."""

import asyncio
from dataclasses import replace

from bot.sandbox.zuora.options import MANUAL_INVOICE

EMAILS = "/v1/bill-runs/BR-00000001/emails"
DAY = 24 * 3600


async def test_the_same_key_sends_once_and_answers_twice(client, zuora, clock):
    first = await client.post(EMAILS, Idempotency_Key="k")
    second = await client.post(EMAILS, Idempotency_Key="k")
    clock.move(10)
    assert first.content == second.content
    assert first.headers["Zuora-Request-Id"] == second.headers["Zuora-Request-Id"]
    assert len(zuora.mails) == 3
    assert [call.replayed for call in zuora.calls] == [False, True]


async def test_a_failure_is_repeated_too(client, zuora):
    zuora.knobs = replace(zuora.knobs, inactive_notifications=frozenset({MANUAL_INVOICE}))
    first = await client.post(EMAILS, Idempotency_Key="k")
    zuora.knobs = replace(zuora.knobs, inactive_notifications=frozenset())
    second = await client.post(EMAILS, Idempotency_Key="k")
    assert (first.status_code, second.status_code) == (400, 400)
    assert first.content == second.content
    assert (await client.post(EMAILS, Idempotency_Key="k2")).status_code == 200


async def test_a_key_is_forgotten_after_a_day(client, zuora, clock):
    await client.post(EMAILS, {"resend": True}, Idempotency_Key="k")
    clock.move(DAY - 1)
    await client.sign_in()
    await client.post(EMAILS, {"resend": True}, Idempotency_Key="k")
    clock.move(1)
    await client.post(EMAILS, {"resend": True}, Idempotency_Key="k")
    clock.move(10)
    assert len(zuora.mails) == 6


async def test_another_address_under_the_key_is_refused(client):
    await client.post(EMAILS, Idempotency_Key="k")
    answer = await client.post("/v1/invoices/INV00000001/emails", Idempotency_Key="k")
    assert answer.status_code == 422


async def test_another_body_under_the_key_repeats_the_answer_or_is_refused(client, zuora):
    await client.post(EMAILS, Idempotency_Key="k")
    assert (await client.post(EMAILS, {"resend": True}, Idempotency_Key="k")).status_code == 200
    zuora.knobs = replace(zuora.knobs, idempotency_body_mismatch="reject")
    assert (await client.post(EMAILS, {"resend": True}, Idempotency_Key="k")).status_code == 422


async def test_a_repeat_while_the_first_is_in_progress_is_a_conflict(client, zuora, clock):
    zuora.faults.add(EMAILS, kind="slow")
    clock.goes.clear()
    first = asyncio.create_task(client.post(EMAILS, Idempotency_Key="k"))
    await zuora.until(lambda: len(zuora.calls) == 1)
    second = await client.post(EMAILS, Idempotency_Key="k")
    assert (second.status_code, second.json()["reasons"][0]["code"]) == (409, 50000050)
    clock.goes.set()
    assert (await first).status_code == 200
    assert (await client.post(EMAILS, Idempotency_Key="k")).status_code == 200
    clock.move(10)
    assert len(zuora.mails) == 3


async def test_a_put_with_an_idempotency_key_is_refused(client):
    for method in ("PUT", "DELETE"):
        path = "/v1/bill-runs/x" + ("/post" if method == "PUT" else "")
        body: dict[str, object] | None = {} if method == "PUT" else None
        answer = await client.call(method, path, body, Idempotency_Key="k")
        assert answer.status_code == 400
        text = f"Request method '{method}' not supported with Idempotency-Key header"
        assert answer.json()["reasons"][0]["message"] == text


async def test_a_key_that_is_too_long_is_refused(client):
    assert (await client.post(EMAILS, Idempotency_Key="k" * 256)).status_code == 400
    assert (await client.post(EMAILS, Idempotency_Key="k" * 255)).status_code == 200


async def test_what_the_gateway_refuses_is_not_kept(client, zuora):
    zuora.faults.add(EMAILS, kind="too_many")
    assert (await client.post(EMAILS, Idempotency_Key="k")).status_code == 429
    assert (await client.post(EMAILS, Idempotency_Key="k")).status_code == 200
