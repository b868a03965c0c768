"""The only place that decides what a request does next, from nothing but what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.call import Call, Verdict
from bot.domain.request import Request, State

PATIENCE = timedelta(hours=23)
"""How long after its approval a request may still be sent, whether Zuora or the bot held it up.

Zuora forgets an `Idempotency-Key` after 24 hours (guide *Idempotent requests*), and nothing may go out under
a key that Zuora may have forgotten. Nor should an approval from days ago surprise anybody.
"""

MOST_REPEATS = 6
"""How many times a call whose answer was lost is sent again under its own key, at most."""

SETTLE_LOOKS = 12
"""How many times the bot looks for a lost answer before it leaves it to people."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """The first of each kind of pause between calls to Zuora; later ones grow.

    Attributes:
        poll: Before the next look, or before trying again what was not done.
        again: Before a call whose answer was lost is sent again under its own key; None: it never is.
    """

    poll: timedelta
    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """Work taken over from another process, which may be only frozen or cut off.

    Attributes:
        at: When this process took over.
        patience: How long after that a call of the other process can still go out or be answered.
    """

    at: datetime
    patience: timedelta

    def ended(self, call: Call) -> datetime:
        """Return when a call that the other process sent is certainly over."""
        return min(call.sent_at or self.at, self.at) + self.patience


@dataclass(frozen=True, slots=True)
class Expire:
    """Let the request expire, because nobody decided in time."""


@dataclass(frozen=True, slots=True)
class Remind:
    """Remind those who may still decide or record that the request waits for them."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Read the facts again; stop if they differ from what was approved, or else plan the calls."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send these calls, none of which can have taken effect yet."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Send these calls, whose answers were lost, again under their own keys."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Follow:
    """Look once at what an accepted call started."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """Record how the request ended; every call has its answer."""


@dataclass(frozen=True, slots=True)
class Lose:
    """Mark these calls as lost and say so: they went out and their results are not known."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Settle:
    """Look in Zuora for the results of these lost calls."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class LeaveToPeople:
    """Leave the outcome to people, because reading Zuora has proved nothing."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Do nothing before `until`; None: nothing until a person moves it."""

    until: datetime | None


Step = (
    Expire
    | Remind
    | Begin
    | Send
    | Repeat
    | Follow
    | Conclude
    | Lose
    | Settle
    | LeaveToPeople
    | Rest
)


def next_step(
    request: Request,
    calls: Sequence[Call],
    now: datetime,
    *,
    follows: bool = False,
    again: timedelta | None = None,
    handover: Handover | None = None,
) -> Step:
    """Return what the request does next.

    Args:
        request: As stored.
        calls: All its calls, or as many as `Calls.in_brief` has. None of them may be under way in this process: a task
        holds its request until the answers are stored.
        now: The moment, aware UTC.
        follows: Whether its operation follows what an accepted call started until that ends.
        again: The first pause before a call whose answer was lost is sent again; None: it is not.
        handover: Set if this process took over from one that may be only frozen.
    """
    match request.state:
        case State.WAITING:
            return _waiting(request, now)
        case State.APPROVED:
            return Begin()
        case State.RUNNING:
            return _running(calls, now, follows=follows, again=again, handover=handover)
        case State.UNKNOWN:
            return _unknown(request, calls, now)
        case _:
            return Rest(None)


def _waiting(request: Request, now: datetime) -> Step:
    if now >= request.expires_at:
        return Expire()
    reminder = request.next_reminder_at
    return Remind() if reminder and now >= reminder else Rest(request.waits_until)


def _unknown(request: Request, calls: Sequence[Call], now: datetime) -> Step:
    reminder = request.next_reminder_at
    if reminder and now >= reminder:
        return Remind()
    if request.looks < SETTLE_LOOKS:
        return Settle(tuple(call for call in calls if call.is_lost))
    return LeaveToPeople() if request.looks == SETTLE_LOOKS else Rest(reminder)


def _running(
    calls: Sequence[Call],
    now: datetime,
    *,
    follows: bool,
    again: timedelta | None,
    handover: Handover | None,
) -> Step:
    unanswered = tuple(call for call in calls if call.is_under_way)
    if unanswered:  # only a process that died or is frozen leaves such a row
        until = None if handover is None else max(map(handover.ended, unanswered))
        return Lose(unanswered) if until is None or until <= now else Rest(until)
    outstanding = tuple(call for call in calls if call.is_open)
    if outstanding:
        return Send(outstanding)
    due_at = {call: at for call in calls if (at := repeat_at(call, now, again)) is not None}
    if due_at:
        due = tuple(call for call, at in due_at.items() if at <= now)
        return Repeat(due) if due else Rest(min(due_at.values()))
    began = follows and all(call.verdict is Verdict.ACCEPTED for call in calls)
    return Follow() if began else Conclude()


def repeat_at(call: Call, now: datetime, again: timedelta | None) -> datetime | None:
    """Return when a call whose answer was lost may be sent again under its own key; None: never.

    Only calls that Zuora keeps a key for are repeated, and only while it certainly still keeps it.
    The pause after each try gives that try time to end.

    Args:
        call: As stored.
        now: The moment. If it is before the last try, the clock was put back, and the key's age is
            not known.
        again: The first pause; None if nothing is sent again.
    """
    if again is None or call.verdict is not Verdict.LOST or call.no_more or not call.content:
        return None
    if call.sent_at is None or call.first_sent_at is None or now < call.sent_at:
        return None
    at = max(call.sent_at + pause(call.repeats, again), call.retry_at or call.sent_at)
    forgotten = call.first_sent_at + PATIENCE
    return at if call.repeats < MOST_REPEATS and max(at, now) < forgotten else None


def conclusion(calls: Sequence[Call]) -> State:
    """Return how a request ended whose calls all have answers; the worst answer counts."""
    verdicts = {call.verdict for call in calls}
    if Verdict.LOST in verdicts:
        return State.UNKNOWN
    return State.FAILED if Verdict.REFUSED in verdicts else State.SUCCEEDED


def pause(looks: int, first: timedelta) -> timedelta:
    """Return the pause before the next try; each is twice the one before, up to ten minutes."""
    return min(first * (1 << min(looks, 12)), timedelta(minutes=10))


def pause_between_looks(looks: int, first: timedelta) -> timedelta:
    """Return the pause before the next look at what is followed; each is half as long again, up to 5 minutes.

    Starting at 5 s, a run of 6 hours takes some 80 looks and a day some 300, of the 10,000 calls a day that
    Zuora grants an API sandbox.
    """
    return min(first * 1.5 ** min(looks, 20), timedelta(minutes=5))
