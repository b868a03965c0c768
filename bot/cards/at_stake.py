"""What an approver must know: the order's summary, with what other requests do and what the bot checked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.cards import blocks
from bot.cards.fitting import is_marked
from bot.domain.check import Check, check
from bot.domain.history import What
from bot.domain.operation import Deed
from bot.domain.request import Request, State
from bot.domain.summary import AMOUNTS_NOT_KNOWN, MAILS_AGAIN, Summary
from bot.domain.words import Line, Mention, bare, line
from bot.operations.operation import Order

ESTIMATE = "Estimate"
"""The label of an estimate that arrived after the request was made; a card shows it as the *Amount*."""

NO_ESTIMATE = "not known; the thread says why there is no estimate"
"""The amount if no estimate came although one was asked for."""

NOT_IN_TIME = "not known; it was decided before an estimate came"
"""The amount if somebody decided before the estimate came."""

NOT_THEIRS = "⚠ Not theirs"
"""The label of the line that names who denies a decision in their name."""

DECIDED = {
    What.APPROVED: "approved",
    What.REJECTED: "rejected it",
    What.RECORDED: "recorded the outcome",
    What.SETTLED: "recorded the outcome",
}
"""What somebody else did in a person's name."""


def summary_of(request: Request, order: Order[Any, Any], also: Sequence[Line]) -> Summary:
    """Return what an approver must know, with what other requests do and what the bot checked.

    Args:
        request: As it stands.
        order: What it asks for.
        also: What other requests do to the same documents.
    """
    made = order.facts.checked
    if made and request.state is State.WAITING:
        made = (*made, *_other_requests(order, also))
    return with_what_else(replace(order.summary(), checks=made), also)


def _other_requests(order: Order[Any, Any], also: Sequence[Line]) -> Iterator[Check]:
    """Yield the check against the bot's other requests as they are now, if there is something to compare."""
    found = "; ".join(blocks.plainly(each.parts) for each in also if each.label == "Also")
    if order.deed is Deed.MAILED:
        none = "no other request has mailed, may have mailed or asks to mail any of this"
        yield check("other requests", none, found=found)
    elif order.bills() is not None:
        yield check("other requests", "no other open request bills these accounts", found=found)


def with_what_else(summary: Summary, also: Sequence[Line]) -> Summary:
    """Return the summary, with a mark if another request has mailed some of it or may have.

    An estimate that has arrived replaces an amount that was not known.
    """
    for each in also:
        if each.label == ESTIMATE:
            money = bare(each.parts)
            risks = tuple(
                r
                for r in summary.risks
                if money in (NO_ESTIMATE, NOT_IN_TIME) or r != AMOUNTS_NOT_KNOWN
            )
            summary = replace(summary, money=money, risks=risks)
    alarming = any(is_marked(each) for each in also if each.label != NOT_THEIRS)
    if not alarming or MAILS_AGAIN in summary.risks:
        return summary
    return replace(summary, risks=(MAILS_AGAIN, *summary.risks))


def not_theirs(denied: Iterable[tuple[str, What]]) -> tuple[Line, ...]:
    """Return who says that a decision in their name was not theirs.

    Args:
        denied: For each such decision the Slack id of the person, and what was done in their name.
    """
    found = dict.fromkeys((who, DECIDED.get(what, "decided")) for who, what in denied)
    return tuple(
        line(NOT_THEIRS, Mention(who), f" says that somebody else {did} in their name")
        for who, did in found
    )


def still_true(lines: Sequence[Line], also: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines without the one that announces an estimate, if that has arrived or never will."""
    arrived = any(each.label == ESTIMATE for each in also)
    return tuple(each for each in lines if not (arrived and each.label == ESTIMATE))
