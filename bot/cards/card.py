"""The card of a request: what will happen, to whom, for how much, who asked, who decided."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.cards import blocks, buttons
from bot.domain.check import Check, check, counted
from bot.domain.message import Blocks, Message, MessageKind
from bot.domain.next_step import MOST_REPEATS
from bot.domain.operation import Deed
from bot.domain.policy import AND
from bot.domain.request import Request, State
from bot.domain.summary import AMOUNTS_NOT_KNOWN, MAILS_AGAIN, Summary, at_risk
from bot.domain.words import (
    Line,
    Mention,
    Moment,
    Part,
    Strong,
    bare,
    folded,
    line,
    listed,
    shortened,
    with_moments,
)
from bot.operations.catalog import OPERATIONS, STEPS, opened
from bot.operations.operation import Order
from bot.operations.progress import Progress

OTHERS = "others"
ASKED_AGAIN = "Asked again"
"""The label of the line that names the requests which continue one that ended."""

ESTIMATE = "Estimate"
"""The label of an estimate that arrived after the request was made; a card shows it as the *Amount*."""

NO_ESTIMATE = "not known; the thread says why there is no estimate"
"""The amount if no estimate came although one was asked for."""

NOT_IN_TIME = "not known; it was decided before an estimate came"
"""The amount if somebody decided before the estimate came."""

MOST_FACTS = 8
"""How many lines of facts a card has at most, so that they and the button fit on a phone's screen."""

LETTERS, LETTERS_OF_A_HEADLINE, ROWS = 42, 30, 18
"""Letters in a row on a phone 390 px wide, and how many rows of headline and facts fit above the button."""

LONGEST_REASON, LONGEST_NOTE, LONGEST_AMOUNTS = 120, 60, 130
"""How many characters of a reason, of an approval's note, and of a line of amounts a card shows."""

MOST_TYPED = 1000
"""Characters that a form takes as a note or a reason for a decision."""

CAN_WAIT = ("Against last time", "Largest", "Also")
"""Lines that are dropped first if there are too many; *Details* has all of them."""

FOLDED = ("Amount", "Largest", "Against last time")
"""Lines of several pieces, of which a card shows as many as fit."""

TYPED = ("Why", "Rejected", "Withdrawn")
"""Lines with a reason that a person typed; a card shows its beginning."""

NOTED = "Approved"
"""The line with the approvers' notes, which may have to leave room for the button."""

NOT_THEIRS = "⚠ Not theirs"
"""The label of the line that names who denies an approval in their name."""

NOTHING_SENT = "Nothing was sent. "
"""How the result of a stopped request begins, for places that do not show the headline."""

NEXT = "next:"
"""Prefix of buttons that open the form of a new request; its first values come from the database."""

HEADLINES = {
    State.WAITING: "Waiting for approval",
    State.REJECTED: "Rejected",
    State.WITHDRAWN: "Withdrawn",
    State.EXPIRED: "Expired",
    State.APPROVED: "Approved, not sent yet",
    State.STOPPED: "Stopped. Nothing was sent",
    State.RUNNING: "Approved, being sent to Zuora",
    State.SUCCEEDED: "Done",
    State.FAILED: "Failed",
    State.UNKNOWN: "OUTCOME UNKNOWN",
}

IN_DOUBT = "Sent, outcome not known yet"
"""The headline while calls are sent again under their keys."""

SENT_AGAIN = (
    f" · Billing Bot sends the same call again under the same key, up to {MOST_REPEATS} times. If "
    "that gives no answer, it looks in Zuora, and then a person is asked. Nobody has to do anything now"
)


def card(
    request: Request, kind: MessageKind = MessageKind.UPDATE, also: Sequence[Line] = ()
) -> Message:
    """Return the card for the request's present state.

    While a decision or work is open, it shows the facts at a glance; afterwards it shows how it ended. The plain text
    includes the details, because some readers see nothing else.

    Args:
        request: As it stands.
        kind: A new message, or an edit.
        also: What other requests do to the same documents.
    """
    order = opened(request)
    summary = summary_of(request, order, also)
    open_ = request.state in (State.WAITING, State.APPROVED, State.RUNNING)
    title = title_of(request, order, summary)
    place = _place(request)
    lines = facts(request, summary, also) if open_ else _outcome(request, summary, also)
    spelled_out = _more_than(lines, still_true(order.lines(), also)) if open_ else ()
    text = blocks.fitted(
        [
            blocks.as_text([title]),
            blocks.as_text(place),
            *(blocks.lines_as_text([each]) for each in (*lines, *spelled_out)),
        ]
    )
    return Message(
        kind=kind,
        request=request.number,
        channel=request.channel,
        text=text,
        blocks=[
            blocks.header(title),
            blocks.context_of(place),
            blocks.labelled(lines),
            *buttons.of(request, order, summary, asked_again=any(map(_is_asked_again, also))),
        ],
    )


