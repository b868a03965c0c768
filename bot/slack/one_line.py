"""`batch=Batch1,Batch2 target=2026-11-30 name="November"` as the form's values. No I/O."""

import difflib
import re
import shlex
from typing import Any

from bot.operations.catalog import operation_named
from bot.operations.create_bill_run.batches import batch_named, beyond
from bot.operations.operation import Form, Problems
from bot.slack.one_line_words import SETTERS, WORDS, plain

EXAMPLE = 'batch=Batch1,Batch2 target=2026-11-30 name="November"'
_BEGINS = re.compile(r"\s*[A-Za-z][\w-]*\s*=")
_QUOTES = str.maketrans("“”„«»‘’‚", '"""""\'\'\'')  # noqa: RUF001 - what phones make of quotes

Values = dict[str, Any]


def is_one_line(text: str) -> bool:
    """Whether it is meant to be read here: it begins with `word=`."""
    return bool(_BEGINS.match(text))


def read_one_line(text: str, highest_batch: int) -> Form | Problems:
    """The form's values, or what is wrong with what was typed; what is missing may be filled in.

    `highest_batch` is the number of the tenant's last batch of accounts.

    Problems stand under the field's name, or under the word that was typed where there is none.
    """
    try:
        parts = shlex.split(text.translate(_QUOTES).replace("\\", "\\\\"))
    except ValueError:
        return Problems({"name": 'A quotation mark is missing: write name="November".'})
    values: Values = {}
    wrong: dict[str, str] = {}
    seen: set[str] = set()
    for part in parts:
        _take(part, values, wrong, seen)
    _conclude(values, wrong)
    return Problems(wrong) if wrong else _checked(values, highest_batch)


def _take(part: str, values: Values, wrong: dict[str, str], seen: set[str]) -> None:
    typed, equals, value = part.partition("=")
    word = WORDS.get(plain(typed))
    if not equals:
        wrong[typed] = f"{_short(typed)} has no `=`. Write it like {EXAMPLE}."
    elif word is None:
        wrong[typed] = _unknown(typed)
    elif word in seen:
        wrong[typed] = f"{typed} is there twice."
    elif not value.strip():
        wrong[typed] = f"Nothing stands behind {typed}=."
    else:
        seen.add(word)
        if message := SETTERS[word](values, value.strip()):
            wrong[typed] = f"{typed}={_short(value)}: {message}"


def _conclude(values: Values, wrong: dict[str, str]) -> None:
    """What follows from the words together: whom it is for, when, and what happens afterwards."""
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


def _checked(values: Values, highest_batch: int) -> Form | Problems:
    """Every word that is there must be right; a field that is missing can still be filled in."""
    read = operation_named("create_bill_run").read(values)
    found = read.by_field if isinstance(read, Problems) else {}
    wrong = {name: words for name, words in found.items() if values.get(name)}
    if unknown := beyond(_named(values.get("batches") or []), highest_batch):
        wrong.setdefault("batches", unknown)
    return Problems(wrong) if wrong else values


def _named(typed: list[str]) -> list[str]:
    return [each for each in typed if batch_named(each)]


def _unknown(typed: str) -> str:
    near = difflib.get_close_matches(plain(typed), WORDS, n=1, cutoff=0.6)
    hint = f"did you mean {WORDS[near[0]]}?" if near else f"known are {', '.join(SETTERS)}."  # fmt: skip
    return f"There is no {_short(typed)}=; {hint}"


def _short(typed: str) -> str:
    return typed if len(typed) <= 40 else typed[:39] + "…"  # noqa: PLR2004 - as much as is needed
