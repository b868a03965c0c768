"""The lines of a card: the facts while it is open, and how it ended."""

import math
from collections.abc import Iterator, Sequence

from bot.cards.at_stake import ESTIMATE, NOT_THEIRS
from bot.cards.fitting import LETTERS_OF_A_HEADLINE, NOTED, ROWS, at_a_glance, fitting
from bot.cards.headline import HEADLINES, headline, is_followed, marked
from bot.domain.check import counted
from bot.domain.next_step import MOST_REPEATS
from bot.domain.operation import Deed
from bot.domain.request import Request, State
from bot.domain.settling import needs_another
from bot.domain.summary import Summary
from bot.domain.words import (
    Line,
    Mention,
    Moment,
    Part,
    bare,
    count,
    line,
    shortened,
    with_moments,
)
from bot.operations.catalog import deed_of
from bot.operations.progress import Progress

ASKED_AGAIN = "Asked again"
"""The label of the line that names the requests which continue one that ended."""

NOTHING_SENT = "Nothing was sent. "
"""How the result of a stopped request begins, for places that do not show the headline."""

SENT_AGAIN = (
    f" · Billing Bot sends the same call again under the same key, up to {MOST_REPEATS} times. If "
    "that gives no answer, it looks in Zuora, and then a person is asked. Nobody has to do anything now"
)


def facts(request: Request, summary: Summary, also: Sequence[Line] = ()) -> tuple[Line, ...]:
    """Return the lines shown wherever the request can be approved: at most `MOST_FACTS`, long ones shortened."""
    found = [at_a_glance(each) for each in all_facts(request, summary, also)]
    return fitting(found, ROWS - math.ceil(len(marked(summary)) / LETTERS_OF_A_HEADLINE))


def all_facts(request: Request, summary: Summary, also: Sequence[Line] = ()) -> tuple[Line, ...]:
    """Return all lines of facts, however many there are."""
    return (
        line("Amount", summary.money),
        *(each for each in also if each.label != ESTIMATE),
        *summary.lines,
        line("Why", request.reason),
        line(request.name, *_who_and_when(request), *_checked(request, summary)),
        *_approved(request),
        *_ended_by(request),
        *_progress(request),
        *_ending(request),
    )


def where_to_look(request: Request) -> str:
    """Return where Zuora shows whether a lost call went through: `BR-00000417's email history in Zuora`."""
    progress = Progress.of(request)
    if progress.lost and progress.calls > 1:
        of = "document" if progress.lost == 1 else f"{progress.lost:,} documents"
        return f"Zuora's email history of the {of} listed in the thread"
    deed = deed_of(request.operation)
    if deed is Deed.CREATED:
        return f"Zuora's bill runs for one whose name ends in [{request.name} …]"
    if deed is not Deed.MAILED:
        return f"{request.subject} in Zuora"
    return (
        f"{request.subject}'{'' if request.subject.endswith('s') else 's'} email history in Zuora"
    )


def in_doubt(request: Request) -> str:
    """Return what nobody knows: whether `this was sent`, `this was done`, or `1 of 5 mails was sent`."""
    done = "sent" if deed_of(request.operation) is Deed.MAILED else "done"
    progress = Progress.of(request)
    if not 0 < progress.lost < progress.calls:
        return f"this was {done}"
    was = "was" if progress.lost == 1 else "were"
    return f"{progress.lost:,} of {count(progress.calls, 'mail')} {was} {done}"


