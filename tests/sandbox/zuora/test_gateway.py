"""Tokens, headers, versions, bodies, limits: what is refused before a route is asked."""

import asyncio
import gzip
from dataclasses import replace

import pytest

EMAILS = "/v1/bill-runs/BR-00000001/emails"


def categories(answer) -> list[int]:
    return [int(reason["code"]) % 100 for reason in answer.json()["reasons"]]


async def test_a_token_shows_its_tenant_and_its_lifetime(client):
    answer = (await client.sign_in()).json()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 3598
    assert "tenant.12270" in answer["scope"].split()


async def test_the_wrong_secret_gets_no_token(client, zuora):
    form = {"client_id": zuora.client_id, "client_secret": "no", "grant_type": "client_credentials"}
    answer = await client.http.post("/oauth/token", data=form)
    assert (answer.status_code, answer.json()) == (401, {"message": "Authentication error"})


async def test_another_grant_gets_no_token(client, zuora):
    form = {
        "client_id": zuora.client_id,
        "client_secret": zuora.client_secret,
        "grant_type": "password",
    }
    assert (await client.http.post("/oauth/token", data=form)).status_code == 400


async def test_the_hundred_and_first_token_of_a_minute_is_refused(client, zuora, clock):
    zuora.knobs = replace(zuora.knobs, tokens_per_minute=3)
    answers = [(await client.sign_in()).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    clock.move(60)
    assert (await client.sign_in()).status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic abc"])
async def test_a_call_without_a_live_bearer_is_refused(client, authorization):
    answer = await client.get("/object-query/billing-runs", Authorization=authorization)
    assert (answer.status_code, answer.json()) == (401, {"message": "Authentication error"})


async def test_a_bearer_ends_with_its_lifetime(client, clock):
    clock.move(3597)
    assert (await client.get("/object-query/billing-runs")).status_code == 200
    clock.move(1)
    assert (await client.get("/object-query/billing-runs")).status_code == 401


async def test_an_unknown_route_is_answered_by_the_gateway(client):
    answer = await client.get("/v1/bill-run")
    assert answer.status_code == 404
    assert answer.json() == {"message": "no Route matched with those values"}


async def test_a_method_that_a_path_has_not_is_refused(client):
    answer = await client.put(EMAILS)
    assert (answer.status_code, categories(answer)) == (405, [45])


async def test_a_post_without_a_body_is_refused(client, zuora):
    headers = {"Authorization": f"Bearer {client.token}", "Zuora-Version": "2025-08-12"}
    bare = await client.http.post(EMAILS, headers=headers)
    text = await client.http.post(EMAILS, content=b"{}", headers=headers)
    for answer in (bare, text):
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (415, 50000045)
    assert zuora.mails == []


@pytest.mark.parametrize("content", [b"{", b"[]", b'"{}"', b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(client, content):
    headers = {
        "Authorization": f"Bearer {client.token}",
        "Zuora-Version": "2025-08-12",
        "Content-Type": "application/json",
    }
    answer = await client.http.post(EMAILS, content=content, headers=headers)
    assert (answer.status_code, categories(answer)) == (400, [90])


async def test_a_gzipped_body_is_read(client, zuora):
    headers = {
        "Authorization": f"Bearer {client.token}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    answer = await client.http.post(EMAILS, content=gzip.compress(b"{}"), headers=headers)
    assert answer.json() == {"success": True}


@pytest.mark.parametrize("version", ["", "186.0", "315.0", "2023-10-24"])
async def test_an_old_version_answers_errors_with_200(client, version):
    answer = await client.get("/v1/bill-runs/none", Zuora_Version=version)
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert categories(answer) == [40]


async def test_a_new_version_answers_errors_with_their_status(client):
    answer = await client.get("/v1/bill-runs/none", Zuora_Version="2024-05-20")
    assert answer.status_code == 404
    assert answer.json()["reasons"][0]["message"] == "Cannot find entity by key: 'none'."
    assert answer.json()["requestId"] == answer.headers["Zuora-Request-Id"]


async def test_object_query_errors_have_their_status_in_any_version(client):
    answer = await client.get("/object-query/billing-runs/none", Zuora_Version="")
    assert answer.status_code == 404
    assert set(answer.json()) == {"reasons", "requestId"}


async def test_every_answer_has_a_request_id_and_the_track_id(client, zuora):
    answer = await client.get("/object-query/billing-runs", Zuora_Track_Id="R-17/2")
    assert len(answer.headers["Zuora-Request-Id"]) == 36
    assert answer.headers["Zuora-Track-Id"] == "R-17/2"
    assert zuora.calls[-1].headers["zuora-track-id"] == "R-17/2"


@pytest.mark.parametrize("track", ["a:b", "a;b", 'a"b', "a'b", "x" * 65])
async def test_a_track_id_with_forbidden_characters_is_refused(client, track):
    answer = await client.get("/v1/invoices/INV00000001", Zuora_Track_Id=track)
    assert (answer.status_code, categories(answer)) == (400, [20])


async def test_answers_show_the_limits(client):
    first = await client.get("/object-query/billing-runs")
    second = await client.get("/v1/invoices/INV00000001")
    assert first.headers["Concurrency-Limit-Type"] == "Object Query"
    assert first.headers["Concurrency-Limit-Limit"] == "80"
    assert second.headers["Concurrency-Limit-Limit"] == "40"
    assert second.headers["ratelimit-remaining"] == "49998"
    assert "50000;w=60" in second.headers["ratelimit-limit"]


async def test_the_limit_headers_can_be_missing(client, zuora):
    zuora.knobs = replace(zuora.knobs, rate_headers=False)
    answer = await client.get("/v1/invoices/INV00000001")
    assert "ratelimit-limit" not in answer.headers


async def test_too_many_calls_in_a_minute_are_refused(client, zuora, clock):
    zuora.knobs = replace(zuora.knobs, calls_per_minute=2)
    statuses = [(await client.get("/v1/invoices/INV00000001")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    clock.move(60)
    assert (await client.get("/v1/invoices/INV00000001")).status_code == 200


async def test_more_calls_in_flight_than_allowed_are_refused(client, zuora, clock):
    zuora.knobs = replace(zuora.knobs, concurrency_limit=2)
    zuora.faults.add("/v1/invoices/*", kind="slow", times=None)
    clock.goes.clear()
    calls = [asyncio.create_task(client.get("/v1/invoices/INV00000001")) for _ in range(4)]
    await zuora.until(lambda: len(zuora.calls) == 4)
    clock.goes.set()
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["reasons"][0]["code"] == 50000070
    assert refused.headers["Retry-After"] == "120"


async def test_long_answers_are_gzipped_when_asked_for(client):
    asked = await client.get("/v1/invoices/INV00000001?", Accept_Encoding="gzip")
    plain = await client.get("/v1/invoices/INV00000001", Accept_Encoding="identity")
    short = await client.get("/v1/bill-runs/none", Accept_Encoding="gzip")
    assert len(plain.content) > 800
    long = await client.get("/object-query/invoices", Accept_Encoding="gzip")
    assert long.headers["Content-Encoding"] == "gzip"
    assert len(long.json()["data"]) == 2
    assert asked.json() == plain.json()
    assert "Content-Encoding" not in short.headers
