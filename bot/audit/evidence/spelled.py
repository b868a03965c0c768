"""Finds known names in what people typed, however they spelled them there."""

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterable, Iterator
from itertools import takewhile

from bot.cards.blocks import escaped
from bot.domain.words import TURNS

LEGAL = frozenset({
    "ab", "ag", "aps", "as", "asa", "bv", "co", "company", "corp", "corporation", "eg", "ev", "gbr", "gmbh", "holding",
    "holdings", "inc", "incorporated", "kg", "kgaa", "kk", "limited", "llc", "llp", "lp", "ltd", "mbh", "nv", "ohg", "oy", "oyj",
    "plc", "pte", "pty", "sa", "sarl", "sas", "se", "sl", "spa", "srl", "ug",
})  # fmt: skip
"""Words for the form of a company, as `folded` has them; people leave them out."""

LEADING = frozenset({"das", "der", "die", "el", "la", "las", "le", "les", "los", "pt", "the"})  # fmt: skip
"""Words before a name that people leave out as well."""

COMMON = frozenset({
    "account", "accounts", "all", "american", "bank", "bill", "billing", "cancel", "central", "company", "credit", "customer",
    "customers", "das", "debit", "der", "die", "deutsche", "draft", "due", "east", "european", "first", "general", "global",
    "great", "group", "international", "invoice", "invoices", "kunde", "kunden", "mail", "mails", "memo", "month", "national",
    "neue", "new", "next", "north", "old", "please", "post", "posted", "price", "prime", "quarter", "rechnung", "royal", "run",
    "second", "service", "services", "smart", "south", "street", "target", "tax", "test", "the", "total", "united", "west",
    "world", "year",
})  # fmt: skip
"""Words with which many names begin, and which alone mean something else in a reason."""

JOINING = frozenset({"and", "und", "et"})
"""Words that stand for an ampersand."""

CODES = frozenset({
    "aud", "brl", "cad", "chf", "cny", "czk", "dkk", "eur", "gbp", "hkd", "huf", "ils", "inr", "jpy", "krw", "mxn", "nok", "nzd",
    "pln", "sek", "sgd", "usd", "zar",
})  # fmt: skip
"""Currencies, which stand before amounts."""

BESIDE_NUMBERS = frozenset({
    "apr", "aug", "dbm", "dec", "feb", "inv", "jan", "jul", "jun", "mar", "may", "nov", "oct", "sep",
})  # fmt: skip
"""Months in dates, and beginnings of documents' numbers."""

FEWEST, FEWEST_OF_PART = 3, 4
"""The fewest letters of a name, and of a part of one, that is looked for in other spellings; capitals alone may be fewer (`DHL`)."""

OPENING = 12
"""By how many characters a typed text is recognised in another one, which may have cut it short."""

WORD = re.compile(r"&(?:amp|lt|gt);|[^\W_]+")
AT_A_WORD = re.compile(r"(?<!\w)(?=\S)")
LIKE = str.maketrans({"ø": "o", "æ": "a", "œ": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "t"})  # fmt: skip


def folded(word: str) -> list[tuple[str, int]]:
    """Return the letters and digits of a word without case, accents and width, each with its place; `ae`, `oe`, `ue` are `a`, `o`, `u`."""
    found = list[tuple[str, int]]()
    for place, sign in enumerate(word):
        for each in unicodedata.normalize("NFKD", sign).casefold().translate(LIKE):
            is_umlaut = each == "e" and found and found[-1][0] in "aou"
            if each.isalnum() and not is_umlaut:
                found.append((each, place))
    return found


def plain(word: str) -> str:
    """Return the folded letters and digits of a word."""
    return "".join(sign for sign, _ in folded(word))


def letters(text: str) -> int:
    """Return how many letters a text has."""
    return sum(each.isalpha() for each in text)


def forms(name: str) -> Iterator[tuple[str, bool]]:
    """Yield how people may write a name, folded, and whether it is only a part: whole, without its legal form, its beginning, some words of it."""
    words = [each for each in map(plain, name.split()) if each and each not in JOINING]
    short = list(words)
    while len(short) > 1 and short[-1] in LEGAL:
        short.pop()
    yield from (
        (form, False)
        for form in ("".join(words), "".join(short))
        if letters(form) >= FEWEST and form not in CODES
    )
    match short:
        case [before, alone] if before in LEADING and _tells(alone):
            yield alone, False
    first = name.split(maxsplit=1)[0]
    if first.isupper() and letters(first) == FEWEST and _tells(plain(first)):
        yield plain(first), True
    for begin in range(len(short)):
        for end in range(begin + 1, len(short) + (begin > 0)):
            part = "".join(short[begin:end])
            is_telling = end - begin > 1 or (begin == 0 and part not in COMMON)
            if is_telling and letters(part) >= FEWEST_OF_PART:
                yield part, True


