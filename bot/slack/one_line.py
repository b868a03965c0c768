"""`batch=Batch1,Batch2 target=2026-11-30 name="November"` as the form's values. No I/O."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from bot.domain import quotes
from bot.domain.clean import UNSEEN, as_key, or_nothing
from bot.domain.place import Places
from bot.domain.words import shortened
from bot.operations.create_bill_run import CreateBillRun
from bot.operations.create_bill_run.batches import batch_named, beyond
from bot.operations.typed import Problems, Values
from bot.slack.one_line_words import SETTERS, WORDS, plain

EXAMPLE = 'batch=Batch1,Batch2 target=2026-11-30 name="November"'
_BEGINS = re.compile(r"\s*[A-Za-z][\w-]*\s*=")
_WORD = re.compile(
    rf"(?:^|(?<![\s{UNSEEN}])[\s{UNSEEN}]++)([A-Za-z][\w-]*+)\s*+=\s*+"
)  # in which no character is read twice
_CLOSING = {
    '"': '"“”', "'": "'‘’", "“": '"“”', "”": '"“”', "„": '"“”', "«": "»", "»": "«", "‘": "'‘’", "‚": "'‘’",  # noqa: RUF001 - what phones make of quotes
}  # fmt: skip
FREE_TEXT = frozenset({"name", "reason"})
"""Words whose values may have spaces without quotation marks."""

AS_TYPED = FREE_TEXT | {"account", "subscriptions", "organizations", "entity", "org"}
"""Words in whose values every character may be meant; other values are read as they look."""

LISTS = frozenset({"organizations", "org", "subscriptions"})
"""Words in whose values quotation marks are kept, because they can enclose a comma and make one name."""

DOUBLE, SINGLE, SEPARATORS = '"“”„«»', "'‘’‚", ",;，；、"  # noqa: RUF001 - as keyboards have them

NO_CHOICE = Places()


def is_one_line(text: str) -> bool:
    """Return whether a text is in the one-line form, that is, begins with `word=`."""
    return bool(_BEGINS.match(text))


def read_one_line(text: str, highest_batch: int, places: Places = NO_CHOICE) -> Values | Problems:
    """Return the form's values, or what is wrong with the line; missing fields may be filled in later.

    `highest_batch` is the number of the tenant's last batch. If the settings list no organizations to choose from, `org`
    means those that the run is for. Problems are under the name of their field, or under the typed word if it has none.
    """
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    seen: set[str] = set()
    for typed, value, rest in _parts(text):
        if value is None:
            wrong[WORDS.get(plain(typed), typed)] = (
                f'A quotation mark is missing after {shortened(typed)}=: write name="November".'
            )
        else:
            wrong |= _take(typed, value, values, seen)
        for word in rest.split():
            wrong[word] = f"{shortened(word)} has no `=`. Write it like {EXAMPLE}."
    if not places.organizations and values.get("org"):
        values.setdefault("organizations", values.pop("org"))
    if values.get("org"):
        values["org"] = values["org"].strip("".join({*_CLOSING, *"".join(_CLOSING.values())}))
    wrong |= _conclude(values)
    _, nowhere = places.read(values)
    wrong.update({name: words for name, words in nowhere.items() if values.get(name)})
    return Problems(wrong) if wrong else _checked(values, highest_batch)


def _parts(text: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield each word with its value, and what follows it without an `=`.

    A quotation mark that opens a value is closed by one that a space, the next word or the end follows, so `don't` and
    `the "Q4" run` need no marks. The value is None if no mark closes it.
    """
    at = 0
    while word := _WORD.match(text, at):
        start = word.end()
        if WORDS.get(plain(word[1])) in LISTS:
            value, end = _list(text, start)
        elif text[start : start + 1] in _CLOSING:
            value, end = _quoted(text, start)
        elif WORDS.get(plain(word[1])) in FREE_TEXT:
            end = _next_word(text, start)
            value = text[start:end].strip()
        else:
            value = text[start:].split(maxsplit=1)[0] if text[start:].strip() else ""
            end = start + len(value)
        at = _next_word(text, end)
        yield word[1], value, text[end:at]
    if text[at:].strip():
        yield "", "", text[at:]


