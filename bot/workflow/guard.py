"""Keeps anything from being done twice at once, and any customer from being mailed twice in quick succession.

What else reaches the same documents is one question, `effects_of`, and everything here asks it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bot.domain.call import Call
from bot.domain.history import What
from bot.domain.mailing import (
    MAYBE_MAILED,
    ByItself,
    Certainty,
    Effect,
    Mailing,
    Way,
    in_the_way,
    not_reached,
    too_soon,
    too_soon_after_a_copy,
    too_soon_by_itself,
    why_not,
)
from bot.domain.request import Request
from bot.domain.words import some
from bot.operations.catalog import opened
from bot.operations.operation import Order
from bot.store.mailings import merged
from bot.store.store import Store

SHOWN_OTHERS = 20
BY_ORDER: frozenset[Way] = frozenset({"run", "document"})
"""The ways that are orders to mail."""


def effects_of(
    store: Store, mailings: Sequence[Mailing], number: int, place: str
) -> tuple[Effect, ...]:
    """Return what other requests did, may have done, or are about to do to these documents.

    Must run in the transaction that depends on the answer.

    Args:
        store: The database.
        mailings: The documents as they were just read.
        number: The request that asks, which is left out; 0 for one that is not made yet.
        place: Where in the tenant it acts, as `Place.key`.
    """
    return tuple(store.mailings.effects(mailings, not_of=number, place=place)) if mailings else ()


class Reach(NamedTuple):
    """What others do to the documents that a request can mail; read once, because that takes long for a large run.

    Attributes:
        mails: Whether the request's calls are orders to mail, as the function `mails` judges.
        others: What `effects_of` found.
    """

    mails: bool
    others: tuple[Effect, ...]


async def reach_to_be(store: Store, mine: Sequence[Mailing], place: str) -> Reach:
    """Return the reach of a request that is about to be made.

    Args:
        store: The database, asked in parts so that others continue meanwhile.
        mine: Its documents.
        place: Where in the tenant it acts, as `Place.key`.
    """
    found = []
    for part in store.mailings.effects_in_parts(mine, not_of=0, place=place):
        found.append(part)
        await store.turns.one_by_one()
    return Reach(mails(mine), tuple(merged(found)))


async def look_for_others(store: Store, number: int) -> None:
    """Look in parts for others that reach the documents of a request, so that later it is known at once if there are none."""
    for _ in store.mailings.look_for_others(number):
        await store.turns.one_by_one()


def reach_of(store: Store, request: Request) -> Reach:
    """Return the reach of a stored request."""
    others = store.mailings.effects_of(request.number, request.place)
    return Reach(store.mailings.by_order(request.number), tuple(others))


def mails(mailings: Sequence[Mailing]) -> bool:
    """Return whether the calls are orders to mail; only for those does an earlier mail matter."""
    return any(each.way in BY_ORDER for each in mailings)


@dataclass(frozen=True, slots=True)
class Guard:
    """Keeps a customer from being mailed twice in quick succession, by any requests.

    Attributes:
        store: The database, with what was mailed.
        span: How long after a mail the same thing may not be mailed again without `resend`.
    """

    store: Store
    span: timedelta

    def mailed_lately(
        self, order: Order[Any, Any], mine: Sequence[Mailing], reach: Reach, now: datetime
    ) -> tuple[str, tuple[str, ...]]:
        """Return why nobody may ask to mail these documents now, and which of them may still be mailed.

        Both are empty if all of them may.

        Source: page *Email billing documents generated from a bill run*, on `resend`: two calls within
        a short period send duplicates, because Zuora marks documents as mailed only later.
        """
        if not reach.mails or order.is_repeat():
            return "", ()
        itself, found = order.mailed_by_zuora(), reach.others
        why = too_soon(found, now=now, guard=self.span)
        why = why or too_soon_by_itself(itself, now=now, guard=self.span)
        maybe = [one for one in found if one.how in MAYBE_MAILED]
        others = not_reached(mine, maybe, self._mailing(itself, now))
        copy = self._after_a_copy(now)
        if copy or not why or not others:
            return why or copy, ()
        said = f"{why} The others can be mailed by number now: {some(others, SHOWN_OTHERS)}."
        return said, others

    def why_not_begin(
        self, order: Order[Any, Any], subjects: Sequence[str], request: Request, now: datetime
    ) -> str:
        """Return why an approved request must not begin; empty if it may.

        Comparing facts is not enough: two requests that were approved within seconds both read them before either
        has changed them, and Zuora never shows a mail of a memo. Must run inside the transaction in which the
        request begins, once what it can mail is stored.

        Args:
            order: With the facts of now.
            subjects: Of the order; a list has 50,000.
            request: The request that is to begin.
            now: The moment, aware UTC.
        """
        if self.store.mailings.by_order(request.number):
            why = why_not(
                self.store.mailings.effects_of(request.number, request.place),
                asked=self.store.mailings.asked(request.number),
                again=order.is_repeat(),
                now=now,
                guard=self.span,
            )
            if not why and not order.is_repeat():
                itself = too_soon_by_itself(order.mailed_by_zuora(), now=now, guard=self.span)
                why = itself or self._after_a_copy(now)
            return why or outstanding(self.store, subjects, request)
        return under_way(self.store, subjects, request)

    def others_of(self, request: Request, now: datetime) -> tuple[str, ...]:
        """Return the numbers of a stopped request's documents that no other request has reached.

        Empty if others were not the reason why it stopped, or if no document is left.
        """
        order = opened(request)
        mine = [
            each
            for each in self.store.mailings.of(request.number)
            if each.way in ("run", "document")
        ]
        found = effects_of(self.store, mine, request.number, request.place)
        again = order.is_repeat()
        stopping = in_the_way(
            found,
            asked=self.store.mailings.asked(request.number),
            again=again,
            now=now,
            guard=self.span,
        )
        itself = () if again else self._mailing(order.mailed_by_zuora(), now)
        if not stopping and not itself:
            return ()
        mailed = stopping if again else [one for one in found if one.how in MAYBE_MAILED]
        return not_reached(mine, mailed, itself)

    def _after_a_copy(self, now: datetime) -> str:
        """Return why nothing may be mailed now after an older copy of the database was put back; empty: it may."""
        history = self.store.history
        resumed = history.last_of(What.RESUMED)
        at = history.at_the_latest(resumed, now) if resumed else None
        return too_soon_after_a_copy(at, now=now, guard=self.span)

    def _mailing(self, runs: Sequence[ByItself], at: datetime) -> frozenset[str]:
        """Return the runs, and the documents of none, that Zuora may be mailing by itself right now."""
        return frozenset(each.what for each in runs if each.may_come(at, self.span))

    def proved_by_no_mail(self, calls: Sequence[Call], request: Request) -> frozenset[str]:
        """Return the subjects of lost calls for which a mail in Zuora proves nothing, because it may be another one.

        Another request, the run by itself, or somebody in Zuora may have mailed shortly before without Zuora showing
        it yet.
        """
        order = opened(request)
        runs, by_others = order.mailed_by_zuora(), order.mailed_by_others()
        stored = self.store.mailings.of(request.number)
        mine = [each for each in stored if each.way in ("run", "document")]
        found = set()
        for call in calls:
            its = [each for each in mine if each.call == call.subject]
            at = call.first_sent_at
            if at is None or (
                any({each.run, each.number} & (by_others | self._mailing(runs, at)) for each in its)
                or any(
                    one.how in MAYBE_MAILED and one.may_come(at, self.span)
                    for one in effects_of(self.store, its, request.number, request.place)
                )
            ):
                found.add(call.subject)
        return frozenset(found)


def under_way(
    store: Store,
    subjects: Sequence[str],
    request: Request,
    how: Collection[Certainty] = (Certainty.UNDER_WAY,),
) -> str:
    """Return why its calls must not go out now; empty: they may.

    They may not while another request's call about the same thing, or one that reaches the same documents in any
    way, has no answer yet.

    Args:
        store: The database.
        subjects: What its calls act on.
        request: Whose calls they are.
        how: Which effects of another request count.
    """
    its = frozenset(subjects)
    mine = [each for each in store.mailings.of(request.number) if each.call in its]
    for one in effects_of(store, mine, request.number, request.place):
        if one.how in how:
            return (
                f"R-{one.request} has an order for {one.what} under way, and its outcome is not known "
                f"yet. Wait until R-{one.request} has ended, then ask again if it is still needed."
            )
    return outstanding(store, subjects, request)


def outstanding(store: Store, subjects: Sequence[str], request: Request) -> str:
    """Return why its calls must not go out now, because another request's call about the same thing is unanswered."""
    call = store.calls.outstanding_about(subjects, not_of=request.number, place=request.place)
    if call is None:
        return ""
    return (
        f"R-{call.request} has an order for {call.subject} under way, and its outcome is not known "
        f"yet. Wait until R-{call.request} has ended, then ask again if it is still needed."
    )


def mailed_since(store: Store, calls: Sequence[Call], request: Request) -> dict[str, str]:
    """Return which lost calls must never go out again because another request has mailed since, each with why.

    If another request has mailed the same document since this one was asked for, and the first try never arrived, a
    repetition would be a second mail.
    """
    lost = {call.subject for call in calls}
    mine = [each for each in store.mailings.of(request.number) if each.call in lost]
    asked = store.mailings.asked(request.number)
    found: dict[str, str] = {}
    for one in effects_of(store, mine, request.number, request.place):
        if one.how in (Certainty.OUT, Certainty.DENIED) and one.changed >= asked:
            why = f"R-{one.request} has an order for {one.what} that went out meanwhile"
            same = {each.call for each in mine if each.number == one.number or not one.number}
            found |= dict.fromkeys(same, why)
    return found


def mailed_before(order: Order[Any, Any], reach: Reach) -> bool:
    """Return whether it mails what was or may have been mailed before, as far as Zuora or the bot knows."""
    if order.mails_again():
        return True
    return reach.mails and any(each.how in MAYBE_MAILED for each in reach.others)
