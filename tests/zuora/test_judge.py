"""What each of Zuora's answers means: bodies from its guides, its SDK and recorded replies."""

import json

import httpx2
import pytest

from bot.zuora.answers import Answer
from bot.zuora.errors import (
    OutcomeUnknown,
    ZuoraBusy,
    ZuoraNotFound,
    ZuoraRefused,
    ZuoraUnavailable,
)
from bot.zuora.judge import judge

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"
NOT_FOUND = {
    "success": False,
    "processId": "747E0D5A53240416",
    "reasons": [{"code": 50000040, "message": "Cannot find entity by key: '1234567'."}],
    "requestId": "359b0b97-c59b-439d-be52-f004f4c5e817",
}
STRING_CODE = {
    "processId": "738CBB9234B47A47",
    "reasons": [{"code": "58730222", "message": "orderDate may not be null"}],
    "requestId": "d7479cf6-0000-4000-8000-000000000000",
    "success": False,
}
SYSTEM_ERROR = {"reasons": [{"code": "SystemError", "message": "internal server error"}]}
OLD_401 = {
    "success": False,
    "reasons": [{"code": 90000011, "message": "this resource is protected, please sign in first"}],
}
STRING_401 = {
    "success": False,
    "reasons": [{"code": "90000011", "message": "Failed to get user info"}],
}
RATE = {
    "reasons": [
        {"code": 70, "message": "API Rate limit exceeded for the minute, retry after 600 seconds"}
    ]
}
CRUD = {"Success": False, "Errors": [{"Code": "INVALID_VALUE", "Message": "The account is wrong"}]}
FAULT = {"faultcode": "fns:MALFORMED_QUERY", "faultstring": "You have an error in your ZOQL"}


def reasons(code, message="No."):
    return {"success": False, "reasons": [{"code": code, "message": message}]}


def judged(status, body, *, effect=True, repeat=False, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(status, httpx2.Headers(named), raw, effect=effect, repeat=repeat)


@pytest.mark.parametrize(
    ("status", "body", "family", "category"),
    [
        (404, NOT_FOUND, ZuoraNotFound, 40),
        (200, NOT_FOUND, ZuoraNotFound, 40),
        (400, STRING_CODE, ZuoraRefused, 22),
        (200, STRING_CODE, ZuoraRefused, 22),
        (401, {"message": "Authentication error"}, ZuoraRefused, 11),
        (401, {"message": "Failed to get user info"}, ZuoraRefused, 11),
        (200, OLD_401, ZuoraRefused, 11),
        (401, STRING_401, ZuoraRefused, 11),
        (403, {"code": "FORBIDDEN", "message": "Not for you"}, ZuoraRefused, 10),
        (403, reasons(50000010), ZuoraRefused, 10),
        (404, {"message": "no Route matched with those values"}, ZuoraNotFound, 40),
        (415, reasons(50000045), ZuoraRefused, 45),
        (405, {"message": "method 'PUT' not supported"}, ZuoraRefused, 45),
        (400, {"message": "Request method 'PUT' not supported"}, ZuoraRefused, None),
        (422, {"message": "The key was used for another URL"}, ZuoraRefused, None),
        (400, b"<html>no</html>", ZuoraRefused, None),
        (200, CRUD, ZuoraRefused, 20),
        (400, FAULT, ZuoraRefused, 20),
        (200, {"success": False}, ZuoraRefused, None),
        (429, RATE, ZuoraBusy, 70),
        (429, reasons(50000070), ZuoraBusy, 70),
        (200, reasons(50000070), ZuoraBusy, 70),
        (429, b"", ZuoraBusy, 70),
        (409, reasons(50000050), ZuoraBusy, 50),
        (200, reasons("50000050"), ZuoraBusy, 50),
        (500, SYSTEM_ERROR, OutcomeUnknown, 60),
        (200, SYSTEM_ERROR, OutcomeUnknown, 60),
        (500, reasons(50000060), OutcomeUnknown, 60),
        (200, reasons(50000060), OutcomeUnknown, 60),
        (500, reasons(50000061), OutcomeUnknown, 61),
        (500, reasons(50000099), OutcomeUnknown, 99),
        (500, reasons(50000030), OutcomeUnknown, 30),
        (502, HTML, OutcomeUnknown, None),
        (503, b"", OutcomeUnknown, None),
        (504, HTML, OutcomeUnknown, None),
        (408, b"", OutcomeUnknown, None),
        (409, {"message": "Conflict"}, OutcomeUnknown, None),
        (200, HTML, OutcomeUnknown, None),
        (200, b"", OutcomeUnknown, None),
        (200, {}, OutcomeUnknown, None),
        (200, [], OutcomeUnknown, None),
        (302, b"", OutcomeUnknown, None),
    ],
)
def test_an_effect_s_answer_says_no_later_or_perhaps(status, body, family, category):
    found = judged(status, body)

    assert type(found) is family
    assert (found.status, found.category) == (status, category)


@pytest.mark.parametrize("category", [10, 20, 21, 22, 23, 27, 30, 45, 90])
@pytest.mark.parametrize("shape", [int, str])
def test_a_definite_no_is_recognized_by_the_last_two_digits(category, shape):
    for status in (200, 400):
        found = judged(status, reasons(shape(500000_00 + category), "Because."))

        assert type(found) is ZuoraRefused
        assert (found.category, found.words) == (category, ("Because.",))


def test_a_code_of_thousands_of_digits_is_read_by_its_last_two():
    """Python reads no number of more than 4,300 digits."""
    assert judged(400, reasons("1" * 5000 + "40")).category == 40


def test_of_several_reasons_the_gravest_counts_and_all_words_are_kept():
    body = reasons(50000020, "First.")
    body["reasons"].append({"code": 50000061, "message": "Second."})

    found = judged(400, body)

    assert type(found) is OutcomeUnknown
    assert found.words == ("First.", "Second.")


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, SYSTEM_ERROR), (502, HTML), (200, HTML), (408, b""), (200, reasons(60))],
)
def test_a_read_in_doubt_is_unavailable(status, body):
    assert type(judged(status, body, effect=False)) is ZuoraUnavailable


