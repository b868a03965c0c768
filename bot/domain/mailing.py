"""Which documents a call can mail, and what is known about that: the rules for a second mail. No I/O."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Literal, NamedTuple

from bot.domain.call import Verdict
from bot.domain.request import State
from bot.domain.words import in_minutes

Way = Literal["run", "document", "posting", "auto"]
NOT_SHOWN = "?"
"""Stands for a mail date that cannot be read; it proves nothing."""


class Reached(NamedTuple):
    """A document, with what matters for not mailing it twice.

    Attributes:
        account: The number of its account.
        run: Number of the bill run that made it; empty if not known.
        shown: The mail date that Zuora shows, as text; empty: none, `NOT_SHOWN`: it cannot be read.
    """

    number: str
    id: str
    account: str
    run: str = ""
    status: str = ""
    shown: str = ""


class Mailing(NamedTuple):
    """A document that a call can mail; if the number is empty, every document of a run.

    Attributes:
        call: The subject of the call: the bill run, or the document itself.
        way: `document` for an order to mail it alone, `run` for one to mail its run, `posting` where posting
            mails, `auto` where a run posts and mails itself.
        account: The number of its account.
        run, shown: As in `Reached`.
    """

    call: str
    way: Way
    number: str
    id: str
    account: str
    run: str
    shown: str


class ByItself(NamedTuple):
    """A bill run, or a document, that Zuora mails when it is posted, without an order.

    Attributes:
        what: Its number.
        posted_at: When it was posted, aware UTC; None: not yet, or not known.
    """

    what: str
    posted_at: datetime | None

    def may_come(self, now: datetime, guard: timedelta) -> bool:
        """Return whether Zuora may still mail, or still show that it did."""
        return self.posted_at is None or now - self.posted_at < guard


def is_shown(before: str, now: str) -> bool:
    """Return whether Zuora now shows a mail that it did not show before; both as `Reached.shown`."""
    return now not in (before, "") and NOT_SHOWN not in (before, now)


@unique
class Certainty(StrEnum):
    """How certain it is that another request mails a document."""

    OPEN = "open"  # asked for, and not begun
    UNDER_WAY = "under way"  # planned, out, or to be repeated
    UNKNOWN = "unknown"  # it went out, and its answer was lost
    FORGOTTEN = "forgotten"  # it was open in an older copy of the database that was put back
    OUT = "out"  # Zuora accepted it
    DENIED = "denied"  # its answer was lost, and a person recorded that it did not go through


class Effect(NamedTuple):
    """What another request did, may have done, or is about to do to a document.

    Attributes:
        at: When it went out last; of a posting, when that ended. None: it did not go out.
        changed: The history's sequence when the call changed last.
        shown: Whether Zuora shows a mail that it did not show before that call.
        by: Slack id of the person who recorded the outcome; empty if Zuora showed it.
        note: What that person saw, and where.
    """

    request: int
    call: str
    way: Way
    number: str
    how: Certainty
    at: datetime | None
    changed: int
    shown: bool
    by: str = ""
    note: str = ""

    @property
    def what(self) -> str:
        """Return `INV00000012`, or `BR-00000001 (with INV00000012)`."""
        return self.call if self.number in ("", self.call) else self.within

    @property
    def within(self) -> str:
        """Return the document and the run that is mailed with it."""
        return f"{self.call} (with {self.number})"

    def may_come(self, now: datetime, guard: timedelta) -> bool:
        """Return whether Zuora may still show that it mailed; it may where no time is known."""
        return not self.shown and (self.at is None or now - self.at < guard)


MAYBE_MAILED = (
    Certainty.UNDER_WAY,
    Certainty.UNKNOWN,
    Certainty.FORGOTTEN,
    Certainty.OUT,
    Certainty.DENIED,
)
NOT_OVER = (Certainty.UNDER_WAY, Certainty.UNKNOWN)


def certainty(
    state: State,
    way: Way,
    verdict: Verdict | None,
    tries: int | None,
    by: str,
    *,
    forgotten: bool = False,
) -> Certainty | None:
    """Return what another request's call means for the documents that it can mail; None: nothing.

    Args:
        state: Of its request.
        way: How it would mail.
        verdict: Of the call.
        tries: How often the call went out; None: no call is planned.
        by: Who recorded its outcome by hand.
        forgotten: Whether it was open in an older copy of the database that was put back, so that
            nothing here will ever show how it ended.
    """
    if forgotten and verdict not in (Verdict.ACCEPTED, Verdict.REFUSED):
        return Certainty.FORGOTTEN
    match verdict:
        case Verdict.ACCEPTED:
            follows = way in ("posting", "auto") and state is State.RUNNING
            return Certainty.UNDER_WAY if follows else Certainty.OUT
        case Verdict.LOST:
            return Certainty.UNKNOWN
        case Verdict.REFUSED:
            return Certainty.DENIED if by else None
        case _:
            pass
    is_out = bool(tries) and verdict is None
    if state in (State.WAITING, State.APPROVED) and not is_out:
        return Certainty.OPEN
    goes_on = is_out or state in (State.RUNNING, State.UNKNOWN)
    return Certainty.UNDER_WAY if goes_on else None


def why_not(
    effects: Sequence[Effect], *, asked: int, again: bool, now: datetime, guard: timedelta
) -> str:
    """Return why a request must not begin; empty: it may.

    Args:
        effects: What other requests do to the same documents.
        asked: The history's sequence when it was asked for.
        again: Whether it was asked for as *mail again*.
        now: The moment, aware UTC.
        guard: How long Zuora may take to show a mail.
    """
    for one in effects:
        name = f"R-{one.request}"
        if one.how in NOT_OVER:
            return (
                f"{name} has an order for {one.what} under way, and its outcome is not known "
                f"yet. Wait until {name} has ended, then ask again if it is still needed."
            )
        if one.how in MAYBE_MAILED and one.changed >= asked:
            what = f"Zuora has meanwhile accepted the mail of {one.what} for {name}"
            if one.how is Certainty.FORGOTTEN:
                what = f"{name} may have mailed {one.what} before an older copy was put back"
            if one.how is Certainty.DENIED:
                what = f"Somebody has meanwhile recorded the outcome of {name} for {one.what}"
            if one.way in ("posting", "auto"):
                what = f"{name} has meanwhile posted {one.what}, which may have mailed it"
            return f"{what}."
    return "" if again else too_soon(effects, now=now, guard=guard)


def in_the_way(
    effects: Sequence[Effect], *, asked: int, again: bool, now: datetime, guard: timedelta
) -> tuple[Effect, ...]:
    """Return everything that keeps a request from beginning, judged as in `why_not`."""
    return tuple(
        one
        for one in effects
        if one.how in NOT_OVER
        or (one.how in MAYBE_MAILED and one.changed >= asked)
        or (not again and one.how in MAYBE_MAILED and one.may_come(now, guard))
    )


def not_reached(
    mine: Sequence[Mailing], effects: Sequence[Effect], runs: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the numbers of the documents that none of these effects, runs or postings can have mailed.

    Returns none if one of the effects is a whole run whose documents are not known.
    """
    if any(not one.number for one in effects):
        return ()
    reached = {*(one.number for one in effects), *runs}
    return tuple(
        each.number
        for each in mine
        if each.number and each.number not in reached and each.run not in runs
    )


