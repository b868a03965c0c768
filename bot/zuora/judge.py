"""Judges an HTTP answer of Zuora: a reply or an error, as a value. No I/O.

Sources: the guides *Error codes*, *Error handling* and *API upgrades* (a code's last two digits are
its category; before version 2024-05-20 every categorised error is HTTP 200 with `success:false`)
and the recorded answers in tests/zuora.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from json import scanner
from typing import Any, Final

from bot.domain.clean import kept
from bot.zuora import numbers
from bot.zuora.answers import Answer
from bot.zuora.errors import (
    OutcomeUnknown,
    ZuoraBusy,
    ZuoraError,
    ZuoraNotFound,
    ZuoraRefused,
    ZuoraUnavailable,
    for_people,
)
from bot.zuora.reasons import OUTAGES, Reason, reasons_of

PERMISSION: Final = 10
AUTHENTICATION: Final = 11
NOT_FOUND: Final = 40
CONTENTION: Final = 50
LIMIT: Final = 70
_KNOWN: Final = frozenset({10, 11, 20, 21, 22, 23, 27, 30, 40, 45, 50, 60, 61, 70, 90, 99})
_BY_STATUS: Final[dict[int, int]] = {
    401: AUTHENTICATION, 403: PERMISSION, 404: NOT_FOUND, 405: 45, 406: 45, 415: 45, 429: LIMIT,
}  # fmt: skip
_GRAVEST_FIRST: Final = (*OUTAGES, AUTHENTICATION, LIMIT, CONTENTION, PERMISSION, NOT_FOUND)
AT_ONCE: Final = 32 * 1024
"""Bytes that are read in less than a millisecond (forty such answers in some 20). Longer answers are
read one after the other."""

QUICK: Final = 1024 * 1024
"""Bytes that are read in about 10 ms. Longer answers are read in a thread, by a decoder that gives way to others."""

_DECODER: Final = json.JSONDecoder(parse_float=Decimal)  # once: making it takes as long as using it
_ABOUT_THE_KEY: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
_TIMEOUTS: Final = frozenset({408, 425, 499})  # the request may have gone on to Zuora


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer, taken apart once."""

    status: int
    data: Any
    reasons: tuple[Reason, ...]
    category: int | None
    headers: Mapping[str, str]
    facts: dict[str, Any]


def judge(
    status: int, headers: Mapping[str, str], body: bytes, *, effect: bool, repeat: bool = False
) -> Answer | ZuoraError:
    """Judge one answer.

    Args:
        status: HTTP status.
        headers: Response headers with case-insensitive look-up.
        body: Decoded body.
        effect: Whether the call has an effect; then a doubtful answer is `OutcomeUnknown`.
        repeat: Whether its idempotency key was sent before and the answer lost. Then an answer
        that says nothing about the first call is doubtful too: it may have been done.

    Returns:
        An `Answer`, or the error to raise.
    """
    seen = _take_apart(status, headers, body, _ONCE if effect else None)
    if _is_yes(seen, effect=effect):
        return Answer(status, seen.facts["zuora_request_id"], seen.data, len(body))
    if _is_in_doubt(seen) or (repeat and _is_before_the_key(seen)):
        return _doubt(seen, effect=effect)
    return _refusal(seen, effect=effect)


def _take_apart(
    status: int, headers: Mapping[str, str], body: bytes, decoder: json.JSONDecoder | None
) -> _Seen:
    data = _json(body, decoder)
    reasons = reasons_of(data)
    category = _category(status, reasons)
    request_id = headers.get("Zuora-Request-Id", "") or _request_id(data)
    facts = {
        "zuora_request_id": request_id[:64],
        "words": tuple(for_people(reason.message) for reason in reasons if reason.message),
    }
    return _Seen(status, data, reasons, category, headers, facts)


