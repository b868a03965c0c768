"""The token, repeats of reads, headers, compression."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.place import units_of
from bot.zuora.errors import ZuoraBusy, ZuoraLockedOut, ZuoraRefused, ZuoraUnavailable
from bot.zuora.tenant import Tenant, entities_outside, not_the_tenant, tenant_of
from tests.patient import LONGEST

RULES = "/settings/billing-rules"


def tokens(local):
    return [call for call in local.calls if call.path == "/oauth/token"]


async def test_check_returns_the_tenant_and_its_entities(zuora):
    tenant = await zuora.check()

    assert tenant.id == "12270"
    assert tenant.entities == ("11e6ba62b31d7c1db23700163e000000",)


async def test_a_client_of_another_tenant_is_never_used(local, make):
    zuora = make(tenant_id="9999")

    assert await zuora.billing_rules() is None
    for ask in (zuora.check, lambda: zuora.bill_run("BR-00000001")):
        with pytest.raises(ZuoraRefused, match="speaks for tenant 12270, and ZUORA_TENANT_ID"):
            await ask()

    assert {call.path for call in local.calls} == {"/oauth/token"}
    assert (await make(tenant_id="12270").check()).id == "12270"


@pytest.mark.parametrize(
    ("scope", "expected", "words"),
    [
        ("tenant.12270", "12270", ""),
        ("tenant.12270", "", ""),
        ("platform.write", "", ""),
        ("platform.write", "12270", "does not say for which tenant"),
        ("tenant.122701", "12270", "speaks for tenant 122701"),
    ],
)
def test_a_token_must_name_the_tenant_that_is_set(scope, expected, words):
    why = not_the_tenant(tenant_of(scope), expected)

    assert words in why
    assert bool(why) == bool(words)


@pytest.mark.parametrize(
    ("scope", "entity_ids", "outside"),
    [
        ("entity.11e6ba62-b31d tenant.1", "11E6BA62B31D", ()),
        ("entity.11e6 entity.22f7 tenant.1", "22f7, 33a8", ("33a8",)),
        ("tenant.1", "33a8", ()),
        ("entity.11e6 tenant.1", "", ()),
    ],
)
def test_entities_that_a_token_does_not_name_are_reported(scope, entity_ids, outside):
    assert entities_outside(tenant_of(scope), units_of(entity_ids)) == outside


def test_a_scope_without_a_tenant_is_read_too():
    assert tenant_of("platform.write") == Tenant("")


async def test_a_wrong_secret_is_reported_without_showing_it(make):
    zuora = make(client_secret="very-secret")

    with pytest.raises(ZuoraLockedOut) as raised:
        await zuora.check()

    error = raised.value
    assert error.category == 11
    for text in (str(error), repr(error), repr(zuora), repr(vars(error))):
        assert "very-secret" not in text


async def test_the_token_call_is_a_form_without_an_authorization_header(local, zuora):
    await zuora.check()

    call = tokens(local)[0]
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in call.headers


async def test_many_calls_at_once_fetch_one_token(local, zuora):
    await asyncio.gather(*(zuora.billing_rules() for _ in range(20)))

    assert len(tokens(local)) == 1


async def test_many_401s_at_once_fetch_one_new_token(local, zuora):
    await zuora.check()
    local.faults.add(RULES, kind="unauthorized", times=3)

    found = await asyncio.gather(*(zuora.billing_rules() for _ in range(3)))

    assert all(found)
    assert len(tokens(local)) == 2


async def test_a_token_is_renewed_five_minutes_early(local, zuora, clock):
    await zuora.check()
    clock.move(3598 - 301)
    await zuora.billing_rules()
    assert len(tokens(local)) == 1

    clock.move(2)
    await zuora.billing_rules()
    assert len(tokens(local)) == 2


async def test_a_short_token_is_used_for_half_its_life(local, zuora, clock):
    local.knobs = replace(local.knobs, token_seconds=10)
    await zuora.check()
    clock.move(4)
    await zuora.billing_rules()

    assert len(tokens(local)) == 1


async def test_a_token_of_an_instant_is_not_asked_for_with_every_call(local, zuora, clock):
    local.knobs = replace(local.knobs, expires_in=0.001)
    await zuora.check()
    clock.move(0.5)
    await zuora.billing_rules()

    assert len(tokens(local)) == 1


async def test_no_token_for_now_is_not_a_no(local, zuora):
    local.faults.add("/oauth/token", kind="status", status=503, times=None)
    with pytest.raises(ZuoraUnavailable):
        await zuora.check()
    with pytest.raises(ZuoraUnavailable):
        await zuora.account("A1")
    with pytest.raises(ZuoraBusy) as raised:
        await zuora.post_bill_run("8ad0", {}, track_id="t")

    assert raised.value.new_key_needed is False
    assert {call.path for call in local.calls} == {"/oauth/token"}


async def test_the_token_call_follows_no_redirect(local, zuora):
    local.faults.add(
        "/oauth/token", kind="status", status=302, text="", headers={"Location": "/elsewhere"}
    )

    with pytest.raises(ZuoraLockedOut):
        await zuora.check()

    assert [call.path for call in local.calls] == ["/oauth/token"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "lose_answer"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 200, "text": "<html></html>"},
        {"kind": "conflict"},
        {"kind": "too_many"},
        {"kind": "http200_failure", "category": 60},
        {"kind": "http200_failure", "category": 99},
    ],
)
async def test_a_read_is_repeated_through_three_failures(local, zuora, clock, fault):
    made = local.world.add_account("A00000001")
    local.faults.add("/v1/accounts/*", times=3, **fault)

    assert (await zuora.account("A00000001")).id == made.id
    assert len(clock.slept) == 3
    assert clock.slept == sorted(clock.slept)


async def test_a_query_by_post_is_repeated_as_well(local, zuora):
    local.faults.add("/v1/operations/billing-preview", kind="lose_answer", times=2)
    made = local.world.add_subscription("A00000001")

    await zuora.billing_preview(made.account.id, local.world.started.date())

    assert sum(call.path.endswith("/billing-preview") for call in local.calls) == 3


async def test_a_read_that_fails_four_times_is_unavailable(local, zuora):
    local.faults.add("/v1/accounts/*", kind="status", status=502, times=None)

    with pytest.raises(ZuoraUnavailable) as raised:
        await zuora.account("A00000001")

    assert raised.value.status == 502
    assert sum("accounts" in call.path for call in local.calls) == 4


async def test_a_read_waits_as_long_as_zuora_asks(local, zuora, clock):
    local.world.add_account("A00000001")
    local.faults.add("/v1/accounts/*", kind="too_many", retry_after=7)

    await zuora.account("A00000001")

    assert clock.slept == [7]


async def test_a_read_does_not_sit_out_a_long_rest(local, zuora, clock):
    local.faults.add("/v1/accounts/*", kind="too_many", retry_after=600, times=None)

    with pytest.raises(ZuoraBusy) as raised:
        await zuora.account("A00000001")

    assert raised.value.retry_after == 600
    assert clock.slept == []


async def test_a_read_that_hangs_is_unavailable(local, make):
    local.faults.add("/v1/accounts/*", kind="hang", times=None)

    with pytest.raises(ZuoraUnavailable):
        await make(read_seconds=0.02).account("A00000001")


async def test_without_a_connection_a_read_is_unavailable(local, zuora):
    await zuora.check()
    await local.stop()

    with pytest.raises(ZuoraUnavailable):
        await zuora.account("A00000001")


async def test_a_long_answer_comes_compressed(local, zuora):
    lines = [(f"A{number:08d}", "USD", "1.00") for number in range(40)]
    local.world.add_bill_run("BR-00000001", invoices=lines)

    assert len(await zuora.documents_of_run("BR-00000001")) == 40
    assert all("gzip" in call.headers["accept-encoding"] for call in local.calls[1:])


async def test_entity_and_organization_headers_stand_where_they_are_set(local, zuora, make):
    await zuora.billing_rules()
    await make(entity_ids="e-1", org_ids="o-1,o-2").billing_rules()

    first, second = (call for call in local.calls if call.path == RULES)
    assert {"zuora-entity-ids", "zuora-org-ids"}.isdisjoint(first.headers)
    assert second.headers["zuora-entity-ids"] == "e-1"
    assert second.headers["zuora-org-ids"] == "o-1,o-2"


async def test_a_call_that_is_cancelled_gives_its_place_back(local, make):
    zuora = make(widest=1)
    await zuora.check()
    local.faults.add(RULES, kind="hang")

    async with asyncio.timeout(LONGEST):
        hanging = asyncio.create_task(zuora.billing_rules())
        await local.until(lambda: len(local.calls) == 2)
        waiting = asyncio.create_task(zuora.billing_rules())
        await asyncio.sleep(0)
        waiting.cancel()
        hanging.cancel()
        await asyncio.gather(hanging, waiting, return_exceptions=True)
        assert await zuora.billing_rules() is not None


async def test_nothing_secret_is_logged(local, zuora, caplog):
    caplog.set_level("DEBUG", logger="bot")
    local.world.add_account("A00000001", name="Blue Ltd")
    made = local.world.add_invoice("A00000001", "USD", "1.00")
    await zuora.document("invoice", made.number)
    with pytest.raises(ZuoraRefused):
        await zuora.post_bill_run("8ad0", {"invoiceDate": "2019-07-04"}, track_id="t")

    said = " ".join(str(vars(record)) for record in caplog.records)
    assert "zuora_call" in said
    for secret in ("Blue", "example.com", local.client_secret, "Bearer", "2019-07-04"):
        assert secret not in said
