"""Nothing is done twice at the same time, and no customer is mailed twice in quick succession.

What else reaches the same documents is one question, `effects_of`; everybody asks it.
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

    In a transaction where it counts.

    Args:
        store: The database.
        mailings: The documents, as they were read just now.
        number: The request that asks, which does not stand in its own way; 0 for one to be made.
        place: Where in the tenant it acts, as `Place.key`.
    """
    return tuple(store.mailings.effects(mailings, not_of=number, place=place)) if mailings else ()


class Reach(NamedTuple):
    """What others do to the documents that a request can mail; for a large run, read once.

    Attributes:
        mails: Whether its calls are orders to mail, as `mails` has it.
        others: As `effects_of` found them.
    """

    mails: bool
    others: tuple[Effect, ...]


async def reach_to_be(store: Store, mine: Sequence[Mailing], place: str) -> Reach:
    """Return it for a request that is about to be made.

    Args:
        store: The database, which is asked in parts: others go on meanwhile.
        mine: Its documents.
        place: Where in the tenant it acts, as `Place.key`.
    """
    found = []
    for part in store.mailings.effects_in_parts(mine, not_of=0, place=place):
        found.append(part)
        await store.turns.one_by_one()
    return Reach(mails(mine), tuple(merged(found)))


def reach_of(store: Store, request: Request) -> Reach:
    """Return it for a request on record."""
    others = store.mailings.effects_of(request.number, request.place)
    return Reach(store.mailings.by_order(request.number), tuple(others))


def mails(mailings: Sequence[Mailing]) -> bool:
    """Return whether the calls are orders to mail: a mail keeps nothing from being posted or billed."""
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
        """Return why these documents may not be asked for now, by anybody, and which of them still may.

        Empty where all of them may.

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

    def why_not_begin(self, order: Order[Any, Any], request: Request, now: datetime) -> str:
        """Return why an approved request must not begin; empty if it may.

        Two requests that were approved within seconds both read the facts before either has changed
        them, so comparing facts does not tell them apart, and of memos Zuora never shows a mail. To be
        asked inside the transaction in which it begins, when it stands there what it can mail.

        Args:
            order: With the facts of now.
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
            return why or outstanding(self.store, order.subjects(), request)
        return under_way(self.store, order.subjects(), request)

    def others_of(self, request: Request, now: datetime) -> tuple[str, ...]:
        """Return the numbers of the documents of a stopped request that no other request has reached.

        Empty where it was not stopped because others had, or where no document is left.
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
        """Return why Zuora may have mailed what no request of this database did, and not show it yet."""
        resumed = self.store.history.last_of(What.RESUMED)
        return too_soon_after_a_copy(resumed.at if resumed else None, now=now, guard=self.span)

    def _mailing(self, runs: Sequence[ByItself], at: datetime) -> frozenset[str]:
        """Return the runs whose documents Zuora may be mailing by itself right now."""
        return frozenset(each.run for each in runs if each.may_come(at, self.span))

    def proved_by_no_mail(self, calls: Sequence[Call], request: Request) -> frozenset[str]:
        """Return the subjects of lost calls for which a mail that Zuora shows later may be another one.

        That of another request, or of the run by itself, which went out shortly before and was not
        shown yet: only *mail again* is sent then.
        """
        runs = opened(request).mailed_by_zuora()
        stored = self.store.mailings.of(request.number)
        mine = [each for each in stored if each.way in ("run", "document")]
        found = set()
        for call in calls:
            its = [each for each in mine if each.call == call.subject]
            at = call.first_sent_at
            if at is not None and (
                any(each.run in self._mailing(runs, at) for each in its)
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
    """Return why its calls must not go out now: another request's call about the same has no answer yet.

    The same thing, or by whatever way the same documents.

    Args:
        store: The database.
        subjects: What its calls act on.
        request: Whose calls they are.
        how: What of another request stands in their way.
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
    """Return why its calls must not go out now: another request's call about the same thing has no answer yet."""
    call = store.calls.outstanding_about(subjects, not_of=request.number, place=request.place)
    if call is None:
        return ""
    return (
        f"R-{call.request} has an order for {call.subject} under way, and its outcome is not known "
        f"yet. Wait until R-{call.request} has ended, then ask again if it is still needed."
    )


def mailed_since(store: Store, calls: Sequence[Call], request: Request) -> dict[str, str]:
    """Return which calls must never go out again, each with why: another request has mailed since.

    Since this one was asked for another has mailed the same document, or may have; if the first try
    never came, a repetition would be a second mail.
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
    """Return whether it mails again what was or may have been mailed before, as far as Zuora or the bot knows."""
    if order.mails_again():
        return True
    return reach.mails and any(each.how in MAYBE_MAILED for each in reach.others)