def _tells(word: str) -> bool:
    """Return whether a word alone names somebody, and begins no amount or number."""
    others = COMMON | CODES | LEGAL | LEADING | BESIDE_NUMBERS
    return letters(word) >= FEWEST and word not in others


class Spelled:
    """Knows names in all spellings, and the typed texts that hold one.

    Args:
        names: Known names, each with its mask.
        typed: Texts that people typed.
        another: Returns one more mask, for what can mean several names.
    """

    def __init__(self, names: dict[str, str], typed: Iterable[str], another: "Another") -> None:
        self._forms = _by_form(names, another)
        self._longest = max(map(len, self._forms), default=0)
        with_names = (
            text for text in dict.fromkeys(typed) if any(True for _ in self._names_in(text))
        )
        shown = {each for text in with_names for each in _shown(text)}
        self._long = sorted(each for each in shown if len(each) >= OPENING)
        self._openings = {each[:OPENING] for each in self._long}
        self._short = {each for each in shown if len(each) < OPENING}
        self._sizes = sorted({len(each) for each in self._short})

    def typed_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a text has something typed that holds a name, also the beginning of it."""
        until = 0
        for at in (
            (found.start() for found in AT_A_WORD.finditer(text))
            if self._short or self._long
            else ()
        ):
            if at >= until and (size := max(self._short_at(text, at), self._long_at(text, at))):
                until = at + size
                yield at, until

    def _short_at(self, text: str, at: int) -> int:
        """Return how long the short typed text is that stands whole at a place; 0 if none does."""
        found = (size for size in self._sizes if text[at : at + size] in self._short)
        return max(
            (size for size in found if not text[at + size : at + size + 1].isalnum()), default=0
        )

    def _long_at(self, text: str, at: int) -> int:
        """Return how much of a typed text stands at a place; 0 if not even its opening does."""
        if text[at : at + OPENING] not in self._openings:
            return 0
        near = bisect(self._long, text[at:])
        return max(_alike(each, text, at) for each in self._long[max(0, near - 1) : near + 1])

    def split(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the pieces of a typed text, each with its mask; an empty mask if it is no name."""
        at = 0
        for start, end, mask in self._names_in(text):
            yield from ((text[at:start], ""), (text[start:end], mask))
            at = end
        yield text[at:], ""

    def _names_in(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where names stand in a text, the longest first where several begin."""
        signs, starts, ends = list[tuple[str, int]](), list[int](), dict[int, int]()
        for word in WORD.finditer(text):
            found = folded(word[0])
            if found and word[0][0] != "&" and "".join(each for each, _ in found) not in JOINING:
                starts.append(len(signs))
                signs += [(sign, word.start() + place) for sign, place in found]
                ends[len(signs)] = word.end()
        line, until = "".join(sign for sign, _ in signs), 0
        for start in starts:
            possible = (end for end in reversed(ends) if start < end <= start + self._longest)
            end = next((end for end in possible if line[start:end] in self._forms), 0)
            if end and start >= until:
                until = end
                yield signs[start][1], ends[end], self._forms[line[start:end]]


class Another:
    """Gives one more mask each time."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self) -> str:
        """Return the next one."""
        self.number += 1
        return f"[name {self.number}]"


def _by_form(names: dict[str, str], another: Another) -> dict[str, str]:
    """Return the mask of each form; one that can mean several names has a mask of its own, and a whole name is no part of another."""
    means, wholes = dict[str, set[str]](), set[str]()
    for name, mask in names.items():
        for form, is_part in forms(name):
            if not is_part and form not in wholes:
                wholes.add(form)
                means[form] = set()
            if not is_part or form not in wholes:
                means.setdefault(form, set()).add(mask)
    return {
        form: next(iter(masks)) if len(masks) == 1 else another() for form, masks in means.items()
    }


def _alike(typed: str, text: str, at: int) -> int:
    """Return how many characters of a typed text stand at a place."""
    if text.startswith(typed, at):
        return len(typed)
    pairs = zip(typed, text[at : at + len(typed)], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _shown(text: str) -> Iterator[str]:
    """Yield how messages show what was typed: as it is, on one line, without marks that turn it, and with entities."""
    for each in (text.strip(), " ".join(TURNS.sub("", text).split())):
        yield from (each, escaped(each))
