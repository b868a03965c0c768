"""The one place that says what a request does next, from what is stored alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.call import Call, Verdict
from bot.domain.request import Request, State

PATIENCE = timedelta(hours=23)
"""How long after its approval a request may still be sent, whatever held it up: Zuora or the bot.

Zuora forgets an `Idempotency-Key` after 24 hours (guide *Idempotent requests*). So nothing is ever
sent under a key that may be forgotten, and nobody is surprised by an approval of days ago.
"""

SETTLE_LOOKS = 12
"""How often a lost answer is looked for by itself before only a person can settle it."""


@dataclass(frozen=True, slots=True)
class Expire:
    """Nobody decided in time."""


@dataclass(frozen=True, slots=True)
class Remind:
    """Tell those who may decide, and have not, that the request waits for them."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Read the facts again; stop if they differ from what was approved, else plan the calls."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send these calls, none of which can have taken effect yet."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Follow:
    """Look once at what an accepted call began."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """Every call has its answer: say how it ended."""


@dataclass(frozen=True, slots=True)
class Lose:
    """These calls went out and nobody knows what became of them: say so loudly."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Settle:
    """Look in Zuora for what became of the lost calls."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do before `until`; None: nothing until a person moves it."""

    until: datetime | None


Step = Expire | Remind | Begin | Send | Follow | Conclude | Lose | Settle | Rest


def next_step(
    request: Request, calls: Sequence[Call], now: datetime, *, follows: bool = False
) -> Step:
    """What the request does next.

    Args:
        request: As stored.
        calls: All its calls, as stored. A call that is under way in this process must not be asked
            about: whoever works on a request holds it until it is written what came of it.
        now: The moment, aware UTC.
        follows: Whether its operation looks at what an accepted call began until that ends.
    """
    match request.state:
        case State.WAITING:
            return _waiting(request, now)
        case State.APPROVED:
            return Begin()
        case State.RUNNING:
            return _running(calls, follows=follows)
        case State.UNKNOWN:
            lost = tuple(call for call in calls if call.is_lost)
            return Settle(lost) if request.looks < SETTLE_LOOKS else Rest(None)
        case _:
            return Rest(None)


def _waiting(request: Request, now: datetime) -> Step:
    if now >= request.expires_at:
        return Expire()
    reminder = request.next_reminder_at
    return Remind() if reminder and now >= reminder else Rest(request.waits_until)


def _running(calls: Sequence[Call], *, follows: bool) -> Step:
    unanswered = tuple(call for call in calls if call.is_under_way)
    if unanswered:  # only a process that died leaves such a row behind
        return Lose(unanswered)
    outstanding = tuple(call for call in calls if call.is_open)
    if outstanding:
        return Send(outstanding)
    began = follows and all(call.verdict is Verdict.ACCEPTED for call in calls)
    return Follow() if began else Conclude()


def conclusion(calls: Sequence[Call]) -> State:
    """How a request ended whose calls all have their answer: the worst of them tells."""
    verdicts = {call.verdict for call in calls}
    if Verdict.LOST in verdicts:
        return State.UNKNOWN
    return State.FAILED if Verdict.REJECTED in verdicts else State.SUCCEEDED


def pause(looks: int, first: timedelta) -> timedelta:
    """The pause before the next try: it doubles, up to ten minutes."""
    return min(first * (1 << min(looks, 12)), timedelta(minutes=10))


def pause_between_looks(looks: int, first: timedelta) -> timedelta:
    """The pause before the next look at something that is followed: half as long again, up to 5 min.

    From 5 s on, a run of 6 hours takes some 80 looks and a day some 300, of the 10,000 calls a day
    that Zuora grants an API sandbox.
    """
    return min(first * 1.5 ** min(looks, 20), timedelta(minutes=5))