def outcome(request: Request, summary: Summary, also: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines of how it ended, or of what must be settled."""
    found = (
        *_to_be_settled(request, summary),
        *_ending(request),
        *_in_parts(request),
        *_progress(request),
        line("Why", request.reason),
        line(request.name, *_who_and_when(request)),
        *_approved(request),
        *(each for each in also if each.label == NOT_THEIRS),
        *_ended_by(request),
        *(
            each
            for each in also
            if is_asked_again(each) and bare(each.parts) not in request.decision_reason
        ),
    )
    return tuple(map(at_a_glance, found))


def is_asked_again(each: Line) -> bool:
    """Return whether it names the requests that continue one that ended."""
    return each.label == ASKED_AGAIN


def _to_be_settled(request: Request, summary: Summary) -> Iterator[Line]:
    """Yield what is at stake while the outcome is unknown, and where to look."""
    if request.state is State.UNKNOWN:
        yield line("Amount", summary.money)
        yield line("⚠ Look", f"at {where_to_look(request)}, then record here what you see")
        yield from _recorded_by(request)


def _recorded_by(request: Request) -> Iterator[Line]:
    """Yield how many people have to record the same, and who not alone, if one is not enough."""
    needed = request.rule.approvals
    if needed > 1:
        another = "at least one of whom did not approve it"
        nobody = "who may be those who approved it: the rule names nobody else"
        yield line(
            "Recorded by",
            f"{needed} people, {another if needs_another(request, needed) else nobody}",
        )


def _in_parts(request: Request) -> Iterator[Line]:
    """Yield where the parts that failed are listed, if there are several, and how many if nothing else says so."""
    if request.state not in (State.FAILED, State.UNKNOWN) or not request.progress:
        return
    progress = Progress.of(request)
    if progress.calls > 1 and progress.failed:
        number = f"{progress.failed:,} of {progress.calls:,}; "
        is_said = request.state is State.FAILED  # by headline and result
        yield line("Failed", f"{'' if is_said else number}the thread lists which, and why")


def _progress(request: Request) -> tuple[Line, ...]:
    if not request.progress:
        return ()
    progress = Progress.of(request)
    if request.state is State.RUNNING and progress.in_doubt_since is not None:
        return (line("Not known yet", "since ", Moment(progress.in_doubt_since), SENT_AGAIN),)
    if not progress.number:
        return ()
    seen = f"{progress.number} · {progress.status}"
    if progress.unread:
        seen = f"{seen} when it could last be read; {progress.unread}"
    return (line("Seen in Zuora", seen),)


def _who_and_when(request: Request) -> tuple[Part, ...]:
    parts: list[Part] = ["asked by ", Mention(request.requester), " ", Moment(request.created_at)]
    if request.state is State.WAITING:
        parts += [" · expires ", Moment(request.expires_at)]
    if request.parent:
        parts.append(f" · continues R-{request.parent}")
    return tuple(parts)


def _checked(request: Request, summary: Summary) -> tuple[Part, ...]:
    """Return ` · seen by the bot: 9 checks passed`; nothing once it is decided, because checks date from the asking."""
    said = counted(summary.checks) if request.state is State.WAITING else ""
    return (f" · seen by the bot: {said}",) if said else ()


def _approved(request: Request) -> tuple[Line, ...]:
    """Return everybody who approved, with the notes that they left, in one line."""
    if not request.approvals:
        return ()
    parts: list[Part] = ["by "]
    for position, approval in enumerate(request.approvals):
        parts += [" and by " if position else "", Mention(approval.person), " "]
        parts.append(Moment(approval.at))
        parts += [" (“", approval.note, "”)"] if approval.note else []
    return (line(NOTED, *parts),)


def _ended_by(request: Request) -> tuple[Line, ...]:
    """Return who ended it and when; if it expired, only when."""
    if request.state is State.EXPIRED:
        return (line("Expired", Moment(request.state_at), "; nothing was sent"),)
    ended = {State.REJECTED: "Rejected", State.WITHDRAWN: "Withdrawn"}.get(request.state)
    if ended is None or request.decided_by is None or request.decided_at is None:
        return ()
    why: tuple[Part, ...] = (f" · {request.decision_reason}",) if request.decision_reason else ()
    return (line(ended, "by ", Mention(request.decided_by), " ", Moment(request.decided_at), *why),)


def _ending(request: Request) -> tuple[Line, ...]:
    return result_lines(request, len(request.result))


def result_lines(request: Request, limit: int) -> tuple[Line, ...]:
    """Return the line with the result, for below the headline, which it does not repeat; nothing if there is none.

    Its label is *Result*, or *Waits* while the request is under way and nothing is followed.
    """
    if not request.result:
        return ()
    under_way = request.state in (State.APPROVED, State.RUNNING) and not is_followed(request)
    said = request.result
    if headline(request) == HEADLINES[State.STOPPED]:
        said = said.removeprefix(NOTHING_SENT)
    return (line("Waits" if under_way else "Result", *with_moments(shortened(said, limit))),)
