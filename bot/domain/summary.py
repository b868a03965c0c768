"""What an approver must know about an order before pressing the button, in reading order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.check import Check
from bot.domain.words import Line, bare, line, listed

AMOUNTS_NOT_KNOWN = "amounts not known"
"""The risk of approving something whose amount nobody knows."""

MAILS_AGAIN = "mails again"
MAY_MAIL_AGAIN = "may mail again"
"""The risks that customers get a mail that they already have, or that they may already have."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts of one order at a glance.

    Attributes:
        headline: What it does, to how much, for whom; the verb first: `Email 298 documents of bill
            run BR-00000417`.
        risks: What is unusual about it, in a word or two each: `mails again`. Empty if there is
            nothing.
        money: What it adds up to, in one line, or that this is not known.
        lines: At most four more lines: whom it reaches, when, what is missing, the largest.
        checks: What the bot checked; empty in requests from before checks were stored.
    """

    headline: str
    risks: tuple[str, ...]
    money: str
    lines: tuple[Line, ...] = ()
    checks: tuple[Check, ...] = ()


def at_risk(risks: Sequence[str]) -> str:
    """Return what stands before a headline: `⚠ Mails again and typed addresses: `; empty without risks."""
    said = listed(list(risks))
    return f"⚠ {said[:1].upper()}{said[1:]}: " if said else ""


def alarming(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return the words of the lines marked ⚠, without the mark, for use in one warning."""
    return tuple(
        f"{each.label.removeprefix('⚠ ')}: {bare(each.parts)}"
        for each in lines
        if each.label.startswith("⚠")
    )


def warning(*found: str) -> tuple[Line, ...]:
    """Return one line with everything that an approver should stop at; no line if there is nothing."""
    said = [each for each in found if each]
    return (line("⚠", " · ".join(said)),) if said else ()
