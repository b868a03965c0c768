"""Numbers of which only Zuora knows what they name: which to ask about, and what follows. No I/O."""

import re
from collections.abc import Iterator

from bot.domain.key import (
    KIND_WORDS,
    PREFIXES,
    bill_run_key,
    document_as_typed,
    document_key,
    number_key,
    tokens,
)
from bot.domain.words import listed, some
from bot.operations.email_documents.reading import MOST_DOCUMENTS
from bot.zuora.named import Found, Match

_PIECES = re.compile(r"[,;\n]+")
SHOWN = 5


def unclear_run(typed: object) -> tuple[str, ...]:
    """The key to ask Zuora about where a bill run's is wanted; none where it says it is one's."""
    key = number_key(typed) if isinstance(typed, str) else ""
    return () if not key or bill_run_key(key) else (key,)


def run_of(key: str, found: Found) -> tuple[str, str]:
    """The bill run's number, and why there is none; with neither it may still be one's."""
    named = found.of(key)
    if run := next((each for each in named if each.kind == "bill_run"), None):
        return run.number, ""
    if named:
        return "", (
            f"{key} is not a bill run's number, like BR-00000001, but {_each_of(named)}. To mail it, "
            f"type /billemail and choose Documents with {either(named)}."
        )
    return ("", "") if "bill_run" in found.not_read else ("", unknown([key], found))


def unclear_documents(typed: str) -> tuple[str, ...]:
    """The keys to ask about in a list of documents.

    What stands between commas or lines may be one number with spaces in it, or several.
    """
    if len(tokens(typed)) > MOST_DOCUMENTS * 2:
        return ()  # refused for its length
    return tuple(dict.fromkeys(key for piece in _pieces(typed) for key in _asked(piece)))


def _pieces(typed: str) -> Iterator[str]:
    return (piece.strip() for piece in _PIECES.split(typed) if piece.strip())


def _asked(piece: str) -> Iterator[str]:
    parts = [part for part in tokens(piece) if document_key(part) is None]
    if not parts or document_key(piece) is not None:
        return
    for each in [piece, *parts] if len(tokens(piece)) > 1 else parts:
        if (key := number_key(each)) and not bill_run_key(key):
            yield key


def documents_of(typed: str, found: Found) -> tuple[str, str]:
    """The list with the kind before each number that does not say it, and what is wrong with it."""
    shown: list[str] = []
    nobody: list[str] = []
    said: list[str] = []
    for piece in _pieces(typed):
        whole = found.of(number_key(piece))
        for part in [piece] if whole or document_key(piece) else tokens(piece):
            key = number_key(part)
            named = found.of(key)
            if document_key(part) or bill_run_key(key) or not key:
                shown.append(part)
            elif not named:
                nobody.append(key)
            elif len(named) == 1 and named[0].kind != "bill_run":
                shown.append(document_as_typed(named[0].kind, named[0].number))
            else:
                said.append(_which(key, named))
    if nobody:
        said.append(unknown(list(dict.fromkeys(nobody)), found))
    return "\n".join(shown), " ".join(dict.fromkeys(said))


def _which(key: str, named: tuple[Match, ...]) -> str:
    """What to type where a number names something else than one document."""
    if len(named) == 1:
        return f"{key} is a bill run: ask for it by itself, with “A bill run” chosen above."
    return f"{several(key, named)} Type {either(named)} for the one you mean."


def several(key: str, named: tuple[Match, ...], place: str = "") -> str:
    """Say what a number is: `A-1 is an invoice and a debit memo in Zuora`."""
    return f"{key} is {_each_of(named)} in Zuora{f', {place}' if place else ''}."


def _each_of(named: tuple[Match, ...]) -> str:
    return listed([_a(each) for each in named])


def _a(named: Match) -> str:
    if named.kind == "bill_run":
        return "a bill run"
    words = KIND_WORDS[named.kind][0]
    return f"{'an' if words[0] == 'i' else 'a'} {words}"


def either(named: tuple[Match, ...]) -> str:
    """`INV:A-1 or DM:A-1`: what to type for one of them."""
    typed = [f"{PREFIXES[each.kind]}:{each.number}" for each in named if each.kind != "bill_run"]
    return listed(typed, "or")


def unknown(keys: list[str], found: Found) -> str:
    """That Zuora knows none of them, and what the bot may not look for."""
    words = f"Zuora knows no bill run, invoice or memo {some(keys, SHOWN, 'or')}."
    if found.not_read:
        kinds = [
            "bill runs" if kind == "bill_run" else KIND_WORDS[kind][1] for kind in found.not_read
        ]
        words += f" The bot may not look for {listed(kinds)} there."
    return words
