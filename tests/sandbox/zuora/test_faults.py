"""Every kind of fault, through the socket."""

import asyncio

import httpx2
import pytest

EMAILS = "/v1/bill-runs/BR-00000001/emails"
GLOB = "/v1/bill-runs/*/emails"


async def test_a_lost_answer_has_taken_effect(client, zuora, clock):
    zuora.faults.add(GLOB, method="POST", kind="lose_answer")
    with pytest.raises(httpx2.TransportError):
        await client.post(EMAILS, Idempotency_Key="k")
    clock.move(10)
    assert len(zuora.mails) == 3
    assert (zuora.calls[0].fault, zuora.calls[0].status) == ("lose_answer", None)
    assert (await client.post(EMAILS, Idempotency_Key="k")).json() == {"success": True}
    clock.move(10)
    assert len(zuora.mails) == 3


async def test_a_dropped_call_has_no_effect(client, zuora, clock):
    zuora.faults.add(GLOB, method="POST", kind="drop")
    with pytest.raises(httpx2.TransportError):
        await client.post(EMAILS)
    clock.move(10)
    assert zuora.mails == []
    assert (await client.post(EMAILS)).status_code == 200


async def test_a_hanging_call_takes_effect_and_never_answers(client, zuora, clock):
    zuora.faults.add(GLOB, kind="hang")
    with pytest.raises(httpx2.TimeoutException):
        await client.http.post(
            EMAILS, json={}, headers={"Authorization": f"Bearer {client.token}"}, timeout=0.05
        )
    clock.move(10)
    assert len(zuora.mails) == 3


async def test_stopping_ends_a_hanging_call(client, zuora):
    zuora.faults.add(GLOB, kind="hang")
    call = asyncio.create_task(client.post(EMAILS))
    await zuora.until(lambda: bool(zuora.calls))
    await zuora.stop()
    with pytest.raises(httpx2.TransportError):
        await call


async def test_a_slow_answer_takes_its_time_on_the_clock(client, zuora, clock):
    before = clock.now()
    zuora.faults.add(GLOB, kind="slow", seconds=45)
    assert (await client.post(EMAILS)).status_code == 200
    assert (clock.now() - before).total_seconds() == 45


async def test_a_status_with_json_or_html(client, zuora):
    zuora.faults.add(GLOB, kind="status", status=500)
    zuora.faults.add(GLOB, kind="status", status=503)
    zuora.faults.add(GLOB, kind="status", status=418, body={"a": 1}, headers={"X-A": "b"})
    zuora.faults.add(GLOB, kind="status", status=502, text="<h1>Bad gateway</h1>")
    error, gateway, teapot, html = [await client.post(EMAILS) for _ in range(4)]
    assert (error.status_code, error.json()["reasons"][0]["code"]) == (500, "SystemError")
    assert gateway.headers["Content-Type"].startswith("text/html")
    assert (teapot.status_code, teapot.json(), teapot.headers["X-A"]) == (418, {"a": 1}, "b")
    assert (html.status_code, html.text) == (502, "<h1>Bad gateway</h1>")
    assert zuora.mails == []


async def test_a_failure_of_the_service_is_kept_under_the_key_and_a_gateways_is_not(client, zuora):
    zuora.faults.add(GLOB, kind="status", status=500)
    first = await client.post(EMAILS, Idempotency_Key="a")
    second = await client.post(EMAILS, Idempotency_Key="a")
    assert (first.status_code, second.status_code) == (500, 500)
    zuora.faults.add(GLOB, kind="status", status=502)
    assert (await client.post(EMAILS, Idempotency_Key="b")).status_code == 502
    assert (await client.post(EMAILS, Idempotency_Key="b")).status_code == 200
    zuora.faults.add(GLOB, kind="status", status=500, stored=False)
    assert (await client.post(EMAILS, Idempotency_Key="c")).status_code == 500
    assert (await client.post(EMAILS, Idempotency_Key="c")).status_code == 200


async def test_a_failure_can_come_with_200(client, zuora):
    zuora.faults.add(GLOB, kind="http200_failure", category=30, message="no")
    answer = await client.post(EMAILS)
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert answer.json()["reasons"] == [{"code": 50000030, "message": "no"}]


async def test_a_bearer_can_end_mid_flight(client, zuora):
    zuora.faults.add(GLOB, kind="unauthorized")
    assert (await client.post(EMAILS)).status_code == 401
    assert (await client.post(EMAILS)).status_code == 401
    await client.sign_in()
    assert (await client.post(EMAILS)).status_code == 200


async def test_too_many_with_and_without_retry_after(client, zuora):
    zuora.faults.add(GLOB, kind="too_many", retry_after=120)
    zuora.faults.add(GLOB, kind="too_many", rate=True)
    first, second = await client.post(EMAILS), await client.post(EMAILS)
    assert (first.status_code, first.headers["Retry-After"]) == (429, "120")
    assert first.json()["reasons"][0]["code"] == 50000070
    assert (second.status_code, second.json()["reasons"][0]["code"]) == (429, 70)
    assert "Retry-After" not in second.headers
    assert int(second.headers["ratelimit-reset"]) > 0


async def test_a_conflict(client, zuora):
    zuora.faults.add(GLOB, kind="conflict")
    answer = await client.post(EMAILS, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (409, 50000050)
    assert (await client.post(EMAILS, Idempotency_Key="k")).status_code == 200


async def test_a_fault_waits_for_its_turn_and_ends_after_its_times(client, zuora):
    zuora.faults.add(GLOB, method="POST", kind="conflict", times=2, after=1)
    await client.get("/v1/invoices/INV00000001")
    statuses = [(await client.post(EMAILS)).status_code for _ in range(4)]
    assert statuses == [200, 409, 409, 200]


async def test_the_token_call_can_fail_too(client, zuora):
    zuora.faults.add("/oauth/token", kind="status", status=503)
    assert (await client.http.post("/oauth/token")).status_code == 503


async def test_while_down_every_connection_is_dropped_and_clear_mends_it(client, zuora):
    zuora.faults.down = True
    for path in ("/oauth/token", EMAILS):
        with pytest.raises(httpx2.TransportError):
            await client.post(path)
    zuora.faults.add("*", kind="conflict", times=None)
    zuora.faults.clear()
    assert (await client.post(EMAILS)).status_code == 200


async def test_an_unknown_kind_is_refused(zuora):
    with pytest.raises(ValueError, match="unknown kind"):
        zuora.faults.add("*", kind="surprise")


async def test_waiting_in_vain_shows_what_there_is(client, zuora):
    await client.post(EMAILS)
    with pytest.raises(AssertionError, match=r"BR-00000001 Posted.*Calls: 1.*emails 200"):
        await zuora.until(lambda: False, seconds=0.02)
