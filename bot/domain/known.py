"""Values that may not be known, with the reason why. No I/O.

Code that reads a value that can be `NotKnown` must decide what that means there, and never takes the
reassuring reading: an amount that is not known is above every limit, a mail whose date is not known
was sent.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.words import shortened


@dataclass(frozen=True, slots=True)
class NotKnown:
    """There is no value to rely on.

    Attributes:
        why: For people, after a number in brackets: `missing`, `not an amount: “5,000.00”`.
        said: What was said instead, unchanged; empty if nothing was.
    """

    why: str
    said: str = ""


MailedAt = datetime | NotKnown | None
"""When a document was mailed last. None: never, and that was said plainly. `NotKnown` counts as
mailed."""


def unclear(what: str, said: object) -> NotKnown:
    """Return the value for something that cannot be read with certainty; the original is shortened for people.

    What is no text is shown as in JSON: `true`, `1E+30`, `{"value": 5000}`.
    """
    plain = isinstance(said, str | int | Decimal) and not isinstance(said, bool)
    text = str(said) if plain else json.dumps(said, default=str, ensure_ascii=False)
    shown = "".join(each if each.isprintable() else " " for each in shortened(text))
    return NotKnown(f"{what}: “{shown}”" if shown.strip() else "empty", said=text[:200])


def is_newer(before: MailedAt, now: MailedAt) -> bool:
    """Return whether the second of two readings shows a mail that the first did not.

    Two dates that cannot be read are compared as text if they have the same form: that they differ
    can be seen without a time zone.
    """
    match before, now:
        case _, None:
            return False
        case None, _:
            return not isinstance(now, NotKnown) or bool(now.said)
        case datetime(), datetime():
            return now > before
        case NotKnown(said=earlier), NotKnown(said=later):
            same_form = _form(earlier) == _form(later)
            return bool(earlier and later) and same_form and earlier != later
        case _:
            return False


def _form(said: str) -> str:
    return re.sub(r"\d", "0", said)