def in_a_list(request: Request, also: Sequence[Line], links: Sequence[Part]) -> Blocks:
    """Return the card of a request that waits for people, below a heading that it shares with others.

    Args:
        request: The request.
        also: What other requests do to the same documents.
        links: Leads to the card itself; empty if it is not posted yet.
    """
    order = opened(request)
    summary = summary_of(request, order, also)
    waits = request.state is State.WAITING
    return [
        blocks.paragraph(Strong(title_of(request, order, summary))),
        blocks.context_of((*_place(request), *((" · ", *links) if links else ()))),
        blocks.labelled(
            facts(request, summary, also) if waits else _outcome(request, summary, also)
        ),
        *buttons.of(request, order, summary, asked_again=any(map(_is_asked_again, also))),
    ]


def in_one_text(request: Request, also: Sequence[Line]) -> str:
    """Return what is done and for how much, as plain text for notifications; it mentions nobody, so nobody is pinged."""
    order = opened(request)
    summary = summary_of(request, order, also)
    title = blocks.as_text([title_of(request, order, summary)])
    at_stake = (line("Amount", summary.money), *summary.lines)
    return blocks.fitted([title, *(blocks.lines_as_text([each]) for each in at_stake)])


def title_of(request: Request, order: Order[Any, Any], summary: Summary) -> str:
    """Return the headline: what will be done, with a mark if it is risky; once decided, how it ended."""
    if request.state is not State.WAITING:
        well = request.state is State.SUCCEEDED
        return order.ended_well() if well else _ended(headline(request), order.title())
    return marked(summary)


def _ended(how: str, what: str) -> str:
    """Return `Failed: post bill run BR-00000417`; after a whole sentence the title is in brackets."""
    return f"{how} ({what})" if ". " in how else f"{how}: {what}"


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
        none = "no other request has mailed one of these, may have mailed one, or asks to"
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


def marked(summary: Summary) -> str:
    """Return `⚠ Mails again: Email 298 documents …`, or the headline alone if there is no risk.

    It has as many of the risks as fit, and always the first; if even that does not fit, the headline is cut.
    """
    whole = summary.headline
    for number in range(len(summary.risks), 0, -1):
        whole = f"{at_risk(summary.risks[:number])}{summary.headline}"
        if len(whole) <= blocks.HEADER_LIMIT:
            break
    return whole


def _place(request: Request) -> tuple[Part, ...]:
    """Return which Zuora, and who must approve."""
    return (request.tenant, *needs(request))


def needs(request: Request) -> tuple[Part, ...]:
    """Return ` · waiting for one approval from @controllers (not @alice)`; nothing once it is decided."""
    if request.state is not State.WAITING:
        return ()
    missing = request.rule.approvals - len(request.approvals)
    number = {1: "one", 2: "two", 3: "three"}.get(missing, f"{missing}")
    more = " more" if request.approvals else ""
    noun = "approval" if missing == 1 else "approvals"
    approvers = approvers_in_words(request.rule.approvers)
    not_who = (" (not ", Mention(request.requester), ")")
    return (f" · waiting for {number}{more} {noun} from ", *approvers, *not_who)


def facts(request: Request, summary: Summary, also: Sequence[Line] = ()) -> tuple[Line, ...]:
    """Return the lines shown wherever the request can be approved: at most `MOST_FACTS`, long ones shortened."""
    found = [_at_a_glance(each) for each in all_facts(request, summary, also)]
    return fitting(found, ROWS - math.ceil(len(marked(summary)) / LETTERS_OF_A_HEADLINE))


