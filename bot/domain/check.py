"""A check of an order by the bot: what it compared, and its result. No I/O.

A check passes only if Zuora said so plainly. What Zuora did not say is not known and never passes.
"""

from collections.abc import Sequence
from enum import StrEnum, unique
from typing import NamedTuple

from bot.domain.words import Line, count, line, listed


@unique
class Result(StrEnum):
    """The result of a check."""

    PASSED = "passed"
    FOUND = "found"
    NOT_KNOWN = "not known"


class Check(NamedTuple):
    """One check.

    Attributes:
        name: What was checked, in a word or two that fit into a sentence: `mail addresses`.
        result: How it ended.
        words: What was compared and what that showed, as a sentence without its full stop.
    """

    name: str
    result: Result
    words: str


def check(name: str, passed: str, *, found: str = "", not_known: str = "") -> Check:
    """Return the check: found if something was found, else not known if something is not, else passed.

    Args:
        name: What was checked.
        passed: What the comparison shows if nothing is wrong.
        found: What an approver should stop at.
        not_known: What Zuora did not say.
    """
    if found:
        return Check(name, Result.FOUND, "; ".join(filter(None, (found, not_known))))
    if not_known:
        return Check(name, Result.NOT_KNOWN, not_known)
    return Check(name, Result.PASSED, passed)


def counted(checks: Sequence[Check]) -> str:
    """Return `9 checks passed`, or `7 of 9 checks passed, not known: PDFs`; empty if none was made.

    What was found is in the card's warning, so it is not named here.
    """
    if not checks:
        return ""
    passed = sum(each.result is Result.PASSED for each in checks)
    if passed == len(checks):
        return f"{count(passed, 'check')} passed"
    unknown = [each.name for each in checks if each.result is Result.NOT_KNOWN]
    named = f", not known: {listed(unknown)}" if unknown else ""
    return f"{passed} of {count(len(checks), 'check')} passed{named}"


_MARKS = {Result.PASSED: "✓", Result.FOUND: "⚠", Result.NOT_KNOWN: "?"}


def lines(checks: Sequence[Check]) -> tuple[Line, ...]:
    """Return each check with its result, first what did not pass: `⚠ Mail addresses: …`."""
    order = (Result.FOUND, Result.NOT_KNOWN, Result.PASSED)
    return tuple(
        line(f"{_MARKS[each.result]} {each.name[:1].upper()}{each.name[1:]}", _said(each))
        for each in sorted(checks, key=lambda each: order.index(each.result))
    )


def _said(each: Check) -> str:
    return f"not known: {each.words}" if each.result is Result.NOT_KNOWN else each.words
