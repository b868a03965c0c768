"""Calls that do something: sent once, with an answer or an honest error."""

import asyncio
import contextlib

import pytest
from aiohttp import web

from bot.zuora.effects import EmailBody
from bot.zuora.errors import OutcomeUnknown, ZuoraBusy, ZuoraLockedOut, ZuoraNotFound, ZuoraRefused

IDS = {"track_id": "R-17 try 1", "idempotency_key": "bot-R-17-g1"}
ROUTE = "/v1/bill-runs/BR-00000001/emails"
EMAIL = EmailBody(email_addresses=("pay@blue.example",))


@pytest.fixture
def run(local):
    return local.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "10.00")])


def posts(local):
    return [call for call in local.calls if call.path != "/oauth/token"]


async def mail(zuora, *, again=False):
    prepared = zuora.email_bill_run("BR-00000001", resend=False, **IDS)
    return await (prepared.again() if again else prepared)


async def test_a_bill_run_is_mailed_once_with_key_and_track_id(local, zuora, run, clock):
    answer = await mail(zuora)

    call = posts(local)[0]
    assert (call.method, call.path, call.body) == ("POST", ROUTE, {"resend": False})
    assert call.headers["idempotency-key"] == IDS["idempotency_key"]
    assert call.headers["zuora-version"] == "2025-08-12"
    assert call.headers["zuora-track-id"] == IDS["track_id"]
    assert answer.status == 200
    assert len(answer.zuora_request_id) == 36
    clock.move(60)
    assert len(local.mails) == 1


async def test_the_same_key_mails_once(local, zuora, run, clock):
    await mail(zuora)
    await mail(zuora)

    clock.move(60)
    assert len(local.mails) == 1


@pytest.mark.parametrize("kind", ["invoice", "credit_memo", "debit_memo"])
async def test_one_document_is_mailed_to_the_addresses_given(local, zuora, kind, clock):
    made = local.world.add_document(kind, "A00000001", "USD", "10.00")

    await zuora.email_document(kind, made.number, EMAIL, **IDS)

    clock.move(60)
    assert [one.recipients for one in local.mails] == [("pay@blue.example",)]
    assert posts(local)[0].body == {"emailAddresses": "pay@blue.example"}


async def test_debit_memos_go_by_the_spelling_chosen(local, zuora, make):
    made = local.world.add_debit_memo("A00000001", "USD", "10.00")

    await zuora.email_document("debit_memo", made.number, EMAIL, **IDS)
    await make(debit_memo_path="debit-memos").email_document(
        "debit_memo", made.number, EMAIL, track_id="t", idempotency_key="other"
    )

    assert [call.path for call in posts(local)] == [
        f"/v1/debitmemos/{made.number}/emails",
        f"/v1/debit-memos/{made.number}/emails",
    ]


async def test_a_run_is_created_posted_and_cancelled_and_a_put_has_no_key(local, zuora, clock):
    local.world.add_subscription("A00000001")
    body = {"batches": ["AllBatches"], "targetDate": "2026-11-30", "name": "R-17"}

    made = await zuora.create_bill_run(body, **IDS)
    clock.move(60)
    posted = await zuora.post_bill_run(made.data["id"], {"invoiceDate": "2026-11-30"}, track_id="t")
    other = await zuora.create_bill_run(body, track_id="t", idempotency_key="second")
    gone = await zuora.cancel_bill_run(other.data["id"], {}, track_id="t")

    assert made.data["billRunNumber"].startswith("BR-")
    assert posted.status == gone.status == 200
    puts = [call for call in local.calls if call.method == "PUT"]
    assert len(puts) == 2
    assert all("idempotency-key" not in call.headers for call in puts)
    assert puts[1].body == {}


async def test_a_thing_that_is_not_there_is_not_found(zuora):
    with pytest.raises(ZuoraNotFound):
        await mail(zuora)


async def test_a_rule_of_zuora_comes_with_its_words(local, zuora, run):
    run.status = "Completed"

    with pytest.raises(ZuoraRefused) as raised:
        await mail(zuora)

    assert raised.value.category == 30
    assert raised.value.words[0] in str(raised.value)


@pytest.mark.parametrize("version", ["2025-08-12", "186.0"])
async def test_a_no_is_a_no_in_both_versions(local, make, version):
    with pytest.raises(ZuoraNotFound) as raised:
        await mail(make(version=version))

    assert raised.value.status == (404 if version > "2" else 200)


@pytest.mark.parametrize("kind", ["lose_answer", "drop"])
async def test_a_lost_answer_leaves_the_outcome_unknown_and_is_not_sent_again(
    local, zuora, run, kind
):
    local.faults.add(ROUTE, kind=kind)

    with pytest.raises(OutcomeUnknown):
        await mail(zuora)

    assert len(posts(local)) == 1


