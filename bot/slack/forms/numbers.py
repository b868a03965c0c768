"""Numbers that only Zuora can interpret: what to ask it, and what its answers mean. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.domain.key import (
    as_typed,
    bill_run_key,
    document_key,
    listed_in,
    one_or_several,
    own_spelling,
    tokens,
    unquoted,
)
from bot.domain.kind import KIND_WORDS, PREFIXES, WORDS, Kind, a_kind
from bot.domain.list_file import Cell, ListFile
from bot.domain.mentioned import MOST_WORDS
from bot.domain.words import listed, shortened, some
from bot.operations.email_documents.reading import too_many
from bot.operations.typed import Problems
from bot.zuora.named import Found, Match

SHOWN = 5
_HEADING = (
    " If only one column has the numbers, its heading has to be Invoice Number, "
    "Document Number or Memo Number."
)


def unclear(typed: object) -> tuple[str, ...]:
    """Return what to ask Zuora about if one number is wanted: the whole text and its parts."""
    text = typed.strip() if isinstance(typed, str) else ""
    parts = tokens(text) if _may_be_one(text) else ()
    return tuple(dict.fromkeys((text, *parts))) if text else ()


_USUAL: Mapping[Kind, str] = {
    "bill_run": "BR-00000001", "invoice": "INV00000001", "credit_memo": "CM00000001", "debit_memo": "DM00000001",
}  # fmt: skip
"""A number of each kind as Zuora makes them, if nobody has set another form."""


def number_of(kind: Kind, typed: str, found: Found) -> tuple[str, str]:
    """Return the number of a thing of this kind, and why there is none; if both are empty, it may still be one."""
    named = found.of(typed)
    if one := next((each for each in named if each.kind == kind), None):
        why = or_another(typed, found)
        return ("", why) if why else (one.number, "")
    shown, like = shortened(unquoted(typed)), _USUAL.get(kind, "")
    if named:
        usual = f", like {like}," if like else ""
        why = f"{shown} is not {a_kind(kind)}'s number{usual} but {_each_of(named)}."
        mailed = either(named) if kind == "bill_run" else ""
        more = f" To mail it, type /billemail and choose Documents with {mailed}." if mailed else ""
        return "", f"{why}{more}"
    if kind in found.not_read:
        return "", ""
    usual = f" {a_kind(kind).capitalize()}'s number is like {like}." if like else ""
    return "", f"{unknown([shown], found)}{'' if _is_usual(kind, typed) else usual}"


def _is_usual(kind: Kind, typed: str) -> bool:
    if kind == "bill_run":
        return bill_run_key(typed) is not None
    key = document_key(typed)
    return key is not None and key.kind == kind


def or_document(typed: str, found: Found) -> str:
    """Return what to type if a bill run was wanted and a document has its number, too; empty if it is clear."""
    named = found.of(typed)
    runs = tuple(each for each in named if each.kind == "bill_run")
    others = tuple(each for each in named if each.kind in KIND_WORDS)
    if not (runs and others):
        return ""
    return (
        f"{several(shortened(unquoted(typed)), named)} Type {either(runs)} for the run. "
        f"For the other choose “Documents” above and type {either(others)}."
    )


def or_another(typed: str, found: Found) -> str:
    """Return what to type if one number was wanted and this may be two; empty if it is clear."""
    return _one_or_several(typed.strip(), tokens(typed), found)


def unclear_documents(typed: str) -> tuple[str, ...]:
    """Return what to ask Zuora about in a list of documents, which is everything in it.

    An item between commas or line ends may be one number with spaces in it, or several.
    """
    groups = list(listed_in(typed))
    at_least = {
        own_spelling(each)
        for whole, *parts in groups
        for each in ([whole] if _may_be_one(whole) else parts)
    }
    if too_many(len(at_least)):
        return ()  # refused for its length
    return tuple(dict.fromkeys(each for group in groups for each in group if _may_be_one(each)))


def _may_be_one(typed: str) -> bool:
    return len(tokens(typed)) <= MOST_WORDS


class Cleared(NamedTuple):
    """One item of a list: what to type for it, why it is not clear, or that Zuora does not know it."""

    typed: str = ""
    why: str = ""
    unknown: str = ""


def _cleared(group: tuple[str, ...], found: Found) -> Iterator[Cleared]:
    """Yield what an item of a list means, as a whole or in its parts."""
    whole, *parts = group
    if why := _one_or_several(whole, parts, found):
        yield Cleared(why=why)
    for one in [whole] if found.of(whole) or not parts else parts:
        named = found.of(one)
        if len(named) == 1 and named[0].kind in KIND_WORDS:
            yield Cleared(as_typed(named[0].kind, named[0].number))
        elif named:
            yield Cleared(why=_which(unquoted(one), named))
        elif (key := document_key(one)) and key.kind in found.not_read:
            yield Cleared(one)  # the reading of the run says why Zuora refuses its kind
        else:
            yield Cleared(unknown=unquoted(one))


def documents_of(typed: str, found: Found) -> tuple[str, str]:
    """Return the list with the kind before each number that does not show it, and what is wrong with the list."""
    cleared = [each for group in listed_in(typed) for each in _cleared(group, found)]
    shown = [each.typed for each in cleared if each.typed]
    said = [each.why for each in cleared if each.why]
    nobody = [each.unknown for each in cleared if each.unknown]
    if many := too_many(len(set(shown)) + len(set(nobody))):
        return "", many
    if nobody:
        said.append(unknown(list(dict.fromkeys(nobody)), found))
    return "\n".join(shown), " ".join(dict.fromkeys(said))


def unclear_in(entries: Sequence[Cell]) -> tuple[str, ...]:
    """Return what to ask Zuora about for a file, line by line."""
    groups = (group for entry in entries for group in listed_in(entry.text))
    asked = dict.fromkeys(each for group in groups for each in group if _may_be_one(each))
    return () if too_many(len(entries)) else tuple(asked)


def documents_in(entries: Sequence[Cell], found: Found) -> tuple[list[str], list[str]]:
    """Return the documents of a file as one would type them, and what is wrong with it, line by line."""
    if many := too_many(len(entries)):
        return [], [many]
    shown: list[str] = []
    wrong: list[str] = []
    for line, text in entries:
        for each in (each for group in listed_in(text) for each in _cleared(group, found)):
            if each.typed:
                shown.append(each.typed)
            else:
                why = each.why or f"{shortened(each.unknown)} is not a document in Zuora."
                wrong.append(f"Line {line:,}: {why}")
    return shown, wrong


def wrong_in(name: str, wrong: Sequence[str]) -> Problems:
    """Return the problems of a file for its field: the first lines, and how many more."""
    more = f" And {len(wrong) - SHOWN:,} more." if len(wrong) > SHOWN else ""
    words = f"{name}: {' '.join(wrong[:SHOWN])}{more}{_HEADING if _is_whole(wrong) else ''}"
    return Problems({"file": words}, by_line=tuple(wrong) if more else ())


def _is_whole(wrong: Sequence[str]) -> bool:
    """Return whether the first line is wrong, which may be a column's heading."""
    return wrong[0].startswith(("Line 1:", "At most"))