def _at_a_glance(each: Line) -> Line:
    """Return a line short enough for a phone; *Details* has all of it."""
    if each.label not in (*FOLDED, *TYPED, NOTED):
        return each
    cut = _folded if each.label in FOLDED else _opening if each.label in TYPED else _noted
    return line(each.label, *(cut(part) if isinstance(part, str) else part for part in each.parts))


def _folded(amounts: str) -> str:
    return folded(amounts, LONGEST_AMOUNTS)


def _opening(reason: str) -> str:
    whole = len(reason) <= LONGEST_REASON
    return reason if whole else f"{shortened(reason, LONGEST_REASON)} (the rest is in Details)"


def _noted(note: str) -> str:
    return shortened(note, LONGEST_NOTE)


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


def fitting(lines: Sequence[Line], rows: int = ROWS) -> tuple[Line, ...]:
    """Return the lines that fit on a card; what can wait is dropped first, what is marked never.

    If that is not enough, the marked lines become one, and then lines are dropped from the end.

    Args:
        lines: All of them.
        rows: How many rows a phone has for them; only what can wait is dropped for that.
    """
    kept = list(lines)
    for label in CAN_WAIT:
        for each in [one for one in lines if one.label == label and not is_marked(one)]:
            if len(kept) > MOST_FACTS or sum(map(_rows, kept)) > rows:
                kept.remove(each)
    marked_ones = [each for each in kept if is_marked(each)]
    if len(kept) > MOST_FACTS and len(marked_ones) > 1:
        at = kept.index(marked_ones[0])
        rest = [each for each in kept if each not in marked_ones]
        kept = [*rest[:at], _in_one_line(marked_ones), *rest[at:]]
    for each in [one for one in reversed(kept) if not (is_marked(one) or _must_stay(one))]:
        if len(kept) > MOST_FACTS:
            kept.remove(each)
    return tuple(kept)


def _rows(each: Line) -> int:
    """Return about how many rows of a phone a line takes."""
    letters = len(blocks.plainly(each.parts)) + len(each.label) + 2
    return math.ceil(letters / LETTERS)


def _must_stay(each: Line) -> bool:
    """Return whether it is the amount, the reason, or who asked."""
    return each.label in ("Amount", "Why") or each.label.startswith("R-")


def is_marked(each: Line) -> bool:
    """Return whether an approver should stop at it."""
    return each.label.startswith("⚠") or str(each.parts[0]).startswith("⚠")


def _in_one_line(lines: Sequence[Line]) -> Line:
    parts: list[Part] = []
    for each in lines:
        label = each.label.removeprefix("⚠").strip()
        named = f"{label}: " if label and label not in CAN_WAIT else ""
        parts += [" · " if parts else "", named, *each.parts]
    return line("⚠", *(p.removeprefix("⚠ ") if isinstance(p, str) else p for p in parts))


def where_to_look(request: Request) -> str:
    """Return where Zuora shows whether a lost call went through: `BR-00000417's email history`."""
    if OPERATIONS[request.operation].deed is not Deed.MAILED:
        return request.subject
    return f"{request.subject}'{'' if request.subject.endswith('s') else 's'} email history"


def _outcome(request: Request, summary: Summary, also: Sequence[Line]) -> tuple[Line, ...]:
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
            if _is_asked_again(each) and bare(each.parts) not in request.decision_reason
        ),
    )
    return tuple(map(_at_a_glance, found))


def _is_asked_again(each: Line) -> bool:
    return each.label == ASKED_AGAIN


