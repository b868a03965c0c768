"""What people type to name a thing in Zuora: a number or an id."""

import re
from typing import Literal, NamedTuple

from bot.domain.clean import as_key

_BILL_RUN_NUMBER = re.compile(r"BR-\d{1,12}", re.ASCII | re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r'(?:"[^"\n]*"|[^\s,;])+')
_LONGEST = 255
_MOST_WORDS = 4


def number_key(typed: str) -> str:
    """What may be a number or an id in Zuora, as Zuora writes it; empty where it can be neither.

    Numbers may have any prefix and any characters ("Define numbering formats"), so nothing but a
    lookup shows; a word without any digit is none. A number in Zuora's own spelling is in upper case and an id in lower case.
    """
    text = as_key(typed)
    if _ID.fullmatch(text):
        return text.lower()
    if _BILL_RUN_NUMBER.fullmatch(text) or _DOCUMENT_NUMBER.fullmatch(text):
        return text.upper()
    is_one = len(text) <= _LONGEST and text.isprintable() and any(map(str.isdecimal, text))
    return text if is_one else ""


def numbered(typed: str) -> str:
    """As `number_key`, where a sentence could stand as well: it has few spaces."""
    key = number_key(typed)
    return key if len(key.split()) <= _MOST_WORDS else ""


def is_id(text: str) -> bool:
    """Whether it has the form of an id in Zuora: 32 hexadecimal digits."""
    return bool(_ID.fullmatch(text))


def bill_run_key(typed: str) -> str | None:
    """A bill run's number in Zuora's own spelling, in upper case; None for anything else.

    An id shows nothing of what it names, nor does a number with a prefix of the company's own.
    """
    text = as_key(typed)
    return text.upper() if _BILL_RUN_NUMBER.fullmatch(text) else None


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
_SAID = re.compile(r'(INV|CM|DM):("[^"]+"|\S+)', re.IGNORECASE)


class DocumentKey(NamedTuple):
    """A billing document as somebody named it: its kind, and its number or id."""

    kind: DocumentKind
    key: str


def document_key(typed: str) -> DocumentKey | None:
    """A billing document's kind and key; None for anything else.

    A number in Zuora's own spelling says its kind: `INV00000012`, `INV-0000001`, `DM00000003`,
    `CM00000004`. An id, or a number with a prefix of the tenant's own, does not; there Zuora is
    asked, or the kind is written before it: `INV:402881e522cf4f9b0122cf5d82860002`, `DM:EU-00012`,
    `DM:"ACME 0001"`.

    Source: "The ID or number of the invoice", page *Email an invoice*, and the same of *Email a
    debit memo*, with the examples there.
    """
    text = as_key(typed)
    if found := _DOCUMENT_NUMBER.fullmatch(text):
        return DocumentKey(_KINDS[found[1].upper()], text.upper())
    if (found := _SAID.fullmatch(text)) and (key := number_key(found[2])):
        return DocumentKey(_KINDS[found[1].upper()], key)
    return None


def tokens(text: str) -> list[str]:
    """What stands between spaces, commas, semicolons and line breaks; quoted it stays together."""
    return _TOKEN.findall(text)


def document_as_typed(kind: DocumentKind, key: str) -> str:
    """What to type for a document: its number, with its kind before it where it does not say it."""
    found = document_key(key)
    if found == (kind, key):
        return key
    parted = tokens(key) != [key]
    return f'{PREFIXES[kind]}:"{key}"' if parted else f"{PREFIXES[kind]}:{key}"
