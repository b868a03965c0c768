"""What else is open or was done about the things that a request acts on, in words."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from bot.cards import lines
from bot.cards.card import ESTIMATE, card_edit
from bot.domain.mailing import Certainty, Effect
from bot.domain.message import Message
from bot.domain.request import Request, State
from bot.domain.words import Line, Mention, Moment, Part, count, line, listed, shortened
from bot.operations.catalog import opened
from bot.operations.operation import Order
from bot.store.store import Store
from bot.workflow.guard import Reach, reach_of
from bot.workflow.last_time import against_last_time

SHOWN_SUBJECTS = 3
LONGEST_NOTE = 120
SHOWN_REQUESTS = 2


def subjects_of(order: Order[Any, Any]) -> tuple[str, ...]:
    """Everything that a request acts on, by number and, where an id was typed, by that too."""
    return tuple(dict.fromkeys([*order.subjects(), *order.typed()]))


def also_open(
    store: Store,
    request: Request,
    order: Order[Any, Any],
    others: Sequence[Effect],
    *,
    without: int | None,
) -> list[Message]:
    """A line for each open request of any operation that acts on some of the same things.

    Args:
        store: The database.
        request: The new request.
        order: What it asks for.
        others: What other requests do to its documents.
        without: Number of the request whose place it takes, which is left out.
    """
    found = store.requests.open_about(order.subjects(), request.place)
    told = {number for number, _, _ in found}
    found += [
        (one.request, "mail", one.number or one.call)
        for one in others
        if one.how is Certainty.OPEN and one.request not in told
    ]
    return [
        lines.reply(
            request,
            f"R-{number} ({kind.replace('_', ' ')}) is also open about "
            f"{_some([subject for _, _, subject in same])}.",
        )
        for (number, kind), same in groupby(sorted(found), key=lambda row: row[:2])
        if number not in (without, request.number)
    ]


def _some(subjects: Sequence[str]) -> str:
    rest = len(subjects) - SHOWN_SUBJECTS
    return listed([*subjects[:SHOWN_SUBJECTS], *([f"{rest:,} more"] if rest > 0 else [])])


def mailed_by_the_bot(request: Request, others: Sequence[Effect]) -> list[Message]:
    """What the bot had mailed before, which Zuora may not show yet (or never, of memos)."""
    return [
        lines.reply(
            request,
            f"R-{number} had {_name(same)} mailed ",
            Moment(same[0].at or request.created_at),
            "; Zuora may not show that yet.",
        )
        for number, same in _by_request(others)
        if same[0].how is Certainty.OUT
    ]


def redrawn(
    store: Store, request: Request, order: Order[Any, Any], others: Sequence[Effect]
) -> list[Message]:
    """That the cards of those have to be edited which wait about the same documents."""
    numbers = sorted(
        {one.request for one in others if one.how is Certainty.OPEN}
        | {number for number, _ in _billing_too(store, request, order)}
    )
    waiting = [store.requests.get(number) for number in numbers[-SHOWN_REQUESTS:]]
    return [card_edit(each) for each in waiting if each is not None]


def beside(store: Store, request: Request, reach: Reach | None = None) -> tuple[Line, ...]:
    """What other requests do to the same documents or did last time, for the card while it waits.

    Args:
        store: The database.
        request: As it is now.
        reach: Which documents, and what the others do, where that was read just now.
    """
    if request.state is not State.WAITING:
        return _estimated(store, request)
    found = _by_request((reach_of(store, request) if reach is None else reach).others)
    rest = len(found) - SHOWN_REQUESTS
    billing = _billing_too(store, request, opened(request))
    return (
        *(line("Also", words) for _, words in billing[-SHOWN_REQUESTS:]),
        *(line("Also", *_words(number, same)) for number, same in found[:SHOWN_REQUESTS]),
        *([line("Also", f"{count(rest, 'more request')}")] if rest > 0 else []),
        *_estimated(store, request),
        *against_last_time(store, request),
    )


def _estimated(store: Store, request: Request) -> tuple[Line, ...]:
    """What the amount was estimated at since the request was made."""
    words = store.estimates.of(request.number)
    return (line(ESTIMATE, words),) if words else ()


def _billing_too(store: Store, request: Request, order: Order[Any, Any]) -> list[tuple[int, str]]:
    """Open requests that bill some of the same accounts: number, and that in words."""
    mine = order.bills()
    if mine is None:
        return []
    found = []
    for number in store.requests.open_of(order.name, request.place):
        other = store.requests.get(number)
        if other is None or number == request.number:
            continue
        theirs = opened(other).bills()
        if theirs is not None and mine.overlaps(theirs):
            verb = "asks to bill" if other.state is State.WAITING else "is about to bill"
            found.append((number, f"{other.name} {verb} {theirs.words} too"))
    return found


def _by_request(found: Sequence[Effect]) -> list[tuple[int, list[Effect]]]:
    """Not what Zuora shows by itself: that stands on the card as the mail date."""
    kept = sorted(
        (each for each in found if not each.shown), key=lambda each: (each.request, each.how)
    )
    return [
        (number, list(same))
        for (number, _), same in groupby(kept, key=lambda each: (each.request, each.how))
    ]


def _name(same: Sequence[Effect]) -> str:
    if len({each.call for each in same}) == 1 and same[0].way != "document":
        return same[0].call
    return same[0].what if len(same) == 1 else count(len(same), "of these", "of these")


def _words(number: int, same: Sequence[Effect]) -> tuple[Part, ...]:
    one, name = same[0], f"R-{number}"
    which = _some([each.number for each in same if each.number]) or one.call
    when: tuple[Part, ...] = (" ", Moment(one.at)) if one.at else ()
    match one.how:
        case Certainty.OPEN:
            return (f"{name} asks to mail {which} too",)
        case Certainty.UNDER_WAY:
            return (f"⚠ {name} is mailing {which} just now",)
        case Certainty.UNKNOWN:
            return (f"⚠ {name} may have mailed {which}", *when, "; its outcome is not known")
        case Certainty.FORGOTTEN:
            copy = "before an older copy of the database was put back; look in Zuora first"
            return (f"⚠ {name} may have mailed {which} {copy}",)
        case Certainty.DENIED:
            return (
                f"⚠ {name} went out for {which}", *when, "; ", Mention(one.by),
                f" recorded that it did not go through{_seen(one)}. If it did, this mails them again",
            )  # fmt: skip
        case Certainty.OUT:
            by: tuple[Part, ...] = (
                (", as ", Mention(one.by), f" recorded{_seen(one)}") if one.by else ()
            )
            return (f"⚠ {name} already mailed {which}", *when, *by, "; this mails them again")


def _seen(one: Effect) -> str:
    return f" (“{shortened(one.note, LONGEST_NOTE)}”)" if one.note else ""