def _list(text: str, start: int) -> tuple[str | None, int]:
    """Return names or numbers separated by commas, each perhaps quoted, and where they end.

    `"Acme, Inc"` is one name, and `"S 1", "S 2"` are two numbers. The value is None if a mark is not closed.
    """
    found: list[quotes.Piece] = []
    for piece in quotes.pieces(text[start:], SEPARATORS):
        if found and not set(SEPARATORS) & set(text[start + found[-1].end : start + piece.start]):
            break
        found.append(piece)
    if not found:
        return "", start
    end, first = start + found[-1].end, text[start]
    if any(each.quoted is None and text[start + each.start] in DOUBLE for each in found):
        return ("", end) if not text[start:end].strip(DOUBLE) else (None, len(text))
    return (found[0].quoted if len(found) == 1 and first in SINGLE else None) or text[
        start:end
    ], end


def _quoted(text: str, start: int) -> tuple[str | None, int]:
    """Return the quoted value, and where it ends; None if the mark is not closed."""
    closing = _CLOSING[text[start]]
    ends = [
        at
        for at in range(start + 1, len(text))
        if text[at] in closing and (at + 1 == len(text) or text[at + 1].isspace())
    ]
    if not ends:
        return None, len(text)
    clean_end = (at for at in ends if not text[at + 1 :].strip() or _WORD.match(text, at + 1))
    end = next(clean_end, ends[0])
    return text[start + 1 : end], end + 1


def _next_word(text: str, start: int) -> int:
    found = _WORD.search(text, start)
    return found.start() if found else len(text)


def _take(typed: str, value: str, values: dict[str, Any], seen: set[str]) -> dict[str, str]:
    """Set the value of a word once, or return what is wrong with it under that word."""
    if not typed:
        return {}
    word = WORDS.get(plain(typed))
    said = or_nothing(value).strip() if word in AS_TYPED else as_key(value)
    if word is None:
        return {typed: _unknown(typed)}
    if word in seen:
        return {typed: f"{typed} is given twice."}
    if not said:
        return {typed: f"{typed}= has no value."}
    seen.add(word)
    message = SETTERS[word](values, said)
    return {typed: f"{typed}={shortened(value)}: {message}"} if message else {}


def _conclude(values: dict[str, Any]) -> dict[str, str]:
    """Set what follows from the words together: for whom, when, and what happens afterwards.

    Problems are returned under the names of fields.
    """
    wrong: dict[str, str] = {}
    scopes = [each for each in ("batches", "account", "subscriptions") if values.get(each)]
    if len(scopes) > 1:
        wrong["scope"] = "Only one of batch, account and subscriptions can be billed in a run."
    elif scopes:
        values["scope"] = scopes[0]
    schedule = [each for each in ("repeat_type", "repeat_from", "repeat_to", "run_time",
                                  "weekly_on", "on_end_of_month") if values.get(each)]  # fmt: skip
    values["when"] = "scheduled" if schedule else "adhoc"
    for which in ("target", "invoice"):
        if values.get(f"{which}_months") or values.get(f"{which}_day"):
            values[f"{which}_by"] = "date" if values.get(f"{which}_date") else "month"
            if values.get(f"{which}_date"):
                wrong[f"{which}_date"] = (
                    f"Either {which}=, or {which}Months= with {which}Day=, not both."
                )
    posted, mailed = values.pop("auto_post", ""), values.pop("auto_email", "")
    if mailed == "yes" and posted != "yes":
        wrong["posting"] = "autoEmail=yes needs autoPost=yes: mails go out after posting."
    if posted:
        values["posting"] = {"yes": "post_and_email" if mailed == "yes" else "post"}.get(
            posted, "draft"
        )
    return wrong


def _checked(values: dict[str, Any], highest_batch: int) -> Values | Problems:
    """Check every word that is there; a missing field can still be filled in."""
    read = CreateBillRun.read(values)
    found = read.by_field if isinstance(read, Problems) else {}
    wrong = {name: words for name, words in found.items() if values.get(name)}
    if unknown := beyond(_named(values.get("batches") or []), highest_batch):
        wrong.setdefault("batches", unknown)
    return Problems(wrong) if wrong else values


def _named(typed: list[str]) -> list[str]:
    return [each for each in typed if batch_named(each)]


def _unknown(typed: str) -> str:
    near = difflib.get_close_matches(plain(typed), WORDS, n=1, cutoff=0.6)
    hint = f"did you mean {WORDS[near[0]]}?" if near else f"the fields are {', '.join(SETTERS)}."
    return f"{shortened(typed)}= is not a field; {hint}"