def test_a_read_needs_no_word_of_success():
    found = judged(200, {"data": [{"amount": 10.25}]}, effect=False)

    assert isinstance(found, Answer)
    assert str(found.data["data"][0]["amount"]) == "10.25"
    assert isinstance(judged(200, [{"id": "1"}], effect=False), Answer)


def test_what_no_database_keeps_stands_in_an_answer_as_one_character():
    """The character 0 and half an emoji; a whole one stays."""
    found = judged(200, rb'{"success": true, "names": ["a\u0000", "\ud83d", {"\ud83d\ude00": 1}]}')

    assert isinstance(found, Answer)
    assert found.data["names"] == ["a\ufffd", "\ufffd", {"\U0001f600": 1}]


@pytest.mark.parametrize("body", [{"success": True}, {"success": "true"}, {"id": "8ad0"}])
def test_an_effect_is_done_when_zuora_says_so_or_names_what_it_made(body):
    found = judged(200, body, Zuora_Request_Id="r-1")

    assert isinstance(found, Answer)
    assert found.zuora_request_id == "r-1"


@pytest.mark.parametrize(
    "body",
    [
        b'{"success": true, "success": false}',
        b'{"success": false, "success": true}',
        b'{"success": true, "Success": false}',
        b'{"id": "1", "id": "2"}',
        b'{"success": true, "it": {"id": "1", "id": "2"}}',
    ],
)
def test_an_effect_s_answer_that_says_two_things_says_neither(body):
    assert isinstance(judged(200, body), OutcomeUnknown)


def test_an_answer_may_say_the_same_twice():
    assert isinstance(judged(200, b'{"success": true, "success": true}'), Answer)


def test_a_conflict_needs_a_new_key_and_a_limit_does_not():
    assert judged(409, reasons(50000050)).new_key_needed is True
    assert judged(429, RATE).new_key_needed is False
    assert judged(409, reasons(50000050), effect=False).new_key_needed is False


def test_a_conflict_of_a_key_sent_before_may_be_the_first_call_at_work():
    assert type(judged(409, reasons(50000050), repeat=True)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, reasons(50000030)),
        (403, reasons(50000010)),
        (403, HTML),
        (404, HTML),
        (200, reasons(50000050)),
    ],
)
def test_what_does_not_come_from_behind_a_key_sent_before_is_no_refusal(status, body):
    assert type(judged(status, body, repeat=True)) is OutcomeUnknown
    assert type(judged(status, body)) is not OutcomeUnknown


def test_a_no_from_behind_a_key_sent_before_is_a_no():
    assert type(judged(400, reasons(50000030), repeat=True)) is ZuoraRefused
    assert type(judged(429, RATE, repeat=True)) is ZuoraBusy


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "120", "ratelimit_reset": "3"}, 120),
        ({"ratelimit_reset": "3"}, 3),
        ({"Retry_After": "soon", "ratelimit_reset": "3"}, 3),
        ({"Retry_After": "inf"}, None),
        ({"ratelimit_reset": "3", "ratelimit_remaining": "0"}, 3),
        ({"ratelimit_reset": "3", "ratelimit_remaining": "49000"}, None),
        ({}, None),
    ],
)
def test_the_rest_is_retry_after_or_else_the_reset_of_the_rate(headers, seconds):
    assert judged(429, RATE, **headers).retry_after == seconds


def test_the_request_id_of_the_body_stands_in_for_the_header_s():
    assert judged(404, NOT_FOUND).zuora_request_id == NOT_FOUND["requestId"]


def test_what_is_kept_of_an_answer_has_no_address_name_or_token():
    body = {
        "success": False,
        "name": "Blue Ltd",
        "toEmail": "pay@blue.example",
        "access_token": "6447d349",
        "reasons": [{"code": 50000020, "message": "pay@blue.example is refused, Bearer 6447d349"}],
    }

    found = judged(400, body)

    for kept in (str(found), repr(found), *found.words):
        assert "blue" not in kept.lower()
        assert "6447d349" not in kept
    assert "is refused" in str(found)