def too_soon(effects: Sequence[Effect], *, now: datetime, guard: timedelta) -> str:
    """Return why these documents may not be mailed now: Zuora may not show yet that they were."""
    for one in effects:
        if one.how not in NOT_OVER and one.how in MAYBE_MAILED and one.may_come(now, guard):
            free_at = (one.at or now) + guard
            minutes = int(guard.total_seconds()) // 60
            has = (
                f"has ordered the mails of {one.what} in the last {minutes} minutes, or is about to"
            )
            if one.how is Certainty.FORGOTTEN:
                has = (
                    f"may have mailed {one.what} before an older copy of the database was put back"
                )
            return (
                f"R-{one.request} {has}. Zuora marks documents "
                "as mailed only later, so a second order now could mail customers twice. "
                f"Ask again after {in_minutes(free_at)}, or now with “Mail them again” ticked."
            )
    return ""


def too_soon_after_a_copy(put_back: datetime | None, *, now: datetime, guard: timedelta) -> str:
    """Return why nothing may be mailed now: it is not known what was mailed after the copy was made.

    Args:
        put_back: When work went on with an older copy of the database; None: never.
        now: The moment.
        guard: How long Zuora may take to show a mail.
    """
    if put_back is None or now - put_back >= guard:
        return ""
    return (
        f"An older copy of the database was put back on {in_minutes(put_back)}, and Zuora may not show "
        "yet what was mailed after that copy was made, so an order now could mail customers twice. "
        f"Ask again after {in_minutes(put_back + guard)}, or now with “Mail them again” ticked."
    )


def too_soon_by_itself(runs: Sequence[ByItself], *, now: datetime, guard: timedelta) -> str:
    """Return why documents of these runs may not be mailed now: Zuora may be mailing them by itself right now."""
    for what, posted_at in (each for each in runs if each.may_come(now, guard)):
        if posted_at is None:
            return (
                f"Zuora mails {what} by itself once it is posted, and does not say when that was, so "
                "an order now could mail customers twice. Look in Zuora to see who has the mail, and ask "
                "for the others by number, with “Mail them again” ticked."
            )
        return (
            f"Zuora posted {what} on {in_minutes(posted_at)} and mails it by itself. It marks documents "
            "as mailed only later, so an order now could mail customers twice. Ask again after "
            f"{in_minutes(posted_at + guard)}, or now with “Mail them again” ticked."
        )
    return ""
