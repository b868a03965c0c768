"""One call to Zuora as a value: path, query, body and headers. No I/O.

Sources: the request headers of Zuora's API pages (*Email billing documents generated from a bill
run*, *Create a bill run*) and its guide *Idempotent requests*.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from bot.zuora.errors import ZuoraRefused

Method = Literal["GET", "POST", "PUT"]
USER_AGENT: Final = f"billing-bot/{version('billing-bot')}"
TRACK_ID_LENGTH: Final = 64
KEY_LENGTH: Final = 255
_WORDS: Final = frozenset(
    [
        "",
        "v1",
        "accounts",
        "action",
        "bill-runs",
        "billing-preview",
        "billing-preview-runs",
        "billing-rules",
        "billing-runs",
        "cancel",
        "communication-profiles",
        "credit-memos",
        "credit-memo-items",
        "creditmemos",
        "debit-memos",
        "debit-memo-items",
        "debitmemos",
        "email",
        "emails",
        "files",
        "invoice-items",
        "invoices",
        "notification-history",
        "notifications",
        "object-query",
        "operations",
        "pdf-status",
        "post",
        "query",
        "queryMore",
        "settings",
        "subscriptions",
    ]
)
"""The fixed parts of paths; other parts are keys, which identify customers' documents."""

_NOT_IN_A_TRACK_ID: Final = frozenset(":;\"'")


class CallError(ZuoraRefused):
    """The call breaks one of Zuora's rules for requests and must not be sent: a definite refusal."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"Not sent: {problem}.")


@dataclass(frozen=True, kw_only=True)
class HttpCall:
    """One request to Zuora.

    Attributes:
        method: HTTP method.
        path: Path below the base URL, with every key already percent-quoted.
        query: Query parameters in order; a name may come twice.
        body: JSON object of a POST or PUT, at least `{}`; None for GET.
        effect: True if the call has an effect; the client never repeats such a call.
        track_id: `Zuora-Track-Id`, echoed by Zuora; empty for none.
        idempotency_key: `Idempotency-Key`; empty for none.
        repeat: True if this key was sent before and its answer was lost: a conflict (409) may
            then mean that the first call is still at work.
        is_file: True if the answer is a file and no JSON.

    Raises:
        CallError: It breaks one of the rules that `_problem` names.
    """

    method: Method
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    effect: bool = False
    track_id: str = ""
    idempotency_key: str = ""
    repeat: bool = False
    is_file: bool = False

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise CallError(problem)

    @property
    def target(self) -> str:
        """Return path and query as in the request line."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def route(self) -> str:
        """Return the path with a star for each key: what a log and a metric may show."""
        return "/".join(part if part in _WORDS else "*" for part in self.path.split("/"))

    @cached_property
    def content(self) -> bytes:
        """Return the body as UTF-8 JSON, the same bytes for what is written down and what is sent; empty for GET."""
        if self.body is None:
            return b""
        return _ENCODER.encode(dict(self.body)).encode()


def path(*parts: str) -> str:
    """Join fixed parts and keys to a path; every special character is quoted.

    Raises:
        CallError: A part is empty, or only dots, which a proxy would resolve.
    """
    if any(not part.strip(".") for part in parts):
        raise CallError("a key is empty")
    return "/" + "/".join(part if part in _WORDS else quote(part, safe="") for part in parts)


def same_headers(*, version: str, entity_ids: str = "", org_ids: str = "") -> dict[str, str]:
    """Return the headers that all calls have in common.

    Args:
        version: `Zuora-Version`; decides whether errors have an HTTP status of their own.
        entity_ids: `Zuora-Entity-Ids`; only set with Multi-entity.
        org_ids: `Zuora-Org-Ids`, comma separated; only set with Multi-Org.
    """
    found = {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "gzip",
        "Zuora-Version": version,
        "Zuora-Entity-Ids": entity_ids,
        "Zuora-Org-Ids": org_ids,
    }
    return {name: value for name, value in found.items() if value}


def headers(call: HttpCall, token: str) -> dict[str, str]:
    """Return the headers of one call, beside the `same_headers`; `token` is the OAuth access token."""
    found = {
        "Authorization": f"Bearer {token}",
        "Accept": "*/*" if call.is_file else "application/json",
    }
    if call.body is not None:
        found["Content-Type"] = "application/json"
    if call.track_id:
        found["Zuora-Track-Id"] = call.track_id
    if call.idempotency_key:
        found["Idempotency-Key"] = call.idempotency_key
    return found


def _problem(call: HttpCall) -> str:
    if (call.method == "GET") != (call.body is None):
        return "a GET takes no body; POST and PUT need at least {}"
    if call.idempotency_key and call.method != "POST":
        return "only a POST may carry an idempotency key; Zuora refuses it elsewhere"
    if call.effect and call.method == "POST" and not call.idempotency_key:
        return "an effect sent by POST needs an idempotency key"
    if not _plain(call.idempotency_key, KEY_LENGTH):
        return f"an idempotency key has at most {KEY_LENGTH} printable ASCII characters"
    if not _plain(call.track_id, TRACK_ID_LENGTH) or _NOT_IN_A_TRACK_ID & set(call.track_id):
        return f"a track id has at most {TRACK_ID_LENGTH} ASCII characters and no : ; \" or '"
    return ""


def _plain(text: str, longest: int) -> bool:
    return len(text) <= longest and text.isascii() and (text.isprintable() or not text)


def _number(value: object) -> int | float | str:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


LONG: Final = 1000
"""A body with more bytes is compressed, as Zuora does with its answers."""

_ENCODER: Final = json.JSONEncoder(default=_number, separators=(",", ":"))