class _PatientDecoder(json.JSONDecoder):
    """A decoder in Python: a tenth as fast, but other threads get their turn meanwhile.

    The quick decoder is a single step for the interpreter, in a thread too.
    """

    def __init__(self) -> None:
        super().__init__(parse_float=Decimal)
        self.scan_once = scanner.py_make_scanner(self)  # type: ignore[attr-defined]  # no stub has it


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object in which each name occurs once.

    Raises:
        ValueError: A name occurs twice, so neither value is known.
    """
    found = dict(pairs)
    if len(found) < len(pairs) and any(found[name] != value for name, value in pairs):
        msg = "an answer that says two things"
        raise ValueError(msg)
    return found


_ONCE: Final = json.JSONDecoder(parse_float=Decimal, object_pairs_hook=_once)
"""The decoder for answers to calls with an effect, which are short."""


_MAY_NOT_BE_KEPT: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def _json(body: bytes, decoder: json.JSONDecoder | None) -> Any:
    decoder = (decoder or _DECODER) if len(body) <= QUICK else _PatientDecoder()
    try:
        text = body.decode(json.detect_encoding(body)).removeprefix("\ufeff")
        data = decoder.decode(text)
        return _kept(data) if _MAY_NOT_BE_KEPT.search(text) else data
    except (ValueError, RecursionError):
        return None


def _kept(data: Any) -> Any:
    """Return an answer with only such texts as a database can store."""
    match data:
        case str():
            return kept(data)
        case list():
            return [_kept(each) for each in data]
        case dict():
            return {kept(name): _kept(value) for name, value in data.items()}
        case _:
            return data


def _request_id(data: Any) -> str:
    found = data.get("requestId") if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def _category(status: int, reasons: tuple[Reason, ...]) -> int | None:
    found = [reason.category for reason in reasons if reason.category in _KNOWN]
    for grave in _GRAVEST_FIRST:
        if grave in found:
            return grave
    return found[0] if found else _BY_STATUS.get(status)


def _is_yes(seen: _Seen, *, effect: bool) -> bool:
    well = HTTPStatus.OK <= seen.status < HTTPStatus.MULTIPLE_CHOICES
    if not well or not isinstance(seen.data, dict | list):
        return False
    if isinstance(seen.data, list):
        return not effect
    said = _said(seen.data)
    if not said and effect:  # only an id proves that something was made
        return bool(seen.data.get("id")) and not seen.reasons
    return said == {"true"} if said else not seen.reasons


def _is_in_doubt(seen: _Seen) -> bool:
    """Return whether the answer says neither yes nor no."""
    failed = seen.status >= HTTPStatus.INTERNAL_SERVER_ERROR or seen.status in _TIMEOUTS
    if failed or seen.category in OUTAGES:
        return True
    if any(reason.category in OUTAGES for reason in seen.reasons):
        return True
    if seen.status == HTTPStatus.CONFLICT and seen.category != CONTENTION:
        return True  # a call with this key is under way: nobody knows yet how it will end
    if seen.status >= HTTPStatus.BAD_REQUEST:
        return False
    return not seen.reasons and not _says_no(seen.data)


def _is_before_the_key(seen: _Seen) -> bool:
    """Return whether a refusal says nothing about the first call under this key.

    The first call may still be at work (409), its key was used for something else (422), or a
    gateway, a proxy or a missing right stopped the repetition (guide *Idempotent requests*).
    """
    if seen.status in _ABOUT_THE_KEY or seen.category in {CONTENTION, PERMISSION}:
        return True
    return (
        not seen.reasons
        and not _says_no(seen.data)
        and seen.category not in {LIMIT, AUTHENTICATION}
    )


def _says_no(data: Any) -> bool:
    return isinstance(data, dict) and _said(data) == {"false"}


def _said(data: Mapping[str, Any]) -> set[str]:
    """Return whether it was done, in the answer's own words; empty if they contradict each other."""
    said = (data.get(name) for name in ("success", "Success"))
    return {str(each).lower() for each in said if each is not None}


def _doubt(seen: _Seen, *, effect: bool) -> ZuoraError:
    shared = {"status": seen.status, "category": seen.category, **seen.facts}
    if effect:
        return OutcomeUnknown(
            f"Zuora answered HTTP {seen.status}, which does not say whether it was done.", **shared
        )
    return ZuoraUnavailable(f"Zuora could not answer (HTTP {seen.status}).", **shared)


def _refusal(seen: _Seen, *, effect: bool) -> ZuoraError:
    shared = {"status": seen.status, "category": seen.category, **seen.facts}
    if seen.category == LIMIT:
        return ZuoraBusy(
            "Zuora takes no more calls right now.", retry_after=numbers.rest(seen.headers), **shared
        )
    if seen.category == CONTENTION:
        return ZuoraBusy(
            "Zuora is working on the same thing right now.",
            retry_after=numbers.rest(seen.headers),
            new_key_needed=effect,
            **shared,
        )
    words = " ".join(seen.facts["words"]) or f"HTTP {seen.status}"
    family = ZuoraNotFound if seen.category == NOT_FOUND else ZuoraRefused
    return family(f"Zuora said no: {words}", **shared)