def still_true(lines: Sequence[Line], also: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines without the one that announces an estimate, if that has arrived or never will."""
    arrived = any(each.label == ESTIMATE for each in also)
    return tuple(each for each in lines if not (arrived and each.label == ESTIMATE))


def _to_be_settled(request: Request, summary: Summary) -> Iterator[Line]:
    """Yield what is at stake while the outcome is unknown, and where to look."""
    if request.state is State.UNKNOWN:
        yield line("Amount", summary.money)
        yield line("⚠ Look", f"at {where_to_look(request)} in Zuora, then record here what you see")


def _in_parts(request: Request) -> Iterator[Line]:
    """Yield how many parts failed or have an unknown outcome, if there are several."""
    if request.state not in (State.FAILED, State.UNKNOWN) or not request.progress:
        return
    progress = Progress.of(request)
    if progress.calls > 1 and progress.failed + progress.lost:
        found = [f"{progress.failed:,} refused"] if progress.failed else []
        found += [f"{progress.lost:,} with outcome unknown"] if progress.lost else []
        yield line("In parts", f"{listed(found)} of {progress.calls:,}; the thread names each")


def _more_than(shown: Sequence[Line], details: Sequence[Line]) -> tuple[Line, ...]:
    """Return the details that are not on the card already."""
    seen = {each.label for each in shown}
    return tuple(each for each in details if each.label not in seen)


def card_edit(request: Request) -> Message:
    """Return a message that edits the card; it is drawn when it is sent, for the state of that moment."""
    return Message(
        kind=MessageKind.UPDATE, request=request.number, channel=request.channel, text="", blocks=[]
    )


def headline(request: Request) -> str:
    """Return the state in words; for a success, no more than its operation can claim."""
    if request.state is State.RUNNING and _is_followed(request):
        return "Running in Zuora"
    if request.state is State.SUCCEEDED:
        return OPERATIONS[request.operation].done
    return of_many(request.state, request.progress) or HEADLINES[request.state]


def _is_followed(request: Request) -> bool:
    """Return whether the bot follows something that an accepted call started."""
    return bool(Progress.of(request).run_id)


def of_many(state: State, saved: str) -> str:
    """Return `3 of 500 failed` for many calls; empty if the state's own word fits all of them.

    Args:
        state: Of the request.
        saved: Its progress, as it is saved.
    """
    if not saved or state not in (State.RUNNING, State.FAILED, State.UNKNOWN, State.STOPPED):
        return ""
    progress = Progress.model_validate_json(saved)
    if state is State.RUNNING and progress.in_doubt_since is not None:
        of = f" for {progress.lost:,} of {progress.calls:,}" if progress.calls > 1 else ""
        return f"{IN_DOUBT}{of}"
    if state is State.STOPPED and progress.look_first:
        return "Stopped, look in Zuora first"
    if state is State.UNKNOWN and 0 < progress.lost < progress.calls:
        return f"{HEADLINES[State.UNKNOWN]} for {progress.lost:,} of {progress.calls:,}"
    if state is State.FAILED and 0 < progress.failed < progress.calls:
        return f"{progress.failed:,} of {progress.calls:,} failed"
    return ""


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


def change_and_ask_again(message: Message, request: Request) -> Message:
    """Return a message with the button that opens the request's form again with what was typed."""
    if not request.typed:
        return message
    row = blocks.actions(f"change-{request.number}", buttons.change(request))
    return replace(message, blocks=[*message.blocks, row])


def mail_the_others(message: Message, request: Request, others: int) -> Message:
    """Return a message with the button that asks only for the documents that no other request has reached."""
    if not others:
        return message
    button = blocks.button(
        f"Mail just the other {others:,} by number…",
        action_id=OTHERS,
        value=request.reference,
        spoken=f"Ask for the other documents of {request.name} by number",
    )
    row = blocks.actions(f"others-{request.number}", button)
    return replace(message, blocks=[*message.blocks, row])


def next_steps(message: Message, request: Request, names: Sequence[str]) -> Message:
    """Return a message with a button for each operation that is legal now on the run it speaks of."""
    if not names:
        return message
    found = [
        blocks.button(
            STEPS[name].button,
            action_id=f"{NEXT}{name}",
            value=request.reference,
            spoken=STEPS[name].button,
        )
        for name in names
    ]
    row = blocks.actions(f"next-{request.number}", *found)
    return replace(message, blocks=[*message.blocks, row])


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
    under_way = request.state in (State.APPROVED, State.RUNNING) and not _is_followed(request)
    said = request.result
    if headline(request) == HEADLINES[State.STOPPED]:
        said = said.removeprefix(NOTHING_SENT)
    return (line("Waits" if under_way else "Result", *with_moments(shortened(said, limit))),)


def approvers_in_words(names: Sequence[str]) -> tuple[Part, ...]:
    """Return `@a, @b` as parts; `@c (in @d)` for a name joined with `&`."""
    parts: list[Part] = []
    for position, name in enumerate(names):
        *groups, last = name.split(AND)
        parts += [", " if position else "", Mention(last)]
        for place, group in enumerate(groups):
            parts += [" and " if place else " (in ", Mention(group)]
        parts += [")" if groups else ""]
    return tuple(parts)
