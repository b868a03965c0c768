"""What an approver must know about an order before the button, in the order in which it is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.check import Check
from bot.domain.words import Line, bare, line, listed

AMOUNTS_NOT_KNOWN = "amounts not known"
"""The risk of approving what nobody can put a figure to."""

MAILS_AGAIN = "mails again"
MAY_MAIL_AGAIN = "may mail again"
"""The risk that customers get a mail that they have, and that it is not known whether they have it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts of one order at a glance.

    Attributes:
        headline: What it does, to how much, for whom; the verb first: `Email 298 documents of bill
            run BR-00000417`.
        risks: What sets it apart from the usual, in a word or two each: `mails again`. Empty where
            there is nothing.
        money: What it comes to, in one line; says so where that is not known.
        lines: At most four more lines: whom it reaches, when, what is missing, the largest.
        checks: What the bot checked; empty in what was stored before that was kept.
    """

    headline: str
    risks: tuple[str, ...]
    money: str
    lines: tuple[Line, ...] = ()
    checks: tuple[Check, ...] = ()


def at_risk(risks: Sequence[str]) -> str:
    """`⚠ Mails again and typed addresses: `, for before a headline; empty where there is no risk."""
    said = listed(list(risks))
    return f"⚠ {said[:1].upper()}{said[1:]}: " if said else ""


def alarming(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return the words of the marked lines, without their marks, for one warning."""
    return tuple(
        f"{each.label.removeprefix('⚠ ')}: {bare(each.parts)}"
        for each in lines
        if each.label.startswith("⚠")
    )


def warning(*found: str) -> tuple[Line, ...]:
    """Return one line for everything that an approver should stop at; nothing where there is none."""
    said = [each for each in found if each]
    return (line("⚠", " · ".join(said)),) if said else ()
