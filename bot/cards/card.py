"""The card of a request: what will happen, to whom, for how much, who asked, who decided."""

from collections.abc import Sequence

from bot.cards import blocks, buttons
from bot.cards.approvers import needs
from bot.cards.at_stake import still_true, summary_of
from bot.cards.facts import facts, is_asked_again, outcome
from bot.cards.headline import headline, title_of
from bot.domain.message import Blocks, Message, MessageKind
from bot.domain.request import Request, State, UnreadableError
from bot.domain.summary import Summary
from bot.domain.words import Line, Part, Strong, line
from bot.operations.catalog import OPERATIONS, opened, short_of

ENDED_UNREAD = (State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.STOPPED, State.UNKNOWN)
"""Ends that a version can bring about which does not know the operation."""


def unreadable(number: int, *, waits: bool) -> str:
    """Return that a request cannot be shown, and what to do; nobody is asked not to approve what no longer waits."""
    why = "another version of Billing Bot wrote it, or its record is damaged"
    do = (
        "Do not approve it; tell whoever runs Billing Bot."
        if waits
        else "Tell whoever runs Billing Bot."
    )
    return f"R-{number} cannot be shown: {why}. {do}"


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

    Raises:
        UnreadableError: Only another version knows its operation, and has drawn the card as it stands.
    """
    try:
        order = opened(request)
    except UnreadableError:
        if request.operation not in OPERATIONS and request.state not in ENDED_UNREAD:
            raise
        return _not_to_be_read(request, kind)
    summary = summary_of(request, order, also)
    open_ = request.state in (State.WAITING, State.APPROVED, State.RUNNING)
    title = title_of(request, order, summary)
    place = _place(request)
    lines = facts(request, summary, also) if open_ else outcome(request, summary, also)
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
            *buttons.of(request, order, summary, asked_again=any(map(is_asked_again, also))),
        ],
    )


def _not_to_be_read(request: Request, kind: MessageKind) -> Message:
    """Return the card of a request whose order cannot be read: how it stands, and no button that approves it."""
    words = unreadable(request.number, waits=request.state is State.WAITING)
    summary = Summary("", (), "not known")
    title = f"{headline(request)}: {short_of(request.operation)} {request.subject}"
    lines = (line("⚠", words), *outcome(request, summary, ()))
    return Message(
        kind=kind,
        request=request.number,
        channel=request.channel,
        text=blocks.fitted([title, *(blocks.lines_as_text([each]) for each in lines)]),
        blocks=[blocks.header(title), blocks.labelled(lines), *buttons.without_order(request)],
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
            facts(request, summary, also) if waits else outcome(request, summary, also)
        ),
        *buttons.of(request, order, summary, asked_again=any(map(is_asked_again, also))),
    ]


def in_one_text(request: Request, also: Sequence[Line]) -> str:
    """Return what is done and for how much, as plain text for notifications; it mentions nobody, so nobody is pinged."""
    order = opened(request)
    summary = summary_of(request, order, also)
    title = blocks.as_text([title_of(request, order, summary)])
    at_stake = (line("Amount", summary.money), *summary.lines)
    return blocks.fitted([title, *(blocks.lines_as_text([each]) for each in at_stake)])


def _place(request: Request) -> tuple[Part, ...]:
    """Return which Zuora, and who must approve."""
    return (request.tenant, *needs(request))


def _more_than(shown: Sequence[Line], details: Sequence[Line]) -> tuple[Line, ...]:
    """Return the details that are not on the card already."""
    seen = {each.label for each in shown}
    return tuple(each for each in details if each.label not in seen)


def card_edit(request: Request) -> Message:
    """Return a message that edits the card; it is drawn when it is sent, for the state of that moment."""
    return Message(
        kind=MessageKind.UPDATE, request=request.number, channel=request.channel, text="", blocks=[]
    )
