"""Values that may not be known, with the reason why. No I/O.

Code that reads a value that can be `NotKnown` must decide what that means there, and never takes the
reassuring reading: an amount that is not known is above every limit, a mail whose date is not known
was sent.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
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


CLOCKS_DIFFER = timedelta(minutes=1)
"""How far Zuora's clock may be behind; more is said when the bot starts (`BOT_CLOCK_LIMIT_SECONDS`)."""


def is_since(ordered_at: datetime, at: MailedAt) -> bool:
    """Return whether a mail is known to have gone out after an order, so that it can be the order's."""
    return isinstance(at, datetime) and at >= ordered_at - CLOCKS_DIFFER


def is_newer(before: MailedAt, now: MailedAt, ordered_at: datetime | None) -> bool:
    """Return whether the second of two readings shows a mail since the order that the first did not."""
    if ordered_at is None or not isinstance(now, datetime) or not is_since(ordered_at, now):
        return False
    return before is None or (isinstance(before, datetime) and now > before)
