"""Each outage changes what it should in `/readyz` and `/metrics`, and what ends it changes it back."""

import os
import re
import resource
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier

from bot.cli.exits import LOST_THE_WORK
from bot.cli.sandbox import SIGNING_SECRET
from bot.domain.history import Entry, What
from bot.domain.request import State
from bot.health.health import FOR_A_PERSON
from bot.sandbox.slack import socket_mode
from bot.store.errors import DAMAGED, LOCKED_BY_OTHERS, REPLACED
from bot.store.store import Store
from tests.health.operated import until
from tests.large_file import make_large
from tests.stage import BOB, CHANNEL, EMAILS

READY = "billing_bot_ready"
PAGE = 4096


async def all_is_well(process):
    found = await process.until_ready(status="ready")
    assert found == {
        "http": 200, "status": "ready", "work": "works", "database": "ready", "zuora": "ready",
        "slack": "ready", "outbox": "ready", "others": "none",
    }  # fmt: skip


async def is_seen(process, part, words):
    """Say that a part, and with it the status, is not as it should be; the process lives."""
    found = await process.until_ready(**{part: words, "status": words})
    assert found["http"] == 503
    assert (await process.get("/livez"))[0] == 200
    passes = words not in FOR_A_PERSON and (part != "database" or words == LOCKED_BY_OTHERS)
    assert await process.get("/healthz") == (
        (200, '{"status": "ready"}') if passes else (503, f'{{"status": "{words}"}}')
    )
    await process.until_metric(READY, lambda value: value == 0, part=part)
    assert await process.metric(READY, part="status") == 0


@pytest.mark.parametrize("mode", ["run", "web"])
async def test_slack_out_of_reach(site, mode):
    process = await site.start(mode)
    await all_is_well(process)

    site.slack.faults.down = True

    await is_seen(process, "slack", "slack not reachable")
    await process.until_logged("not_ready part='slack' why='slack not reachable'")
    site.slack.faults.clear()
    await all_is_well(process)
    await process.until_logged("ready_again part='slack'")


async def test_a_cut_connection_is_a_reconnect(site):
    process = await site.start()
    assert await process.metric("billing_bot_slack_connections_opened_total") == 1
    assert await process.metric("billing_bot_slack_connected") == 1
    site.slack.faults.add("websocket", "hang", times=100)

    await site.slack.sockets.disconnect()

    await is_seen(process, "slack", "slack not connected")
    await process.until_metric("billing_bot_slack_connected", lambda value: value == 0)
    await process.until_logged("not_ready part='slack' why='slack not connected'")


async def test_a_connection_that_comes_again_is_counted_and_logged(site):
    process = await site.start()

    await site.slack.sockets.disconnect()

    await process.until_metric("billing_bot_slack_connections_opened_total", lambda n: n == 2)
    assert process.log.count("slack_connected") == 2


async def test_a_slack_that_ends_each_connection_at_once_is_asked_less_and_less_often(
    site, monkeypatch
):
    process = await site.start()
    monkeypatch.setattr(socket_mode, "SOCKETS", 0)  # there are as many as an app may have

    await site.slack.sockets.disconnect()

    for pause in (1.0, 2.0):
        await process.until_logged(f"slack_ended_the_connection_at_once pause={pause}")
    assert process.log.count("slack_connected") <= 4
    monkeypatch.undo()
    await all_is_well(process)


async def test_slack_refuses_the_token(site):
    process = await site.start()
    fault = site.slack.faults.add("auth.test", "error", times=1000, error="token_revoked")

    await is_seen(process, "slack", "slack refuses the bot")

    site.slack.faults.remove(fault)
    await all_is_well(process)


async def test_slack_refuses_the_card(site):
    process = await site.start()
    site.slack.faults.silent[CHANNEL] = "missing_scope"

    await site.slack.slash("U0ALICE", CHANNEL, "/billemail BR-00000001")
    await site.slack.submit("U0ALICE", {"reason": "Month end"})

    await is_seen(process, "slack", "slack refuses messages")
    calls = await process.metric(
        "billing_bot_slack_calls_total", method="chat.postMessage", outcome="missing_scope"
    )
    assert calls >= 1
    assert await process.metric("billing_bot_unsent_messages") >= 1
    site.slack.faults.clear()
    await until(site.cards)
    await all_is_well(process)


