"""Numbers in what Zuora says about itself: headers, a token's life. No I/O.

A number that is not understood counts as missing, so it cannot become an impossible date, an
endless pause or an error.
"""

import math
from collections.abc import Mapping
from typing import Final

A_DAY: Final = 86_400.0
"""Seconds; the longest span in Zuora's answers (page *Rate limits*). A larger number is something else,
for example a time since 1970."""

LONGEST_REST: Final = 3_600.0
"""Seconds after which Zuora is asked again, however long a pause it asked for."""

_MOST_DIGITS: Final = 12


def seconds(value: object) -> float | None:
    """Return a span of at most a day; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and 0 <= found <= A_DAY else None


def whole(text: str | None) -> int | None:
    """Return the first number of a header such as `2250000, 50000;w=60`."""
    if text is None:
        return None
    digits = text.split(",", 1)[0].split(";", 1)[0].strip()
    is_one = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return int(digits) if is_one else None


def rest(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until Zuora wants to be asked again, at most an hour; None if it does not say.

    Read from `Retry-After`, or else from `RateLimit-Reset`. That is in every answer, so it counts
    only if the rate is used up (`RateLimit-Remaining` 0 or missing).
    """
    asked = seconds(headers.get("Retry-After", ""))
    if asked is None and whole(headers.get("RateLimit-Remaining")) in (None, 0):
        asked = seconds(headers.get("RateLimit-Reset", ""))
    return None if asked is None else min(asked, LONGEST_REST)
