"""Words on what other requests do about the same things, and on last time's figures."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from bot.cards import lines
from bot.cards.at_stake import ESTIMATE, NOT_IN_TIME, not_theirs
from bot.cards.buttons import NOT_DONE
from bot.cards.card import card_edit
from bot.cards.facts import ASKED_AGAIN
from bot.cards.fitting import LONGEST_REASON
from bot.domain.mailing import Certainty, Effect
from bot.domain.message import Message
from bot.domain.money import Money
from bot.domain.request import Request, State
from bot.domain.words import Line, Mention, Moment, Part, count, line, listed, named, some
from bot.operations.beginning import Estimated
from bot.operations.catalog import OPERATIONS, can_be_read, opened
from bot.operations.kinds import KindTotals, money_of
from bot.operations.operation import LastTime, Order
from bot.operations.progress import Progress
from bot.store.engine import Question, answered
from bot.store.requests import OpenAbout
from bot.store.store import Store
from bot.workflow.guard import Reach

SHOWN_SUBJECTS = 3
SHOWN_REQUESTS = 2
SAID_IN_TIMES = 10
"""From this factor on a comparison is in times, because nobody reads +1,094,400 %."""

AGAINST = "Against last time"
"""The label of the comparison with the last request of its kind."""


def also_open(
    request: Request,
    about: Sequence[OpenAbout],
    others: Sequence[Effect],
    *,
    without: int | None,
) -> list[Message]:
    """Return a line for each open request of any operation that acts on some of the same things.

    Args:
        request: The new request.
        about: The open requests that act on the same, as `Requests.open_about` has them.
        others: What other requests do to its documents.
        without: Number of the request that it replaces, which is left out.
    """
    named = {number for number, _, _ in about}
    found = [*about] + [
        (one.request, "mail", one.number or one.call)
        for one in others
        if one.how is Certainty.OPEN and one.request not in named
    ]
    return [
        lines.reply(
            request,
            f"R-{number} ({kind.replace('_', ' ')}) is also open for "
            f"{some([subject for _, _, subject in same], SHOWN_SUBJECTS)}.",
        )
        for (number, kind), same in groupby(sorted(found), key=lambda row: row[:2])
        if number not in (without, request.number)
    ]


def mailed_by_the_bot(request: Request, others: Sequence[Effect]) -> list[Message]:
    """Return a line for each request that mailed some of it; Zuora may not show that yet (for memos, never)."""
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
    """Return edits of the cards of waiting requests about the same documents or accounts."""
    numbers = sorted(
        {one.request for one in others if one.how is Certainty.OPEN}
        | {number for number, _ in _billing_too(store, request, order)}
    )
    waiting = [store.requests.get(number) for number in numbers[-SHOWN_REQUESTS:]]
    return [card_edit(each) for each in waiting if each is not None]


def beside(
    store: Store, request: Request, reach: Reach | None = None, without: int | None = None
) -> tuple[Line, ...]:
    """Return what the card shows besides the request itself.

    While it waits, that is what other requests do to the same documents, and last time's figures. Afterwards it is who
    denies a decision, and which requests ask again.

    Args:
        store: The database.
        request: As it is now.
        reach: Which documents, and what the others do, if that was just read.
        without: Number of the request that it replaces, which is left out.

    Raises:
        UnreadableError: It waits, and its order cannot be read.
    """
    if request.state is not State.WAITING:
        return (
            *_estimated(store, request),
            *denied(store, request),
            *asked_again(store, request),
        )
    order, number, place = opened(request), request.number, request.place
    others, words, made = store.at_once(
        store.mailings.what_others_do(number, place) if reach is None else answered(reach.others),
        store.estimates.result(number),
        _last_time(store, request),
    )
    found = [each for each in _by_request(others) if each[0] != without]
    rest = len(found) - SHOWN_REQUESTS
    billing = [each for each in _billing_too(store, request, order) if each[0] != without]
    return (
        *(line("Also", words) for _, words in billing[-SHOWN_REQUESTS:]),
        *(line("Also", *_words(number, same)) for number, same in found[:SHOWN_REQUESTS]),
        *([line("Also", f"{count(rest, 'more request')} for the same")] if rest > 0 else []),
        *([line(ESTIMATE, words)] if words else []),
        *_against(request, made),
    )


def _estimated(store: Store, request: Request) -> tuple[Line, ...]:
    """Return the estimate that arrived after the request was made, or that none arrived in time."""
    if not issubclass(OPERATIONS.get(request.operation, Order), Estimated):
        return ()
    if words := store.estimates.of(request.number):
        return (line(ESTIMATE, words),)
    if request.state is State.WAITING:
        return ()
    order = opened(request)
    foreseen = isinstance(order, Estimated) and order.foresees()
    return (line(ESTIMATE, NOT_IN_TIME),) if foreseen else ()


def denied(store: Store, request: Request) -> tuple[Line, ...]:
    """Return who says that a decision in their name was not theirs; a request that waits is stopped by that."""
    found = store.history.denied_decisions(request.number)
    return not_theirs((each.entry.who, each.entry.what) for each in found)


def asked_again(store: Store, request: Request) -> tuple[Line, ...]:
    """Return which requests ask again for what was not done of one that ended."""
    found = store.requests.continuing(request.number) if request.state in NOT_DONE else []
    return (line(ASKED_AGAIN, f"as {listed([f'R-{each}' for each in found])}"),) if found else ()


def _billing_too(store: Store, request: Request, order: Order[Any, Any]) -> list[tuple[int, str]]:
    """Return the open requests that bill some of the same accounts, or may, each with its number and a sentence."""
    mine = order.bills()
    if mine is None:
        return []
    found = []
    for number in store.requests.open_of(order.name, request.place):
        if number == request.number:
            continue
        other = store.requests.get(number)
        if other is None or not can_be_read(other):
            may = f"⚠ R-{number} cannot be read, so it may bill some of the same accounts"
            found.append((number, may))
            continue
        theirs = opened(other).bills()
        if theirs is not None and mine.overlaps(theirs):
            verb = "asks to bill" if other.state is State.WAITING else "is about to bill"
            found.append((number, f"{other.name} {verb} {theirs.words} too"))
    return found


def _by_request(found: Sequence[Effect]) -> list[tuple[int, list[Effect]]]:
    """Return the effects by request, waiting ones last, without those that Zuora shows: the card has their mail date."""

    def place(each: Effect) -> tuple[bool, int, Certainty]:
        return each.how is Certainty.OPEN, each.request, each.how

    kept = sorted((each for each in found if not each.shown), key=place)
    return [(number, list(same)) for (_, number, _), same in groupby(kept, key=place)]


def _name(same: Sequence[Effect]) -> str:
    if len({each.call for each in same}) == 1 and same[0].way != "document":
        return same[0].call
    return same[0].what if len(same) == 1 else count(len(same), "of these", "of these")


def _words(number: int, same: Sequence[Effect]) -> tuple[Part, ...]:
    one, name = same[0], f"R-{number}"
    numbers = [each.number for each in same if each.number]
    which, them = some(numbers, SHOWN_SUBJECTS) or one.call, "them" if len(numbers) > 1 else "it"
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
                f" recorded that it did not go through{_seen(one)}. If it did, this mails {them} again",
            )  # fmt: skip
        case Certainty.OUT:
            by: tuple[Part, ...] = (
                (", as ", Mention(one.by), f" recorded{_seen(one)}") if one.by else ()
            )
            return (f"⚠ {name} already mailed {which}", *when, *by, f"; this mails {them} again")


def _seen(one: Effect) -> str:
    return f" (“{named(one.note, LONGEST_REASON)}”)" if one.note else ""


def _last_time(store: Store, request: Request) -> Question[Request | None]:
    """Ask for the request that this one is compared with.

    To mail or post a run is compared with the last other run that was mailed or posted; to create one, with the last
    that billed the same.
    """
    match OPERATIONS[request.operation].last_time:
        case LastTime.WHAT_IT_BILLED:
            before = store.requests.last_like(request, same_subject=True)
            return before.then(lambda found: _of_its_run(store, found) if found else None)
        case LastTime.ANOTHER:
            return store.requests.last_like(request, same_subject=False)
        case None:
            return answered(None)


def _against(request: Request, made: Request | None) -> tuple[Line, ...]:
    """Return `+4 % (BR-00000381, 31 Oct: USD 1,158,002.10 (289 invoices))`; nothing without a last time.

    The percentage is left out unless both have one currency, the same.
    """
    if made is None or not can_be_read(made) or not (then := opened(made).kinds()):
        return ()
    share = _share(opened(request).kinds(), then)
    opening, closing = (f"{share} (", ")") if share else ("", "")
    at = Moment(made.created_at)
    return (line(AGAINST, f"{opening}{made.subject}, ", at, f": {money_of(then)}{closing}"),)


def _of_its_run(store: Store, created: Request) -> Request | None:
    """Return the newest request that posted or mailed the run which another request created."""
    number = Progress.of(created).number
    found = (store.requests.get(each) for each in store.status.about(number, 10) if number)
    return next((each for each in found if each is not None and _is_of_a_run(each)), None)


def _is_of_a_run(request: Request) -> bool:
    """Return whether all its documents come from one run, so that it can be compared with another."""
    known = OPERATIONS.get(request.operation)
    return known is not None and known.last_time is LastTime.ANOTHER


def _share(now: Sequence[KindTotals], then: Sequence[KindTotals]) -> str:
    """Return `+4 %`, or `about 12 times as much`; empty if the two cannot be compared."""
    one, other = _total(now), _total(then)
    if one is None or other is None or one.currency != other.currency or not other.amount:
        return ""
    times = one.amount / other.amount
    if times >= SAID_IN_TIMES:
        return f"about {int(Decimal(f'{times:.2g}')):,} times as much"
    return f"{(one.amount - other.amount) / abs(other.amount):+,.0%}".replace("%", " %")


def _total(kinds: Sequence[KindTotals]) -> Money | None:
    """Return the total less credit memos; None if an amount is not known or there are several currencies."""
    currencies = {money.currency for kind in kinds for money in kind.totals}
    if len(currencies) != 1 or any(kind.not_known for kind in kinds):
        return None
    total = Decimal(0)
    for kind in kinds:
        amount = sum((money.amount for money in kind.totals), Decimal(0))
        total += -abs(amount) if kind.kind == "credit_memo" else amount
    return Money(currencies.pop(), total)