@pytest.mark.parametrize("how", ["no port", "silent", "faulty"])
async def test_zuora_out_of_reach(site, how):
    process = await site.start()
    await all_is_well(process)
    port = site.zuora.port

    if how == "no port":
        await site.zuora.stop()
    elif how == "silent":
        site.zuora.faults.add("/object-query/*", kind="hang", times=None)
    else:
        site.zuora.faults.add("/object-query/*", kind="status", status=503, times=None)

    await process.until_ready(90, zuora="zuora not reachable")
    await is_seen(process, "zuora", "zuora not reachable")
    if how == "no port":
        assert await process.metric("billing_bot_zuora_calls_total", outcome="ZuoraUnavailable")
        await site.zuora.start(port=port)
    site.zuora.faults.clear()
    await process.until_ready(90, status="ready")
    assert await process.metric("billing_bot_zuora_calls_total", outcome="ok")


async def test_zuora_gives_no_token(site):
    process = await site.start()
    site.zuora.client_secret = site.zuora._service.tokens.client_secret = "another"
    site.zuora.faults.add("/object-query/*", kind="unauthorized", times=None)

    await is_seen(process, "zuora", "zuora login failed")

    assert await process.metric("billing_bot_zuora_calls_total", route="/oauth/token") >= 2


async def test_a_database_that_somebody_else_has_locked(site):
    process = await site.start()
    shell = sqlite3.connect(site.database, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")

    await is_seen(process, "database", LOCKED_BY_OTHERS)

    shell.execute("ROLLBACK")
    shell.close()
    await all_is_well(process)


async def test_a_disk_that_is_full(site):
    """No file of the process may grow any more."""
    process = await site.start()
    await all_is_well(process)
    _, most = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (4096, most))

    found = await process.until_ready(http=503)

    assert found["database"] in ("database full", "database not writable")
    assert await process.get("/healthz") == (503, f'{{"status": "{found["database"]}"}}')
    assert (await process.get("/livez"))[0] == 200
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (most, most))
    await all_is_well(process)


async def test_a_database_that_was_deleted(site):
    process = await site.start()

    site.database.unlink()

    await is_seen(process, "database", "database deleted or replaced")
    assert not site.database.exists()


