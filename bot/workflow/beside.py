"""What else is open or was done a short while ago about the things that a new request acts on."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from bot.cards import lines
from bot.domain.message import Message
from bot.domain.policy import A_DAY
from bot.domain.request import Request
from bot.domain.words import Moment, count, listed
from bot.operations.catalog import MAILING
from bot.operations.operation import Order
from bot.workflow.parts import Parts

SHOWN_SUBJECTS = 3


def subjects_of(order: Order[Any, Any]) -> tuple[str, ...]:
    """Everything that a request acts on, by number and, where an id was typed, by that too."""
    return tuple(dict.fromkeys([*order.subjects(), *order.typed()]))


def also_open(
    parts: Parts, request: Request, subjects: Sequence[str], *, without: int | None
) -> list[Message]:
    """A line for each open request of any operation that acts on some of the same things.

    Args:
        parts: The outside.
        request: The new request, not saved yet.
        subjects: What its calls act on.
        without: Number of the request whose place it takes, which is not told.
    """
    found = parts.store.requests.open_about(subjects, request.place)
    return [
        lines.reply(
            request,
            f"R-{number} ({operation.replace('_', ' ')}) is also open about "
            f"{_some([subject for _, _, subject in same])}.",
        )
        for (number, operation), same in groupby(found, key=lambda row: row[:2])
        if number != without
    ]


def _some(subjects: Sequence[str]) -> str:
    rest = len(subjects) - SHOWN_SUBJECTS
    return listed([*subjects[:SHOWN_SUBJECTS], *([f"{rest:,} more"] if rest > 0 else [])])


def mailed_by_the_bot(
    parts: Parts, request: Request, subjects: Sequence[str], now: datetime
) -> list[Message]:
    """What the bot had mailed a short while ago, which Zuora may not show yet (or never, of memos)."""
    return [
        lines.reply(
            request,
            f"R-{number} had {subject if one == 1 else count(one, 'of these', 'of these')} mailed ",
            Moment(at),
            "; Zuora may not show that yet.",
        )
        for number, subject, one, at in parts.store.calls.mailed_since(
            subjects, now - A_DAY, MAILING, request.place
        )
    ]
