"""Answers of Zuora have a bound: in bytes, also unpacked; in rows; in what a zip unpacks to."""

import asyncio
import gzip
import io
import time
import zipfile

import httpx2
import pytest

from bot.zuora import paging, preview_runs, tokens
from bot.zuora.answers import Answer
from bot.zuora.bounded import MOST_BYTES
from bot.zuora.connections import http_client
from bot.zuora.errors import ZuoraRefused
from bot.zuora.judge import QUICK, judge
from bot.zuora.preview_file import items_of
from tests.stage import BOB


class Server:
    """Answers every request with the same head and body, and says nothing else."""

    def __init__(self, body, *headers):
        self.body = body
        self.head = "\r\n".join(
            ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", ""]
        ).encode()
        self.sent = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/"

    async def __aexit__(self, *_):
        self.server.close()

    async def _answer(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        try:
            writer.write(self.head + self.body)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


GZIP = "Content-Encoding: gzip"
BOMB = gzip.compress(bytes(MOST_BYTES + 1), mtime=0)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BOMB, (GZIP,)),
        (bytes(MOST_BYTES + 1), ()),
        (gzip.compress(bytes(MOST_BYTES), mtime=0) + gzip.compress(b"x", mtime=0), (GZIP,)),
        (gzip.compress(b"{}" * 1000, mtime=0)[:-9], (GZIP,)),
        (b"no gzip", (GZIP,)),
        (b"{}", ("Content-Encoding: br",)),
    ],
)
async def test_an_answer_that_is_too_long_or_cannot_be_unpacked_is_lost(body, headers):
    async with Server(body, *headers) as url, http_client() as http:
        with pytest.raises(httpx2.RequestError, match="Zuora's answer"):
            await http.get(url)


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"{}", mtime=0),
        gzip.compress(b"{", mtime=0) + gzip.compress(b"}", mtime=0),
        b"",
    ],
)
async def test_what_is_packed_rightly_is_read(body):
    async with Server(body, GZIP) as url, http_client() as http:
        assert (await http.get(url)).content == (b"{}" if body else b"")


async def test_a_long_answer_is_read_while_others_get_their_turn():
    row = b'{"id":"8ad09b7d","amount":12.5,"account":{"name":"Blue","n":[1,2,3]}},'
    body = b'{"success":true,"data":[' + row * (3 * QUICK // len(row)) + b"null]}"
    turns = []

    async def others():
        while True:
            turns.append(time.monotonic())
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    found = await asyncio.to_thread(judge, 200, {}, body, effect=False)
    waiting.cancel()

    assert isinstance(found, Answer)
    assert len(found.data["data"]) > 1000
    assert len(turns) > 20  # the quick decoder would have let nobody in


async def test_more_documents_than_a_request_may_hold_are_refused_in_a_sentence(stage, monkeypatch):
    monkeypatch.setattr(paging, "MOST_ROWS", 3)
    submitted = await stage.fill()

    assert "Zuora lists more than 3 of them" in submitted.errors["bill_run"]
    assert stage.slack.channel_messages("C0BILLING") == []


async def test_the_bound_counts_invoices_and_credit_memos_together(stage, monkeypatch):
    """The run has four invoices and a credit memo."""
    monkeypatch.setattr(paging, "MOST_ROWS", 4)
    submitted = await stage.fill()

    assert "Zuora lists more than 4 of them" in submitted.errors["bill_run"]


async def test_the_answer_to_a_question_for_a_token_has_a_bound_of_its_own(stage):
    await stage.stop()
    stage.zuora.faults.add(
        "/oauth/token",
        kind="status",
        status=200,
        text='{"access_token": "%s", "expires_in": 3600}' % ("x" * tokens.MOST_BYTES),
    )

    await stage.start()

    assert "gives no token just now" in stage.bot.health()["zuora"]


def test_adding_up_a_preview_has_an_end(monkeypatch):
    monkeypatch.setattr(preview_runs, "MOST_SECONDS", -1.0)
    content = b"Account: ID,Charge Amount,Account: Currency\na,1.00,USD\n"

    with pytest.raises(ZuoraRefused, match="takes too long"):
        preview_runs._add_up(content, None)


def test_the_bound_of_a_request_is_fifty_thousand_documents():
    assert paging.MOST_ROWS == 50_000


def test_a_preview_that_unpacks_to_too_much_is_not_read():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("preview.csv", b"Account: ID,Charge Amount\n" + b"a,1.00\n" * 6_000_000)
    assert len(packed.getvalue()) < 1_000_000

    with pytest.raises(ZuoraRefused, match="too long to add up"):
        list(items_of(packed.getvalue()))


async def test_an_answer_too_long_to_an_order_is_an_unknown_outcome_that_is_asked_for_again(stage):
    stage.zuora.faults.add(
        "/v1/bill-runs/*/emails", kind="status", status=200, text=" " * (MOST_BYTES + 1)
    )
    ts = await stage.ask()

    await stage.press(BOB, ts)
    await stage.until_thread(ts, "Zuora's answer is longer than 32 MiB")
    await stage.pass_time(minutes=1)
    await stage.until_card(ts, "Accepted by Zuora")
