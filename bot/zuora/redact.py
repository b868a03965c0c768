"""What of an answer may be kept and shown: no mail address, no customer name, no token. No I/O."""

import json
import re
from typing import Any, Final

LONGEST: Final = 500
_MAIL: Final = re.compile(r"[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+")
_BEARER: Final = re.compile(r"(?i)\bbearer\s+\S+")
_TITLE: Final = re.compile(rb"<title[^>]*>([^<]{0,200})", re.IGNORECASE)
_KEPT: Final = frozenset(
    {"success", "Success", "id", "billRunNumber", "status", "processId", "requestId", "reasons",
     "Errors", "errors", "code", "Code", "message", "Message", "createdDate", "targetDate",
     "invoiceDate", "scheduledExecutionTime", "autoPost", "autoEmail", "nextRun", "size", "done"}
)  # fmt: skip


def for_people(text: str) -> str:
    """Zuora's own words without mail addresses and tokens, on one line."""
    plain = _MAIL.sub("[mail address]", _BEARER.sub("[token]", text))
    return " ".join(plain.split())[:LONGEST]


def excerpt_of(data: Any, body: bytes, content_type: str) -> str:
    """At most 500 characters of an answer, made only from harmless fields.

    Args:
        data: The parsed JSON value, or None.
        body: The raw body, for what is not JSON: then type, size and the page's title.
        content_type: Response header.
    """
    if isinstance(data, dict | list):
        return json.dumps(_kept(data, 0), default=str, ensure_ascii=False)[:LONGEST]
    title = _TITLE.search(body[:4096])
    words = for_people(title[1].decode("utf-8", "replace")) if title else ""
    kind = content_type.partition(";")[0][:60] or "no content type"
    return f"{kind}, {len(body)} bytes{': ' + words if words else ''}"[:LONGEST]


def _kept(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return {name: _kept(value[name], depth + 1) for name in value if name in _KEPT}
    if isinstance(value, list):
        return [_kept(row, depth + 1) for row in value[:5]] if depth < 3 else []  # noqa: PLR2004
    return for_people(value) if isinstance(value, str) else value
