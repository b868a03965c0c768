"""Calls as values."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest

from bot.domain.kind import DocumentKind
from bot.zuora import calls, wire
from bot.zuora.caller import Caller
from bot.zuora.effects import Effects, EmailBody
from bot.zuora.wire import CallError, HttpCall

IDS = {"track_id": "t-1", "idempotency_key": "k-1"}
PATHS: dict[DocumentKind, str] = {
    "invoice": "invoices", "credit_memo": "credit-memos", "debit_memo": "debitmemos"
}  # fmt: skip
EFFECTS = Effects(cast("Caller", None), PATHS)  # nothing is sent here


def test_a_put_with_an_idempotency_key_is_refused():
    with pytest.raises(CallError):
        HttpCall(method="PUT", path="/v1/x", body={}, effect=True, idempotency_key="k")


def test_a_get_with_an_idempotency_key_or_a_body_is_refused():
    with pytest.raises(CallError):
        HttpCall(method="GET", path="/v1/x", idempotency_key="k")
    with pytest.raises(CallError):
        HttpCall(method="GET", path="/v1/x", body={})


def test_an_effect_without_a_key_is_refused():
    with pytest.raises(CallError):
        HttpCall(method="POST", path="/v1/x", body={}, effect=True)


def test_a_post_without_a_body_is_refused():
    with pytest.raises(CallError):
        HttpCall(method="POST", path="/v1/x")


@pytest.mark.parametrize("track_id", ["a:b", "a;b", 'a"b', "a'b", "x" * 65, "ä", "a\nb"])
def test_a_track_id_that_zuora_would_refuse_is_refused_here(track_id):
    with pytest.raises(CallError):
        EFFECTS.post_bill_run("8ad0", {}, track_id=track_id)


@pytest.mark.parametrize("key", ["x" * 256, "ä", "a\r\nHost: b"])
def test_a_key_that_zuora_would_refuse_is_refused_here(key):
    with pytest.raises(CallError):
        EFFECTS.create_bill_run({}, track_id="t", idempotency_key=key)


@pytest.mark.parametrize("key", ["", ".", ".."])
def test_a_key_that_would_change_the_path_is_refused(key):
    with pytest.raises(CallError):
        EFFECTS.email_bill_run(key, resend=False, **IDS)


def test_every_key_is_quoted():
    call = EFFECTS.email_bill_run("BR-1/../x?y#z %", resend=True, **IDS).call

    assert call.path == "/v1/bill-runs/BR-1%2F..%2Fx%3Fy%23z%20%25/emails"


def test_resend_is_a_json_boolean():
    assert EFFECTS.email_bill_run("BR-1", resend=False, **IDS).call.content == b'{"resend":false}'


def test_a_body_is_never_empty():
    assert EFFECTS.email_document("invoice", "INV1", EmailBody(), **IDS).call.content == b"{}"
    assert EFFECTS.cancel_bill_run("8ad0", {}, track_id="t").call.content == b"{}"


def test_addresses_are_one_text_with_commas():
    body = EmailBody(
        email_addresses=("a@x.example", "b@x.example"), include_additional_email_addresses=True
    )
    call = EFFECTS.email_document("debit_memo", "DM1", body, **IDS).call

    assert json.loads(call.content) == {
        "emailAddresses": "a@x.example,b@x.example",
        "includeAdditionalEmailAddresses": True,
    }


def test_an_invoice_mail_takes_no_pdf_id_and_a_memo_mail_does():
    body = EmailBody(pdf_file_id="8a" * 16)

    with pytest.raises(CallError):
        EFFECTS.email_document("invoice", "INV1", body, **IDS)
    assert b"pdfFileId" in EFFECTS.email_document("credit_memo", "CM1", body, **IDS).call.content


def test_headers_stand_where_they_are_set_and_only_there():
    call = EFFECTS.email_bill_run("BR-1", resend=False, **IDS).call

    assert wire.headers(call, "abc") == {
        "Authorization": "Bearer abc",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Zuora-Track-Id": "t-1",
        "Idempotency-Key": "k-1",
    }
    assert wire.headers(calls.get("v1", "x"), "abc").keys() == {"Authorization", "Accept"}
    same = {"User-Agent": wire.USER_AGENT, "Accept-Encoding": "gzip", "Zuora-Version": "2025-08-12"}
    assert wire.same_headers(version="2025-08-12") == same
    assert wire.same_headers(version="2025-08-12", entity_ids="e", org_ids="1,2") == {
        **same,
        "Zuora-Entity-Ids": "e",
        "Zuora-Org-Ids": "1,2",
    }


def test_a_decimal_of_a_body_becomes_a_json_number():
    call = EFFECTS.create_bill_run({"a": Decimal(5), "b": Decimal("5.5")}, **IDS).call

    assert call.content == b'{"a":5,"b":5.5}'


def test_a_zoql_text_keeps_quotes_inside():
    assert calls.zoql_text("O'Neil\\") == "'O\\'Neil\\\\'"


def test_the_mail_history_is_asked_for_successes_too():
    moment = datetime(2026, 11, 30, 9, tzinfo=UTC)

    call = calls.email_history("8ad0", moment, moment, 1)

    assert "failedOnly=false" in call.target
    assert "startTime=2026-11-30T09%3A00%3A00" in call.target