def write_rows(path, number):
    """Make another database with so many rows in its history."""
    with closing(Store.open(path)) as store, store.transaction():
        for _ in range(number):
            store.record(Entry(what=What.STARTED_BOT), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "content", ["an older copy", "nothing", "another database", "a longer one"]
)
async def test_a_database_whose_content_is_replaced_in_the_same_file(site, content):
    """As `cp backup.db billing-bot.db` does, which makes no other file of it."""
    process = await site.start()
    first = await site.ask()
    with closing(sqlite3.connect(site.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = site.database.read_bytes()
    other = site.folder / "other.db"
    Store.open(other).close()
    longer = site.folder / "longer.db"
    write_rows(longer, 100)
    await site.ask("BR-00000002")
    await process.until_metric("billing_bot_unsent_messages", lambda n: n == 0)
    await all_is_well(process)
    with closing(sqlite3.connect(site.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    puts = {
        "an older copy": copy, "nothing": b"", "another database": other.read_bytes(),
        "a longer one": longer.read_bytes(),
    }  # fmt: skip
    site.database.write_bytes(puts[content])

    found = await process.until_ready(http=503)
    assert found["status"] in (REPLACED, DAMAGED)
    assert await process.get("/healthz") == (503, f'{{"status": "{found["status"]}"}}')
    await site.approve(first)
    await until(lambda: site.slack.private(BOB, CHANNEL))
    assert "nothing was done" in site.slack.private(BOB, CHANNEL)[-1].text
    assert not [call for call in site.zuora.calls if call.path.endswith("/emails")]


@pytest.mark.parametrize("pages", ["all", "two"])
async def test_a_page_that_is_damaged_is_found_before_anybody_needs_it(site, pages):
    """The bot itself goes on with what it has in memory; the file is read again and again."""
    process = await site.start()
    ts = await site.ask()
    await process.until_metric("billing_bot_unsent_messages", lambda n: n == 0)
    await all_is_well(process)
    with closing(sqlite3.connect(site.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    count = site.database.stat().st_size // PAGE
    with site.database.open("r+b") as file:
        for page in range(1, count) if pages == "all" else (count // 2, count // 2 + 1):
            file.seek(page * PAGE)
            file.write(os.urandom(PAGE))

    await is_seen(process, "database", DAMAGED)

    await site.approve(ts)
    await until(lambda: site.slack.private(BOB, CHANNEL))
    assert "nothing was done" in site.slack.private(BOB, CHANNEL)[-1].text
    assert not [call for call in site.zuora.calls if call.path.endswith("/emails")]
    await process.until_logged("not_ready part='database' why='database damaged'")


def approve_without_a_bot(path):
    """Leave an approved request behind, of which the next start has to begin the call."""
    store = Store.open(path)
    request, now = store.requests.get(1), datetime.now(UTC)
    assert request is not None
    approved = request.decided(State.APPROVED, BOB, now, wake_at=now)
    with store.transaction():
        store.requests.approve(request, BOB, request.team, now)
        store.move(request, approved, Entry(what=What.APPROVED, who=BOB, request=1), now)
    store.close()


@pytest.mark.parametrize("pages", ["whole", "damaged"])
async def test_a_large_file_is_checked_after_the_start_and_before_anything_is_sent(site, pages):
    """The start does not wait for the check, and what was approved does."""
    before = await site.start()
    await site.ask()
    await before.until_metric("billing_bot_unsent_messages", lambda n: n == 0)
    assert await before.end(signal.SIGTERM) == 0
    approve_without_a_bot(site.database)
    make_large(site.database, damaged=pages == "damaged")

    process = await site.start()

    await process.until_logged("checks_the_file: nothing is sent to Zuora before it is read")
    if pages == "damaged":
        await is_seen(process, "database", DAMAGED)
        assert site.state() == "approved"
        assert not [call for call in site.zuora.calls if call.path.endswith("/emails")]
    else:
        await until(lambda: site.state() == "succeeded")
        assert process.log.index("file_checked") < process.log.index("request.started")


async def test_an_outcome_that_nobody_knows(site):
    """The process is killed while a call is out."""
    process = await site.start()
    ts = await site.ask()
    site.zuora.faults.add(EMAILS, kind="hang")
    await site.approve(ts)
    await until(lambda: any(call.path.endswith("/emails") for call in site.zuora.calls))
    site.zuora.faults.add("/v1/notification-history/email", kind="status", status=403, times=None)
    await process.until_metric("billing_bot_under_way", lambda n: n == 1, loop="runner")
    await process.kill()

    again = await site.start()

    await again.until_metric("billing_bot_unknown_outcomes", lambda n: n == 1)
    labels = {"operation": "email_bill_run", "state": "unknown"}
    assert await again.metric("billing_bot_requests", **labels) == 1
    assert await again.metric("billing_bot_request_moves_total", **labels) == 1
    assert re.search(r" WARNING .*request\.ended .*R-1.*unknown", again.log)


async def test_a_request_that_waits_and_one_that_is_done(site):
    process = await site.start()
    ts = await site.ask()

    await process.until_metric("billing_bot_oldest_waiting_seconds", lambda age: age > 0)
    assert await process.metric("billing_bot_requests", state="waiting") == 1
    assert await process.metric("billing_bot_ack_seconds_count") >= 2
    await site.approve(ts)
    await until(lambda: site.state() == "succeeded")
    labels = {"operation": "email_bill_run", "state": "succeeded"}
    await process.until_metric("billing_bot_request_moves_total", lambda n: n == 1, **labels)
    assert await process.metric("billing_bot_oldest_waiting_seconds") == 0
    route = {"route": "/v1/bill-runs/*/emails", "method": "POST", "outcome": "ok"}
    assert await process.metric("billing_bot_zuora_calls_total", **route) == 1
    assert await process.metric("billing_bot_zuora_limit_remaining", limit="concurrency") > 0
    assert await process.metric("billing_bot_wal_bytes") > 4096
    assert await process.metric("billing_bot_event_loop_delay_seconds") >= 0


@pytest.mark.parametrize(
    ("trouble", "why"), [("secret", "wrong"), ("clock", "old"), ("nothing", "not signed")]
)
async def test_a_signature_that_is_refused(site, trouble, why):
    process = await site.start("web")
    if trouble == "secret":
        await process.end(signal.SIGTERM)
        process = await site.start("web", SLACK_SIGNING_SECRET="0123456789abcdef0123456789abcdef")

    status = await posted(process.door, 310 if trouble == "clock" else 0, trouble)

    assert status == 401
    assert await process.metric("billing_bot_signatures_refused_total", why=why) == 1
    words = {
        "wrong": "SLACK_SIGNING_SECRET",
        "old": "the clocks differ",
        "not signed": "request_is_not_signed",
    }
    await process.until_logged(words[why])


async def posted(door, age, trouble):
    """Post something with Slack's secret, signed so many seconds ago; the HTTP status."""
    at, body = str(int(time.time()) - age), "command=%2Fbillstatus"
    signed = SignatureVerifier(SIGNING_SECRET).generate_signature(timestamp=at, body=body)
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": str(signed)}
    headers = {} if trouble == "nothing" else headers
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{door}/slack/events", data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_the_process_that_works_is_frozen(site):
    worker = await site.start()
    other = await site.start()
    await other.until_ready(work="stands by", others="there are others")
    assert (await worker.until_ready(others="there are others"))["work"] == "works"
    assert await other.metric("billing_bot_work_lock_held") == 0
    assert await worker.metric("billing_bot_work_lock_held") == 1

    worker.send(signal.SIGSTOP)

    found = await other.until_ready(80, others="the process that works does not answer")
    assert found["http"] == 503
    assert await other.metric("billing_bot_other_processes", state="frozen") == 1
    await other.until_logged("another_process_does_not_turn")
    assert f"pid={worker.process.pid}" in other.log
    worker.send(signal.SIGCONT)
    await other.until_ready(others="there are others", status="ready")


async def test_a_process_that_stands_by_is_frozen(site):
    worker = await site.start()
    other = await site.start()
    await other.until_ready(work="stands by")

    other.send(signal.SIGSTOP)

    found = await worker.until_ready(80, others="another process does not answer")
    assert found["http"] == 503
    await other.kill()
    await worker.until_ready(others="none", status="ready")


async def test_a_clock_that_is_off(site):
    """Nothing that is signed is taken beyond 300 s; beyond a minute nothing is decided, and it is said before."""
    process = await site.start()
    await all_is_well(process)

    site.slack.clock_ahead = timedelta(minutes=2)

    skew = "billing_bot_clock_skew_seconds"
    await process.until_metric(skew, lambda seconds: seconds < -110, whose="slack")
    assert abs(await process.metric(skew, whose="zuora")) < 10
    await process.until_logged("clock_is_off")
    site.slack.clock_ahead = timedelta()
    await process.until_metric(skew, lambda seconds: abs(seconds) < 10, whose="slack")


async def test_a_lock_file_that_is_deleted(site):
    worker = await site.start()
    other = await site.start()
    (site.folder / "billing-bot.db.lock").unlink()

    await until(lambda: worker.ended)

    assert worker.process.returncode == LOST_THE_WORK  # with 0 systemd would not start it again
    await other.until_ready(work="works", others="none")


async def test_without_a_port_of_its_own_web_has_them_at_its_door(site):
    process = await site.start("web", HEALTH_PORT="")

    for path in ("/livez", "/healthz", "/readyz", "/metrics"):
        status, text = await process.get(path, process.door)
        assert status == 200, text
        assert BOB not in text


async def test_with_a_port_of_its_own_the_door_has_no_figures(site):
    process = await site.start("web")

    assert (await process.get("/metrics", process.door))[0] == 404
    assert (await process.get("/readyz", process.door))[0] == 200
    assert (await process.get("/metrics"))[0] == 200


async def test_a_health_port_that_is_taken_is_named(site):
    first = await site.start()
    port = first.health.rpartition(":")[2]

    second = await site.begin("run", HEALTH_PORT=port)

    await until(lambda: second.ended)
    assert f"HEALTH_PORT: the port {port} cannot be used" in second.log