def repeated_in(file: ListFile) -> str:
    """Return what a file lists more than once, and in which lines; empty if nothing is."""
    lines: dict[str, list[int]] = {}
    for line, text in file.entries:
        lines.setdefault(own_spelling(text), []).append(line)
    twice = [
        f"{unquoted(text)} (lines {listed([f'{each:,}' for each in of])})"
        for text, of in lines.items()
        if len(of) > 1
    ]
    return (
        f"{file.name} lists some numbers more than once; each counts once: {some(twice, SHOWN)}."
        if twice
        else ""
    )


def _one_or_several(whole: str, parts: list[str], found: Found) -> str:
    """Return what to type if Zuora knows the whole as one thing and a part as another; else empty."""
    named = found.of(whole)
    others = [
        each.number
        for part in parts
        for each in found.of(part)
        if each.kind in PREFIXES and each not in named
    ]
    return one_or_several(whole, named[0].number, others) if named else ""


def _which(key: str, named: tuple[Match, ...]) -> str:
    """Return what to type if a number names anything but one document."""
    kinds = [each.kind for each in named]
    if kinds == ["bill_run"]:
        return f"{key} is a bill run: ask for it separately, with “A bill run” chosen above."
    if not set(kinds) & set(KIND_WORDS):
        return f"{key} is {_each_of(named)}, not an invoice or a memo."
    run = " For the run choose “A bill run” above." if "bill_run" in kinds else ""
    return f"{several(key, named)} Type {_documents(named)} for the one you mean.{run}"


def several(key: str, named: tuple[Match, ...], place: str = "") -> str:
    """Return what a number is: `A-1 is an invoice and a debit memo in Zuora`."""
    return f"{key} is {_each_of(named)} in Zuora{f', {place}' if place else ''}."


def _each_of(named: tuple[Match, ...]) -> str:
    return listed([a_kind(each.kind) for each in named])


def either(named: tuple[Match, ...]) -> str:
    """Return what to type for one of them: `INV:A-1 or BR:A-1`."""
    typed = [_said(each) for each in named if each.kind in PREFIXES]
    return listed(typed, "or")


def _documents(named: tuple[Match, ...]) -> str:
    return either(tuple(each for each in named if each.kind in KIND_WORDS))


def _said(named: Match) -> str:
    """Return the number with its kind before it, even if the number seems to show it."""
    typed, prefix = as_typed(named.kind, named.number), PREFIXES[named.kind]
    return typed if typed.startswith(f"{prefix}:") else f"{prefix}:{typed}"


def unknown(keys: list[str], found: Found) -> str:
    """Return that Zuora knows none of these numbers, and which kinds the bot may not look for."""
    words = f"Zuora knows no bill run, invoice or memo {some(keys, SHOWN, 'or')}."
    if any(" " in key or "," in key for key in keys):
        words += ' Put a number with spaces or commas in quotation marks: "ACME 0001".'
    if found.not_read:
        kinds = [WORDS[kind][1] for kind in found.not_read]
        words += f" The bot may not look for {listed(kinds)} there."
    return words
