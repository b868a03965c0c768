"""What people type to name a thing in Zuora: a number or an id. No I/O.

Numbers may have any prefix and any characters (page *Define numbering formats*), so the shape of a number
proves nothing: `zuora.named` asks Zuora about every reading of what was typed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bot.domain import quotes
from bot.domain.clean import as_key, clean, spellings
from bot.domain.kind import KIND_WORDS, PREFIXES, DocumentKind, Kind

LONGEST = 255
"""Characters of a number in Zuora."""

HARD = ",;\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029，；、"  # noqa: RUF001 - wide ones
"""What always ends a number; a space may be part of one."""

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)

_WITH_HYPHENS = (
    r"(?<![0-9a-z])(?:[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?![0-9a-z])"
)

_ID_WITHIN = re.compile(_WITH_HYPHENS, re.IGNORECASE)
"""An id, perhaps with the hyphens that other programs put in."""

_OF_AN_ADDRESS = r"[\w%./?&=#:~@!-]"

_AROUND_AN_ID = re.compile(
    rf"(?:[a-z_.-]*(?:id|key)\s*[:=]\s*)?{_WITH_HYPHENS}"
    rf"|(?:https?://|[\w-]+(?:\.[\w-]+)*\.[a-z]{{2,}}(?::\d+)?/){_OF_AN_ADDRESS}*?{_WITH_HYPHENS}{_OF_AN_ADDRESS}*",
    re.IGNORECASE,
)
"""An id behind a label like `invoiceId=`, or in the address of a page."""

_LINK = re.compile(r"<([^<>|]+)\|[^<>|]*>")
"""An address as Slack writes it, with the text that it shows."""

_BILL_RUN_NUMBER = re.compile(r"BR-\d{1,12}", re.ASCII | re.IGNORECASE)

_DOCUMENT_NUMBER = re.compile(r"(INV|CM|DM)-?\d{1,20}", re.ASCII | re.IGNORECASE)

_PLAIN = re.compile(r"[A-Z][A-Z0-9-]{1,25}")
"""Numbers that can be read in only one way, as most in a long list: too short for an id."""

_KIND = (
    r"(INV(?:oice)?s?|CMs?|DMs?|BRs?|(?:credit|debit)[\s_-]?(?:memo|note)s?|(?:bill(?:ing)?[\s_-]?)?runs?)"
    r"(?:\s*+#|\s*+\b(?:no|nr|number|id)\b\.?)?"
)
"""A word for a kind, as people and other programs write it: `INV`, `Invoice no.`, `Credit-Memo`."""

_MARKS = re.escape("".join(quotes.CLOSING) + "*_")

_SAID = re.compile(
    rf"(?P<mark>[{_MARKS}])?\s*+{_KIND}\s*+(?(mark)[{_MARKS}])\s*+[:：﹕]\s*+(?=[^\s{HARD}])",  # noqa: RUF001 - wide ones
    re.IGNORECASE,
)
"""A kind with a colon before a number: `INV:7`, `Invoice : 7`, `"INV": 7`."""

_WORD_BEFORE = re.compile(rf"{_KIND}(?:\s++|(?<=#))(?=\S)", re.IGNORECASE)
"""A kind without a colon: `Invoice 7`, which may also be a custom number."""

_BULLET = re.compile(
    r"(?:(?:[•·‣◦▪●○■□☐☑→*>\-–—]|\d{1,3}[.)])\s++|[>#=']\s*+)+(?=\S)"  # noqa: RUF001 - of lists
)
"""Signs before the text itself: of a pasted list, of a quoted mail, and of a spreadsheet's text cells (`="7"`, `'7`)."""

_KINDS: dict[str, Kind] = {
    **{prefix.lower(): kind for kind, prefix in PREFIXES.items()},
    "invoice": "invoice", "creditmemo": "credit_memo", "creditnote": "credit_memo",
    "debitmemo": "debit_memo", "debitnote": "debit_memo",
    "billrun": "bill_run", "billingrun": "bill_run", "run": "bill_run",
}  # fmt: skip

_NO_NUMBERS = frozenset({".", ".."})
"""Steps in a path."""


class Reading(NamedTuple):
    """One way to read what was typed: a number or an id, and its kind where that was given."""

    key: str
    kind: Kind | None


class DocumentKey(NamedTuple):
    """A billing document as somebody named it: its kind, and its number or id."""

    kind: DocumentKind
    key: str


def _id_in(text: str) -> str:
    """Return the id in an address or after a label, without hyphens; empty if there is anything else.

    That could be another number: `DM00000003 INV:…`, `A-7|…`.
    """
    ids = _ID_WITHIN.findall(text)
    link = _LINK.fullmatch(text)
    is_one = len(ids) == 1 and _AROUND_AN_ID.fullmatch(as_key(link[1] if link else text))
    return ids[0].replace("-", "").lower() if is_one else ""


def readings(typed: str) -> tuple[Reading, ...]:
    """Return the ways to read one typed thing, in the order in which Zuora is asked; empty if there is none.

    First as it was typed, then as it looks, then in Zuora's own spelling. Quotation marks are
    removed first and kept only in the last reading. A kind with a colon before the number is
    believed first. A kind without a colon, or the sign of a list or a cell, may belong to the
    number, so the reading without it comes later; the same holds for an address or a label around
    an id. Nothing is refused for its shape.
    """
    if _PLAIN.fullmatch(typed):
        return (Reading(typed, None),)
    text = clean(typed).strip()
    said = _SAID.match(text)
    kind = _kind_in(said) if said else None
    rest = text[said.end() :] if said else text
    inner = quotes.inside(rest)
    found = [Reading(key, kind) for key in _spelled(rest if inner is None else inner)]
    if inner is not None or said:
        found.append(Reading(text, None))
    if inner is not None and kind is None and _SAID.match(inner):
        found += readings(inner)
    if word := None if said else _WORD_BEFORE.match(text):
        found += [Reading(key, _kind_in(word)) for key in _spelled(unquoted(text[word.end() :]))]
    if bullet := _BULLET.match(text):
        found += readings(text[bullet.end() :])
    if its_id := _id_in(rest):
        found.append(Reading(its_id, kind))
    return tuple(dict.fromkeys(each for each in found if _may_be_one(each.key)))


def _kind_in(said: re.Match[str]) -> Kind:
    """Return the kind that a word before a number names."""
    word = re.sub(r"[\s_-]", "", said.group(said.lastindex or 0)).lower()
    return _KINDS.get(word) or _KINDS[word.removesuffix("s")]


def _spelled(text: str) -> Iterator[str]:
    yield from spellings(text)
    yield own_spelling(text)


def own_spelling(typed: str) -> str:
    """Return what was typed in Zuora's own spelling: numbers in upper case, ids in lower case."""
    text = as_key(typed)
    if _ID.fullmatch(text):
        return text.lower()
    is_usual = _BILL_RUN_NUMBER.fullmatch(text) or _DOCUMENT_NUMBER.fullmatch(text)
    return text.upper() if is_usual else text


def _may_be_one(key: str) -> bool:
    return 0 < len(key) <= LONGEST and key.isprintable() and key not in _NO_NUMBERS


def plain_subject(subject: str) -> frozenset[str]:
    """Return a request's subject in one form: older versions wrote numbers, and their order, as typed."""
    parts = re.split(r",\s*|\s+and\s+", subject)
    return frozenset(own_spelling(part).casefold() for part in parts)


def number_key(named: str) -> str:
    """Return a number or an id in the spelling that Zuora takes; empty if it can be neither.

    No character is removed, because the number was looked up or comes from Zuora.
    """
    own = own_spelling(named)
    usual = _ID.fullmatch(own) or _BILL_RUN_NUMBER.fullmatch(own) or _DOCUMENT_NUMBER.fullmatch(own)
    text = own if usual else clean(named).strip()
    return text if _may_be_one(text) else ""


def is_id(text: str) -> bool:
    """Return whether it has the form of an id in Zuora: 32 hexadecimal digits."""
    return bool(_ID.fullmatch(text))


def bill_run_key(named: str) -> str | None:
    """Return a bill run's number in Zuora's usual form, in upper case; None for anything else."""
    text = as_key(named)
    return text.upper() if _BILL_RUN_NUMBER.fullmatch(text) else None


def document_key(named: str) -> DocumentKey | None:
    """Return a billing document's kind and key; None for anything else.

    The kind stands before it: `INV:402881e522cf4f9b0122cf5d82860002`, `DM:"ACME 0001"`. Zuora's
    usual numbers show their kind: `INV00000012`, `DM00000003`. That is certain only if the number
    was looked up or comes from Zuora; for what somebody typed it is a guess.

    Source: "The ID or number of the invoice", page *Email an invoice*, and the same of *Email a
    debit memo*, with the examples there.
    """
    if usual := _DOCUMENT_NUMBER.fullmatch(named):
        kind = _document_kind(_KINDS[usual[1].lower()])
        return DocumentKey(kind, named.upper()) if kind else None
    text = clean(named).strip()
    if said := _SAID.match(text):
        rest = text[said.end() :]
        key = quotes.inside(rest) or ("" if " " in rest else number_key(rest))
        kind = _document_kind(_kind_in(said))
        return DocumentKey(kind, key) if kind and _may_be_one(key) else None
    usual = _DOCUMENT_NUMBER.fullmatch(own := own_spelling(text))
    kind = _document_kind(_KINDS[usual[1].lower()]) if usual else None
    return DocumentKey(kind, own) if kind else None


def _document_kind(kind: Kind) -> DocumentKind | None:
    return next((each for each in KIND_WORDS if each == kind), None)


def tokens(text: str) -> list[str]:
    """Cut a text at spaces, commas, semicolons and line ends; what is in quotation marks stays whole."""
    return [text[each.start : each.end] for each in _cut(text)]


def listed_in(text: str) -> Iterator[tuple[str, ...]]:
    """Yield each item between commas, semicolons and line ends, followed by its parts if it has spaces.

    It may be one number with spaces in it, or several numbers.
    """
    group: list[quotes.Piece] = []
    for each in _cut(text):
        if group and set(HARD) & set(text[group[-1].end : each.start]):
            yield _whole_and_parts(text, group)
            group = []
        group.append(each)
    if group:
        yield _whole_and_parts(text, group)


def _whole_and_parts(text: str, group: Sequence[quotes.Piece]) -> tuple[str, ...]:
    parts = [text[each.start : each.end] for each in group]
    return (text[group[0].start : group[-1].end], *parts) if len(parts) > 1 else tuple(parts)


def one_or_several(typed: str, number: str, parts: Iterable[str]) -> str:
    """Return what to type if the whole is one number and a part of it another; empty if it is clear.

    `101. 102` can be number 102 in a list, or both numbers.

    Args:
        typed: The whole.
        number: What Zuora has under it.
        parts: What it has under the parts.
    """
    within = {number, *number.split()}
    other = next((each for each in parts if each not in within), "")
    if not other:
        return ""
    return (
        f"{typed} may be {number} alone, or {other} too: type only what you mean, with a comma "
        "between two numbers."
    )


def unquoted(token: str) -> str:
    """Return a token without the quotation marks around it."""
    return quotes.inside(token.strip()) or token.strip()


def _cut(text: str) -> Iterator[quotes.Piece]:
    """Cut a text into pieces; quotation marks may also open after the word for a kind."""

    def opens(at: int) -> int:
        said = _SAID.match(text, at)
        return said.end() if said else at

    return quotes.pieces(text, HARD, before=opens)


def as_typed(kind: Kind, number: str) -> str:
    """Return what to type for a thing: its number, with the kind before it if the number does not show it."""
    if document_key(number) == (kind, number) or (
        kind == "bill_run" and bill_run_key(number) == number
    ):
        return number
    plain = number_key(number) == number and as_one(number) == number
    return f"{PREFIXES[kind]}:{number if plain else quotes.in_quotes(number)}"


def as_one(number: str) -> str:
    """Return a number for use in a list: in quotation marks if it would otherwise be read differently."""
    is_one = tokens(number) == [number] and unquoted(number) == number and not _SAID.match(number)
    return number if is_one else quotes.in_quotes(number)