async def test_a_hang_leaves_the_outcome_unknown(local, make, run):
    local.faults.add(ROUTE, kind="hang")

    with pytest.raises(OutcomeUnknown):
        await mail(make(read_seconds=1.0))

    assert len(posts(local)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_outage_leaves_the_outcome_unknown(local, zuora, run, status):
    local.faults.add(ROUTE, kind="status", status=status)

    with pytest.raises(OutcomeUnknown) as raised:
        await mail(zuora)

    assert raised.value.status == status
    assert len(posts(local)) == 1


async def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(local, zuora, run):
    local.faults.add(ROUTE, kind="status", status=200, text="<html>Welcome</html>")

    with pytest.raises(OutcomeUnknown):
        await mail(zuora)


async def test_a_failure_at_http_200_is_a_no(local, zuora, run):
    local.faults.add(ROUTE, kind="http200_failure", category=30, message="Not allowed.")

    with pytest.raises(ZuoraRefused) as raised:
        await mail(zuora)

    assert (raised.value.status, raised.value.words) == (200, ("Not allowed.",))


async def test_too_many_calls_is_busy_with_the_rest_zuora_wants(local, zuora, run, clock):
    local.faults.add(ROUTE, kind="too_many", retry_after=120)

    with pytest.raises(ZuoraBusy) as raised:
        await mail(zuora)

    assert (raised.value.retry_after, raised.value.new_key_needed) == (120, False)
    assert len(posts(local)) == 1
    assert clock.slept == []


async def test_contention_is_busy_and_needs_a_new_key_unless_the_key_was_sent_before(
    local, zuora, run
):
    local.faults.add(ROUTE, kind="conflict", times=2)

    with pytest.raises(ZuoraBusy) as raised:
        await mail(zuora)
    assert raised.value.new_key_needed is True

    with pytest.raises(OutcomeUnknown):
        await mail(zuora, again=True)


async def test_without_a_connection_nothing_was_sent(local, make, run):
    zuora = make()
    await zuora.check()
    await local.stop()

    with pytest.raises(ZuoraBusy) as raised:
        await mail(zuora)

    assert raised.value.new_key_needed is False


@pytest.mark.parametrize(
    "base_url", ["http://no-such-host.invalid", "http://127.0.0.1:x", "ftp://127.0.0.1", ""]
)
async def test_a_host_that_cannot_be_reached_is_busy(make, base_url):
    with pytest.raises(ZuoraBusy):
        await mail(make(base_url=base_url))


@contextlib.asynccontextmanager
async def serving(**handlers):
    """A server of two: `token` and `rest`; yields where it is."""
    app = web.Application()
    app.router.add_post("/{where:(gate/)?}oauth/token", handlers["token"])
    app.router.add_post("/{rest:.*}", handlers["rest"])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_base_url_with_a_path_stands_before_every_call(make):
    paths = []

    async def answer(request):
        paths.append(request.raw_path)
        return web.json_response({"access_token": "abc", "expires_in": 3598, "success": True})

    async with serving(token=answer, rest=answer) as base:
        await mail(make(base_url=f"{base}/gate/"))

    assert paths == ["/gate/oauth/token", f"/gate{ROUTE}"]


async def test_an_answer_that_drips_without_end_leaves_the_outcome_unknown(make):
    async def token(_):
        return web.json_response({"access_token": "abc", "expires_in": 3598})

    async def drip(request):
        await request.read()
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.01)

    async with serving(token=token, rest=drip) as base:
        zuora = make(base_url=base, connect_seconds=1.0, read_seconds=1.0)

        with pytest.raises(OutcomeUnknown):
            await mail(zuora)


async def test_a_401_is_answered_with_a_new_token_and_one_more_try(local, zuora, run, clock):
    local.faults.add(ROUTE, kind="unauthorized")

    answer = await mail(zuora)

    assert answer.status == 200
    assert len(posts(local)) == 2
    assert len({call.headers["authorization"] for call in posts(local)}) == 2
    assert {call.headers["idempotency-key"] for call in posts(local)} == {IDS["idempotency_key"]}
    clock.move(60)
    assert len(local.mails) == 1


async def test_a_second_401_is_about_the_bot_and_no_refusal_of_the_call(local, zuora, run):
    local.faults.add(ROUTE, kind="unauthorized", times=None)

    with pytest.raises(ZuoraLockedOut) as raised:
        await mail(zuora)

    assert raised.value.category == 11
    assert len(posts(local)) == 2


async def test_a_call_that_breaks_the_rules_is_not_sent(local, zuora):
    with pytest.raises(ZuoraRefused):
        await zuora.email_document("invoice", "", EMAIL, **IDS)
    with pytest.raises(ZuoraRefused):
        await zuora.email_document("invoice", "INV1", EmailBody(pdf_file_id="8a" * 16), **IDS)
    with pytest.raises(ZuoraRefused):
        await zuora.cancel_bill_run("8ad0", {}, track_id="a:b")

    assert local.calls == []
