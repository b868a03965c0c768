"""What people type to name a thing in Zuora: a number or an id."""

import re
from typing import Literal, NamedTuple

_BILL_RUN_NUMBER = re.compile(r"BR-\d{1,12}", re.ASCII | re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)


def bill_run_key(typed: str) -> str | None:
    """A bill run's number in upper case or its 32-digit id in lower case; None for anything else.

    Source: "The ID or number of the bill run", page *Email billing documents generated from a bill
    run*. The id's form is that of the examples there and of the SDK.
    """
    text = typed.strip()
    if _BILL_RUN_NUMBER.fullmatch(text):
        return text.upper()
    if _ID.fullmatch(text):
        return text.lower()
    return None


DocumentKind = Literal["invoice", "credit_memo", "debit_memo"]
PREFIXES: dict[DocumentKind, str] = {"invoice": "INV", "credit_memo": "CM", "debit_memo": "DM"}
KIND_WORDS: dict[DocumentKind, tuple[str, str]] = {
    "invoice": ("invoice", "invoices"),
    "credit_memo": ("credit memo", "credit memos"),
    "debit_memo": ("debit memo", "debit memos"),
}
"""One and many, for people."""
_KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}
_DOCUMENT_NUMBER = re.compile(r"(INV|CM|DM)-?\d{1,20}", re.ASCII | re.IGNORECASE)
_TOLD = re.compile(r"(INV|CM|DM):([a-z0-9][a-z0-9_-]{0,59})", re.ASCII | re.IGNORECASE)


class DocumentKey(NamedTuple):
    """A billing document as somebody named it: its kind, and its number or id."""

    kind: DocumentKind
    key: str


def document_key(typed: str) -> DocumentKey | None:
    """A billing document's kind and key; None for anything else.

    A number in Zuora's own spelling tells its kind: `INV00000012`, `INV-0000001`, `DM00000003`,
    `CM00000004`. An id, or a number with a prefix of the tenant's own, does not; there the kind is
    written before it: `INV:402881e522cf4f9b0122cf5d82860002`, `DM:EU-00012`.

    Source: "The ID or number of the invoice", page *Email an invoice*, and the same of *Email a
    debit memo*, with the examples there.
    """
    text = typed.strip()
    if found := _DOCUMENT_NUMBER.fullmatch(text):
        return DocumentKey(_KINDS[found[1].upper()], text.upper())
    if found := _TOLD.fullmatch(text):
        kind, key = _KINDS[found[1].upper()], found[2]
        if _ID.fullmatch(key):
            return DocumentKey(kind, key.lower())
        return DocumentKey(kind, key.upper() if _DOCUMENT_NUMBER.fullmatch(key) else key)
    return None


def document_as_typed(kind: DocumentKind, key: str) -> str:
    """What to type for a document: its number, with its kind before it where it does not tell."""
    found = document_key(key)
    return key if found == (kind, key) else f"{PREFIXES[kind]}:{key}"
